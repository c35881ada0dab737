//! The payload of an invocation, read strictly: a field that nobody knows is an error, and nothing is read or written.

#![expect(clippy::wildcard_enum_match_arm, reason = "JSON has six kinds of values, and will have no more")]

use engine::continuation::Continuation;
use engine::{Scope, Since};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sync_core::plan::PlanHash;
use sync_core::report::Mode;

/// What an invocation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A run.
    Run {
        /// Whether changes are to be made.
        mode: Mode,
        /// What to look at.
        scope: Scope,
        /// The hash of the held actions that may be let through.
        approve: Option<PlanHash>,
    },
    /// The inverse of an earlier run.
    Undo {
        /// Whether changes are to be made.
        mode: Mode,
        /// The earlier run.
        run_id: String,
    },
    /// Pause, or go on.
    Pause(bool),
    /// A message by which a run that was cut off goes on.
    Continue(Continuation),
}

/// What is wrong with a payload, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload is refused, and nothing was read or written: {problem}; accepted: {accepted}")]
pub struct PayloadError {
    problem: String,
    accepted: &'static str,
}

const FIELDS: &str = r#"an object of "mode", "scope", "approve"; or of "pause" alone; or of "undo" and "mode""#;
const MODES: &str = r#""mode" is "dry_run" or "apply""#;
const SCOPES: &str = r#""scope" is "all", {"groups":[name or id, …]}, {"users":[login or id, …]} or {"changed_since":time or "last"}"#;
const APPROVE: &str = r#""approve" is the 64 hex digits of a report's plan_hash, with "mode":"apply""#;
const PAUSE: &str = r#""pause" is true or false, and stands alone"#;
const UNDO: &str = r#""undo" is the run_id of a report, with "mode" and nothing else"#;

/// Most groups or users of one payload: each costs several calls, and a full run is cheaper than many.
const MOST_NAMES: usize = 1000;

fn refused<T>(problem: impl Into<String>, accepted: &'static str) -> Result<T, PayloadError> {
    Err(PayloadError { problem: problem.into(), accepted })
}

/// Reads a payload. An event of an EventBridge schedule means a full apply.
///
/// # Errors
/// [`PayloadError`] names the field and says what is accepted.
pub fn parse(payload: &Value) -> Result<Payload, PayloadError> {
    let Value::Object(fields) = payload else { return refused("it is no object", FIELDS) };
    if is_scheduled_event(fields) {
        return Ok(Payload::Run { mode: Mode::Apply, scope: Scope::All, approve: None });
    }
    if let Some(records) = fields.get("Records") {
        return continued(records);
    }
    if let Some(unknown) = fields.keys().find(|key| !matches!(key.as_str(), "mode" | "scope" | "approve" | "pause" | "undo")) {
        return refused(format!("field {} is not known", short(&format!("{unknown:?}"))), FIELDS);
    }
    if let Some(pause) = fields.get("pause") {
        return pause_of(pause, fields.len());
    }
    let mode = mode_of(fields.get("mode"))?;
    match fields.get("undo") {
        Some(undo) => undo_of(undo, mode, fields),
        None => run_of(fields, mode),
    }
}

/// A message off the queue: the mapping gives one at a time.
fn continued(records: &Value) -> Result<Payload, PayloadError> {
    let body = match records.as_array().map(Vec::as_slice) {
        Some([record]) => record.get("body").and_then(Value::as_str),
        Some(_) | None => None,
    };
    match body.and_then(Continuation::parse) {
        Some(continuation) => Ok(Payload::Continue(continuation)),
        None => refused("\"Records\" is not one message of a run that goes on", FIELDS),
    }
}

fn is_scheduled_event(fields: &Map<String, Value>) -> bool {
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    text("detail-type") == Some("Scheduled Event") && matches!(text("source"), Some("aws.events" | "aws.scheduler"))
}

fn pause_of(pause: &Value, fields: usize) -> Result<Payload, PayloadError> {
    match pause {
        Value::Bool(pause) if fields == 1 => Ok(Payload::Pause(*pause)),
        _ => refused("\"pause\" is not alone, or neither true nor false", PAUSE),
    }
}

