//! Okta, its credential, and what that may see.

use sync_core::records::GroupType;

use super::count;
use crate::doctor::facts::{Asked, CredentialForm, Facts, OktaFacts, Read, Refusal};
use crate::doctor::verdict::Judgement;

const NEW_CREDENTIAL: &str = "In the Okta Admin Console make a new API token (Security > API > Tokens) as an admin who has the role Read-only \
     Administrator, or give the API service app a new key (Applications > the app > General > Public keys), and put it into the secret: \
     aws secretsmanager put-secret-value --secret-id <secret> --secret-string '{\"api_token\":\"…\"}'";

const ORG_URL: &str =
    "Correct okta.org_url in the policy: the address at which people sign in, without -admin, such as https://acme.okta.com";

const ROLE: &str = "Give the admin behind the API token, or the API service app (its tab Admin roles), the role Read-only Administrator without \
     a restriction to some groups: Okta Admin Console > Security > Administrators";

/// Okta answers.
pub(crate) fn reachable(facts: &Facts) -> Read<Judgement> {
    let okta = facts.okta()?;
    Ok(match &okta.organization {
        Asked::Given(()) => Judgement::pass(format!("{} answers as an Okta org", okta.org_url)),
        Asked::Refused(_) | Asked::NoAnswer(_) if gave_anything(okta) && !okta.org_url.contains("-admin.") => {
            Judgement::pass(format!("{} gives what the credential asks for, and has no page about the org itself", okta.org_url))
        }
        Asked::Refused(refusal) => Judgement::fail(format!("{} is no Okta org: {}", okta.org_url, refusal.words), ORG_URL),
        Asked::NoAnswer(why) => {
            let mend =
                format!("{ORG_URL}. If it is right, look at DNS, at a proxy (HTTPS_PROXY) and at the firewall between here and Okta");
            Judgement::fail(format!("{} does not answer: {why}", okta.org_url), mend)
        }
        Asked::NoCredential(why) | Asked::Withheld(why) => Judgement::skipped(why),
    })
}

/// Whether anything was given to the credential.
fn gave_anything(okta: &OktaFacts) -> bool {
    okta.users.given().is_ok() || okta.groups.given().is_ok() || okta.apps.given().is_ok() || okta.hooks.given().is_ok()
}

/// The credential is one, and Okta takes it.
pub(crate) fn credential(facts: &Facts) -> Read<Judgement> {
    let okta = facts.okta()?;
    let form = match &okta.credential {
        Ok(form) => *form,
        Err(why) => return Ok(Judgement::fail(why.to_string(), NEW_CREDENTIAL)),
    };
    let (users, groups) = (outcome(&okta.users), outcome(&okta.groups));
    Ok(match (users, groups) {
        (Outcome::Rejected(words), _) | (_, Outcome::Rejected(words)) => {
            let life = "An API token dies after 30 days without use, and with the admin who made it";
            Judgement::fail(words.to_owned(), format!("{life}. {NEW_CREDENTIAL}"))
        }
        (Outcome::Accepted, _) | (_, Outcome::Accepted) => Judgement::pass(match form {
            CredentialForm::ApiToken => "an API token, which Okta accepts",
            CredentialForm::ServiceApp => "the key of an API service app, for which Okta gives access tokens",
        }),
        (Outcome::NoToken(why), _) | (_, Outcome::NoToken(why)) => Judgement::fail(why.to_owned(), NEW_CREDENTIAL),
        (Outcome::Nothing(why), Outcome::Nothing(_)) => Judgement::skipped(why),
    })
}

