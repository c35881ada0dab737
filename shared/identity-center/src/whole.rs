//! Whether an answer holds what it should, and is about what was asked for.

use std::fmt::Display;

use aws_sdk_identitystore::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_identitystore::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_identitystore::error::BoxError;

use crate::api::Api;
use crate::errors::Failure;

/// Refuses a successful answer in which the list of this name does not occur.
///
/// The SDK reads a body without its list, or no body at all, as an empty list. An empty list is a statement about the world, and
/// this would not be AWS making it.
#[derive(Debug)]
pub(crate) struct HasList(pub(crate) &'static str);

impl Intercept for HasList {
    fn name(&self) -> &'static str {
        "HasList"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        if context.output_or_error().is_err() || has_key(body, self.0) {
            return Ok(());
        }
        Err(format!("the answer has no {}", self.0).into())
    }
}

/// Refuses a successful answer that is no JSON object, for lists that AWS may leave out where they are empty: sso-admin was seen to
/// do so. Such an answer is a statement, and no body at all is none.
#[derive(Debug)]
pub(crate) struct IsObject;

impl Intercept for IsObject {
    fn name(&self) -> &'static str {
        "IsObject"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        if context.output_or_error().is_err() || body.trim_ascii_start().starts_with(b"{") {
            return Ok(());
        }
        Err("the answer is no JSON object".into())
    }
}

fn has_key(json: &[u8], key: &str) -> bool {
    let quoted = format!("\"{key}\"");
    json.windows(quoted.len()).any(|window| window == quoted.as_bytes())
}

/// Whether the answer is about what was asked for.
pub(crate) fn same<Id: PartialEq + Display>(api: Api, asked: &Id, got: &Id) -> Result<(), Failure> {
    if asked == got {
        return Ok(());
    }
    Err(Failure::malformed(api, format!("asked about {asked}, and the answer is about {got}")))
}
