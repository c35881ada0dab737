//! Why a person has, or has not, what they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use engine::{Evidence, Scope};
use jiff::Timestamp;
use serde::Serialize;
use sync_core::ids::{AccountId, GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::names::NameKey;
use sync_core::policy::{Entitlement, Policy};
use sync_core::reading::Reading;
use sync_core::records::OktaUser;
use sync_core::report::document::Document;
use sync_core::snapshot::UserSighting;

use super::facts::{self, Given};
use super::{History, Pending, UserArgs, as_json, fill_sessions, history, pending};
use crate::error::CliError;
use crate::output::{Paint, Tone};
use crate::run::{self, Wanted};
use crate::runs::Subject;
use crate::session::{CliEngine, Session};
use crate::show::plain;

/// What there is to say of a person.
#[derive(Debug, Serialize)]
struct Explanation {
    okta_id: String,
    login: String,
    status: String,
    /// None where the status is not known to Lockstep.
    entitled: Option<bool>,
    identity_center: Option<InTarget>,
    groups: Vec<Membership>,
    not_managed: Vec<NotManaged>,
    account: Option<Access>,
    pending: Vec<Pending>,
    unresolved: Vec<String>,
    history: History,
    notes: Vec<String>,
    #[serde(skip)]
    mode: UserMode,
    #[serde(skip)]
    now: Timestamp,
}

/// Who provisions users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserMode {
    External,
    Managed,
}

#[derive(Debug, Serialize)]
struct InTarget {
    user_id: String,
    user_name: String,
}

#[derive(Debug, Serialize)]
struct Membership {
    okta_id: String,
    name: String,
    in_okta: bool,
    in_identity_center: Option<bool>,
    gives: Vec<Given>,
}

#[derive(Debug, Serialize)]
struct NotManaged {
    name: String,
    why: String,
}

/// Access to one account.
#[derive(Debug, Serialize)]
struct Access {
    account: String,
    has: Vec<String>,
    should_have: Vec<String>,
    /// Why they should have nothing, whatever their groups give.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<&'static str>,
    /// Managed groups of Okta that would give something on it, with what and by which rule; the person is in none of them.
    would_be_given_by: Vec<String>,
}

pub(super) async fn explain(args: &UserArgs, engine: &CliEngine, session: &Session, paint: Paint) -> Result<String, CliError> {
    let evidence = engine.look_at_user(&args.user).await?;
    let (okta_id, sighting) =
        evidence.okta.users.iter().next().ok_or_else(|| CliError::NotFound(format!("Okta has no user {}, by login or id", args.user)))?;
    let scope = Scope::Users(vec![okta_id.to_string()]);
    let document = run::with(engine, session, Wanted::dry(scope)).await?.document;
    let record = match sighting {
        UserSighting::Present(user) => Some(user),
        UserSighting::Gone | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => None,
    };
    let user_id = user_id_of(&evidence, okta_id, record);
    let mut groups = memberships(&evidence, &engine.policy, okta_id, user_id.as_ref());
    for group in &mut groups {
        fill_sessions(&mut group.gives, &evidence, engine).await;
    }
    let entitled = record.and_then(|user| entitled(&engine.policy, user));
    let account = match &args.account {
        Some(account) => Some(access(account, &groups, withheld(entitled), engine).await?),
        None => None,
    };
    let subject = Subject::User(okta_id.as_str());
    let explanation = Explanation {
        okta_id: okta_id.to_string(),
        login: record.map_or_else(|| args.user.clone(), |user| user.login.clone()),
        status: status(sighting),
        entitled,
        identity_center: user_id.as_ref().and_then(|id| in_target(&evidence, id)),
        not_managed: not_managed(&evidence, &engine.policy, okta_id),
        groups,
        account,
        pending: pending(&document, &subject),
        unresolved: in_the_way(&evidence, &document),
        history: history(&subject, args.how.days, session).await?,
        notes: document.notes,
        mode: if engine.policy.users.managed.is_some() { UserMode::Managed } else { UserMode::External },
        now: session.now(),
    };
    if args.how.json { as_json(&explanation) } else { Ok(text(&explanation, paint)) }
}

