//! The SCIM credential, out of Secrets Manager, for the SCIM client.

use std::sync::Arc;

use futures::future::BoxFuture;
use identity_center::scim::{CredentialProvider, Endpoint, ScimCredential};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use runtime::metrics::{Metric, Name};
use runtime::secrets::{ScimSecret, SecretError, SecretSource, SecretStore, SecretsManager};
use runtime::telemetry::error_chain;
use secrecy::{ExposeSecret, SecretString};
use sync_core::error::{TargetError, TargetErrorKind};
use tokio::sync::Mutex;

/// With less time left than this, the log says so, once a day: long enough for a person to find the time.
const WARN_DAYS: i32 = 30;

const OPERATION: &str = "GetSecretValue";

/// The credential under one secret id. While a token is being rotated AWS accepts two, so it does not matter which of them a process has in
/// memory: the one that is refused first makes it read the other.
pub struct ScimCredentials<S = SecretsManager> {
    store: Arc<SecretStore<S>>,
    id: String,
    /// The token for whose refusal the secret was read again.
    answered: Mutex<Option<SecretString>>,
    warned_on: Mutex<Option<Date>>,
}

impl<S: SecretSource> ScimCredentials<S> {
    /// Nothing is read yet.
    pub fn new(store: Arc<SecretStore<S>>, id: String) -> Self {
        Self { store, id, answered: Mutex::new(None), warned_on: Mutex::new(None) }
    }

    /// Whether the secret can be read and used, as far as is known without asking the endpoint.
    ///
    /// # Errors
    /// [`TargetError`] says what is wrong with the secret.
    pub async fn check(&self) -> Result<(), TargetError> {
        self.remembered().await.map(drop)
    }

    /// The days until the token expires, negative after it has, as a metric; none where the secret does not say when or cannot be read. Warns
    /// in the log, once a day, where there are few left.
    pub async fn days_to_expiry(&self, now: Timestamp) -> Option<Metric> {
        let (secret, _) = self.remembered().await.ok()?;
        let today = TimeZone::UTC.to_datetime(now).date();
        let days = i32::try_from(secret.expires?.duration_since(today).as_hours() / 24).ok()?;
        if days < WARN_DAYS && self.warned_on.lock().await.replace(today) != Some(today) {
            tracing::warn!(
                event = "scim_token_expires",
                secret = self.id,
                days,
                "the SCIM token expires soon or has expired: make another in IAM Identity Center, Settings, Automatic provisioning, put it \
                 with its day of expiry into the secret, and delete the old one there"
            );
        }
        Some(Metric::new(Name::ScimTokenDaysToExpiry, f64::from(days)))
    }

    /// A text that cannot be used is read once more: whoever corrects the secret should not have to wait until it has left the memory.
    async fn remembered(&self) -> Result<(ScimSecret, ScimCredential), TargetError> {
        let text = self.store.read(&self.id).await.map_err(|error| failed(&error))?;
        match self.understood(&text) {
            Ok(both) => Ok(both),
            Err(_) => self.read_again().await,
        }
    }

    async fn read_again(&self) -> Result<(ScimSecret, ScimCredential), TargetError> {
        let text = self.store.read_again(&self.id).await.map_err(|error| failed(&error))?;
        self.understood(&text)
    }

    fn understood(&self, text: &SecretString) -> Result<(ScimSecret, ScimCredential), TargetError> {
        let secret = ScimSecret::parse(&self.id, text).map_err(|error| failed(&error))?;
        let endpoint = Endpoint::parse(&secret.endpoint).map_err(|error| {
            let detail = format!("the secret {} is not as it should be: {error}", self.id);
            TargetError::new(TargetErrorKind::Denied, OPERATION, detail)
        })?;
        let credential = ScimCredential { endpoint, token: secret.token.clone() };
        Ok((secret, credential))
    }

    async fn newer_than(&self, refused: &ScimCredential) -> Result<Option<ScimCredential>, TargetError> {
        let mut answered = self.answered.lock().await;
        // Another request may have met the same refusal, and read the secret again.
        let (_, remembered) = self.remembered().await?;
        if !is_same(&remembered, refused) {
            return Ok(Some(remembered));
        }
        if answered.as_ref().is_some_and(|token| token.expose_secret() == refused.token.expose_secret()) {
            return Ok(None);
        }
        let (_, newer) = self.read_again().await?;
        *answered = Some(refused.token.clone());
        Ok((!is_same(&newer, refused)).then_some(newer))
    }
}

fn is_same(one: &ScimCredential, other: &ScimCredential) -> bool {
    one.endpoint == other.endpoint && one.token.expose_secret() == other.token.expose_secret()
}

fn failed(error: &SecretError) -> TargetError {
    let kind = match error {
        SecretError::Unreachable { .. } => TargetErrorKind::Unavailable,
        SecretError::Missing { .. }
        | SecretError::Denied { .. }
        | SecretError::Refused { .. }
        | SecretError::Binary { .. }
        | SecretError::Shape { .. } => TargetErrorKind::Denied,
    };
    TargetError::new(kind, OPERATION, error_chain(error))
}

