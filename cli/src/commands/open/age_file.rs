//! Files of age that are encrypted to this account.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use account::{AgeIdentity, open_age};
use anyhow::Context;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::{Open, make_room, safe_name};
use crate::account as account_file;
use crate::arguments::Globals;
use crate::destination::{Destination, Sink, unless_ended};
use crate::failure::{Outcome, Unread, Usage};

/// Bytes that are opened at once: one of age's chunks.
const PIECE_LEN: usize = 64 * 1024;
/// Pieces that wait for being written.
const PIECES_MAX: usize = 8;

#[derive(Serialize)]
struct Answer {
    name: String,
    size: u64,
    file: Option<PathBuf>,
}

/// Whether it is called as files of age are.
pub(super) fn is_one(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "age")
}

impl Open {
    /// Writes what is in a file of age under its name without .age; a file that is cut off leaves nothing there.
    pub(super) async fn age_file(&self, path: &Path, globals: &Globals) -> anyhow::Result<Outcome> {
        if self.passcode.is_some() || self.who.is_some() {
            return Err(Usage::because("--passcode and --as are for links"));
        }
        let output = globals.output();
        let identity = AgeIdentity::of(&account_file::open(globals.account.as_deref(), output)?);
        let stem = path.file_stem().expect("what has an extension has a stem");
        let name = safe_name(&stem.to_string_lossy());
        let destination = match &self.output {
            Some(folder) if folder == Path::new("-") => Destination::Stdout,
            folder => {
                let file = folder.clone().unwrap_or_default().join(&name);
                make_room(&file)?;
                Destination::File(file)
            }
        };
        let file = destination.path().map(Path::to_owned);
        let mut size = 0;
        let (to, mut pieces) = mpsc::channel(PIECES_MAX);
        let from = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || read(&from, &identity, &to));
        let write = async |mut to: Sink| {
            while let Some(piece) = pieces.recv().await {
                to.write_all(&piece).await.map_err(Unread::or).context("cannot write what was read")?;
                size += piece.len() as u64;
            }
            reading.await.context("reading was ended")??;
            to.flush().await.map_err(Unread::or).context("cannot write what was read")
        };
        let written = unless_ended(destination.fill(write)).await;
        written.with_context(|| format!("cannot open {}", path.display()))?;
        let answer = Answer { name, size, file };
        if answer.file.is_some() {
            output.answer(&answer)?;
        } else {
            output.answer_beside_data(&answer)?;
        }
        Ok(Outcome::Complete)
    }
}

fn read(path: &Path, identity: &AgeIdentity, to: &mpsc::Sender<Vec<u8>>) -> anyhow::Result<()> {
    let mut opened = open_age(File::open(path)?, identity)?;
    loop {
        let mut piece = vec![0; PIECE_LEN];
        let len = opened.read(&mut piece).context("it is damaged, or cut off")?;
        piece.truncate(len);
        // Whoever was to write it may have failed, and says so.
        if len == 0 || to.blocking_send(piece).is_err() {
            return Ok(());
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(path) => writeln!(f, "{}  {} bytes", path.display(), self.size),
            None => writeln!(f, "{}  {} bytes", self.name, self.size),
        }
    }
}
