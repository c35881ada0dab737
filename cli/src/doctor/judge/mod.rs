//! The judgements: pure functions from what was seen to a verdict. An `Err` is a check that cannot be made, and why.

pub(crate) mod app;
pub(crate) mod aws;
pub(crate) mod clock;
pub(crate) mod hook;
pub(crate) mod ledger;
pub(crate) mod okta;
pub(crate) mod policy;
pub(crate) mod quota;
pub(crate) mod scim;

/// So many names at most in a line; the rest is counted.
const SHOWN: usize = 5;

/// Names for a line.
fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<S> = names.into_iter().collect();
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let rest = names.len().saturating_sub(SHOWN);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

/// A number of things, in the right number of grammar.
fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
