//! The organization, read.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::ports::{ReadOrganization, TargetCalls};
use futures::future::join_all;
use serde_json::{Value, json};
use sync_core::error::TargetErrorKind;
use sync_core::records::{Account, OrganizationalUnit};
use tokio::time::Instant;

use super::fake::{Fake, Reply, Request};
use super::{account, kind};

const ID: &str = "111122223333";

fn found(id: &str, is_active: bool, state: &str, path: &[&str]) -> Account {
    Account {
        id: account(id),
        name: "dev".to_owned(),
        is_active,
        state: state.to_owned(),
        path: path.iter().map(|part| (*part).to_owned()).collect(),
    }
}

/// Every list of `size` elements in pages of `page_size`, after an empty first one.
async fn serve(size: usize, page_size: usize) -> Fake {
    let script = move |request: &Request| {
        let element = |n: usize| match request.operation.as_str() {
            "ListAccounts" | "ListAccountsForParent" => ("Accounts", json!({"Id": format!("{n:012}"), "State": "ACTIVE"})),
            "ListOrganizationalUnitsForParent" => ("OrganizationalUnits", json!({"Id": format!("ou-{n}"), "Name": "Prod"})),
            "ListTagsForResource" => ("Tags", json!({"Key": format!("k{n}"), "Value": "v"})),
            other => panic!("{other} is not part of this organization"),
        };
        let (key, _) = element(0);
        let max = &request.body["MaxResults"];
        assert_eq!(*max, if key == "Tags" { json!(null) } else { json!(20) }, "the largest page, where there is a choice");
        let Some(token) = request.body["NextToken"].as_str() else { return Reply::Ok(json!({key: [], "NextToken": "0"})) };
        let from: usize = token.parse().unwrap();
        let next = (from + page_size).min(size);
        let page: Vec<Value> = (from..next).map(|n| element(n).1).collect();
        Reply::Ok(if next < size { json!({key: page, "NextToken": next.to_string()}) } else { json!({key: page}) })
    };
    Fake::start(script).await
}

#[tokio::test]
async fn s34_lists_of_the_organization_go_on_over_empty_pages() {
    for (size, pages) in [(0, 2), (1, 2), (20, 2), (21, 3)] {
        let fake = serve(size, 20).await;
        let target = fake.target().await;
        assert_eq!(target.accounts().await.unwrap().len(), size);
        assert_eq!(target.accounts_below("ou-1").await.unwrap().len(), size);
        assert_eq!(target.units_below("r-1").await.unwrap().len(), size);
        assert_eq!(target.tags(&account(ID)).await.unwrap().len(), size);
        assert_eq!(target.aws.calls(), TargetCalls { organizations: 4 * pages, ..TargetCalls::default() }, "{size}");
    }
}

#[tokio::test]
async fn s34_a_token_of_the_organization_that_comes_twice_is_malformed() {
    let page = json!({"Accounts": [], "Roots": [], "OrganizationalUnits": [], "Tags": [], "NextToken": "a"});
    let target = Fake::replies([Reply::Ok(page)]).await.target().await;
    let id = account(ID);
    let (all, root, units) = tokio::join!(target.accounts(), target.root(), target.units_below("r-1"));
    let (below, tags) = tokio::join!(target.accounts_below("r-1"), target.tags(&id));
    assert_eq!([kind(all), kind(root), kind(units), kind(below), kind(tags)], [TargetErrorKind::Malformed; 5]);
}

#[tokio::test]
async fn a_list_of_the_organization_that_is_not_there_is_malformed_and_not_empty() {
    for body in ["{}", ""] {
        let target = Fake::replies([Reply::Raw(200, "application/x-amz-json-1.1", body.to_owned())]).await.target().await;
        let id = account(ID);
        let (all, root, units) = tokio::join!(target.accounts(), target.root(), target.units_below("r-1"));
        let (below, tags) = tokio::join!(target.accounts_below("r-1"), target.tags(&id));
        assert_eq!([kind(all), kind(root), kind(units), kind(below), kind(tags)], [TargetErrorKind::Malformed; 5], "{body:?}");
    }
}

#[tokio::test]
async fn each_read_of_the_organization_names_what_it_is_about() {
    let answer = json!({
        "Accounts": [], "OrganizationalUnits": [], "Tags": [], "Roots": [{"Id": "r-1", "Name": "Root"}],
        "Account": {"Id": ID}, "Organization": {"MasterAccountId": ID},
    });
    let fake = Fake::replies([Reply::Ok(answer)]).await;
    let target = fake.target().await;
    target.accounts_below("ou-1").await.unwrap();
    target.units_below("r-1").await.unwrap();
    target.tags(&account(ID)).await.unwrap();
    target.account(&account(ID)).await.unwrap();
    assert_eq!(target.management_account().await.unwrap(), account(ID));
    assert_eq!(target.root().await.unwrap(), OrganizationalUnit { id: "r-1".to_owned(), name: "Root".to_owned() });
    let sent: Vec<(String, Value)> = fake.requests().into_iter().map(|request| (request.operation, request.body)).collect();
    let expected = [
        ("ListAccountsForParent", json!({"ParentId": "ou-1", "MaxResults": 20})),
        ("ListOrganizationalUnitsForParent", json!({"ParentId": "r-1", "MaxResults": 20})),
        ("ListTagsForResource", json!({"ResourceId": ID})),
        ("DescribeAccount", json!({"AccountId": ID})),
        ("DescribeOrganization", json!({})),
        ("ListRoots", json!({"MaxResults": 20})),
    ];
    assert_eq!(sent, expected.map(|(operation, body)| (operation.to_owned(), body)));
}

