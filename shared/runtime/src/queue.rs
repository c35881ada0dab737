//! The queues: triggers in, what cannot be done yet back for later, and malformed messages out of the way.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{BatchResultErrorEntry, MessageAttributeValue, SendMessageBatchRequestEntry};
use futures::stream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use sync_core::trigger::TriggerMessage;

use crate::aws::AwsError;

/// SQS takes at most so many messages in one call.
const BATCH_MESSAGES: usize = 10;

/// SQS takes at most 1 MiB in one call; what is left of it is for the ids.
const BATCH_BYTES: usize = 900 * 1024;

/// Calls at a time. A delivery can hold thousands of events, and Okta waits 3 s; a FIFO queue takes 300 calls a second.
const BATCHES_AT_ONCE: usize = 8;

/// How long something is put off, by how often it was put off before: soon, because a user is usually provisioned within a minute,
/// and then less and less. After the last one the schedule's runs take over. (Lambda cuts loops through SQS after 16 rounds.)
pub const LATER_DELAYS: [Duration; 6] = [
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
];

/// The longest delay that SQS takes.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// How the name of a FIFO queue ends.
const FIFO: &str = ".fifo";

/// The message group of dead letters, where they go to a FIFO queue.
const DEAD_LETTERS: &str = "dead_letters";

/// The longest reason that is kept with a dead letter, in characters.
const LONGEST_REASON: usize = 1_000;

/// The delay for something that was put off `attempt` times already; `None` where it was often enough.
pub fn later_delay(attempt: u32) -> Option<Duration> {
    LATER_DELAYS.get(usize::try_from(attempt).ok()?).copied()
}

/// Why a message is not in a queue. Nothing of the message is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// There is no such queue.
    #[error("there is no queue {url}: correct the variable that names it")]
    Missing {
        /// The queue.
        url: String,
        /// AWS's words.
        source: AwsError,
    },
    /// The function may not send to it.
    #[error("nothing may be sent to the queue {url}: give the function's role sqs:SendMessage on it, and on its key where it has one")]
    Denied {
        /// The queue.
        url: String,
        /// AWS's words.
        source: AwsError,
    },
    /// SQS does not answer, or is overloaded. It passes by itself.
    #[error("the queue {url} cannot be reached for now: if this lasts, look for the network's way to SQS")]
    Unreachable {
        /// The queue.
        url: String,
        /// AWS's words.
        source: AwsError,
    },
    /// SQS does not take a message: a defect of ours, or a queue of the wrong kind.
    #[error("the queue {url} does not take a message: is it of the right kind (FIFO or standard)?")]
    Refused {
        /// The queue.
        url: String,
        /// AWS's words.
        source: AwsError,
    },
}

/// Whether a message was put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// It comes back after the delay.
    Queued,
    /// There is no queue for later: the schedule's runs find what the message asked for.
    LeftToSchedule,
}

/// The queues that a function sends to.
#[derive(Debug, Clone)]
pub struct TriggerQueue {
    client: Client,
    triggers: String,
    later: Option<String>,
    dead_letters: Option<String>,
}

impl TriggerQueue {
    /// The FIFO queue `triggers`, as `config` reaches it.
    pub fn new(config: &aws_config::SdkConfig, triggers: String) -> Self {
        Self { client: Client::new(config), triggers, later: None, dead_letters: None }
    }

    /// Puts off to this standard queue.
    #[must_use]
    pub fn with_later(mut self, url: Option<String>) -> Self {
        self.later = url;
        self
    }

    /// Sends malformed messages to this queue.
    #[must_use]
    pub fn with_dead_letters(mut self, url: Option<String>) -> Self {
        self.dead_letters = url;
        self
    }

    /// Queues all messages, each in its lane. What is queued twice within the bucket of its deduplication id is one message.
    ///
    /// # Errors
    /// [`QueueError`] if any of them may not be queued; others may be by then, which does no harm when all are sent again.
    pub async fn send_all(&self, messages: &[TriggerMessage]) -> Result<(), QueueError> {
        // Boxed, because the types of the SDK's futures inside one another are too deep for the compiler.
        let sending = batches(messages).into_iter().map(|batch| self.send_batch(batch).boxed());
        // Stops at the first error: the caller has to send all of it again, and has little time.
        stream::iter(sending).buffer_unordered(BATCHES_AT_ONCE).try_collect().await
    }

