//! Which identity store to work on.

use aws_sdk_ssoadmin::types::{InstanceMetadata, InstanceStatus};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::AccountId;

use crate::api::Api;
use crate::connection::Connection;
use crate::errors::{self, Failure};
use crate::paging::{MAX_RESULTS, Page, all_pages};
use crate::whole::HasList;

/// What the policy says about which instance of Identity Center is meant. Empty strings mean: find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locator {
    /// `[identity_center] instance_arn`.
    pub instance_arn: String,
    /// `[identity_center] identity_store_id`. Taken as it is: not every emulator has ids of AWS's form.
    pub identity_store_id: String,
}

/// Where the identity store is. It does not change, so one look for each process is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The identity store's id.
    pub identity_store_id: String,
    /// The ARN of its instance; `None` where only the store's id was given and nobody had to look.
    pub instance_arn: Option<String>,
}

impl Locator {
    /// Finds the identity store: the one that is named, else that of the instance that is named, else that of the only active
    /// instance which `ListInstances` shows. It shows an organisation's instance and those of single accounts alike.
    ///
    /// # Errors
    /// `Invalid` where there is no such instance, or more than one could be meant: the error names them, and the key to set. Else
    /// the error of `ListInstances`.
    pub async fn locate(&self, connection: &Connection) -> Result<Location, TargetError> {
        if !self.identity_store_id.is_empty() {
            let instance_arn = (!self.instance_arn.is_empty()).then(|| self.instance_arn.clone());
            return Ok(Location { identity_store_id: self.identity_store_id.clone(), instance_arn });
        }
        let instances = instances(connection).await?;
        self.choose(&instances)
    }

    fn choose(&self, instances: &[InstanceMetadata]) -> Result<Location, TargetError> {
        let usable: Vec<Location> = instances.iter().filter(|instance| is_active(instance)).filter_map(location).collect();
        let meant = |location: &&Location| self.instance_arn.is_empty() || location.instance_arn.as_ref() == Some(&self.instance_arn);
        match usable.iter().filter(meant).collect::<Vec<_>>().as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(self.complaint("no active instance of Identity Center is to be seen", instances)),
            [_, _, ..] => Err(self.complaint("more than one instance of Identity Center is active", instances)),
        }
    }

    fn complaint(&self, problem: &str, instances: &[InstanceMetadata]) -> TargetError {
        let asked = if self.instance_arn.is_empty() { String::new() } else { format!(" under the ARN {}", self.instance_arn) };
        let seen = seen(instances);
        let detail = format!(
            "{problem}{asked}; seen in this region: {seen}. Set `[identity_center] instance_arn` or `identity_store_id`, and look at \
             `region` and `assume_role_arn`: only the management account and a delegated administrator see the organisation's instance"
        );
        TargetError::new(TargetErrorKind::Invalid, Api::ListInstances.name(), detail)
    }
}

/// The ARN of the active instance whose identity store this is.
///
/// # Errors
/// `Invalid` where `ListInstances` shows none, else its own error; both say which key of the policy makes the look needless.
pub(crate) async fn instance_of(connection: &Connection, identity_store_id: &str) -> Result<String, Failure> {
    let instances = instances(connection).await.map_err(|failure| failure.advising(SET_THE_ARN))?;
    let usable = instances.iter().filter(|instance| is_active(instance)).filter_map(location);
    let mut arns = usable.filter(|location| location.identity_store_id == identity_store_id).filter_map(|location| location.instance_arn);
    arns.next().ok_or_else(|| {
        let problem = format!("no active instance has the identity store {identity_store_id}");
        Failure::invalid(Api::ListInstances, format!("{problem}; seen in this region: {}", seen(&instances))).advising(SET_THE_ARN)
    })
}

/// The account to which the active instance with this identity store belongs, if that can be seen.
pub(crate) async fn owner_of(connection: &Connection, identity_store_id: &str) -> Option<AccountId> {
    let instances = instances(connection).await.ok()?;
    let mut usable = instances.iter().filter(|instance| is_active(instance));
    let ours = usable.find(|instance| instance.identity_store_id() == Some(identity_store_id))?;
    AccountId::new(ours.owner_account_id()?).ok()
}

const SET_THE_ARN: &str = "assignments need the instance's ARN: set `[identity_center] instance_arn`";

async fn instances(connection: &Connection) -> Result<Vec<InstanceMetadata>, Failure> {
    all_pages(Api::ListInstances, |token| instances_page(connection, token)).await
}

async fn instances_page(connection: &Connection, token: Option<String>) -> Result<Page<InstanceMetadata>, Failure> {
    let send = || async {
        let request = connection.sso_admin.list_instances().max_results(MAX_RESULTS).set_next_token(token.clone());
        let answer = request.customize().interceptor(HasList("Instances")).send().await;
        answer.map_err(|error| errors::sso_admin(Api::ListInstances, error))
    };
    let page = connection.caller.call(Api::ListInstances, send).await?;
    Ok((page.instances.unwrap_or_default(), page.next_token))
}

/// An instance without a status counts as active: older answers had none.
fn is_active(instance: &InstanceMetadata) -> bool {
    instance.status().is_none_or(|status| *status == InstanceStatus::Active)
}

fn location(instance: &InstanceMetadata) -> Option<Location> {
    let identity_store_id = instance.identity_store_id().filter(|id| !id.is_empty())?.to_owned();
    Some(Location { identity_store_id, instance_arn: instance.instance_arn().map(str::to_owned) })
}

fn seen(instances: &[InstanceMetadata]) -> String {
    match instances {
        [] => "none".to_owned(),
        some => some.iter().map(describe).collect::<Vec<_>>().join("; "),
    }
}

fn describe(instance: &InstanceMetadata) -> String {
    format!(
        "{} (store {}, account {}, {})",
        instance.instance_arn().unwrap_or("without ARN"),
        instance.identity_store_id().unwrap_or("none"),
        instance.owner_account_id().unwrap_or("unknown"),
        instance.status().map_or("no status", InstanceStatus::as_str),
    )
}
