//! `headwater account phrase`: the secret as words for paper.

use std::fmt;

use account::to_phrase;
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Show your secret as 24 words, which bring back everything
///
/// Write them on paper, and keep it where you keep what must not be lost. Whoever reads them can read and release all
/// that you store. The keys of erasable objects are not in them, on purpose.
#[derive(Args, Debug)]
pub(crate) struct Phrase {}

#[derive(Serialize)]
struct Answer<'a> {
    words: Vec<&'a str>,
}

impl Phrase {
    pub(crate) fn run(globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let secret = account_file::open(globals.account.as_deref(), output)?;
        output.note("whoever reads these words can read and release all that you store; write them on paper, not into a file");
        let phrase: Zeroizing<String> = to_phrase(&secret);
        output.answer(&Answer { words: phrase.split(' ').collect() })?;
        Ok(Outcome::Complete)
    }
}

/// Six words a line.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words.chunks(6).try_for_each(|line| writeln!(f, "{}", line.join(" ")))
    }
}
