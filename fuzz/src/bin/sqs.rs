//! A batch of event-worker: SQS records to triggers, to one scope.
#![no_main]

use aws_lambda_events::event::sqs::SqsEvent;
use engine::batch;
use fuzz::{check_error, check_size};
use jiff::SignedDuration;
use libfuzzer_sys::fuzz_target;
use sync_core::trigger::TriggerMessage;

fuzz_target!(|bytes: &[u8]| {
    // A batch as Lambda hands it over, or else a single body.
    let bodies = match serde_json::from_slice::<SqsEvent>(bytes) {
        Ok(event) => event.records.into_iter().map(|record| record.body.unwrap_or_default()).collect(),
        Err(_) => vec![String::from_utf8_lossy(bytes).into_owned()],
    };
    let messages: Vec<TriggerMessage> = bodies.iter().filter_map(|body| understood(body)).collect();
    let scope = batch::scope_of(&messages);
    check_size(&scope, bytes.len(), 32);
    assert!(scope.users.len() + scope.groups.len() <= messages.len());
    assert!(scope.groups_may_lose.is_subset(&scope.groups));
    assert!(scope.users_may_lose.iter().all(|id| scope.users.iter().any(|user| user.id == *id)));
    let sleep = batch::sleep_of(&messages, "2026-11-24T10:00:00Z".parse().expect("a time"));
    assert!((SignedDuration::ZERO..=SignedDuration::from_secs(10)).contains(&sleep), "it would sleep for {sleep}");
});

fn understood(body: &str) -> Option<TriggerMessage> {
    match TriggerMessage::parse(body) {
        Err(error) => {
            check_error(&error);
            // The parser's words may repeat the name of a field, and so what is in the message.
            assert!(std::error::Error::source(&error).is_none_or(|source| source.to_string().len() <= 1024 + body.len()));
            None
        }
        Ok(message) => {
            let written = serde_json::to_string(&message).expect("a message is JSON");
            assert_eq!(TriggerMessage::parse(&written).ok().as_ref(), Some(&message), "a message changes when it is put off");
            Some(message)
        }
    }
}
