//! Permission sets, assignments and their operations, read.

use engine::ports::{ReadAssignments, TargetCalls};
use futures::future::join_all;
use serde_json::{Value, json};
use sync_core::error::TargetErrorKind;
use sync_core::ids::RequestId;
use sync_core::records::{Assignment, AssignmentOperation, AssignmentRequest, OperationStatus};
use tokio::time::Instant;

use super::admin::{self, Admin, serve};
use super::fake::{Fake, INSTANCE, Reply};
use super::{SOON, account, group, kind, missing_key, missing_something, permission_set};

const BOTH: [AssignmentOperation; 2] = [AssignmentOperation::Create, AssignmentOperation::Delete];

fn assignment(n: usize) -> Assignment {
    Assignment { group: group("g0"), account: account(&admin::account(0)), permission_set: permission_set(&admin::set(n)) }
}

fn request_id(id: &str) -> RequestId {
    RequestId::new(id).unwrap()
}

#[tokio::test]
async fn s34_lists_of_sso_admin_around_the_page_size_are_complete() {
    for size in [0, 1, 99, 100, 101, 200, 201] {
        let (fake, _) = serve(Admin::of(size)).await;
        let target = fake.target().await;
        assert_eq!(target.permission_sets().await.unwrap().len(), size);
        assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap(), vec![assignment(0); size]);
        let on = target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await.unwrap();
        assert_eq!(on, vec![assignment(0); size]);
        for operation in BOTH {
            assert_eq!(target.requests_in_progress(operation).await.unwrap().len(), size);
        }
        let pages = 5 * size.div_ceil(100).max(1) as u64;
        assert_eq!(target.aws.calls(), TargetCalls { sso_admin: pages, ..TargetCalls::default() }, "{size}");
    }
}

#[tokio::test]
async fn s34_short_and_empty_pages_of_sso_admin_are_followed_to_the_end() {
    let (fake, _) = serve(Admin { page_size: 1, empty_page_first: true, ..Admin::of(3) }).await;
    let target = fake.target().await;
    assert_eq!(target.permission_sets().await.unwrap(), [0, 1, 2].map(|n| permission_set(&admin::set(n))));
    assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap().len(), 3);
    assert_eq!(target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await.unwrap().len(), 3);
    for operation in BOTH {
        assert_eq!(target.requests_in_progress(operation).await.unwrap().len(), 3);
    }
    assert_eq!(target.aws.calls().sso_admin, 5 * 4);
}

/// What each list says where this is the answer to every page.
async fn kinds_of_all_lists(reply: Reply) -> [TargetErrorKind; 5] {
    let target = Fake::replies([reply]).await.target().await;
    let Assignment { group, account, permission_set } = assignment(0);
    [
        kind(target.permission_sets().await),
        kind(target.assignments_of_group(&group).await),
        kind(target.assignments_on(&account, &permission_set).await),
        kind(target.requests_in_progress(AssignmentOperation::Create).await),
        kind(target.requests_in_progress(AssignmentOperation::Delete).await),
    ]
}

#[tokio::test]
async fn s34_a_token_that_comes_twice_is_malformed() {
    let empty = json!({"PermissionSets": [], "AccountAssignments": [], "AccountAssignmentsCreationStatus": [], "NextToken": "a"});
    assert_eq!(kinds_of_all_lists(Reply::Ok(empty)).await, [TargetErrorKind::Malformed; 5]);
}

#[tokio::test]
async fn an_answer_without_a_body_is_malformed_and_no_list_of_assignments_is_an_empty_one() {
    let nothing = Reply::Raw(200, "application/x-amz-json-1.1", String::new());
    assert_eq!(kinds_of_all_lists(nothing).await, [TargetErrorKind::Malformed; 5]);

    let target = Fake::replies([Reply::Ok(json!({}))]).await.target().await;
    assert_eq!(kind(target.permission_sets().await), TargetErrorKind::Malformed, "there is no instance without permission sets to assign");
    assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap(), []);
    assert_eq!(target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await.unwrap(), []);
    for operation in BOTH {
        assert_eq!(target.requests_in_progress(operation).await.unwrap(), []);
    }
}

