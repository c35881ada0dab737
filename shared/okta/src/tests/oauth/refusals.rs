//! What a refusal says: what is missing, and where to give it.

use engine::ports::ReadSource;
use serde_json::json;
use sync_core::error::SourceErrorKind;

use super::*;

async fn error_of(answer: Result<Answer, NoAnswer>) -> SourceError {
    let org = org_with_tokens(vec![answer]);
    let error = client_of(&org).list_groups(None).await.unwrap_err();
    assert_eq!((token_calls(&org).len(), reads(&org).len(), error.operation.as_str()), (1, 0, "POST /oauth2/v1/token"), "{error}");
    error
}

#[tokio::test(start_paused = true)]
async fn s32_a_refusal_that_does_not_pass_is_asked_for_once_and_says_what_is_missing() {
    for (status, code, advice) in [
        (401, "invalid_client", "client_id, key_id and private_key of the Okta secret do not belong together"),
        (400, "invalid_scope", "grant the app each of the scopes okta.groups.read okta.users.read (its tab Okta API Scopes)"),
        (400, "access_denied", "a super admin must consent to the scopes okta.groups.read okta.users.read for this app"),
        (403, "access_denied", "a super admin must consent to the scopes"),
        (400, "consent_required", "a super admin must consent to the scopes"),
        (400, "unauthorized_client", "it must be an API service app with the grant type Client Credentials"),
        (400, "unsupported_grant_type", "authenticate with Public key / Private key"),
        (401, "E0000011", "see in Okta whether it is active, and belongs to the org of okta.org_url"),
        (403, "", "see in Okta whether it is active"),
    ] {
        let error = error_of(refused(status, code)).await;
        assert_eq!(error.kind, SourceErrorKind::Unauthorized, "{code}: {error}");
        assert!(error.detail.starts_with(&format!("Okta answered {status}")) && error.detail.contains(code), "{code}: {error}");
        assert!(error.detail.contains("Okta's words") && error.detail.contains(advice), "{code}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_address_is_said_to_be_one() {
    let found = error_of(fails(404, "E0000008")).await;
    assert_eq!((found.kind, found.detail.ends_with("correct okta.org_url")), (SourceErrorKind::NotFound, true), "{found}");
    let moved = error_of(Ok(answer(302, "", &[("location", "https://other.okta.com/")]))).await;
    assert_eq!((moved.kind, moved.detail.ends_with("correct okta.org_url")), (SourceErrorKind::Rejected, true), "{moved}");
    assert_eq!(error_of(refused(400, "invalid_request")).await.kind, SourceErrorKind::Rejected);
    assert_eq!(error_of(Ok(answer(204, "", &[]))).await.kind, SourceErrorKind::Malformed);
    assert_eq!(error_of(fails(501, "E0000060")).await.kind, SourceErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_scope_that_was_asked_for_is_refused_with_its_name() {
    let error = error_of(ok(&json!({ "token_type": "Bearer", "access_token": ACCESS_TOKEN, "scope": "okta.users.read" }))).await;
    assert_eq!(error.kind, SourceErrorKind::Unauthorized);
    assert!(error.detail.contains("without the scope okta.groups.read: grant it to the app"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_admin_role_is_said_where_a_read_is_forbidden() {
    let org = Org::answering(|seen| if is_token_call(seen) { token("Bearer") } else { fails(403, "E0000006") });
    let error = client_of(&org).list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, reads(&org).len(), token_calls(&org).len()), (SourceErrorKind::Forbidden, 1, 1));
    assert!(error.detail.contains("an OAuth app needs the scope okta.groups.read and such a role of its own"), "{error}");
}