#[tokio::test]
async fn s41_where_the_organization_may_not_be_described_the_owner_of_the_instance_is_its_management_account() {
    let owned = |owner: Value| {
        let instance = json!({"InstanceArn": "arn:ours", "IdentityStoreId": "d-test", "Status": "ACTIVE", "OwnerAccountId": owner});
        let other = json!({"InstanceArn": "arn:other", "IdentityStoreId": "d-other", "OwnerAccountId": "999999999999"});
        move |request: &Request| match request.operation.as_str() {
            "ListInstances" => Reply::Ok(json!({"Instances": [other, instance]})),
            _ => Reply::Error(400, "AccessDeniedException", json!({})),
        }
    };
    let fake = Fake::start(owned(json!(ID))).await;
    assert_eq!(fake.target().await.management_account().await, Ok(account(ID)));
    let unowned = Fake::start(owned(json!(null))).await.target().await.management_account().await.unwrap_err();
    assert_eq!((unowned.kind, unowned.operation.as_str()), (TargetErrorKind::Denied, "DescribeOrganization"));
}

#[tokio::test]
async fn s40_the_state_of_an_account_goes_before_its_status() {
    let cases = [
        (json!({"State": "ACTIVE", "Status": "SUSPENDED"}), true, "ACTIVE"),
        (json!({"State": "SUSPENDED", "Status": "ACTIVE"}), false, "SUSPENDED"),
        (json!({"State": "PENDING_ACTIVATION"}), false, "PENDING_ACTIVATION"),
        (json!({"State": "SOMETHING_NEW"}), false, "SOMETHING_NEW"),
        (json!({"Status": "ACTIVE"}), true, "ACTIVE"),
        (json!({"Status": "PENDING_CLOSURE"}), false, "PENDING_CLOSURE"),
        (json!({}), false, ""),
    ];
    for (members, is_active, state) in cases {
        let mut raw = json!({"Id": ID, "Name": "dev", "Email": "dev@example.com"});
        raw.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let fake = Fake::replies([Reply::Ok(json!({"Accounts": [raw.clone()], "Account": raw}))]).await;
        let target = fake.target().await;
        let expected = found(ID, is_active, state, &[]);
        assert_eq!(target.account(&account(ID)).await.unwrap(), Some(expected.clone()), "{members}");
        assert_eq!(target.accounts().await.unwrap(), [expected], "{members}");
    }
}

#[tokio::test]
async fn an_account_has_the_root_and_the_units_above_it_where_aws_says_so() {
    let cases: [(Value, &[&str]); 6] = [
        (json!(["o-a1/r-b2/ou-b2-c3/ou-b2-d4/111122223333/"]), &["r-b2", "ou-b2-c3", "ou-b2-d4"]),
        (json!(["o-a1/r-b2/111122223333/"]), &["r-b2"]),
        (json!(["o-a1/r-b2/111122223333"]), &["r-b2"]),
        (json!(["o-a1/ou-b2-c3/111122223333/"]), &[]),
        (json!([""]), &[]),
        (json!([]), &[]),
    ];
    for (paths, path) in cases {
        let raw = json!({"Id": ID, "Name": "dev", "State": "ACTIVE", "Paths": paths});
        let target = Fake::replies([Reply::Ok(json!({"Accounts": [raw]}))]).await.target().await;
        assert_eq!(target.accounts().await.unwrap(), [found(ID, true, "ACTIVE", path)], "{paths}");
    }
}

#[tokio::test]
async fn an_account_that_is_not_in_the_organization_is_none() {
    let missing = |code| Reply::Error(400, code, json!({}));
    let target = Fake::replies([missing("AccountNotFoundException")]).await.target().await;
    assert_eq!(target.account(&account(ID)).await.unwrap(), None);
    let target =
        Fake::replies([missing("ParentNotFoundException"), missing("ParentNotFoundException"), missing("TargetNotFoundException")]);
    let target = target.await.target().await;
    assert_eq!(kind(target.units_below("ou-gone").await), TargetErrorKind::NotFound);
    assert_eq!(kind(target.accounts_below("ou-gone").await), TargetErrorKind::NotFound);
    assert_eq!(kind(target.tags(&account(ID)).await), TargetErrorKind::NotFound);
}

