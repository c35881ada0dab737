//! The JSON forms of the secrets. Strict, because a secret with a misspelt field is better found at once than on the day that
//! the field would have been needed.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::SecretError;

/// What is wrong with a secret's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Not JSON.
    #[error("it is not JSON: it should be {0}")]
    NotJson(&'static str),
    /// JSON, but no object.
    #[error("it is no JSON object: it should be {0}")]
    NotAnObject(&'static str),
    /// A field is not there.
    #[error("it has no field {field}: it should be {form}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What belongs there.
        form: &'static str,
    },
    /// A field is no text.
    #[error("its field {0} is not text")]
    NotText(&'static str),
    /// A field is no date.
    #[error("its field {0} is no date such as 2027-01-31")]
    NotADate(&'static str),
    /// A field is empty.
    #[error("its field {0} is empty")]
    Empty(&'static str),
    /// A field would not survive as a header, or was pasted together with a line break.
    #[error("its field {0} begins or ends with white space, or holds a control character")]
    Unclean(&'static str),
    /// A field that does not belong there.
    #[error("it has {field}, which does not belong there: it should be {form}")]
    Unknown {
        /// The field, or a description where its name may be a value that was put into the wrong place.
        field: String,
        /// What belongs there.
        form: &'static str,
    },
}

/// The credential for Okta's API.
#[derive(Clone)]
pub enum OktaCredential {
    /// An API token, sent as `SSWS`.
    ApiToken(SecretString),
    /// The key of an API service app (OAuth 2.0, `private_key_jwt`).
    PrivateKey {
        /// The app's client id.
        client_id: String,
        /// Its private key, PEM.
        private_key: SecretString,
        /// The id (`kid`) under which Okta knows the public key.
        key_id: String,
    },
}

const OKTA_FORM: &str = r#"{"api_token":"…"} or {"client_id":"…","private_key":"PEM","key_id":"…"}"#;

impl OktaCredential {
    /// Reads the text of the secret `id`.
    ///
    /// # Errors
    /// [`SecretError::Shape`] names the secret and the field.
    pub fn parse(id: &str, text: &SecretString) -> Result<Self, SecretError> {
        Self::from_text(text).map_err(|source| SecretError::Shape { id: id.to_owned(), source })
    }

    fn from_text(text: &SecretString) -> Result<Self, ShapeError> {
        let mut fields = Fields::of(text, OKTA_FORM)?;
        let is_key = ["client_id", "private_key", "key_id"].iter().any(|field| fields.has(field));
        let credential = if is_key {
            Self::PrivateKey {
                client_id: fields.clean("client_id")?,
                private_key: fields.text("private_key")?.into(),
                key_id: fields.clean("key_id")?,
            }
        } else {
            Self::ApiToken(fields.clean("api_token")?.into())
        };
        fields.finish(credential)
    }
}

impl fmt::Debug for OktaCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiToken(_) => f.write_str("OktaCredential { api_token }"),
            Self::PrivateKey { .. } => f.write_str("OktaCredential { client_id, private_key, key_id }"),
        }
    }
}

/// The shared secret of the event hook.
#[derive(Clone)]
pub struct HookSecret {
    /// What Okta sends.
    pub current: SecretString,
    /// What Okta sent before, still accepted while the secret is being rotated.
    pub previous: Option<SecretString>,
}

const HOOK_FORM: &str = r#"{"current":"…"} or {"current":"…","previous":"…"}"#;

impl HookSecret {
    /// Reads the text of the secret `id`.
    ///
    /// # Errors
    /// [`SecretError::Shape`] names the secret and the field.
    pub fn parse(id: &str, text: &SecretString) -> Result<Self, SecretError> {
        Self::from_text(text).map_err(|source| SecretError::Shape { id: id.to_owned(), source })
    }

    fn from_text(text: &SecretString) -> Result<Self, ShapeError> {
        let mut fields = Fields::of(text, HOOK_FORM)?;
        let current = fields.clean("current")?.into();
        let previous = fields.filled("previous").then(|| fields.clean("previous")).transpose()?.map(SecretString::from);
        fields.finish(Self { current, previous })
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.previous.is_some() { "HookSecret { current, previous }" } else { "HookSecret { current }" })
    }
}

/// The fields of a secret that were not taken yet.
pub(super) struct Fields {
    fields: BTreeMap<String, Value>,
    form: &'static str,
}

