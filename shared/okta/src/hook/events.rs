//! Events, and the triggers that they ring.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::trigger::{Lane, Target, Trigger};

/// Which of an event's targets says where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LooksAt {
    /// Its users.
    Users,
    /// Its groups.
    Groups,
    /// Its users, who were added to or removed from its groups; the groups themselves where no user is named.
    Members,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    event_type: &'static str,
    lane: Lane,
    looks_at: LooksAt,
}

const fn rule(event_type: &'static str, lane: Lane, looks_at: LooksAt) -> Rule {
    Rule { event_type, lane, looks_at }
}

const RULES: [Rule; 19] = [
    rule("group.user_membership.add", Lane::Rest, LooksAt::Members),
    rule("group.user_membership.remove", Lane::Removals, LooksAt::Members),
    rule("group.lifecycle.create", Lane::Rest, LooksAt::Groups),
    rule("group.lifecycle.delete", Lane::Removals, LooksAt::Groups),
    rule("group.profile.update", Lane::Rest, LooksAt::Groups),
    rule("group.application_assignment.add", Lane::Rest, LooksAt::Groups),
    rule("group.application_assignment.update", Lane::Rest, LooksAt::Groups),
    rule("group.application_assignment.remove", Lane::Removals, LooksAt::Groups),
    rule("application.user_membership.add", Lane::Rest, LooksAt::Users),
    rule("application.user_membership.update", Lane::Rest, LooksAt::Users),
    rule("application.user_membership.remove", Lane::Removals, LooksAt::Users),
    rule("user.lifecycle.create", Lane::Rest, LooksAt::Users),
    rule("user.lifecycle.activate", Lane::Rest, LooksAt::Users),
    rule("user.lifecycle.reactivate", Lane::Rest, LooksAt::Users),
    rule("user.lifecycle.unsuspend", Lane::Rest, LooksAt::Users),
    rule("user.lifecycle.suspend", Lane::Leavers, LooksAt::Users),
    rule("user.lifecycle.deactivate", Lane::Leavers, LooksAt::Users),
    rule("user.lifecycle.delete.initiated", Lane::Leavers, LooksAt::Users),
    rule("user.account.update_profile", Lane::Rest, LooksAt::Users),
];

/// Results of provisioning a user to an app. Every type that begins with `PROVISIONING_PREFIX` is taken so.
const PROVISIONING: Rule = rule("application.provision.user.*", Lane::Rest, LooksAt::Users);

const PROVISIONING_PREFIX: &str = "application.provision.user.";

/// The event types that an event hook must be subscribed to. Every org takes them.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it, and so checks the bounds")]
pub const SUBSCRIBED_EVENT_TYPES: [&str; RULES.len()] = {
    let mut types = [""; RULES.len()];
    let mut at = 0;
    while at < types.len() {
        types[at] = RULES[at].event_type;
        at += 1;
    }
    types
};

/// Event types worth subscribing to besides, because they tell that a user has just been provisioned. Hooks take them since
/// lately only; where an org refuses them, such users are found by the later queue and the schedule.
pub const PROVISIONING_EVENT_TYPES: [&str; 3] =
    ["application.provision.user.push", "application.provision.user.push_profile", "application.provision.user.reactivate"];

/// Longest login hint, in characters. Okta's logins end at 100; a longer text would only fill the queue.
const MAX_LOGIN_CHARS: usize = 100;

/// Most groups of one event that its users are looked at for. Okta's events name one; without a limit an event that names thousands of
/// users and thousands of groups would become millions of pairs.
const MAX_GROUPS_OF_EVENT: usize = 10;

/// Most groups that a trigger for a user names, so that its message stays a small part of what a queue takes.
const MAX_GROUPS_OF_TRIGGER: usize = 100;

/// What `alternateId` says where there is none.
const NO_ALTERNATE_ID: &str = "unknown";

/// An event that succeeded and is of a type that matters.
#[derive(Debug)]
pub(super) struct Event {
    lane: Lane,
    looks_at: LooksAt,
    published: Option<Timestamp>,
    users: Vec<(OktaUserId, Option<String>)>,
    groups: BTreeSet<OktaGroupId>,
}

impl Event {
    /// Reads an event; `None` if it is none, is of no interest, or did not succeed.
    pub(super) fn read(raw: &RawValue) -> Option<Self> {
        let event: RawEvent<'_> = serde_json::from_str(raw.get()).ok()?;
        let Rule { lane, looks_at, .. } = rule_for(&lenient::<String>(event.event_type)?)?;
        if !succeeded(event.outcome) {
            return None;
        }
        let published = lenient(event.published);
        let (mut users, mut groups) = (Vec::new(), BTreeSet::new());
        let targets: Vec<&RawValue> = lenient_list(event.target);
        for target in targets.into_iter().filter_map(|raw| serde_json::from_str::<RawTarget<'_>>(raw.get()).ok()) {
            let Some(id) = lenient::<String>(target.id) else { continue };
            match lenient::<String>(target.kind).as_deref() {
                Some("User") => users.extend(OktaUserId::new(&id).ok().map(|id| (id, login(target.alternate_id)))),
                Some("UserGroup") => groups.extend(OktaGroupId::new(&id).ok()),
                _ => {}
            }
        }
        Some(Self { lane, looks_at, published, users, groups })
    }
}

