//! The reference model: who is who in Okta, who is in what, and what that means, at every moment so far. It shares no code that decides
//! with the engine: it knows nothing of snapshots, plans or guards, and is told every change by name.

use std::collections::BTreeSet;

/// Milliseconds since the beginning of a history.
pub(crate) type Moment = u64;

/// A group and a user, by number.
pub(crate) type Pair = (usize, usize);

/// What managed groups are called.
const PREFIX: &str = "AWS-";

/// Where a user stands in Okta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    Suspended,
    Deactivated,
}

/// The name that a policy may exclude.
pub(crate) const EXCLUDED: &str = "AWS-001";

/// A user in Okta.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// Their login.
    pub(crate) login: String,
    /// Their given name.
    pub(crate) given: String,
    /// Logins and given names that they had at any time.
    pub(crate) names: BTreeSet<String>,
    /// Whether Okta has them.
    pub(crate) exists: bool,
    /// Where they stand.
    pub(crate) standing: Standing,
}

impl Person {
    /// A new one, active.
    pub(crate) fn new(login: String) -> Self {
        let given = login.split('@').next().unwrap_or_default().to_owned();
        let names = BTreeSet::from([login.clone(), given.clone()]);
        Self { login, given, names, exists: true, standing: Standing::Active }
    }

    /// Whether they are deactivated or gone.
    pub(crate) fn has_left(&self) -> bool {
        !self.exists || self.standing == Standing::Deactivated
    }
}

/// A group in Okta.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    /// Its name.
    pub(crate) name: String,
    /// Whether Okta has it.
    pub(crate) exists: bool,
    /// Its members, of every status.
    pub(crate) members: BTreeSet<usize>,
}

/// What was so from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Epoch {
    from: Moment,
    wanted: BTreeSet<Pair>,
    /// The users who are there and active.
    active: BTreeSet<usize>,
    /// The users who are deactivated or gone.
    left: BTreeSet<usize>,
    /// The groups whose name is their own.
    sound: BTreeSet<usize>,
}

/// Okta as it should be seen, now and before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// Users, in the order in which they came to be.
    pub(crate) people: Vec<Person>,
    /// Groups, in the order in which they came to be.
    pub(crate) teams: Vec<Team>,
    /// Whether the policy excludes a name.
    pub(crate) excludes: bool,
    /// Who ever was, or was put, into a managed group.
    pub(crate) concerned: BTreeSet<usize>,
    epochs: Vec<Epoch>,
}

impl Model {
    /// Nobody and nothing, under a policy that excludes a name or not.
    pub(crate) fn under(excludes: bool) -> Self {
        Self { excludes, ..Self::default() }
    }

    /// Writes down what is so from `now` on.
    pub(crate) fn remember(&mut self, now: Moment) {
        let epoch = Epoch { from: now, wanted: self.wanted(), active: self.active(), left: self.left(), sound: self.sound() };
        let is_same = |last: &Epoch| {
            (&last.wanted, &last.active, &last.left, &last.sound) == (&epoch.wanted, &epoch.active, &epoch.left, &epoch.sound)
        };
        if !self.epochs.last().is_some_and(is_same) {
            self.epochs.push(epoch);
        }
        let members = self.teams.iter().filter(|team| self.manages(team)).flat_map(|team| team.members.iter().copied());
        let members: Vec<usize> = members.collect();
        self.concerned.extend(members);
    }

    /// Whether a group is there, and has a name that is managed.
    pub(crate) fn manages(&self, team: &Team) -> bool {
        team.exists && team.name.starts_with(PREFIX) && !(self.excludes && team.name == EXCLUDED)
    }

    /// Who should be in what at this moment: the active members of managed groups.
    pub(crate) fn wanted(&self) -> BTreeSet<Pair> {
        let managed = self.teams.iter().enumerate().filter(|(_, team)| self.manages(team));
        let pairs = managed.flat_map(|(group, team)| team.members.iter().map(move |user| (group, *user)));
        pairs.filter(|(_, user)| self.is_active(*user)).collect()
    }

    /// Whether a user is there and active.
    pub(crate) fn is_active(&self, user: usize) -> bool {
        self.people.get(user).is_some_and(|person| person.exists && person.standing == Standing::Active)
    }

    fn active(&self) -> BTreeSet<usize> {
        (0..self.people.len()).filter(|user| self.is_active(*user)).collect()
    }

    fn left(&self) -> BTreeSet<usize> {
        self.people.iter().enumerate().filter(|(_, person)| person.has_left()).map(|(user, _)| user).collect()
    }

    fn sound(&self) -> BTreeSet<usize> {
        (0..self.teams.len()).filter(|group| !self.has_twin(*group)).collect()
    }

    /// Whether another managed group has the name of this one, in any case.
    pub(crate) fn has_twin(&self, group: usize) -> bool {
        let Some(team) = self.teams.get(group) else { return false };
        let is_twin = |(other, twin): (usize, &Team)| other != group && self.manages(twin) && twin.name.eq_ignore_ascii_case(&team.name);
        self.teams.iter().enumerate().any(is_twin)
    }

