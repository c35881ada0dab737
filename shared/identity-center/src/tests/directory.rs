//! A small identity store, for what one scripted answer after the other cannot show.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::fake::{Fake, Reply, Request};

/// What is stored.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) users: usize,
    pub(crate) groups: Vec<(String, String, String)>,
    pub(crate) memberships: Vec<(String, String, String)>,
    /// The most in a page, whatever was asked for.
    pub(crate) page_size: usize,
    /// Every list begins with an empty page that has a token.
    pub(crate) empty_page_first: bool,
    pub(crate) made: usize,
}

impl Directory {
    pub(crate) fn of(users: usize, groups: usize, members_of_the_first: usize) -> Self {
        Self {
            users,
            groups: (0..groups).map(|n| (format!("g{n}"), format!("AWS-{n}"), String::new())).collect(),
            memberships: (0..members_of_the_first).map(|n| (format!("m{n}"), "g0".to_owned(), format!("u{n}"))).collect(),
            page_size: 100,
            ..Self::default()
        }
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Reply {
        let body = &request.body;
        match request.operation.as_str() {
            "ListUsers" => self.page("Users", body, &self.users()),
            "ListGroups" => self.page("Groups", body, &self.groups()),
            "ListGroupMemberships" => self.page("GroupMemberships", body, &self.memberships("GroupId", &body["GroupId"])),
            "ListGroupMembershipsForMember" => {
                self.page("GroupMemberships", body, &self.memberships("MemberId", &json!({"UserId": body["MemberId"]["UserId"]})))
            }
            "DescribeGroup" => self.describe_group(text(body, "GroupId")),
            "CreateGroup" => self.create_group(body),
            "UpdateGroup" => self.update_group(body),
            "DeleteGroup" => self.delete_group(text(body, "GroupId")),
            "CreateGroupMembership" => self.create_membership(text(body, "GroupId"), text(&body["MemberId"], "UserId")),
            "DeleteGroupMembership" => self.delete_membership(text(body, "MembershipId")),
            other => panic!("{other} is not part of this directory"),
        }
    }

    fn users(&self) -> Vec<Value> {
        (0..self.users).map(|n| json!({"UserId": format!("u{n}"), "UserName": format!("user{n}@example.com")})).collect()
    }

    fn groups(&self) -> Vec<Value> {
        self.groups.iter().map(|(id, name, text)| json!({"GroupId": id, "DisplayName": name, "Description": text})).collect()
    }

    fn memberships(&self, key: &str, value: &Value) -> Vec<Value> {
        let all = self.memberships.iter();
        let all = all.map(|(id, group, user)| json!({"MembershipId": id, "GroupId": group, "MemberId": {"UserId": user}}));
        all.filter(|membership| membership[key] == *value).collect()
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

    fn create_group(&mut self, body: &Value) -> Reply {
        let name = text(body, "DisplayName");
        if self.groups.iter().any(|(_, taken, _)| taken == name) {
            return Reply::Error(400, "ConflictException", json!({"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"}));
        }
        let id = self.id("g");
        self.groups.push((id.clone(), name.to_owned(), body["Description"].as_str().unwrap_or_default().to_owned()));
        Reply::Ok(json!({"GroupId": id, "IdentityStoreId": "d-test"}))
    }

    /// The DisplayName serves as the revision.
    fn update_group(&mut self, body: &Value) -> Reply {
        let id = text(body, "GroupId").to_owned();
        let Some((_, name, _)) = self.groups.iter_mut().find(|(known, ..)| *known == id) else { return missing("GROUP") };
        if body["Revision"].as_str().is_some_and(|revision| revision != name) {
            return Reply::Error(409, "ConflictException", json!({"Reason": "CONCURRENT_MODIFICATION"}));
        }
        *name = text(&body["Operations"][0], "AttributeValue").to_owned();
        Reply::Ok(json!({}))
    }

    fn delete_group(&mut self, id: &str) -> Reply {
        let before = self.groups.len();
        self.groups.retain(|(known, ..)| known != id);
        if self.groups.len() == before { missing("GROUP") } else { Reply::Ok(json!({})) }
    }

    fn describe_group(&self, id: &str) -> Reply {
        let group = self.groups().into_iter().find(|group| group["GroupId"] == id);
        group.map_or_else(|| missing("GROUP"), Reply::Ok)
    }

    fn create_membership(&mut self, group: &str, user: &str) -> Reply {
        if self.memberships.iter().any(|(_, a, b)| (a.as_str(), b.as_str()) == (group, user)) {
            return Reply::Error(409, "ConflictException", json!({"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"}));
        }
        let id = self.id("m");
        self.memberships.push((id.clone(), group.to_owned(), user.to_owned()));
        Reply::Ok(json!({"MembershipId": id, "IdentityStoreId": "d-test"}))
    }

    fn delete_membership(&mut self, id: &str) -> Reply {
        let before = self.memberships.len();
        self.memberships.retain(|(known, ..)| known != id);
        if self.memberships.len() == before { missing("GROUP_MEMBERSHIP") } else { Reply::Ok(json!({})) }
    }

    fn id(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-new-{}", self.made)
    }
}

pub(crate) fn missing(resource: &str) -> Reply {
    Reply::Error(400, "ResourceNotFoundException", json!({"ResourceType": resource}))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// A server over a directory, which the test can look into.
pub(crate) async fn serve(directory: Directory) -> (Fake, Arc<Mutex<Directory>>) {
    let directory = Arc::new(Mutex::new(directory));
    let served = Arc::clone(&directory);
    (Fake::start(move |request| served.lock().unwrap().answer(request)).await, directory)
}

/// The same, but the answers to these attempts (counted from 0) are replaced by an error after they took effect.
pub(crate) async fn serve_losing(directory: Directory, lost: &'static [usize], error: Reply) -> (Fake, Arc<Mutex<Directory>>) {
    let directory = Arc::new(Mutex::new(directory));
    let served = Arc::clone(&directory);
    let mut n = 0;
    let script = move |request: &Request| {
        let answer = served.lock().unwrap().answer(request);
        n += 1;
        if lost.contains(&(n - 1)) { error.clone() } else { answer }
    };
    (Fake::start(script).await, directory)
}
