//! What a command writes: data on standard output, messages on standard error, colour only where a person sees it. A reader that went
//! away (`lockstep … | head`) ends the process quietly.

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal, Write};

use runtime::config;
use runtime::telemetry::error_chain;

use crate::args::ColorChoice;
use crate::error::CliError;
use crate::exit::Exit;

/// What a colour means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Strong,
    /// Of less weight.
    Faint,
    /// Good, or gained.
    Good,
    /// To be looked at.
    Warning,
    /// Bad, or lost.
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
        }
    }
}

/// Whether text carries colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(bool);

impl Paint {
    /// Text without colour.
    pub const PLAIN: Self = Self(false);
    /// Text with colour.
    pub const COLORED: Self = Self(true);

    fn of(choice: ColorChoice, is_terminal: bool, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let is_forbidden = lookup("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = lookup("TERM").is_some_and(|term| term == "dumb");
        match choice {
            _ if is_forbidden => Self::PLAIN,
            ColorChoice::Never => Self::PLAIN,
            ColorChoice::Always => Self::COLORED,
            ColorChoice::Auto => Self(is_terminal && !is_dumb),
        }
    }

    /// The text in this tone, where there is colour.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if self.0 { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }
}

/// Where a command writes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Colour of the data.
    pub paint: Paint,
    /// Colour of messages.
    pub messages: Paint,
}

impl Output {
    /// Standard output and standard error.
    pub fn of_process(choice: ColorChoice) -> Self {
        let paint = |is_terminal| Paint::of(choice, is_terminal, config::from_env());
        Self { paint: paint(io::stdout().is_terminal()), messages: paint(io::stderr().is_terminal()) }
    }

    /// Data.
    ///
    /// # Errors
    /// [`CliError::Output`], but not for a reader that went away: then the process ends.
    pub fn data(&self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        match write!(stdout, "{text}{newline}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(Exit::Fine.code().into()),
            result => result.map_err(CliError::Output),
        }
    }

    /// A message to the person. One that nobody can read is left out.
    pub fn message(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// A warning.
    pub fn warning(&self, text: &str) {
        self.message(&format!("{} {text}", self.messages.tone(Tone::Warning, "warning:")));
    }

    /// What went wrong, with its causes.
    pub fn error(&self, error: &dyn Error) {
        self.message(&format!("{} {}", self.messages.tone(Tone::Bad, "error:"), error_chain(error)));
    }
}

/// What is said of arguments that are not understood; help and version that were asked for are data.
pub fn usage(message: &clap::Error) -> Exit {
    let is_asked_for = !message.use_stderr();
    let _ = message.print();
    if is_asked_for { Exit::Fine } else { Exit::Usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_and_no_color_forbids_it() {
        let nothing = |_: &str| None;
        let no_color = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        let dumb = |name: &str| (name == "TERM").then(|| "dumb".to_owned());
        assert_eq!(Paint::of(ColorChoice::Auto, true, nothing), Paint::COLORED);
        assert_eq!(Paint::of(ColorChoice::Auto, false, nothing), Paint::PLAIN);
        assert_eq!(Paint::of(ColorChoice::Auto, true, no_color), Paint::PLAIN);
        assert_eq!(Paint::of(ColorChoice::Auto, true, dumb), Paint::PLAIN);
        assert_eq!(Paint::of(ColorChoice::Always, false, nothing), Paint::COLORED);
        assert_eq!(Paint::of(ColorChoice::Always, true, no_color), Paint::PLAIN);
        assert_eq!(Paint::of(ColorChoice::Never, true, nothing), Paint::PLAIN);
        assert_eq!(Paint::PLAIN.tone(Tone::Bad, "x"), "x");
        assert_eq!(Paint::COLORED.tone(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
