//! `headwater mv`: other names for what the account has.

use std::fmt;

use account::Change;
use anyhow::bail;
use clap::Args;
use client::Client;
use serde::Serialize;
use sharing::{AccountIndex, EntryName, IndexPath};

use crate::account as account_file;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::holds;
use crate::membership::Network;
use crate::names::{Names, check_kind, now, parse_path};

/// Give a file or a folder of your index another name
///
/// Only the index changes: links stay what they are, and so does the name that their readers see. With a / at its end,
/// TO is a folder into which the file goes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater mv /film.mp4 /films/river.mp4
  headwater mv /film.mp4 /films/
  headwater mv /films /old/films")]
pub(crate) struct Mv {
    /// What it is called
    from: String,

    /// What it is to be called
    to: String,
}

#[derive(Serialize)]
struct Answer {
    moved: usize,
    /// Whether the network knows of it already.
    pushed: bool,
}

impl Mv {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let from = parse_path(&self.from)?;
        let to = match self.to.strip_suffix('/') {
            Some("") => parse_path(from.file_name())?,
            Some(folder) => parse_path(&format!("{folder}/{}", from.file_name()))?,
            None => parse_path(&self.to)?,
        };
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let rename = async |client: &Client| {
            names.pull(client).await?;
            holds::check(names.local.index(), [&from])?;
            let changes = changes(names.local.index(), &from, &to)?;
            let moved = changes.len() / 2;
            let coding = network.usual_coding(client)?;
            let pushed = names.write(client, coding, changes).await?;
            Ok(Answer { moved, pushed })
        };
        let answer = network.with_client(Some(payer), rename).await?;
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

/// New names first, so that an interruption leaves two names and not none.
fn changes(index: &AccountIndex, from: &IndexPath, to: &IndexPath) -> anyhow::Result<Vec<Change>> {
    let mut moves = Vec::new();
    if let Some(file) = index.file(from) {
        moves.push((from.clone(), to.clone(), file.clone()));
    }
    for (path, file) in index.files_in(from) {
        let inside = from.within(path).expect("it is in the folder");
        moves.push((path.clone(), to.join(inside)?, file.clone()));
    }
    let mut folders = Vec::new();
    for (folder, created) in index.folders() {
        if folder == from {
            folders.push((folder.clone(), to.clone(), created));
        } else if let Some(inside) = from.within(folder) {
            folders.push((folder.clone(), to.join(inside)?, created));
        }
    }
    if moves.is_empty() && folders.is_empty() {
        bail!("there is nothing called {from} in your index");
    }
    if from == to || from.within(to).is_some() {
        bail!("{from} cannot go into itself");
    }
    if let Some((_, taken, _)) = moves.iter().find(|(_, to, _)| index.file(to).is_some()) {
        bail!("there is a file {taken} already; remove it or move it away first");
    }
    moves.iter().try_for_each(|(_, to, _)| check_kind(index, to))?;
    let added = moves.iter().map(|(_, to, file)| Change::File(to.clone(), file.clone()));
    let made = folders.iter().map(|(_, to, created)| Change::Folder(to.clone(), *created));
    let gone = moves.iter().map(|(from, ..)| Change::Gone(EntryName::File(from.clone()), now()));
    let left = folders.iter().map(|(from, ..)| Change::Gone(EntryName::Folder(from.clone()), now()));
    Ok(added.chain(made).chain(gone).chain(left).collect())
}

impl fmt::Display for Answer {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