fn mode_of(mode: Option<&Value>) -> Result<Mode, PayloadError> {
    match mode {
        None => Ok(Mode::DryRun),
        Some(Value::String(mode)) if mode == "dry_run" => Ok(Mode::DryRun),
        Some(Value::String(mode)) if mode == "apply" => Ok(Mode::Apply),
        Some(other) => refused(format!("\"mode\" is {}", shown(other)), MODES),
    }
}

fn undo_of(undo: &Value, mode: Mode, fields: &Map<String, Value>) -> Result<Payload, PayloadError> {
    match undo {
        Value::String(run_id) if !run_id.is_empty() && !fields.contains_key("scope") && !fields.contains_key("approve") => {
            Ok(Payload::Undo { mode, run_id: run_id.clone() })
        }
        _ => refused("\"undo\" is no run id, or stands beside \"scope\" or \"approve\"", UNDO),
    }
}

fn run_of(fields: &Map<String, Value>, mode: Mode) -> Result<Payload, PayloadError> {
    let approve = match fields.get("approve") {
        None => None,
        Some(Value::String(hash)) if mode == Mode::Apply => match PlanHash::parse(hash) {
            Some(hash) => Some(hash),
            None => return refused("\"approve\" is no plan hash", APPROVE),
        },
        Some(_) => return refused("\"approve\" is no text, or \"mode\" is not \"apply\"", APPROVE),
    };
    Ok(Payload::Run { mode, scope: scope_of(fields.get("scope"))?, approve })
}

fn scope_of(scope: Option<&Value>) -> Result<Scope, PayloadError> {
    match scope {
        None => Ok(Scope::All),
        Some(Value::String(all)) if all == "all" => Ok(Scope::All),
        Some(Value::Object(fields)) => match fields.iter().collect::<Vec<_>>().as_slice() {
            [(key, names)] if *key == "groups" => Ok(Scope::Groups(names_of("groups", names)?)),
            [(key, names)] if *key == "users" => Ok(Scope::Users(names_of("users", names)?)),
            [(key, since)] if *key == "changed_since" => Ok(Scope::ChangedSince(since_of(since)?)),
            _ => refused(format!("\"scope\" has the fields {}", short(&format!("{:?}", fields.keys().collect::<Vec<_>>()))), SCOPES),
        },
        Some(other) => refused(format!("\"scope\" is {}", shown(other)), SCOPES),
    }
}