    /// Sends a batch, and what SQS itself failed on once more: SQS answers 200 to a batch of which some messages failed.
    async fn send_batch(&self, batch: Vec<SendMessageBatchRequestEntry>) -> Result<(), QueueError> {
        let failed = self.send_once(&batch).await?;
        if failed.is_empty() {
            return Ok(());
        }
        let again: Vec<_> = batch.into_iter().filter(|entry| failed.contains_key(entry.id())).collect();
        match self.send_once(&again).await?.into_values().next() {
            None => Ok(()),
            Some(source) => Err(QueueError::Unreachable { url: self.triggers.clone(), source }),
        }
    }

    /// Sends a batch; what may succeed when it is sent again is returned by its id in the batch.
    async fn send_once(&self, batch: &[SendMessageBatchRequestEntry]) -> Result<BTreeMap<String, AwsError>, QueueError> {
        let call = self.client.send_message_batch().queue_url(&self.triggers).set_entries(Some(batch.to_vec()));
        let answer = call.send().await.map_err(|error| send_error(&self.triggers, AwsError::of_call(&error)))?;
        if let Some(entry) = answer.failed().iter().find(|entry| entry.sender_fault()) {
            return Err(QueueError::Refused { url: self.triggers.clone(), source: entry_error(entry) });
        }
        Ok(not_sent(batch, &answer))
    }

    /// Puts a message off: it comes back after `delay` (at most 15 minutes), with its attempt counted up.
    ///
    /// # Errors
    /// [`QueueError`]; the message then has to stay where it was.
    pub async fn later(&self, message: &TriggerMessage, delay: Duration) -> Result<Later, QueueError> {
        let message = TriggerMessage { attempt: message.attempt.saturating_add(1), ..message.clone() };
        self.go_on_later(&body(&message), delay).await
    }

    /// Sends a text to the queue for later: it comes after `delay` (at most 15 minutes).
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn go_on_later(&self, body: &str, delay: Duration) -> Result<Later, QueueError> {
        let Some(url) = &self.later else { return Ok(Later::LeftToSchedule) };
        let seconds = i32::try_from(delay.min(LONGEST_DELAY).as_secs()).expect("15 minutes are few seconds");
        let call = self.client.send_message().queue_url(url).message_body(body).delay_seconds(seconds);
        call.send().boxed().await.map_err(|error| send_error(url, AwsError::of_call(&error)))?;
        Ok(Later::Queued)
    }

    /// Puts a message that can never be understood where a person finds it; without a queue for them, whole into the log.
    ///
    /// # Errors
    /// [`QueueError`]; the message then has to stay where it was.
    pub async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), QueueError> {
        tracing::error!(reason, "a malformed message was taken out of the queue");
        let Some(url) = &self.dead_letters else {
            tracing::error!(body, "it is kept nowhere else, as LOCKSTEP_DEAD_LETTER_URL is not set");
            return Ok(());
        };
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
        let attribute = MessageAttributeValue::builder().data_type("String").string_value(reason).build();
        let attribute = attribute.expect("the type is set, and nothing else is required");
        let fifo = url.ends_with(FIFO);
        let call = self.client.send_message().queue_url(url).message_body(body).message_attributes("reason", attribute);
        let call = call.set_message_group_id(fifo.then(|| DEAD_LETTERS.to_owned()));
        let call = call.set_message_deduplication_id(fifo.then(|| deduplication_id_of(body)));
        call.send().boxed().await.map_err(|error| send_error(url, AwsError::of_call(&error)))?;
        Ok(())
    }
}

/// FIFO queues demand one; the same text is kept once within five minutes.
fn deduplication_id_of(body: &str) -> String {
    hex::encode(Sha256::digest(body))
}

fn body(message: &TriggerMessage) -> String {
    serde_json::to_string(message).expect("a trigger is text, numbers and lists of text, which are always JSON")
}

/// Cuts the messages into batches that SQS takes.
fn batches(messages: &[TriggerMessage]) -> Vec<Vec<SendMessageBatchRequestEntry>> {
    let mut batches: Vec<Vec<SendMessageBatchRequestEntry>> = Vec::new();
    let mut room = 0;
    for message in messages {
        let body = body(message);
        let bytes = body.len();
        match batches.last_mut().filter(|batch| batch.len() < BATCH_MESSAGES && bytes <= room) {
            Some(batch) => {
                room -= bytes;
                batch.push(entry(batch.len(), message, body));
            }
            None => {
                room = BATCH_BYTES.saturating_sub(bytes);
                batches.push(vec![entry(0, message, body)]);
            }
        }
    }
    batches
}

fn entry(index: usize, message: &TriggerMessage, body: String) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(body)
        .message_group_id(message.lane.as_str())
        .message_deduplication_id(message.deduplication_id())
        .build()
        .expect("id and body are set, and nothing else is required")
}

