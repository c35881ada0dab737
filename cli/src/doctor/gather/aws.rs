//! What AWS says.

use std::time::Duration;

use engine::ports::{ReadAssignments, ReadOrganization, ReadTarget};
use identity_center::{Connection, IdentityCenter, Location, Locator, Settings};
use runtime::clock::SystemClock;
use runtime::telemetry::error_chain;
use sync_core::assignments::{AssignmentRule, Organization};
use sync_core::error::TargetError;
use sync_core::policy::Policy;
use sync_core::records::{DirectoryGroup, DirectoryUser};
use tokio::time::Instant;

use super::super::facts::{AwsFacts, Read, Unread};
use super::scim;
use crate::session::Session;

/// All reads together may take so long: an identity store of the largest size is read in some minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the policy says about reaching Identity Center.
pub(crate) fn settings(policy: &Policy) -> Settings {
    Settings {
        region: policy.identity_center.region.clone(),
        assume_role_arn: policy.identity_center.assume_role_arn.clone(),
        identity_store_tps: policy.limits.identity_store_tps,
        sso_admin_tps: policy.limits.sso_admin_tps,
        ..Settings::default()
    }
}

/// The instance that the policy means.
pub(crate) async fn locate(connection: &Connection, policy: &Policy) -> Result<Location, TargetError> {
    let place = &policy.identity_center;
    let locator = Locator { instance_arn: place.instance_arn.clone(), identity_store_id: place.identity_store_id.clone() };
    locator.locate(connection).await
}

/// The identity store, and who and what is in it.
pub(super) struct Store {
    pub(super) center: IdentityCenter,
    pub(super) users: Vec<DirectoryUser>,
    pub(super) groups: Vec<DirectoryGroup>,
}

/// Nothing, and why.
pub(super) fn unread(why: &Unread) -> AwsFacts {
    AwsFacts {
        account: Err(why.clone()),
        location: Err(why.clone()),
        accesses: Err(why.clone()),
        clock_ahead_s: None,
        management: Err(why.clone()),
        n_users: Err(why.clone()),
        groups: Err(why.clone()),
        permission_sets: Err(why.clone()),
        organization: Err(why.clone()),
        scim: Err(why.clone()),
    }
}

/// Reads everything that checks ask of AWS, and the identity store by itself, for who compares it with Okta.
pub(super) async fn facts(session: &Session, policy: &Policy, scim_secret: Option<&str>) -> (AwsFacts, Read<Store>) {
    let settings = settings(policy);
    let connection = Connection::new(session.aws().await, &settings).await.until(Instant::now() + PATIENCE);
    let account = account(session, &settings).await;
    let scim = Box::pin(scim::facts(session, &connection, scim_secret)).await;
    let location = match locate(&connection, policy).await {
        Ok(location) => location,
        Err(error) => {
            let why = Unread::because("no instance was found (see aws.instance)");
            return (AwsFacts { account, location: Err(Unread(error.to_string())), scim, ..unread(&why) }, Err(why));
        }
    };
    let center = IdentityCenter::new(&connection, &location);
    let tried = Box::pin(center.try_all(|| SystemClock.now())).await;
    let has_rules = !policy.assignments.is_empty();
    let users = center.list_users().await.map(|users| users.items).map_err(|error| why(&error));
    let groups = center.list_groups().await.map(|groups| groups.items).map_err(|error| why(&error));
    let facts = AwsFacts {
        account,
        location: Ok(location),
        accesses: Ok(tried.accesses),
        clock_ahead_s: tried.clock_ahead_s,
        management: center.management_account().await.map_err(|error| why(&error)),
        n_users: users.as_ref().map(Vec::len).map_err(Clone::clone),
        groups: groups.as_ref().map_err(Clone::clone).map(|groups| groups.iter().map(named).collect()),
        permission_sets: if has_rules { permission_sets(&center).await } else { Ok(Vec::new()) },
        organization: organization(&center, &policy.assignments).await,
        scim,
    };
    let store = users.and_then(|users| Ok(Store { center, users, groups: groups? }));
    (facts, store)
}

fn named(group: &DirectoryGroup) -> (String, String) {
    (group.display_name.clone(), group.description.to_string())
}

fn why(error: &TargetError) -> Unread {
    Unread(error.to_string())
}

/// The account that AWS takes us for.
async fn account(session: &Session, settings: &Settings) -> Read<String> {
    let config = identity_center::configured(session.aws().await, settings).await;
    let answer = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    let identity = answer.map_err(|error| Unread(format!("GetCallerIdentity: {}", error_chain(&error))))?;
    identity.account.ok_or_else(|| Unread::because("GetCallerIdentity names no account"))
}

async fn permission_sets(center: &IdentityCenter) -> Read<Vec<String>> {
    let mut names = Vec::new();
    for arn in center.permission_sets().await.map_err(|error| why(&error))? {
        names.extend(center.permission_set_name(&arn).await.map_err(|error| why(&error))?);
    }
    Ok(names)
}

async fn organization(center: &IdentityCenter, rules: &[AssignmentRule]) -> Read<Organization> {
    if rules.iter().any(AssignmentRule::needs_organization) {
        engine::organization(center, rules).await.map_err(|error| why(&error))
    } else if rules.is_empty() {
        Ok(Organization::default())
    } else {
        // Rules that name accounts by id alone can be followed without it, and with it their ids can be checked.
        Ok(engine::organization(center, rules).await.unwrap_or_default())
    }
}
