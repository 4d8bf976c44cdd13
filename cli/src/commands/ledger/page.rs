//! `headwater ledger page`: the log says which page is served.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use data_encoding::HEXLOWER;
use protocol::{Promise, Signed};
use reqwest::Method;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{At, Folder};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::ledger_api::LedgerApi;

/// Put the page into the log, so that whoever is served one sees whether it is the one that everybody is served
///
/// The file lists the files of the page with their hashes, as sha256sum writes them; scripts/build-page.sh leaves it beside the page.
/// Where viewer.html is one of them, its own hash goes into the log as well: `headwater viewer --ledger` looks for it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger page player-demo/dist.sha256 --name 'headwater 0.1' --dir /srv/ledger --ledger http://127.0.0.1:8700")]
pub(super) struct Page {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    folder: Folder,

    /// The list of its files
    #[arg(value_name = "FILE")]
    list: PathBuf,

    /// What people call it
    #[arg(long, value_name = "NAME", default_value = "page")]
    name: String,
}

/// The file that opens sealed links by itself.
const VIEWER: &str = "viewer.html";

#[derive(Serialize)]
struct Body<'p> {
    hash: &'p str,
    name: &'p str,
}

#[derive(Serialize)]
struct Answer {
    hash: String,
    name: String,
    /// The SHA-256 of the viewer of sealed links, where it is one of the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    viewer: Option<String>,
    /// When it is in the log at the latest, in Unix time in seconds.
    until: u64,
}

impl Page {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let list = fs::read(&self.list).with_context(|| format!("cannot read {}", self.list.display()))?;
        if !is_list(&list) {
            return Err(Usage::because(format!("{} is no list by sha256sum", self.list.display())));
        }
        let hash = HEXLOWER.encode(&Sha256::digest(&list));
        let ledger = self.at.connect().await?;
        let mut until = self.release(&ledger, &hash, &self.name).await?;
        let viewer = hash_of(&list, VIEWER);
        if let Some(viewer) = &viewer {
            until = self.release(&ledger, viewer, &format!("{VIEWER} of {}", self.name)).await?;
        }
        globals.output().answer(&Answer { hash, name: self.name, viewer, until })?;
        Ok(Outcome::Complete)
    }

    /// Has the ledger put it into its log; until when it has promised to.
    async fn release(&self, ledger: &LedgerApi, hash: &str, name: &str) -> anyhow::Result<u64> {
        let body = serde_json::to_vec(&Body { hash, name })?;
        let promise = ledger.operate(Method::POST, "v1/pages", &self.folder.dir, body).await?;
        let promise = Signed::<Promise>::decode(&promise, &ledger.signed_for()?)?;
        if promise.by() != ledger.issuer()? {
            bail!("somebody else than the ledger has promised it");
        }
        Ok(promise.body().until.get())
    }
}

/// The hash of the file at this path, as the list has it.
fn hash_of(list: &[u8], path: &str) -> Option<String> {
    let lines = std::str::from_utf8(list).ok()?.lines();
    lines
        .filter_map(|line| line.split_once("  "))
        .find_map(|(hash, file)| (file == path).then(|| hash.to_owned()))
}

/// Whether each line is a hash, two spaces and a path, and the paths ascend.
fn is_list(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\n") else { return false };
    let paths = lines.split(|byte| *byte == b'\n').map(|line| {
        let (hash, rest) = line.split_at_checked(64)?;
        let is_hash = hash.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        rest.strip_prefix(b"  ").filter(|path| is_hash && !path.is_empty())
    });
    let paths: Option<Vec<_>> = paths.collect();
    paths.is_some_and(|paths| paths.is_sorted_by(|one, other| one < other))
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.hash, self.name)?;
        match &self.viewer {
            Some(viewer) => writeln!(f, "{viewer} {VIEWER} of {}", self.name),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_sha256sum_writes_in_order() {
        let hash = "0f".repeat(32);
        let line = |path: &&str| format!("{hash}  {path}\n");
        let list = |paths: &[&str]| paths.iter().map(line).collect::<Vec<_>>().concat();
        assert!(is_list(list(&["assets/a.js", "index.html"]).as_bytes()));
        let with_viewer = list(&["assets/viewer.html", "viewer.html"]);
        assert_eq!(hash_of(with_viewer.as_bytes(), VIEWER), Some(hash.clone()));
        assert_eq!(hash_of(list(&["assets/viewer.html"]).as_bytes(), VIEWER), None);
        for bad in [
            String::new(),
            "\n".to_owned(),
            list(&["index.html", "assets/a.js"]),
            list(&["a", "a"]),
            list(&["a"]).replace("  ", " "),
            list(&["a"]).to_uppercase(),
            list(&["a"]).trim_end().to_owned(),
            format!("{hash}  \n"),
        ] {
            assert!(!is_list(bad.as_bytes()), "{bad:?}");
        }
    }
}
