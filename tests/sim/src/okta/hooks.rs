//! Event hooks: where they go, and how they are delivered.

use jiff::Timestamp;

/// A registered event hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its id (`who…`).
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where deliveries go.
    pub uri: String,
    /// The header that carries the secret.
    pub header: String,
    /// The secret.
    pub secret: String,
    /// The event types that are delivered.
    pub items: Vec<String>,
    /// Whether it is active.
    pub active: bool,
    /// Whether the endpoint has answered the challenge.
    pub verified: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub last_updated: Timestamp,
}
