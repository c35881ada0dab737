//! Every change that was made, as an event on an EventBridge bus, for whoever wants to know: an audit store, a chat, a ticket. The
//! ledger and the log have the same, so an event that is lost is said and counted, and never fails a run.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use futures::{FutureExt, StreamExt, stream};
use serde::Serialize;
use sync_core::action::Action;
use sync_core::outcome::{Effect, Outcome};
use sync_core::report::Findings;
use tokio::time::{Instant, timeout_at};

use crate::aws::AwsError;
use crate::config::Function;
use crate::metrics::{Metric, Name};

/// The `source` of every event, by which rules find them.
pub const SOURCE: &str = "lockstep";

/// EventBridge takes at most so many entries in one call.
const BATCH_ENTRIES: usize = 10;

/// Calls at a time. An initial load is some thousand calls of some 20 ms; a region's quota is 10,000 entries a second, or 400 in the smallest.
const BATCHES_AT_ONCE: usize = 4;

/// What an event says: ids, and no name of a person.
#[derive(Debug, Serialize)]
struct Detail<'a> {
    run_id: &'a str,
    function: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    okta_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    okta_user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_set: Option<&'a str>,
    reason: String,
    /// `changed`, or `pending` where AWS has begun it and is not at its end.
    outcome: &'static str,
}

/// Puts changes on a bus, where there is one.
#[derive(Debug, Clone)]
pub struct ChangeEvents {
    bus: Option<(Client, String)>,
}

impl ChangeEvents {
    /// The bus with this name or ARN, as `config` reaches it; `None` is no bus, and then nothing is sent.
    pub fn new(config: &SdkConfig, bus: Option<String>) -> Self {
        Self { bus: bus.map(|bus| (Client::new(config), bus)) }
    }

    /// Puts what a run of a function changed on the bus, until `until`, and says what was lost, as a metric. Without a bus there is neither.
    pub async fn publish(&self, function: Function, run_id: &str, findings: &Findings, until: Instant) -> Vec<Metric> {
        let lost = self.send(function.as_str(), run_id, findings, until).await;
        lost.map(|lost| Metric::count(Name::ChangeEventsLost, lost as u64)).into_iter().collect()
    }

    /// The same for any `sender`, who is named in the events, and how many were lost; `None` without a bus.
    pub async fn send(&self, sender: &'static str, run_id: &str, findings: &Findings, until: Instant) -> Option<usize> {
        let (client, bus) = self.bus.as_ref()?;
        let entries = entries(bus, sender, run_id, findings);
        let lost = entries.len() - send_all(client, &entries, until).await;
        if lost > 0 {
            tracing::error!(event = "change_events_lost", run_id, lost, of = entries.len(), bus, "the log has every action");
        }
        Some(lost)
    }
}

/// The events of a run: one for each action that changed something, or that AWS has begun.
fn entries(bus: &str, sender: &'static str, run_id: &str, findings: &Findings) -> Vec<PutEventsRequestEntry> {
    let detail = |(action, outcome): &(Action, Outcome)| {
        let outcome = match outcome {
            Outcome::Done(Effect::Changed) => "changed",
            Outcome::Pending(_) => "pending",
            Outcome::Done(Effect::AlreadyInEffect) | Outcome::Failed(_) | Outcome::NotAttempted(_) => return None,
        };
        Some((action.name(), detail(sender, run_id, action, outcome)))
    };
    let entry = |(name, detail): (&str, String)| {
        PutEventsRequestEntry::builder().event_bus_name(bus).source(SOURCE).detail_type(name).detail(detail).build()
    };
    findings.outcomes.iter().filter_map(detail).map(entry).collect()
}

fn detail(sender: &'static str, run_id: &str, action: &Action, outcome: &'static str) -> String {
    let detail = Detail {
        run_id,
        function: sender,
        action: action.name(),
        okta_group: action.group().map(|group| group.okta_id.as_str()),
        group_id: action.group_id().map(sync_core::ids::GroupId::as_str),
        okta_user: action.user().and_then(|user| user.okta_id.as_ref()).map(sync_core::ids::OktaUserId::as_str),
        user_id: action.user_id().map(sync_core::ids::UserId::as_str),
        account: action.assignment().map(|target| target.account.as_str()),
        permission_set: action.assignment().map(|target| target.permission_set.as_str()),
        reason: without_addresses(&action.reason()),
        outcome,
    };
    serde_json::to_string(&detail).expect("text is always JSON")
}

