//! The app through which people sign in to Identity Center, and through which Okta itself may write there.

use std::collections::BTreeSet;

use sync_core::policy::UserNameFrom;

use super::{count, listed};
use crate::doctor::facts::{AppFacts, Facts, Read, Unread};
use crate::doctor::verdict::Judgement;

/// The key of its kind in Okta's catalogue.
pub(crate) const APP_KEY: &str = "amazon_aws_sso";

/// A certificate that ends within so many days should be replaced by now: both sides have to be changed on one day.
const CERTIFICATE_DAYS: i64 = 30;

/// There is one, and it is active.
pub(crate) fn present(facts: &Facts) -> Read<Judgement> {
    let apps = facts.okta()?.apps.given()?;
    let active: Vec<&AppFacts> = apps.iter().filter(|app| app.is_active).collect();
    let named = facts.policy()?.groups.app_id.clone();
    if let Some(id) = named.filter(|id| !apps.iter().any(|app| app.id == *id)) {
        let seen = format!("groups.app_id is {id}, which is none of the apps of the kind {APP_KEY}");
        return Ok(Judgement::warn(
            seen,
            "Correct groups.app_id, or leave it where another app's groups are meant (the id is in the app's address)",
        ));
    }
    Ok(match active.as_slice() {
        [] if apps.is_empty() => {
            let mend = "Okta Admin Console > Applications > Browse App Catalog > \"AWS IAM Identity Center\" > Add Integration, then exchange SAML \
                 metadata with Identity Center";
            Judgement::fail(format!("there is no app of the kind {APP_KEY}"), mend)
        }
        [] => {
            let labels = listed(apps.iter().map(|app| &app.label));
            Judgement::fail(
                format!("inactive: {labels}"),
                "Okta Admin Console > Applications > the app > the menu beside its name > Activate",
            )
        }
        [app] => Judgement::pass(format!("{} ({})", app.label, app.id)),
        several => {
            let labels = listed(several.iter().map(|app| format!("{} ({})", app.label, app.id)));
            let mend = "Say which one is meant for this organization by groups.app_id, where groups are chosen by app; else look at the one that is \
                 checked here";
            Judgement::warn(format!("more than one is active: {labels}"), mend)
        }
    })
}

/// It signs people in with SAML 2.0.
pub(crate) fn saml(facts: &Facts) -> Read<Judgement> {
    let app = facts.app()?;
    Ok(if app.sign_on_mode == "SAML_2_0" {
        Judgement::pass("SAML_2_0")
    } else {
        let seen = format!("the sign-on mode of {} is {}", app.label, app.sign_on_mode);
        Judgement::fail(seen, "Okta Admin Console > Applications > the app > Sign On > Edit > SAML 2.0. Identity Center takes nothing else")
    })
}

/// Its metadata can be had, and holds what Identity Center needs.
pub(crate) fn metadata(facts: &Facts) -> Read<Judgement> {
    let app = facts.app()?;
    let metadata = app.metadata.given()?;
    Ok(if metadata.is_whole {
        Judgement::pass(format!("entity {}; `lockstep doctor --save-metadata FILE` saves it for Identity Center", metadata.entity_id))
    } else {
        let mend = "Okta Admin Console > Applications > the app > Sign On > SAML Signing Certificates: there must be an active one; then upload \
             the metadata to Identity Center (Settings > Identity source > Actions > Manage authentication)";
        Judgement::fail("the metadata lacks a certificate or an address to sign in at", mend)
    })
}

