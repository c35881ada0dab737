//! Registration: what is there is brought to what is needed, and doing it again changes nothing.

use std::collections::BTreeSet;

use okta::admin::{Admin, AdminAnswer, Method};
use okta::hook::{PROVISIONING_EVENT_TYPES, SUBSCRIBED_EVENT_TYPES};
use runtime::config;
use runtime::secrets::{HookSecret, SecretStore, SecretsManager};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Host, Url};

use super::{RegisterArgs, admin, failed, hook, hooks, is_same_address, missing, refused, unanswered, verify};
use crate::doctor::HookFacts;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;

pub(super) async fn run(args: &RegisterArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    check_url(&args.url)?;
    let admin = admin(session, "okta.eventHooks.manage").await?;
    let secret = secret(args, session).await?;
    let there = hooks(&admin).await?;
    let there = there.iter().find(|record| is_same_address(&hook(record).uri, &args.url));
    let registered = match there {
        Some(record) => update(args, &admin, record, &secret, output).await?,
        None => create(args, &admin, &secret, output).await?,
    };
    if !registered.is_active {
        activate(&admin, &registered, output).await?;
    }
    if registered.is_verified {
        output.message(&format!("{} ({}) is verified", registered.name, registered.id));
    } else {
        verify(&admin, &registered, output).await?;
    }
    Ok(Exit::Fine)
}

/// Okta delivers over https alone; a simulator on a loopback address may do without.
fn check_url(text: &str) -> Result<(), CliError> {
    let url = Url::parse(text).map_err(|error| CliError::Usage(format!("--url {text:?} is no address: {error}")))?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback) {
        return Ok(());
    }
    Err(CliError::Usage(format!("--url {text:?} must be https: Okta delivers nowhere else")))
}

async fn secret(args: &RegisterArgs, session: &Session) -> Result<SecretString, CliError> {
    let from_env = || config::from_env()("LOCKSTEP_HOOK_SECRET").filter(|id| !id.trim().is_empty());
    let (option, holds) = ("--hook-secret (LOCKSTEP_HOOK_SECRET)", "the Secrets Manager name or ARN of the hook's secret");
    let id = args.hook_secret.clone().or_else(from_env).ok_or(CliError::Missing { option, holds })?;
    let text = SecretStore::new(SecretsManager::new(session.aws().await)).read(&id).await;
    let text = text.map_err(|error| CliError::Other(Box::new(error)))?;
    Ok(HookSecret::parse(&id, &text).map_err(|error| CliError::Other(Box::new(error)))?.current)
}

/// Makes the hook. Event types that tell of provisioning are asked for as well, and done without where the org does not know them.
async fn create(args: &RegisterArgs, admin: &Admin, secret: &SecretString, output: &Output) -> Result<HookFacts, CliError> {
    let own = BTreeSet::new();
    let answer = with_event_types(&own, |items| {
        let body = body(&json!({"name": args.name}), &args.url, &items, secret);
        async move { admin.change(Method::POST, &["eventHooks"], Some(&body)).await.map_err(|error| unanswered(&error)) }
    });
    let answer = answer.await?;
    if !answer.is_success() {
        return Err(refused("the event hook cannot be created", &answer));
    }
    let made = hook(&answer.json());
    output.message(&format!("created {} ({}) with {} event types", made.name, made.id, made.event_types.len()));
    Ok(made)
}

