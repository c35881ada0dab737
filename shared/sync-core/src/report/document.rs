//! A report as it is written down: the contract's JSON, read back. What is shown to people is made of it, so that a run of today and one
//! out of the history are shown alike.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Calls, Findings, Outcomes, Report};
use crate::guard::Rule;
use crate::outcome::{Effect, Outcome};

/// A report, read back from its JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The run.
    pub run_id: String,
    /// `dry_run` or `apply`.
    pub mode: String,
    /// What the run looked at, as it was asked.
    pub scope: Value,
    /// The contract's word.
    pub status: String,
    /// Over the held actions where any are held, else over the plan.
    pub plan_hash: String,
    /// The actions in the order of their execution.
    pub plan: Vec<Entry>,
    /// How many actions were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_cut: Option<usize>,
    /// What became of the actions.
    pub outcomes: Outcomes,
    /// What the guard withheld.
    pub held: Vec<HeldBy>,
    /// What cannot be acted on yet.
    pub unresolved: Vec<Open>,
    /// What failed, and what was not attempted.
    pub failures: Vec<Failed>,
    /// What the run cost.
    pub calls: Calls,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What a reader should know beside that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A group or user.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Name {
    /// The Okta id. Empty where none is known.
    pub okta_id: String,
    /// The name; empty where it is not kept.
    pub name: String,
}

/// An account, which the contract names by `id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountName {
    /// The twelve digits.
    pub id: String,
    /// The name; empty where it was not read.
    pub name: String,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The contract's name of the action.
    pub action: String,
    /// The group, where the action is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
    /// The user, where the action is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Name>,
    /// The account, where the action is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountName>,
    /// The permission set, where the action is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Why.
    pub reason: String,
    /// The rule that withheld it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// What became of it; only in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<String>,
}

/// What one rule withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// The rule.
    pub rule: String,
    /// Its limit.
    pub limit: u64,
    /// What it would have been.
    pub actual: u64,
    /// How many actions were withheld.
    pub actions: usize,
    /// The groups that it is about.
    #[serde(default)]
    pub groups: Vec<Name>,
}

/// Something that cannot be acted on yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The contract's kind.
    pub kind: String,
    /// The Okta id; empty where none is known.
    pub okta_id: String,
    /// The name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// An action or a read that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The action and what it was about, or `read`.
    pub action: String,
    /// What went wrong.
    pub error: String,
}

/// What an action does to whoever it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It gives something.
    Gain,
    /// It takes something away.
    Lose,
    /// It does neither.
    Change,
}

impl Entry {
    /// What it does to whoever it is about.
    pub fn direction(&self) -> Direction {
        match self.action.as_str() {
            "add_membership" | "create_assignment" | "create_user" => Direction::Gain,
            "remove_membership" | "delete_assignment" | "delete_group" | "disable_user" | "delete_user" => Direction::Lose,
            _ => Direction::Change,
        }
    }

    /// Whom it is about: the user, or else the group.
    pub fn who(&self) -> String {
        self.user.as_ref().or(self.group.as_ref()).map(|name| name.shown().to_owned()).unwrap_or_default()
    }

    /// What whoever it is about gains, loses or becomes.
    pub fn what(&self) -> String {
        if let (Some(set), Some(account)) = (&self.permission_set, &self.account) {
            let name = if account.name.is_empty() { String::new() } else { format!(" ({})", account.name) };
            return format!("{set} on {}{name}", account.id);
        }
        match (&self.user, &self.group) {
            (Some(_), Some(group)) => group.shown().to_owned(),
            _ => self.action.replace('_', " "),
        }
    }

    /// What became of it, where that is worth a word: not where it was done, planned, or held, which is said otherwise.
    pub fn mishap(&self) -> Option<String> {
        self.fate.as_deref().filter(|fate| !matches!(*fate, "changed" | "held" | "planned")).map(|fate| fate.replace('_', " "))
    }

    /// Whether it is about this Okta user.
    pub fn is_about_user(&self, okta_id: &str) -> bool {
        self.user.as_ref().is_some_and(|user| user.okta_id == okta_id)
    }

    /// Whether it is about this Okta group.
    pub fn is_about_group(&self, okta_id: &str) -> bool {
        self.group.as_ref().is_some_and(|group| group.okta_id == okta_id)
    }

