//! One object of a share: fetched in order, every byte proved and opened before it is given on.

use std::path::Path;

use anyhow::{Context, bail};
use bytes::Bytes;
use chunker::{CellBytes, Manifest, Opener};
use futures_util::{StreamExt as _, TryStreamExt as _};
use reqwest::Url;
use sharing::{SealedReader, SharedFile, SharedFolder};
use tokio::io::AsyncWriteExt as _;

use crate::destination::{Folder, Sink};
use crate::failure::Unread;
use crate::shares;

/// How often an answer that breaks off is asked for again from where it broke.
const TRIES_MAX: usize = 3;

/// An object whose manifest and key were checked.
#[derive(Debug)]
pub(super) struct SharedObject {
    gateway: Url,
    handle: String,
    manifest: Manifest,
    opener: Opener,
    rebuilt: u64,
}

impl SharedObject {
    /// Opens an object at the gateway: the manifest must have the address in the share, the key must be its key, and the lengths
    /// must agree.
    pub(super) async fn open(gateway: &Url, session: &str, file: &SharedFile) -> anyhow::Result<Self> {
        let handle = shares::hand_out(gateway, session, &file.object).await?;
        let bytes = shares::manifest(gateway, &handle).await?;
        if proofs::Cid::of(&bytes) != file.object {
            bail!("the gateway sent another manifest than that of {}", file.object);
        }
        let manifest = Manifest::decode(&bytes)?;
        let (header, opener) = manifest.open(&file.key)?;
        if header.object_len() != file.len {
            bail!("the share says {} bytes, the object has {}", file.len, header.object_len());
        }
        Ok(Self { gateway: gateway.clone(), handle, manifest, opener, rebuilt: 0 })
    }

    /// Cells so far that the gateway had to rebuild.
    pub(super) const fn rebuilt(&self) -> u64 {
        self.rebuilt
    }

    /// Writes all of it.
    pub(super) async fn copy(&mut self, mut to: Sink, advance: impl Fn(u64)) -> anyhow::Result<()> {
        let write = async |bytes: Bytes| {
            advance(bytes.len() as u64);
            to.write_all(&bytes).await.map_err(Unread::or).context("cannot write what was read")
        };
        self.read(write).await?;
        to.flush().await.map_err(Unread::or).context("cannot write what was read")
    }

    /// Writes the files that are in it, each under its path in `folder`.
    pub(super) async fn unpack(&mut self, folder: &Folder, advance: impl Fn(u64)) -> anyhow::Result<()> {
        let mut unpacking = Unpacking::new(self.opener.object_len());
        let write = async |bytes: Bytes| {
            advance(bytes.len() as u64);
            unpacking.take(bytes, folder).await
        };
        self.read(write).await?;
        unpacking.finish(folder).await
    }

    /// Hands all plaintext to `write`, in order. What breaks off is asked for again; what is wrong is not.
    async fn read(&mut self, mut write: impl AsyncFnMut(Bytes) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (mut next, end, mut tries) = (0, self.manifest.geometry().cells(), 0);
        while next < end {
            let before = next;
            if let Err(broken) = self.read_on(&mut next, end, &mut write).await? {
                tries = if next > before { 1 } else { tries + 1 };
                if tries >= TRIES_MAX {
                    return Err(broken);
                }
            }
        }
        Ok(())
    }

    /// The outer error is final; the inner one says that the connection broke after `next` cells.
    async fn read_on(
        &mut self,
        next: &mut u64,
        end: u64,
        write: &mut impl AsyncFnMut(Bytes) -> anyhow::Result<()>,
    ) -> anyhow::Result<Result<(), anyhow::Error>> {
        let mut answer =
            Box::pin(shares::sealed_cells(&self.gateway, &self.handle, *next, end).await?.fuse());
        let mut reader = SealedReader::new(&self.manifest, *next..end);
        loop {
            let mut piece = match answer.try_next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => return Ok(Err(error.into())),
            };
            while let Some(batch) = reader.push(&mut piece)? {
                let mut plaintext = Vec::new();
                for cell in batch.cells {
                    self.rebuilt += u64::from(matches!(cell.bytes, CellBytes::Claimed(_)));
                    self.opener.open(cell.index, &cell.bytes, &mut plaintext)?;
                    *next = cell.index + 1;
                }
                write(plaintext.into()).await?;
            }
        }
        // An answer that ends in order ends where it has to.
        reader.finish()?;
        Ok(Ok(()))
    }
}

/// A folder on its way: first its list, then one file after another.
struct Unpacking {
    object_len: u64,
    head: Vec<u8>,
    listed: Option<Listed>,
}

struct Listed {
    files: std::vec::IntoIter<sharing::FolderFile>,
    current: Option<(tokio::fs::File, u64)>,
}

impl Unpacking {
    const fn new(object_len: u64) -> Self {
        Self { object_len, head: Vec::new(), listed: None }
    }

    async fn take(&mut self, mut bytes: Bytes, folder: &Folder) -> anyhow::Result<()> {
        if self.listed.is_none() {
            self.head.extend_from_slice(&bytes);
            let Some(rest) = self.list()? else { return Ok(()) };
            bytes = rest;
        }
        let listed = self.listed.as_mut().expect("it was just read");
        while !bytes.is_empty() {
            let Some((file, left)) = listed.next(folder).await? else {
                bail!("the folder goes on after its last file");
            };
            let len = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            file.write_all(&bytes.split_to(len)).await.context("cannot write what was read")?;
            *left -= len as u64;
        }
        Ok(())
    }

    /// Reads the list, once all of it is there; what follows it.
    fn list(&mut self) -> anyhow::Result<Option<Bytes>> {
        let Some(first) = self.head.first_chunk::<4>() else { return Ok(None) };
        let len = SharedFolder::list_len(*first)?;
        let Some(list) = self.head.get(4..4 + len) else { return Ok(None) };
        let folder = SharedFolder::decode(list, self.object_len)?;
        let files = folder.files().to_vec().into_iter();
        self.listed = Some(Listed { files, current: None });
        Ok(Some(Bytes::from(std::mem::take(&mut self.head)).split_off(4 + len)))
    }

    async fn finish(mut self, folder: &Folder) -> anyhow::Result<()> {
        let listed = self.listed.as_mut().context("the folder ends before its list does")?;
        if listed.next(folder).await?.is_some() {
            bail!("the folder ends before its last file");
        }
        Ok(())
    }
}

impl Listed {
    /// The file that takes the next bytes; empty ones are made in passing.
    async fn next(&mut self, folder: &Folder) -> anyhow::Result<Option<&mut (tokio::fs::File, u64)>> {
        while self.current.as_ref().is_none_or(|(_, left)| *left == 0) {
            if let Some((mut file, _)) = self.current.take() {
                file.flush().await.context("cannot write what was read")?;
            }
            let Some(file) = self.files.next() else { return Ok(None) };
            let open = folder.file(Path::new(file.name.as_str()))?;
            self.current = Some((tokio::fs::File::from_std(open), file.len));
        }
        Ok(self.current.as_mut())
    }
}
