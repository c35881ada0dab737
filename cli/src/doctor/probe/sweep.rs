//! The removal of what probes made, found by name.

use std::fmt;

use super::store::Store;

/// Something that a probe made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    kind: Kind,
    id: String,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Group,
    User,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Group => "group",
            Kind::User => "user",
        };
        write!(f, "the {kind} {} ({})", self.name, self.id)
    }
}

/// What came of removing.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) removed: Vec<Thing>,
    /// What is still there, and why; in words where it could not even be looked for.
    pub(super) failed: Vec<(String, String)>,
}

impl Swept {
    /// What came of two looks: what the first one failed on, the second one met again, or not any more.
    pub(super) fn then(mut self, later: Self) -> Self {
        let is_new: Vec<Thing> = later.removed.into_iter().filter(|thing| !self.removed.contains(thing)).collect();
        self.removed.extend(is_new);
        Self { failed: later.failed, ..self }
    }
}

/// Everything in the store whose name is one of these.
///
/// # Errors
/// Where the lists cannot be read.
pub(super) async fn find(store: &Store, is_ours: impl Fn(&str) -> bool) -> Result<Vec<Thing>, String> {
    let groups = store.groups().await.map_err(|refused| format!("the groups cannot be listed: {refused}"))?;
    let users = store.users().await.map_err(|refused| format!("the users cannot be listed: {refused}"))?;
    let groups = groups.into_iter().map(|group| Thing { kind: Kind::Group, id: group.id, name: group.name });
    let users = users.into_iter().map(|user| Thing { kind: Kind::User, id: user.id, name: user.name });
    Ok(groups.chain(users).filter(|thing| is_ours(&thing.name)).collect())
}

/// Removes these. What is gone already counts as removed.
pub(super) async fn remove(store: &Store, things: Vec<Thing>) -> Swept {
    let mut swept = Swept::default();
    for thing in things {
        let answer = match thing.kind {
            Kind::Group => store.delete_group(&thing.id).await,
            Kind::User => store.delete_user(&thing.id).await,
        };
        match answer {
            Err(refused) if refused.code != "ResourceNotFoundException" => swept.failed.push((thing.to_string(), refused.to_string())),
            Ok(()) | Err(_) => swept.removed.push(thing),
        }
    }
    swept
}

/// Finds and removes.
pub(super) async fn sweep(store: &Store, is_ours: impl Fn(&str) -> bool) -> Swept {
    match find(store, is_ours).await {
        Ok(things) => remove(store, things).await,
        Err(why) => Swept { failed: vec![("what the probe made".to_owned(), why)], ..Swept::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_look_adds_what_the_first_one_missed_and_decides_what_failed() {
        let thing = |id: &str| Thing { kind: Kind::User, id: id.to_owned(), name: "lockstep-doctor-probe-…".to_owned() };
        let failed = |what: &str| vec![(what.to_owned(), "throttled".to_owned())];
        let first = Swept { removed: vec![thing("u-1")], failed: failed("the user u-2") };
        let swept = first.then(Swept { removed: vec![thing("u-1"), thing("u-2"), thing("u-late")], failed: Vec::new() });
        assert_eq!((swept.removed, swept.failed), (vec![thing("u-1"), thing("u-2"), thing("u-late")], Vec::new()));
        let first = Swept { removed: vec![thing("u-1")], failed: Vec::new() };
        assert_eq!(first.then(Swept { removed: Vec::new(), failed: failed("the group g-1") }).failed, failed("the group g-1"));
    }
}
