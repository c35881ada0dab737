//! S01 to S09: what must never be removed, and what must.

use engine::ledger::OpenHeld;
use engine::{Scope, Since};
use scenarios::Rig;
use serde_json::Value;
use sim::okta::HiddenAs;
use sim::{Fault, What};
use sync_core::plan::PlanHash;
use sync_core::report::{Mode, Report, Status};

/// Rule and number of actions of what was held.
fn held(report: &Report) -> Vec<(&str, usize)> {
    report.held.iter().map(|entry| (entry.rule, entry.actions)).collect()
}

#[tokio::test(start_paused = true)]
async fn s01_an_empty_200_holds_everything_and_the_next_healthy_run_writes_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.inject(Fault::on("GET /api/v1/groups", What::Empty).always());
    let report = rig.apply().await.report;
    assert_eq!((report.status, held(&report)), (Status::Held, vec![("source_empty", 12)]));
    assert_eq!(rig.writes(), 0);
    let refused = rig.run(Mode::Apply, Scope::All, PlanHash::parse(&report.plan_hash)).await.unwrap().report;
    assert_eq!((refused.status, rig.writes()), (Status::Held, 0), "an empty source cannot be approved");
    rig.world.okta.clear_faults();
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn s02_a_list_that_leaves_groups_out_is_held_and_what_it_has_is_applied() {
    let rig = Rig::in_sync(16, 4, 4, "");
    rig.world.okta.inject(Fault::on("GET /api/v1/groups", What::Shortened { keep: 2 } /* Everyone and AWS-000 */).always());
    rig.world.okta.remove_member(&rig.world.okta_group(0), &rig.world.okta_user(0));
    let report = rig.apply().await.report;
    assert_eq!((report.status, held(&report)), (Status::Held, vec![("source_shrunk", 0)]));
    let mut names: Vec<&str> = report.held[0].groups.iter().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["AWS-001", "AWS-002", "AWS-003"]);
    assert_eq!(report.outcomes.changed, 1, "the fourth group's own difference is applied");
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s02_groups_that_a_narrower_role_hides_are_held_whatever_they_answer_by_id() {
    for (hidden_as, actions) in [(HiddenAs::Forbidden, 0), (HiddenAs::NotFound, 12)] {
        let rig = Rig::in_sync(16, 4, 4, "");
        rig.world.okta.configure(|settings| {
            settings.hidden = [1, 2, 3].map(|number| rig.world.okta_group(number)).into();
            settings.hidden_as = hidden_as;
        });
        let report = rig.apply().await.report;
        assert_eq!((report.status, held(&report)), (Status::Held, vec![("source_shrunk", actions)]));
        assert_eq!(rig.writes(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn s03_one_groups_empty_200_is_held_and_the_other_groups_go_on() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let group = rig.world.okta_group(0);
    rig.world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", What::Empty).containing(group.as_str()).always());
    rig.world.okta.remove_member(&rig.world.okta_group(1), &rig.world.okta_user(4));
    let report = rig.apply().await.report;
    assert_eq!((report.status, held(&report), report.outcomes.changed), (Status::Held, vec![("source_shrunk", 4)], 1));
    assert_eq!(rig.world.aws.member_ids(&rig.world.group(0)).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn s03_a_list_that_is_empty_only_once_costs_one_more_read_and_nothing_else() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", What::Empty));
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn s04_a_group_that_really_has_no_members_any_more_is_emptied_within_the_budget() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.leave(0, 0..4);
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 4));
    assert_eq!(rig.world.aws.all_users().len(), 12, "users are nobody's to delete here");
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s05_a_token_without_a_role_fails_the_run_and_writes_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.inject(Fault::on("GET /api/v1/groups", What::Status { status: 403, code: Some("E0000006".to_owned()) }).always());
    rig.world.okta.inject(Fault::on("GET /api/v1/users", What::Empty).always());
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Failed, 0));
    assert!(report.failures[0].action == "read" && report.failures[0].error.contains("E0000006"), "{:?}", report.failures);
}

#[tokio::test(start_paused = true)]
async fn s06_a_pattern_that_matches_nothing_any_more_is_held() {
    let rig = Rig::in_sync(40, 40, 1, "");
    let typo = rig.with_policy("exclude = ['^AWS-']\n");
    let report = typo.apply().await.report;
    assert_eq!((report.status, held(&report), rig.writes()), (Status::Held, vec![("source_empty", 40)], 0));
}

#[tokio::test(start_paused = true)]
async fn s07_five_runs_that_each_leak_a_little_are_held_by_the_window() {
    let rig = Rig::in_sync(200, 10, 20, "[guard]\nmax_membership_removals = 1\nmax_percent = 5\n");
    let mut statuses = Vec::new();
    for run in 0..5 {
        for user in 0..8 {
            rig.world.okta.remove_member(&rig.world.okta_group(run), &rig.world.okta_user(run * 20 + user));
        }
        statuses.push(rig.another(&format!("run{run}")).apply().await.report.status);
    }
    assert_eq!(statuses, [Status::Applied, Status::Held, Status::Held, Status::Held, Status::Held]);
    assert_eq!(rig.writes(), 8, "ten are allowed, and a class that wants more is held whole");
    tokio::time::advance(std::time::Duration::from_secs(24 * 3600)).await;
    rig.apply().await;
    assert_eq!(rig.writes(), 8, "thirty-two are more than the new window has");
}

