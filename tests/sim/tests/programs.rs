//! The two programs: they say where they listen, share a seed, and stop when they are told to.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(path: &str, seed: &std::path::Path, more: &[&str]) -> Self {
        let mut child =
            Command::new(path).arg("--seed-file").arg(seed).args(more).stdout(Stdio::piped()).spawn().expect("the program was built");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("one line says where it listens").to_owned();
        Self { child, url }
    }

    async fn state(&self) -> Value {
        reqwest::get(format!("{}/_sim/state", self.url)).await.unwrap().json().await.unwrap()
    }

    fn stop(mut self) -> bool {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().success()
    }
}

#[tokio::test]
async fn both_programs_build_the_same_world_and_stop_on_sigterm() {
    let mut seed = tempfile::NamedTempFile::new().unwrap();
    let world = json!({
        "world": {"users": 3, "groups": 1, "members": 2, "org_host": "127.0.0.1:4500"},
        "okta": [{"op": "add_member", "group": "AWS-000", "user": "user2"}],
        "aws": [{"op": "add_group", "display_name": "AWSControlTowerAdmins"}],
    });
    seed.write_all(world.to_string().as_bytes()).unwrap();
    let okta = Program::start(env!("CARGO_BIN_EXE_okta-sim"), seed.path(), &["--token", "mine"]);
    let aws = Program::start(env!("CARGO_BIN_EXE_aws-sim"), seed.path(), &["--throttle"]);
    let (there, here) = (okta.state().await, aws.state().await);
    let group = there["groups"].as_array().unwrap().iter().find(|group| group["name"] == "AWS-000").unwrap();
    assert_eq!((group["members"].as_array().unwrap().len(), there["events"].as_u64()), (3, Some(0)));
    let mark = format!("[okta:127.0.0.1:4500/{}]", group["id"].as_str().unwrap());
    let marked = here["groups"].as_array().unwrap().iter().find(|group| group["description"] == mark.as_str()).unwrap();
    assert_eq!((marked["members"].as_array().unwrap().len(), here["groups"].as_array().unwrap().len()), (2, 2));
    let ids = |state: &Value, pointer: &str| -> Vec<String> {
        let users = state["users"].as_array().unwrap().iter();
        let mut ids: Vec<String> = users.map(|user| user.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&there, "/id"), ids(&here, "/external_ids/0/id"));
    let client = reqwest::Client::new();
    let groups = client.get(format!("{}/api/v1/groups", okta.url)).header("authorization", "SSWS mine").send().await.unwrap();
    assert_eq!(groups.status().as_u16(), 200);
    assert!(okta.stop() && aws.stop());
}

#[test]
fn a_seed_that_is_none_is_refused() {
    let mut seed = tempfile::NamedTempFile::new().unwrap();
    seed.write_all(br#"{"okta": [{"op": "add_member", "group": "none", "user": "none"}]}"#).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_okta-sim")).arg("--seed-file").arg(seed.path()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}
