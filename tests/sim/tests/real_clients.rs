//! The real clients over HTTP against the ports in process: the same answers, the same errors, the same number of calls. What is
//! proved with the ports is worth something for this reason.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_identitystore::config::{Credentials, SharedCredentialsProvider};
use engine::ports::{Effect, GroupChange, ReadSource, ReadTarget, WriteTarget};
use identity_center::{Connection, IdentityCenter, Locator, Settings, UserDetails};
use okta::auth::SswsToken;
use okta::{OktaClient, OktaConfig};
use sim::http::{Server, serve_aws, serve_okta};
use sim::okta::{LinkStyle, NewUser, Staleness};
use sim::{Fault, Shape, Time, What, World};
use sync_core::error::{SourceErrorKind, TargetErrorKind};
use sync_core::policy::UserNameFrom;

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

async fn real_okta(world: &World) -> (OktaClient, Server) {
    let server = serve_okta(world.okta.clone(), SocketAddr::from(ANYWHERE)).await.unwrap();
    let attributes = ["login", "email", "firstName", "lastName", "displayName"].map(str::to_owned);
    let config = OktaConfig::new(&server.url().parse().unwrap(), UserNameFrom::Login).unwrap();
    let config = config.with_profile_attributes(attributes.into());
    (OktaClient::new(&config, Arc::new(SswsToken::new(&"sim-token".to_owned().into()))).unwrap(), server)
}

async fn real_aws(world: &World) -> (IdentityCenter, Server) {
    let server = serve_aws(world.aws.clone(), SocketAddr::from(ANYWHERE)).await.unwrap();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(server.url())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("AKIASIM", "sim", None, None, "sim")))
        .build();
    let settings = Settings { identity_store_tps: 1000.0, sso_admin_tps: 1000.0, ..Settings::default() };
    let connection = Connection::new(&config, &settings).await;
    let location = Locator::default().locate(&connection).await.unwrap();
    world.aws.clear_log();
    (IdentityCenter::new(&connection, &location).with_user_details(UserDetails::WithEnterprise), server)
}

/// A world with everything in it that records can be.
fn world(shape: &Shape) -> World {
    let world = World::of(shape, Time::Real);
    let odd = world.okta.add_user_with(NewUser::named("odd@example.com").without("login"));
    let broken = world.okta.add_user("broken@example.com");
    world.okta.break_user(&broken, Some(serde_json::json!({"id": broken.as_str(), "status": "ACTIVE"})));
    let gone = world.okta.add_user("gone@example.com");
    for user in [&odd, &broken, &gone] {
        world.okta.add_member(&world.okta_group(0), user);
    }
    world.okta.deactivate(&gone);
    let nameless = world.okta.add_group("nameless");
    world.okta.break_group(&nameless, Some(serde_json::json!({"id": nameless.as_str(), "type": "OKTA_GROUP", "profile": {}})));
    let timeless = world.okta.add_group("timeless");
    let record = serde_json::json!({"id": timeless.as_str(), "type": "OKTA_GROUP", "profile": {"name": "t"}, "lastUpdated": "never"});
    world.okta.break_group(&timeless, Some(record));
    let odd_group = world.okta.add_group("odd");
    let record = serde_json::json!({"id": odd_group.as_str(), "type": "NEW_TYPE", "profile": {"name": "odd"}, "_embedded": {"stats": {"usersCount": 7}}});
    world.okta.break_group(&odd_group, Some(record));
    world.okta.add_group(" ");
    world.aws.add_group("hand-made", "");
    world.aws.add_user("hand@example.com", None);
    world
}

/// A listing's records, and the ids of what was none.
fn shown<T: std::fmt::Debug>(listing: &sync_core::records::Listing<T>) -> (Vec<String>, Vec<Option<String>>) {
    let items = listing.items.iter().map(|item| format!("{item:?}")).collect();
    (items, listing.bad.iter().map(|bad| bad.id.clone()).collect())
}

