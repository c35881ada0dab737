//! The policies under which histories go, each read once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use sync_core::policy::Policy;

use crate::history::{Disposal, Farewell, Setup};
use crate::model::EXCLUDED;

/// The small limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Memberships of those who are still there.
    pub(crate) memberships: usize,
    /// Users who left.
    pub(crate) leavers: usize,
    /// Groups deleted or released.
    pub(crate) groups: usize,
    /// Users disabled or deleted.
    pub(crate) users: usize,
}

/// The limits of the small budget.
pub(crate) const TIGHT: Limits = Limits { memberships: 1, leavers: 1, groups: 1, users: 1 };

/// The rules: what `AWS-000` and `AWS-b` give, and what others by the look of their names.
const RULES: &str = "
[[assignment]]
group = '^AWS-(000|b)$'
accounts = ['000000000001']
permission_sets = ['ReadOnly']
[[assignment]]
group = '^AWS-(000|c)$'
accounts = ['all']
permission_sets = ['Admin']
";

thread_local! {
    static POLICIES: RefCell<HashMap<String, Arc<Policy>>> = RefCell::default();
}

/// The policy of a history.
pub(crate) fn policy(setup: &Setup) -> Arc<Policy> {
    let text = text(setup);
    POLICIES.with_borrow_mut(|policies| {
        let parse = || Arc::new(Policy::parse(&text).unwrap_or_else(|error| unreachable!("the policies of histories are right: {error}")));
        Arc::clone(policies.entry(text.clone()).or_insert_with(parse))
    })
}

fn text(setup: &Setup) -> String {
    let disposal = |disposal| match disposal {
        Disposal::Empty => "empty",
        Disposal::Delete => "delete",
        Disposal::Release => "release",
    };
    let adopt = if setup.by_name { "by_name" } else { "by_external_id" };
    let guard = if setup.tight {
        let Limits { memberships, leavers, groups, users } = TIGHT;
        format!(
            "max_membership_removals = {memberships}\nmax_leavers = {leavers}\nmax_group_deletions = {groups}\nmax_percent = 0\n\
             max_assignment_removals = 1\nmax_assignment_additions = 2\nmin_population = 3\nmax_user_removals = {users}\n"
        )
    } else {
        "max_membership_removals = 1000\nmax_leavers = 1000\nmax_group_deletions = 1000\nmax_assignment_removals = 1000\n\
         max_percent_of_group = 100\nmax_user_removals = 1000\n"
            .to_owned()
    };
    format!(
        "[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n{}adopt = \"{adopt}\"\non_deleted_in_okta = \"{}\"\n\
         on_unmatched = \"{}\"\n[users]\n{}[writes]\ntransport = \"{}\"\n[guard]\n{guard}{}",
        if setup.excludes { format!("exclude = ['^{EXCLUDED}$']\n") } else { String::new() },
        disposal(setup.gone),
        disposal(setup.unmatched),
        users(setup),
        if setup.scim { "scim" } else { "identity_store" },
        if setup.rules { RULES } else { "" },
    )
}

fn users(setup: &Setup) -> String {
    let Some(managed) = &setup.managed else { return String::new() };
    let farewell = match managed.farewell {
        Farewell::Nothing => "remove_memberships",
        Farewell::Disable => "disable",
        Farewell::Delete => "delete",
    };
    format!("mode = \"managed\"\non_not_entitled = \"{farewell}\"\ngrace_hours = {}\n", managed.grace_hours)
}
