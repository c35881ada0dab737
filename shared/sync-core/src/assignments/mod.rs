//! From the `[[assignment]]` rules to assignments: which groups get which permission sets on which accounts.

mod former;
mod organization;
mod rule;
mod template;
#[cfg(test)]
mod tests;

pub use former::vanished;
pub use organization::{AccountFacts, Organization};
pub use rule::{AccountSelector, AssignmentRule, Derived, RuleError, RuleProblem, RuleText};
