//! The policy, and what it was before.

use super::Stage;
use crate::history::{Farewell, PolicyChange};
use crate::model::Moment;
use crate::policies::policy;

impl Stage {
    /// Gives the runs that begin from now on another policy.
    pub(super) fn change_policy(&mut self, to: PolicyChange) {
        let now = self.now();
        let (scim, setup) = (self.setup.scim, &mut self.setup);
        match (to, &mut setup.managed) {
            (PolicyChange::Excludes(excludes), _) => setup.excludes = excludes,
            (PolicyChange::Rules(rules), _) => setup.rules = rules && self.has_organization,
            (PolicyChange::Gone(disposal), _) => setup.gone = disposal,
            (PolicyChange::Unmatched(disposal), _) => setup.unmatched = disposal,
            // No Identity Store API disables a user.
            (PolicyChange::Farewell(farewell), Some(managed)) if scim || farewell != Farewell::Disable => {
                managed.farewell = farewell;
                self.farewells.push((now, farewell));
            }
            (PolicyChange::Farewell(_), _) => {}
        }
        self.model.excludes = self.setup.excludes;
        self.policy = policy(&self.setup);
    }

    /// What the policy said of users who are not entitled, at any moment since this one.
    pub(crate) fn farewells_since(&self, from: Moment) -> impl Iterator<Item = Farewell> {
        let first = self.farewells.iter().rposition(|(since, _)| *since < from).unwrap_or_default();
        self.farewells.iter().skip(first).map(|(_, farewell)| *farewell)
    }

    /// Writes calls down from now on, or not.
    pub(crate) fn keep_logs(&self, on: bool) {
        self.world.okta.keep_log(on);
        self.world.aws.keep_log(on);
        self.world.table.keep_log(on);
    }
}
