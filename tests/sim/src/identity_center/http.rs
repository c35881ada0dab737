//! The AWS JSON 1.1 face: which operation a request names, and how its answer is written.
//!
//! Each service is a table of its operations in a module of its own; another service is another table.

use serde_json::Value;

use super::error::AwsError;
use super::quota::Family;
use super::state::StoreState;
use super::{FakeIdentityCenter, assignments, identity_store, organization, scim, sso_admin};
use crate::call::{Failure, Operation, Reply, perform};
use crate::fault::ListFault;
use crate::http::{Answer, Face, HttpCall};

/// An operation of a service.
pub(crate) struct Api {
    pub(crate) name: &'static str,
    pub(crate) writing: bool,
    pub(crate) run: fn(&mut StoreState, &Value, ListFault) -> Result<Value, AwsError>,
}

impl Api {
    pub(crate) const fn read(name: &'static str, run: fn(&mut StoreState, &Value, ListFault) -> Result<Value, AwsError>) -> Self {
        Self { name, writing: false, run }
    }

    pub(crate) const fn write(name: &'static str, run: fn(&mut StoreState, &Value, ListFault) -> Result<Value, AwsError>) -> Self {
        Self { name, writing: true, run }
    }
}

fn find(target: &str) -> Option<&'static Api> {
    let (service, operation) = target.split_once('.')?;
    let apis: &[&[Api]] = match service {
        "AWSIdentityStore" => &[identity_store::APIS],
        "SWBExternalService" => &[sso_admin::APIS, assignments::api::APIS],
        "AWSOrganizationsV20161128" => &[organization::api::APIS],
        _ => return None,
    };
    apis.iter().copied().flatten().find(|api| api.name == operation)
}

impl Face for FakeIdentityCenter {
    async fn answer(&self, call: HttpCall) -> Option<Answer> {
        if scim::is_called(&call) {
            return scim::answer(self, call).await;
        }
        let target = call.header("x-amz-target").to_owned();
        if target.is_empty() && call.body.starts_with(b"Action=GetCallerIdentity") {
            return Some(self.caller_identity());
        }
        let found = find(&target);
        let body = call.json();
        let parameters = body.as_ref().map(parameters).unwrap_or_default();
        let operation = match found {
            Some(api) if api.writing => Operation::write(api.name, parameters),
            Some(api) => Operation::read(api.name, parameters),
            None => Operation::read("(no such operation)", target),
        };
        let effect = |state: &mut StoreState, fault| {
            let api = found.ok_or_else(|| AwsError::new("UnknownOperationException", 400, "The operation does not exist"))?;
            let body = body.map_err(|_| AwsError::new("SerializationException", 400, "The body is no JSON"))?;
            let answer = (api.run)(state, &body, fault);
            let is_organizations = Family::of(api.name) == Family::Organizations;
            answer.map_err(|error| if is_organizations { error.of_organizations() } else { error })
        };
        let reply = perform(&self.state, &self.client, operation, effect).await;
        self.render(reply)
    }
}

impl FakeIdentityCenter {
    /// STS's one operation that anyone may call, in its own protocol; no quota and no fault is in its way.
    fn caller_identity(&self) -> Answer {
        let mut state = self.lock();
        let (account, request_id) = (state.settings.account.clone(), state.ids.uuid());
        let result = format!("<Arn>arn:aws:iam::{account}:user/sim</Arn><UserId>AIDASIM</UserId><Account>{account}</Account>");
        let xml = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>{result}\
             </GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        );
        Answer::typed(200, "text/xml", xml.into_bytes())
    }

    fn render(&self, reply: Reply<Value, StoreState>) -> Option<Answer> {
        let (request_id, date) = {
            let mut state = self.lock();
            (state.ids.uuid(), crate::http::http_date(crate::time::skewed(state.now(), state.settings.skew_ms)))
        };
        let answer = match reply.result {
            Ok(body) => written(200, &body),
            Err(Failure::Api(error)) => written(error.status, &error.body(&request_id)).with("x-amzn-errortype", &error.exception),
            Err(Failure::Html(status)) => Answer::html(status),
            Err(Failure::Lost) => return None,
        };
        let answer = answer.with("x-amzn-requestid", &request_id).with("date", &date);
        Some(answer.with_body(reply.body))
    }
}

fn written(status: u16, body: &Value) -> Answer {
    Answer::typed(status, "application/x-amz-json-1.1", body.to_string().into_bytes())
}

/// The parameters for the log: `GroupId=… UserId=…`.
fn parameters(body: &Value) -> String {
    let Some(object) = body.as_object() else { return String::new() };
    let shown = object.iter().filter(|(key, _)| !matches!(key.as_str(), "IdentityStoreId" | "InstanceArn"));
    let text = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}={text}"),
        Value::Object(_) if key == "MemberId" => parameters(value),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => format!("{key}={other}"),
    };
    shown.map(text).collect::<Vec<_>>().join(" ")
}