#[tokio::test]
async fn okta_reads_alike_over_http_and_in_process() {
    let world = world(&Shape { users: 450, groups: 3, members: 201, ..Shape::default() });
    let app = world.okta.add_app("amazon_aws_sso", "app");
    world.okta.assign_group(&app, &world.okta_group(1));
    let (real, _server) = real_okta(&world).await;
    let port = world.okta.connect();
    for style in [LinkStyle::Lines, LinkStyle::Joined, LinkStyle::NextFirst] {
        world.okta.configure(|settings| settings.links = style);
        let everyone = world.okta.everyone();
        for group in [&world.okta_group(0), &world.okta_group(1), &everyone] {
            let (one, other) = (real.members(group).await.unwrap().unwrap(), port.members(group).await.unwrap().unwrap());
            assert!(shown(&one) == shown(&other), "{group}");
            assert_eq!(real.group(group).await.unwrap(), port.group(group).await.unwrap());
        }
    }
    for since in [None, Some(world.okta.clock_now() - jiff::SignedDuration::from_secs(60))] {
        let (one, other) = (real.list_groups(since).await.unwrap(), port.list_groups(since).await.unwrap());
        assert_eq!(shown(&one), shown(&other));
    }
    for name in [world.okta_user(0).as_str(), "user1@example.com", "nobody@example.com", "gone@example.com"] {
        assert_eq!(real.user(name).await.unwrap(), port.user(name).await.unwrap());
    }
    let user = world.okta_user(0);
    let (one, other) = (real.groups_of_user(&user).await.unwrap().unwrap(), port.groups_of_user(&user).await.unwrap().unwrap());
    assert_eq!(shown(&one), shown(&other));
    assert_eq!(real.app_groups(&app).await.unwrap(), port.app_groups(&app).await.unwrap());
    world.okta.delete_user(&user);
    assert_eq!(real.groups_of_user(&user).await.unwrap(), None);
    assert_eq!(port.groups_of_user(&user).await.unwrap(), None);
    assert_eq!(real.calls(), port.calls());
}

#[tokio::test]
async fn okta_lists_are_stale_alike() {
    let world = World::of(&Shape::default(), Time::Real);
    world.okta.configure(|settings| settings.staleness = Staleness { added_ms: 60_000, ..Staleness::default() });
    world.okta.add_member(&world.okta_group(0), &world.okta_user(11));
    let (real, _server) = real_okta(&world).await;
    let (one, other) = (real.members(&world.okta_group(0)).await.unwrap(), world.okta.members(&world.okta_group(0)).await.unwrap());
    assert_eq!(one.unwrap().items.len(), 4);
    assert_eq!(other.unwrap().items.len(), 4);
}

#[tokio::test]
async fn okta_fails_alike() {
    let world = World::of(&Shape::default(), Time::Real);
    let (real, _server) = real_okta(&world).await;
    let status = |status, code: Option<&str>| What::Status { status, code: code.map(str::to_owned) };
    for (what, kind) in [
        (status(403, None), SourceErrorKind::Forbidden),
        (status(401, None), SourceErrorKind::Unauthorized),
        (status(401, Some("E0000015")), SourceErrorKind::Forbidden),
        (status(404, Some("E0000008")), SourceErrorKind::NotFound),
        (status(400, None), SourceErrorKind::Rejected),
        (What::SameCursor, SourceErrorKind::Malformed),
    ] {
        world.okta.clear_faults();
        world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", what.clone()).always());
        // Each is a run of its own, which does not repeat what the one before was refused.
        let real = real.until(tokio::time::Instant::now() + std::time::Duration::from_secs(60));
        assert_eq!(real.members(&world.okta_group(0)).await.unwrap_err().kind, kind, "{what:?} over HTTP");
        assert_eq!(world.okta.members(&world.okta_group(0)).await.unwrap_err().kind, kind, "{what:?} in process");
    }
    world.okta.clear_faults();
    world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", status(404, None)).times(2));
    assert_eq!(real.members(&world.okta_group(0)).await.unwrap(), None);
    assert_eq!(world.okta.members(&world.okta_group(0)).await.unwrap(), None);
}

#[tokio::test]
async fn a_fault_that_passes_is_survived_by_the_real_client() {
    let world = World::of(&Shape::default(), Time::Real);
    let (real, _server) = real_okta(&world).await;
    for what in [What::Status { status: 503, code: None }, What::Truncated, What::DropBefore, What::Html { status: 502 }] {
        world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", what));
        assert_eq!(real.members(&world.okta_group(0)).await.unwrap().unwrap().items.len(), 4);
    }
}

