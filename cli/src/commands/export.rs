//! `headwater export` and `headwater import`: the index as one file.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chunker::Salt;
use clap::Args;
use client::Client;
use serde::Serialize;
use sharing::{Export as Form, INDEX_EXPORT_LEN_MAX};

use crate::account as account_file;
use crate::arguments::Globals;
use crate::counted::counted;
use crate::failure::Outcome;
use crate::folders;
use crate::membership::{self, Network};
use crate::names::Names;

/// Write your whole index into a file that only your account opens
///
/// Names, addresses, sizes and publications are in it. It is a second way back to your files beside the network; the files
/// themselves, and the keys of erasable ones, are not in it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater export index.hwx
  headwater export --plain index.hwx")]
pub(crate) struct Export {
    /// Where to write it
    file: PathBuf,

    /// Without encryption: whoever has the file sees all names, and can read your publications
    #[arg(long)]
    plain: bool,
}

/// Merge an exported index into yours
///
/// Of two entries with one name the later one stays, as between two devices.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater import index.hwx")]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    files: usize,
    publications: usize,
    file: PathBuf,
}

impl Export {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let mut names = Names::open(globals).await?;
        match Network::load(globals.network.as_deref()).await {
            Ok(network) => {
                network.with_client(None, async |client: &Client| names.pull(client).await).await?;
            }
            Err(error) => output.note(format_args!("this is what this machine knows: {error:#}")),
        }
        let form = if self.plain {
            output.note(
                "the file is not encrypted: whoever has it sees all names, and can read your publications",
            );
            Form::Plain
        } else {
            Form::Sealed(Salt::from_bytes(membership::random()))
        };
        let bytes = form.write(names.local.index(), names.account.secret())?;
        folders::write_privately(&self.file, &bytes)
            .with_context(|| format!("cannot write {}", self.file.display()))?;
        output.answer(&Answer::new(&names, self.file))?;
        Ok(Outcome::Complete)
    }
}

impl Import {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let bytes = read(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        let mut names = Names::open(globals).await?;
        let index = Form::read(&bytes, names.account.secret())
            .with_context(|| format!("cannot import {}", self.file.display()))?;
        names.local.import(index).context("cannot write to your index")?;
        match Network::load(globals.network.as_deref()).await {
            Ok(network) => {
                let payer = account_file::payer(names.account.secret());
                let push = async |client: &Client| names.push(client, network.usual_coding(client)?).await;
                network.with_client(Some(payer), push).await?;
            }
            Err(error) => globals.output().note(format_args!("kept on this machine for now: {error:#}")),
        }
        globals.output().answer(&Answer::new(&names, self.file))?;
        Ok(Outcome::Complete)
    }
}

impl Answer {
    fn new(names: &Names, file: PathBuf) -> Self {
        let index = names.local.index();
        Self { files: index.files().count(), publications: index.publications().count(), file }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(INDEX_EXPORT_LEN_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > INDEX_EXPORT_LEN_MAX {
        bail!("longer than any index");
    }
    Ok(bytes)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} and {} in {}",
            counted(self.files as u64, "file"),
            counted(self.publications as u64, "publication"),
            self.file.display()
        )
    }
}
