//! Group commit: some jobs, one sync of each file and folder they touch, one transaction of the index.

use std::collections::{BTreeMap, BTreeSet};

use proofs::Root;
use protocol::limits::LEASE_OVERHEAD_LEN;
use protocol::{Code, Pointer, PublicKey, Refusal, Signed};

use super::durable::Trailer;
use super::job::{Done, Job, Put, SetPointer, Verdict};
use super::pack_writer::PackWriter;
use super::receiving::{Staged, TmpFile};
use super::{Store, StoreError};
use crate::entry;
use crate::index::{Change, Counter, Lookup as _};
use crate::layout::FileName;
use crate::rows::{Place, PointerRow, ShardRow, State};

/// Jobs of one group end when this many bytes are gathered for packs.
pub(crate) const GROUP_BYTES_MAX: usize = 4 << 20;

/// What became of a job. A refusal changes nothing.
pub(crate) type Outcome = Result<Done, Refusal>;

impl Store {
    /// Carries out these jobs in order. What is answered as done is durable.
    ///
    /// When a group fails, its jobs are tried one by one, so that one which cannot be carried out (a full disk)
    /// takes no other with it.
    pub(crate) fn commit(&self, mut jobs: Vec<Job>) -> Vec<Outcome> {
        let _writer = self.lock_writer();
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut rest = jobs.as_mut_slice();
        while !rest.is_empty() {
            let (group, later) = rest.split_at_mut(first_group_len(rest));
            outcomes.extend(self.commit_group(group));
            rest = later;
        }
        self.shorten_trailers(&jobs);
        if let Ok(view) = self.index.view()
            && let Ok(stored) = view.stored()
        {
            self.room.set_stored(stored);
        }
        outcomes
    }

    pub(super) fn commit_group(&self, jobs: &mut [Job]) -> Vec<Outcome> {
        match self.try_commit(jobs) {
            Ok(outcomes) => outcomes,
            Err(error) if jobs.len() == 1 => vec![Err(report(&error))],
            Err(_) => jobs.iter_mut().map(|job| self.commit_alone(job)).collect(),
        }
    }

    fn commit_alone(&self, job: &mut Job) -> Outcome {
        match self.try_commit(std::slice::from_mut(job)) {
            Ok(mut outcomes) => outcomes.pop().expect("one outcome per job"),
            Err(error) => Err(report(&error)),
        }
    }

    fn try_commit(&self, jobs: &mut [Job]) -> Result<Vec<Outcome>, StoreError> {
        let done = self.carry_out(jobs);
        if done.is_err() {
            self.undo(jobs);
        }
        done
    }

    fn carry_out(&self, jobs: &mut [Job]) -> Result<Vec<Outcome>, StoreError> {
        let mut group = Group::begin(self)?;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in &mut *jobs {
            outcomes.push(group.apply(job)?);
        }
        group.make_durable(jobs)?;
        Ok(outcomes)
    }

    /// After an error: the index is opened again, and what was moved for rows that did not come to be goes back.
    fn undo(&self, jobs: &mut [Job]) {
        if let Err(error) = self.index.reopen() {
            tracing::error!(%error, "the index cannot be opened again; restarting the node may rebuild it");
            return;
        }
        for job in jobs {
            let Job::Put(Put { staged: Staged::Large { root, file, .. }, .. }) = job else { continue };
            let row = self.index.view().and_then(|view| view.shard(root));
            if !matches!(row, Ok(Some(ref row)) if row.is_sound()) {
                file.take_back(FileName::Shard(*root));
                self.files.forget(FileName::Shard(*root));
            }
        }
    }
}

/// How many of these jobs may become durable together. A shard that is put again after its last lease ended
/// replaces its file, and may do so only after the end of the lease is durable.
fn first_group_len(jobs: &[Job]) -> usize {
    let mut ended = BTreeSet::new();
    let conflict = jobs.iter().position(|job| match job {
        Job::Release(release) => {
            ended.insert(release.body().root);
            false
        }
        Job::Collect { lease, .. } => {
            ended.insert(lease.root);
            false
        }
        Job::Put(put) => ended.contains(&put.staged.root()),
        _ => false,
    });
    conflict.unwrap_or(jobs.len())
}

fn report(error: &StoreError) -> Refusal {
    if error.is_full() {
        tracing::warn!(%error, "refused for want of room");
    } else {
        tracing::error!(%error, "the store failed");
    }
    error.refusal()
}

