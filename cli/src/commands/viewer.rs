//! `headwater viewer`: the page that opens sealed links, as one file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::failure::{Outcome, Unread, Usage};

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
  headwater viewer --page /srv/headwater/page > viewer.html")]
pub(crate) struct Viewer {
    /// The folder of the page, as player-demo builds it
    #[arg(long, value_name = "DIR", default_value = BUILT)]
    page: PathBuf,

    /// Print the SHA-256 of the page instead
    #[arg(long)]
    hash: bool,
}

impl Viewer {
    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        let page = read(&self.page)?;
        let mut out = io::stdout().lock();
        let written = if self.hash {
            writeln!(out, "{}", HEXLOWER.encode(&Sha256::digest(&page)))
        } else {
            out.write_all(&page)
        };
        written.and_then(|()| out.flush()).map_err(Unread::or)?;
        Ok(Outcome::Complete)
    }
}

fn read(folder: &Path) -> anyhow::Result<Vec<u8>> {
    let path = folder.join("viewer.html");
    if !path.is_file() {
        return Err(Usage::because(format!(
            "there is no viewer.html in {}; scripts/build-page.sh makes the page in {BUILT}",
            folder.display()
        )));
    }
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
