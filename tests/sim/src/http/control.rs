//! The control plane under `/_sim/`, for those who do not write Rust.

use std::collections::BTreeMap;
use std::future::Future;

use serde_json::{Value, json};

use super::{Answer, HttpCall};
use crate::fault::Fault;
use crate::log::Call;

/// A simulator as its control plane sees it. Errors are words for people.
pub(crate) trait Controlled: Clone + Send + Sync + 'static {
    /// The whole world.
    fn state_json(&self) -> Value;
    /// One change of the world.
    fn change(&self, op: &Value) -> Result<Value, String>;
    /// Settings; those that are not named stay.
    fn set(&self, settings: &Value) -> Result<Value, String>;
    /// Adds a fault.
    fn add_fault(&self, fault: Fault);
    /// The faults that are not used up.
    fn open_faults(&self) -> Vec<Fault>;
    /// Takes all faults away.
    fn drop_faults(&self);
    /// The calls.
    fn call_log(&self) -> Vec<Call>;
    /// Calls by operation.
    fn call_counts(&self) -> BTreeMap<String, u64>;
    /// Forgets the calls.
    fn drop_log(&self);
    /// What only this simulator has; `None` for what there is not.
    fn special(&self, method: &str, order: &str, body: &Value) -> impl Future<Output = Option<Result<Value, String>>> + Send;
}

pub(super) async fn control<C: Controlled>(side: &C, order: &str, call: &HttpCall) -> Answer {
    let body = match call.json() {
        Ok(body) => body,
        Err(error) => return Answer::json(400, &json!({"error": format!("the body is no JSON: {error}")})),
    };
    let result = match (call.method.as_str(), order) {
        ("GET", "state") => Ok(side.state_json()),
        ("GET", "faults") => Ok(json!(side.open_faults())),
        ("POST", "faults") => add_faults(side, &body),
        ("DELETE", "faults") => {
            side.drop_faults();
            Ok(json!({}))
        }
        ("GET", "calls") => Ok(calls(side)),
        ("DELETE", "calls") => {
            side.drop_log();
            Ok(json!({}))
        }
        ("POST", "changes") => changes(side, &body),
        ("POST", "settings") => side.set(&body),
        (method, other) => side.special(method, other, &body).await.unwrap_or_else(|| Err(format!("there is no {method} /_sim/{other}"))),
    };
    match result {
        Ok(value) => Answer::json(200, &value),
        Err(error) => Answer::json(400, &json!({"error": error})),
    }
}

fn each(body: &Value) -> Vec<&Value> {
    body.as_array().map_or_else(|| vec![body], |list| list.iter().collect())
}

fn add_faults<C: Controlled>(side: &C, body: &Value) -> Result<Value, String> {
    let parse = |fault: &Value| serde_json::from_value::<Fault>(fault.clone()).map_err(|error| format!("{fault}: {error}"));
    let faults: Vec<Fault> = each(body).into_iter().map(parse).collect::<Result<_, _>>()?;
    let added = faults.len();
    faults.into_iter().for_each(|fault| side.add_fault(fault));
    Ok(json!({"added": added}))
}

/// Changes are made in order, up to the first that is none.
pub(crate) fn changes<C: Controlled>(side: &C, body: &Value) -> Result<Value, String> {
    let made = each(body).into_iter().map(|op| side.change(op).map_err(|error| format!("{op}: {error}")));
    let made: Vec<Value> = made.collect::<Result<_, _>>()?;
    Ok(json!({"results": made}))
}

fn calls<C: Controlled>(side: &C) -> Value {
    let calls = side.call_log();
    let total = calls.len();
    let writes = calls.iter().filter(|call| call.mutated).count();
    let throttled = calls
        .iter()
        .filter(|call| matches!(call.error.as_deref(), Some("ThrottlingException" | "TooManyRequestsException" | "E0000047")))
        .count();
    json!({"total": total, "writes": writes, "throttled": throttled, "counts": side.call_counts(), "calls": calls})
}

/// Replaces what has a new value.
pub(crate) fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
