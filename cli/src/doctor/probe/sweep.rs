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
