//! The policy file as it is written: every key of the contract, with its default. Checked in `mod.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) okta: Okta,
    pub(super) groups: Groups,
    #[serde(default)]
    pub(super) identity_center: IdentityCenter,
    #[serde(default)]
    pub(super) users: Users,
    #[serde(default)]
    pub(super) writes: Writes,
    #[serde(default)]
    pub(super) assignment: Vec<Spanned<crate::assignments::RuleText>>,
    #[serde(default)]
    pub(super) guard: Guard,
    #[serde(default)]
    pub(super) limits: Limits,
}

pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Okta {
    pub(super) org_url: Text,
    #[serde(default)]
    pub(super) former_hosts: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Groups {
    #[serde(rename = "match")]
    pub(super) matching: Spanned<Vec<Text>>,
    #[serde(default)]
    pub(super) exclude: Vec<Text>,
    #[serde(default)]
    pub(super) types: Option<Spanned<Vec<Text>>>,
    #[serde(default)]
    pub(super) app_id: Option<Text>,
    #[serde(default)]
    pub(super) adopt: super::Adopt,
    #[serde(default = "empty")]
    pub(super) on_deleted_in_okta: super::Disposal,
    #[serde(default = "release")]
    pub(super) on_unmatched: super::Disposal,
}

fn empty() -> super::Disposal {
    super::Disposal::Empty
}

fn release() -> super::Disposal {
    super::Disposal::Release
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct IdentityCenter {
    pub(super) region: String,
    pub(super) instance_arn: String,
    pub(super) identity_store_id: String,
    pub(super) assume_role_arn: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Users {
    pub(super) mode: Option<Spanned<UserMode>>,
    pub(super) user_name_from: Option<Text>,
    pub(super) entitled: Option<Vec<Text>>,
    pub(super) on_not_entitled: Option<Spanned<super::OnNotEntitled>>,
    pub(super) grace_hours: Option<Spanned<u32>>,
    pub(super) attributes: BTreeMap<Text, Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UserMode {
    External,
    Managed,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Writes {
    pub(super) mode: super::WriteMode,
    pub(super) transport: Option<Spanned<super::Transport>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Guard {
    pub(super) window_hours: Spanned<u32>,
    pub(super) max_membership_removals: u64,
    pub(super) max_assignment_removals: u64,
    pub(super) max_group_deletions: u64,
    pub(super) max_user_removals: u64,
    pub(super) max_leavers: u64,
    pub(super) max_percent: Spanned<f64>,
    pub(super) max_percent_of_group: Spanned<f64>,
    pub(super) min_population: u64,
    pub(super) max_assignment_additions: u64,
    pub(super) sensitive_permission_sets: Vec<String>,
    pub(super) protected_groups: Vec<Text>,
}

/// A default, which stands nowhere in the file.
fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            window_hours: unwritten(24),
            max_membership_removals: 100,
            max_assignment_removals: 20,
            max_group_deletions: 3,
            max_user_removals: 20,
            max_leavers: 50,
            max_percent: unwritten(2.0),
            max_percent_of_group: unwritten(50.0),
            min_population: 10,
            max_assignment_additions: 500,
            sensitive_permission_sets: Vec::new(),
            protected_groups: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) identity_store_tps: Spanned<f64>,
    pub(super) sso_admin_tps: Spanned<f64>,
    pub(super) scim_tps: Spanned<f64>,
    pub(super) max_assignments_in_flight: Spanned<u32>,
    pub(super) okta_rate_share: Spanned<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            identity_store_tps: unwritten(19.0),
            sso_admin_tps: unwritten(19.0),
            scim_tps: unwritten(19.0),
            max_assignments_in_flight: unwritten(10),
            okta_rate_share: unwritten(0.8),
        }
    }
}
