//! What a group is, who is in it, and what it gives.

use std::fmt::Write;

use engine::{Evidence, Scope};
use serde::Serialize;
use sync_core::ids::OktaGroupId;
use sync_core::reading::Reading;
use sync_core::snapshot::GroupSighting;

use super::facts::{self, Given};
use super::{GroupArgs, History, Pending, as_json, fill_sessions, history, name_users, pending};
use crate::error::CliError;
use crate::output::{Paint, Tone};
use crate::run::{self, Wanted};
use crate::runs::Subject;
use crate::session::{CliEngine, Session};
use crate::show::plain;

/// What there is to say of a group.
#[derive(Debug, Serialize)]
struct Explanation {
    okta_id: String,
    name: String,
    managed: bool,
    why: String,
    identity_center: Option<InTarget>,
    members_in_okta: Option<usize>,
    members_who_should_be_there: usize,
    members_in_identity_center: Option<usize>,
    gives: Vec<Given>,
    pending: Vec<Pending>,
    unresolved: Vec<String>,
    history: History,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct InTarget {
    group_id: String,
    display_name: String,
}

pub(super) async fn explain(args: &GroupArgs, engine: &CliEngine, session: &Session, paint: Paint) -> Result<String, CliError> {
    let (evidence, found) = engine.look_at_group(&args.group).await?;
    let missing = || CliError::NotFound(format!("neither Okta nor Identity Center has a group {}, by name or Okta id", args.group));
    if found.is_empty() {
        return Err(missing());
    }
    let mut explanations = Vec::new();
    for id in &found {
        explanations.push(one(id, &evidence, args, engine, session).await?);
    }
    if args.how.json {
        return as_json(&explanations);
    }
    Ok(explanations.iter().map(|group| text(group, paint)).collect::<Vec<_>>().join("\n"))
}

async fn one(
    id: &OktaGroupId,
    evidence: &Evidence,
    args: &GroupArgs,
    engine: &CliEngine,
    session: &Session,
) -> Result<Explanation, CliError> {
    let document = run::with(engine, session, Wanted::dry(Scope::Groups(vec![id.to_string()]))).await?.document;
    let owned = |group: &&sync_core::records::DirectoryGroup| {
        evidence.actual.mark(&group.id).is_some_and(|mark| mark.group == *id && engine.policy.owns_host(&mark.host))
    };
    let target = evidence.actual.groups.values().find(owned);
    let (managed, why) = match evidence.okta.groups.get(id) {
        Some(GroupSighting::Present(group)) => facts::verdict(&engine.policy, evidence, group),
        Some(GroupSighting::Gone) => (false, "gone from Okta: groups.on_deleted_in_okta decides".to_owned()),
        Some(GroupSighting::Unknown(reason)) => (false, format!("could not be read: {reason}")),
        None => (false, "not seen in Okta".to_owned()),
    };
    let name = evidence.okta.present(id).map(|group| group.name.clone()).or(target.map(|group| group.display_name.clone()));
    let mut gives = facts::given(evidence, id, target.map(|group| &group.id));
    fill_sessions(&mut gives, evidence, engine).await;
    let subject = Subject::Group(id.as_str());
    let mut history = history(&subject, args.how.days, session).await?;
    name_users(&mut history, evidence, session).await;
    Ok(Explanation {
        okta_id: id.to_string(),
        name: name.unwrap_or_else(|| args.group.clone()),
        managed,
        why,
        identity_center: target.map(|group| InTarget { group_id: group.id.to_string(), display_name: group.display_name.clone() }),
        members_in_okta: evidence.okta.member_lists.get(id).and_then(Reading::known).map(|list| list.members.len()),
        members_who_should_be_there: evidence.desired.groups.get(id).map_or(0, |group| group.members.wanted.len()),
        members_in_identity_center: target.and_then(|group| evidence.actual.size(&group.id)),
        gives,
        pending: pending(&document, &subject),
        unresolved: document.unresolved.iter().map(|open| format!("{}: {} {}", open.kind, open.name, open.reason)).collect(),
        history,
        notes: document.notes,
    })
}

fn text(group: &Explanation, paint: Paint) -> String {
    let mut text = String::new();
    let tone = if group.managed { Tone::Good } else { Tone::Warning };
    let _ = writeln!(text, "{} {}", paint.tone(Tone::Strong, &plain(&group.name)), paint.tone(Tone::Faint, &group.okta_id));
    let _ = writeln!(text, "Policy: {}", paint.tone(tone, &plain(&group.why)));
    match &group.identity_center {
        Some(target) => drop(writeln!(text, "Identity Center: {} ({})", plain(&target.display_name), target.group_id).is_ok()),
        None => text.push_str("Identity Center: no group that carries its mark\n"),
    }
    let count = |count: Option<usize>| count.map_or_else(|| "not read".to_owned(), |count| count.to_string());
    let _ = writeln!(
        text,
        "Members: {} in Okta, of whom {} should be in Identity Center; {} are there\n",
        count(group.members_in_okta),
        group.members_who_should_be_there,
        count(group.members_in_identity_center)
    );
    let title = if group.gives.is_empty() { "It gives nothing, and no rule says that it should" } else { "It gives" };
    let _ = writeln!(text, "{}", paint.tone(Tone::Strong, title));
    group.gives.iter().for_each(|given| text.push_str(&format!("  {}\n", facts::given_line(given, paint))));
    facts::pending_lines(&mut text, &group.pending, paint);
    facts::list(&mut text, "In the way", &group.unresolved, paint);
    text.push('\n');
    facts::sessions(&mut text, &group.gives.iter().collect::<Vec<_>>());
    facts::history_lines(&mut text, &group.history, paint);
    facts::list(&mut text, "Notes", &group.notes, paint);
    text
}