/// What stands in the way of memberships, as a run of this user says it; and of assignments, which such a run does not look at.
fn in_the_way(evidence: &Evidence, document: &Document) -> Vec<String> {
    let is_of_rules = |line: &str| line.starts_with("unknown_permission_set") || line.starts_with("unknown_account");
    let said = document.unresolved.iter().map(|open| format!("{}: {}", open.kind, open.reason)).filter(|line| !is_of_rules(line));
    said.chain(evidence.notes.iter().filter(|note| is_of_rules(note)).cloned()).collect()
}

fn status(sighting: &UserSighting) -> String {
    match sighting {
        UserSighting::Present(user) => user.status.as_str().to_owned(),
        UserSighting::Gone => "gone from Okta".to_owned(),
        UserSighting::StatusUnread => "not read".to_owned(),
        UserSighting::Broken(problem) => format!("its record cannot be understood: {problem}"),
        UserSighting::Unknown(reason) => format!("could not be read: {reason}"),
    }
}

fn entitled(policy: &Policy, user: &OktaUser) -> Option<bool> {
    match policy.users.entitlement(&user.status) {
        Entitlement::Entitled => Some(true),
        Entitlement::NotEntitled => Some(false),
        Entitlement::Unknown => None,
    }
}

/// Who they are in Identity Center: by externalId, then by what an earlier run found, then by userName.
fn user_id_of(evidence: &Evidence, okta_id: &OktaUserId, record: Option<&OktaUser>) -> Option<UserId> {
    let users = &evidence.actual.users;
    let by_id = users.values().find(|user| user.external_ids.iter().any(|id| id == okta_id.as_str())).map(|user| user.id.clone());
    let pinned = || evidence.actual.pins.get(okta_id).cloned();
    let key = record.and_then(|user| user.user_name.as_deref()).map(NameKey::of);
    let by_name = || {
        let mut same = users.values().filter(|user| user.external_ids.is_empty() && Some(NameKey::of(&user.user_name)) == key);
        same.next().map(|user| user.id.clone())
    };
    by_id.or_else(pinned).or_else(by_name)
}

fn in_target(evidence: &Evidence, id: &UserId) -> Option<InTarget> {
    let user = evidence.actual.users.get(id)?;
    Some(InTarget { user_id: id.to_string(), user_name: user.user_name.clone() })
}

/// The managed groups that they are in, on either side.
fn memberships(evidence: &Evidence, policy: &Policy, okta_id: &OktaUserId, user: Option<&UserId>) -> Vec<Membership> {
    let listed = evidence.okta.user_groups.get(okta_id).and_then(Reading::known).cloned().unwrap_or_default();
    let managed = |id: &&OktaGroupId| evidence.okta.present(id).is_some_and(|group| facts::verdict(policy, evidence, group).0);
    let actual = user.and_then(|user| evidence.actual.user_lists.get(user)).and_then(Reading::known);
    let marks: BTreeMap<OktaGroupId, GroupId> = evidence
        .actual
        .groups
        .keys()
        .filter_map(|id| Some((evidence.actual.mark(id).filter(|mark| policy.owns_host(&mark.host))?.group.clone(), id.clone())))
        .collect();
    let has = |group: &GroupId| actual.map(|groups| groups.contains_key(group));
    let held = marks.iter().filter(|(_, group)| has(group) == Some(true)).map(|(id, _)| id.clone());
    let all: BTreeSet<OktaGroupId> = listed.iter().filter(managed).cloned().chain(held).collect();
    let name = |id: &OktaGroupId| match (evidence.okta.present(id), marks.get(id).and_then(|group| evidence.actual.groups.get(group))) {
        (Some(group), _) => group.name.clone(),
        (None, Some(group)) => group.display_name.clone(),
        (None, None) => id.to_string(),
    };
    let membership = |id: &OktaGroupId| Membership {
        okta_id: id.to_string(),
        name: name(id),
        in_okta: listed.contains(id),
        in_identity_center: match (user, marks.get(id)) {
            (None, _) | (_, None) => Some(false),
            (Some(_), Some(group)) => has(group),
        },
        gives: facts::given(evidence, id, marks.get(id)),
    };
    all.iter().map(membership).collect()
}