/// Its signing certificate lasts for a while.
pub(crate) fn certificate(facts: &Facts) -> Read<Judgement> {
    let expires = *facts.app()?.key_expires.given()?;
    let expires = expires.ok_or_else(|| Unread::because("Okta does not say when the key ends"))?;
    let days = (expires.as_second() - facts.now.as_second()).div_euclid(86_400);
    let day = expires.strftime("%Y-%m-%d");
    let mend = "Okta Admin Console > Applications > the app > Sign On > SAML Signing Certificates > Generate new certificate; upload the new \
         metadata to Identity Center (Settings > Identity source > Actions > Manage authentication) at the moment when it is made active";
    Ok(if days < 0 {
        Judgement::fail(format!("it ended on {day}: nobody can sign in"), mend)
    } else if days < CERTIFICATE_DAYS {
        Judgement::warn(format!("it ends on {day}, in {}", count(usize::try_from(days).unwrap_or_default(), "day")), mend)
    } else {
        Judgement::pass(format!("good until {day}"))
    })
}

/// Who signs in is who is meant: the NameID that Okta sends is the userName by which Identity Center knows them.
pub(crate) fn name_id(facts: &Facts) -> Read<Judgement> {
    let (app, policy, okta) = (facts.app()?, facts.policy()?, facts.okta()?);
    let wanted = attribute(&policy.users.user_name_from);
    let template = app.name_id_template.as_deref().filter(|template| !names_app_user(template)).unwrap_or(&app.user_name_template);
    let Some(sent) = attribute_of(template) else {
        let seen = format!("the NameID is {template:?}, which cannot be compared with users.user_name_from ({wanted})");
        return Ok(Judgement::warn(
            seen,
            "Sign in as one user whose login and e-mail address differ, or set the template to one attribute",
        ));
    };
    if sent == wanted {
        return Ok(Judgement::pass(format!("the NameID is {template}, and users.user_name_from is {wanted:?}")));
    }
    let seen = format!("the NameID is {template}, and the policy says that userName is {wanted}");
    let mend = format!(
        "Okta Admin Console > Applications > the app > Sign On > Edit > Application username format: choose the one that gives {wanted}, or \
         correct users.user_name_from in the policy. Where the two differ for someone, they cannot sign in"
    );
    let interchangeable = [sent, wanted].iter().all(|name| ["login", "email"].contains(name));
    Ok(match okta.users.given() {
        Ok(users) if interchangeable && users.n > 0 && users.n_other_email == 0 => {
            Judgement::warn(format!("{seen}; for the first {} users they are the same", users.n), mend)
        }
        Ok(_) | Err(_) => Judgement::fail(seen, mend),
    })
}

/// The attribute that the policy means.
fn attribute(from: &UserNameFrom) -> &str {
    match from {
        UserNameFrom::Login => "login",
        UserNameFrom::Email => "email",
        UserNameFrom::Profile(attribute) => attribute,
    }
}

/// The one attribute that a template such as `${source.login}` gives; `None` for anything else.
fn attribute_of(template: &str) -> Option<&str> {
    let inner = template.trim().strip_prefix("${")?.strip_suffix('}')?;
    let name = ["source.", "user."].iter().find_map(|prefix| inner.strip_prefix(prefix))?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// Whether a NameID template stands for the app's own user name.
fn names_app_user(template: &str) -> bool {
    let template = template.trim();
    template.is_empty() || ["${user.userName}", "${source.userName}", "${appuser.userName}"].contains(&template)
}

/// No group that Lockstep manages is pushed by the app as well: each would undo the other.
pub(crate) fn two_writers(facts: &Facts) -> Read<Judgement> {
    let pushed: BTreeSet<&str> = facts.app()?.pushed.given()?.iter().map(String::as_str).collect();
    let both: Vec<&str> =
        facts.matched()?.into_iter().filter(|group| pushed.contains(group.id.as_str())).map(|group| group.name.as_str()).collect();
    Ok(if both.is_empty() {
        Judgement::pass(format!("the app pushes {}, none of them managed here", count(pushed.len(), "group")))
    } else {
        let mend = "Okta Admin Console > Applications > the app > Push Groups > the group > Unlink pushed group > \"Leave the group in the target \
             app\" (never \"Delete\": its assignments would be lost); Lockstep adopts it by its externalId. Or exclude the group in the policy";
        Judgement::fail(format!("the app pushes {} that Lockstep manages: {}", count(both.len(), "group"), listed(&both)), mend)
    })
}
