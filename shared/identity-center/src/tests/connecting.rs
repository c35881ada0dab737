//! Finding the identity store, and being who the policy says.

use aws_config::{BehaviorVersion, Region};
use engine::ports::ReadTarget;
use serde_json::{Value, json};
use sync_core::error::{TargetError, TargetErrorKind};

use super::fake::{Fake, Reply, credentials, location};
use crate::{Connection, IdentityCenter, Location, Locator, Settings};

fn instance(arn: &str, store: &str, status: Option<&str>) -> Value {
    let mut instance = json!({"InstanceArn": arn, "IdentityStoreId": store, "OwnerAccountId": "111122223333"});
    if let Some(status) = status {
        instance["Status"] = json!(status);
    }
    instance
}

async fn locate(locator: Locator, pages: Vec<Reply>) -> (Result<Location, TargetError>, Fake) {
    let fake = Fake::replies(pages).await;
    (locator.locate(&fake.connection().await).await, fake)
}

fn one_page(instances: impl Into<Vec<Value>>) -> Vec<Reply> {
    vec![Reply::Ok(json!({"Instances": instances.into()}))]
}

#[tokio::test]
async fn a_given_store_needs_no_call_and_no_form() {
    let locator = Locator { identity_store_id: "d-not+hex".to_owned(), instance_arn: "arn:a".to_owned() };
    let (found, fake) = locate(locator, one_page([])).await;
    assert_eq!(found.unwrap(), Location { identity_store_id: "d-not+hex".to_owned(), instance_arn: Some("arn:a".to_owned()) });
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn the_only_active_instance_is_taken_from_whatever_page() {
    for status in [Some("ACTIVE"), None] {
        let pages = vec![
            Reply::Ok(json!({"Instances": [instance("arn:a", "d-a", Some("DELETE_IN_PROGRESS"))], "NextToken": "2"})),
            Reply::Ok(json!({"Instances": [], "NextToken": "3"})),
            Reply::Ok(json!({"Instances": [instance("arn:b", "d-b", status)]})),
        ];
        let (found, fake) = locate(Locator::default(), pages).await;
        assert_eq!(found.unwrap(), Location { identity_store_id: "d-b".to_owned(), instance_arn: Some("arn:b".to_owned()) });
        assert_eq!(fake.operations(), ["ListInstances"; 3]);
    }
}

#[tokio::test]
async fn a_named_instance_is_picked_out_of_several() {
    let both = [instance("arn:a", "d-a", Some("ACTIVE")), instance("arn:b", "d-b", Some("ACTIVE"))];
    let locator = Locator { instance_arn: "arn:b".to_owned(), ..Locator::default() };
    let (found, _) = locate(locator, one_page(both)).await;
    assert_eq!(found.unwrap().identity_store_id, "d-b");
}

#[tokio::test]
async fn none_or_several_is_an_error_that_names_them_and_the_keys() {
    let both = [instance("arn:a", "d-a", Some("ACTIVE")), instance("arn:b", "d-b", None)];
    let creating = [instance("arn:a", "d-a", Some("CREATE_IN_PROGRESS"))];
    let unknown = Locator { instance_arn: "arn:c".to_owned(), ..Locator::default() };
    let cases = [
        (Locator::default(), one_page(both.clone()), vec!["more than one", "arn:a", "d-a", "arn:b", "d-b", "111122223333"]),
        (Locator::default(), one_page([]), vec!["no active instance", "seen in this region: none"]),
        (Locator::default(), one_page(creating), vec!["no active instance", "arn:a", "CREATE_IN_PROGRESS"]),
        (unknown, one_page(both), vec!["no active instance", "arn:c", "arn:a", "arn:b"]),
    ];
    for (locator, pages, parts) in cases {
        let error = locate(locator, pages).await.0.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::Invalid);
        for part in parts.into_iter().chain(["`[identity_center] instance_arn`", "`identity_store_id`"]) {
            assert!(error.detail.contains(part), "{part} in {error}");
        }
    }
}

#[tokio::test]
async fn a_refused_list_of_instances_names_the_iam_action() {
    let (found, fake) = locate(Locator::default(), vec![Reply::Error(400, "AccessDeniedException", json!({}))]).await;
    let error = found.unwrap_err();
    assert_eq!((error.kind, fake.requests().len()), (TargetErrorKind::Denied, 1));
    assert!(error.detail.contains("sso:ListInstances"), "{error}");
}

#[tokio::test]
async fn finding_counts_as_sso_admin_and_outlasts_throttling() {
    let pages = vec![Reply::Error(400, "ThrottlingException", json!({})), one_page([instance("arn:a", "d-a", None)]).remove(0)];
    let fake = Fake::replies(pages).await;
    let connection = fake.connection().await;
    Locator::default().locate(&connection).await.unwrap();
    assert_eq!((connection.calls().sso_admin, connection.calls().identity_store), (2, 0));
}

#[tokio::test]
async fn a_role_is_assumed_under_our_name_and_signs_the_calls() {
    let assumed = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
        <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let script = move |request: &super::fake::Request| match request.operation.as_str() {
        "" => Reply::Raw(200, "text/xml", assumed.to_owned()),
        _ => Reply::Ok(json!({"Groups": []})),
    };
    let fake = Fake::start(script).await;
    let loader = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(&fake.url).credentials_provider(credentials());
    let config = loader.region(Region::from_static("us-east-1")).load().await;
    let role = "arn:aws:iam::111122223333:role/lockstep".to_owned();
    let settings = Settings { region: "eu-west-1".to_owned(), assume_role_arn: role, ..Settings::default() };
    let target = IdentityCenter::new(&Connection::new(&config, &settings).await, &location());
    target.list_groups().await.unwrap();
    let requests = fake.requests();
    let [sts, list] = requests.as_slice() else { panic!("{requests:?}") };
    let form = sts.body.as_str().unwrap();
    assert!(form.contains("RoleSessionName=lockstep") && form.contains("role%2Flockstep"), "{form}");
    assert!(list.authorization.contains("ASIAROLE") && list.authorization.contains("/eu-west-1/identitystore/"), "{}", list.authorization);
    assert_eq!(target.calls().identity_store, 1, "STS is none of Identity Center's limits");
}