/// Changes that are decided, in the index's open transaction, but not yet durable.
pub(super) struct Group<'a> {
    pub(super) store: &'a Store,
    pub(super) change: Change,
    pub(super) packs: PackWriter,
    pub(super) trailers: BTreeMap<Root, Trailer>,
    /// New files by the root under which they will be found. Of several uploads of one shard one is kept.
    pub(super) placed: BTreeMap<Root, FileName>,
    pub(super) gone: BTreeSet<Root>,
    /// Copies of files with a shorter trailer.
    pub(super) rewritten: BTreeMap<Root, TmpFile>,
}

impl<'a> Group<'a> {
    fn begin(store: &'a Store) -> Result<Self, StoreError> {
        let change = if let Ok(change) = store.index.change() {
            change
        } else {
            store.index.reopen()?;
            store.index.change()?
        };
        let packs = PackWriter::new(change.packs()?.last().copied(), store.rules.pack_len_max);
        let (trailers, placed, gone, rewritten) = Default::default();
        Ok(Self { store, change, packs, trailers, placed, gone, rewritten })
    }

    fn apply(&mut self, job: &mut Job) -> Result<Outcome, StoreError> {
        match job {
            Job::Put(put) => self.put(put),
            Job::Renew(renew) => self.renew(renew),
            Job::Release(release) => self.release(release),
            Job::SetPointer(SetPointer { pointer, payer }) => self.set_pointer(pointer, payer),
            Job::Judge { root, place, verdict } => self.judge(root, *place, *verdict),
            Job::Collect { lease, now } => self.collect(lease, *now),
            Job::Forget { now } => self.forget(*now),
            Job::NoteEgress { month, bytes } => {
                self.change.set_counter(Counter::EgressMonth, *month)?;
                self.change.set_counter(Counter::EgressBytes, *bytes)?;
                Ok(Ok(Done::Kept))
            }
            Job::Rewrite { root } => self.rewrite(root),
            Job::Compact { pack, from } => self.compact(*pack, *from),
        }
    }

    fn set_pointer(&mut self, pointer: &Signed<Pointer>, payer: &PublicKey) -> Result<Outcome, StoreError> {
        let (owner, body) = (pointer.by(), pointer.body());
        let bytes = pointer.encode();
        let old = self.change.pointer(&owner, body.slot)?;
        if let Some(held) = &old {
            if held.seq > body.seq {
                let detail = format!("the node holds sequence {}", held.seq);
                return Ok(Err(Refusal::new(Code::Stale, detail)));
            }
            if held.seq == body.seq {
                let same = self.store.pointer_record(held)? == bytes;
                let stale = Refusal::new(Code::Stale, "the node holds another pointer of this sequence");
                return Ok(if same { Ok(Done::PointerKept) } else { Err(stale) });
            }
        } else if self.change.pointers_of(&owner)?.len() >= protocol::limits::POINTER_SLOTS_MAX {
            return Ok(Err(Refusal::new(Code::Quota, "all slots of this signer are taken")));
        }
        let own = old.filter(|held| held.payer == *payer).map_or(0, |held| held.usage());
        if let Err(refusal) = self.check_quota(payer, own, bytes.len() as u64 + LEASE_OVERHEAD_LEN)? {
            return Ok(Err(refusal));
        }
        let spot = self.packs.append(&[&entry::encode_pointer(payer, &bytes)]);
        let row = PointerRow { seq: body.seq, expires: body.expires, payer: *payer, spot };
        self.change.set_pointer(&owner, body.slot, row)?;
        Ok(Ok(Done::PointerKept))
    }

    fn judge(&mut self, root: &Root, place: Place, verdict: Verdict) -> Result<Outcome, StoreError> {
        if let Some(row) = self.change.shard(root)?.filter(|row| same_copy(row.place, place)) {
            let state = match verdict {
                Verdict::Sound => State::Sound,
                Verdict::Corrupt => State::Corrupt,
            };
            self.change.set_shard(root, ShardRow { state, ..row })?;
        }
        Ok(Ok(Done::Kept))
    }
}

/// Whether a row still speaks of the copy that was looked at. Only the end of a file may have moved.
fn same_copy(now: Place, then: Place) -> bool {
    match (now, then) {
        (Place::File { .. }, Place::File { .. }) => true,
        (now, then) => now == then,
    }
}
