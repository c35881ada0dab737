//! The report: the contract's JSON, the text for people, and the status.

use crate::world::World;
use sync_core::guard::{RemovalGrant, Usage, Window};
use sync_core::outcome::{Effect, NotAttempted, Outcome};
use sync_core::report::{Calls, Circumstances, Findings, Mode, Report, Status};

fn circumstances(mode: Mode) -> Circumstances {
    let calls = Calls { okta: 4, identity_store: 7, ..Calls::default() };
    Circumstances { run_id: "r1".to_owned(), mode, scope: serde_json::json!("all"), calls, duration_ms: 12 }
}

/// One removal that is held, one that is not, and a member who is not provisioned.
fn findings() -> Findings {
    let world = World::in_sync(2, 12, "").members("g0", &["u0", "u1"]).user("u99");
    let kept: Vec<String> = (12..23).map(|user| format!("u{user}")).chain(["u99".to_owned()]).collect();
    let world = world.members("g1", &kept.iter().map(String::as_str).collect::<Vec<_>>());
    let judgement = world.judged_with(&Window::Used(Usage::default()), None).expect("nothing is approved, so no approval can be refused");
    let grant = RemovalGrant::reserved_by_ledger(&judgement.spend);
    let (approved, held, _) = judgement.approve(grant);
    let outcomes = approved.actions().map(|(_, action)| (action.clone(), Outcome::Done(Effect::Changed))).collect();
    Findings { plan: world.plan(), held, outcomes, unresolved: world.unresolved(), ..Findings::default() }
}

#[test]
fn the_json_is_the_contracts() {
    let json = Report::of(&findings(), circumstances(Mode::Apply)).to_json();
    assert_eq!((json["run_id"].as_str(), json["mode"].as_str(), json["scope"].as_str()), (Some("r1"), Some("apply"), Some("all")));
    assert_eq!(json["status"], "held");
    assert_eq!(json["plan_hash"].as_str().unwrap().len(), 64);
    let (first, removal) = (&json["plan"][0], "remove_membership");
    assert_eq!(
        (first["action"].as_str(), first["group"]["okta_id"].as_str(), first["group"]["name"].as_str()),
        (Some(removal), Some("g0"), Some("AWS-0"))
    );
    assert_eq!((first["user"]["name"].as_str(), first["reason"].as_str()), (Some("u10@x.com"), Some("not a member in Okta")));
    assert_eq!(json["outcomes"], serde_json::json!({"changed":1,"already_in_effect":0,"pending":0,"failed":0,"not_attempted":0}));
    let held = &json["held"][0];
    assert_eq!(
        (held["rule"].as_str(), held["limit"].as_u64(), held["actual"].as_u64(), held["actions"].as_u64()),
        (Some("max_percent_of_group"), Some(50), Some(83), Some(10))
    );
    assert_eq!(
        (json["unresolved"][0]["kind"].as_str(), json["unresolved"][0]["okta_id"].as_str()),
        (Some("user_not_provisioned"), Some("u99"))
    );
    assert_eq!(json["calls"], serde_json::json!({"okta":4,"identity_store":7,"scim":0,"sso_admin":0,"organizations":0}));
    assert_eq!((json["failures"].as_array().map(Vec::len), json["duration_ms"].as_u64()), (Some(0), Some(12)));
}

#[test]
fn the_text_says_what_is_planned_held_and_unresolved() {
    let text = Report::of(&findings(), circumstances(Mode::Apply)).to_text();
    for part in [
        "run r1: held (11 actions, scope \"all\")",
        "remove_membership AWS-0 u10@x.com: not a member in Okta [held: max_percent_of_group]",
        "max_percent_of_group: 10 actions, 83 where the limit is 50 (AWS-0)",
        "user_not_provisioned: u99@x.com (u99)",
        "outcomes: 1 changed",
        "calls: 4 okta, 7 identity_store",
        "plan hash: ",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn the_status_is_the_first_that_holds() {
    let status = |change: fn(&mut Findings)| {
        let mut findings = findings();
        findings.held = sync_core::guard::Held::default();
        change(&mut findings);
        Report::of(&findings, circumstances(Mode::Apply)).status
    };
    assert_eq!(status(|findings| findings.failed_reads = vec!["403".to_owned()]), Status::Failed);
    assert_eq!(status(|_| {}), Status::Applied);
    assert_eq!(status(|findings| findings.is_dry = true), Status::Planned);
    assert_eq!(status(|findings| findings.plan = sync_core::plan::Plan::default()), Status::Converged);
    assert_eq!(status(|findings| findings.outcomes[0].1 = Outcome::NotAttempted(NotAttempted::OutOfTime)), Status::Partial);
    assert_eq!(Report::of(&findings(), circumstances(Mode::Apply)).status, Status::Held);
}
