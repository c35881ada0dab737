//! A run whose time was up goes on as another one: the same scope anew, from what it then finds, and not from a remembered position.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sync_core::report::Mode;

use crate::reconcile::Completed;
use crate::request::{Request, Scope, Since};

/// The only form so far.
const FORM: u8 = 1;

/// Most runs of one chain. At a quarter of an hour each that is a day, after which the schedule has begun another.
const MOST_RUNS: u32 = 96;

/// What the next run of a chain is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continuation {
    form: u8,
    /// The run that the chain began with.
    pub chain: String,
    /// How many runs it has had.
    pub runs: u32,
    /// What they look at.
    #[serde(rename = "continue")]
    scope: Continued,
}

/// The scopes that take long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Continued {
    All,
    Groups(Vec<String>),
    Users(Vec<String>),
    ChangedSinceLast,
    ChangedSince(Timestamp),
}

impl Continued {
    fn of(scope: &Scope) -> Option<Self> {
        match scope {
            Scope::All => Some(Self::All),
            Scope::Groups(names) => Some(Self::Groups(names.clone())),
            Scope::Users(names) => Some(Self::Users(names.clone())),
            Scope::ChangedSince(Since::Last) => Some(Self::ChangedSinceLast),
            Scope::ChangedSince(Since::Moment(at)) => Some(Self::ChangedSince(*at)),
            Scope::Triggers(_) | Scope::Undo(_) => None,
        }
    }
}

/// What comes after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: its time was enough.
    Nothing,
    /// Another run goes on.
    GoOn(Continuation),
    /// Its time was up, and it had done nothing, or the chain is too long: another run would fare no better. A person has to look.
    Stop,
}

impl Continuation {
    /// What comes after a run; `before` is what it continued itself.
    pub fn after(request: &Request, completed: &Completed, before: Option<&Self>) -> Next {
        let (Some(progress), Some(scope), Mode::Apply) = (completed.cut_off, Continued::of(&request.scope), request.mode) else {
            return Next::Nothing;
        };
        let (chain, runs) = before.map_or((&request.run_id, 0), |before| (&before.chain, before.runs));
        if progress == 0 || runs + 1 >= MOST_RUNS {
            return Next::Stop;
        }
        Next::GoOn(Self { form: FORM, chain: chain.clone(), runs: runs + 1, scope })
    }

    /// Reads a message; `None` where it is none of ours.
    pub fn parse(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok().filter(|continuation: &Self| continuation.form == FORM)
    }

    /// The message.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers are always JSON")
    }

    /// The run that goes on. What was approved was one set, and is not approved again.
    pub fn request(&self, run_id: String) -> Request {
        let scope = match &self.scope {
            Continued::All => Scope::All,
            Continued::Groups(names) => Scope::Groups(names.clone()),
            Continued::Users(names) => Scope::Users(names.clone()),
            Continued::ChangedSinceLast => Scope::ChangedSince(Since::Last),
            Continued::ChangedSince(at) => Scope::ChangedSince(Since::Moment(*at)),
        };
        Request { run_id, mode: Mode::Apply, scope, approve: None }
    }
}

#[cfg(test)]
mod tests {
    use sync_core::report::Findings;

    use super::*;

    fn completed(cut_off: Option<u64>) -> Completed {
        let findings = Findings::default();
        let circumstances = sync_core::report::Circumstances {
            run_id: "r1".to_owned(),
            mode: Mode::Apply,
            scope: Scope::All.to_json(),
            calls: sync_core::report::Calls::default(),
            duration_ms: 0,
        };
        let report = sync_core::report::Report::of(&findings, circumstances);
        Completed { report, findings, is_paused: false, cut_off, is_whole_shadow: false }
    }

    fn request(scope: Scope, mode: Mode) -> Request {
        Request { run_id: "r1".to_owned(), mode, scope, approve: None }
    }

    #[test]
    fn a_run_that_was_cut_off_goes_on_with_the_same_scope_and_one_that_did_nothing_stops() {
        for scope in
            [Scope::All, Scope::Groups(vec!["AWS-1".to_owned()]), Scope::Users(vec!["00u1".to_owned()]), Scope::ChangedSince(Since::Last)]
        {
            let request = request(scope.clone(), Mode::Apply);
            let Next::GoOn(next) = Continuation::after(&request, &completed(Some(1)), None) else { panic!("it goes on") };
            let read = Continuation::parse(&next.to_json()).unwrap();
            assert_eq!((read.chain.as_str(), read.runs, read.request("r2".to_owned()).scope), ("r1", 1, scope));
            let Next::GoOn(third) = Continuation::after(&request, &completed(Some(1)), Some(&next)) else { panic!("it goes on") };
            assert_eq!((third.chain.as_str(), third.runs), ("r1", 2));
            assert_eq!(Continuation::after(&request, &completed(Some(0)), Some(&next)), Next::Stop);
            assert_eq!(Continuation::after(&request, &completed(Some(1)), Some(&Continuation { runs: 95, ..next })), Next::Stop);
            assert_eq!(Continuation::after(&request, &completed(None), None), Next::Nothing);
        }
        assert_eq!(Continuation::after(&request(Scope::All, Mode::DryRun), &completed(Some(1)), None), Next::Nothing);
        assert_eq!(Continuation::after(&request(Scope::Undo("r".to_owned()), Mode::Apply), &completed(Some(1)), None), Next::Nothing);
    }

    #[test]
    fn what_is_no_continuation_is_none() {
        for body in
            ["", "{}", r#"{"form":2,"chain":"r1","runs":1,"continue":"all"}"#, r#"{"form":1,"chain":"r1","runs":1,"continue":"some"}"#]
        {
            assert_eq!(Continuation::parse(body), None, "{body}");
        }
    }
}
