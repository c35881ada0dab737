//! Secrets out of AWS Secrets Manager: read when they are needed, kept in memory for a while, and never shown.
//!
//! No error here holds a value, a part of one, or the words of a parser, which quote values.

mod forms;
mod hook;
mod scim;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use futures::FutureExt;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use crate::secrets::forms::{HookSecret, OktaCredential, ShapeError};
pub use crate::secrets::hook::{HookSecrets, TokenBucket};
pub use crate::secrets::scim::ScimSecret;

use crate::aws::AwsError;

/// How long a secret is used without being read again. A rotation is seen after this at the latest, and at once where the other
/// side refuses the old one. The same time as AWS's own caching extension has.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// Why there is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none of this id.
    #[error("there is no secret {id} in this account and region: create it, or correct the variable that names it")]
    Missing {
        /// The id that was asked for.
        id: String,
        /// AWS's words.
        source: AwsError,
    },
    /// The function may not read it, or not decrypt it.
    #[error(
        "the secret {id} may not be read: give the function's role secretsmanager:GetSecretValue on it, and kms:Decrypt on its key \
         where that is not aws/secretsmanager"
    )]
    Denied {
        /// The id that was asked for.
        id: String,
        /// AWS's words.
        source: AwsError,
    },
    /// Secrets Manager does not answer, or is overloaded. It passes by itself.
    #[error("the secret {id} cannot be read for now: if this lasts, look for the network's way to Secrets Manager")]
    Unreachable {
        /// The id that was asked for.
        id: String,
        /// AWS's words.
        source: AwsError,
    },
    /// Secrets Manager refuses, for instance because the secret is being deleted.
    #[error("Secrets Manager does not give out the secret {id}: see its state there")]
    Refused {
        /// The id that was asked for.
        id: String,
        /// AWS's words.
        source: AwsError,
    },
    /// It holds bytes that are no text.
    #[error("the secret {id} is binary: store it as text (SecretString)")]
    Binary {
        /// The id that was asked for.
        id: String,
    },
    /// It has another form than is needed.
    #[error("the secret {id} is not as it should be")]
    Shape {
        /// The id that was asked for.
        id: String,
        /// What is wrong with it.
        source: ShapeError,
    },
}

/// Where secrets are read from.
pub trait SecretSource: Send + Sync {
    /// Reads a secret's current text.
    fn fetch(&self, id: &str) -> impl Future<Output = Result<SecretString, SecretError>> + Send;
}

/// AWS Secrets Manager.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
}

impl SecretsManager {
    /// Secrets Manager as `config` reaches it.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl SecretSource for SecretsManager {
    async fn fetch(&self, id: &str) -> Result<SecretString, SecretError> {
        // Boxed, because the types of the SDK's futures inside one another are too deep for the compiler.
        match self.client.get_secret_value().secret_id(id).send().boxed().await {
            Ok(answer) => text_of(answer).ok_or_else(|| SecretError::Binary { id: id.to_owned() }),
            Err(error) => Err(read_error(id, AwsError::of_call(&error))),
        }
    }
}

/// The text of a secret, in whichever of its two fields it is kept: some tools write text as bytes.
fn text_of(answer: GetSecretValueOutput) -> Option<SecretString> {
    let bytes = || String::from_utf8(answer.secret_binary?.into_inner()).ok();
    answer.secret_string.or_else(bytes).map(SecretString::from)
}

fn read_error(id: &str, source: AwsError) -> SecretError {
    let id = id.to_owned();
    match source.code() {
        Some("ResourceNotFoundException") => SecretError::Missing { id, source },
        Some(
            "AccessDeniedException"
            | "DecryptionFailure"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "InvalidSignatureException",
        ) => SecretError::Denied { id, source },
        Some("InvalidRequestException" | "InvalidParameterException" | "ValidationException") => SecretError::Refused { id, source },
        _ => SecretError::Unreachable { id, source },
    }
}

/// Secrets, kept in memory for [`TIME_TO_LIVE`].
#[derive(Debug)]
pub struct SecretStore<S = SecretsManager> {
    source: S,
    cache: Mutex<BTreeMap<String, Cached>>,
}

#[derive(Debug)]
struct Cached {
    text: SecretString,
    read_at: Instant,
}

