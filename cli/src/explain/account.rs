//! Who gets what on an account.

use std::fmt::Write;

use serde::Serialize;
use sync_core::ids::AccountId;

use super::facts::{self, Given};
use super::{AccountArgs, History, as_json, fill_sessions, history};
use crate::error::CliError;
use crate::output::{Paint, Tone};
use crate::runs::Subject;
use crate::session::{CliEngine, Session};
use crate::show::plain;

/// What there is to say of an account.
#[derive(Debug, Serialize)]
struct Explanation {
    id: String,
    name: String,
    state: String,
    units: Vec<String>,
    groups: Vec<Giver>,
    history: History,
    notes: Vec<String>,
}

/// A group that gives something there.
#[derive(Debug, Serialize)]
struct Giver {
    okta_id: String,
    name: String,
    gives: Vec<Given>,
}

pub(super) async fn explain(args: &AccountArgs, engine: &CliEngine, session: &Session, paint: Paint) -> Result<String, CliError> {
    let evidence = engine.look_at_assignments().await?;
    let known = evidence.actual.organization.accounts.get(&args.account);
    let mut groups = Vec::new();
    for (id, group) in &evidence.desired.groups {
        let given = facts::given(&evidence, id, group.fate.group_id());
        let mut gives: Vec<Given> = given.into_iter().filter(|given| given.account == args.account.as_str()).collect();
        fill_sessions(&mut gives, &evidence, engine).await;
        if !gives.is_empty() {
            groups.push(Giver { okta_id: id.to_string(), name: group.label.name.clone(), gives });
        }
    }
    let concerns = |note: &&String| note.contains(args.account.as_str()) || note.starts_with("unreadable");
    let explanation = Explanation {
        id: args.account.to_string(),
        name: facts::account_name(&evidence, &args.account),
        state: known.map_or_else(|| "not read: no rule asks for the organization".to_owned(), |facts| facts.state.clone()),
        units: known.map(|facts| facts.units.clone()).unwrap_or_default(),
        groups,
        history: history(&Subject::Account(args.account.as_str()), args.how.days, session).await?,
        notes: evidence.notes.iter().filter(concerns).cloned().collect(),
    };
    if args.how.json { as_json(&explanation) } else { Ok(text(&explanation, &args.account, paint)) }
}

fn text(account: &Explanation, id: &AccountId, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", paint.tone(Tone::Strong, id.as_str()), plain(&account.name));
    let unit = if account.units.is_empty() { String::new() } else { format!(", in {}", plain(&account.units.join("/"))) };
    let _ = writeln!(text, "State: {}{unit}\n", plain(&account.state));
    if account.groups.is_empty() {
        text.push_str("No managed group gives anything on it, by any rule\n");
    }
    for group in &account.groups {
        let _ = writeln!(text, "{} {}", plain(&group.name), paint.tone(Tone::Faint, &group.okta_id));
        group.gives.iter().for_each(|given| text.push_str(&format!("  {}\n", facts::given_line(given, paint))));
    }
    facts::list(&mut text, "In the way", &account.notes, paint);
    text.push('\n');
    facts::sessions(&mut text, &account.groups.iter().flat_map(|group| &group.gives).collect::<Vec<_>>());
    facts::history_lines(&mut text, &account.history, paint);
    text.push_str("\nWho is in a group: `lockstep explain group NAME`. Groups that are not managed are not looked at.\n");
    text
}