#[tokio::test]
async fn each_read_asks_for_what_is_meant() {
    let (fake, _) = serve(Admin::of(1)).await;
    let target = fake.target().await;
    target.assignments_of_group(&group("arn:aws:identitystore:::group/g0")).await.unwrap();
    target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await.unwrap();
    target.requests_in_progress(AssignmentOperation::Create).await.unwrap();
    target.requests_in_progress(AssignmentOperation::Delete).await.unwrap();
    let bodies: Vec<Value> = fake.requests().into_iter().map(|request| request.body).collect();
    let filter = json!({"InstanceArn": INSTANCE, "MaxResults": 100, "Filter": {"Status": "IN_PROGRESS"}});
    let expected = [
        json!({"InstanceArn": INSTANCE, "MaxResults": 100, "PrincipalType": "GROUP", "PrincipalId": "g0"}),
        json!({"InstanceArn": INSTANCE, "MaxResults": 100, "AccountId": admin::account(0), "PermissionSetArn": admin::set(0)}),
        filter.clone(),
        filter,
    ];
    assert_eq!(bodies, expected);
}

fn row(changes: &Value) -> Value {
    let mut row = json!({"PrincipalType": "GROUP", "PrincipalId": "g0", "AccountId": admin::account(0), "PermissionSetArn": admin::set(0)});
    for (key, value) in changes.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

async fn serve_rows(rows: &[Value]) -> crate::IdentityCenter {
    Fake::replies([Reply::Ok(json!({"AccountAssignments": rows}))]).await.target().await
}

#[tokio::test]
async fn assignments_of_users_are_passed_over() {
    let rows = [row(&json!({})), row(&json!({"PrincipalType": "USER", "PrincipalId": "u0"})), row(&json!({"PrincipalType": "ROBOT"}))];
    let target = serve_rows(&rows).await;
    let on = target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await.unwrap();
    assert_eq!(on, [assignment(0)]);
    assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap(), [assignment(0)]);
}

#[tokio::test]
async fn an_assignment_that_cannot_be_named_is_malformed() {
    for odd in [json!({"PrincipalId": ""}), json!({"AccountId": "12"}), json!({"PermissionSetArn": ""})] {
        let target = serve_rows(&[row(&json!({})), row(&odd)]).await;
        let on = target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await;
        assert_eq!(kind(on), TargetErrorKind::Malformed, "{odd}");
        assert_eq!(kind(target.assignments_of_group(&group("g0")).await), TargetErrorKind::Malformed, "{odd}");
    }
    for of_nobody in [json!({"PrincipalType": null}), json!({"PrincipalId": null})] {
        let target = serve_rows(&[row(&of_nobody)]).await;
        let on = target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await;
        assert_eq!(kind(on), TargetErrorKind::Malformed, "{of_nobody}");
    }
}

#[tokio::test]
async fn an_assignment_need_not_repeat_what_was_asked_about() {
    let target = serve_rows(&[row(&json!({"PrincipalType": null, "PrincipalId": null}))]).await;
    assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap(), [assignment(0)]);
    let target = serve_rows(&[row(&json!({"AccountId": null, "PermissionSetArn": null}))]).await;
    assert_eq!(target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await.unwrap(), [assignment(0)]);
}

#[tokio::test]
async fn assignments_are_those_that_were_asked_about() {
    for other in [json!({"AccountId": admin::account(1)}), json!({"PermissionSetArn": admin::set(1)})] {
        let target = serve_rows(&[row(&other)]).await;
        let on = target.assignments_on(&assignment(0).account, &assignment(0).permission_set).await;
        assert_eq!(kind(on), TargetErrorKind::Malformed, "{other}");
    }
    let target = serve_rows(&[row(&json!({"PrincipalId": "g1"}))]).await;
    assert_eq!(kind(target.assignments_of_group(&group("g0")).await), TargetErrorKind::Malformed);
}

#[tokio::test]
async fn s42_what_is_missing_without_a_name_is_an_error_and_no_empty_list() {
    for reply in [missing_something(), missing_key()] {
        let kinds = kinds_of_all_lists(reply).await;
        assert_eq!(kinds, [TargetErrorKind::NotFound; 5]);
    }
}

