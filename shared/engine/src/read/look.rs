//! Looks for people who ask why: the same reads as a run's, and what was concluded from them. Nothing is ever written.

use std::collections::BTreeSet;

use sync_core::actual::ActualState;
use sync_core::desired::DesiredState;
use sync_core::ids::OktaGroupId;
use sync_core::reading::Reading;
use sync_core::resolve::resolve;
use sync_core::snapshot::OktaSnapshot;

use super::{ReadFailed, Reads, Targets, bad_records};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// What was read, and what should be.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What Okta said.
    pub okta: OktaSnapshot,
    /// What Identity Center reports.
    pub actual: ActualState,
    /// What should be.
    pub desired: DesiredState,
    /// What could not be read, and what a reader should know, in words.
    pub notes: Vec<String>,
}

/// Why nothing could be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookFailed(String);

impl From<ReadFailed> for LookFailed {
    fn from(error: ReadFailed) -> Self {
        Self(error.to_string())
    }
}

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// One user, by login or Okta id: their groups, their memberships, and what their groups give.
    ///
    /// # Errors
    /// [`LookFailed`] where a list without which nothing can be said was not read.
    pub async fn look_at_user(&self, name: &str) -> Result<Evidence, LookFailed> {
        let (users, missing) = self.find_users(&[name.to_owned()]).await?;
        let mut reads = self.read_targets(&Targets::of_users(users)).await?;
        reads.unresolved.extend(missing);
        let listed = reads.okta.user_groups.values().filter_map(Reading::known).flatten().cloned();
        let there = reads.actual.user_lists.values().filter_map(Reading::known).flat_map(std::collections::BTreeMap::keys);
        let groups: BTreeSet<OktaGroupId> = listed.chain(there.filter_map(|id| Some(reads.actual.mark(id)?.group.clone()))).collect();
        self.read_assignments(&mut reads, |id| groups.contains(id)).await;
        Ok(self.evidence(reads))
    }

    /// One group, by name or Okta id: its members and what it gives.
    ///
    /// # Errors
    /// [`LookFailed`] where a list without which nothing can be said was not read.
    pub async fn look_at_group(&self, name: &str) -> Result<(Evidence, BTreeSet<OktaGroupId>), LookFailed> {
        let (reads, groups) = self.read_named_groups(&[name.to_owned()]).await?;
        Ok((self.evidence(reads), groups))
    }

    /// All managed groups and what they give, without their members: one call to sso-admin for each group that rules speak of.
    ///
    /// # Errors
    /// [`LookFailed`] where a list without which nothing can be said was not read.
    pub async fn look_at_assignments(&self) -> Result<Evidence, LookFailed> {
        let mut reads = self.read_lists().await?;
        self.read_assignments(&mut reads, |_| true).await;
        Ok(self.evidence(reads))
    }

    /// The groups of Okta, and what the rules of the policy can name: permission sets and the organization. No assignment is read.
    ///
    /// # Errors
    /// [`LookFailed`] where Okta's groups were not read.
    pub async fn look_at_rules(&self) -> Result<Evidence, LookFailed> {
        let mut reads = Reads { began: self.clock.now(), ..Reads::default() };
        let listing = self.source.list_groups(None).await.map_err(ReadFailed::from)?;
        reads.okta.assigned = self.read_assigned().await?;
        reads.unresolved.extend(bad_records("Okta group", listing.bad));
        let seen = |group: sync_core::records::OktaGroup| (group.id.clone(), sync_core::snapshot::GroupSighting::Present(group));
        reads.okta.groups.extend(listing.items.into_iter().map(seen));
        if !self.policy.assignments.is_empty() {
            self.read_permission_sets(&mut reads).await;
            self.read_organization(&mut reads).await;
        }
        Ok(self.evidence(reads))
    }

    fn evidence(&self, reads: Reads) -> Evidence {
        let (desired, unresolved) = resolve(&reads.okta, &reads.actual, &self.policy);
        let said = |entry: sync_core::unresolved::Unresolved| {
            let name = if entry.name.is_empty() { String::new() } else { format!(" {}", entry.name) };
            format!("{}{name}: {}", entry.kind.as_str(), entry.reason)
        };
        let mut notes: BTreeSet<String> = unresolved.into_iter().chain(reads.unresolved).map(said).collect();
        notes.extend(reads.notes);
        Evidence { okta: reads.okta, actual: reads.actual, desired, notes: notes.into_iter().collect() }
    }
}
