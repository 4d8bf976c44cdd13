//! How a command ends: the exit codes 0, 1 and 2, and the one line that goes with 1 and 2; 3 and 4 say who was found to cheat.

use std::fmt;
use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::printable::escaped;

/// What a command that ran to its end has to say about its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole job is done: exit 0.
    Complete,
    /// Something useful happened, but not all of it, and the command has said what: exit 1.
    Incomplete,
    /// The job is done, and somebody was found who cheats: exit 3 or 4.
    Cheated(Cheat),
}

/// Who was found to cheat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cheat {
    /// A gateway has kept to itself what viewers have signed: exit 3.
    Gateway,
    /// A ledger has not counted what it has promised to count: exit 4.
    Ledger,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::SUCCESS,
            Outcome::Incomplete => Self::from(EXIT_FAILED),
            Outcome::Cheated(Cheat::Gateway) => Self::from(EXIT_GATEWAY_CHEATS),
            Outcome::Cheated(Cheat::Ledger) => Self::from(EXIT_LEDGER_CHEATS),
        }
    }
}

const EXIT_FAILED: u8 = 1;
/// What shells report of a process that a broken pipe has ended.
const EXIT_UNREAD: u8 = 128 + 13;
const EXIT_USAGE: u8 = 2;
const EXIT_GATEWAY_CHEATS: u8 = 3;
const EXIT_LEDGER_CHEATS: u8 = 4;

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

/// Whoever was to read what is printed has seen enough, as `head` has: nothing is said about it.
#[derive(Debug)]
pub(crate) struct Unread;

impl Unread {
    /// What an error means that came of writing an answer, or data, to where the user wants it.
    pub(crate) fn or(error: io::Error) -> anyhow::Error {
        if error.kind() == io::ErrorKind::BrokenPipe { anyhow::Error::new(Self) } else { error.into() }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads what is printed")
    }
}

impl std::error::Error for Unread {}

/// Prints `error` as one line and returns its exit code: 2 where a [`Usage`] is at its root, else 1. Ends without a word
/// where nobody reads any more.
pub(crate) fn report(command: &str, error: &anyhow::Error, as_json: bool) -> ExitCode {
    if error.chain().any(<dyn std::error::Error>::is::<Unread>) {
        return ExitCode::from(EXIT_UNREAD);
    }
    let usage = error.chain().any(<dyn std::error::Error>::is::<Usage>);
    let code = if usage { EXIT_USAGE } else { EXIT_FAILED };
    if as_json {
        eprintln!("{}", json(&one_line(error), code));
    } else {
        // Part of it may be the words of a server.
        eprintln!("headwater {command}: {}", escaped(&one_line(error)));
    }
    ExitCode::from(code)
}

/// Prints what is wrong with the command line, or the help that it asks for.
pub(crate) fn report_arguments(error: &clap::Error) -> ExitCode {
    let as_json = std::env::args_os().any(|argument| argument == "--json");
    if as_json && error.use_stderr() {
        eprintln!("{}", json(&what_is_wrong(error), EXIT_USAGE));
        return ExitCode::from(EXIT_USAGE);
    }
    // Fails only where nobody reads what is printed.
    drop(error.print());
    if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
}

/// What clap says of a command line before it shows how one is written, on one line.
fn what_is_wrong(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "there is nothing to do: name a command and what it takes, or ask for --help".to_owned();
    }
    let text = error.render().to_string();
    let is_end = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more information");
    let words: Vec<_> =
        text.lines().take_while(|line| !is_end(line)).flat_map(str::split_whitespace).collect();
    let line = words.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// What `--json` makes of an error: the same line, and the exit code.
fn json(what: &str, code: u8) -> serde_json::Value {
    serde_json::json!({ "error": what, "code": code })
}

/// The error and its causes from the outside in. Some errors repeat their cause, which once is enough.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn causes_follow_on_one_line_and_only_once() {
        let error = anyhow!("the disk\n is full").context("cannot write: the disk is full").context("sorry");
        assert_eq!(one_line(&error), "sorry: cannot write: the disk is full");
        assert_eq!(one_line(&anyhow!("inner").context("outer")), "outer: inner");
    }
}
