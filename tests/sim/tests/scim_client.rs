//! The real SCIM client against the endpoint over HTTP, and what the Identity Store then shows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "what fails here fails a test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_identitystore::config::{Credentials, SharedCredentialsProvider};
use engine::ports::Effect;
use futures::future::{BoxFuture, join_all};
use identity_center::scim::{
    CheckError, Contact, Creation, CredentialProvider, Endpoint, Enterprise, GroupFilter, MembershipChanges, ScimClient, ScimCredential,
    ScimGroupPatch, ScimUser, ScimUserPatch, UserFilter,
};
use identity_center::{Connection, Settings};
use sim::http::{Server, serve_aws};
use sim::identity_center::{ScimThrottle, Throttles};
use sim::{Fault, Shape, Time, What, World};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, UserId};

/// The tokens that a secret held one after the other; the first is what is in memory.
struct Tokens {
    endpoint: Endpoint,
    tokens: Vec<&'static str>,
    now: Mutex<usize>,
}

impl Tokens {
    fn credential(&self) -> ScimCredential {
        ScimCredential { endpoint: self.endpoint.clone(), token: self.tokens[*self.now.lock().unwrap()].into() }
    }
}

impl CredentialProvider for Tokens {
    fn current(&self) -> BoxFuture<'_, Result<ScimCredential, TargetError>> {
        Box::pin(async { Ok(self.credential()) })
    }

    fn other_than<'a>(&'a self, _refused: &'a ScimCredential) -> BoxFuture<'a, Result<Option<ScimCredential>, TargetError>> {
        Box::pin(async {
            let mut now = self.now.lock().unwrap();
            let is_last = *now + 1 == self.tokens.len();
            *now = (*now + 1).min(self.tokens.len() - 1);
            drop(now);
            Ok((!is_last).then(|| self.credential()))
        })
    }
}

struct Face {
    world: World,
    server: Server,
    connection: Connection,
    client: ScimClient,
}

async fn connection(url: &str, scim_tps: f64) -> Connection {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("AKIASIM", "sim", None, None, "sim")))
        .build();
    Connection::new(&config, &Settings { scim_tps, ..Settings::default() }).await
}

impl Face {
    async fn new(shape: Shape) -> Self {
        Self::with(shape, "sim-tenant", &["sim-scim-token"], 1000.0).await
    }

