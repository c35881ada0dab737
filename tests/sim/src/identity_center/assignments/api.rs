//! sso-admin.
