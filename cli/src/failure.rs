//! How a command ends: the exit codes 0, 1 and 2, and the one line that goes with 1 and 2.

use std::fmt;
use std::process::ExitCode;

/// What a command that ran to its end has to say about its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole job is done: exit 0.
    Complete,
    /// Something useful happened, but not all of it, and the command has said what: exit 1.
    Incomplete,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::SUCCESS,
            Outcome::Incomplete => Self::from(EXIT_FAILED),
        }
    }
}

const EXIT_FAILED: u8 = 1;
const EXIT_USAGE: u8 = 2;

/// An argument, a setting or a configuration file that cannot be meant as it stands: exit 2.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl Usage {
    pub(crate) fn because(what: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self(what.into()))
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints `error` as one line and returns its exit code: 2 where a [`Usage`] is at its root, else 1.
pub(crate) fn report(command: &str, error: &anyhow::Error) -> ExitCode {
    // Contexts from the outside in, as one line even where a cause brought line breaks along.
    let line = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    eprintln!("headwater {command}: {line}");
    let usage = error.chain().any(<dyn std::error::Error>::is::<Usage>);
    ExitCode::from(if usage { EXIT_USAGE } else { EXIT_FAILED })
}
