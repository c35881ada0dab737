//! The parameters of a request, as the AWS JSON face gets them.

use serde_json::{Map, Value};

use super::error::AwsError;
use super::reads::Part;
use crate::fault::{ListFault, Page};

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a Value);

impl<'a> Input<'a> {
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// A text inside of an object, such as `/Filter/Status`.
    pub(crate) fn inner(&self, pointer: &str) -> Option<&'a str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    pub(crate) fn required(&self, key: &str) -> Result<&'a str, AwsError> {
        self.text(key).ok_or_else(|| AwsError::invalid(format!("{key} is required")))
    }

    /// An id that must be there, and be one.
    pub(crate) fn id<T, E: std::fmt::Display>(&self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, AwsError> {
        parse(self.required(key)?).map_err(|error| AwsError::invalid(format!("{key}: {error}")))
    }

    /// The part of a list that is asked for; `MaxResults` may be `most` at most.
    pub(crate) fn part(&self, fault: ListFault, most: usize) -> Result<Part<'a>, AwsError> {
        let max_results = match self.0.get("MaxResults") {
            None | Some(Value::Null) => None,
            Some(number) => {
                let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
                let number = number.filter(|number| (1..=most).contains(number));
                Some(number.ok_or_else(|| AwsError::invalid(format!("MaxResults must be 1 to {most}")))?)
            }
        };
        Ok(Part { max_results, token: self.text("NextToken"), fault })
    }
}

/// A page as an answer writes it.
pub(crate) fn listed(page: Page<Value>, key: &str) -> Value {
    let mut answer = Map::from_iter([(key.to_owned(), Value::Array(page.items))]);
    answer.extend(page.next.map(|token| ("NextToken".to_owned(), token.into())));
    Value::Object(answer)
}