    /// Whether it was so at some moment of this stretch of time that this pair should be.
    pub(crate) fn ever_wanted(&self, pair: Pair, from: Moment, to: Moment) -> bool {
        self.between(from, to).any(|epoch| epoch.wanted.contains(&pair))
    }

    /// Whether it was so at every moment of this stretch of time that this pair should be.
    pub(crate) fn always_wanted(&self, pair: Pair, from: Moment, to: Moment) -> bool {
        self.between(from, to).all(|epoch| epoch.wanted.contains(&pair))
    }

    /// Whether a user was there and active at every moment of this stretch of time.
    pub(crate) fn always_active(&self, user: usize, from: Moment, to: Moment) -> bool {
        self.between(from, to).all(|epoch| epoch.active.contains(&user))
    }

    /// Whether a user was not there or not active at every moment of this stretch of time.
    pub(crate) fn never_active(&self, user: usize, from: Moment, to: Moment) -> bool {
        self.between(from, to).all(|epoch| !epoch.active.contains(&user))
    }

    /// Whether a user was not there or not active at some moment of this stretch of time.
    pub(crate) fn ever_inactive(&self, user: usize, from: Moment, to: Moment) -> bool {
        self.between(from, to).any(|epoch| !epoch.active.contains(&user))
    }

    /// Whether a user was deactivated or gone at some moment of this stretch of time.
    pub(crate) fn ever_left(&self, user: usize, from: Moment, to: Moment) -> bool {
        self.between(from, to).any(|epoch| epoch.left.contains(&user))
    }

    /// Whether a user should have been in any group at some moment of this stretch of time: so they had to exist.
    pub(crate) fn ever_in_any(&self, user: usize, from: Moment, to: Moment) -> bool {
        self.between(from, to).any(|epoch| epoch.wanted.iter().any(|(_, wanted)| *wanted == user))
    }

    /// The groups in which a user should have been at every moment of this stretch of time, of an undisputed name.
    pub(crate) fn stays_wanted(&self, user: usize, from: Moment, to: Moment) -> impl Iterator<Item = usize> {
        let is_so = move |group: &usize| {
            self.always_wanted((*group, user), from, to) && self.between(from, to).all(|epoch| epoch.sound.contains(group))
        };
        (0..self.teams.len()).filter(is_so)
    }

    /// The groups in which a user should be at the beginning and at the end of this stretch of time, where they should have been in one or
    /// the other at every moment of it, of an undisputed name, and moved once at most.
    pub(crate) fn moves(&self, user: usize, from: Moment, to: Moment) -> Option<(BTreeSet<usize>, BTreeSet<usize>)> {
        let of = |epoch: &Epoch| -> BTreeSet<usize> {
            epoch.wanted.iter().filter(|(group, wanted)| *wanted == user && epoch.sound.contains(group)).map(|(group, _)| *group).collect()
        };
        let mut stays: Vec<BTreeSet<usize>> = self.between(from, to).map(of).collect();
        stays.dedup();
        let ends = stays.first().cloned().zip(stays.last().cloned());
        ends.filter(|_| stays.len() <= 2 && stays.iter().all(|groups| !groups.is_empty()))
    }

    fn between(&self, from: Moment, to: Moment) -> impl Iterator<Item = &Epoch> {
        // What ended at the very first moment counts: nobody can say what came first within a millisecond.
        let first = self.epochs.iter().rposition(|epoch| epoch.from < from).unwrap_or_default();
        self.epochs.iter().skip(first).take_while(move |epoch| epoch.from <= to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let person = Person::new("ada@example.com".to_owned());
        let team = Team { name: "AWS-a".to_owned(), exists: true, members: BTreeSet::from([0]) };
        let mut model = Model { people: vec![person], teams: vec![team], ..Model::default() };
        model.remember(0);
        model
    }

    #[test]
    fn what_was_so_is_known_for_every_stretch_of_time() {
        let mut model = model();
        model.people[0].standing = Standing::Suspended;
        model.remember(10);
        model.people[0].standing = Standing::Active;
        model.remember(20);
        assert!(model.always_wanted((0, 0), 0, 9) && !model.always_wanted((0, 0), 0, 10));
        assert!(!model.ever_wanted((0, 0), 11, 19) && model.ever_wanted((0, 0), 11, 20));
        assert!(model.never_active(0, 12, 15) && model.always_active(0, 21, 99));
        assert!(model.ever_inactive(0, 0, 15) && !model.ever_left(0, 0, 99) && model.ever_in_any(0, 15, 20));
    }

    #[test]
    fn a_name_outside_the_prefix_is_not_managed_and_a_twin_in_another_case_is_one() {
        let mut model = model();
        assert_eq!(model.stays_wanted(0, 0, 5).next(), Some(0));
        model.teams.push(Team { name: "AWS-A".to_owned(), exists: true, members: BTreeSet::new() });
        model.remember(6);
        assert!(model.has_twin(0) && model.stays_wanted(0, 0, 6).next().is_none());
        model.teams[0].name = "other".to_owned();
        assert!(model.wanted().is_empty());
    }
}
