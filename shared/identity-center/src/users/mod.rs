//! Users: what is read of them beside who they are, and their writes over either transport.

mod details;
pub(crate) mod scim;
mod store;

/// The one extension that AWS knows.
const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// How much of a user is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserDetails {
    /// Who they are, and nothing else.
    #[default]
    None,
    /// Their attributes and status as well.
    Plain,
    /// That, and the enterprise extension, which AWS gives only where it is asked for.
    WithEnterprise,
}

impl UserDetails {
    /// The extensions to ask for.
    pub(crate) fn extensions(self) -> Option<Vec<String>> {
        (self == Self::WithEnterprise).then(|| vec![ENTERPRISE.to_owned()])
    }
}
