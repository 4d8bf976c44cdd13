//! Long trailers: the file of a large shard is written anew with the entries that count, and takes its own place.
//!
//! When the power goes between the new name and the index, the index has the end of the old file. That shows when
//! the next entry is appended: the new file is shorter ([`Group::end_of_file`]).

use std::collections::BTreeSet;

use proofs::Root;

use super::group::{Group, Outcome};
use super::job::{Done, Job};
use super::receiving::TmpFile;
use super::{Store, StoreError};
use crate::disk::DiskFile;
use crate::entry;
use crate::index::Lookup as _;
use crate::layout::FileName;
use crate::rows::{Place, ShardRow};

/// How much of a file is copied at once.
const COPY_LEN: usize = 256 * 1024;

impl Store {
    /// Writes those files anew whose trailers have grown long by these jobs.
    pub(super) fn shorten_trailers(&self, jobs: &[Job]) {
        let roots: BTreeSet<Root> = jobs.iter().filter_map(Job::root).collect();
        let Ok(view) = self.index.view() else { return };
        let row = |root: &Root| view.shard(root).ok().flatten();
        let is_long = |row: ShardRow| row.trailer_len() > self.rules.trailer_len_max;
        let long: Vec<_> = roots.into_iter().filter(|root| row(root).is_some_and(is_long)).collect();
        drop(view);
        for root in long {
            // What fails leaves the file as it was, and is tried again at the next change.
            drop(self.commit_group(&mut [Job::Rewrite { root }]));
        }
    }

    /// A copy of the first `len` bytes of a shard's file.
    fn copy_of_file(&self, root: &Root, len: u64) -> Result<TmpFile, StoreError> {
        let name = FileName::Shard(*root);
        let failed = |source| StoreError::disk("copy", name, source);
        let file = self.disk.open(name).map_err(failed)?;
        let copy = TmpFile::create(&self.disk, self.tmp_name())?;
        let mut piece = vec![0; COPY_LEN];
        let mut at = 0;
        while at < len {
            let rest = usize::try_from(len - at).unwrap_or(COPY_LEN);
            let piece = &mut piece[..rest.min(COPY_LEN)];
            file.read_at(at, piece).map_err(failed)?;
            copy.write_at(at, piece)?;
            at += piece.len() as u64;
        }
        Ok(copy)
    }
}

impl Group<'_> {
    pub(super) fn rewrite(&mut self, root: &Root) -> Result<Outcome, StoreError> {
        let Some(row) = self.change.shard(root)?.filter(ShardRow::is_sound) else {
            return Ok(Ok(Done::Kept));
        };
        let leases = self.change.leases_of(root)?;
        let trailer: Vec<u8> = leases.iter().flat_map(|row| entry::encode_lease(&row.lease)).collect();
        if 2 * trailer.len() as u64 > row.trailer_len() {
            return Ok(Ok(Done::Kept)); // so many leases are in force: it would soon be as long again
        }
        let shard_len = entry::shard_entry_len(row.len);
        let copy = self.store.copy_of_file(root, shard_len)?;
        copy.write_at(shard_len, &trailer)?;
        copy.sync()?;
        self.rewritten.insert(*root, copy);
        let place = Place::File { end: shard_len + trailer.len() as u64 };
        self.change.set_shard(root, ShardRow { place, ..row })?;
        Ok(Ok(Done::Kept))
    }

    /// Gives the copies the names of the files that they replace.
    pub(super) fn place_rewritten(&mut self) -> Result<(), StoreError> {
        for (root, copy) in &mut self.rewritten {
            let name = FileName::Shard(*root);
            copy.place(name)?;
            self.store.files.forget(name);
        }
        Ok(())
    }

    /// Where the entries of a file end, of which the index says that they end at `known`.
    pub(super) fn end_of_file(
        &self,
        root: &Root,
        file: &dyn DiskFile,
        known: u64,
    ) -> Result<u64, StoreError> {
        let len = file.len().map_err(|source| StoreError::disk("measure", FileName::Shard(*root), source))?;
        if len >= known {
            return Ok(known);
        }
        // A file that was cut short otherwise is corrupt, and it does not matter where its entries stand.
        Ok(self.store.read_trailer(*root)?.map_or(known, |contents| contents.end()))
    }
}