#[tokio::test(start_paused = true)]
async fn s08_exactly_the_held_plan_can_be_approved_and_only_while_it_is_the_same() {
    let rig = Rig::in_sync(12, 3, 4, "[guard]\nmax_membership_removals = 1\nmax_percent = 0\n");
    rig.leave(0, 0..2);
    let report = rig.apply().await.report;
    assert_eq!(held(&report), [("max_membership_removals", 2)]);
    let hash = PlanHash::parse(&report.plan_hash);
    rig.world.okta.remove_member(&rig.world.okta_group(1), &rig.world.okta_user(4));
    assert!(rig.run(Mode::Apply, Scope::All, hash.clone()).await.is_err(), "the held set is another by one action");
    assert_eq!(rig.writes(), 0);
    rig.world.okta.add_member(&rig.world.okta_group(1), &rig.world.okta_user(4));
    let approved = rig.run(Mode::Apply, Scope::All, hash).await.unwrap().report;
    assert_eq!((approved.status, rig.writes()), (Status::Applied, 2));
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s09_what_is_not_ours_stays_and_a_foreign_member_of_a_managed_group_goes() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let aws = &rig.world.aws;
    let control_tower = aws.add_group("AWSControlTowerAdmins", "made by Control Tower").unwrap();
    let by_hand = aws.add_user("break-glass", None).unwrap();
    aws.add_member(&control_tower, &by_hand).unwrap();
    aws.add_member(&rig.world.group(0), &by_hand).unwrap();
    rig.clear_logs();
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Applied, 1));
    assert_eq!(report.plan[0].user.as_ref().unwrap().name, "break-glass");
    assert!(aws.member_ids(&control_tower).contains(&by_hand));
}

#[tokio::test(start_paused = true)]
async fn s53_a_dry_run_writes_nothing_and_its_plan_is_what_the_next_run_does() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.remove_member(&rig.world.okta_group(0), &rig.world.okta_user(0));
    rig.world.okta.add_member(&rig.world.okta_group(1), &rig.world.okta_user(0));
    rig.world.okta.rename_group(&rig.world.okta_group(2), "AWS-renamed");
    let dry = rig.dry().await.report;
    assert_eq!((dry.status, rig.writes(), rig.world.table.rows().len()), (Status::Planned, 0, 0));
    let real = rig.apply().await.report;
    assert_eq!(dry.plan, real.plan);
    assert_eq!((dry.plan_hash, real.status), (real.plan_hash, Status::Applied));
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn shadow_mode_plans_and_writes_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "[writes]\nmode = \"shadow\"\n");
    rig.world.okta.remove_member(&rig.world.okta_group(0), &rig.world.okta_user(0));
    let completed = rig.apply().await;
    let report = completed.report;
    assert_eq!((report.status, rig.writes(), report.plan.len()), (Status::Planned, 0, 1));
    assert!(matches!(report.to_json()["notes"], Value::Array(_)));
    assert!(completed.is_whole_shadow && !rig.dry().await.is_whole_shadow);
    rig.world.okta.inject(Fault::on("GET /api/v1/groups", What::Html { status: 500 }).always());
    assert!(!rig.apply().await.is_whole_shadow, "it saw nothing");
}

#[tokio::test(start_paused = true)]
async fn s55_what_is_held_stays_said_until_a_full_run_finds_it_held_no_more() {
    let rig = Rig::in_sync(12, 3, 4, "[guard]\nmax_leavers = 1\n");
    let open = async || rig.ledger().open_held(rig.ledger_time()).await.unwrap();
    rig.apply().await;
    assert_eq!(open().await, OpenHeld::default());
    (0..3).for_each(|user| rig.world.okta.suspend(&rig.world.okta_user(user)));
    let since_last = || Scope::ChangedSince(Since::Last);
    assert_eq!(held(&rig.must(Mode::Apply, since_last()).await.report), [("max_leavers", 2)]);
    assert_eq!(open().await, OpenHeld { actions: 2, leavers: 2 });
    // The next one still looks back at the moment of the change.
    for _ in 0..2 {
        tokio::time::advance(std::time::Duration::from_secs(600)).await;
        rig.must(Mode::Apply, since_last()).await;
    }
    let passed_by = rig.must(Mode::Apply, since_last()).await.report;
    assert_eq!((passed_by.status, open().await.leavers), (Status::Converged, 2), "the changes are behind its watermark, and both still in");
    let report = rig.apply().await.report;
    assert_eq!((held(&report), open().await.leavers), (vec![("max_leavers", 2)], 2));
    rig.run(Mode::Apply, Scope::All, PlanHash::parse(&report.plan_hash)).await.unwrap();
    assert!(rig.agrees());
    assert_eq!(open().await, OpenHeld::default());
}

#[tokio::test(start_paused = true)]
async fn a_full_run_that_saw_less_or_began_before_takes_nothing_back_of_what_is_held() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (ledger, held) = (rig.ledger(), OpenHeld { actions: 3, leavers: 1 });
    ledger.add_held(held, rig.ledger_time()).await.unwrap();
    let began = rig.ledger_time() - std::time::Duration::from_secs(60);
    ledger.replace_held(OpenHeld::default(), began, rig.ledger_time()).await.unwrap();
    assert_eq!(ledger.open_held(rig.ledger_time()).await, Ok(held), "another run came to hold it meanwhile");
    rig.world.okta.inject(
        Fault::on("GET /api/v1/groups/{id}/users", What::Html { status: 500 }).containing(rig.world.okta_group(0).as_str()).always(),
    );
    rig.leave(0, 0..1);
    rig.apply().await;
    assert_eq!(ledger.open_held(rig.ledger_time()).await, Ok(held), "one group was not read");
    rig.world.okta.clear_faults();
    rig.apply().await;
    assert_eq!(ledger.open_held(rig.ledger_time()).await, Ok(OpenHeld::default()));
}