/// What an answer says about the credential itself.
enum Outcome<'a> {
    Accepted,
    Rejected(&'a str),
    NoToken(&'a str),
    Nothing(&'a str),
}

fn outcome<T>(asked: &Asked<T>) -> Outcome<'_> {
    match asked {
        Asked::Given(_) => Outcome::Accepted,
        Asked::Refused(refusal) if is_rejection(refusal) => Outcome::Rejected(&refusal.words),
        Asked::Refused(_) => Outcome::Accepted,
        Asked::NoCredential(why) => Outcome::NoToken(why),
        Asked::NoAnswer(why) | Asked::Withheld(why) => Outcome::Nothing(why),
    }
}

/// A 401, but for the one that is about permissions.
fn is_rejection(refusal: &Refusal) -> bool {
    refusal.status == 401 && refusal.code.as_deref() != Some("E0000015")
}

/// Users can be seen, and the list is not the empty one that a missing role gets.
pub(crate) fn users(facts: &Facts) -> Read<Judgement> {
    let okta = facts.okta()?;
    if let Some(refused) = refused(okta, &okta.users, "okta.users.read", "users") {
        return Ok(refused);
    }
    let seen = okta.users.given()?;
    Ok(if seen.n == 0 {
        Judgement::fail("Okta answers 200 with an empty list of users: the credential is valid, and its admin role sees nobody", ROLE)
    } else {
        Judgement::pass(format!("{} on the first page", count(seen.n, "user")))
    })
}

/// Groups can be seen, and not only those that everyone has.
pub(crate) fn groups(facts: &Facts) -> Read<Judgement> {
    let okta = facts.okta()?;
    if let Some(refused) = refused(okta, &okta.groups, "okta.groups.read", "groups") {
        return Ok(refused);
    }
    let groups = okta.groups.given()?;
    let own = groups.iter().filter(|group| group.kind != GroupType::BuiltIn).count();
    Ok(if groups.is_empty() {
        Judgement::fail("Okta answers 200 with an empty list of groups, without even Everyone: its admin role sees none", ROLE)
    } else if own == 0 {
        Judgement::fail(
            format!("only Okta's own groups are seen ({})", groups.len()),
            format!("{ROLE}. If there are no others yet, make one"),
        )
    } else if own == groups.len() {
        let mend = format!("Everyone is hidden from admins of some groups only, so groups may be missing. {ROLE}");
        Judgement::warn(format!("{}, and not the group Everyone", count(own, "group")), mend)
    } else {
        Judgement::pass(count(own, "group"))
    })
}

/// Apps can be seen. A run needs that only where the policy names an app.
pub(crate) fn apps(facts: &Facts) -> Read<Judgement> {
    let okta = facts.okta()?;
    let is_needed = facts.policy()?.groups.app_id.is_some();
    if let Some(refused) = refused(okta, &okta.apps, "okta.apps.read", "apps") {
        let needed = if is_needed { "needed, as the policy sets groups.app_id" } else { "needed for the checks of the app alone" };
        let seen = format!("{} ({needed})", refused.seen);
        let mend = refused.mend.unwrap_or_default();
        return Ok(if is_needed { Judgement::fail(seen, mend) } else { Judgement::warn(seen, mend) });
    }
    let apps = okta.apps.given()?;
    Ok(Judgement::pass(format!("apps can be read; {} of them IAM Identity Center", apps.len())))
}

/// The failure where the answer means that a scope or a role is missing; `None` where it means something else.
fn refused<T>(okta: &OktaFacts, asked: &Asked<T>, scope: &str, what: &str) -> Option<Judgement> {
    let is_app = okta.credential == Ok(CredentialForm::ServiceApp);
    let grant = format!("Grant the scope {scope}: Okta Admin Console > Applications > the API service app > Okta API Scopes > Grant");
    match asked {
        Asked::Refused(refusal) if !is_rejection(refusal) && matches!(refusal.status, 401 | 403) => {
            let mend = if is_app { format!("{grant}. {ROLE}") } else { ROLE.to_owned() };
            Some(Judgement::fail(format!("{what} may not be read: {}", refusal.words), mend))
        }
        Asked::NoCredential(why) if is_app => Some(Judgement::fail(format!("no access token for {scope}: {why}"), grant)),
        Asked::Refused(_) | Asked::NoCredential(_) | Asked::Given(_) | Asked::NoAnswer(_) | Asked::Withheld(_) => None,
    }
}
