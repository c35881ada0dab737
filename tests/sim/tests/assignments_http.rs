//! sso-admin and Organizations over HTTP: what the answers hold, what is refused, and the control plane.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;

use reqwest::Client;
use serde_json::{Value, json};
use sim::http::{Server, serve_aws};
use sim::identity_center::{Fate, Throttle, Throttles};
use sim::{ManualClock, OrganizationShape, Seed, Shape, World};

struct Face {
    world: World,
    clock: ManualClock,
    server: Server,
    client: Client,
}

impl Face {
    async fn new(accounts: u32) -> Self {
        let (organization, clock) = (Some(OrganizationShape { accounts, ..OrganizationShape::default() }), ManualClock::default());
        let world = World::of(&Shape { organization, ..Shape::default() }, clock.clone());
        let server = serve_aws(world.aws.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { world, clock, server, client: Client::new() }
    }

    async fn send(&self, target: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(self.server.url()).header("x-amz-target", target).body(body.to_string());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    fn target(operation: &str, body: &mut Value) -> String {
        if ["DescribeOrganization", "ListAccounts", "DescribeAccount", "ListRoots", "ListTagsForResource"].contains(&operation)
            || operation.ends_with("ForParent")
        {
            return format!("AWSOrganizationsV20161128.{operation}");
        }
        if body.get("InstanceArn").is_none() {
            body["InstanceArn"] = "arn:aws:sso:::instance/ssoins-72041a2b3c4d0000".into();
        }
        format!("SWBExternalService.{operation}")
    }

    async fn call(&self, operation: &str, mut body: Value) -> Value {
        let (status, answer) = self.send(&Self::target(operation, &mut body), &body).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// The exception's name and words.
    async fn refused(&self, operation: &str, mut body: Value) -> (String, String) {
        let (status, answer) = self.send(&Self::target(operation, &mut body), &body).await;
        assert_eq!(status, 400, "{operation}: {answer}");
        (answer["__type"].as_str().unwrap().to_owned(), answer["Message"].as_str().unwrap().to_owned())
    }

    async fn control(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.client.post(format!("{}/_sim/{path}", self.server.url())).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The parameters of an assignment of the first group.
    fn assignment(&self, account: u32, set: &str) -> Value {
        json!({
            "TargetId": self.world.account(account).as_str(), "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.world.permission_set(set).as_str(),
            "PrincipalType": "GROUP", "PrincipalId": self.world.group(0).as_str(),
        })
    }
}

#[tokio::test]
async fn a_request_is_followed_from_its_beginning_to_its_end() {
    let face = Face::new(2).await;
    face.world.aws.configure(|settings| settings.assignments.delay_ms = 3000);
    let wanted = face.assignment(1, "Admin");
    let begun = face.call("CreateAccountAssignment", wanted.clone()).await["AccountAssignmentCreationStatus"].clone();
    assert_eq!((&begun["Status"], begun.get("FailureReason")), (&json!("IN_PROGRESS"), None));
    for key in ["TargetId", "TargetType", "PermissionSetArn", "PrincipalType", "PrincipalId"] {
        assert_eq!(begun[key], wanted[key]);
    }
    assert!(begun["CreatedDate"].is_f64());
    let in_progress = json!({"Filter": {"Status": "IN_PROGRESS"}});
    let listed = face.call("ListAccountAssignmentCreationStatus", in_progress.clone()).await["AccountAssignmentsCreationStatus"].clone();
    let summary = json!([{"Status": "IN_PROGRESS", "RequestId": begun["RequestId"], "CreatedDate": begun["CreatedDate"]}]);
    assert_eq!(listed, summary, "no more than these three");
    assert_eq!(face.refused("CreateAccountAssignment", wanted.clone()).await.0, "ConflictException");
    face.clock.advance(std::time::Duration::from_secs(3));
    let asked = json!({"AccountAssignmentCreationRequestId": begun["RequestId"]});
    let ended = face.call("DescribeAccountAssignmentCreationStatus", asked).await;
    assert_eq!(ended["AccountAssignmentCreationStatus"]["Status"], "SUCCEEDED");
    assert_eq!(face.call("ListAccountAssignmentCreationStatus", in_progress.clone()).await["AccountAssignmentsCreationStatus"], json!([]));
    face.world.aws.decide(Fate::fails_on(&face.world.account(1), "no more roles"));
    let begun = face.call("DeleteAccountAssignment", wanted.clone()).await["AccountAssignmentDeletionStatus"].clone();
    face.world.aws.finish_requests();
    let asked = json!({"AccountAssignmentDeletionRequestId": begun["RequestId"]});
    let ended = face.call("DescribeAccountAssignmentDeletionStatus", asked).await["AccountAssignmentDeletionStatus"].clone();
    assert_eq!((&ended["Status"], &ended["FailureReason"]), (&json!("FAILED"), &json!("no more roles")));
    let failed = face.call("ListAccountAssignmentDeletionStatus", json!({"Filter": {"Status": "FAILED"}})).await;
    assert_eq!(failed["AccountAssignmentsDeletionStatus"][0].as_object().unwrap().len(), 3);
    assert!(face.world.aws.log().iter().any(|call| call.target.contains("TargetId=000000000001") && !call.target.contains("InstanceArn")));
}

#[tokio::test]
async fn assignments_are_listed_by_principal_by_pair_by_account_and_by_permission_set() {
    let face = Face::new(3).await;
    for (account, set) in [(1, "Admin"), (1, "ReadOnly"), (2, "Admin")] {
        assert!(face.world.aws.assign(&face.world.assignment(0, account, set)));
    }
    let group = json!({"PrincipalType": "GROUP", "PrincipalId": face.world.group(0).as_str(), "MaxResults": 2});
    let first = face.call("ListAccountAssignmentsForPrincipal", group.clone()).await;
    let mut next = group.clone();
    next["NextToken"] = first["NextToken"].clone();
    let second = face.call("ListAccountAssignmentsForPrincipal", next).await;
    let lengths = [&first, &second].map(|page| page["AccountAssignments"].as_array().unwrap().len());
    assert_eq!((lengths, second.get("NextToken")), ([2, 1], None));
    let mut on_one = group.clone();
    on_one["Filter"] = json!({"AccountId": "000000000002"});
    let (admin, one) = (face.world.permission_set("Admin").to_string(), face.world.account(1).to_string());
    let found = face.call("ListAccountAssignmentsForPrincipal", on_one).await["AccountAssignments"].clone();
    let row = json!({
        "AccountId": "000000000002", "PermissionSetArn": admin, "PrincipalType": "GROUP", "PrincipalId": face.world.group(0).as_str(),
    });
    assert_eq!(found, json!([row]));
    let pair = face.call("ListAccountAssignments", json!({"AccountId": one, "PermissionSetArn": admin})).await;
    assert_eq!(pair["AccountAssignments"].as_array().unwrap().len(), 1);
    let sets = face.call("ListPermissionSetsProvisionedToAccount", json!({"AccountId": one})).await["PermissionSets"].clone();
    assert_eq!(sets.as_array().unwrap().len(), 2);
    let accounts = face.call("ListAccountsForProvisionedPermissionSet", json!({"PermissionSetArn": admin})).await["AccountIds"].clone();
    assert_eq!(accounts, json!(["000000000001", "000000000002"]));
    let outdated = json!({"AccountId": one, "ProvisioningStatus": "LATEST_PERMISSION_SET_NOT_PROVISIONED"});
    assert_eq!(face.call("ListPermissionSetsProvisionedToAccount", outdated).await["PermissionSets"], json!([]));
    let all = face.call("ListPermissionSets", json!({})).await["PermissionSets"].clone();
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert!(all[0].as_str().unwrap().starts_with("arn:aws:sso:::permissionSet/ssoins-72041a2b3c4d0000/ps-"), "{}", all[0]);
    let described = face.call("DescribePermissionSet", json!({"PermissionSetArn": admin})).await;
    assert_eq!(described["PermissionSet"]["Name"], "Admin");
}

#[tokio::test]
async fn what_sso_admin_would_not_take_is_refused() {
    let face = Face::new(1).await;
    let with = |key: &str, value: &str| {
        let mut body = face.assignment(1, "Admin");
        body[key] = value.into();
        body
    };
    let unknown_set = "arn:aws:sso:::permissionSet/ssoins-72041a2b3c4d0000/ps-0000000000000000";
    for (body, exception) in [
        (with("TargetId", "999999999999"), "ResourceNotFoundException"),
        (with("TargetId", "12"), "ValidationException"),
        (with("TargetType", "OU"), "ValidationException"),
        (with("PrincipalType", "ROLE"), "ValidationException"),
        (with("PrincipalId", "906756e3ab-0"), "ResourceNotFoundException"),
        (with("PermissionSetArn", unknown_set), "ResourceNotFoundException"),
        (with("PermissionSetArn", "Admin"), "ValidationException"),
        (with("InstanceArn", "arn:aws:sso:::instance/ssoins-0000000000000000"), "ResourceNotFoundException"),
    ] {
        assert_eq!(face.refused("CreateAccountAssignment", body.clone()).await.0, exception, "{body}");
    }
    let gone = face.refused("DeleteAccountAssignment", face.assignment(1, "Admin")).await;
    assert_eq!(gone.0, "ResourceNotFoundException");
    let odd = json!({"Filter": {"Status": "DONE"}});
    assert_eq!(face.refused("ListAccountAssignmentCreationStatus", odd).await.0, "ValidationException");
    assert_eq!(face.refused("ListPermissionSets", json!({"MaxResults": 101})).await.0, "ValidationException");
    face.world.aws.configure(|settings| settings.assignments.max_in_flight = 0);
    let too_many = face.refused("CreateAccountAssignment", face.assignment(1, "Admin")).await;
    assert_eq!((too_many.0.as_str(), too_many.1.contains("too many requests processing")), ("ThrottlingException", true));
    face.world.aws.configure(|settings| settings.assignments.delegated_admin = true);
    let group = json!({"PrincipalType": "GROUP", "PrincipalId": face.world.group(0).as_str()});
    assert_eq!(face.refused("ListAccountAssignmentsForPrincipal", group).await.0, "AccessDeniedException");
    let (name, words) = face.refused("CreateAccountAssignment", with("TargetId", "111122223333")).await;
    assert_eq!(name, "AccessDeniedException");
    assert!(words.contains("sso:CreateAccountAssignment on resource: arn:aws:sso:::account/111122223333"), "{words}");
}

#[tokio::test]
async fn accounts_have_paths_and_states_as_the_settings_say() {
    let face = Face::new(20).await;
    let first = face.call("ListAccounts", json!({})).await;
    assert_eq!((first["Accounts"].as_array().unwrap().len(), first["NextToken"].is_string()), (20, true));
    let organization = face.call("DescribeOrganization", json!({})).await["Organization"].clone();
    assert_eq!(organization["MasterAccountId"], "111122223333");
    let root = face.call("ListRoots", json!({})).await["Roots"][0]["Id"].clone();
    let below = face.call("ListOrganizationalUnitsForParent", json!({"ParentId": root})).await["OrganizationalUnits"].clone();
    let sandbox = below.as_array().unwrap().iter().find(|unit| unit["Name"] == "Sandbox").unwrap()["Id"].clone();
    let account = face.call("DescribeAccount", json!({"AccountId": "000000000003"})).await["Account"].clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path = format!("{}/{}/{}/000000000003/", text(&organization["Id"]), text(&root), text(&sandbox));
    assert_eq!(account["Paths"], json!([path]));
    let listed = face.call("ListAccountsForParent", json!({"ParentId": sandbox})).await["Accounts"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]), (6, &account));
    let tags = face.call("ListTagsForResource", json!({"ResourceId": "000000000003"})).await;
    assert_eq!(tags["Tags"], json!([{"Key": "env", "Value": "sandbox"}]));
    face.world.aws.set_account_state(&face.world.account(3), "CLOSED");
    for (fields, state, status) in
        [("both", Some("CLOSED"), Some("SUSPENDED")), ("state", Some("CLOSED"), None), ("status", None, Some("SUSPENDED"))]
    {
        let settings = json!({"organization": {"paths": false, "state_fields": fields}});
        assert_eq!(face.control("settings", settings).await.0, 200);
        let account = face.call("DescribeAccount", json!({"AccountId": "000000000003"})).await["Account"].clone();
        assert_eq!((account["State"].as_str(), account["Status"].as_str(), account.get("Paths")), (state, status, None));
    }
}

#[tokio::test]
async fn organizations_has_exceptions_of_its_own() {
    let face = Face::new(1).await;
    assert_eq!(face.refused("DescribeAccount", json!({"AccountId": "999999999999"})).await.0, "AccountNotFoundException");
    assert_eq!(face.refused("ListAccountsForParent", json!({"ParentId": "ou-x-y"})).await.0, "ParentNotFoundException");
    assert_eq!(face.refused("ListTagsForResource", json!({"ResourceId": "999999999999"})).await.0, "TargetNotFoundException");
    assert_eq!(face.refused("ListAccounts", json!({"MaxResults": 21})).await.0, "InvalidInputException");
    assert_eq!(face.refused("ListAccounts", json!({"NextToken": "nonsense"})).await.0, "InvalidInputException");
    let slow = Throttle { per_second: 0.001, burst: 0.0, together: true };
    face.world.aws.throttle(Throttles { organizations: Some(slow), ..Throttles::default() });
    assert_eq!(face.refused("ListRoots", json!({})).await.0, "TooManyRequestsException");
    let calls: Value = reqwest::get(format!("{}/_sim/calls", face.server.url())).await.unwrap().json().await.unwrap();
    assert_eq!(calls["throttled"], 1);
}

#[tokio::test]
async fn the_control_plane_changes_assignments_and_the_organization() {
    let face = Face::new(1).await;
    let changes = json!([
        {"op": "add_account", "account": {"id": "000000000007", "name": "seven", "unit": "Lab/Deep", "tags": {"env": "lab"}}},
        {"op": "set_account_state", "account": "000000000001", "state": "SUSPENDED"},
        {"op": "add_permission_set", "name": "Billing"},
        {"op": "assign", "group": "AWS-000", "account": "000000000007", "permission_set": "Billing"},
        {"op": "assign", "user": "user0@example.com", "account": "000000000007", "permission_set": "Admin"},
        {"op": "assign", "group": "AWS-001", "account": "000000000007", "permission_set": "Admin"},
        {"op": "remove_group", "group": "AWS-001"},
        {"op": "decide", "fate": {"account": "000000000007", "failure": "no", "times": 1}},
    ]);
    let (status, answer) = face.control("changes", changes).await;
    assert_eq!(status, 200, "{answer}");
    let settings = json!({"assignments": {"delay_ms": 60_000}, "organization": {"page_size": 5}});
    assert_eq!(face.control("settings", settings).await.0, 200);
    assert_eq!(face.control("settings", json!({"assignments": {"delay": 1}})).await.0, 400);
    let settings = face.world.aws.settings();
    assert_eq!((settings.assignments.delay_ms, settings.assignments.max_in_flight, settings.organization.page_size), (60_000, 15, 5));
    face.call("CreateAccountAssignment", face.assignment(7, "ReadOnly")).await;
    let state: Value = reqwest::get(format!("{}/_sim/state", face.server.url())).await.unwrap().json().await.unwrap();
    let shown: Vec<(&str, &str, bool)> = state["assignments"].as_array().unwrap().iter().map(shown_assignment).collect();
    let (group, orphan) = (face.world.group(0), face.world.group(1));
    for row in [(group.as_str(), "Billing", false), (face.world.user(0).as_str(), "Admin", false), (orphan.as_str(), "Admin", true)] {
        assert!(shown.contains(&row), "{row:?} in {shown:?}");
    }
    assert_eq!((&state["requests"][0]["status"], &state["requests"][0]["operation"]), (&json!("IN_PROGRESS"), &json!("create")));
    let seven = json!({"id": "000000000007", "name": "seven", "state": "ACTIVE", "unit": "Lab/Deep", "tags": {"env": "lab"}});
    assert!(state["accounts"].as_array().unwrap().contains(&seven));
    let more = json!([
        {"op": "finish_requests"}, {"op": "clear_fates"},
        {"op": "unassign", "group": orphan.as_str(), "account": "000000000007", "permission_set": "Admin"},
        {"op": "remove_permission_set", "permission_set": "ReadOnly"},
    ]);
    let (status, answer) = face.control("changes", more).await;
    assert_eq!((status, &answer["results"][2], &answer["results"][3]), (200, &json!({"changed": true}), &json!({"changed": true})));
    assert!(face.world.aws.orphans().is_empty(), "the request failed as it was decided, so the permission set was free to go");
    for wrong in [
        json!({"op": "assign", "account": "000000000007", "permission_set": "Admin"}),
        json!({"op": "assign", "group": "AWS-000", "account": "7", "permission_set": "Admin"}),
        json!({"op": "add_account", "account": {"id": "000000000007"}}),
        json!({"op": "add_permission_set", "name": "two words"}),
        json!({"op": "decide", "fate": {"acount": "000000000007"}}),
    ] {
        assert_eq!(face.control("changes", wrong.clone()).await.0, 400, "{wrong}");
    }
}

fn shown_assignment(row: &Value) -> (&str, &str, bool) {
    (row["principal"].as_str().unwrap(), row["permission_set"].as_str().unwrap(), row["orphan"].as_bool().unwrap())
}

#[test]
fn a_seed_has_an_organization_and_assignments() {
    let seed = json!({
        "world": {"organization": {"accounts": 2, "units": ["Lab"], "permission_sets": ["Only"]}},
        "aws": [{"op": "assign", "group": "AWS-000", "account": "000000000002", "permission_set": "Only"}],
    });
    let world = Seed::parse(&seed.to_string()).unwrap().build().unwrap();
    let expected = (world.okta_group(0), world.account(2), "Only".to_owned());
    assert_eq!(world.assignments().into_iter().collect::<Vec<_>>(), [expected]);
    assert_eq!(world.aws.all_accounts().len(), 3);
}
