//! What was read, and what could not be read whole.

/// A fact about the outside: known, or unknown with the reason. No action rests on an unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// Read whole.
    Known(T),
    /// Not read, or not whole; the reason is for people.
    Unknown(String),
}

impl<T> Reading<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The reason, if it is not known.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(reason) => Some(reason),
        }
    }
}
