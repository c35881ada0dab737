//! Whether an answer that should hold a list holds one.

use aws_sdk_identitystore::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_identitystore::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_identitystore::error::BoxError;

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

fn has_key(json: &[u8], key: &str) -> bool {
    let quoted = format!("\"{key}\"");
    json.windows(quoted.len()).any(|window| window == quoted.as_bytes())
}
