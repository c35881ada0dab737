//! The event hook.

use okta::hook::SUBSCRIBED_EVENT_TYPES;

use super::listed;
use crate::doctor::facts::{Facts, HookFacts, Read, Unread};
use crate::doctor::verdict::Judgement;

/// What registers, updates and verifies it.
pub(crate) const REGISTER: &str = "lockstep hook register --url <the function URL> (the output HookUrl of the stack)";

/// The hook that is ours: the one that delivers to the address that was given; without one, that with most of our event types.
pub(crate) fn ours<'a>(hooks: &'a [HookFacts], url: Option<&str>) -> Option<&'a HookFacts> {
    match url {
        Some(url) => hooks.iter().find(|hook| is_same_address(&hook.uri, url)),
        None => hooks.iter().filter(|hook| n_ours(hook) > 0).max_by_key(|hook| n_ours(hook)),
    }
}

/// Whether two addresses are one, but for a slash at the end.
pub(crate) fn is_same_address(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// The event types that a hook lacks.
pub(crate) fn missing(hook: &HookFacts) -> Vec<&'static str> {
    SUBSCRIBED_EVENT_TYPES.into_iter().filter(|wanted| !hook.event_types.iter().any(|has| has == wanted)).collect()
}

fn n_ours(hook: &HookFacts) -> usize {
    SUBSCRIBED_EVENT_TYPES.len() - missing(hook).len()
}

fn found(facts: &Facts) -> Read<&HookFacts> {
    let hooks = facts.okta()?.hooks.given()?;
    ours(hooks, facts.hook_url.as_deref()).ok_or_else(|| Unread::because("there is no such hook (see hook.registered)"))
}

/// There is one, it is active, and it brings the secret where it is looked for.
pub(crate) fn registered(facts: &Facts) -> Read<Judgement> {
    let hooks = facts.okta()?.hooks.given()?;
    let Some(hook) = ours(hooks, facts.hook_url.as_deref()) else {
        let seen = match &facts.hook_url {
            Some(url) => format!("none of {} event hooks delivers to {url}", hooks.len()),
            None => format!("none of {} event hooks delivers an event that Lockstep works on", hooks.len()),
        };
        return Ok(Judgement::fail(seen, REGISTER));
    };
    let named = format!("{} ({}) to {}", hook.name, hook.id, hook.uri);
    Ok(if !hook.is_active {
        let mend = format!("Okta Admin Console > Workflow > Event Hooks > Actions > Activate, or {REGISTER}");
        Judgement::fail(format!("{named} is inactive"), mend)
    } else if !hook.header.eq_ignore_ascii_case("authorization") {
        let seen = format!("{named} sends its secret in the header {}, and event-hook looks in Authorization", hook.header);
        Judgement::fail(seen, REGISTER)
    } else {
        Judgement::pass(named)
    })
}

/// Its endpoint has answered Okta's challenge, without which nothing is delivered.
pub(crate) fn verified(facts: &Facts) -> Read<Judgement> {
    let hook = found(facts)?;
    Ok(if hook.is_verified {
        Judgement::pass(format!("{} is verified", hook.name))
    } else {
        let mend = "lockstep hook verify, or Okta Admin Console > Workflow > Event Hooks > Actions > Verify. If that fails, look at the function \
             URL's permissions (both lambda:InvokeFunctionUrl and lambda:InvokeFunction) and at the log of event-hook";
        Judgement::fail(format!("{} is not verified: Okta delivers nothing", hook.name), mend)
    })
}

/// It delivers every event type that Lockstep works on, and holds none of them back.
pub(crate) fn events(facts: &Facts) -> Read<Judgement> {
    let hook = found(facts)?;
    let missing = missing(hook);
    Ok(if !missing.is_empty() {
        Judgement::fail(format!("{} lacks {}", hook.name, listed(&missing)), REGISTER)
    } else if hook.has_filter {
        let mend = "Okta Admin Console > Workflow > Event Hooks > Actions > Edit filters: take them away. A filter on names drops the events of a \
             group that is renamed";
        Judgement::warn(format!("{} has a filter", hook.name), mend)
    } else {
        Judgement::pass(format!("all {} event types", SUBSCRIBED_EVENT_TYPES.len()))
    })
}
