//! `headwater identity split`: the account's secret as shares for several people.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use sharing::{OwnIdentity, RecoveryShare, split_secret};
use zeroize::Zeroizing;

use super::join::ACCOUNT_REMARK;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::{account, private_file};

/// Words in a line of a share.
const LINE_WORDS: usize = 6;

/// Split the secret of your account among several people, of whom some bring it back together
///
/// Each share is a text of 33 words (SLIP-0039), which can be printed: it says how many are needed, and of which account it is. Fewer shares than
/// that say nothing of the secret. To replace somebody who leaves, split again and have the old shares destroyed: they go on to bring the secret
/// back among themselves.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater identity split --of 5 --need 3 -o shares")]
pub(crate) struct Split {
    /// How many shares there are to be, at most 16
    #[arg(long, value_name = "N")]
    of: usize,

    /// How many of them bring the secret back, at least 2
    #[arg(long, value_name = "M")]
    need: usize,

    /// The folder into which they go [default: this folder]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    need: usize,
    of: usize,
    signs: String,
    files: Vec<PathBuf>,
}

impl Split {
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let secret = account::open(globals.account.as_deref(), output)?;
        let signs = OwnIdentity::of(&secret).public().signs().to_string();
        let shares = split_secret(&secret, self.need, self.of, &mut rand::rng());
        let shares = shares.map_err(|error| Usage::because(error.to_string()))?;
        let folder = self.output.as_deref().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut files = Vec::with_capacity(shares.len());
        for share in &shares {
            let path = folder.join(format!("share-{}-of-{}.txt", share.number(), self.of));
            let text = text(share, self.of, &signs);
            let written = private_file::create(&path, text.as_bytes());
            written.with_context(|| format!("cannot write {}", path.display()))?;
            files.push(path);
        }
        output.note(format_args!(
            "give each of them to somebody else, and delete the files here: whoever has {} of them has your account",
            self.need
        ));
        output.answer(&Answer { need: self.need, of: self.of, signs, files })?;
        Ok(Outcome::Complete)
    }
}

/// A share as it is handed out.
fn text(share: &RecoveryShare, of: usize, signs: &str) -> Zeroizing<String> {
    let (number, need) = (share.number(), share.need());
    let head = format!(
        "# Share {number} of {of} of the secret of an account of Headwater. Any {need} of them bring it back:\n\
         # headwater identity join FILE…\n\
         # Keep it to yourself: whoever has {need} can read all that the account stores. 33 words of SLIP-0039.\n\
         {ACCOUNT_REMARK}{signs}\n"
    );
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str(&head);
    let words = share.expose_words();
    for (at, word) in words.split(' ').enumerate() {
        let is_last_of_line = at % LINE_WORDS == LINE_WORDS - 1;
        text.push_str(word);
        text.push(if is_last_of_line { '\n' } else { ' ' });
    }
    text.push('\n');
    text
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|file| writeln!(f, "{}", file.display()))
    }
}
