//! `headwater identity join`: an account back from enough of its shares.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use sharing::{JoinSharesError, OwnIdentity, RecoveryShare, RecoveryShareError, join_secret};
use zeroize::Zeroizing;

use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};

/// What the line of a share begins with that says of which account it is.
pub(super) const ACCOUNT_REMARK: &str = "# account ";
/// Longest share that is read, in bytes.
const SHARE_LEN_MAX: u64 = 4096;

/// Bring an account back from enough of its shares
///
/// Each file holds one share, as `headwater identity split` or another program for SLIP-0039 wrote it. Shares of different splittings or accounts
/// do not go together, and one that was changed is noticed. An account file that is there already is not replaced by another account.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater identity join share-1-of-5.txt share-4-of-5.txt share-5-of-5.txt
  headwater ls                                     your files are on the network as before")]
pub(crate) struct Join {
    /// Files with one share each
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    signs: String,
    file: PathBuf,
}

/// What a file holds: a share, and of which account it says that it is.
struct ShareFile {
    share: RecoveryShare,
    account: Option<String>,
}

impl Join {
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let read: Vec<_> = self.files.iter().map(|path| ShareFile::read(path)).collect::<Result<_, _>>()?;
        let shares: Vec<_> = read.iter().map(|read| read.share.clone()).collect();
        let secret = join_secret(&shares).map_err(|error| self.explain(error))?;
        let signs = OwnIdentity::of(&secret).public().signs().to_string();
        if let Some(other) = read.iter().find_map(|read| read.account.as_ref().filter(|said| **said != signs))
        {
            bail!("the shares bring back the account {signs}, and one of them says that it is of {other}");
        }
        let file = account::restore(globals.account.as_deref(), &secret)?;
        globals.output().answer(&Answer { signs, file })?;
        Ok(Outcome::Complete)
    }

    /// The same, with files in the place of numbers.
    fn explain(&self, error: JoinSharesError) -> anyhow::Error {
        let name = |number: usize| self.files[number - 1].display();
        match error {
            JoinSharesError::Mixed { number } => Usage::because(format!(
                "{} is not of the same splitting as {}: shares go together with those that were made with them",
                name(number),
                name(1)
            )),
            JoinSharesError::Twice { first, second, need } => Usage::because(format!(
                "{} and {} are the same share; {need} different ones are needed",
                name(first),
                name(second)
            )),
            error => Usage::because(error.to_string()),
        }
    }
}

impl ShareFile {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = text_of(path).with_context(|| format!("cannot read {}", path.display()))?;
        let share = text.parse();
        let share = share
            .map_err(|error: RecoveryShareError| Usage::because(format!("{}: {error}", path.display())))?;
        let account = text.lines().find_map(|line| line.strip_prefix(ACCOUNT_REMARK));
        Ok(Self { share, account: account.map(|signs| signs.trim().to_owned()) })
    }
}

fn text_of(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(SHARE_LEN_MAX).read_to_string(&mut text)?;
    Ok(text)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "signs      {}", self.signs)?;
        writeln!(f, "secret in  {}", self.file.display())
    }
}
