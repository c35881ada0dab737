//! S10, S35, S37 to S43, S48, S51, S52: what groups give, through operations that AWS takes its time for.

use std::time::Duration;

use engine::ledger::Touched;
use engine::{Completed, Request, Scope};
use scenarios::{Event, Rig};
use sim::identity_center::{Fate, StoreAssignment};
use sim::{Fault, OrganizationShape, Shape, What};
use sync_core::ids::AccountId;
use sync_core::plan::PlanHash;
use sync_core::records::OperationStatus;
use sync_core::report::{Mode, Report, Status};

const RULE: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['ou:Workloads/Prod']\npermission_sets = ['Admin']\n";

/// Three groups; accounts 1 and 4 are in `Workloads/Prod`, 2 and 5 in `Workloads/Dev`, 3 and 6 in `Sandbox`.
fn rig_of(accounts: u32, policy: &str) -> Rig {
    let organization = Some(OrganizationShape { accounts, ..OrganizationShape::default() });
    Rig::of(&Shape { organization, ..Shape::default() }, policy)
}

fn rig(policy: &str) -> Rig {
    rig_of(6, policy)
}

/// Who has what where, by the last two digits of the account.
fn given(rig: &Rig) -> Vec<String> {
    let line = |(group, account, set): (String, AccountId, String)| format!("{group} {set} {}", &account.as_str()[10..]);
    rig.world.aws.assignments_by_name().into_iter().map(line).collect()
}

fn kinds(report: &Report) -> Vec<&str> {
    report.unresolved.iter().map(|entry| entry.kind).collect()
}

/// The writes in their order, whatever came of them.
fn attempted(rig: &Rig) -> Vec<String> {
    rig.world.aws.write_attempts().into_iter().map(|call| call.operation).collect()
}

fn writes(rig: &Rig, operation: &str) -> usize {
    attempted(rig).iter().filter(|attempted| *attempted == operation).count()
}

#[tokio::test(start_paused = true)]
async fn a_group_gets_what_its_rule_gives_and_a_second_run_has_nothing_to_do() {
    let rig = rig(RULE);
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 2), "{report:?}");
    assert_eq!(given(&rig), ["AWS-000 Admin 01", "AWS-000 Admin 04"]);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s48_what_was_changed_by_hand_is_repaired_and_what_no_rule_speaks_of_stays() {
    let rig = rig(RULE);
    rig.apply().await;
    rig.world.aws.unassign(&rig.world.assignment(0, 1, "Admin"));
    rig.world.aws.assign(&rig.world.assignment(0, 2, "ReadOnly"));
    rig.world.aws.assign(&rig.world.assignment(1, 3, "ReadOnly"));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 2), "{report:?}");
    assert_eq!(given(&rig), ["AWS-000 Admin 01", "AWS-000 Admin 04", "AWS-001 ReadOnly 03"]);
}

#[tokio::test(start_paused = true)]
async fn s48_a_group_made_again_gets_its_assignments_back() {
    let rig = rig(RULE);
    rig.apply().await;
    rig.world.aws.remove_group(&rig.world.group(0));
    let report = rig.apply().await.report;
    assert_eq!(report.status, Status::Applied, "{report:?}");
    assert_eq!(rig.world.assignments().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn s10_a_renamed_group_gains_before_it_loses() {
    let rules = "[[assignment]]\ngroup = '^AWS-(?<set>[A-Za-z]+)$'\naccounts = ['000000000001']\npermission_sets = ['${set}']\n";
    let rig = rig(rules);
    rig.world.okta.rename_group(&rig.world.okta_group(0), "AWS-ReadOnly");
    rig.apply().await;
    rig.world.okta.rename_group(&rig.world.okta_group(0), "AWS-Admin");
    rig.clear_logs();
    let report = rig.on_group(&rig.world.okta_group(0), Event::Removal).await.report;
    assert_eq!(report.status, Status::Applied, "{report:?}");
    assert_eq!(attempted(&rig), ["UpdateGroup", "CreateAccountAssignment", "DeleteAccountAssignment"]);
    assert_eq!(given(&rig), ["AWS-Admin Admin 01"]);
}

#[tokio::test(start_paused = true)]
async fn s10_a_rename_that_a_rule_still_matches_touches_nothing_that_the_group_gives() {
    let rig = rig(&RULE.replace("^AWS-000$", "^AWS-(000|renamed)$"));
    rig.apply().await;
    let group = rig.world.okta_group(0);
    for (name, by_event) in [("AWS-renamed", true), ("AWS-000", false)] {
        rig.world.okta.rename_group(&group, name);
        rig.clear_logs();
        let completed = if by_event { rig.on_group(&group, Event::Removal).await } else { rig.apply().await };
        assert_eq!((completed.report.status, attempted(&rig)), (Status::Applied, vec!["UpdateGroup".to_owned()]), "{:?}", completed.report);
        assert_eq!(given(&rig), [format!("{name} Admin 01"), format!("{name} Admin 04")]);
    }
}

#[tokio::test(start_paused = true)]
async fn s37_never_more_are_under_way_than_the_limit() {
    let rig = rig_of(72, "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['name:account-*']\npermission_sets = ['Admin']\n");
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed, given(&rig).len()), (Status::Applied, 72, 72), "{report:?}");
    let requests = rig.world.aws.all_requests();
    assert_eq!(requests.iter().filter(|request| request.status == OperationStatus::Succeeded).count(), 72);
    assert_eq!((requests.len(), rig.world.aws.most_in_flight()), (72, 10), "the limit is used, and kept");
    assert!(rig.world.aws.throttled().is_empty(), "AWS never says that there are too many");
}