/// Triggers, one per lane and target.
#[derive(Debug, Default)]
pub(super) struct Triggers(BTreeMap<(Lane, Target), Merged>);

#[derive(Debug)]
struct Merged {
    trigger: Trigger,
    /// More groups were named than are kept, and so none is.
    names_too_many: bool,
    /// When the event was published that gave the login: a rename leaves the latest one behind.
    login_published: Option<Timestamp>,
}

impl Triggers {
    /// Adds what an event asks for, and says whether that was anything.
    pub(super) fn add(&mut self, event: &Event) -> bool {
        let no_groups = BTreeSet::new();
        let (users, groups, named) = match event.looks_at {
            LooksAt::Users => (event.users.as_slice(), &no_groups, &no_groups),
            LooksAt::Groups => ([].as_slice(), &event.groups, &no_groups),
            LooksAt::Members if event.users.is_empty() => ([].as_slice(), &event.groups, &no_groups),
            // Where a user is looked at without a group, all of their groups are.
            LooksAt::Members if event.groups.len() > MAX_GROUPS_OF_EVENT => (event.users.as_slice(), &no_groups, &no_groups),
            LooksAt::Members => (event.users.as_slice(), &no_groups, &event.groups),
        };
        for (user, login) in users {
            self.merge(event, Target::User(user.clone()), named, login.as_deref());
        }
        for group in groups {
            self.merge(event, Target::Group(group.clone()), &no_groups, None);
        }
        !users.is_empty() || !groups.is_empty()
    }

    /// The triggers, the most urgent lane first.
    pub(super) fn into_vec(self) -> Vec<Trigger> {
        self.0.into_values().map(|merged| merged.trigger).collect()
    }

    fn merge(&mut self, event: &Event, target: Target, groups: &BTreeSet<OktaGroupId>, login: Option<&str>) {
        let merged = self.0.entry((event.lane, target.clone())).or_insert_with(|| Merged::empty(event.lane, target));
        if login.is_some() && (merged.trigger.login.is_none() || event.published >= merged.login_published) {
            merged.trigger.login = login.map(str::to_owned);
            merged.login_published = event.published;
        }
        merged.trigger.published = merged.trigger.published.max(event.published);
        merged.name(groups);
    }
}

impl Merged {
    fn empty(lane: Lane, target: Target) -> Self {
        let trigger = Trigger { lane, target, groups: BTreeSet::new(), login: None, published: None };
        Self { trigger, names_too_many: false, login_published: None }
    }

    fn name(&mut self, groups: &BTreeSet<OktaGroupId>) {
        if !self.names_too_many {
            self.trigger.groups.extend(groups.iter().cloned());
        }
        if self.trigger.groups.len() > MAX_GROUPS_OF_TRIGGER {
            self.names_too_many = true;
            self.trigger.groups.clear();
        }
    }
}

/// The parts of an event that are looked at, each kept raw, so that one of a wrong type spoils nothing else.
#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(borrow, rename = "eventType")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    published: Option<&'a RawValue>,
    #[serde(borrow)]
    outcome: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawTarget<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, rename = "alternateId")]
    alternate_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawOutcome<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

fn rule_for(event_type: &str) -> Option<Rule> {
    let provisioning = event_type.starts_with(PROVISIONING_PREFIX).then_some(PROVISIONING);
    RULES.iter().find(|rule| rule.event_type == event_type).copied().or(provisioning)
}

/// Whether the outcome is a success, or not told. Okta writes both `SUCCESS` and `Success`.
fn succeeded(outcome: Option<&RawValue>) -> bool {
    let Some(outcome) = outcome else { return true };
    let Ok(RawOutcome { result }) = serde_json::from_str(outcome.get()) else { return false };
    let Some(result) = result else { return true };
    lenient::<String>(Some(result)).is_some_and(|result| result.eq_ignore_ascii_case("SUCCESS"))
}

fn login(alternate_id: Option<&RawValue>) -> Option<String> {
    let login = lenient::<String>(alternate_id)?;
    let usable = !login.trim().is_empty()
        && login != NO_ALTERNATE_ID
        && login.chars().count() <= MAX_LOGIN_CHARS
        && !login.chars().any(char::is_control);
    usable.then_some(login)
}

fn lenient<T: for<'de> Deserialize<'de>>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn lenient_list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}
