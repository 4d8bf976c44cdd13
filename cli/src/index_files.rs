//! Small files in the account's index, by which its devices tell each other what they know.

use account::Change;
use anyhow::{Context as _, bail};
use chunker::Coding;
use client::Client;
use futures_util::TryStreamExt as _;
use proofs::Cid;
use protocol::UnixSeconds;
use serde::de::DeserializeOwned;
use sharing::{FileEntry, HeaderFields, IndexPath, MediaType};

use crate::names::{Names, now};

/// An object that was put for such a file.
pub(crate) struct SmallFile {
    pub(crate) object: Cid,
    /// In bytes.
    pub(crate) len: u64,
    pub(crate) media_type: &'static str,
    pub(crate) until: UnixSeconds,
}

/// Gives it this name in place of what had it, and pushes that; whether all that is here is on the network.
pub(crate) async fn place(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    path: IndexPath,
    small: SmallFile,
) -> anyhow::Result<bool> {
    let old = names.local.index().file(&path).cloned();
    let file = FileEntry {
        object: small.object,
        len: small.len,
        media_type: Some(MediaType::new(small.media_type).expect("a constant")),
        created: old.as_ref().map_or_else(now, |old| old.created),
        modified: now(),
        until: small.until,
        erasable: None,
        headers: HeaderFields::default(),
    };
    names.enter(vec![Change::File(path, file)])?;
    if let Some(old) = &old {
        names.replaced(old)?;
    }
    names.push(client, coding).await
}

/// The names of the files in a folder, which is a constant.
pub(crate) fn in_folder(names: &Names, folder: &str) -> Vec<IndexPath> {
    let folder = IndexPath::new(folder).expect("a constant");
    names.local.index().files_in(&folder).map(|(path, _)| path.clone()).collect()
}

/// What such a file says; fails where it is longer than `len_max` bytes, which no `what` is.
pub(crate) async fn read<T: DeserializeOwned>(
    client: &Client,
    names: &Names,
    path: &IndexPath,
    len_max: u64,
    what: &str,
) -> anyhow::Result<T> {
    let object = client.open(&names.link(client, path).await?).await?;
    let len = object.len();
    if len > len_max {
        bail!("{path} has {len} bytes, which no {what} has");
    }
    let bytes: Vec<_> = object.read(0..len).try_collect().await?;
    serde_json::from_slice(&bytes.concat()).with_context(|| format!("{path} is damaged"))
}
