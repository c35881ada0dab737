//! Which Identity Center user is which Okta user: by externalId, then by what an earlier run found, then by userName.

use std::collections::{BTreeMap, BTreeSet};

use crate::actual::ActualState;
use crate::ids::{OktaUserId, UserId};
use crate::names::NameKey;
use crate::snapshot::{OktaSnapshot, UserSighting};

/// What was found for an Okta user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// This one, and no other.
    Bound(UserId),
    /// None.
    NotProvisioned,
    /// Without the ledger nobody can say.
    Unclear {
        /// Whom to leave alone.
        involved: BTreeSet<UserId>,
    },
    /// It may be these, or it is someone else: nothing is concluded, and these stay as they are.
    Conflict {
        /// Whom to leave alone.
        involved: BTreeSet<UserId>,
        /// Why, for people.
        reason: String,
    },
}

impl Binding {
    /// The Identity Center users of whom nothing may be concluded.
    pub(super) fn involved(&self) -> BTreeSet<UserId> {
        match self {
            Self::Bound(id) => BTreeSet::from([id.clone()]),
            Self::NotProvisioned => BTreeSet::new(),
            Self::Conflict { involved, .. } | Self::Unclear { involved } => involved.clone(),
        }
    }
}

/// Finds the Identity Center user for every Okta user that was seen.
pub(super) fn bind(okta: &OktaSnapshot, actual: &ActualState) -> BTreeMap<OktaUserId, Binding> {
    let index = Index::new(actual);
    let mut bindings: BTreeMap<OktaUserId, Binding> = okta.users.iter().map(|(id, user)| (id.clone(), index.find(id, user))).collect();
    part_twins(&mut bindings);
    bindings
}

struct Index<'a> {
    actual: &'a ActualState,
    by_external_id: BTreeMap<&'a str, Vec<&'a UserId>>,
    by_name: BTreeMap<NameKey, Vec<&'a UserId>>,
    pinned: BTreeMap<&'a UserId, &'a OktaUserId>,
}

impl<'a> Index<'a> {
    fn new(actual: &'a ActualState) -> Self {
        let mut by_external_id: BTreeMap<&str, Vec<&UserId>> = BTreeMap::new();
        let mut by_name: BTreeMap<NameKey, Vec<&UserId>> = BTreeMap::new();
        for (id, user) in &actual.users {
            by_name.entry(NameKey::of(&user.user_name)).or_default().push(id);
            for external in user.external_ids.iter().collect::<BTreeSet<_>>() {
                by_external_id.entry(external).or_default().push(id);
            }
        }
        let pinned = actual.pins.iter().map(|(okta, user)| (user, okta)).collect();
        Self { actual, by_external_id, by_name, pinned }
    }

    fn find(&self, id: &OktaUserId, sighting: &UserSighting) -> Binding {
        match self.by_external_id.get(id.as_str()).map(Vec::as_slice) {
            Some([only]) => return Binding::Bound((*only).clone()),
            Some(several) => return conflict(several, "is the externalId of several users"),
            None => {}
        }
        if let Some(user) = self.pin(id) {
            return Binding::Bound(user.clone());
        }
        match sighting {
            UserSighting::Present(user) => user.user_name.as_deref().map_or(Binding::NotProvisioned, |name| self.find_by_name(name)),
            UserSighting::Gone | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => Binding::NotProvisioned,
        }
    }

    /// The user that an earlier run found, if it is still there and still nobody else's.
    fn pin(&self, id: &OktaUserId) -> Option<&'a UserId> {
        let user = self.actual.pins.get(id)?;
        self.actual.users.get(user).filter(|record| record.external_ids.is_empty()).map(|_| user)
    }

    fn find_by_name(&self, name: &str) -> Binding {
        let holders = self.by_name.get(&NameKey::of(name)).map(Vec::as_slice).unwrap_or_default();
        match holders {
            [] if self.actual.pins_unread => Binding::Unclear { involved: BTreeSet::new() },
            [] => Binding::NotProvisioned,
            [only] => self.own(only),
            several => conflict(several, "differs only in case from another's, and is the userName of several users"),
        }
    }

    /// A user of the right name is this one only if nobody else's id is on it.
    fn own(&self, user: &'a UserId) -> Binding {
        let someone_else = |whose: &str| Binding::Conflict {
            involved: BTreeSet::new(),
            reason: format!(
                "user {user} has this userName and belongs to {whose}: a login that was used before; rename or delete that user"
            ),
        };
        let externals = self.actual.users.get(user).map(|record| record.external_ids.as_slice()).unwrap_or_default();
        if let [first, ..] = externals {
            return someone_else(&format!("externalId {first}"));
        }
        if self.actual.pins_unread {
            return Binding::Unclear { involved: BTreeSet::from([user.clone()]) };
        }
        // Whoever was pinned to it themselves was found by their pin.
        match self.pinned.get(user) {
            Some(other) => someone_else(&format!("Okta user {other}")),
            None => Binding::Bound(user.clone()),
        }
    }
}

fn conflict(users: &[&UserId], what: &str) -> Binding {
    let involved: BTreeSet<UserId> = users.iter().map(|id| (*id).clone()).collect();
    let list = involved.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ");
    Binding::Conflict { involved, reason: format!("it {what}: {list}") }
}

/// Two Okta users who were found to be one Identity Center user are a conflict, both of them.
fn part_twins(bindings: &mut BTreeMap<OktaUserId, Binding>) {
    let mut claims: BTreeMap<UserId, Vec<OktaUserId>> = BTreeMap::new();
    for (id, binding) in bindings.iter() {
        if let Binding::Bound(user) = binding {
            claims.entry(user.clone()).or_default().push(id.clone());
        }
    }
    for (user, twins) in claims.into_iter().filter(|(_, twins)| twins.len() > 1) {
        let list = twins.iter().map(OktaUserId::as_str).collect::<Vec<_>>().join(", ");
        let reason = format!("user {user} would be each of the Okta users {list}; rename all but one of them");
        for twin in twins {
            let involved = BTreeSet::from([user.clone()]);
            bindings.insert(twin, Binding::Conflict { involved, reason: reason.clone() });
        }
    }
}