/// What SQS did not say that it took: an answer that leaves a message out is no proof that the message is queued.
fn not_sent(batch: &[SendMessageBatchRequestEntry], answer: &SendMessageBatchOutput) -> BTreeMap<String, AwsError> {
    let mut open: BTreeMap<String, AwsError> = batch.iter().map(|entry| (entry.id().to_owned(), AwsError::incomplete())).collect();
    for sent in answer.successful() {
        open.remove(sent.id());
    }
    for failed in answer.failed() {
        open.insert(failed.id().to_owned(), entry_error(failed));
    }
    open
}

fn entry_error(entry: &BatchResultErrorEntry) -> AwsError {
    AwsError::of_answer(entry.code(), entry.message())
}

/// SQS has two spellings for some of its codes, one from the time when it spoke XML.
fn send_error(url: &str, source: AwsError) -> QueueError {
    let url = url.to_owned();
    let code = source.code().map(|code| code.trim_start_matches("AWS.SimpleQueueService."));
    match code {
        Some("QueueDoesNotExist" | "NonExistentQueue" | "InvalidAddress") => QueueError::Missing { url, source },
        Some(
            "AccessDenied"
            | "AccessDeniedException"
            | "KmsAccessDenied"
            | "KMS.AccessDeniedException"
            | "InvalidSecurity"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "SignatureDoesNotMatch",
        ) => QueueError::Denied { url, source },
        Some(
            "UnsupportedOperation"
            | "InvalidParameterValue"
            | "MissingParameter"
            | "InvalidMessageContents"
            | "BatchRequestTooLong"
            | "InvalidBatchEntryId"
            | "BatchEntryIdsNotDistinct"
            | "EmptyBatchRequest"
            | "TooManyEntriesInBatchRequest",
        ) => QueueError::Refused { url, source },
        _ => QueueError::Unreachable { url, source },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sync_core::ids::{OktaGroupId, OktaUserId};
    use sync_core::trigger::{Lane, Target, Trigger};

    use super::*;

    fn message(user: usize, n_groups: usize) -> TriggerMessage {
        let trigger = Trigger {
            lane: Lane::Removals,
            target: Target::User(OktaUserId::new(&format!("00u{user}")).unwrap()),
            groups: (0..n_groups).map(|group| OktaGroupId::new(&format!("00g{group:017}")).unwrap()).collect::<BTreeSet<_>>(),
            login: None,
            published: None,
        };
        trigger.message("2026-11-24T10:00:00Z".parse().unwrap())
    }

    fn sizes(messages: &[TriggerMessage]) -> Vec<usize> {
        batches(messages).iter().map(Vec::len).collect()
    }

    #[test]
    fn batches_hold_at_most_ten_messages_and_nine_tenths_of_what_sqs_takes() {
        let small: Vec<_> = (0..21).map(|user| message(user, 1)).collect();
        assert_eq!(sizes(&small), [10, 10, 1]);
        let large: Vec<_> = (0..5).map(|user| message(user, 18_000)).collect();
        assert!(body(&large[0]).len() > BATCH_BYTES / 3 && body(&large[0]).len() < BATCH_BYTES / 2);
        assert_eq!(sizes(&large), [2, 2, 1]);
        assert_eq!(sizes(&[]), [0; 0]);
    }

    #[test]
    fn an_entry_has_its_lane_as_message_group_and_the_triggers_deduplication_id() {
        let batch = &batches(&[message(1, 1), message(2, 1)])[0];
        assert_eq!(batch.iter().map(SendMessageBatchRequestEntry::id).collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(batch[1].message_group_id(), Some("removals"));
        assert_eq!(batch[1].message_deduplication_id(), Some(message(2, 1).deduplication_id().as_str()));
        assert_eq!(TriggerMessage::parse(batch[1].message_body()).unwrap(), message(2, 1));
    }

    #[test]
    fn s15_the_delays_grow_fit_into_sqs_and_end() {
        assert!(LATER_DELAYS.is_sorted());
        assert_eq!((later_delay(0), later_delay(5), later_delay(6)), (Some(Duration::from_secs(15)), Some(LONGEST_DELAY), None));
        assert_eq!(later_delay(u32::MAX), None);
    }

    #[test]
    fn both_spellings_of_a_code_mean_the_same() {
        for code in ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"] {
            assert!(matches!(send_error("q", AwsError::of_answer(code, None)), QueueError::Missing { .. }), "{code}");
        }
        assert!(matches!(send_error("q", AwsError::incomplete()), QueueError::Unreachable { .. }));
    }
}
