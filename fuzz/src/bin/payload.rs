//! The payload of reconcile, as JSON that Lambda has parsed already.
#![no_main]

// The function's own crate links the AWS SDKs, which are minutes to build and nothing of which is called here.
#[path = "../../../functions/reconcile/src/payload.rs"]
#[allow(dead_code)]
mod payload;

use engine::Scope;
use fuzz::{check_error, check_size};
use libfuzzer_sys::fuzz_target;
use payload::Payload;
use serde_json::{Value, json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    match payload::parse(&value) {
        Err(error) => {
            check_error(&error);
            assert!(error.to_string().contains("; accepted: "), "an error does not say what is accepted: {error}");
        }
        Ok(accepted) => {
            check_size(&accepted, bytes.len(), 32);
            let again = payload::parse(&written(&accepted)).expect("what was accepted is refused");
            assert_eq!(again, accepted, "what was accepted means something else when it is written out");
        }
    }
});

/// The payload as one would write what was understood.
fn written(accepted: &Payload) -> Value {
    match accepted {
        Payload::Pause(pause) => json!({ "pause": pause }),
        Payload::Undo { mode, run_id } => json!({ "mode": mode, "undo": run_id }),
        Payload::Run { mode, scope, approve } => {
            assert!(!matches!(scope, Scope::Triggers(_) | Scope::Undo(_)), "no payload means this");
            let mut payload = json!({ "mode": mode, "scope": scope.to_json() });
            if let Some(hash) = approve {
                payload["approve"] = json!(hash.as_str());
            }
            payload
        }
        Payload::Continue(continuation) => json!({ "Records": [{ "body": continuation.to_json() }] }),
    }
}
