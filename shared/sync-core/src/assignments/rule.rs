//! One rule: a pattern on the group's name, accounts, and permission sets by name.

use std::collections::BTreeSet;

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

use super::organization::{Organization, is_below};
use super::template::Template;
use crate::ids::AccountId;

/// A rule as it is written: what the ledger remembers of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// The pattern on the group's name.
    pub group: String,
    /// Account selectors.
    pub accounts: Vec<String>,
    /// Permission sets by name.
    pub permission_sets: Vec<String>,
}

/// A rule that was checked.
#[derive(Debug, Clone)]
pub struct AssignmentRule {
    /// Its position among the rules, from 1; 0 for one that was followed before.
    pub position: usize,
    /// As it is written.
    pub text: RuleText,
    pattern: Regex,
    accounts: Vec<AccountSelector>,
    permission_sets: Vec<Template>,
}

/// Which accounts a rule means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSelector {
    /// One by id.
    Id(Selected),
    /// Those whose name fits a glob of `*` and `?`.
    Name(Selected),
    /// Those in an organizational unit and its subtree, by its path below the root.
    Unit(Selected),
    /// Those with a tag.
    Tag {
        /// The tag's key.
        key: String,
        /// Its value.
        value: Selected,
    },
    /// Every account.
    All,
}

/// What a selector selects by, perhaps with captures in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected(Template);

/// A rule that cannot be one; which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[assignment]] rule {position} ({group:?}): {problem}")]
pub struct RuleError {
    position: usize,
    group: String,
    problem: String,
}

/// What a rule derives for one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derived {
    /// Accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Permission sets, by name.
    pub permission_sets: BTreeSet<String>,
    /// What the rule names and nobody has.
    pub problems: Vec<RuleProblem>,
}

/// Something that a rule names and that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// What.
    pub name: String,
    /// Why, with the rule by its position and pattern.
    pub reason: String,
}

impl AssignmentRule {
    /// Checks a rule. Okta's own form of named captures, `(?{{name}}…)`, is understood.
    ///
    /// # Errors
    /// [`RuleError`] names the rule and what is wrong with it.
    pub fn parse(position: usize, text: &RuleText) -> Result<Self, RuleError> {
        let fail = |problem: String| RuleError { position, group: text.group.clone(), problem };
        let translated = translate(&text.group);
        let pattern = Regex::new(&translated).map_err(|error| fail(format!("its pattern is no regular expression: {error}")))?;
        if text.accounts.is_empty() || text.permission_sets.is_empty() {
            return Err(fail("it needs at least one of \"accounts\" and of \"permission_sets\"".to_owned()));
        }
        let accounts = text.accounts.iter().map(|account| selector(account, &pattern)).collect::<Result<_, _>>().map_err(fail)?;
        let sets = text.permission_sets.iter().map(|set| Template::parse(set, &pattern));
        let permission_sets = sets.collect::<Result<_, _>>().map_err(fail)?;
        Ok(Self { position, text: text.clone(), pattern, accounts, permission_sets })
    }

    /// Whether the rule speaks of this group.
    pub fn matches(&self, group: &str) -> bool {
        self.pattern.is_match(group)
    }

    /// Whether the rule cannot be followed without the organization's list of accounts.
    pub fn needs_organization(&self) -> bool {
        self.accounts.iter().any(|selector| !matches!(selector, AccountSelector::Id(_)))
    }

    /// Whether the rule asks for tags.
    pub fn needs_tags(&self) -> bool {
        self.accounts.iter().any(|selector| matches!(selector, AccountSelector::Tag { .. }))
    }

    /// What the rule derives for a group; `None` if it does not speak of it.
    pub fn derive(&self, group: &str, organization: &Organization) -> Option<Derived> {
        let captures = self.pattern.captures(group)?;
        let mut derived = Derived::default();
        for set in &self.permission_sets {
            match set.fill(&captures) {
                Some(name) if !name.is_empty() => drop(derived.permission_sets.insert(name)),
                _ => derived.problems.push(self.problem(group, "a capture of its permission sets took no part in the match")),
            }
        }
        for selector in &self.accounts {
            match self.select(selector, &captures, organization) {
                Ok(accounts) => derived.accounts.extend(accounts),
                Err(problem) => derived.problems.push(problem),
            }
        }
        Some(derived)
    }

