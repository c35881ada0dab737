//! The body of an event hook's POST, to the messages that are queued for it, and back out of the queue.
#![no_main]

use fuzz::{check_error, check_size};
use libfuzzer_sys::fuzz_target;
use okta::hook::{Delivery, decode_delivery};
use sync_core::trigger::TriggerMessage;

/// What a message of a queue may have at most (SQS takes 1 MiB, and took 256 KiB).
const LONGEST_MESSAGE: usize = 256 * 1024;

fuzz_target!(|body: &[u8]| {
    let decoded = decode_delivery(body);
    assert_eq!(decoded, decode_delivery(body), "one body, two deliveries");
    match decoded {
        Err(error) => check_error(&error),
        Ok(delivery) => check(&delivery, body.len()),
    }
});

fn check(delivery: &Delivery, input: usize) {
    check_size(delivery, input, 32);
    assert!(delivery.ignored <= delivery.events);
    assert!(delivery.triggers.is_empty() || delivery.ignored < delivery.events);
    let arrived = "2026-11-24T10:00:01Z".parse().expect("a time");
    for trigger in &delivery.triggers {
        let message = trigger.message(arrived);
        let text = serde_json::to_string(&message).expect("a message is JSON");
        assert!(text.len() <= LONGEST_MESSAGE, "a message has {} bytes", text.len());
        assert_eq!(TriggerMessage::parse(&text).ok().as_ref(), Some(&message), "a message does not survive the queue");
        assert_eq!(message.deduplication_id().len(), 64);
    }
}