#[tokio::test(start_paused = true)]
async fn s38_what_aws_gives_up_is_said_and_tried_again_later_and_not_in_every_run() {
    let rig = rig(RULE);
    rig.world.aws.decide(Fate::fails_on(&rig.world.account(1), "the account has too many roles"));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed, report.outcomes.failed), (Status::Partial, 1, 1));
    assert!(report.failures[0].error.contains("too many roles"), "{:?}", report.failures);
    rig.world.aws.clear_fates();
    rig.clear_logs();
    let soon = rig.apply().await.report;
    assert_eq!((soon.status, soon.outcomes.not_attempted, writes(&rig, "CreateAccountAssignment")), (Status::Partial, 1, 0));
    tokio::time::advance(Duration::from_secs(16 * 60)).await;
    assert_eq!((rig.apply().await.report.status, given(&rig).len()), (Status::Applied, 2));
}

#[tokio::test(start_paused = true)]
async fn s39_what_is_not_at_its_end_is_pending_and_the_next_run_begins_no_second() {
    let rig = rig(RULE);
    rig.world.aws.configure(|settings| settings.assignments.delay_ms = 60_000);
    let request = Request { run_id: "short".to_owned(), mode: Mode::Apply, scope: Scope::All, approve: None };
    let report = rig.engine(Duration::from_secs(20)).reconcile(&request).await.unwrap().report;
    assert_eq!((report.status, report.outcomes.pending), (Status::Partial, 2), "{report:?}");
    let next = rig.apply().await.report;
    assert_eq!((next.status, writes(&rig, "CreateAccountAssignment")), (Status::Applied, 2), "{next:?}");
    assert_eq!(given(&rig).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn s35_an_operation_in_the_way_is_waited_out() {
    let rig = rig(RULE);
    let conflict = What::Exception { name: "ConflictException".to_owned(), reason: None };
    rig.world.aws.inject(Fault::on("CreateAccountAssignment", conflict).times(3));
    let report = rig.apply().await.report;
    assert_eq!((report.status, given(&rig).len()), (Status::Applied, 2), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s42_assignments_that_cannot_be_read_are_no_drift() {
    let rig = rig(RULE);
    rig.apply().await;
    for operation in ["ListAccountAssignmentsForPrincipal", "ListPermissionSets", "ListAccounts"] {
        let down = What::Exception { name: "InternalServerException".to_owned(), reason: None };
        rig.world.aws.inject(Fault::on(operation, down).always());
        let report = rig.another(operation).apply().await.report;
        assert_eq!((report.status, given(&rig).len()), (Status::Partial, 2), "{operation}: {report:?}");
        rig.world.aws.clear_faults();
    }
}

#[tokio::test(start_paused = true)]
async fn s42_what_one_group_gives_is_read_otherwise_where_it_is_denied_and_the_others_are_read_as_ever() {
    let rule = "[[assignment]]\ngroup = '^AWS-00[01]$'\naccounts = ['000000000001']\npermission_sets = ['Admin']\n";
    let rig = rig(rule);
    rig.apply().await;
    rig.world.aws.unassign(&rig.world.assignment(1, 1, "Admin"));
    rig.world.aws.assign(&rig.world.assignment(1, 2, "ReadOnly"));
    let denied = What::Exception { name: "AccessDeniedException".to_owned(), reason: None };
    let of_first = Fault::on("ListAccountAssignmentsForPrincipal", denied.clone()).containing(rig.world.group(0).as_str()).always();
    for pairs_are_denied in [false, true] {
        rig.world.aws.inject(of_first.clone());
        if pairs_are_denied {
            rig.world.aws.assign(&rig.world.assignment(1, 3, "ReadOnly"));
            rig.world.aws.inject(Fault::on("ListAccountAssignments", denied.clone()).always());
        }
        let report = rig.another("denied").apply().await.report;
        let expected = if pairs_are_denied { Status::Partial } else { Status::Applied };
        assert_eq!(
            (report.status, given(&rig)),
            (expected, vec!["AWS-000 Admin 01".to_owned(), "AWS-001 Admin 01".to_owned()]),
            "{report:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn s37_an_aws_that_does_not_list_what_is_under_way_is_asked_about_each() {
    for what in [What::Exception { name: "UnknownOperationException".to_owned(), reason: None }, What::Html { status: 500 }] {
        let rig = rig(RULE);
        rig.world.aws.inject(Fault::on("ListAccountAssignmentCreationStatus", what).always());
        let report = rig.apply().await.report;
        assert_eq!((report.status, report.outcomes.changed, given(&rig).len()), (Status::Applied, 2, 2), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn s43_a_permission_set_that_is_gone_holds_the_rules_removals() {
    let rig = rig(RULE);
    rig.apply().await;
    rig.world.aws.add_permission_set("Other");
    let renamed = rig.with_policy(&RULE.replace("Admin", "Renamed"));
    let report = renamed.apply().await.report;
    assert_eq!((kinds(&report), given(&rig).len()), (vec!["unknown_permission_set"], 2));
}

#[tokio::test(start_paused = true)]
async fn s51_what_moves_is_kept_where_the_new_one_fails() {
    let rig = rig(RULE);
    rig.apply().await;
    let moved = rig.with_policy(&RULE.replace("Admin", "ReadOnly"));
    rig.world.aws.decide(Fate { permission_set: Some("ReadOnly".to_owned()), failure: Some("no".to_owned()), ..Fate::default() });
    let report = moved.apply().await.report;
    assert_eq!((report.outcomes.failed, report.outcomes.not_attempted, given(&rig).len()), (2, 2, 2), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s51_what_moves_is_kept_while_the_new_one_is_held() {
    for guard in ["sensitive_permission_sets = ['ReadOnly']", "max_assignment_additions = 0"] {
        let rig = rig(RULE);
        rig.apply().await;
        let moved = rig.with_policy(&format!("{}[guard]\n{guard}\n", RULE.replace("Admin", "ReadOnly")));
        let report = moved.apply().await.report;
        assert_eq!((report.status, report.held[0].actions, report.outcomes.not_attempted), (Status::Held, 2, 2), "{report:?}");
        assert_eq!(given(&rig), ["AWS-000 Admin 01", "AWS-000 Admin 04"], "nobody has a gap");
        assert!(report.failures[0].error.contains("until that is approved"), "{:?}", report.failures);
        let approved = moved.run(Mode::Apply, Scope::All, PlanHash::parse(&report.plan_hash)).await.unwrap().report;
        assert_eq!(
            (approved.status, given(&rig)),
            (Status::Applied, vec!["AWS-000 ReadOnly 01".to_owned(), "AWS-000 ReadOnly 04".to_owned()])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn s52_a_changed_rule_touches_only_its_own_assignments() {
    let second = "[[assignment]]\ngroup = '^AWS-001$'\naccounts = ['000000000002']\npermission_sets = ['Admin']\n";
    let rig = rig(&format!("{RULE}{second}"));
    rig.apply().await;
    rig.clear_logs();
    rig.with_policy(&format!("{}{second}", RULE.replace("Admin", "ReadOnly"))).apply().await;
    assert_eq!(given(&rig), ["AWS-000 ReadOnly 01", "AWS-000 ReadOnly 04", "AWS-001 Admin 02"]);
    assert_eq!(rig.world.aws.write_attempts().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_vanished_leaves_its_assignments_until_approved() {
    let rig = rig(RULE);
    rig.apply().await;
    let without = rig.with_policy("");
    for _ in 0..2 {
        let report = without.apply().await.report;
        assert_eq!((report.status, report.held[0].rule, given(&rig).len()), (Status::Held, "orphaned_rule", 2), "{report:?}");
    }
    let hash = PlanHash::parse(&without.dry().await.report.plan_hash);
    let approved = without.run(Mode::Apply, Scope::All, hash).await.unwrap().report;
    assert_eq!((approved.status, given(&rig).len()), (Status::Applied, 0), "{approved:?}");
    assert_eq!(without.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s08_what_a_new_group_was_not_given_is_approved_by_the_hash_of_the_run_that_made_it() {
    let rule = RULE.replace("^AWS-000$", "^AWS-new$");
    let rig = rig(&format!("{rule}[guard]\nsensitive_permission_sets = ['Admin']\n"));
    rig.world.okta.add_member(&rig.world.okta.add_group("AWS-new"), &rig.world.okta_user(0));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.held[0].actions, report.outcomes.changed), (Status::Held, 2, 2), "{report:?}");
    let approved = rig.run(Mode::Apply, Scope::All, PlanHash::parse(&report.plan_hash)).await.unwrap().report;
    assert_eq!((approved.status, given(&rig)), (Status::Applied, vec!["AWS-new Admin 01".to_owned(), "AWS-new Admin 04".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_deleted_leaves_no_orphans() {
    let rig = rig("on_deleted_in_okta = \"delete\"\n[guard]\nmax_group_deletions = 3\n");
    rig.world.aws.assign(&rig.world.assignment(0, 1, "Admin"));
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 2), "{report:?}");
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_none() && rig.world.aws.orphans().is_empty());
}

#[tokio::test(start_paused = true)]
async fn s01_a_group_that_is_not_deleted_keeps_what_it_gives() {
    let cases = [
        ("source_empty", "", 3),
        ("max_membership_removals", "max_membership_removals = 0", 1),
        ("max_group_deletions", "max_group_deletions = 1", 1),
        ("max_assignment_removals", "max_assignment_removals = 1", 1),
        ("protected_groups", "protected_groups = ['^AWS-000$']", 1),
    ];
    for (rule, guard, gone) in cases {
        let rig = rig(&format!("on_deleted_in_okta = \"delete\"\n{RULE}[guard]\n{guard}\n"));
        rig.apply().await;
        if rule == "max_group_deletions" {
            rig.world.okta.delete_group(&rig.world.okta_group(2));
            rig.apply().await;
        }
        (0..gone).for_each(|group| assert!(rig.world.okta.delete_group(&rig.world.okta_group(group))));
        rig.clear_logs();
        let report = rig.apply().await.report;
        assert_eq!((report.status, report.held[0].rule, rig.world.aws.write_attempts().len()), (Status::Held, rule, 0), "{report:?}");
        assert_eq!(given(&rig).len(), 2, "{rule}");
        let held = |action: &str| report.plan.iter().filter(|entry| entry.action == action && entry.held == Some(rule)).count();
        assert_eq!((held("delete_assignment"), held("delete_group") >= 1), (2, true), "{rule}: {:?}", report.plan);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_is_not_deleted_while_something_that_it_gives_is_still_there() {
    let rig = rig("on_deleted_in_okta = \"delete\"\n");
    rig.world.aws.assign(&rig.world.assignment(0, 1, "Admin"));
    rig.world.aws.decide(Fate::fails_on(&rig.world.account(1), "no"));
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let report = rig.apply().await.report;
    assert_eq!((report.outcomes.failed, report.outcomes.not_attempted), (1, 1), "{report:?}");
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_some());
}

/// A group is deleted whose assignment takes its time to go, and meanwhile something is done by hand: it is left to the next run.
async fn is_left_to_the_next_run(by_hand: impl FnOnce(&Rig)) {
    let rig = rig("on_deleted_in_okta = \"delete\"\n");
    rig.world.aws.assign(&rig.world.assignment(0, 1, "Admin"));
    rig.world.aws.configure(|settings| settings.assignments.delay_ms = 10_000);
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let by_hand = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        by_hand(&rig);
    };
    let (completed, ()) = tokio::join!(rig.apply(), by_hand);
    let outcomes = &completed.report.outcomes;
    assert_eq!((outcomes.changed, outcomes.not_attempted), (1, 1), "{:?}", completed.report);
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_some() && rig.world.aws.orphans().is_empty());
    assert_eq!(rig.apply().await.report.status, Status::Applied);
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_none() && rig.world.aws.orphans().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_given_something_just_before_its_deletion_is_not_deleted() {
    let give = |rig: &Rig| {
        rig.world.aws.assign(&rig.world.assignment(0, 2, "Admin"));
    };
    is_left_to_the_next_run(give).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_that_gets_a_member_just_before_its_deletion_is_not_deleted_beyond_the_budget() {
    is_left_to_the_next_run(|rig| drop(rig.world.aws.add_member(&rig.world.group(0), &rig.world.user(8)))).await;
}

#[tokio::test(start_paused = true)]
async fn reads_cost_one_call_a_group_and_names_are_read_once() {
    let sets = (0..100).map(|number| format!("Set{number:03}")).collect();
    let organization = Some(OrganizationShape { accounts: 2, permission_sets: sets, ..OrganizationShape::default() });
    let shape = Shape { users: 10, groups: 300, members: 1, organization, ..Shape::default() };
    let rule = "[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000001']\npermission_sets = ['Set000']\n[guard]\nmax_assignment_additions = 0\n";
    let rig = Rig::of(&shape, rule);
    let cold = rig.dry().await.report;
    assert_eq!(cold.calls.sso_admin, 401, "100 names, one list of them, 300 groups");
    let warm = rig.dry().await.report;
    assert_eq!(warm.calls.sso_admin, 301);
}

/// All groups get one permission set on one account.
const ONE_PLACE: &str = "[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000001']\npermission_sets = ['Admin']\n";

#[tokio::test(start_paused = true)]
async fn no_group_is_granted_what_as_many_groups_as_aws_allows_have_and_the_plan_says_so() {
    let organization = Some(OrganizationShape { accounts: 2, ..OrganizationShape::default() });
    let rig = Rig::of(&Shape { groups: 103, members: 0, organization, ..Shape::default() }, ONE_PLACE);
    for (attempt, changed) in [(1, 100), (2, 0)] {
        let report = rig.apply().await.report;
        let outcomes = &report.outcomes;
        assert_eq!((outcomes.changed, outcomes.not_attempted, outcomes.failed), (changed, 3, 0), "{attempt}: {:?}", report.failures);
        assert_eq!(report.plan.iter().filter(|line| line.reason.contains("AWS allows 100 groups")).count(), 3);
        assert_eq!((report.status, writes(&rig, "CreateAccountAssignment")), (Status::Partial, 100));
    }
}

#[tokio::test(start_paused = true)]
async fn groups_that_are_not_ours_count_where_aws_counts_them() {
    let organization = Some(OrganizationShape { accounts: 2, ..OrganizationShape::default() });
    for delegated in [false, true] {
        let rig = Rig::of(&Shape { groups: 2, members: 0, organization: organization.clone(), ..Shape::default() }, ONE_PLACE);
        for number in 0..99 {
            let foreign = rig.world.aws.add_group(&format!("Foreign-{number}"), "").unwrap();
            rig.world.aws.assign(&StoreAssignment::of_group(&foreign, &rig.world.account(1), &rig.world.permission_set("Admin")));
        }
        rig.world.aws.configure(|settings| settings.assignments.delegated_admin = delegated);
        let outcomes = rig.apply().await.report.outcomes;
        assert_eq!((outcomes.changed, outcomes.not_attempted, outcomes.failed), (1, 1, 0), "{outcomes:?}");
        assert_eq!(writes(&rig, "CreateAccountAssignment"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn s50_a_membership_event_reads_no_assignments() {
    let rig = rig(RULE);
    rig.apply().await;
    rig.join(0, [11]);
    let report = rig.on_user(&rig.world.okta_user(11), Some(&rig.world.okta_group(0)), Event::Grant).await.report;
    assert_eq!((report.outcomes.changed, report.calls.sso_admin, report.calls.organizations), (1, 0, 0));
    assert!(report.unresolved.is_empty(), "what was not read is not said to be unknown: {:?}", report.unresolved);
}

#[tokio::test(start_paused = true)]
async fn s51_an_undo_gives_back_before_it_takes() {
    let rig = rig(RULE);
    rig.apply().await;
    let moved = rig.with_policy(&RULE.replace("Admin", "ReadOnly"));
    let run_id = moved.apply().await.report.run_id;
    rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
    rig.clear_logs();
    let undone = moved.must(Mode::Apply, Scope::Undo(run_id)).await.report;
    assert_eq!(attempted(&rig), [["CreateAccountAssignment"; 2], ["DeleteAccountAssignment"; 2]].concat(), "{undone:?}");
}

#[tokio::test(start_paused = true)]
async fn an_undo_does_not_grant_what_is_sensitive() {
    for names_are_unread in [false, true] {
        let rig = rig(RULE);
        rig.apply().await;
        let other = RULE.replace("Admin", "ReadOnly");
        let run_id = rig.with_policy(&other).apply().await.report.run_id;
        let cautious = rig.with_policy(&format!("{other}[guard]\nsensitive_permission_sets = ['Admin']\n"));
        if names_are_unread {
            rig.world.aws.inject(Fault::on("DescribePermissionSet", What::Html { status: 500 }).always());
        }
        rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
        let undone = cautious.must(Mode::Apply, Scope::Undo(run_id)).await.report;
        assert_eq!((undone.status, undone.held[0].rule), (Status::Held, "sensitive_permission_sets"), "{undone:?}");
        assert_eq!(given(&rig), ["AWS-000 ReadOnly 01", "AWS-000 ReadOnly 04"], "and nobody has a gap");
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_assignments_back() {
    let rig = rig(RULE);
    let run_id = rig.apply().await.report.run_id;
    rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
    let undone = rig.must(Mode::Apply, Scope::Undo(run_id)).await.report;
    assert_eq!((undone.status, given(&rig).len()), (Status::Applied, 0), "{undone:?}");
}

/// Many assignments, ten at a time; what happens after a minute of them.
async fn while_many_are_made(rig: &Rig, run: impl Future<Output = Completed>, meanwhile: impl Future<Output = ()>) -> Report {
    rig.world.aws.configure(|settings| settings.assignments.delay_ms = 20_000);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        meanwhile.await;
    };
    tokio::join!(run, meanwhile).0.report
}

const MANY: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['name:account-*']\npermission_sets = ['Admin']\n";

#[tokio::test(start_paused = true)]
async fn a_pause_stops_assignments_that_wait_behind_others() {
    let rig = rig_of(72, MANY);
    let pause = async { rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap() };
    let report = while_many_are_made(&rig, rig.another("full").apply(), pause).await;
    assert!((20..50).contains(&given(&rig).len()) && report.outcomes.not_attempted > 20, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s46_assignments_that_wait_behind_others_are_decided_anew_where_their_group_was_touched_meanwhile() {
    for by_event in [false, true] {
        let rig = rig_of(72, MANY);
        let touch = async {
            rig.world.okta.rename_group(&rig.world.okta_group(0), "AWS-of-no-rule");
            let touched = Touched { groups: [rig.world.okta_group(0)].into(), ..Touched::default() };
            rig.ledger().touch("worker", &touched, rig.ledger_time()).await.unwrap();
        };
        let (full, worker) = (rig.another("full"), rig.another("worker"));
        let report = if by_event {
            while_many_are_made(&rig, worker.on_group(&rig.world.okta_group(0), Event::Grant), touch).await
        } else {
            while_many_are_made(&rig, full.apply(), touch).await
        };
        assert!((20..50).contains(&given(&rig).len()), "by event: {by_event}, {}: {report:?}", given(&rig).len());
    }
}

#[tokio::test(start_paused = true)]
async fn s43_a_run_for_a_user_that_makes_a_group_calls_nothing_unknown_that_it_did_not_read() {
    let rig = rig("[[assignment]]\ngroup = '^AWS-new$'\naccounts = ['name:account-*']\npermission_sets = ['Admin']\n");
    let made = rig.world.okta.add_group("AWS-new");
    rig.world.okta.add_member(&made, &rig.world.okta_user(0));
    let report = rig.must(Mode::Apply, Scope::Users(vec!["user0@example.com".to_owned()])).await.report;
    assert_eq!((report.status, kinds(&report)), (Status::Applied, vec![]), "{report:?}");
    rig.apply().await;
    assert_eq!(given(&rig).len(), 6, "the next full run gives it what the rule says");
}