impl<S: SecretSource> SecretStore<S> {
    /// A store without anything in it: nothing is read before it is asked for.
    pub fn new(source: S) -> Self {
        Self { source, cache: Mutex::new(BTreeMap::new()) }
    }

    /// A secret's text, from memory where it is fresh.
    ///
    /// # Errors
    /// [`SecretError`]. What is past its time to live is not used any more, even where Secrets Manager cannot be reached: it may
    /// have been revoked.
    pub async fn read(&self, id: &str) -> Result<SecretString, SecretError> {
        // Held while reading, so that callers at the same time cause one call.
        let mut cache = self.cache.lock().await;
        if let Some(fresh) = cache.get(id).filter(|cached| cached.read_at.elapsed() < TIME_TO_LIVE) {
            return Ok(fresh.text.clone());
        }
        fetch_into(&mut cache, &self.source, id).await
    }

    /// A secret's text, read now: for when the other side has just refused the one from memory.
    ///
    /// # Errors
    /// [`SecretError`]. The one from memory then stays until its time is up.
    pub async fn read_again(&self, id: &str) -> Result<SecretString, SecretError> {
        fetch_into(&mut *self.cache.lock().await, &self.source, id).await
    }
}

async fn fetch_into<S: SecretSource>(cache: &mut BTreeMap<String, Cached>, source: &S, id: &str) -> Result<SecretString, SecretError> {
    let text = source.fetch(id).await?;
    cache.insert(id.to_owned(), Cached { text: text.clone(), read_at: Instant::now() });
    Ok(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use secrecy::ExposeSecret;

    use super::*;

    /// Gives its texts one after the other, the last one for ever; an empty one is an outage.
    pub(crate) struct Texts(Mutex<Vec<&'static str>>, std::sync::atomic::AtomicUsize);

    impl Texts {
        pub(crate) fn new(texts: &[&'static str]) -> Self {
            Self(Mutex::new(texts.iter().rev().copied().collect()), 0.into())
        }

        pub(crate) fn calls(&self) -> usize {
            self.1.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    impl SecretSource for &Texts {
        async fn fetch(&self, id: &str) -> Result<SecretString, SecretError> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut texts = self.0.lock().unwrap();
            let text = if texts.len() > 1 { texts.pop().unwrap() } else { texts[0] };
            if text.is_empty() { Err(read_error(id, AwsError::incomplete())) } else { Ok(text.into()) }
        }
    }

    async fn read(store: &SecretStore<&Texts>) -> String {
        store.read("id").await.map_or_else(|error| error.to_string(), |text| text.expose_secret().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_read_once_and_again_when_its_time_is_up() {
        let source = Texts::new(&["old", "new"]);
        let store = SecretStore::new(&source);
        assert_eq!(source.calls(), 0);
        assert_eq!(read(&store).await, "old");
        tokio::time::advance(TIME_TO_LIVE - Duration::from_millis(1)).await;
        assert_eq!((read(&store).await.as_str(), source.calls()), ("old", 1));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!((read(&store).await.as_str(), source.calls()), ("new", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn reading_again_replaces_what_is_in_memory_and_an_outage_does_not() {
        let source = Texts::new(&["old", "", "new"]);
        let store = SecretStore::new(&source);
        assert_eq!(read(&store).await, "old");
        assert!(matches!(store.read_again("id").await, Err(SecretError::Unreachable { .. })));
        assert_eq!(read(&store).await, "old");
        assert_eq!(store.read_again("id").await.unwrap().expose_secret(), "new");
        assert_eq!((read(&store).await.as_str(), source.calls()), ("new", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_past_its_time_is_not_used_during_an_outage() {
        let source = Texts::new(&["old", ""]);
        let store = SecretStore::new(&source);
        read(&store).await;
        tokio::time::advance(TIME_TO_LIVE).await;
        assert!(matches!(store.read("id").await, Err(SecretError::Unreachable { .. })));
    }

    #[test]
    fn s54_the_debug_form_of_a_store_shows_no_secret() {
        let cached = Cached { text: "hunter2".into(), read_at: Instant::now() };
        assert!(!format!("{cached:?}").contains("hunter2"));
    }
}