impl<S: SecretSource> CredentialProvider for ScimCredentials<S> {
    fn current(&self) -> BoxFuture<'_, Result<ScimCredential, TargetError>> {
        Box::pin(async { self.remembered().await.map(|(_, credential)| credential) })
    }

    fn other_than<'a>(&'a self, refused: &'a ScimCredential) -> BoxFuture<'a, Result<Option<ScimCredential>, TargetError>> {
        Box::pin(self.newer_than(refused))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// A secret whose text can be changed, and which counts how often it is read.
    struct Secret {
        text: StdMutex<String>,
        n_read: AtomicUsize,
    }

    impl Secret {
        fn holding(token: &str) -> &'static Self {
            Box::leak(Box::new(Self { text: StdMutex::new(text(token)), n_read: AtomicUsize::new(0) }))
        }

        fn now_holds(&self, text: String) {
            *self.text.lock().unwrap() = text;
        }

        fn n_read(&self) -> usize {
            self.n_read.load(Ordering::SeqCst)
        }
    }

    fn text(token: &str) -> String {
        format!(r#"{{"endpoint":"https://scim.eu-west-1.amazonaws.com/t/scim/v2","token":"{token}","expires":"2027-01-31"}}"#)
    }

    impl SecretSource for &'static Secret {
        async fn fetch(&self, _: &str) -> Result<SecretString, SecretError> {
            self.n_read.fetch_add(1, Ordering::SeqCst);
            Ok(self.text.lock().unwrap().clone().into())
        }
    }

    fn credentials(secret: &'static Secret) -> ScimCredentials<&'static Secret> {
        ScimCredentials::new(Arc::new(SecretStore::new(secret)), "lockstep/scim".to_owned())
    }

    fn token(credential: &ScimCredential) -> &str {
        credential.token.expose_secret()
    }

    #[tokio::test]
    async fn a_rotated_token_is_found_when_the_old_one_is_refused_and_read_once_for_all() {
        let secret = Secret::holding("old");
        let credentials = credentials(secret);
        let old = credentials.current().await.unwrap();
        secret.now_holds(text("new"));
        assert_eq!(token(&credentials.current().await.unwrap()), "old", "from memory");
        for other in join_all((0..20).map(|_| credentials.other_than(&old))).await {
            assert_eq!(token(&other.unwrap().unwrap()), "new");
        }
        assert_eq!(secret.n_read(), 2);
        assert_eq!(token(&credentials.current().await.unwrap()), "new");
    }

    #[tokio::test]
    async fn a_token_that_is_refused_and_was_not_replaced_is_read_again_once() {
        let secret = Secret::holding("revoked");
        let credentials = credentials(secret);
        let revoked = credentials.current().await.unwrap();
        for _ in 0..5 {
            assert!(credentials.other_than(&revoked).await.unwrap().is_none());
        }
        assert_eq!(secret.n_read(), 2);
    }

    #[tokio::test]
    async fn s54_what_is_wrong_with_the_secret_is_said_without_a_part_of_it_and_what_was_corrected_is_used_at_once() {
        let secret = Secret::holding("x");
        let credentials = credentials(secret);
        for bad in
            ["hunter2", r#"{"endpoint":"hunter2","token":"hunter2"}"#, r#"{"endpoint":"http://scim.example/hunter2","token":"hunter2"}"#]
        {
            secret.now_holds(bad.to_owned());
            let error = credentials.check().await.unwrap_err();
            assert_eq!(error.kind, TargetErrorKind::Denied);
            assert!(error.detail.starts_with("the secret lockstep/scim is not as it should be: "), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        secret.now_holds(text("good"));
        credentials.check().await.unwrap();
    }

    /// A log that is kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<StdMutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[tokio::test]
    async fn the_days_to_expiry_are_a_metric_and_few_of_them_a_warning_once_a_day() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt().with_writer(kept.clone()).with_max_level(tracing::Level::TRACE).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let credentials = credentials(Secret::holding("hunter2"));
        let log = || String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let warnings = || log().matches("scim_token_expires").count();
        let days = async |now: &str| credentials.days_to_expiry(now.parse().unwrap()).await.unwrap().value;
        assert!((days("2026-12-31T23:59:00Z").await - 31.0).abs() < f64::EPSILON);
        assert!((days("2027-01-01T00:01:00Z").await - 30.0).abs() < f64::EPSILON);
        assert_eq!(warnings(), 0);
        assert!((days("2027-01-02T00:01:00Z").await - 29.0).abs() < f64::EPSILON);
        days("2027-01-02T12:00:00Z").await;
        assert_eq!(warnings(), 1);
        assert!((days("2027-02-02T00:01:00Z").await + 2.0).abs() < f64::EPSILON, "it has expired");
        assert_eq!(warnings(), 2);
        assert!(!log().contains("hunter2"), "{}", log());
    }

    #[tokio::test]
    async fn without_a_day_of_expiry_there_is_no_metric() {
        let secret = Secret::holding("x");
        secret.now_holds(r#"{"endpoint":"https://scim.example/t/scim/v2","token":"t"}"#.to_owned());
        assert_eq!(credentials(secret).days_to_expiry(Timestamp::UNIX_EPOCH).await, None);
    }
}
