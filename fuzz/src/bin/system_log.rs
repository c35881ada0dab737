//! A single System Log event off the partner event bus, as JSON that Lambda has parsed already.
#![no_main]

use fuzz::{check_error, check_size};
use libfuzzer_sys::fuzz_target;
use okta::hook::{decode_system_log_event, is_partner_bus_event};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else { return };
    let decoded = decode_system_log_event(&event);
    assert_eq!(decoded, decode_system_log_event(&event), "one event, two deliveries");
    match &decoded {
        Err(error) => check_error(error),
        Ok(delivery) => {
            assert_eq!(delivery.events, 1);
            check_size(delivery, bytes.len(), 32);
        }
    }
    if is_partner_bus_event(&event) && decoded.is_ok() {
        let detail = event.get("detail").expect("what was decoded is there");
        assert!(is_partner_bus_event(detail) || decode_system_log_event(detail) == decoded, "the envelope changes what is in it");
    }
});
