//! `headwater viewer`: the page that opens sealed links, as one file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use data_encoding::HEXLOWER;
use ledger::LogEntry;
use sha2::{Digest, Sha256};

use super::attest::witnessed;
use crate::arguments::Globals;
use crate::attest::{KnownLog, WholeLog};
use crate::failure::{Outcome, Unread, Usage};
use crate::ledger_api::LedgerApi;

/// Where the page lies when it was built in the repository.
const BUILT: &str = "player-demo/dist";

/// Write the page that opens sealed links to standard output
///
/// It is one file that needs nothing else: open it from your disk, or serve it from anywhere. Whoever opens a link in it need not
/// trust the page that the link's own gateway would send. The same sources make the same bytes, so that its hash can be compared.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater viewer > viewer.html
  headwater viewer --hash                          its SHA-256, to compare with what others have
  headwater viewer --hash --ledger https://ledger.example --policy mine.policy     and whether the log has it
  headwater viewer --page /srv/headwater/page > viewer.html")]
pub(crate) struct Viewer {
    /// The folder of the page, as player-demo builds it
    #[arg(long, value_name = "DIR", default_value = BUILT)]
    page: PathBuf,

    /// Print the SHA-256 of the page instead
    #[arg(long)]
    hash: bool,

    /// Say whether the log of this ledger vouches for it; exit status 1 when it does not
    #[arg(long, value_name = "URL")]
    ledger: Option<String>,

    #[command(flatten)]
    known: KnownLog,
}

impl Viewer {
    pub(crate) async fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let page = read(&self.page)?;
        self.write(&page)?;
        let Some(url) = &self.ledger else { return Ok(Outcome::Complete) };
        let log = WholeLog::read(&LedgerApi::connect(url).await?, self.known.policy()?).await?;
        let hash = <[u8; 32]>::from(Sha256::digest(&page));
        let place = log.entries.iter().enumerate().find_map(|(index, entry)| match entry {
            LogEntry::Page(page) if *page.hash.as_bytes() == hash => Some((index, page.name.to_string())),
            _ => None,
        });
        let (origin, output) = (&log.accepted.checkpoint.origin, globals.output());
        let Some((index, name)) = place else {
            output.note(format_args!("the log {origin} does NOT have this viewer"));
            return Ok(Outcome::Incomplete);
        };
        output.note(format_args!("the log {origin} has this viewer: entry {index}, {name}"));
        output.note(witnessed(log.accepted.witnessed_by));
        Ok(Outcome::Complete)
    }

    fn write(&self, page: &[u8]) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        let written = if self.hash {
            writeln!(out, "{}", HEXLOWER.encode(&Sha256::digest(page)))
        } else {
            out.write_all(page)
        };
        written.and_then(|()| out.flush()).map_err(Unread::or)
    }
}

fn read(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let path = folder.join("viewer.html");
    if !path.is_file() {
        return Err(Usage::because(format!(
            "there is no viewer.html in {}: name the folder of the page with --page; in the sources, scripts/build-page.sh makes it in {BUILT}",
            folder.display()
        )));
    }
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