    async fn with(shape: Shape, tenant: &str, tokens: &[&'static str], scim_tps: f64) -> Self {
        let world = World::of(&shape, Time::Real);
        let server = serve_aws(world.aws.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let endpoint = Endpoint::parse(&format!("{}/{tenant}/scim/v2/", server.url())).unwrap();
        let connection = connection(&server.url(), scim_tps).await;
        let tokens = Tokens { endpoint, tokens: tokens.to_vec(), now: Mutex::new(0) };
        let client = ScimClient::new(&connection, Arc::new(tokens)).unwrap();
        Self { world, server, connection, client }
    }

    fn operations(&self) -> Vec<String> {
        self.world.aws.log().into_iter().map(|call| call.operation).collect()
    }
}

fn shape(users: usize, groups: usize, members: usize) -> Shape {
    Shape { users, groups, members, ..Shape::default() }
}

fn ada() -> ScimUser {
    let email = Contact { value: "ada@example.com".to_owned(), kind: Some("work".to_owned()) };
    let enterprise = Enterprise { department: Some("Engines".to_owned()), ..Enterprise::default() };
    ScimUser {
        external_id: Some("00u-ada".to_owned()),
        email: Some(email),
        title: Some(String::new()),
        enterprise,
        ..ScimUser::new("ada@example.com", "Ada", "Ada", "Lovelace")
    }
}

fn created<R>(creation: Creation<UserId, R>) -> UserId {
    match creation {
        Creation::Created(id) => Some(id),
        Creation::Found(_) => None,
    }
    .unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T, TargetError>) -> TargetErrorKind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn a_user_is_made_found_overwritten_disabled_and_deleted_and_the_identity_store_shows_it() {
    let Face { world, server: _server, connection, client } = Face::new(shape(0, 0, 0)).await;
    let id = created(client.create_user(&ada()).await.unwrap());
    let store = world.aws.peek_user(&id).unwrap();
    assert_eq!((store.enabled, store.external_ids[0].id.as_str()), (true, "00u-ada"));
    assert_eq!(store.external_ids[0].issuer, world.aws.settings().scim.issuer);
    assert!(!store.attributes.contains_key("Title"), "an empty text is left out: {:?}", store.attributes);

    let record = client.user(&id).await.unwrap().unwrap();
    assert_eq!(record.user, ScimUser { title: None, ..ada() });
    for filter in [UserFilter::UserName("ADA@example.com"), UserFilter::ExternalId("00u-ada")] {
        assert_eq!(client.find_users(filter).await.unwrap(), std::slice::from_ref(&record), "{filter:?}");
    }
    assert!(client.find_users(UserFilter::ExternalId("00u-other")).await.unwrap().is_empty());

    let plain = ScimUser { external_id: ada().external_id, ..ScimUser::new("ada.l@example.com", "Ada L", "Ada", "L") };
    client.put_user(&id, &plain).await.unwrap();
    assert_eq!(client.user(&id).await.unwrap().unwrap().user, plain, "what is not set is taken away");

    client.set_active(&id, false).await.unwrap();
    assert!(!world.aws.peek_user(&id).unwrap().enabled);
    let patch = ScimUserPatch { external_id: Some("00u-2".to_owned()), active: Some(true), ..ScimUserPatch::default() };
    client.patch_user(&id, &patch).await.unwrap();
    let expected = ScimUser { external_id: Some("00u-2".to_owned()), ..plain };
    assert_eq!(client.user(&id).await.unwrap().unwrap().user, expected, "a patch leaves the rest");

    assert_eq!(client.delete_user(&id).await.unwrap(), Effect::Changed);
    assert_eq!(client.delete_user(&id).await.unwrap(), Effect::AlreadyInEffect);
    assert_eq!(client.user(&id).await.unwrap(), None);
    assert_eq!(kind(client.set_active(&id, true).await), TargetErrorKind::NotFound);
    assert_eq!(connection.calls().scim, u64::try_from(world.aws.log().len()).unwrap());
}

#[tokio::test]
async fn a_user_that_is_there_is_found_and_someone_elses_name_is_taken() {
    let Face { world, server: _server, client, .. } = Face::new(shape(0, 0, 0)).await;
    let id = created(client.create_user(&ada()).await.unwrap());
    let Creation::Found(found) = client.create_user(&ada()).await.unwrap() else { panic!("made twice") };
    assert_eq!(found.id, id);
    let renamed = ScimUser { user_name: "ada.new@example.com".to_owned(), ..ada() };
    let Creation::Found(found) = client.create_user(&renamed).await.unwrap() else { panic!("made twice") };
    assert_eq!((found.id, found.user.user_name.as_str()), (id, "ada@example.com"), "by the externalId, whatever the name");

    let recycled = ScimUser { external_id: Some("00u-other".to_owned()), ..ada() };
    let error = client.create_user(&recycled).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NameTaken);
    assert!(error.detail.contains("is someone else"), "{error}");

    let same_mail = ScimUser { user_name: "grace".to_owned(), external_id: Some("00u-grace".to_owned()), ..ada() };
    let error = client.create_user(&same_mail).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::NameTaken);
    assert!(error.detail.contains("someone else has the e-mail address"), "{error}");

    let by_hand = world.aws.add_user("hand@example.com", None).unwrap();
    let hand = ScimUser { external_id: Some("00u-hand".to_owned()), ..ScimUser::new("Hand@example.com", "H", "H", "A") };
    let Creation::Found(found) = client.create_user(&hand).await.unwrap() else { panic!("made twice") };
    assert_eq!((found.id, found.user.external_id), (by_hand, None), "without an externalId, adopting is for the caller to decide");
}

#[tokio::test]
async fn a_user_without_what_aws_asks_for_is_not_sent() {
    let Face { world, server: _server, client, .. } = Face::new(shape(0, 0, 0)).await;
    let error = client.create_user(&ScimUser::new("ada", "", "Ada", "")).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Invalid);
    assert!(error.detail.contains("displayName and name.familyName"), "{error}");
    assert!(world.aws.log().is_empty());
    assert_eq!(kind(client.create_user(&ScimUser::new("ada", "A: B", "Ada", "L")).await), TargetErrorKind::Invalid);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_finds_what_it_made() {
    let Face { world, server: _server, client, .. } = Face::new(shape(1, 0, 0)).await;
    world.aws.inject(Fault::on("ScimCreateUser", What::DropAfter));
    let Creation::Found(found) = client.create_user(&ada()).await.unwrap() else { panic!("the answer was not lost") };
    assert_eq!(found.user.external_id, ada().external_id);
    world.aws.inject(Fault::on("ScimCreateGroup", What::Status { status: 503, code: None }).after_effect());
    let Creation::Found(found) = client.create_group("AWS-new", Some("00g-new"), &[world.user(0)]).await.unwrap() else {
        panic!("the answer was not lost")
    };
    assert_eq!(found.external_id.as_deref(), Some("00g-new"));
    assert_eq!((world.aws.all_users().len(), world.aws.all_groups().len()), (2, 1));
    assert_eq!(world.aws.member_ids(&found.id).len(), 1);
    world.aws.inject(Fault::on("ScimCreateUser", What::CutOff));
    let grace = ScimUser { external_id: Some("00u-grace".to_owned()), ..ScimUser::new("grace", "Grace", "Grace", "H") };
    assert!(matches!(client.create_user(&grace).await.unwrap(), Creation::Found(_)), "a creation whose answer is cut in half");
}