fn not_managed(evidence: &Evidence, policy: &Policy, okta_id: &OktaUserId) -> Vec<NotManaged> {
    let listed = evidence.okta.user_groups.get(okta_id).and_then(Reading::known);
    let groups = listed.into_iter().flatten().filter_map(|id| evidence.okta.present(id));
    let verdicts = groups.map(|group| (group.name.clone(), facts::verdict(policy, evidence, group)));
    verdicts.filter(|(_, (is_managed, _))| !is_managed).map(|(name, (_, why))| NotManaged { name, why }).collect()
}

/// Why somebody should have nothing of what their groups give; `None` where they are entitled to it.
fn withheld(entitled: Option<bool>) -> Option<&'static str> {
    match entitled {
        Some(true) => None,
        Some(false) => Some("they are not entitled (users.entitled)"),
        None => Some("nobody can say whether they are entitled"),
    }
}

async fn access(
    account: &AccountId,
    groups: &[Membership],
    withheld: Option<&'static str>,
    engine: &CliEngine,
) -> Result<Access, CliError> {
    let (has, theirs) = on_account(account, groups);
    if withheld.is_some() {
        return Ok(Access { account: account.to_string(), has, should_have: Vec::new(), withheld, would_be_given_by: Vec::new() });
    }
    let ids: BTreeSet<&str> = groups.iter().filter(|group| group.in_okta).map(|group| group.okta_id.as_str()).collect();
    let would_be_given_by = if theirs.is_empty() { others(account, &ids, engine).await? } else { Vec::new() };
    Ok(Access { account: account.to_string(), has, should_have: theirs, withheld, would_be_given_by })
}

/// What somebody has on an account, and what the groups that Okta lists for them give there.
fn on_account(account: &AccountId, groups: &[Membership]) -> (Vec<String>, Vec<String>) {
    let on_it = |given: &&Given| given.account == account.as_str();
    let gives = |group: &Membership, holds: &dyn Fn(&Given) -> bool| -> Vec<String> {
        group.gives.iter().filter(on_it).filter(|given| holds(given)).map(|given| by(given, &group.name)).collect()
    };
    let has: Vec<String> = groups
        .iter()
        .filter(|group| group.in_identity_center == Some(true))
        .flat_map(|group| gives(group, &|given| given.in_effect == Some(true)))
        .collect();
    let theirs = groups.iter().filter(|group| group.in_okta).flat_map(|group| gives(group, &|given| given.rule.is_some())).collect();
    (has, theirs)
}

fn by(given: &Given, group: &str) -> String {
    let rule = given.rule.map_or_else(|| "no rule".to_owned(), |rule| format!("rule {rule}"));
    format!("{} by {group} ({rule})", given.permission_set)
}

/// The managed groups whose rules give something on this account.
async fn others(account: &AccountId, theirs: &BTreeSet<&str>, engine: &CliEngine) -> Result<Vec<String>, CliError> {
    let evidence = engine.look_at_rules().await?;
    let mut lines = Vec::new();
    for group in evidence.okta.groups.keys().filter(|id| !theirs.contains(id.as_str())).filter_map(|id| evidence.okta.present(id)) {
        if !facts::verdict(&engine.policy, &evidence, group).0 {
            continue;
        }
        for rule in &engine.policy.assignments {
            let derived = rule.derive(&group.name, &evidence.actual.organization).unwrap_or_default();
            if derived.accounts.contains(account) {
                let sets: Vec<String> = derived.permission_sets.into_iter().collect();
                lines.push(format!("{} by {} (rule {})", sets.join(", "), group.name, rule.position));
            }
        }
    }
    Ok(lines)
}