    fn select(
        &self,
        selector: &AccountSelector,
        captures: &Captures<'_>,
        organization: &Organization,
    ) -> Result<BTreeSet<AccountId>, RuleProblem> {
        let filled = |selected: &Selected| {
            selected.0.fill(captures).ok_or_else(|| self.problem("", "a capture of its accounts took no part in the match"))
        };
        let (name, found) = match selector {
            AccountSelector::Id(id) => return self.select_id(&filled(id)?, organization),
            AccountSelector::Name(glob) => {
                let glob = filled(glob)?;
                let pattern = glob_pattern(&glob);
                (format!("name:{glob}"), organization.those(|account| pattern.is_match(&account.name)))
            }
            AccountSelector::Unit(path) => {
                let path = filled(path)?;
                let parts: Vec<&str> = path.split('/').collect();
                let found =
                    if organization.has_unit(&parts) { organization.those(|account| is_below(account, &parts)) } else { BTreeSet::new() };
                (format!("ou:{path}"), found)
            }
            AccountSelector::Tag { key, value } => {
                let value = filled(value)?;
                let has = |tags: &std::collections::BTreeMap<String, String>| tags.get(key) == Some(&value);
                (format!("tag:{key}={value}"), organization.those(|account| account.tags.as_ref().is_some_and(has)))
            }
            AccountSelector::All => ("all".to_owned(), organization.those(|_| true)),
        };
        if found.is_empty() { Err(self.problem(&name, "no account of the organization fits")) } else { Ok(found) }
    }

    fn select_id(&self, text: &str, organization: &Organization) -> Result<BTreeSet<AccountId>, RuleProblem> {
        let id = AccountId::new(text).map_err(|error| self.problem(text, &error.to_string()))?;
        if organization.lacks(&id) {
            return Err(self.problem(text, "the organization has no such account"));
        }
        Ok(BTreeSet::from([id]))
    }

    /// The rule, as people find it: by its position, unless it is there no more.
    pub fn called(&self) -> String {
        match self.position {
            0 => format!("a rule that is there no more ({:?})", self.text.group),
            position => format!("rule {position} ({:?})", self.text.group),
        }
    }

    fn problem(&self, name: &str, reason: &str) -> RuleProblem {
        let reason = format!("{}: {reason}; nothing is removed on account of it", self.called());
        RuleProblem { name: name.to_owned(), reason }
    }
}

/// Okta writes named captures as `(?{{name}}…)`.
fn translate(pattern: &str) -> String {
    let mut translated = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("(?{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        translated.push_str(before);
        translated.push_str(&format!("(?P<{name}>"));
        rest = after;
    }
    translated + rest
}

fn selector(text: &str, pattern: &Regex) -> Result<AccountSelector, String> {
    let selected = |rest: &str| Template::parse(rest, pattern).map(Selected);
    if text == "all" {
        Ok(AccountSelector::All)
    } else if let Some(glob) = text.strip_prefix("name:") {
        Ok(AccountSelector::Name(selected(glob)?))
    } else if let Some(path) = text.strip_prefix("ou:") {
        Ok(AccountSelector::Unit(selected(path.trim_matches('/'))?))
    } else if let Some(tag) = text.strip_prefix("tag:") {
        let (key, value) = tag.split_once('=').ok_or_else(|| format!("{text:?} is no tag:key=value"))?;
        Ok(AccountSelector::Tag { key: key.to_owned(), value: selected(value)? })
    } else {
        let id = Template::parse(text, pattern)?;
        match id.literal().map(AccountId::new) {
            Some(Err(_)) => Err(format!("{text:?} is no account selector: a twelve-digit id, name:glob, ou:path, tag:key=value or all")),
            Some(Ok(_)) | None => Ok(AccountSelector::Id(Selected(id))),
        }
    }
}

fn glob_pattern(glob: &str) -> Regex {
    let escaped = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
    Regex::new(&format!("^(?s:{escaped})$")).expect("an escaped text with .* and . in it is always a regular expression")
}
