//! Which private keys are taken, and what is said of the others.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, Ed25519KeyPair};
use jsonwebtoken::EncodingKey;
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::oauth::AppError;
use crate::oauth::KeyError;
use crate::oauth::key::SigningKey;

fn key_error(pem: &str) -> KeyError {
    let org = org_with_tokens(vec![token("Bearer")]);
    match AccessTokens::over(org, &config(), &app(pem), TestClock::start()) {
        Err(AppError::Key(error)) => error,
        other => panic!("{pem} is taken: {other:?}"),
    }
}

fn signs(pem: &str, public: &(DecodingKey, Algorithm)) {
    let key = SigningKey::from_pem(&pem.into()).unwrap();
    let signed = key.sign(&key.header(), &json!({ "a": 1 })).unwrap();
    assert_eq!(verified(signed.expose_secret(), public).1, json!({ "a": 1 }));
}

#[test]
fn rsa_keys_in_pkcs1_and_pkcs8_are_taken() {
    signs(&rsa_pem(), &rsa_public());
    let inner = EncodingKey::from_rsa_pem(rsa_pem().as_bytes()).unwrap();
    signs(&pem("RSA PRIVATE KEY", inner.as_bytes()), &rsa_public());
}

#[test]
fn p256_keys_in_pkcs8_and_sec1_are_taken() {
    signs(&p256_pem(), &p256_public());
    signs(&sec1_pem(), &p256_public());
    // As `openssl ecparam -genkey` writes it.
    let with_parameters = format!("{}{}", pem("EC PARAMETERS", &[6, 8, 42, 134, 72, 206, 61, 3, 1, 7]), sec1_pem());
    signs(&with_parameters, &p256_public());
    signs(&p256_pem().replace('\n', "\r\n"), &p256_public());
}

#[test]
fn other_keys_are_refused_with_what_is_accepted() {
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let half = EncodingKey::from_rsa_pem(rsa_pem().as_bytes()).unwrap();
    for other in [
        pem("PRIVATE KEY", p384.to_pkcs8v1().unwrap().as_ref()),
        pem("PRIVATE KEY", ed25519.to_pkcs8v1().unwrap().as_ref()),
        pem("RSA PRIVATE KEY", &half.as_bytes()[..600]),
        pem("PRIVATE KEY", b"not DER"),
        pem("EC PRIVATE KEY", b"not DER"),
        include_str!("../fixtures/rsa-1024.pem").to_owned(),
    ] {
        let error = key_error(&other);
        assert_eq!(error, KeyError::Unusable, "{other}");
        assert!(error.to_string().contains("RSA keys of 2,048 to 8,192 bits (PKCS#1 or PKCS#8) and keys on the curve P-256"), "{error}");
    }
}

#[test]
fn what_is_no_private_key_is_said_to_be_none() {
    let public: PublicKeyX509Der<'_> = RSA.public_key().as_der().unwrap();
    let sealed = pem("ENCRYPTED PRIVATE KEY", b"sealed");
    for none in ["", "hunter2", &pem("PUBLIC KEY", public.as_ref()), &sealed, &rsa_pem().replace('\n', "\\n"), &rsa_pem()[..400]] {
        let error = key_error(none);
        assert_eq!(error, KeyError::NotPem, "{none}");
        assert!(error.to_string().contains("accepted are RSA keys in PKCS#1 or PKCS#8, and P-256 keys in PKCS#8 or SEC 1"), "{error}");
    }
}

#[test]
fn s54_no_error_about_a_key_and_no_debug_form_holds_a_part_of_it() {
    let cut = rsa_pem()[..600].to_owned();
    let broken = pem("PRIVATE KEY", &STANDARD.decode("aHVudGVyMg==").unwrap());
    for key in [cut, broken] {
        let error = AccessTokens::over(org_with_tokens(vec![token("Bearer")]), &config(), &app(&key), TestClock::start()).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error).unwrap());
        for line in key.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!shown.contains(line) && !shown.contains("hunter2"), "{shown}");
        }
    }
    let app = app(&rsa_pem());
    let key = SigningKey::from_pem(&app.private_key).unwrap();
    let tokens = tokens_of(&org_with_tokens(vec![token("Bearer")]), &app);
    assert_eq!(format!("{app:?} {key:?} {tokens:?}"), "ServiceApp { reads_apps: false, .. } SigningKey(RS256) AccessTokens(..)");
}