fn text(user: &Explanation, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", paint.tone(Tone::Strong, &plain(&user.login)), paint.tone(Tone::Faint, &user.okta_id));
    let entitled = match user.entitled {
        Some(true) => paint.tone(Tone::Good, "entitled to what their groups give"),
        Some(false) => paint.tone(Tone::Bad, "not entitled: they lose every managed membership (users.entitled)"),
        None => paint.tone(Tone::Warning, "nobody can say whether they are entitled: nothing is granted and nothing is taken"),
    };
    let _ = writeln!(text, "Okta: {}, {entitled}", plain(&user.status));
    let there = match &user.identity_center {
        Some(found) => format!("{} ({})", plain(&found.user_name), found.user_id),
        None => paint.tone(Tone::Warning, not_there(user.mode, user.entitled)),
    };
    let _ = writeln!(text, "Identity Center: {there}\n");
    if let Some(access) = &user.account {
        access_lines(&mut text, &user.login, access, paint);
    }
    let title = if user.groups.is_empty() { "They are in no managed group" } else { "Managed groups" };
    let _ = writeln!(text, "{}", paint.tone(Tone::Strong, title));
    user.groups.iter().for_each(|group| membership_lines(&mut text, group, paint));
    let not_managed: Vec<String> = user.not_managed.iter().map(|group| format!("{}: {}", group.name, group.why)).collect();
    facts::list(&mut text, "Other groups of theirs", &not_managed, paint);
    facts::pending_lines(&mut text, &user.pending, paint);
    facts::list(&mut text, "In the way", &user.unresolved, paint);
    text.push('\n');
    session_lines(&mut text, user);
    facts::history_lines(&mut text, &user.history, paint);
    facts::list(&mut text, "Notes", &user.notes, paint);
    text
}

fn not_there(mode: UserMode, entitled: Option<bool>) -> &'static str {
    match (mode, entitled) {
        (UserMode::External, _) => "not there: whoever provisions users (Okta's app) has to, before they can be added",
        (UserMode::Managed, Some(true)) => "not there: a run makes them as soon as they are in a managed group",
        (UserMode::Managed, Some(false) | None) => "not there, and nobody is made who is not known to be entitled",
    }
}

/// That sessions outlive what was taken away, and what would be.
fn session_lines(text: &mut String, user: &Explanation) {
    let gives = |is_meant: &dyn Fn(&Membership) -> bool| -> Vec<&Given> {
        user.groups.iter().filter(|group| is_meant(group)).flat_map(|group| &group.gives).collect()
    };
    facts::sessions(text, &gives(&|group| group.in_identity_center == Some(true)));
    let lost = facts::lost_lately(&user.history, user.now);
    facts::lost_sessions(text, &lost, &gives(&|group| lost.contains(group.name.as_str())));
}

fn membership_lines(text: &mut String, group: &Membership, paint: Paint) {
    let (okta, target) = (facts::word(Some(group.in_okta)), facts::word(group.in_identity_center));
    let _ = writeln!(text, "  {}: in Okta {okta}, in Identity Center {target}", plain(&group.name));
    group.gives.iter().for_each(|given| text.push_str(&format!("    gives {}\n", facts::given_line(given, paint))));
}

