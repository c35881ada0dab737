//! How a command ends.

use std::process::ExitCode;

use sync_core::report::Status;

/// The code of the process. Scripts rest on these: a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Fine: both sides agree, or what was asked for was done.
    Fine = 0,
    /// It could not be done. Nothing was written, unless the message says so.
    Error = 1,
    /// Both sides differ: a plan has something to do.
    Drift = 2,
    /// The guard withheld something; the rest was done.
    Held = 3,
    /// Something failed, is pending, or could not be read; the rest was done.
    Partial = 4,
    /// A person was asked and did not agree.
    Declined = 5,
    /// The arguments are not understood (`EX_USAGE`).
    Usage = 64,
}

/// The table of codes, as `--help` shows it.
pub const TABLE: &str = "Exit codes:
   0  fine: both sides agree, or what was asked for was done
   1  error: it could not be done, and nothing was written unless the message says so
   2  drift: the plan has something to do
   3  held: the guard withheld something; the rest was done
   4  partial: something failed, is pending, or could not be read; the rest was done
   5  declined: a person was asked and did not agree; nothing was written
  64  the arguments are not understood";

impl Exit {
    /// The code of a run that ended so.
    pub fn of(status: Status) -> Self {
        match status {
            Status::Converged | Status::Applied => Self::Fine,
            Status::Planned => Self::Drift,
            Status::Held => Self::Held,
            Status::Partial => Self::Partial,
            Status::Failed => Self::Error,
        }
    }

    /// The same, of a report that was read back.
    pub fn of_word(status: &str) -> Self {
        let all = [Status::Failed, Status::Held, Status::Partial, Status::Planned, Status::Applied, Status::Converged];
        all.into_iter().find(|known| known.as_str() == status).map_or(Self::Error, Self::of)
    }

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_code_and_the_table_says_each() {
        let code = |word| Exit::of_word(word).code();
        assert_eq!((code("converged"), code("applied"), code("failed")), (0, 0, 1));
        assert_eq!((code("planned"), code("held"), code("partial")), (2, 3, 4));
        assert_eq!(code("nonsense"), 1);
        for exit in [Exit::Fine, Exit::Error, Exit::Drift, Exit::Held, Exit::Partial, Exit::Declined, Exit::Usage] {
            assert!(TABLE.lines().any(|line| line.trim_start().starts_with(&format!("{}  ", exit.code()))), "{exit:?}");
        }
    }
}
