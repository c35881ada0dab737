//! How the endpoint behaves.

use serde::{Deserialize, Serialize};

/// Settings of the SCIM endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScimSettings {
    /// The tenant, the first part of every path.
    pub tenant: String,
    /// The tokens that are accepted. AWS has two at most.
    pub tokens: Vec<String>,
    /// The issuer under which externalIds show in the Identity Store API. What AWS writes there is not known.
    pub issuer: String,
    /// Characters that names and display names must not have.
    pub refused_characters: String,
    /// No two users, and no two groups, have one externalId. AWS does not say so.
    pub external_ids_are_unique: bool,
    /// Filters with letters beyond ASCII are refused, as was seen with groups' names.
    pub filters_are_ascii: bool,
    /// A PatchGroup of which one change is refused changes nothing; otherwise, what comes before it. AWS does not say which.
    pub patches_are_atomic: bool,
    /// Adding who is a member already is a conflict. AWS does not say so.
    pub members_conflict: bool,
    /// Errors have the standard's form. AWS was seen to write `schema` instead of `schemas`, and members of its own.
    pub errors_are_standard: bool,
}

impl Default for ScimSettings {
    fn default() -> Self {
        Self {
            tenant: "sim-tenant".to_owned(),
            tokens: vec!["sim-scim-token".to_owned()],
            issuer: "https://scim.example/sim".to_owned(),
            refused_characters: "<>;:%".to_owned(),
            external_ids_are_unique: true,
            filters_are_ascii: false,
            patches_are_atomic: true,
            members_conflict: false,
            errors_are_standard: false,
        }
    }
}
