//! A delivery's bytes, decoded: strict about the delivery as a whole, lenient about each event in it.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use sync_core::trigger::Trigger;

use super::depth;
use super::events::{Event, Triggers};

/// Longest body, in bytes. Okta documents no limit; the fronts of a Lambda function let 6 MB through.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// Deepest nesting of a body. Okta's own events are nested about 10 deep.
pub const MAX_DEPTH: usize = 64;

/// Longest delivery id that is kept for the log, in characters. Okta's are UUIDs of 36.
const MAX_EVENT_ID_CHARS: usize = 64;

/// What `source` begins with in an event off Okta's partner event bus. Its `detail-type` is not documented.
const PARTNER_SOURCE: &str = "aws.partner/okta.com/";

/// What a delivery asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// One trigger per lane and target, the most urgent lane first; empty if nothing in it is of interest.
    pub triggers: Vec<Trigger>,
    /// Okta's id of the delivery or event, for the log.
    pub event_id: Option<String>,
    /// How many events it held.
    pub events: usize,
    /// How many of them led to no trigger.
    pub ignored: usize,
}

/// Why a body is no delivery: what is wrong, and where. Such a body can never become right, so the answer is a 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// Over [`MAX_BODY_BYTES`].
    #[error("the body has {bytes} bytes, and at most {MAX_BODY_BYTES} are taken")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not UTF-8, and so not JSON.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first byte that is not.
        at: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("the body is nested deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep {
        /// Offset of the bracket that is too deep.
        at: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON at line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1; 0 where a line ends too early.
        column: usize,
    },
    /// JSON, but no delivery.
    #[error("{place} is {found}, where a delivery has {wanted}")]
    WrongShape {
        /// The place in the body.
        place: &'static str,
        /// What is there.
        found: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
}

/// Decodes the body of an event hook's POST.
///
/// # Errors
/// [`HookError`] where the body as a whole is no delivery. Odd events inside a good one are ignored.
pub fn decode_delivery(body: &[u8]) -> Result<Delivery, HookError> {
    let mut fields = object(parse(check(body)?)?, "the body")?;
    let event_id = fields.remove("eventId").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let data = fields.remove("data");
    let events = object(data.unwrap_or(RawValue::NULL), "`data`")?.remove("events");
    let events = list(events.unwrap_or(RawValue::NULL), "`data.events`")?;
    Ok(delivery(event_id, events))
}

/// Decodes one System Log event: as EventBridge hands it on from Okta's partner event bus, or its `detail` alone.
///
/// # Errors
/// [`HookError`] where it is no System Log event at all. One that is of no interest gives no triggers.
pub fn decode_system_log_event(event: &Value) -> Result<Delivery, HookError> {
    let event = if is_partner_bus_event(event) { event.get("detail").unwrap_or(&Value::Null) } else { event };
    let text = event.to_string();
    let raw = parse(check(text.as_bytes())?)?;
    let mut fields = object(raw, "the event")?;
    let event_type = fields.remove("eventType").unwrap_or(RawValue::NULL);
    if kind(event_type) != TEXT {
        return Err(HookError::WrongShape { place: "`eventType`", found: kind(event_type), wanted: TEXT });
    }
    let event_id = fields.remove("uuid").and_then(|raw| serde_json::from_str(raw.get()).ok());
    Ok(delivery(event_id, vec![raw]))
}

/// Whether this is an event off Okta's partner event bus, by its `source`.
pub fn is_partner_bus_event(event: &Value) -> bool {
    event.get("source").and_then(Value::as_str).is_some_and(|source| source.starts_with(PARTNER_SOURCE))
}

fn delivery(event_id: Option<String>, events: Vec<&RawValue>) -> Delivery {
    let n_events = events.len();
    let mut triggers = Triggers::default();
    let n_used = events.into_iter().filter_map(Event::read).filter(|event| triggers.add(event)).count();
    Delivery {
        triggers: triggers.into_vec(),
        event_id: event_id.map(|id| id.chars().filter(|c| !c.is_control()).take(MAX_EVENT_ID_CHARS).collect()),
        events: n_events,
        ignored: n_events - n_used,
    }
}

fn check(body: &[u8]) -> Result<&str, HookError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(HookError::TooLarge { bytes: body.len() });
    }
    let text = std::str::from_utf8(body).map_err(|error| HookError::NotUtf8 { at: error.valid_up_to() })?;
    match depth::first_deeper_than(MAX_DEPTH, text) {
        Some(at) => Err(HookError::TooDeep { at }),
        None => Ok(text),
    }
}

fn parse(text: &str) -> Result<&RawValue, HookError> {
    serde_json::from_str(text).map_err(|error| not_json(&error))
}

fn object<'a>(raw: &'a RawValue, place: &'static str) -> Result<BTreeMap<String, &'a RawValue>, HookError> {
    if kind(raw) != OBJECT {
        return Err(HookError::WrongShape { place, found: kind(raw), wanted: OBJECT });
    }
    serde_json::from_str(raw.get()).map_err(|error| not_json(&error))
}

fn list<'a>(raw: &'a RawValue, place: &'static str) -> Result<Vec<&'a RawValue>, HookError> {
    if kind(raw) != LIST {
        return Err(HookError::WrongShape { place, found: kind(raw), wanted: LIST });
    }
    serde_json::from_str(raw.get()).map_err(|error| not_json(&error))
}

/// The parser's own words are left out: they can repeat what was in the body.
fn not_json(error: &serde_json::Error) -> HookError {
    HookError::NotJson { line: error.line(), column: error.column() }
}

const OBJECT: &str = "an object";
const LIST: &str = "a list";
const TEXT: &str = "a text";

fn kind(raw: &RawValue) -> &'static str {
    match raw.get().bytes().next() {
        Some(b'{') => OBJECT,
        Some(b'[') => LIST,
        Some(b'"') => TEXT,
        Some(b'n') | None => "missing or null",
        Some(b't' | b'f') => "a truth value",
        Some(_) => "a number",
    }
}
