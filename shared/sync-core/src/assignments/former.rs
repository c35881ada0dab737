//! Rules that were followed before.

use super::rule::RuleText;

/// The rules that were followed before and that are there no more, each as often as it is missing.
///
/// A rule that was changed is still there: one of the same pattern stands for it. Where fewer of a pattern are left than there were,
/// nobody can say which of them were changed: all of them count as gone, so that nothing that they gave is taken unasked.
pub fn vanished<'a, 'b>(former: &'a [RuleText], current: impl IntoIterator<Item = &'b RuleText>) -> Vec<&'a RuleText> {
    let mut new: Vec<&RuleText> = current.into_iter().collect();
    let missing: Vec<&RuleText> = former.iter().filter(|rule| !takes(&mut new, rule)).collect();
    let with_pattern_of = |rules: &[&RuleText], rule: &RuleText| rules.iter().filter(|other| other.group == rule.group).count();
    missing.iter().filter(|rule| with_pattern_of(&missing, rule) > with_pattern_of(&new, rule)).copied().collect()
}

/// Takes a rule out of a list that has it.
fn takes(rules: &mut Vec<&RuleText>, rule: &RuleText) -> bool {
    let position = rules.iter().position(|other| *other == rule);
    position.map(|position| rules.swap_remove(position)).is_some()
}
