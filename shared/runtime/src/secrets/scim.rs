//! The secret of the SCIM endpoint.

use std::fmt;

use jiff::civil::Date;
use secrecy::SecretString;

use super::SecretError;
use super::forms::{Fields, ShapeError};

/// The SCIM endpoint and its token.
#[derive(Clone)]
pub struct ScimSecret {
    /// The address, as IAM Identity Center shows it. Whether it is one, its user finds out.
    pub endpoint: String,
    /// The bearer token.
    pub token: SecretString,
    /// The day on which the token expires, as IAM Identity Center shows it; AWS tells it nowhere else.
    pub expires: Option<Date>,
}

const SCIM_FORM: &str =
    r#"{"endpoint":"https://scim.<region>.amazonaws.com/<id>/scim/v2","token":"…"}, with "expires":"2027-01-31" or without"#;

impl ScimSecret {
    /// Reads the text of the secret `id`.
    ///
    /// # Errors
    /// [`SecretError::Shape`] names the secret and the field.
    pub fn parse(id: &str, text: &SecretString) -> Result<Self, SecretError> {
        Self::from_text(text).map_err(|source| SecretError::Shape { id: id.to_owned(), source })
    }

    fn from_text(text: &SecretString) -> Result<Self, ShapeError> {
        let mut fields = Fields::of(text, SCIM_FORM)?;
        let (endpoint, token) = (fields.clean("endpoint")?, fields.clean("token")?.into());
        let expires = fields.filled("expires").then(|| fields.date("expires")).transpose()?;
        fields.finish(Self { endpoint, token, expires })
    }
}

impl fmt::Debug for ScimSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.expires.is_some() { "ScimSecret { endpoint, token, expires }" } else { "ScimSecret { endpoint, token }" })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn scim(text: &str) -> Result<ScimSecret, SecretError> {
        ScimSecret::parse("lockstep/scim", &text.into())
    }

    #[test]
    fn the_form_is_read_with_a_day_of_expiry_and_without() {
        let whole = scim(r#"{"endpoint":"https://scim.eu-west-1.amazonaws.com/t/scim/v2/","token":"abc","expires":"2027-01-31"}"#).unwrap();
        assert_eq!(whole.endpoint, "https://scim.eu-west-1.amazonaws.com/t/scim/v2/");
        assert_eq!((whole.token.expose_secret(), whole.expires), ("abc", Some(jiff::civil::date(2027, 1, 31))));
        for without in [r#"{"endpoint":"e","token":"abc"}"#, r#"{"endpoint":"e","token":"abc","expires":null}"#] {
            assert_eq!(scim(without).unwrap().expires, None, "{without}");
        }
    }

    /// The texts hold `hunter2` in every place where a secret may be.
    #[test]
    fn s54_an_error_names_the_secret_and_the_field_and_never_a_value() {
        for (text, expected) in [
            ("hunter2", "it is not JSON"),
            (r#"{"token":"hunter2"}"#, "it has no field endpoint"),
            (r#"{"endpoint":"hunter2"}"#, "it has no field token"),
            (r#"{"endpoint":"hunter2","token":"hunter2\n"}"#, "its field token begins or ends with white space"),
            (r#"{"endpoint":"hunter2","token":"hunter2","expires":"hunter2"}"#, "its field expires is no date such as 2027-01-31"),
            (r#"{"endpoint":"hunter2","token":"hunter2","expires":20270131}"#, "its field expires is not text"),
            (r#"{"endpoint":"hunter2","token":"hunter2","tenant":"hunter2"}"#, "it has the field tenant, which does not belong there"),
        ] {
            let error = scim(text).unwrap_err();
            let chain = crate::telemetry::error_chain(&error);
            assert!(chain.starts_with("the secret lockstep/scim is not as it should be: ") && chain.contains(expected), "{chain}");
            assert!(!format!("{chain} {error:?}").contains("hunter2"), "{chain} {error:?}");
        }
        let secret = scim(r#"{"endpoint":"hunter2","token":"hunter2","expires":"2027-01-31"}"#).unwrap();
        assert_eq!(format!("{secret:?}"), "ScimSecret { endpoint, token, expires }");
    }
}