#[tokio::test]
async fn a_permission_set_has_a_name_or_does_not_exist() {
    let set = |arn: String, name: Value| Reply::Ok(json!({"PermissionSet": {"PermissionSetArn": arn, "Name": name}}));
    let name_of_first =
        async |reply| Fake::replies([reply]).await.target().await.permission_set_name(&permission_set(&admin::set(0))).await;
    assert_eq!(name_of_first(set(admin::set(0), json!("Admin"))).await.unwrap().as_deref(), Some("Admin"));
    assert_eq!(name_of_first(Reply::Ok(json!({"PermissionSet": {"Name": "Admin"}}))).await.unwrap().as_deref(), Some("Admin"));
    assert_eq!(name_of_first(missing_something()).await.unwrap(), None);
    assert_eq!(kind(name_of_first(missing_key()).await), TargetErrorKind::NotFound);
    for odd in [set(admin::set(1), json!("Admin")), set(admin::set(0), json!("")), set(admin::set(0), json!(null)), Reply::Ok(json!({}))] {
        assert_eq!(kind(name_of_first(odd.clone()).await), TargetErrorKind::Malformed, "{odd:?}");
    }
}

#[tokio::test]
async fn s39_operations_under_way_are_listed_by_id_even_where_the_filter_is_not_known() {
    let statuses = json!([
        {"RequestId": "r1", "Status": "IN_PROGRESS", "CreatedDate": 1_700_000_000.25},
        {"RequestId": "r2", "Status": "SUCCEEDED"},
        {"RequestId": "r3", "Status": "FAILED"},
    ]);
    let page = json!({"AccountAssignmentsCreationStatus": statuses, "AccountAssignmentsDeletionStatus": statuses});
    let target = Fake::replies([Reply::Ok(page)]).await.target().await;
    for operation in BOTH {
        let listed = target.requests_in_progress(operation).await.unwrap();
        let [AssignmentRequest { id, status: OperationStatus::InProgress, created: Some(created), assignment: None }] = listed.as_slice()
        else {
            panic!("{listed:?}")
        };
        assert_eq!((id.as_str(), created.as_millisecond()), ("r1", 1_700_000_000_250));
    }
    for odd in [json!({"Status": "IN_PROGRESS"}), json!({"RequestId": "r1"}), json!({"RequestId": "r1", "Status": "PAUSED"})] {
        let target = Fake::replies([Reply::Ok(json!({"AccountAssignmentsDeletionStatus": [odd]}))]).await.target().await;
        assert_eq!(kind(target.requests_in_progress(AssignmentOperation::Delete).await), TargetErrorKind::Malformed, "{odd}");
    }
}

fn described(operation: AssignmentOperation, changes: &Value) -> Reply {
    let mut status = json!({
        "RequestId": "r1", "Status": "IN_PROGRESS", "CreatedDate": 1_700_000_000.25, "PrincipalType": "GROUP", "PrincipalId": "g0",
        "TargetType": "AWS_ACCOUNT", "TargetId": admin::account(0), "PermissionSetArn": admin::set(0),
    });
    status.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let verb = if operation == AssignmentOperation::Create { "Creation" } else { "Deletion" };
    Reply::Ok(json!({format!("AccountAssignment{verb}Status"): status}))
}

async fn request_of(operation: AssignmentOperation, reply: Reply) -> Result<Option<AssignmentRequest>, sync_core::error::TargetError> {
    let fake = Fake::replies([reply]).await;
    let answer = fake.target().await.request(operation, &request_id("r1")).await;
    let asked =
        if operation == AssignmentOperation::Create { "AccountAssignmentCreationRequestId" } else { "AccountAssignmentDeletionRequestId" };
    assert_eq!(fake.requests()[0].body, json!({"InstanceArn": INSTANCE, asked: "r1"}));
    answer
}

#[tokio::test]
async fn s38_an_operation_tells_what_it_is_about_and_why_it_failed() {
    let told = |status| AssignmentRequest {
        id: request_id("r1"),
        status,
        created: Some("2023-11-14T22:13:20.25Z".parse().unwrap()),
        assignment: Some(assignment(0)),
    };
    let failed = |reason: &str| OperationStatus::Failed(reason.to_owned());
    let cases = [
        (json!({}), OperationStatus::InProgress),
        (json!({"Status": "SUCCEEDED"}), OperationStatus::Succeeded),
        (json!({"Status": "FAILED", "FailureReason": "role quota"}), failed("role quota")),
        (json!({"Status": "FAILED"}), failed("AWS gives no FailureReason")),
    ];
    for (changes, status) in cases {
        for operation in BOTH {
            let request = request_of(operation, described(operation, &changes)).await.unwrap();
            assert_eq!(request, Some(told(status.clone())), "{operation:?} {changes}");
        }
    }
}