    /// Whether it is about something on this AWS account.
    pub fn is_about_account(&self, id: &str) -> bool {
        self.account.as_ref().is_some_and(|account| account.id == id)
    }
}

impl Name {
    /// The name, or the id where there is no name.
    pub fn shown(&self) -> &str {
        if self.name.is_empty() { &self.okta_id } else { &self.name }
    }
}

impl Document {
    /// The document of a report.
    ///
    /// # Errors
    /// If the JSON is no report.
    pub fn from_json(json: &Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(json.clone())
    }

    /// What the history keeps of a run: ids and group names, what became of every action, and nobody's name.
    pub fn for_history(report: &Report, findings: &Findings) -> Self {
        let mut document: Self = serde_json::from_value(report.to_json()).expect("a report has the form of a report");
        let outcomes: std::collections::BTreeMap<_, _> = findings.outcomes.iter().map(|(action, outcome)| (action, outcome)).collect();
        document.failures = findings.failed_reads.iter().map(|error| Failed { action: "read".to_owned(), error: error.clone() }).collect();
        for (entry, (_, action)) in document.plan.iter_mut().zip(findings.plan.actions()) {
            entry.user.iter_mut().for_each(|user| user.name.clear());
            let outcome = outcomes.get(action);
            entry.fate = Some(fate(entry.held.as_deref(), outcome.copied()));
            let error = outcome.and_then(|outcome| error_of(outcome));
            document.failures.extend(error.map(|error| Failed { action: entry.by_id(), error }));
        }
        for open in &mut document.unresolved {
            open.name.clear();
            // It may quote a login.
            open.reason = meaning(&open.kind).to_owned();
        }
        document
    }

    /// The command line that approves what is held; `None` where nothing is, or where what is held cannot be approved.
    pub fn approve_command(&self) -> Option<String> {
        let can = |held: &HeldBy| held.actions > 0 && !is_beyond_approval(&held.rule);
        if self.held.is_empty() || !self.held.iter().all(can) {
            return None;
        }
        let scope = self.scope_options()?;
        Some(format!("lockstep approve {}{scope}", self.plan_hash))
    }

    /// The scope as options of the command line; `None` where a run of this scope cannot be asked for.
    fn scope_options(&self) -> Option<String> {
        let Some(fields) = self.scope.as_object() else { return Some(String::new()) };
        let names = |option: &str, names: &Value| -> Option<String> {
            names.as_array()?.iter().map(|name| Some(format!(" --{option} {}", shell_word(name.as_str()?)))).collect()
        };
        match fields.iter().collect::<Vec<_>>().as_slice() {
            [(key, groups)] if *key == "groups" => names("group", groups),
            [(key, users)] if *key == "users" => names("user", users),
            [(key, since)] if *key == "changed_since" => Some(format!(" --changed-since {}", shell_word(since.as_str()?))),
            _ => None,
        }
    }
}

impl Entry {
    fn by_id(&self) -> String {
        let group = self.group.as_ref().map(|group| format!(" {} ({})", group.name, group.okta_id)).unwrap_or_default();
        let user = self.user.as_ref().map(|user| format!(" {}", user.okta_id)).unwrap_or_default();
        let target = match (&self.permission_set, &self.account) {
            (Some(set), Some(account)) => format!(" {set} on {}", account.id),
            _ => String::new(),
        };
        format!("{}{group}{user}{target}", self.action)
    }
}

fn fate(held: Option<&str>, outcome: Option<&Outcome>) -> String {
    match (outcome, held) {
        (Some(Outcome::Done(Effect::Changed)), _) => "changed",
        (Some(Outcome::Done(Effect::AlreadyInEffect)), _) => "already_in_effect",
        (Some(Outcome::Pending(_)), _) => "pending",
        (Some(Outcome::Failed(_)), _) => "failed",
        (Some(Outcome::NotAttempted(_)), _) => "not_attempted",
        (None, Some(_)) => "held",
        (None, None) => "planned",
    }
    .to_owned()
}

fn error_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done(_) => None,
        Outcome::Pending(request) => Some(format!("pending: AWS is not at its end with request {request}")),
        Outcome::Failed(error) => Some(error.to_string()),
        Outcome::NotAttempted(why) => Some(format!("not attempted: {why}")),
    }
}

