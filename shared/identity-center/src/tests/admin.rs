//! A small sso-admin: assignments that are made and deleted after the answer, as AWS does it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::fake::{Fake, INSTANCE, Reply, Request};
use super::missing_something;

/// A group, an account, a permission set.
pub(crate) type Triple = (String, String, String);

/// An operation that was begun.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) verb: &'static str,
    pub(crate) status: &'static str,
    pub(crate) about: Triple,
}

/// What is stored.
#[derive(Debug, Default)]
pub(crate) struct Admin {
    pub(crate) sets: Vec<String>,
    pub(crate) assignments: Vec<Triple>,
    /// In the order of their beginning; the id of the first is `request-0`.
    pub(crate) operations: Vec<Operation>,
    /// The most in a page, whatever was asked for.
    pub(crate) page_size: usize,
    /// Every list begins with an empty page that has a token.
    pub(crate) empty_page_first: bool,
}

impl Admin {
    /// `size` sets, assignments of `g0` to `account(0)`, and operations of each kind under way.
    pub(crate) fn of(size: usize) -> Self {
        let about = |n: usize| ("g0".to_owned(), account(0), set(n));
        let operation = |verb| move |n| Operation { verb, status: "IN_PROGRESS", about: about(n) };
        let operations = (0..size).map(operation("Creation")).chain((0..size).map(operation("Deletion")));
        Self {
            sets: (0..size).map(set).collect(),
            assignments: (0..size).map(|_| about(0)).collect(),
            operations: operations.collect(),
            page_size: 100,
            ..Self::default()
        }
    }

    pub(crate) fn empty() -> Self {
        Self { page_size: 100, ..Self::default() }
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Reply {
        let body = &request.body;
        assert_eq!(body["InstanceArn"], INSTANCE, "every call names the instance");
        match request.operation.as_str() {
            "ListPermissionSets" => self.page("PermissionSets", body, &self.sets.iter().map(|set| json!(set)).collect::<Vec<_>>()),
            "ListAccountAssignments" => self.page("AccountAssignments", body, &self.rows(body)),
            "ListAccountAssignmentsForPrincipal" => self.page("AccountAssignments", body, &self.rows(body)),
            "ListAccountAssignmentCreationStatus" => self.page("AccountAssignmentsCreationStatus", body, &self.statuses("Creation", body)),
            "ListAccountAssignmentDeletionStatus" => self.page("AccountAssignmentsDeletionStatus", body, &self.statuses("Deletion", body)),
            "DescribeAccountAssignmentCreationStatus" => self.describe("Creation", &body["AccountAssignmentCreationRequestId"]),
            "DescribeAccountAssignmentDeletionStatus" => self.describe("Deletion", &body["AccountAssignmentDeletionRequestId"]),
            "CreateAccountAssignment" => self.begin("Creation", body),
            "DeleteAccountAssignment" => self.begin("Deletion", body),
            other => panic!("{other} is not part of this sso-admin"),
        }
    }

    fn rows(&self, body: &Value) -> Vec<Value> {
        let row = |(group, account, set): &Triple| json!({"PrincipalType": "GROUP", "PrincipalId": group, "AccountId": account, "PermissionSetArn": set});
        let asked =
            |row: &Value| ["PrincipalId", "AccountId", "PermissionSetArn"].iter().all(|key| body[key].is_null() || body[key] == row[key]);
        self.assignments.iter().map(row).filter(asked).collect()
    }

    fn statuses(&self, verb: &str, body: &Value) -> Vec<Value> {
        let all = self.operations.iter().enumerate().filter(|(_, operation)| operation.verb == verb);
        let asked = all.filter(|(_, operation)| body["Filter"]["Status"] == operation.status);
        asked.map(|(n, operation)| json!({"RequestId": format!("request-{n}"), "Status": operation.status, "CreatedDate": 1.5})).collect()
    }

    /// What is under way ends when someone looks.
    fn describe(&mut self, verb: &str, id: &Value) -> Reply {
        let n: usize = id.as_str().unwrap().trim_start_matches("request-").parse().unwrap();
        if self.operations.get(n).is_none_or(|operation| operation.verb != verb) {
            return missing_something();
        }
        self.operations[n].status = "SUCCEEDED";
        let about = self.operations[n].about.clone();
        self.assignments.retain(|assignment| *assignment != about);
        if verb == "Creation" {
            self.assignments.push(about);
        }
        self.told(n)
    }

    fn begin(&mut self, verb: &'static str, body: &Value) -> Reply {
        assert_eq!((&body["TargetType"], &body["PrincipalType"]), (&json!("AWS_ACCOUNT"), &json!("GROUP")));
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        let about: Triple = (text("PrincipalId"), text("TargetId"), text("PermissionSetArn"));
        let under_way = |operation: &Operation| operation.about == about && operation.status == "IN_PROGRESS";
        match self.operations.iter().position(under_way) {
            Some(n) if self.operations[n].verb == verb => return self.told(n),
            Some(_) => return Reply::Error(400, "ConflictException", json!({})),
            None => {}
        }
        if verb == "Deletion" && !self.assignments.contains(&about) {
            return missing_something();
        }
        self.operations.push(Operation { verb, status: "IN_PROGRESS", about });
        self.told(self.operations.len() - 1)
    }

    fn told(&self, n: usize) -> Reply {
        let Operation { verb, status, about: (group, account, set) } = &self.operations[n];
        Reply::Ok(json!({format!("AccountAssignment{verb}Status"): {
            "RequestId": format!("request-{n}"), "Status": status, "CreatedDate": 1_700_000_000.25, "PrincipalType": "GROUP",
            "PrincipalId": group, "TargetType": "AWS_ACCOUNT", "TargetId": account, "PermissionSetArn": set,
        }}))
    }

    fn page(&self, key: &str, body: &Value, all: &[Value]) -> Reply {
        assert_eq!(body["MaxResults"], 100, "every list asks for the largest page");
        let from: usize = match body["NextToken"].as_str() {
            None if self.empty_page_first => return Reply::Ok(json!({key: [], "NextToken": "0"})),
            None => 0,
            Some(token) => token.parse().unwrap(),
        };
        let next = from + self.page_size;
        let mut page = json!({key: all.iter().skip(from).take(self.page_size).collect::<Vec<_>>()});
        if next < all.len() {
            page["NextToken"] = json!(next.to_string());
        }
        Reply::Ok(page)
    }
}

pub(crate) fn account(n: usize) -> String {
    format!("{:012}", 111_122_223_333 + n)
}

pub(crate) fn set(n: usize) -> String {
    format!("arn:aws:sso:::permissionSet/ssoins-1/ps-{n}")
}

/// A server over an sso-admin, which the test can look into.
pub(crate) async fn serve(admin: Admin) -> (Fake, Arc<Mutex<Admin>>) {
    serve_losing(admin, &[], Reply::Never).await
}

/// The same, but the answers to these attempts (counted from 0) are replaced by an error after they took effect.
pub(crate) async fn serve_losing(admin: Admin, lost: &'static [usize], error: Reply) -> (Fake, Arc<Mutex<Admin>>) {
    let admin = Arc::new(Mutex::new(admin));
    let served = Arc::clone(&admin);
    let mut n = 0;
    let script = move |request: &Request| {
        let answer = served.lock().unwrap().answer(request);
        n += 1;
        if lost.contains(&(n - 1)) { error.clone() } else { answer }
    };
    (Fake::start(script).await, admin)
}
