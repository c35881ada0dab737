//! The ARN of the instance, which sso-admin wants in every call and the identity store in none.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::Failure;
use crate::locate;

/// The ARNs that had to be looked up, by identity store. They do not change, so one look for each process is enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct Instances(Arc<Mutex<BTreeMap<Arc<str>, Arc<str>>>>);

impl IdentityCenter {
    /// The ARN of the instance: as it was given, or looked up by the identity store's id where only that was given.
    pub(crate) async fn instance(&self) -> Result<Arc<str>, Failure> {
        if let Some(arn) = &self.instance_arn {
            return Ok(Arc::clone(arn));
        }
        // Held while looking, so that those who ask at the same time send one call together.
        let Some(mut known) = self.aws.caller.in_time(self.aws.instances.0.lock()).await else {
            return Err(Failure::out_of_time(Api::ListInstances, None));
        };
        if let Some(arn) = known.get(&self.store) {
            return Ok(Arc::clone(arn));
        }
        let arn: Arc<str> = locate::instance_of(&self.aws, &self.store).await?.into();
        known.insert(Arc::clone(&self.store), Arc::clone(&arn));
        Ok(arn)
    }
}
