//! OAuth against the simulated org: the real client as an API service app, and what the token endpoint refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

#[path = "oauth/forged.rs"]
mod forged;
#[path = "oauth/real_client.rs"]
mod real_client;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::ports::Clock;
use jiff::Timestamp;
use okta::oauth::{AccessTokens, ServiceApp};
use okta::{OktaClient, OktaConfig};
use sim::http::{Server, serve_okta};
use sim::okta::{FakeOkta, OAuthClient, PublicKey};
use sim::{ManualClock, Shape, Time, World};
use sync_core::policy::UserNameFrom;

const CLIENT_ID: &str = "0oaAPP";
const KEY_ID: &str = "kid-1";
const TOKEN_CALL: &str = "POST /oauth2/v1/token";

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static P256: LazyLock<EcdsaKeyPair> = LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// Private and public half of a key.
struct Pair {
    private: String,
    public: String,
}

fn rsa() -> Pair {
    let (private, public): (Pkcs8V1Der<'_>, PublicKeyX509Der<'_>) = (RSA.as_der().unwrap(), RSA.public_key().as_der().unwrap());
    Pair { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()) }
}

fn p256() -> Pair {
    let public: PublicKeyX509Der<'_> = P256.public_key().as_der().unwrap();
    Pair { private: pem("PRIVATE KEY", P256.to_pkcs8v1().unwrap().as_ref()), public: pem("PUBLIC KEY", public.as_ref()) }
}

/// The world's clock, as the client takes it.
struct Now(ManualClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// A world over HTTP with one app, and the clock that both sides go by.
struct Stage {
    world: World,
    clock: ManualClock,
    server: Server,
}

impl Stage {
    async fn with(client: OAuthClient) -> Self {
        let clock = ManualClock::default();
        let shape = Shape { users: 12, groups: 3, members: 4, ..Shape::default() };
        let world = World::of(&shape, Time::Manual(clock.clone()));
        world.okta.add_oauth_client(client);
        let server = serve_okta(world.okta.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { world, clock, server }
    }

    fn okta(&self) -> &FakeOkta {
        &self.world.okta
    }

    fn client(&self, private_key: &str) -> OktaClient {
        self.client_of(&ServiceApp {
            client_id: CLIENT_ID.to_owned(),
            private_key: private_key.into(),
            key_id: KEY_ID.to_owned(),
            reads_apps: false,
        })
    }

    fn client_of(&self, app: &ServiceApp) -> OktaClient {
        let config = OktaConfig::new(&self.server.url().parse().unwrap(), UserNameFrom::Login).unwrap();
        let tokens = AccessTokens::new(&config, app, Arc::new(Now(self.clock.clone()))).unwrap();
        OktaClient::new(&config, Arc::new(tokens)).unwrap()
    }

    /// How often a token was asked for, successfully or not.
    fn token_calls(&self) -> usize {
        self.okta().log().iter().filter(|call| call.operation == TOKEN_CALL).count()
    }

    /// The errors of the token endpoint, in order.
    fn token_errors(&self) -> Vec<String> {
        let log = self.okta().log();
        log.iter().filter(|call| call.operation == TOKEN_CALL).filter_map(|call| call.error.clone()).collect()
    }
}

fn app_with(key: &Pair) -> OAuthClient {
    OAuthClient::new(CLIENT_ID, KEY_ID, PublicKey::from_pem(&key.public).unwrap())
}