/// A reason may quote a name, and names of users are addresses. Whoever listens on a bus is not to be told them.
fn without_addresses(reason: &str) -> String {
    let word = |word: &str| if word.contains('@') { "(an address)".to_owned() } else { word.to_owned() };
    reason.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Sends all, and answers how many EventBridge took before the time was up.
async fn send_all(client: &Client, entries: &[PutEventsRequestEntry], until: Instant) -> usize {
    // Boxed, because the types of the SDK's futures inside one another are too deep for the compiler.
    let sending = entries.chunks(BATCH_ENTRIES).map(|batch| send_batch(client, batch).boxed());
    let mut taken = stream::iter(sending.collect::<Vec<_>>()).buffer_unordered(BATCHES_AT_ONCE);
    let mut total = 0;
    while let Ok(Some(count)) = timeout_at(until, taken.next()).await {
        total += count;
    }
    total
}

/// Sends a batch, and what EventBridge itself failed on once more: it answers 200 to a batch of which some entries failed.
async fn send_batch(client: &Client, batch: &[PutEventsRequestEntry]) -> usize {
    let failed = send_once(client, batch).await;
    if failed.is_empty() {
        return batch.len();
    }
    let again: Vec<_> = failed.keys().filter_map(|at| batch.get(*at)).cloned().collect();
    let lost = send_once(client, &again).await;
    if let Some(error) = lost.values().next() {
        tracing::warn!(event = "change_events_refused", lost = lost.len(), error = %error, "may the role put events on this bus?");
    }
    batch.len() - lost.len()
}

/// Sends a batch once; what EventBridge did not take is returned by its place in the batch.
async fn send_once(client: &Client, batch: &[PutEventsRequestEntry]) -> BTreeMap<usize, AwsError> {
    let answer = match client.put_events().set_entries(Some(batch.to_vec())).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = AwsError::of_call(&error);
            return (0..batch.len()).map(|at| (at, error.clone())).collect();
        }
    };
    let result_of = |at: usize| match answer.entries().get(at) {
        None => Some(AwsError::incomplete()),
        Some(entry) => entry.error_code().map(|code| AwsError::of_answer(code, entry.error_message())),
    };
    (0..batch.len()).filter_map(|at| Some((at, result_of(at)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sync_core::action::{GroupEdit, GroupLabel, GroupRef, UserLabel, UserRef};
    use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, RequestId, UserId};
    use sync_core::outcome::NotAttempted;

    use super::*;

    fn group() -> GroupLabel {
        GroupLabel { okta_id: OktaGroupId::new("00g1").unwrap(), name: "AWS-Admins".to_owned() }
    }

    fn added(user: &str) -> Action {
        Action::AddMembership {
            group: group(),
            user: UserLabel { okta_id: Some(OktaUserId::new(user).unwrap()), name: "ada@example.com".to_owned() },
            group_ref: GroupRef::Existing(GroupId::new("9067-g1").unwrap()),
            user_ref: UserRef::Existing(UserId::new("9067-u1").unwrap()),
        }
    }

    fn renamed(from: &str) -> Action {
        let group_id = GroupId::new("9067-g1").unwrap();
        Action::RenameGroup(GroupEdit {
            group: group(),
            group_id,
            display_name: from.to_owned(),
            description: String::new(),
            revision: None,
        })
    }

    fn details(outcomes: Vec<(Action, Outcome)>) -> Vec<(String, Value)> {
        let findings = Findings { outcomes, ..Findings::default() };
        let entries = entries("audit", Function::Reconcile.as_str(), "r-1", &findings);
        let detail = |entry: &PutEventsRequestEntry| {
            assert_eq!((entry.source(), entry.event_bus_name()), (Some("lockstep"), Some("audit")));
            (entry.detail_type().unwrap().to_owned(), serde_json::from_str(entry.detail().unwrap()).unwrap())
        };
        entries.iter().map(detail).collect()
    }

    #[test]
    fn an_event_names_action_ids_run_reason_and_outcome_and_nobody_by_name() {
        let [(name, detail)] = &details(vec![(added("00u1"), Outcome::Done(Effect::Changed))])[..] else { panic!("one event") };
        assert_eq!(name, "add_membership");
        assert_eq!(
            *detail,
            json!({
                "run_id": "r-1", "function": "reconcile", "action": "add_membership", "okta_group": "00g1", "group_id": "9067-g1",
                "okta_user": "00u1", "user_id": "9067-u1", "reason": "a member in Okta", "outcome": "changed",
            })
        );
    }

    #[test]
    fn only_what_changed_or_was_begun_is_an_event() {
        let outcomes = vec![
            (added("00u1"), Outcome::Done(Effect::AlreadyInEffect)),
            (added("00u2"), Outcome::NotAttempted(NotAttempted::OutOfTime)),
            (added("00u3"), Outcome::Pending(RequestId::new("q-1").unwrap())),
        ];
        let found = details(outcomes);
        assert_eq!(
            found.iter().map(|(_, detail)| (&detail["okta_user"], &detail["outcome"])).collect::<Vec<_>>(),
            [(&json!("00u3"), &json!("pending"))]
        );
    }

    #[test]
    fn an_address_inside_of_a_reason_is_left_out() {
        let found = details(vec![(renamed("ada@example.com"), Outcome::Done(Effect::Changed))]);
        assert_eq!(found[0].1["reason"], "renamed in Okta from (an address)");
    }
}