#[tokio::test]
async fn a_group_is_changed_in_one_request_and_what_is_so_already_is_no_error() {
    let Face { world, server: _server, connection, client } = Face::new(shape(4, 1, 2)).await;
    let group = world.group(0);
    let (inside, outside) = ([world.user(0), world.user(1)], [world.user(2), world.user(3)]);
    let patch = ScimGroupPatch {
        display_name: Some("AWS-renamed".to_owned()),
        external_id: Some("00g-1".to_owned()),
        members: MembershipChanges::new(outside.clone(), inside).unwrap(),
    };
    client.patch_group(&group, &patch).await.unwrap();
    assert_eq!(connection.calls().scim, 1);
    let seen = world.aws.peek_group(&group).unwrap();
    assert_eq!((seen.display_name.as_str(), seen.external_ids[0].id.as_str()), ("AWS-renamed", "00g-1"));
    assert_eq!(world.aws.member_ids(&group).into_iter().collect::<Vec<_>>().len(), 2);
    assert!(outside.iter().all(|user| world.aws.member_ids(&group).contains(user)));
    let before = world.aws.writes().len();
    client.patch_group(&group, &ScimGroupPatch::members(patch.members.clone())).await.unwrap();
    assert_eq!(world.aws.writes().len(), before, "the same again changes nothing");
    client.patch_group(&group, &ScimGroupPatch::default()).await.unwrap();
    assert_eq!(connection.calls().scim, 2, "nothing is sent for nothing");

    let nobody = UserId::new("9067f4d2c1-00000000-0000-0000-0000-000000000000").unwrap();
    let with_nobody = MembershipChanges::new([world.user(0), nobody], []).unwrap();
    assert_eq!(kind(client.patch_group(&group, &ScimGroupPatch::members(with_nobody)).await), TargetErrorKind::NotFound);
    let gone = GroupId::new("9067f4d2c1-00000000-0000-0000-0000-000000000001").unwrap();
    assert_eq!(kind(client.patch_group(&gone, &patch).await), TargetErrorKind::NotFound);
    assert_eq!(client.delete_group(&group).await.unwrap(), Effect::Changed);
    assert_eq!(client.delete_group(&group).await.unwrap(), Effect::AlreadyInEffect);
}

#[tokio::test]
async fn a_group_of_this_name_is_found_and_another_externalid_is_another_group() {
    let Face { world, server: _server, client, .. } = Face::new(shape(1, 0, 0)).await;
    let there = world.aws.add_group("AWS-there", "").unwrap();
    let Creation::Found(found) = client.create_group("aws-there", Some("00g-1"), &[]).await.unwrap() else { panic!("made twice") };
    assert_eq!((found.id, found.external_id), (there.clone(), None));
    client.patch_group(&there, &ScimGroupPatch { external_id: Some("00g-other".to_owned()), ..ScimGroupPatch::default() }).await.unwrap();
    let error = client.create_group("AWS-there", Some("00g-1"), &[]).await.unwrap_err();
    assert!(error.kind == TargetErrorKind::NameTaken && error.detail.contains("is another group"), "{error}");
    assert_eq!(client.find_groups(GroupFilter::ExternalId("00g-other")).await.unwrap()[0].id, there);
    let many: Vec<UserId> = (0..101).map(|n| UserId::new(&format!("u-{n}")).unwrap()).collect();
    assert_eq!(kind(client.create_group("AWS-many", None, &many).await), TargetErrorKind::Invalid);
}

/// AWS was seen to refuse such filters. What is looked for is then looked for among all, page by page, empty pages included.
#[tokio::test]
async fn a_name_that_no_filter_takes_is_found_all_the_same() {
    let face = Face::new(shape(30, 25, 0)).await;
    face.world.aws.configure(|settings| {
        settings.scim.filters_are_ascii = true;
        (settings.page_size, settings.empty_pages) = (10, true);
    });
    let there = face.world.aws.add_group("AWS-Büro", "").unwrap();
    let Creation::Found(found) = face.client.create_group("AWS-Büro", None, &[]).await.unwrap() else { panic!("made twice") };
    assert_eq!(found.id, there);
    assert!(face.operations().iter().filter(|operation| *operation == "ScimListGroups").count() > 5);
    assert!(face.client.find_users(UserFilter::UserName("jürgen")).await.unwrap().is_empty());
}

#[tokio::test]
async fn lists_that_lie_or_do_not_end_are_errors() {
    let Face { world, server: _server, client, .. } = Face::new(shape(3, 0, 0)).await;
    world.aws.configure(|settings| settings.page_size = 1);
    for what in [What::SameCursor, What::Html { status: 404 }, What::Truncated] {
        world.aws.clear_faults();
        world.aws.inject(Fault::on("ScimListUsers", what.clone()).always());
        assert!(client.find_users(UserFilter::UserName("user0@example.com")).await.is_err(), "{what:?}");
    }
}