#[tokio::test]
async fn identity_center_reads_alike_over_http_and_in_process() {
    let world = world(&Shape { users: 201, groups: 101, members: 2, ..Shape::default() });
    let (real, _server) = real_aws(&world).await;
    let port = world.aws.connect();
    let before = real.calls().identity_store;
    for (page_size, empty_pages) in [(100, false), (40, true)] {
        world.aws.configure(|settings| (settings.page_size, settings.empty_pages) = (page_size, empty_pages));
        assert_eq!(shown(&real.list_users().await.unwrap()), shown(&port.list_users().await.unwrap()));
        assert_eq!(shown(&real.list_groups().await.unwrap()), shown(&port.list_groups().await.unwrap()));
        for group in [world.group(0), world.group(100)] {
            assert_eq!(real.memberships_of_group(&group).await.unwrap(), port.memberships_of_group(&group).await.unwrap());
            assert_eq!(real.group(&group).await.unwrap(), port.group(&group).await.unwrap());
        }
        assert_eq!(real.users_named("USER7@example.com").await.unwrap(), port.users_named("USER7@example.com").await.unwrap());
        assert_eq!(real.user(&world.user(3)).await.unwrap(), port.user(&world.user(3)).await.unwrap());
        assert_eq!(real.memberships_of_user(&world.user(3)).await.unwrap(), port.memberships_of_user(&world.user(3)).await.unwrap());
    }
    let gone = world.group(0);
    world.aws.remove_group(&gone);
    assert_eq!((real.group(&gone).await.unwrap(), port.group(&gone).await.unwrap()), (None, None));
    assert_eq!((real.memberships_of_group(&gone).await.unwrap(), port.memberships_of_group(&gone).await.unwrap()), (None, None));
    assert_eq!(real.calls().identity_store - before, port.calls().identity_store);
}

#[tokio::test]
async fn identity_center_writes_over_http() {
    let world = World::of(&Shape::default(), Time::Real);
    let (real, _server) = real_aws(&world).await;
    let (group, user) = (world.group(0), world.user(11));
    assert_eq!(real.create_membership(&group, &user).await.unwrap(), Effect::Changed);
    assert_eq!(real.create_membership(&group, &user).await.unwrap(), Effect::AlreadyInEffect);
    let membership = real.memberships_of_user(&user).await.unwrap().unwrap().into_iter().find(|membership| membership.group == group);
    let membership = membership.unwrap().id;
    assert_eq!(real.delete_membership(&membership).await.unwrap(), Effect::Changed);
    assert_eq!(real.delete_membership(&membership).await.unwrap(), Effect::AlreadyInEffect);
    assert_eq!(real.create_group("AWS-000", "").await.unwrap_err().kind, TargetErrorKind::NameTaken);
    let made = real.create_group("AWS-new", "d").await.unwrap();
    let seen = real.group(&made).await.unwrap().unwrap();
    let change = GroupChange { display_name: Some("AWS-newer".to_owned()), description: Some(String::new()) };
    real.update_group(&made, &change, seen.revision.as_ref()).await.unwrap();
    assert_eq!(world.aws.peek_group(&made).unwrap().description, None);
    world.aws.describe_group(&made, "by hand");
    assert_eq!(real.delete_group(&made, seen.revision.as_ref()).await.unwrap_err().kind, TargetErrorKind::ConcurrentModification);
    assert_eq!(real.delete_group(&made, None).await.unwrap(), Effect::Changed);
    assert_eq!(real.delete_group(&made, None).await.unwrap(), Effect::AlreadyInEffect);
}

#[tokio::test]
async fn a_lost_answer_is_a_success_to_the_real_client() {
    let world = World::of(&Shape::default(), Time::Real);
    let (real, _server) = real_aws(&world).await;
    world.aws.inject(Fault::on("CreateGroupMembership", What::DropAfter));
    let added = tokio::time::timeout(Duration::from_secs(20), real.create_membership(&world.group(0), &world.user(11))).await.unwrap();
    assert_eq!(added.unwrap(), Effect::AlreadyInEffect);
    assert_eq!((world.aws.member_ids(&world.group(0)).len(), world.aws.writes().len()), (5, 1));
}

#[tokio::test]
async fn identity_center_fails_alike() {
    let world = World::of(&Shape::default(), Time::Real);
    let (real, _server) = real_aws(&world).await;
    let exception = |name: &str, reason: Option<&str>| What::Exception { name: name.to_owned(), reason: reason.map(str::to_owned) };
    for (what, kind) in [
        (exception("AccessDeniedException", None), TargetErrorKind::Denied),
        (exception("ValidationException", None), TargetErrorKind::Invalid),
        (exception("ServiceQuotaExceededException", None), TargetErrorKind::QuotaExceeded),
        (exception("ConflictException", Some("CONCURRENT_MODIFICATION")), TargetErrorKind::ConcurrentModification),
        (What::Conflict, TargetErrorKind::ConcurrentModification),
    ] {
        world.aws.clear_faults();
        world.aws.inject(Fault::on("CreateGroup", what.clone()).always());
        assert_eq!(real.create_group("x", "").await.unwrap_err().kind, kind, "{what:?} over HTTP");
        assert_eq!(world.aws.create_group("x", "").await.unwrap_err().kind, kind, "{what:?} in process");
    }
}
