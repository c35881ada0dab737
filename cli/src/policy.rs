//! `lockstep policy`: what a policy says, and what it matches.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::{Args, Subcommand};
use engine::Evidence;
use serde::Serialize;
use sync_core::assignments::AssignmentRule;
use sync_core::policy::{GroupVerdict, Policy};
use sync_core::records::OktaGroup;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, Paint, Tone};
use crate::run::pretty;
use crate::schema;
use crate::session::Session;
use crate::show::plain;

/// The commands about the policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Whether the policy can be used, which groups of Okta it manages, and what each rule gives
    Check(CheckArgs),
    /// The JSON schema of a policy file, for an editor
    Schema,
}

/// `lockstep policy check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Look at the file alone, and ask nobody
    #[arg(long)]
    offline: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What a policy comes to.
#[derive(Debug, Serialize)]
struct Checked {
    policy: String,
    hash: String,
    patterns: Vec<Pattern>,
    /// Groups that a pattern fits and that are not managed, with the reason.
    left_out: Vec<LeftOut>,
    rules: Vec<Ruling>,
    /// What rules name and nobody has, and what could not be read.
    problems: Vec<String>,
}

/// One pattern of `groups.match`, and the groups that it makes managed ones.
#[derive(Debug, Serialize)]
struct Pattern {
    pattern: String,
    groups: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    group: String,
    why: String,
}

/// One rule, and what it gives.
#[derive(Debug, Serialize)]
struct Ruling {
    rule: usize,
    group: String,
    gives: Vec<Gift>,
}

/// What a rule gives one group.
#[derive(Debug, Serialize)]
struct Gift {
    group: String,
    accounts: Vec<String>,
    permission_sets: Vec<String>,
}

pub(crate) async fn run(command: PolicyCommand, session: &Session, output: &Output) -> Result<Exit, CliError> {
    match command {
        PolicyCommand::Schema => output.data(&pretty(&schema::schema())).map(|()| Exit::Fine),
        PolicyCommand::Check(args) => check(&args, session, output).await,
    }
}

async fn check(args: &CheckArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    let policy = session.policy()?;
    let path = session.policy_path().display().to_string();
    let checked = if args.offline {
        written(path, &policy)
    } else {
        let engine = session.engine(session.deadline(None)).await?;
        found(path, &policy, &engine.look_at_rules().await?)
    };
    if args.json {
        output.data(&pretty(&serde_json::to_value(&checked).map_err(|error| CliError::Other(error.into()))?))?;
    } else {
        output.data(&text(&checked, args.offline, output.paint))?;
    }
    Ok(if checked.problems.is_empty() { Exit::Fine } else { Exit::Partial })
}

/// What the file says by itself.
fn written(path: String, policy: &Policy) -> Checked {
    let pattern = |pattern: &str| Pattern { pattern: pattern.to_owned(), groups: Vec::new() };
    let ruling = |rule: &AssignmentRule| Ruling { rule: rule.position, group: rule.text.group.clone(), gives: Vec::new() };
    Checked {
        policy: path,
        hash: policy.hash().to_owned(),
        patterns: policy.groups.patterns().iter().map(|regex| pattern(regex.as_str())).collect(),
        left_out: Vec::new(),
        rules: policy.assignments.iter().map(ruling).collect(),
        problems: Vec::new(),
    }
}