/// Changes the hook where something is not as it must be. What is further in it stays.
async fn update(args: &RegisterArgs, admin: &Admin, record: &Value, secret: &SecretString, output: &Output) -> Result<HookFacts, CliError> {
    let there = hook(record);
    let is_right = missing(&there).is_empty() && !there.has_filter && there.header.eq_ignore_ascii_case("authorization");
    if is_right && !args.resend_secret {
        output.message(&format!("{} ({}) has all event types", there.name, there.id));
        return Ok(there);
    }
    let own: BTreeSet<String> = there.event_types.iter().cloned().collect();
    let answer = with_event_types(&own, |items| {
        let body = body(record, &there.uri, &items, secret);
        let id = there.id.clone();
        async move { admin.change(Method::PUT, &["eventHooks", &id], Some(&body)).await.map_err(|error| unanswered(&error)) }
    });
    let answer = answer.await?;
    if !answer.is_success() {
        return Err(refused("the event hook cannot be changed", &answer));
    }
    let changed = hook(&answer.json());
    let what = if is_right { "sent the secret again to" } else { "updated" };
    output.message(&format!("{what} {} ({}), which has {} event types", changed.name, changed.id, changed.event_types.len()));
    Ok(changed)
}

/// Sends with all event types, and with those alone that every org takes where Okta does not take all.
async fn with_event_types<F>(own: &BTreeSet<String>, send: impl Fn(Vec<String>) -> F) -> Result<AdminAnswer, CliError>
where
    F: Future<Output = Result<AdminAnswer, CliError>>,
{
    let with = |types: &[&str]| own.iter().cloned().chain(types.iter().map(|name| (*name).to_owned())).collect::<BTreeSet<_>>();
    let needed = with(&SUBSCRIBED_EVENT_TYPES);
    let all: BTreeSet<String> = needed.union(&with(&PROVISIONING_EVENT_TYPES)).cloned().collect();
    let answer = send(all.into_iter().collect()).await?;
    if answer.status == 400 { send(needed.into_iter().collect()).await } else { Ok(answer) }
}

fn body(record: &Value, uri: &str, items: &[String], secret: &SecretString) -> Value {
    let headers = record.pointer("/channel/config/headers").cloned().unwrap_or_else(|| json!([]));
    json!({
        "name": record.get("name"),
        "description": record.get("description"),
        "events": {"type": "EVENT_TYPE", "items": items, "filter": null},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": {
            "uri": uri, "headers": headers, "method": "POST",
            "authScheme": {"type": "HEADER", "key": "Authorization", "value": secret.expose_secret()},
        }},
    })
}

async fn activate(admin: &Admin, hook: &HookFacts, output: &Output) -> Result<(), CliError> {
    let answer = admin.change(Method::POST, &["eventHooks", &hook.id, "lifecycle", "activate"], None).await;
    let answer = answer.map_err(|error| unanswered(&error))?;
    if !answer.is_success() {
        return Err(failed(format!("{} cannot be activated: {}", hook.name, answer.words)));
    }
    output.message(&format!("activated {}", hook.name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_go_over_https_or_to_this_machine() {
        for good in ["https://abc.lambda-url.eu-west-1.on.aws/", "http://127.0.0.1:4566/hook", "http://localhost:1"] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in ["http://abc.lambda-url.eu-west-1.on.aws/", "abc", "ftp://127.0.0.1", "http://10.0.0.1"] {
            assert!(matches!(check_url(bad), Err(CliError::Usage(_))), "{bad}");
        }
    }

    #[test]
    fn what_a_hook_has_besides_is_kept_and_a_filter_is_not() {
        let record = json!({
            "name": "Ours", "description": "by hand", "events": {"items": ["user.session.start"], "filter": {"type": "EXPRESSION_LANGUAGE"}},
            "channel": {"config": {"headers": [{"key": "x-team", "value": "iam"}]}},
        });
        let body = body(&record, "https://x/", &["user.session.start".to_owned()], &"hunter2".into());
        assert_eq!((&body["name"], &body["description"]), (&json!("Ours"), &json!("by hand")));
        assert_eq!(body["events"], json!({"type": "EVENT_TYPE", "items": ["user.session.start"], "filter": null}));
        assert_eq!(body["channel"]["config"]["headers"][0]["key"], "x-team");
        assert_eq!(body["channel"]["config"]["authScheme"]["value"], "hunter2");
    }
}