#[tokio::test]
async fn what_cannot_be_named_or_is_something_else_is_malformed() {
    let odd_account = json!({"Accounts": [{"Id": ID}, {"Id": "12"}], "Account": {"Id": "444455556666"}, "Organization": {},
        "OrganizationalUnits": [{"Name": "Prod"}], "Roots": [{"Id": "r-1"}, {"Id": "r-2"}]});
    for answer in [odd_account, json!({"Accounts": [{}], "OrganizationalUnits": [{"Id": ""}], "Roots": []})] {
        let target = Fake::replies([Reply::Ok(answer.clone())]).await.target().await;
        let id = account(ID);
        let (all, below, one) = tokio::join!(target.accounts(), target.accounts_below("r-1"), target.account(&id));
        let (management, units, root) = tokio::join!(target.management_account(), target.units_below("r-1"), target.root());
        let kinds = [kind(all), kind(below), kind(one), kind(management), kind(units), kind(root)];
        assert_eq!(kinds, [TargetErrorKind::Malformed; 6], "{answer}");
    }
}

#[tokio::test]
async fn tags_are_keys_and_values() {
    let tags = json!({"Tags": [{"Key": "env", "Value": "prod"}, {"Key": "empty", "Value": ""}]});
    let target = Fake::replies([Reply::Ok(tags)]).await.target().await;
    let expected = [("env", "prod"), ("empty", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(target.tags(&account(ID)).await.unwrap(), BTreeMap::from(expected));
}

#[tokio::test]
async fn every_code_of_organizations_has_its_kind() {
    use TargetErrorKind as Kind;
    let coded = |code| Reply::Error(400, code, json!({}));
    let cases = [
        (coded("AccessDeniedException"), Kind::Denied, 1, "organizations:DescribeOrganization"),
        (coded("AWSOrganizationsNotInUseException"), Kind::Invalid, 1, "this account is in no organization"),
        (coded("InvalidInputException"), Kind::Invalid, 1, "InvalidInputException"),
        (coded("ConcurrentModificationException"), Kind::ConcurrentModification, 4, "ConcurrentModificationException"),
        (coded("ServiceException"), Kind::Unavailable, 4, "ServiceException"),
        (Reply::Raw(503, "text/html", "<html>".to_owned()), Kind::Unavailable, 4, "503"),
        (Reply::Raw(403, "text/html", "<html>Forbidden</html>".to_owned()), Kind::Denied, 1, "403"),
        (Reply::Raw(404, "text/html", "<html>Not Found</html>".to_owned()), Kind::Malformed, 1, "404"),
        (Reply::Broken, Kind::Malformed, 4, ""),
    ];
    let check = |(reply, kind, requests, words): (Reply, Kind, usize, &'static str)| async move {
        let shown = format!("{reply:?}");
        let fake = Fake::replies([reply]).await;
        let error = fake.target().await.management_account().await.unwrap_err();
        let sent = fake.operations().into_iter().filter(|operation| operation == "DescribeOrganization").count();
        assert_eq!((error.kind, sent), (kind, requests), "{shown}: {error}");
        assert!(error.to_string().starts_with("DescribeOrganization: ") && error.detail.contains(words), "{shown}: {error}");
    };
    join_all(cases.map(check)).await;
}

#[tokio::test]
async fn a_denied_list_of_accounts_says_who_may_read_it() {
    let target = Fake::replies([Reply::Error(400, "AccessDeniedException", json!({}))]).await.target().await;
    let error = target.accounts().await.unwrap_err();
    for part in ["organizations:ListAccounts", "delegated administrator of any service"] {
        assert!(error.detail.contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn too_many_requests_to_organizations_are_sent_again_more_slowly() {
    let throttled = Reply::Error(400, "TooManyRequestsException", json!({"Type": "RATE_LIMIT"}));
    let organization = Reply::Ok(json!({"Organization": {"MasterAccountId": ID}}));
    let fake = Fake::replies([throttled.clone(), throttled, organization]).await;
    let target = fake.target().await;
    assert_eq!(target.management_account().await.unwrap(), account(ID));
    assert_eq!(target.aws.calls(), TargetCalls { organizations: 3, throttled: 2, ..TargetCalls::default() });
}

#[tokio::test]
async fn organizations_has_a_pace_of_its_own() {
    let fake = Fake::replies([Reply::Ok(json!({"Organization": {"MasterAccountId": ID}, "Accounts": []}))]).await;
    let target = fake.target().await;
    let start = Instant::now();
    for _ in 0..3 {
        target.management_account().await.unwrap();
        target.accounts().await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(5 * 1000 / 8), "six calls at eight a second: {:?}", start.elapsed());
}

#[tokio::test]
async fn organizations_is_left_at_the_deadline() {
    let fake = Fake::replies([Reply::Never]).await;
    let target = fake.target().await.until(Instant::now() + Duration::from_millis(200));
    assert_eq!(kind(target.accounts().await), TargetErrorKind::OutOfTime);
    assert_eq!(kind(target.root().await), TargetErrorKind::OutOfTime);
    assert_eq!(fake.requests().len(), 1, "nothing is sent after the deadline");
}
