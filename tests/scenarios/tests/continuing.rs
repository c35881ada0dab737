//! Runs that are cut off by their deadline and go on as others, from what they then find.

use std::time::Duration;

use engine::Scope;
use engine::continuation::{Continuation, Next};
use engine::{Completed, Request};
use scenarios::Rig;
use sim::{Fault, OrganizationShape, Shape, What};
use sync_core::report::{Mode, Status};

/// Runs of `limit`, each of which goes on where the one before was cut off, until none does. Says how each of them ended.
async fn chain(rig: &Rig, limit: Duration) -> (Vec<Completed>, Next) {
    let (mut done, mut before): (Vec<Completed>, Option<Continuation>) = (Vec::new(), None);
    loop {
        let id = format!("run-{:03}", done.len());
        let first = || Request { run_id: id.clone(), mode: Mode::Apply, scope: Scope::All, approve: None };
        let request = before.as_ref().map_or_else(first, |before| before.request(id.clone()));
        // Another process each time: nothing is remembered but what is in the ledger.
        let engine = rig.another(&id).engine(limit);
        let completed = Box::pin(engine.reconcile(&request)).await.expect("the run can be begun");
        let next = Continuation::after(&request, &completed, before.as_ref());
        done.push(completed);
        match next {
            Next::GoOn(continuation) => before = Continuation::parse(&continuation.to_json()),
            end @ (Next::Nothing | Next::Stop) => return (done, end),
        }
        tokio::time::advance(Duration::from_secs(2)).await;
    }
}

fn cold(users: usize, groups: usize, members: usize) -> Rig {
    Rig::of(&Shape { users, groups, members, in_sync: false, ..Shape::default() }, "")
}

#[tokio::test(start_paused = true)]
async fn s36_a_cold_world_is_finished_by_several_runs_each_with_progress() {
    let rig = cold(200, 40, 20);
    rig.world.aws.set_latency(Duration::from_millis(400));
    let (runs, end) = chain(&rig, Duration::from_secs(15)).await;
    assert!(rig.agrees() && end == Next::Nothing, "after {} runs: {:?}", runs.len(), runs.last().unwrap().report);
    assert!((4..=12).contains(&runs.len()), "{} runs", runs.len());
    assert!(runs.iter().rev().skip(1).all(|run| run.cut_off > Some(0) && run.report.status == Status::Partial));
    let writes = rig.world.aws.writes().len();
    assert_eq!(writes, 40 + 800, "nothing is done twice: what is there is found, and not remembered");
}

#[tokio::test(start_paused = true)]
async fn what_okta_lets_out_too_slowly_for_one_run_is_read_by_several() {
    let rig = cold(60, 120, 2);
    rig.world.okta.set_latency(Duration::from_millis(1_200));
    let (runs, end) = chain(&rig, Duration::from_secs(8)).await;
    assert!(rig.agrees() && end == Next::Nothing, "after {} runs: {:?}", runs.len(), runs.last().unwrap().report);
    assert!(runs.len() > 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_without_progress_stops_and_says_so() {
    let rig = cold(20, 4, 5);
    rig.world.aws.set_latency(Duration::from_secs(20));
    let (runs, end) = chain(&rig, Duration::from_secs(10)).await;
    assert_eq!(end, Next::Stop, "{:?}", runs.last().unwrap().report);
    assert_eq!((runs.len(), runs[0].cut_off), (1, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn one_chain_goes_on_with_a_scope_and_another_waits_for_its_end() {
    let rig = cold(4, 1, 4);
    let (ledger, now) = (rig.ledger(), rig.ledger_time());
    assert!(ledger.lead_chain("\"all\"", "a", now).await && ledger.lead_chain("\"all\"", "a", now).await);
    assert!(!ledger.lead_chain("\"all\"", "b", now).await);
    assert!(ledger.lead_chain("{\"groups\":[\"x\"]}", "b", now).await, "another scope is another chain");
    ledger.end_chain("\"all\"", "b", now).await;
    assert!(!ledger.lead_chain("\"all\"", "b", now).await, "only its own end counts");
    ledger.end_chain("\"all\"", "a", now).await;
    assert!(ledger.lead_chain("\"all\"", "b", now).await);
    let later = now + jiff::SignedDuration::from_mins(41);
    assert!(ledger.lead_chain("\"all\"", "c", later).await, "a chain that broke is forgotten");
    rig.world.table.inject(Fault::on("GetItem", What::Status { status: 500, code: None }).always());
    assert!(!ledger.lead_chain("\"all\"", "c", later).await, "without the ledger the schedule goes on");
}

#[tokio::test(start_paused = true)]
async fn s39_a_run_goes_on_for_what_it_began_itself_and_not_for_what_is_stuck() {
    let rule = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['000000000001', '000000000004']\npermission_sets = ['Admin']\n";
    let organization = Some(OrganizationShape { accounts: 6, ..OrganizationShape::default() });
    let rig = Rig::of(&Shape { organization, ..Shape::default() }, rule);
    rig.world.aws.configure(|settings| settings.assignments.delay_ms = 3_600_000);
    let (runs, end) = chain(&rig, Duration::from_secs(20)).await;
    let cut_off: Vec<Option<u64>> = runs.iter().map(|run| run.cut_off).collect();
    assert_eq!((cut_off, end), (vec![Some(2 + 3), Some(0)], Next::Stop), "{:?}", runs.last().unwrap().report);
}

#[tokio::test(start_paused = true)]
async fn s46_a_run_that_waited_for_its_turn_until_its_time_was_up_is_cut_off() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.ledger().take_lease("another", rig.ledger_time()).await.unwrap();
    let request = Request { run_id: "short".to_owned(), mode: Mode::Apply, scope: Scope::All, approve: None };
    let completed = Box::pin(rig.engine(Duration::from_secs(5)).reconcile(&request)).await.unwrap();
    assert!(completed.cut_off.is_some() && rig.writes() == 0, "{:?}", completed.report);
}