fn names_of(field: &str, names: &Value) -> Result<Vec<String>, PayloadError> {
    let Value::Array(names) = names else { return refused(format!("\"scope\".\"{field}\" is no list"), SCOPES) };
    if names.is_empty() || names.len() > MOST_NAMES {
        return refused(format!("\"scope\".\"{field}\" has {} entries, and 1 to {MOST_NAMES} are taken", names.len()), SCOPES);
    }
    let name = |(index, name): (usize, &Value)| match name {
        Value::String(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        other => refused(format!("\"scope\".\"{field}\"[{index}] is {}", shown(other)), SCOPES),
    };
    names.iter().enumerate().map(name).collect()
}

fn since_of(since: &Value) -> Result<Since, PayloadError> {
    let Value::String(text) = since else { return refused("\"scope\".\"changed_since\" is no text", SCOPES) };
    if text == "last" {
        return Ok(Since::Last);
    }
    match text.parse::<Timestamp>() {
        Ok(moment) => Ok(Since::Moment(moment)),
        Err(_) => refused(format!("\"scope\".\"changed_since\" is {}", shown(since)), SCOPES),
    }
}

/// A value as an error shows it, cut short.
fn shown(value: &Value) -> String {
    short(&value.to_string())
}

/// A payload may have 6 MB; what an error repeats of it must fit on a line.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(mode: Mode, scope: Scope) -> Payload {
        Payload::Run { mode, scope, approve: None }
    }

    #[test]
    fn every_payload_of_the_contract_is_understood() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let moment = "2026-11-24T00:00:00Z";
        for (payload, expected) in [
            (json!({}), run(Mode::DryRun, Scope::All)),
            (json!({"mode":"dry_run","scope":"all"}), run(Mode::DryRun, Scope::All)),
            (
                json!({"mode":"apply","scope":{"groups":["AWS-Admins","00g1"]}}),
                run(Mode::Apply, Scope::Groups(names(&["AWS-Admins", "00g1"]))),
            ),
            (
                json!({"mode":"apply","scope":{"users":["00u1","ada@example.com"]}}),
                run(Mode::Apply, Scope::Users(names(&["00u1", "ada@example.com"]))),
            ),
            (
                json!({"mode":"apply","scope":{"changed_since":moment}}),
                run(Mode::Apply, Scope::ChangedSince(Since::Moment(moment.parse().unwrap()))),
            ),
            (json!({"mode":"apply","scope":{"changed_since":"last"}}), run(Mode::Apply, Scope::ChangedSince(Since::Last))),
            (json!({"pause":true}), Payload::Pause(true)),
            (json!({"mode":"dry_run","undo":"r1"}), Payload::Undo { mode: Mode::DryRun, run_id: "r1".to_owned() }),
        ] {
            assert_eq!(parse(&payload), Ok(expected), "{payload}");
        }
        let hash = "ab".repeat(32);
        let approve = Some(PlanHash::parse(&hash).unwrap());
        assert_eq!(
            parse(&json!({"mode":"apply","scope":"all","approve":hash})),
            Ok(Payload::Run { mode: Mode::Apply, scope: Scope::All, approve })
        );
    }

    #[test]
    fn a_message_of_a_run_that_goes_on_is_understood_and_no_other() {
        let message = |body: &str| json!({"Records":[{"messageId":"1","eventSource":"aws:sqs","body":body}]});
        let body = r#"{"form":1,"chain":"r1","runs":1,"continue":{"groups":["AWS-1"]}}"#;
        assert_eq!(parse(&message(body)), Ok(Payload::Continue(Continuation::parse(body).unwrap())));
        for wrong in [message("{}"), json!({"Records":[]}), json!({"Records":[{}, {}]}), json!({"Records":7})] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_stays_short_whatever_the_payload_holds() {
        let long = "x".repeat(100_000);
        for payload in [
            json!({ long.as_str(): 1 }),
            json!({"mode": long}),
            json!({"scope": long}),
            json!({"scope": {"groups": ["a"], long.as_str(): 1}}),
            json!({"scope": {"users": [[long]]}}),
            json!({"scope": {"changed_since": long}}),
        ] {
            let error = parse(&payload).unwrap_err().to_string();
            assert!(error.len() < 500, "{} bytes", error.len());
        }
    }

    #[test]
    fn a_schedule_means_a_full_apply() {
        for source in ["aws.events", "aws.scheduler"] {
            let event =
                json!({"version":"0","id":"1","detail-type":"Scheduled Event","source":source,"time":"2026-11-24T00:00:00Z","detail":{}});
            assert_eq!(parse(&event), Ok(run(Mode::Apply, Scope::All)));
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_accepted() {
        for (payload, part) in [
            (json!([]), "no object"),
            (json!({"mod":"apply"}), "\"mod\" is not known"),
            (json!({"mode":"aply"}), "\"mode\" is \"aply\""),
            (json!({"mode":1}), "\"mode\" is 1"),
            (json!({"scope":"some"}), "\"scope\" is \"some\""),
            (json!({"scope":{"teams":["x"]}}), "\"teams\""),
            (json!({"scope":{"groups":["x"],"users":["y"]}}), "\"scope\" has the fields"),
            (json!({"scope":{"groups":"x"}}), "\"groups\" is no list"),
            (json!({"scope":{"groups":[]}}), "0 entries"),
            (json!({"scope":{"users":["a",7]}}), "\"users\"[1] is 7"),
            (json!({"scope":{"changed_since":"yesterday"}}), "\"changed_since\" is \"yesterday\""),
            (json!({"approve":"ab"}), "\"mode\" is not \"apply\""),
            (json!({"mode":"apply","approve":"ab"}), "no plan hash"),
            (json!({"pause":"yes"}), "\"pause\""),
            (json!({"pause":true,"mode":"apply"}), "\"pause\" is not alone"),
            (json!({"undo":"r1","scope":"all"}), "\"undo\""),
            (json!({"detail-type":"Scheduled Event","source":"mine"}), "is not known"),
        ] {
            let error = parse(&payload).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("accepted: "), "{payload} gave {error}");
        }
    }
}
