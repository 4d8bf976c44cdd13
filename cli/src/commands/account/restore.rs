//! `headwater account restore`: everything back from 24 words, on a machine that has nothing.

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use account::{Account, Freshness, LocalIndex, PHRASE_WORDS, fetch_publishing, from_phrase};
use anyhow::Context;
use clap::Args;
use client::Client;
use publishing::{Creator, IndexFile};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::counted::counted;
use crate::failure::{Outcome, Usage};
use crate::freshness::FreshnessAnswer;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::output::Output;

/// Longest phrase that is read, in bytes.
const PHRASE_LEN_MAX: u64 = 4096;
/// How long to wait for nodes that answer slowly: here it matters more than elsewhere that all have been heard.
const PATIENCE: Duration = Duration::from_secs(4);

/// Bring your account back from its 24 words: keys, and the list of all that you have put and published
///
/// The words are read from standard input, never from the command line. What is found says how new it is: repeat the
/// command when more nodes can be reached. An account file that is there already is not replaced by another account.
///
/// Keys come back from the words alone. For the list, some node of your network is asked: name the network with
/// --network, by its file or a ticket. Exit status 1 when nobody could be asked, or something may be missing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater account restore
  headwater account restore --json < words | jq .freshness")]
pub(crate) struct Restore {}

#[derive(Serialize)]
struct Answer {
    payer: String,
    creator: String,
    file: PathBuf,
    /// None when nobody was asked and this machine knows of nothing.
    files: Option<usize>,
    publications: Option<usize>,
    /// None when there was no network to ask.
    freshness: Option<FreshnessAnswer>,
}

impl Restore {
    pub(crate) async fn run(globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let text = tokio::task::spawn_blocking(read_phrase).await?.context("cannot read the words")?;
        let secret = from_phrase(&text).map_err(|error| Usage::because(error.to_string()))?;
        drop(text);
        let file = account_file::restore(globals.account.as_deref(), &secret)?;
        let mut names = Names::open(globals).await?;
        let freshness = match Network::load(globals.network.as_deref()).await {
            Ok(network) => Some(from_network(&network, &mut names, globals, output).await?),
            Err(error) => {
                output.note(format_args!(
                    "your keys are back; for the list of your files name your network: {error:#}"
                ));
                None
            }
        };
        let complete = freshness.as_ref().is_some_and(Freshness::is_complete);
        let index = names.local.index();
        let (files, publications) = (index.files().count(), index.publications().count());
        let has_looked = freshness.as_ref().is_some_and(Freshness::has_quorum) || files + publications > 0;
        output.answer(&Answer {
            payer: account_file::payer(&secret).public().to_string(),
            creator: Creator::new(secret).public().to_string(),
            file,
            files: has_looked.then_some(files),
            publications: has_looked.then_some(publications),
            freshness: freshness.map(|freshness| FreshnessAnswer::new(&freshness, now())),
        })?;
        Ok(if complete { Outcome::Complete } else { Outcome::Incomplete })
    }
}

/// The index, and what the account's devices know of their publications.
async fn from_network(
    network: &Network,
    names: &mut Names,
    globals: &Globals,
    output: Output,
) -> anyhow::Result<Freshness> {
    let path = account_file::publishing_index(globals.account.as_deref())?;
    let work = async |client: &Client| {
        let freshness = account::pull(client, &names.account, &mut names.local, PATIENCE).await?;
        if names.local.index().publishing().next().is_some() {
            let mut publications = IndexFile::open(&path)?;
            restore_publishing(client, &names.account, &names.local, &mut publications, output).await?;
        }
        Ok(freshness)
    };
    network.with_client(None, work).await
}

async fn restore_publishing(
    client: &Client,
    account: &Account,
    local: &LocalIndex,
    publications: &mut IndexFile,
    output: Output,
) -> anyhow::Result<()> {
    for (device, stored) in local.index().publishing() {
        match fetch_publishing(client, account, stored).await {
            Ok(index) => publications.merge(index)?,
            Err(error) => output.note(format_args!(
                "what device {device} remembered of its publications cannot be read: {error}; they play all the same, but \
                 publishing the same file again stores it again"
            )),
        }
    }
    Ok(())
}

/// Words from standard input, until there are enough.
fn read_phrase() -> io::Result<Zeroizing<String>> {
    let input = io::stdin().lock();
    if input.is_terminal() {
        eprintln!("Type the {PHRASE_WORDS} words, on one line or on several:");
    }
    let mut text = Zeroizing::new(String::new());
    let mut input = input.take(PHRASE_LEN_MAX);
    while text.split_whitespace().count() < PHRASE_WORDS && input.read_line(&mut text)? > 0 {}
    Ok(text)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "payer key    {}", self.payer)?;
        writeln!(f, "creator key  {}", self.creator)?;
        writeln!(f, "secret in    {}", self.file.display())?;
        if let (Some(files), Some(publications)) = (self.files, self.publications) {
            writeln!(
                f,
                "{} and {}",
                counted(files as u64, "file"),
                counted(publications as u64, "publication")
            )?;
        } else {
            writeln!(f, "your files and publications are not known here: too few nodes could be asked")?;
        }
        self.freshness.as_ref().map_or(Ok(()), |freshness| freshness.fmt(f))
    }
}