/// Whether what a rule withholds can not be let through by a hash.
pub fn is_beyond_approval(rule: &str) -> bool {
    [Rule::SourceEmpty, Rule::StateUnavailable].iter().any(|beyond| beyond.as_str() == rule)
}

/// A word that a shell takes as it is.
fn shell_word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.:@/+=,%".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// What a kind of unresolved means, and what would mend it.
pub fn meaning(kind: &str) -> &'static str {
    match kind {
        "user_not_provisioned" => "Identity Center does not have this user yet: let Okta's app provision them, and the next run adds them",
        "identity_conflict" => "nobody can say which user this is: two could be one, or one is someone else",
        "bad_record" => "a record that is none, or that Identity Center would not take",
        "duplicate_group_name" => "two Okta groups have one name: rename one of them",
        "unknown_status" => "a status that is not known: nothing is granted and nothing is taken",
        "unreadable" => "it could not be read whole, so nothing was concluded from it",
        "not_ours" => "the name is taken by a group that is not ours: rename it, or let the policy adopt it",
        "unknown_permission_set" => "a rule names a permission set that does not exist",
        "unknown_account" => "a rule names accounts that do not exist",
        "account_not_active" => "the account is not ACTIVE: nothing is granted and nothing is taken there",
        "management_account" => "a delegated administrator may not touch the management account",
        _ => "it cannot be acted on yet",
    }
}

/// What a rule of the guard means.
pub fn meaning_of_rule(rule: &str) -> &'static str {
    match rule {
        "source_empty" => {
            "Okta lists no managed group although some exist. It cannot be approved: look at the token's role and scopes, and at groups.match"
        }
        "source_shrunk" => "Managed groups vanished beyond the limits, or a member list is shorter than it should be",
        "state_unavailable" => {
            "The ledger cannot be reached, so nothing is taken away until it can. It passes by itself and cannot be approved"
        }
        "policy_changed" => "This policy is another than that of the last full apply. It passes with the next full apply",
        "protected_groups" => "Groups of these names are never removed from, deleted or released",
        "max_percent_of_group" => "A larger share of one group's members would go within the window than the policy allows",
        "max_leavers" => "More people left within the window than the policy allows; as many as are left of it were done",
        "max_membership_removals" => "More memberships would go within the window than the policy allows",
        "max_group_deletions" => "More groups would be deleted or released within the window than the policy allows",
        "max_assignment_removals" => "More assignments would go within the window than the policy allows",
        "max_assignment_additions" => "More assignments would be made within the window than the policy allows",
        "max_user_removals" => "More users would be disabled or deleted within the window than the policy allows",
        "sensitive_permission_sets" => "The policy calls these permission sets sensitive: granting them waits for a person",
        "orphaned_rule" => "The rule that gave these assignments is there no more; they stay until it is approved",
        _ => "The guard withheld this",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(scope: &Value, rule: &str) -> Document {
        let json = serde_json::json!({
            "run_id": "r1", "mode": "apply", "scope": scope, "status": "held", "plan_hash": "ab", "plan": [],
            "outcomes": Outcomes::default(), "held": [{"rule": rule, "limit": 1, "actual": 2, "actions": 2}], "unresolved": [],
            "failures": [], "calls": Calls::default(), "duration_ms": 1,
        });
        Document::from_json(&json).unwrap()
    }

    #[test]
    fn what_is_held_is_approved_by_a_command_of_the_same_scope() {
        let command = |scope: Value| document(&scope, "max_leavers").approve_command();
        assert_eq!(command(serde_json::json!("all")).as_deref(), Some("lockstep approve ab"));
        let groups = serde_json::json!({"groups": ["AWS-Admins", "it's; rm -rf /"]});
        assert_eq!(command(groups).as_deref(), Some(r"lockstep approve ab --group AWS-Admins --group 'it'\''s; rm -rf /'"));
        assert_eq!(command(serde_json::json!({"users": ["a@b"]})).as_deref(), Some("lockstep approve ab --user a@b"));
        assert_eq!(command(serde_json::json!({"users": [], "groups": []})), None, "the scope of an event is nobody's to ask for");
    }

    #[test]
    fn an_empty_source_and_a_missing_ledger_have_no_command() {
        assert_eq!(document(&serde_json::json!("all"), "source_empty").approve_command(), None);
        assert_eq!(document(&serde_json::json!("all"), "state_unavailable").approve_command(), None);
    }
}