#[tokio::test]
async fn an_operation_for_a_user_is_known_without_its_assignment_and_an_unknown_one_is_none() {
    for operation in BOTH {
        let user = json!({"PrincipalType": "USER", "PrincipalId": "u0"});
        let request = request_of(operation, described(operation, &user)).await.unwrap().unwrap();
        assert_eq!(request.assignment, None);
        let bare = request_of(operation, described(operation, &json!({"PrincipalType": null}))).await.unwrap().unwrap();
        assert_eq!(bare.assignment, None);
        assert_eq!(request_of(operation, missing_something()).await.unwrap(), None);
        assert_eq!(kind(request_of(operation, missing_key()).await), TargetErrorKind::NotFound);
        for odd in [json!({"RequestId": "r2"}), json!({"Status": "PAUSED"}), json!({"TargetId": "12"})] {
            assert_eq!(kind(request_of(operation, described(operation, &odd)).await), TargetErrorKind::Malformed, "{odd}");
        }
        assert_eq!(kind(request_of(operation, Reply::Ok(json!({}))).await), TargetErrorKind::Malformed);
    }
}

#[tokio::test]
async fn a_delegated_administrator_is_told_what_is_left_where_the_list_by_group_is_denied() {
    let fake = Fake::replies([Reply::Error(400, "AccessDeniedException", json!({}))]).await;
    let error = fake.target().await.assignments_of_group(&group("g0")).await.unwrap_err();
    assert_eq!((error.kind, fake.requests().len()), (TargetErrorKind::Denied, 1));
    for part in ["sso:ListAccountAssignmentsForPrincipal", "management account only", "each account and permission set"] {
        assert!(error.detail.contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn every_code_of_sso_admin_has_its_kind() {
    use TargetErrorKind as Kind;
    let coded = |code, members| Reply::Error(400, code, members);
    let cases = [
        (coded("AccessDeniedException", json!({"Reason": "KMS_AccessDeniedException"})), Kind::Denied, 1, "[KMS_AccessDeniedException]"),
        (coded("ValidationException", json!({"Reason": "KMS_DisabledException"})), Kind::Invalid, 1, "[KMS_DisabledException]"),
        (missing_key(), Kind::NotFound, 1, "[KMS_NotFoundException]"),
        (coded("ServiceQuotaExceededException", json!({})), Kind::QuotaExceeded, 1, "higher quota"),
        (coded("ConflictException", json!({})), Kind::ConcurrentModification, 1, "ConflictException"),
        (coded("InternalServerException", json!({})), Kind::Unavailable, 4, "in AWS's words"),
        (Reply::Raw(503, "text/html", "<html>".to_owned()), Kind::Unavailable, 4, "503"),
        (Reply::Broken, Kind::Malformed, 4, ""),
    ];
    let check = |(reply, kind, requests, words): (Reply, Kind, usize, &'static str)| async move {
        let shown = format!("{reply:?}");
        let fake = Fake::replies([reply]).await;
        let error = fake.target().await.permission_sets().await.unwrap_err();
        assert_eq!((error.kind, fake.requests().len()), (kind, requests), "{shown}: {error}");
        assert!(error.to_string().starts_with("ListPermissionSets: ") && error.detail.contains(words), "{shown}: {error}");
    };
    join_all(cases.map(check)).await;
}

#[tokio::test]
async fn a_fault_of_sso_admin_that_passes_is_not_seen() {
    let throttled = Reply::Error(400, "ThrottlingException", json!({"Reason": "KMS_ThrottlingException"}));
    for (fault, throttled) in [(throttled, 1), (Reply::Error(500, "InternalServerException", json!({})), 0), (Reply::Broken, 0)] {
        let fake = Fake::replies([fault, Reply::Ok(json!({"AccountAssignments": [row(&json!({}))]}))]).await;
        let target = fake.target().await;
        assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap(), [assignment(0)]);
        assert_eq!(target.aws.calls(), TargetCalls { sso_admin: 2, throttled, ..TargetCalls::default() }, "every attempt is counted");
    }
}

#[tokio::test]
async fn an_sso_admin_that_does_not_answer_is_left_at_the_deadline() {
    let fake = Fake::replies([Reply::Never]).await;
    let start = Instant::now();
    let target = fake.target().await.until(start + SOON);
    assert_eq!(kind(target.permission_sets().await), TargetErrorKind::OutOfTime);
    assert!(start.elapsed() < SOON * 5, "{:?}", start.elapsed());
    assert_eq!(kind(target.requests_in_progress(AssignmentOperation::Create).await), TargetErrorKind::OutOfTime);
    assert_eq!(fake.requests().len(), 1, "nothing is sent after the deadline");
}
