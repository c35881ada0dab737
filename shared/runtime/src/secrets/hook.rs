//! The event hook's secret, which strangers can make us look up.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::{HookSecret, SecretError, SecretSource, SecretStore};

/// After so many deliveries with a wrong secret in a row, reading it again is rationed.
const MOST_AT_ONCE: u32 = 5;

/// One more reading is allowed after every so much time.
const REFILL: Duration = Duration::from_secs(10);

/// A bucket that starts full, gives out one token at a time, and gets one back at a fixed pace.
#[derive(Debug)]
pub struct TokenBucket {
    capacity: u32,
    refill: Duration,
    tokens: u32,
    /// The moment from which the next token is counted; `None` as long as the bucket is full.
    since: Option<Instant>,
}

impl TokenBucket {
    /// A full bucket of `capacity` tokens, which gets one back every `refill`.
    pub fn new(capacity: u32, refill: Duration) -> Self {
        Self { capacity, refill, tokens: capacity, since: None }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        self.since.get_or_insert(now);
        true
    }

    fn fill(&mut self, now: Instant) {
        while let Some(since) = self.since.filter(|since| now.saturating_duration_since(*since) >= self.refill) {
            self.tokens += 1;
            self.since = (self.tokens < self.capacity).then(|| since + self.refill);
        }
    }
}

/// The hook's secret: from memory, or read again after a mismatch.
///
/// The hook's address is public, so anyone can send wrong secrets. Were each a call to Secrets Manager, a flood would be a bill and
/// a slow function. So after a mismatch the secret is read again at most 5 times at once, and then once every 10 s. A rotation
/// is still seen at once in ordinary times, and within 10 s during a flood, because whoever gets the token renews the memory
/// for all that follow.
#[derive(Debug)]
pub struct HookSecrets<S> {
    store: SecretStore<S>,
    id: String,
    bucket: Mutex<TokenBucket>,
}

impl<S: SecretSource> HookSecrets<S> {
    /// The secret `id` in `store`.
    pub fn new(store: SecretStore<S>, id: String) -> Self {
        Self { store, id, bucket: Mutex::new(TokenBucket::new(MOST_AT_ONCE, REFILL)) }
    }

    /// The secret, from memory where it is fresh. One that cannot be used is read again, as often as that is allowed: whoever corrects
    /// it should not have to wait until it has left the memory.
    ///
    /// # Errors
    /// [`SecretError`]
    pub async fn current(&self) -> Result<HookSecret, SecretError> {
        match HookSecret::parse(&self.id, &self.store.read(&self.id).await?) {
            Ok(secret) => Ok(secret),
            Err(unusable) => self.again().await?.ok_or(unusable),
        }
    }

    /// The secret, read again; `None` where that was done too often of late.
    ///
    /// # Errors
    /// [`SecretError`]
    pub async fn again(&self) -> Result<Option<HookSecret>, SecretError> {
        let allowed = self.bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take(Instant::now());
        if !allowed {
            return Ok(None);
        }
        HookSecret::parse(&self.id, &self.store.read_again(&self.id).await?).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::tests::Texts;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_never_holds_more_than_its_capacity() {
        let mut bucket = TokenBucket::new(2, Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!([0, 0, 0, 9].map(|second| bucket.take(at(second))), [true, true, false, false]);
        assert_eq!([10, 19, 20].map(|second| bucket.take(at(second))), [true, false, true]);
        assert_eq!([900, 900, 900, 909, 910].map(|second| bucket.take(at(second))), [true, true, false, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn s25_a_flood_of_wrong_secrets_is_six_calls_a_minute_after_the_first_five() {
        let source = Texts::new(&[r#"{"current":"x"}"#]);
        let secrets = HookSecrets::new(SecretStore::new(&source), "hook".to_owned());
        for _ in 0..60 * 20 {
            secrets.current().await.unwrap();
            secrets.again().await.unwrap();
            tokio::time::advance(Duration::from_millis(50)).await;
        }
        assert_eq!(source.calls(), 1 + 5 + 5, "the first, the bucket, and what came back until second 59");
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_was_corrected_is_used_at_once() {
        let source = Texts::new(&["no JSON", r#"{"current":"right"}"#]);
        let secrets = HookSecrets::new(SecretStore::new(&source), "hook".to_owned());
        assert_eq!(secrets.current().await.unwrap().current.expose_secret(), "right");
        let source = Texts::new(&["no JSON"]);
        let secrets = HookSecrets::new(SecretStore::new(&source), "hook".to_owned());
        for _ in 0..100 {
            assert!(matches!(secrets.current().await, Err(SecretError::Shape { .. })));
        }
        assert_eq!(source.calls(), 1 + 5, "the first, and the bucket");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotation_is_seen_at_the_next_mismatch() {
        let source = Texts::new(&[r#"{"current":"old"}"#, r#"{"current":"new","previous":"old"}"#]);
        let secrets = HookSecrets::new(SecretStore::new(&source), "hook".to_owned());
        assert_eq!(secrets.current().await.unwrap().current.expose_secret(), "old");
        assert_eq!(secrets.again().await.unwrap().unwrap().current.expose_secret(), "new");
        assert_eq!(secrets.current().await.unwrap().current.expose_secret(), "new");
    }
}