impl Fields {
    pub(super) fn of(text: &SecretString, form: &'static str) -> Result<Self, ShapeError> {
        match serde_json::from_str(text.expose_secret()) {
            Ok(Value::Object(fields)) => Ok(Self { fields: fields.into_iter().collect(), form }),
            Ok(_) => Err(ShapeError::NotAnObject(form)),
            // The parser's own words are dropped: they can quote a part of the secret.
            Err(_) => Err(ShapeError::NotJson(form)),
        }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Whether an optional field holds anything: whoever ends a rotation may leave an empty text or null behind, which is nothing.
    pub(super) fn filled(&mut self, field: &str) -> bool {
        let is_empty = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        if self.fields.get(field).is_some_and(is_empty) {
            self.fields.remove(field);
        }
        self.has(field)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<String, ShapeError> {
        match self.fields.remove(field) {
            Some(Value::String(text)) if text.trim().is_empty() => Err(ShapeError::Empty(field)),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(ShapeError::NotText(field)),
            None => Err(ShapeError::Missing { field, form: self.form }),
        }
    }

    /// A text that can be sent in a header. (A PEM cannot, and need not.)
    pub(super) fn clean(&mut self, field: &'static str) -> Result<String, ShapeError> {
        let text = self.text(field)?;
        let is_clean = text.trim().len() == text.len() && !text.chars().any(char::is_control);
        if is_clean { Ok(text) } else { Err(ShapeError::Unclean(field)) }
    }

    /// A day.
    pub(super) fn date(&mut self, field: &'static str) -> Result<Date, ShapeError> {
        self.text(field)?.trim().parse().map_err(|_| ShapeError::NotADate(field))
    }

    pub(super) fn finish<T>(self, whole: T) -> Result<T, ShapeError> {
        match self.fields.keys().next() {
            None => Ok(whole),
            Some(name) => Err(ShapeError::Unknown { field: shown(name), form: self.form }),
        }
    }
}

/// Secrets Manager's console asks for keys and values side by side, and a secret does land in the wrong one. So a name is shown
/// only where it looks like the name of a field.
fn shown(name: &str) -> String {
    let looks_like_a_field = name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if looks_like_a_field { format!("the field {name}") } else { "a field whose name is not shown here".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn okta(text: &str) -> Result<OktaCredential, SecretError> {
        OktaCredential::parse("lockstep/okta", &text.into())
    }

    fn hook(text: &str) -> Result<HookSecret, SecretError> {
        HookSecret::parse("lockstep/hook", &text.into())
    }

    #[test]
    fn each_form_is_read() {
        let token = okta(r#"{"api_token":"00token"}"#).unwrap();
        assert!(matches!(&token, OktaCredential::ApiToken(token) if token.expose_secret() == "00token"));
        let key = okta(r#"{"client_id":"0oa1","private_key":"-----BEGIN PRIVATE KEY-----\nAA==\n","key_id":"k1"}"#).unwrap();
        assert!(matches!(&key, OktaCredential::PrivateKey { client_id, key_id, .. } if client_id == "0oa1" && key_id == "k1"));
        let both = hook("{\"current\":\"Basic abc\",\"previous\":\"old\"}\n").unwrap();
        assert_eq!(both.current.expose_secret(), "Basic abc");
        assert_eq!(both.previous.unwrap().expose_secret(), "old");
        assert!(hook(r#"{"current":"new"}"#).unwrap().previous.is_none());
    }

    /// The texts hold `hunter2` in every place where a secret may be.
    #[test]
    fn s54_an_error_names_the_secret_and_the_field_and_never_a_value() {
        for (text, expected) in [
            ("hunter2", "it is not JSON"),
            ("{\"current\":\"hunter2", "it is not JSON"),
            ("\"hunter2\"", "it is no JSON object"),
            ("{\"curent\":\"hunter2\"}", "it has no field current"),
            ("{\"current\":[\"hunter2\"]}", "its field current is not text"),
            ("{\"current\":\"\"}", "its field current is empty"),
            ("{\"current\":\"hunter2\\n\"}", "its field current begins or ends with white space"),
            ("{\"current\":\"hunter2\",\"previous\":[]}", "its field previous is not text"),
            ("{\"current\":null,\"previous\":\"hunter2\"}", "its field current is not text"),
            ("{\"current\":\"hunter2\",\"note\":\"hunter2\"}", "it has the field note, which does not belong there"),
            ("{\"current\":\"x\",\"hunter2\":\"\"}", "it has a field whose name is not shown here"),
        ] {
            let error = hook(text).unwrap_err();
            let chain = crate::telemetry::error_chain(&error);
            assert!(chain.starts_with("the secret lockstep/hook is not as it should be: "), "{chain}");
            assert!(chain.contains(expected), "{chain}");
            assert!(!format!("{chain} {error:?}").contains("hunter2"), "{chain} {error:?}");
        }
    }

    #[test]
    fn what_a_rotation_leaves_behind_empty_is_nothing() {
        for empty in ["null", "\"\"", "\" \""] {
            let secret = hook(&format!("{{\"current\":\"new\",\"previous\":{empty}}}")).unwrap();
            assert!(secret.previous.is_none(), "{empty}");
        }
    }

    #[test]
    fn one_form_of_okta_credential_at_a_time() {
        let missing = okta(r#"{"client_id":"0oa1","key_id":"k1"}"#).unwrap_err();
        assert!(matches!(missing, SecretError::Shape { source: ShapeError::Missing { field: "private_key", .. }, .. }));
        let mixed = okta(r#"{"api_token":"t","client_id":"0oa1","private_key":"p","key_id":"k1"}"#).unwrap_err();
        assert!(matches!(mixed, SecretError::Shape { source: ShapeError::Unknown { field, .. }, .. } if field == "the field api_token"));
        assert!(matches!(okta("{}"), Err(SecretError::Shape { source: ShapeError::Missing { field: "api_token", .. }, .. })));
    }

    #[test]
    fn s54_the_debug_forms_show_the_names_of_fields_only() {
        let key = okta(r#"{"client_id":"hunter2","private_key":"hunter2","key_id":"hunter2"}"#).unwrap();
        let shown = format!("{key:?} {:?}", hook(r#"{"current":"hunter2","previous":"hunter2"}"#).unwrap());
        assert_eq!(shown, "OktaCredential { client_id, private_key, key_id } HookSecret { current, previous }");
    }
}
