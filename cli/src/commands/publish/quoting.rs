//! What publishing costs, and whether the gateways will show it for money: said before anything is stored.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use chunker::{Padding, RequiredTags};
use protocol::{PublicKey, UnixSeconds};
use publishing::Storing;
use reqwest::Url;

use super::Publish;
use crate::failure::Usage;
use crate::output::Output;
use crate::quote;
use crate::watch::Till;

impl Publish {
    /// Says what it costs to store files of `len` bytes, and asks whether it may. What is encoded has another length: it is
    /// quoted by the GiB.
    pub(super) async fn confirm(&self, storing: &Storing, len: u64, output: Output) -> anyhow::Result<()> {
        let now: UnixSeconds = SystemTime::now().into();
        let keep_s = storing.keep.as_secs();
        let quoted = quote::Storing {
            coding: storing.coding,
            padding: Padding::None,
            required: &RequiredTags::default(),
            len: Some(len).filter(|_| !self.ladder && !self.live),
            keep_s,
            until: now.plus(keep_s),
        };
        let is_data = self.live && self.what.first().is_none_or(|file| file == "-");
        quoted.confirm(&storing.client, self.yes, is_data, output).await
    }

    /// Bytes of these files, and of all that come with them.
    pub(super) fn len_of(&self, files: &[String]) -> anyhow::Result<u64> {
        let mut originals = Vec::new();
        for file in files.iter().map(Path::new) {
            if self.keeps_original(file)? {
                originals.push(file);
            }
        }
        let files = files.iter().map(AsRef::as_ref).chain(originals);
        let files = files.chain(self.cover.as_deref()).chain(self.attachments.iter().map(AsRef::as_ref));
        files
            .map(|path: &Path| {
                let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()));
                metadata.map(|metadata| metadata.len())
            })
            .sum()
    }
}

/// Refuses to publish for money where no gateway would show it; says which ones would not.
pub(super) async fn takes_part(gateways: &[Url], ledger: PublicKey, output: Output) -> anyhow::Result<()> {
    let mut others = Vec::new();
    for gateway in gateways {
        let found = Till::of(gateway)?.ledger().await;
        let reason = match found {
            Ok(Some(by)) if by.issuer == ledger => continue,
            Ok(Some(by)) => format!("it takes part in the ledger {}", by.issuer),
            Ok(None) => "it takes part in no ledger".to_owned(),
            Err(error) => error.to_string(),
        };
        others.push(format!("{gateway} would not show a title under the ledger {ledger}: {reason}"));
    }
    if others.len() == gateways.len() {
        return Err(Usage::because(others.join("; ")));
    }
    for other in &others {
        output.note(other);
    }
    Ok(())
}
