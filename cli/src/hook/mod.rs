//! `lockstep hook`: the event hook, registered, verified and shown through Okta's API.

mod register;

use clap::{Args, Subcommand};
use okta::admin::{Admin, AdminAnswer, AdminError};
use okta::hook::SUBSCRIBED_EVENT_TYPES;
use runtime::telemetry::error_chain;
use serde_json::{Value, json};

use crate::doctor::gather::hook;
use crate::doctor::judge::hook::{is_same_address, missing, ours};
use crate::doctor::org::Org;
use crate::doctor::{HookFacts, Unread};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;

/// The commands about the event hook.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Create the event hook, or bring it to the right event types, and verify it
    Register(RegisterArgs),
    /// Have Okta verify that the endpoint answers
    Verify(FindArgs),
    /// Compare what is registered with what is needed; exits 2 where they differ
    Show(ShowArgs),
}

/// What to register.
#[derive(Debug, Clone, Args)]
pub struct RegisterArgs {
    /// Where deliveries go: the function URL (output HookUrl of the stack)
    #[arg(long)]
    url: String,
    /// What the hook is called in Okta, where it is created
    #[arg(long, default_value = "Lockstep")]
    name: String,
    /// The Secrets Manager name or ARN of the hook's secret [environment: LOCKSTEP_HOOK_SECRET]
    #[arg(long, value_name = "ID")]
    hook_secret: Option<String>,
    /// Send the secret to Okta even if nothing else is to be changed: after a rotation, as Okta never shows the one it has
    #[arg(long)]
    resend_secret: bool,
}

/// Which hook is meant.
#[derive(Debug, Clone, Args)]
pub struct FindArgs {
    /// Where it delivers; without it, the hook that has most of the event types
    #[arg(long)]
    url: Option<String>,
}

/// What to show.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    find: FindArgs,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(command: HookCommand, session: &Session, output: &Output) -> Result<Exit, CliError> {
    match command {
        HookCommand::Register(args) => register::run(&args, session, output).await,
        HookCommand::Verify(args) => {
            let admin = admin(session, "okta.eventHooks.manage").await?;
            let found = found(&hooks(&admin).await?, args.url.as_deref())?;
            verify(&admin, &found, output).await?;
            Ok(Exit::Fine)
        }
        HookCommand::Show(args) => {
            let admin = admin(session, "okta.eventHooks.read").await?;
            show(&args, &found(&hooks(&admin).await?, args.find.url.as_deref())?, output)
        }
    }
}

fn failed(why: impl Into<String>) -> CliError {
    CliError::Other(why.into().into())
}

/// Okta with one scope.
async fn admin(session: &Session, scope: &'static str) -> Result<Admin, CliError> {
    let unread = |why: Unread| CliError::Other(Box::new(why));
    let policy = session.policy()?;
    let org = Org::open(session, &policy).await.map_err(unread)?;
    org.with_scope(scope).map_err(unread)
}

/// All hooks, as Okta shows them.
async fn hooks(admin: &Admin) -> Result<Vec<Value>, CliError> {
    match admin.list(&["eventHooks"], &[]).await.map_err(|error| unanswered(&error))? {
        Ok(hooks) => Ok(hooks),
        Err(answer) => Err(refused("the event hooks cannot be read", &answer)),
    }
}

fn unanswered(error: &AdminError) -> CliError {
    failed(error_chain(error))
}

/// What Okta refused, and for a lack of rights what gives them.
fn refused(what: &str, answer: &AdminAnswer) -> CliError {
    let advice = if matches!(answer.status, 401 | 403) {
        "; event hooks are for super admins: use an API token of one for this, or grant the API service app okta.eventHooks.manage \
         (Okta API Scopes) and a role with the permission okta.eventhooks.manage"
    } else {
        ""
    };
    failed(format!("{what}: {}{advice}", answer.words))
}

/// The hook that is meant.
fn found(hooks: &[Value], url: Option<&str>) -> Result<HookFacts, CliError> {
    let all: Vec<HookFacts> = hooks.iter().map(hook).collect();
    let place = url.map(|url| format!(" that delivers to {url}")).unwrap_or_default();
    ours(&all, url)
        .cloned()
        .ok_or_else(|| failed(format!("there is no event hook{place}: lockstep hook register --url <the function URL>")))
}

/// Has Okta send its challenge.
async fn verify(admin: &Admin, hook: &HookFacts, output: &Output) -> Result<(), CliError> {
    let answer = admin.change(okta::admin::Method::POST, &["eventHooks", &hook.id, "lifecycle", "verify"], None).await;
    let answer = answer.map_err(|error| unanswered(&error))?;
    if !answer.is_success() {
        let advice = "the endpoint did not answer Okta's challenge within 3 s: open it in a browser (it must answer 400), look at the function URL's \
             permissions (both lambda:InvokeFunctionUrl and lambda:InvokeFunction), and at the log of event-hook";
        return Err(failed(format!("{} is registered and not verified: {}; {advice}", hook.name, answer.words)));
    }
    output.message(&format!("{} ({}) is verified; it can take some minutes until Okta delivers", hook.name, hook.id));
    Ok(())
}

fn show(args: &ShowArgs, hook: &HookFacts, output: &Output) -> Result<Exit, CliError> {
    let missing = missing(hook);
    let further: Vec<&String> = hook.event_types.iter().filter(|has| !SUBSCRIBED_EVENT_TYPES.contains(&has.as_str())).collect();
    let has_header = hook.header.eq_ignore_ascii_case("authorization");
    let is_right = missing.is_empty() && hook.is_active && hook.is_verified && !hook.has_filter && has_header;
    if args.json {
        let whole = json!({
            "id": hook.id, "name": hook.name, "url": hook.uri, "active": hook.is_active, "verified": hook.is_verified,
            "header": hook.header, "has_filter": hook.has_filter, "missing_event_types": missing, "further_event_types": further,
            "as_needed": is_right,
        });
        output.data(&format!("{whole:#}"))?;
    } else {
        output.data(&lines(hook, &missing, &further))?;
    }
    Ok(if is_right { Exit::Fine } else { Exit::Drift })
}

fn lines(hook: &HookFacts, missing: &[&str], further: &[&String]) -> String {
    let say = |is: bool, good: &'static str, bad: &'static str| if is { good } else { bad };
    let mut text = format!("{} ({}) delivers to {}\n", hook.name, hook.id, hook.uri);
    text.push_str(say(hook.is_active, "active\n", "INACTIVE: Okta delivers nothing\n"));
    text.push_str(say(hook.is_verified, "verified\n", "NOT VERIFIED: Okta delivers nothing\n"));
    text.push_str(say(!hook.has_filter, "without a filter\n", "WITH A FILTER: events are held back\n"));
    if !hook.header.eq_ignore_ascii_case("authorization") {
        text.push_str(&format!("THE SECRET IS IN THE HEADER {}, not in Authorization\n", hook.header));
    }
    text.push_str(&format!("{} of {} needed event types\n", SUBSCRIBED_EVENT_TYPES.len() - missing.len(), SUBSCRIBED_EVENT_TYPES.len()));
    missing.iter().for_each(|name| text.push_str(&format!("  missing  {name}\n")));
    further.iter().for_each(|name| text.push_str(&format!("  further  {name}\n")));
    text
}
