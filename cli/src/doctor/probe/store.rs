//! The identity store with nothing between: what AWS answered, code, reason and status.

use std::fmt;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_identitystore::config::http::HttpResponse;
use aws_sdk_identitystore::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_identitystore::types::{AttributeOperation, MemberId, Name};
use aws_sdk_ssoadmin::types::PrincipalType;
use runtime::telemetry::error_chain;
use serde_json::Value;

/// A probe sends one request after the other, so a limit is met only where others use the store.
const ATTEMPTS: u32 = 8;

/// What the probe's objects say of themselves.
const DESCRIPTION: &str = "Made by `lockstep doctor --probe`, which deletes it again. Left behind? lockstep doctor --clean-up";

/// An identity store.
pub(super) struct Store {
    client: aws_sdk_identitystore::Client,
    admin: aws_sdk_ssoadmin::Client,
    id: String,
    instance: Option<String>,
}

/// An error that AWS answered, or the lack of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) reason: Option<String>,
    pub(super) status: u16,
    words: String,
}

/// An answer.
pub(super) type Reply<T> = Result<T, Refused>;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) revision: String,
}

/// A user, as lists show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) issuers: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            return f.write_str(&self.words);
        }
        let reason = self.reason.as_ref().map(|reason| format!(", reason {reason}")).unwrap_or_default();
        write!(f, "{} (HTTP {}{reason})", self.code, self.status)
    }
}

impl Refused {
    fn of<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> Self {
        let response = error.raw_response();
        let body: Value = response.and_then(|response| serde_json::from_slice(response.body().bytes()?).ok()).unwrap_or_default();
        Self {
            code: error.code().unwrap_or_default().to_owned(),
            reason: body.get("Reason").and_then(Value::as_str).map(str::to_owned),
            status: response.map_or(0, |response| response.status().as_u16()),
            words: error_chain(error),
        }
    }

    /// Whether AWS denied it.
    pub(super) fn is_denied(&self) -> bool {
        self.code == "AccessDeniedException"
    }
}

/// Sends a request about this store.
macro_rules! send {
    ($store:expr, $begin:ident $(, $method:ident($($argument:expr),*))*) => {
        Box::pin($store.client.$begin().identity_store_id(&$store.id)$(.$method($($argument),*))*.send())
            .await
            .map_err(|error| Refused::of(&error))
    };
}

impl Store {
    pub(super) fn new(config: &SdkConfig, id: String, instance: Option<String>) -> Self {
        let config = config.to_builder().retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS)).build();
        Self { client: aws_sdk_identitystore::Client::new(&config), admin: aws_sdk_ssoadmin::Client::new(&config), id, instance }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) async fn create_group(&self, name: &str) -> Reply<Made> {
        let made = send!(self, create_group, display_name(name), description(DESCRIPTION))?;
        Ok(Made { id: made.group_id().to_owned(), revision: made.revision().to_owned() })
    }

    pub(super) async fn rename_group(&self, group: &str, name: &str, revision: Option<&str>) -> Reply<()> {
        let operation = operation("displayName", name);
        send!(self, update_group, group_id(group), set_operations(operation), set_revision(revision.map(str::to_owned))).map(drop)
    }

    pub(super) async fn delete_group(&self, group: &str) -> Reply<()> {
        send!(self, delete_group, group_id(group)).map(drop)
    }

    pub(super) async fn create_user(&self, name: &str) -> Reply<Made> {
        let person = Name::builder().given_name("Lockstep").family_name("Probe").build();
        let made = send!(self, create_user, user_name(name), display_name("Lockstep probe"), name(person))?;
        Ok(Made { id: made.user_id().to_owned(), revision: made.revision().to_owned() })
    }

    pub(super) async fn update_user(&self, user: &str, path: &str, value: &str) -> Reply<()> {
        send!(self, update_user, user_id(user), set_operations(operation(path, value))).map(drop)
    }

    pub(super) async fn delete_user(&self, user: &str) -> Reply<()> {
        send!(self, delete_user, user_id(user)).map(drop)
    }

    pub(super) async fn create_membership(&self, group: &str, user: &str) -> Reply<String> {
        let member = MemberId::UserId(user.to_owned());
        Ok(send!(self, create_group_membership, group_id(group), member_id(member))?.membership_id().to_owned())
    }

    /// Whether a membership can be looked up by its id.
    pub(super) async fn has_membership(&self, membership: &str) -> Reply<bool> {
        match send!(self, describe_group_membership, membership_id(membership)) {
            Ok(_) => Ok(true),
            Err(refused) if refused.code == "ResourceNotFoundException" => Ok(false),
            Err(refused) => Err(refused),
        }
    }

    pub(super) async fn n_members(&self, group: &str) -> Reply<usize> {
        Ok(send!(self, list_group_memberships, group_id(group))?.group_memberships().len())
    }

    pub(super) async fn n_assignments(&self, group: &str) -> Reply<usize> {
        let request = self.admin.list_account_assignments_for_principal().set_instance_arn(self.instance.clone());
        let answer = request.principal_type(PrincipalType::Group).principal_id(group).send().await;
        Ok(answer.map_err(|error| Refused::of(&error))?.account_assignments().len())
    }

    /// How many users the filter finds, which AWS calls deprecated, and which finds the whole user in one call.
    #[expect(deprecated, reason = "Lockstep itself asks so")]
    pub(super) async fn n_users_named(&self, name: &str) -> Reply<usize> {
        let filter = aws_sdk_identitystore::types::Filter::builder().attribute_path("UserName").attribute_value(name).build().ok();
        Ok(send!(self, list_users, set_filters(filter.map(|filter| vec![filter])))?.users().len())
    }

    pub(super) async fn users(&self) -> Reply<Vec<Listed>> {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = send!(self, list_users, max_results(100), set_next_token(token))?;
            all.extend(page.users().iter().map(|user| Listed {
                id: user.user_id().to_owned(),
                name: user.user_name().unwrap_or_default().to_owned(),
                issuers: user.external_ids().iter().map(|id| id.issuer().to_owned()).collect(),
            }));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    pub(super) async fn groups(&self) -> Reply<Vec<Listed>> {
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = send!(self, list_groups, max_results(100), set_next_token(token))?;
            all.extend(page.groups().iter().map(|group| Listed {
                id: group.group_id().to_owned(),
                name: group.display_name().unwrap_or_default().to_owned(),
                issuers: Vec::new(),
            }));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(all);
            }
        }
    }
}

fn operation(path: &str, value: &str) -> Option<Vec<AttributeOperation>> {
    let operation = AttributeOperation::builder().attribute_path(path).attribute_value(value.into()).build();
    operation.ok().map(|operation| vec![operation])
}
