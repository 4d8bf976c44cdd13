//! Arguments that may be secrets. What stands in an argument can be read in every process list and
//! in the shell's history, so each of them may also be given as `-` or `@file`.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use anyhow::Context;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::failure::Usage;

/// Longest secret text that is read from a file or standard input, in bytes: an owner's file of 16 objects is the longest.
const SECRET_TEXT_LEN_MAX: u64 = 16_384;

/// A secret as the user gave it: itself, `-` (a line on standard input) or `@file`.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct SecretArg(Zeroizing<String>);

impl SecretArg {
    /// The secret's text without surrounding white space, wiped when it is dropped.
    pub(crate) fn read(&self) -> anyhow::Result<Zeroizing<String>> {
        let text = match self.0.as_str() {
            "-" => limited(io::stdin().lock()).context("cannot read the secret from standard input")?,
            argument => match argument.strip_prefix('@') {
                Some(path) => std::fs::File::open(path)
                    .and_then(limited)
                    .with_context(|| format!("cannot read the file {path}"))?,
                None => self.0.clone(),
            },
        };
        Ok(Zeroizing::new(text.trim().to_owned()))
    }

    /// The text in the argument itself; none when it is to be read from elsewhere.
    pub(crate) fn in_place(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|text| *text != "-" && !text.starts_with('@'))
    }

    /// The secret read and parsed as a `T`, which is what the user sees named when it is not one.
    pub(crate) fn parse<T>(&self, what: &str) -> anyhow::Result<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        // The text itself is not repeated: it may be a key.
        self.read()?.parse().map_err(|error| Usage::because(format!("this is not {what}: {error}")))
    }
}

fn limited(from: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    from.take(SECRET_TEXT_LEN_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_TEXT_LEN_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("longer than {SECRET_TEXT_LEN_MAX} bytes, so it is no secret of ours"),
        ));
    }
    Ok(text)
}

impl From<String> for SecretArg {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl FromStr for SecretArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.to_owned().into())
    }
}

impl fmt::Debug for SecretArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretArg(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_in_place_or_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "  word\n").unwrap();
        let named: SecretArg = format!("@{}", file.path().display()).parse().unwrap();
        assert_eq!(*named.read().unwrap(), "word");
        let in_place: SecretArg = "word".parse().unwrap();
        assert_eq!(*in_place.read().unwrap(), "word");
    }

    #[test]
    fn a_file_that_cannot_be_a_secret_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'a'; 20_000]).unwrap();
        let named: SecretArg = format!("@{}", file.path().display()).parse().unwrap();
        assert!(format!("{:#}", named.read().unwrap_err()).contains("longer than 16384 bytes"));
    }

    #[test]
    fn neither_debug_nor_an_error_repeats_the_text() {
        let secret: SecretArg = "hunter2".parse().unwrap();
        assert!(!format!("{secret:?}").contains("hunter2"));
        let error = secret.parse::<u64>("a number").unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"));
    }
}
