//! `headwater ledger migrate`: the journal moves from a file into a database, or back.

use std::fmt;

use clap::Args;
use ledger::Head;
use ledger_service::{PostgresStore, copy_journal};
use serde::Serialize;

use super::{Folder, open_journal};
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::ledger_folder::LedgerFolder;

/// Copy the journal into a database, or from one into the folder, and check the copy
///
/// No service may run meanwhile. What was copied is read again: it ends at the same head, a hash over every byte of it. The
/// journal stays where it was; a copy that was broken off goes on where it ended. From then on `serve` takes the copy alone: after
/// `--to` it has to be told the `--database`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger migrate --dir /srv/ledger --to postgres://ledger@127.0.0.1/ledger
  headwater ledger migrate --dir /srv/ledger --from postgres://ledger@127.0.0.1/ledger")]
#[group(id = "database", required = true, multiple = false, args = ["to", "from"])]
pub(super) struct Migrate {
    #[command(flatten)]
    folder: Folder,

    /// From the file in the folder into this database
    #[arg(long, value_name = "postgres://…")]
    to: Option<String>,

    /// From this database into a file in the folder
    #[arg(long, value_name = "postgres://…")]
    from: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    entries: u64,
    hash: String,
}

impl Migrate {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let folder = LedgerFolder::open(&self.folder.dir)?;
        let terms = &folder.terms;
        let mut file = open_journal(&folder.journal(), terms)?;
        let url = self.to.as_deref().or(self.from.as_deref()).unwrap_or_default();
        let mut database = PostgresStore::open(url, terms).await?;
        let Head { count, hash } = if self.to.is_some() {
            let head = copy_journal(&mut file, &mut database, terms).await?;
            folder.mark_moved(url)?;
            head
        } else {
            let head = copy_journal(&mut database, &mut file, terms).await?;
            folder.mark_back()?;
            head
        };
        globals.output().answer(&Answer { entries: count, hash: hash.to_string() })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "copied and read again: {} entries, head {}", self.entries, self.hash)
    }
}