/// What it matches.
fn found(path: String, policy: &Policy, evidence: &Evidence) -> Checked {
    let mut checked = written(path, policy);
    let mut groups: Vec<&OktaGroup> = evidence.okta.groups.keys().filter_map(|id| evidence.okta.present(id)).collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    let mut by_pattern: BTreeMap<&str, Vec<&OktaGroup>> = BTreeMap::new();
    for group in groups {
        let left_out = |why: String| LeftOut { group: group.name.clone(), why };
        match policy.groups.verdict(group) {
            GroupVerdict::Managed(_) if evidence.okta.assigned.as_ref().is_some_and(|assigned| !assigned.contains(&group.id)) => {
                checked.left_out.push(left_out("not assigned to the app of groups.app_id".to_owned()));
            }
            GroupVerdict::Managed(pattern) => by_pattern.entry(pattern).or_default().push(group),
            GroupVerdict::Excluded(pattern) => checked.left_out.push(left_out(format!("groups.exclude has {pattern:?}"))),
            GroupVerdict::OtherType => checked.left_out.push(left_out(format!("its type is {}", group.kind.as_str()))),
            GroupVerdict::NoMatch => {}
        }
    }
    for pattern in &mut checked.patterns {
        pattern.groups = by_pattern.get(pattern.pattern.as_str()).into_iter().flatten().map(|group| group.name.clone()).collect();
    }
    let managed: Vec<&OktaGroup> = by_pattern.into_values().flatten().collect();
    for (ruling, rule) in checked.rules.iter_mut().zip(&policy.assignments) {
        gifts(ruling, rule, &managed, evidence, &mut checked.problems);
    }
    checked.problems.extend(evidence.notes.iter().filter(|note| note.starts_with("unreadable")).cloned());
    checked
}

fn gifts(ruling: &mut Ruling, rule: &AssignmentRule, managed: &[&OktaGroup], evidence: &Evidence, problems: &mut Vec<String>) {
    for group in managed {
        let Some(derived) = rule.derive(&group.name, &evidence.actual.organization) else { continue };
        problems.extend(derived.problems.into_iter().map(|problem| format!("{}: {}: {}", group.name, problem.name, problem.reason)));
        let missing = derived.permission_sets.iter().filter(|set| !evidence.actual.permission_sets.contains_key(*set));
        problems.extend(missing.map(|set| format!("{}: rule {}: there is no permission set {set:?}", group.name, rule.position)));
        ruling.gives.push(Gift {
            group: group.name.clone(),
            accounts: derived.accounts.iter().map(ToString::to_string).collect(),
            permission_sets: derived.permission_sets.into_iter().collect(),
        });
    }
}

fn text(checked: &Checked, is_offline: bool, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}: {}", plain(&checked.policy), paint.tone(Tone::Good, "the policy can be used"));
    for pattern in &checked.patterns {
        let count = if is_offline { String::new() } else { format!("  {} groups", pattern.groups.len()) };
        let _ = writeln!(text, "\n{} {}{count}", paint.tone(Tone::Strong, "match"), plain(&pattern.pattern));
        if !is_offline && pattern.groups.is_empty() {
            let _ = writeln!(text, "  {}", paint.tone(Tone::Warning, "no group: none fits, or an earlier pattern has them"));
        }
        pattern.groups.iter().for_each(|group| text.push_str(&format!("  {}\n", plain(group))));
    }
    if !checked.left_out.is_empty() {
        let _ = writeln!(text, "\n{}", paint.tone(Tone::Strong, "left out"));
        checked.left_out.iter().for_each(|left| text.push_str(&format!("  {}: {}\n", plain(&left.group), plain(&left.why))));
    }
    for ruling in &checked.rules {
        let _ = writeln!(text, "\n{} {}  {}", paint.tone(Tone::Strong, "rule"), ruling.rule, plain(&ruling.group));
        if !is_offline && ruling.gives.is_empty() {
            let _ = writeln!(text, "  {}", paint.tone(Tone::Warning, "it speaks of no managed group"));
        }
        for gift in &ruling.gives {
            let (sets, accounts) = (gift.permission_sets.join(", "), gift.accounts.join(", "));
            let _ = writeln!(text, "  {}: {} on {} accounts: {accounts}", plain(&gift.group), plain(&sets), gift.accounts.len());
        }
    }
    if !checked.problems.is_empty() {
        let _ = writeln!(text, "\n{}", paint.tone(Tone::Bad, "problems"));
        checked.problems.iter().for_each(|problem| text.push_str(&format!("  {}\n", plain(problem))));
    }
    text
}