#[tokio::test]
async fn s36_memberships_that_are_metered_apart_lose_none() {
    let face = Face::with(shape(600, 1, 0), "sim-tenant", &["sim-scim-token"], 19.0).await;
    let throttle =
        ScimThrottle { writes_per_second: 25.0, reads_per_second: 40.0, memberships_per_second: 150.0, memberships_burst: 100.0 };
    face.world.aws.throttle(Throttles { scim: Some(throttle), ..Throttles::default() });
    let everyone = face.world.aws.all_users().into_iter().map(|user| user.id);
    let batches = MembershipChanges::batches(everyone, []).unwrap();
    assert_eq!(batches.len(), 6);
    let group = face.world.group(0);
    let results = join_all(batches.into_iter().map(|batch| {
        let (client, group) = (face.client.clone(), group.clone());
        async move { client.patch_group(&group, &ScimGroupPatch::members(batch)).await }
    }))
    .await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(!face.world.aws.throttled().is_empty(), "the meter was met");
    assert_eq!(face.world.aws.member_ids(&group).len(), 600);
}

#[tokio::test]
async fn what_passes_is_waited_for_and_what_does_not_is_told() {
    let Face { world, server: _server, client, .. } = Face::new(shape(1, 1, 0)).await;
    let status = |status| What::Status { status, code: None };
    let start = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    world.aws.inject(Fault::on("ScimPatchUser", What::Throttle { seconds: 1 }));
    world.aws.inject(Fault::on("ScimPatchUser", status(500)));
    world.aws.inject(Fault::on("ScimPatchUser", What::DropBefore));
    client.set_active(&world.user(0), false).await.unwrap();
    let took = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - start;
    assert!(took >= Duration::from_secs(1), "Retry-After is kept: {took:?}");
    for (what, expected) in [
        (status(403), TargetErrorKind::Denied),
        (status(409), TargetErrorKind::NameTaken),
        (status(400), TargetErrorKind::Invalid),
        (What::Html { status: 404 }, TargetErrorKind::NotFound),
        (What::Html { status: 302 }, TargetErrorKind::Invalid),
        (status(503), TargetErrorKind::Unavailable),
    ] {
        world.aws.clear_faults();
        world.aws.inject(Fault::on("ScimPatchGroup", what.clone()).always());
        let patch = ScimGroupPatch { display_name: Some("x".to_owned()), ..ScimGroupPatch::default() };
        assert_eq!(kind(client.patch_group(&world.group(0), &patch).await), expected, "{what:?}");
    }
    world.aws.inject(Fault::on("ScimDeleteUser", What::Html { status: 404 }));
    assert_eq!(kind(client.delete_user(&world.user(0)).await), TargetErrorKind::NotFound, "a page from elsewhere is no evidence");
}

#[tokio::test]
async fn a_rotated_token_is_taken_up_and_a_refused_one_says_what_to_do() {
    let face = Face::with(shape(1, 0, 0), "sim-tenant", &["old-token", "sim-scim-token"], 1000.0).await;
    face.client.set_active(&face.world.user(0), false).await.unwrap();
    face.client.set_active(&face.world.user(0), true).await.unwrap();
    let refused = face.world.aws.log().into_iter().filter(|call| call.status == 401).count();
    assert_eq!(refused, 1, "the new one is used from then on");
    face.world.aws.configure(|settings| settings.scim.tokens = vec!["one".to_owned(), "two".to_owned()]);
    let CheckError::Token(error) = face.client.check().await.unwrap_err() else { panic!("the token is what is refused") };
    assert_eq!(error.kind, TargetErrorKind::Denied);
    assert!(error.detail.contains("expired") && error.detail.contains("Automatic provisioning"), "{error}");
    assert!(!error.to_string().contains("sim-scim-token"), "{error}");
}

#[tokio::test]
async fn the_check_sees_the_endpoint_and_another_tenant() {
    let face = Face::new(shape(0, 0, 0)).await;
    face.client.check().await.unwrap();
    let elsewhere = Face::with(shape(0, 0, 0), "other-tenant", &["sim-scim-token"], 1000.0).await;
    let refused = elsewhere.client.check().await.unwrap_err();
    assert!(
        matches!(&refused, CheckError::Token(error) | CheckError::NotAllowed(error) if error.kind == TargetErrorKind::Denied),
        "{refused}"
    );
    let url = face.server.url();
    face.server.stop().await;
    let error = face.client.until(tokio::time::Instant::now() + Duration::from_secs(5)).check().await.unwrap_err();
    assert!(!error.to_string().contains(&url), "{error}");
}
