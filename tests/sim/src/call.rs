//! The way of every call, in process and over HTTP: process alive? – quota – faults – effect – answer – log.

use std::sync::Mutex;
use std::time::Duration;

use engine::ports::Clock;

use crate::fault::{ErrorFault, Faults, ListFault, Met, Strike, What};
use crate::kill::{Client, Step};
use crate::lock;
use crate::log::{Call, CallLog};
use crate::time::Time;

/// What is called.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Path and query, or the parameters.
    pub(crate) target: String,
    pub(crate) writing: bool,
}

impl Operation {
    pub(crate) fn read(name: &'static str, target: String) -> Self {
        Self { name, target, writing: false }
    }

    pub(crate) fn write(name: &'static str, target: String) -> Self {
        Self { name, target, writing: true }
    }
}

/// What both simulators have at their door.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) faults: Faults,
    pub(crate) log: CallLog,
    /// Every call takes this long.
    pub(crate) latency: Duration,
}

/// A simulator, as far as every call of it is alike.
pub(crate) trait Side {
    /// An error in the side's own shape.
    type Error: SideError;
    /// What an answer says about the rate limit.
    type Rate: Clone;

    fn desk(&mut self) -> &mut Desk;
    fn time(&self) -> Time;
    /// Grows with every change of the world.
    fn version(&self) -> u64;
    /// Lets happen what was to happen by now without anyone's call.
    fn catch_up(&mut self) {}
    /// Charges the quota.
    fn admit(&mut self, operation: &Operation) -> (Option<Self::Rate>, Result<(), Self::Error>);
    /// The error that a fault stands for; it may change what the answer says about the rate limit.
    fn error_of(&mut self, fault: ErrorFault<'_>, rate: &mut Option<Self::Rate>) -> Self::Error;
}

/// An error, as far as the log needs it.
pub(crate) trait SideError {
    fn status(&self) -> u16;
    fn code(&self) -> &str;
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure<E> {
    /// The side says so.
    Api(E),
    /// A page from something in between.
    Html(u16),
    /// No answer at all.
    Lost,
}

/// What becomes of an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Whole,
    /// Half of it, as if that were all.
    Truncated,
    /// Half of it, and then the connection breaks.
    CutOff,
}

impl Body {
    fn of(what: Option<&What>) -> Self {
        match what {
            Some(What::Truncated | What::Corrupt) => Self::Truncated,
            Some(What::CutOff) => Self::CutOff,
            Some(_) | None => Self::Whole,
        }
    }
}

/// The answer to a call.
#[derive(Debug)]
pub(crate) struct Reply<T, S: Side> {
    pub(crate) result: Result<T, Failure<S::Error>>,
    /// What becomes of the body.
    pub(crate) body: Body,
    pub(crate) rate: Option<S::Rate>,
}

struct Ticket<S: Side> {
    step: Step,
    refused: Option<S::Error>,
    met: Met,
    rate: Option<S::Rate>,
    time: Time,
    latency: Duration,
}

/// Performs one call. `run` is its effect, and gets what a fault makes of lists.
pub(crate) async fn perform<S: Side, T>(
    side: &Mutex<S>,
    client: &Client,
    operation: Operation,
    run: impl FnOnce(&mut S, ListFault) -> Result<T, S::Error> + Send,
) -> Reply<T, S> {
    let step = client.step(operation.name);
    if step == Step::Dead {
        return Reply { result: Err(Failure::Lost), body: Body::Whole, rate: None };
    }
    let ticket = admit(&mut *lock(side), &operation, step);
    let (time, after) = (ticket.time.clone(), Duration::from_millis(ticket.met.delay_after_ms));
    time.wait(ticket.latency + Duration::from_millis(ticket.met.delay_ms)).await;
    let reply = settle(&mut *lock(side), &operation, ticket, run);
    time.wait(after).await;
    reply
}

fn admit<S: Side>(state: &mut S, operation: &Operation, step: Step) -> Ticket<S> {
    let (rate, admitted) = state.admit(operation);
    let refused = admitted.err();
    let met = if refused.is_some() { Met::default() } else { state.desk().faults.meet(operation.name, &operation.target) };
    Ticket { step, refused, met, rate, time: state.time(), latency: state.desk().latency }
}

fn settle<S: Side, T>(
    state: &mut S,
    operation: &Operation,
    ticket: Ticket<S>,
    run: impl FnOnce(&mut S, ListFault) -> Result<T, S::Error>,
) -> Reply<T, S> {
    let Ticket { step, refused, met, mut rate, .. } = ticket;
    state.catch_up();
    let version = state.version();
    let what = met.what.as_ref();
    let failure = what.and_then(|what| failure_of(state, what, &mut rate));
    let result = match (refused, failure) {
        (Some(error), _) => Err(Failure::Api(error)),
        (None, Some(failure)) => {
            if met.after_effect || matches!(what, Some(What::DropAfter)) {
                // The fault hides whatever the effect would have answered.
                drop(run(state, ListFault::None));
            }
            Err(failure)
        }
        (None, None) => run(state, ListFault::of(what)).map_err(Failure::Api),
    };
    let result = if step == Step::LoseAnswer { Err(Failure::Lost) } else { result };
    let mutated = state.version() != version;
    write_down(state, operation, &result, mutated, what);
    Reply { result, body: Body::of(what), rate }
}

fn failure_of<S: Side>(state: &mut S, what: &What, rate: &mut Option<S::Rate>) -> Option<Failure<S::Error>> {
    match what.strike() {
        Strike::Lost => Some(Failure::Lost),
        Strike::Html(status) => Some(Failure::Html(status)),
        Strike::Error(fault) => Some(Failure::Api(state.error_of(fault, rate))),
        Strike::Spoils => None,
    }
}

fn write_down<S: Side, T>(state: &mut S, operation: &Operation, result: &Result<T, Failure<S::Error>>, mutated: bool, what: Option<&What>) {
    if state.desk().log.is_off() {
        return;
    }
    let (status, error) = match result {
        Ok(_) => (200, None),
        Err(Failure::Api(error)) => (error.status(), Some(error.code().to_owned())),
        Err(Failure::Html(status)) => (*status, None),
        Err(Failure::Lost) => (0, None),
    };
    let call = Call {
        order: 0,
        at: state.time().now(),
        operation: operation.name.to_owned(),
        target: operation.target.clone(),
        status,
        error,
        writing: operation.writing,
        mutated,
        fault: what.map(|what| format!("{what:?}")),
    };
    state.desk().log.push(call);
}
