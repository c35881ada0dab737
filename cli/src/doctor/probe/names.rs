//! Names that cannot collide and say what they are.

use uuid::Uuid;

/// How every name of every probe begins.
const PREFIX: &str = "lockstep-doctor-probe-";

/// The names of one probe.
#[derive(Debug, Clone)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn unique() -> Self {
        Self(format!("{PREFIX}{}", Uuid::new_v4()))
    }

    /// The group, and what the user's name begins with.
    pub(super) fn group(&self) -> &str {
        &self.0
    }

    /// The same name with other letters' case.
    pub(super) fn in_capitals(&self) -> String {
        self.0.to_uppercase()
    }

    /// Another name of this probe.
    pub(super) fn other(&self, what: &str) -> String {
        format!("{}-{what}", self.0)
    }

    /// Whether a name is one of this probe's.
    pub(super) fn are_in(&self, name: &str) -> bool {
        name.to_lowercase().starts_with(&self.0)
    }
}

/// Whether a name is one that a probe made: the prefix, and a UUID after it.
pub(super) fn is_of_a_probe(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.strip_prefix(PREFIX).and_then(|rest| rest.get(..36)).is_some_and(|id| Uuid::try_parse(id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_knows_its_own_names_and_no_others() {
        let (names, others) = (Names::unique(), Names::unique());
        for name in [names.group().to_owned(), names.in_capitals(), names.other("renamed")] {
            assert!(names.are_in(&name) && is_of_a_probe(&name), "{name}");
            assert!(!others.are_in(&name), "{name}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for name in ["lockstep-doctor-probe-", "lockstep-doctor-probe-of-mine", "AWS-Admins", "x-lockstep-doctor-probe-", ""] {
            assert!(!is_of_a_probe(name), "{name}");
        }
        assert!(!is_of_a_probe(&format!("my-{}", Names::unique().group())));
    }
}
