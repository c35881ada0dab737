//! Okta's own OpenAPI document, with Prism between the real client and the simulated org: a request or an answer that the document does
//! not allow becomes an error. `LOCKSTEP_PRISM` is the program, `LOCKSTEP_OKTA_SPEC` the document as tests/outside/okta_spec.py cuts it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "what fails here fails a test")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use engine::ports::ReadSource;
use okta::auth::SswsToken;
use okta::{OktaClient, OktaConfig};
use reqwest::StatusCode;
use sim::http::{Server, serve_okta};
use sim::okta::LinkStyle;
use sim::{Fault, Shape, Time, What, World};
use sync_core::error::SourceErrorKind;
use sync_core::ids::OktaGroupId;
use sync_core::policy::UserNameFrom;
use sync_core::records::UserStatus;

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// The longest that Prism may take to listen: some seconds, and more on a machine that compiles.
const START: Duration = Duration::from_secs(90);

/// Prism in front of a simulated org.
struct Stage {
    world: World,
    url: String,
    prism: Child,
    _server: Server,
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.prism.kill());
        drop(self.prism.wait());
    }
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test that needs a program is told of it by the environment")]
    let value = std::env::var(name).ok();
    if value.is_none() {
        println!("SKIPPED: {name} is not set");
    }
    value
}

impl Stage {
    /// `None` where there is no Prism.
    async fn start() -> Option<Self> {
        let (program, document) = (variable("LOCKSTEP_PRISM")?, variable("LOCKSTEP_OKTA_SPEC")?);
        let world = World::of(&Shape { users: 450, groups: 3, members: 201, ..Shape::default() }, Time::Real);
        let server = serve_okta(world.okta.clone(), SocketAddr::from(ANYWHERE)).await.unwrap();
        let port = TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap().local_addr().unwrap().port();
        let mut prism = Command::new(program)
            .args(["proxy", &document, &server.url(), "--errors", "--host", "127.0.0.1", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let listens = async {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert_eq!(prism.try_wait().unwrap(), None, "Prism has ended");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(START, listens).await.expect("Prism does not listen");
        let url = format!("http://127.0.0.1:{port}");
        // Where the links to further pages lead.
        let org_url = url.parse().unwrap();
        world.okta.configure(|settings| settings.org_url = org_url);
        Some(Self { world, url, prism, _server: server })
    }

    fn client(&self) -> OktaClient {
        let config = OktaConfig::new(&self.url.parse().unwrap(), UserNameFrom::Login).unwrap();
        OktaClient::new(&config, Arc::new(SswsToken::new(&"sim-token".to_owned().into()))).unwrap()
    }

    /// A request by hand: what Prism answers.
    async fn raw(&self, path: &str, token: Option<&str>) -> StatusCode {
        let request = reqwest::Client::new().get(format!("{}{path}", self.url));
        let request = token.iter().fold(request, |request, token| request.header("authorization", format!("SSWS {token}")));
        request.send().await.unwrap().status()
    }
}

/// Every read that the client knows, with every status that a user can have.
async fn read_everything(stage: &Stage) {
    let (okta, world) = (stage.client(), &stage.world);
    let app = world.okta.add_app("amazon_aws_sso", "app");
    world.okta.assign_group(&app, &world.okta_group(1));
    let members = okta.members(&world.okta_group(0)).await.unwrap().unwrap().items;
    let statuses = ["STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED"];
    for (user, status) in members.iter().zip(statuses) {
        world.okta.set_status(&user.id, UserStatus::parse(status));
    }
    for style in [LinkStyle::Lines, LinkStyle::NextFirst] {
        world.okta.configure(|settings| settings.links = style);
        assert_eq!(okta.list_groups(None).await.unwrap().items.len(), 4);
        assert_eq!(okta.members(&world.okta_group(0)).await.unwrap().unwrap().items.len(), 201);
    }
    let since = "2026-11-24T00:00:00Z".parse().unwrap();
    okta.list_groups(Some(since)).await.unwrap();
    okta.changed_users(since).await.unwrap();
    assert!(okta.group(&world.okta_group(0)).await.unwrap().is_some());
    for name in [members[0].id.as_str(), "user8@example.com"] {
        assert!(okta.user(name).await.unwrap().is_some(), "{name}");
    }
    assert_eq!(okta.groups_of_user(&members[0].id).await.unwrap().unwrap().items.len(), 2);
    assert_eq!(okta.app_groups(&app).await.unwrap().len(), 1);
}

/// The document has every query parameter that the client sends, but one: `expand` of a single group, which newer documents have.
fn check_parameters(stage: &Stage) {
    let document = std::fs::read_to_string(variable("LOCKSTEP_OKTA_SPEC").unwrap()).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    for call in stage.world.okta.log() {
        let path = call.operation.trim_start_matches("GET ");
        let known = |name: &str| {
            let same =
                |template: &str| template.split('/').map(|part| if part.starts_with('{') { "{id}" } else { part }).eq(path.split('/'));
            let (_, item) = document["paths"].as_object().unwrap().iter().find(|(template, _)| same(template)).unwrap();
            item["get"]["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == name)
        };
        let query = call.target.split_once('?').map_or("", |(_, query)| query);
        for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
            let newer = (path, name.as_ref()) == ("/api/v1/groups/{id}", "expand");
            assert!(known(&name) != newer, "{} has {name}: {}", call.operation, call.target);
        }
    }
}

#[tokio::test]
async fn every_request_of_the_client_and_every_answer_of_the_simulator_is_as_oktas_document_says() {
    let Some(stage) = Stage::start().await else { return };
    read_everything(&stage).await;
    assert!(stage.world.okta.log().iter().all(|call| call.status == 200), "{:?}", stage.world.okta.counts());
    check_parameters(&stage);

    // And Prism does look: these are no requests of the client, and this is no answer of Okta's.
    let seen = stage.world.okta.log().len();
    assert_eq!(stage.raw("/api/v1/groups", None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.raw("/api/v1/groups?limit=many", Some("sim-token")).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stage.raw("/api/v1/devices", Some("sim-token")).await, StatusCode::NOT_FOUND);
    assert_eq!(stage.world.okta.log().len(), seen, "none of which reached the org");
    assert_eq!(stage.raw("/api/v1/groups?limit=20", Some("sim-token")).await, StatusCode::OK);
    let wrong = serde_json::json!({"id": 7, "type": "OKTA_GROUP", "profile": {"name": "AWS-a"}});
    stage.world.okta.break_group(&stage.world.okta_group(0), Some(wrong));
    assert_eq!(stage.raw("/api/v1/groups?limit=20", Some("sim-token")).await, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn what_prism_refuses_and_what_okta_refuses_are_told_apart() {
    let Some(stage) = Stage::start().await else { return };
    let okta = stage.client();
    assert!(okta.group(&OktaGroupId::new("00gnone").unwrap()).await.unwrap().is_none(), "Okta's 404 comes through");
    stage.world.okta.inject(Fault::on("GET /api/v1/groups", What::Status { status: 403, code: Some("E0000006".to_owned()) }));
    assert_eq!(okta.list_groups(None).await.unwrap_err().kind, SourceErrorKind::Forbidden);
}
