//! Passcodes as people give them: at the terminal, from a file, or on standard input; never as an argument.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::str::FromStr;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use sharing::Passcode;
use zeroize::Zeroizing;

use crate::failure::Usage;
use crate::secrets::SecretArg;

const TERMINAL: &str = "/dev/tty";

/// Where a passcode comes from.
#[derive(Clone, Debug)]
pub(crate) enum PasscodeSource {
    /// It is asked for at the terminal.
    Terminal,
    /// It is the line in a file, or on standard input.
    Read(SecretArg),
}

impl FromStr for PasscodeSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Ok(Self::Terminal),
            text if text == "-" || text.starts_with('@') => Ok(Self::Read(text.to_owned().into())),
            // The text is not repeated: it may be a passcode.
            _ => Err("write --passcode and be asked for it, --passcode=@FILE, or --passcode=- for standard \
                      input: an argument can be read by others on this machine"),
        }
    }
}

impl PasscodeSource {
    /// A new passcode; at the terminal it is asked for twice.
    pub(crate) fn choose(&self) -> anyhow::Result<Passcode> {
        let Self::Read(argument) = self else {
            let passcode = ask("Passcode for the share: ")?;
            if *passcode != *ask("Once more: ")? {
                return Err(Usage::because("the two passcodes differ"));
            }
            return checked(&passcode);
        };
        checked(&argument.read()?)
    }

    /// The passcode of a share that somebody else made.
    pub(crate) fn read(&self) -> anyhow::Result<Passcode> {
        match self {
            Self::Terminal => checked(&ask("Passcode of the share: ")?),
            Self::Read(argument) => checked(&argument.read()?),
        }
    }
}

fn checked(text: &str) -> anyhow::Result<Passcode> {
    Passcode::new(text).map_err(|error| Usage::because(error.to_string()))
}

/// A line from the terminal, which does not show what is typed.
fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL);
    // Why there is none does not matter.
    let no_terminal = |_| {
        Usage::because("there is no terminal to ask for the passcode: say --passcode=@FILE or --passcode=-")
    };
    let mut terminal = terminal.map_err(no_terminal)?;
    let _hidden = Hidden::begin(&terminal)?;
    terminal.write_all(prompt.as_bytes())?;
    let mut line = Zeroizing::new(String::new());
    BufReader::new(&terminal).read_line(&mut line)?;
    terminal.write_all(b"\n")?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn begin(terminal: &File) -> anyhow::Result<Self> {
        let before = tcgetattr(terminal.as_fd())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal.as_fd(), OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal: terminal.try_clone()?, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing either.
        tcsetattr(self.terminal.as_fd(), OptionalActions::Flush, &self.before).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passcode_is_no_argument() {
        assert!(matches!("".parse(), Ok(PasscodeSource::Terminal)));
        assert!(matches!("@file".parse(), Ok(PasscodeSource::Read(_))));
        let error = "hunter2".parse::<PasscodeSource>().unwrap_err();
        assert!(!error.contains("hunter2"));
    }
}