fn access_lines(text: &mut String, login: &str, access: &Access, paint: Paint) {
    let (tone, has) = if access.has.is_empty() { (Tone::Warning, "has no access to") } else { (Tone::Good, "has access to") };
    let _ = writeln!(text, "{}", paint.tone(tone, &format!("{} {has} account {}", plain(login), access.account)));
    facts::list(text, "Has", &access.has, paint);
    facts::list(text, "Should have", &access.should_have, paint);
    if let Some(why) = access.withheld {
        let _ = writeln!(text, "Should have nothing, whatever their groups give: {why}");
    } else if access.should_have.is_empty() {
        let title = "No group of theirs gives anything there. These would";
        if access.would_be_given_by.is_empty() {
            text.push_str("No group of theirs gives anything there, and no managed group would\n");
        }
        facts::list(text, title, &access.would_be_given_by, paint);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::Past;
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn admin_on_prod(session: Option<&str>) -> Given {
        Given {
            account: "000000000001".to_owned(),
            account_name: "prod".to_owned(),
            permission_set: "Admin".to_owned(),
            rule: Some(1),
            in_effect: Some(true),
            session: session.map(str::to_owned),
        }
    }

    fn member(name: &str, in_okta: bool, in_identity_center: bool) -> Membership {
        let (okta_id, gives) = (format!("00g-{name}"), vec![admin_on_prod(Some("PT4H"))]);
        Membership { okta_id, name: name.to_owned(), in_okta, in_identity_center: Some(in_identity_center), gives }
    }

    fn lost(group: &str, ended: &str) -> Past {
        Past {
            at: at(ended),
            ended: ended.to_owned(),
            run_id: "r-1".to_owned(),
            action: "remove_membership".to_owned(),
            about: group.to_owned(),
            name: None,
            fate: "changed".to_owned(),
        }
    }

    fn ada(groups: Vec<Membership>, episodes: Vec<Past>) -> Explanation {
        Explanation {
            okta_id: "00u1".to_owned(),
            login: "ada@example.com".to_owned(),
            status: "SUSPENDED".to_owned(),
            entitled: Some(false),
            identity_center: None,
            groups,
            not_managed: Vec::new(),
            account: None,
            pending: Vec::new(),
            unresolved: Vec::new(),
            history: History { is_known: true, episodes, ..History::default() },
            notes: Vec::new(),
            mode: UserMode::External,
            now: at("2026-11-24T12:00:00Z"),
        }
    }

    #[test]
    fn sessions_are_said_after_a_removal_for_as_long_as_one_may_last() {
        let said = |groups, ended| text(&ada(groups, vec![lost("AWS-Admins", ended)]), Paint::PLAIN);
        let of_a_leaver = said(vec![member("AWS-Admins", true, false)], "2026-11-24T11:00:00Z");
        assert!(
            of_a_leaver.contains("losing AWS-Admins within the last 12 h") && of_a_leaver.contains("up to 4h with Admin"),
            "{of_a_leaver}"
        );
        let of_a_mover = said(Vec::new(), "2026-11-24T11:00:00Z");
        assert!(of_a_mover.contains("up to the permission set's session duration, and never more than 12 h"), "{of_a_mover}");
        let long_ago = said(Vec::new(), "2026-11-23T23:00:00Z");
        assert!(!long_ago.contains("Sessions:"), "{long_ago}");
    }

    #[test]
    fn who_is_not_entitled_should_have_nothing_and_it_is_said_why() {
        let account = AccountId::new("000000000001").unwrap();
        assert_eq!(on_account(&account, &[member("AWS-Admins", true, false)]).1, ["Admin by AWS-Admins (rule 1)"]);
        let access = |withheld| Access {
            account: account.to_string(),
            has: Vec::new(),
            should_have: Vec::new(),
            withheld,
            would_be_given_by: Vec::new(),
        };
        let said = |entitled| text(&Explanation { account: Some(access(withheld(entitled))), ..ada(Vec::new(), Vec::new()) }, Paint::PLAIN);
        assert!(said(Some(false)).contains("Should have nothing, whatever their groups give: they are not entitled (users.entitled)"));
        assert!(said(None).contains("Should have nothing, whatever their groups give: nobody can say"));
        assert!(said(Some(true)).contains("no managed group would"));
    }

    #[test]
    fn who_is_not_there_is_provisioned_by_whom_the_policy_says() {
        let said = |mode, entitled| text(&Explanation { mode, entitled, ..ada(Vec::new(), Vec::new()) }, Paint::PLAIN);
        assert!(said(UserMode::External, Some(true)).contains("Okta's app"));
        let managed = said(UserMode::Managed, Some(true));
        assert!(managed.contains("a run makes them") && !managed.contains("Okta's app"), "{managed}");
        assert!(said(UserMode::Managed, Some(false)).contains("nobody is made who is not known to be entitled"));
    }
}
