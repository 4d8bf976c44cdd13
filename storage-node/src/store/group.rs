//! Group commit: some jobs, one sync of each file and folder they touch, one transaction of the index.

use std::collections::{BTreeMap, BTreeSet};

use proofs::Root;
use protocol::limits::{LEASE_GRACE_S, LEASE_OVERHEAD_LEN};
use protocol::{ByteHours, Code, Lease, LeaseTerms, Mandate, Pointer, PublicKey, Refusal, Release, Signed};

use super::durable::Trailer;
use super::job::{Done, Job, Put, Renew, SetPointer, Verdict};
use super::pack_writer::PackWriter;
use super::receiving::{Staged, TmpFile};
use super::{Store, StoreError};
use crate::entry;
use crate::index::{Change, Counter, Lookup as _};
use crate::layout::FileName;
use crate::rows::{GraveRow, LeaseKey, LeaseRow, Place, PointerRow, ShardRow, State, usage_of};

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

    fn put(&mut self, put: &Put) -> Result<Outcome, StoreError> {
        let root = put.staged.root();
        let sound = self.change.shard(&root)?.filter(ShardRow::is_sound);
        let old = self.change.lease(&LeaseKey::of(&put.lease))?.map(|row| row.lease);
        let lease = match &old {
            None => put.lease,
            Some(old) => match extended(old, &put.lease) {
                Ok(lease) => lease,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        // Whoever asks for nothing more pays for nothing, also where somebody else pays for the lease.
        if old != Some(lease)
            && let Err(refusal) = self.spend(old.as_ref(), &lease, Some(&put.mandate))?
        {
            return Ok(Err(refusal));
        }
        match sound {
            Some(_) if old == Some(lease) => {}
            Some(row) => self.write_lease(row, &lease)?,
            None => self.store_shard(&put.staged, &put.lease, &lease)?,
        }
        Ok(Ok(Done::Leased(lease)))
    }

    /// Stores a shard that is not held, or only a corrupt copy of it, under all leases that there are.
    fn store_shard(&mut self, staged: &Staged, in_file: &Lease, lease: &Lease) -> Result<(), StoreError> {
        let root = staged.root();
        let (len, place) = match staged {
            Staged::Small { root, len, bytes } => {
                let spot = self.packs.append(&[&entry::encode_shard_prefix(*root, *len), bytes]);
                (*len, Place::Pack { pack: spot.pack, offset: spot.offset })
            }
            Staged::Large { len, end, file, .. } => {
                self.placed.insert(root, file.name());
                self.trailers.remove(&root);
                (*len, Place::File { end: *end })
            }
        };
        self.change.set_shard(&root, ShardRow { len, place, state: State::Sound })?;
        if matches!(place, Place::File { .. }) && in_file == lease {
            self.change.set_lease(&LeaseRow { lease: *lease, spot: None })?;
        } else {
            self.write_lease(ShardRow { len, place, state: State::Sound }, lease)?;
        }
        for other in self.change.leases_of(&root)? {
            if other.lease.control() != lease.control() {
                self.write_lease_of(&root, &other.lease)?;
            }
        }
        Ok(())
    }

    /// Writes a lease's entry again, behind the entry of its shard.
    pub(super) fn write_lease_of(&mut self, root: &Root, lease: &Lease) -> Result<(), StoreError> {
        match self.change.shard(root)? {
            Some(row) => self.write_lease(row, lease),
            None => Ok(()),
        }
    }

    fn write_lease(&mut self, row: ShardRow, lease: &Lease) -> Result<(), StoreError> {
        let bytes = entry::encode_lease(lease);
        let spot = match row.place {
            Place::Pack { .. } => {
                self.change.remove_grave(&LeaseKey::of(lease))?;
                Some(self.packs.append(&[&bytes]))
            }
            Place::File { end } => {
                self.append_trailer(&lease.root(), row, end, &bytes)?;
                None
            }
        };
        Ok(self.change.set_lease(&LeaseRow { lease: *lease, spot })?)
    }

    fn append_trailer(
        &mut self,
        root: &Root,
        row: ShardRow,
        end: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let trailer = self.trailers.entry(*root).or_insert(Trailer { start: end, bytes: Vec::new() });
        trailer.bytes.extend_from_slice(bytes);
        let place = Place::File { end: end + bytes.len() as u64 };
        Ok(self.change.set_shard(root, ShardRow { place, ..row })?)
    }

    /// Checks quota and mandate for what `lease` holds beyond `old`, and notes what it costs.
    fn spend(
        &mut self,
        old: Option<&Lease>,
        lease: &Lease,
        mandate: Option<&Signed<Mandate>>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let payer = lease.payer();
        let own = old.filter(|old| old.payer() == payer).map_or(0, usage_of);
        if let Err(refusal) = self.check_quota(&payer, own, usage_of(lease))? {
            return Ok(Err(refusal));
        }
        if let Some(mandate) = mandate {
            let spent = self.change.spent(&lease.control(), &payer)?.plus(charge(old, lease));
            if let Err(error) = mandate.body().covers(&payer, lease.start(), spent) {
                return Ok(Err(Refusal::new(error.code(), error.to_string())));
            }
            let until = mandate.body().expires.max(lease.expires().plus(LEASE_GRACE_S));
            self.change.set_spent(&lease.control(), &payer, spent, until)?;
        }
        Ok(Ok(()))
    }

    /// Whether the payer may use `new` bytes in place of `own`.
    fn check_quota(&self, payer: &PublicKey, own: u64, new: u64) -> Result<Result<(), Refusal>, StoreError> {
        let used = self.change.usage(payer)?.saturating_sub(own) + new;
        Ok(match self.store.rules.quota_per_payer {
            Some(quota) if used > quota => {
                let detail = format!("the payer would use {used} of {quota} bytes");
                Err(Refusal::new(Code::Quota, detail))
            }
            _ => Ok(()),
        })
    }

    fn renew(&mut self, renew: &Renew) -> Result<Outcome, StoreError> {
        let Renew { renewal, mandate, now } = renew;
        let body = renewal.body();
        let Some(row) = self.change.lease(&LeaseKey { root: body.root, control: body.control })? else {
            return Ok(Err(Refusal::new(Code::UnknownLease, "no lease for this shard and control key")));
        };
        let old = row.lease;
        let renewed =
            match renewal.renew(&self.store.rules.known_as(&body.node), &old, mandate.as_ref(), *now) {
                Ok(lease) => lease,
                Err(error) => return Ok(Err(Refusal::new(error.code(), error.to_string()))),
            };
        // A holder renews at its own expense, the control key itself at that of whoever has paid so far.
        let mandate = mandate.as_ref().filter(|_| renewal.by() != old.control());
        let payer = mandate.map_or(old.payer(), |mandate| mandate.body().holder);
        let Ok(lease) = Lease::new(LeaseTerms { payer, ..*renewed.terms() }) else {
            return Ok(Err(Refusal::new(Code::Expired, "the lease would be too long")));
        };
        if let Err(refusal) = self.spend(Some(&old), &lease, mandate)? {
            return Ok(Err(refusal));
        }
        self.write_lease_of(&body.root, &lease)?;
        Ok(Ok(Done::Leased(lease)))
    }

    fn release(&mut self, release: &Signed<Release>) -> Result<Outcome, StoreError> {
        let key = LeaseKey { root: release.body().root, control: release.by() };
        let Some(row) = self.change.lease(&key)? else {
            return Ok(Err(Refusal::new(Code::UnknownLease, "no lease for this shard and control key")));
        };
        if let Err(error) = release.releases(&self.store.rules.known_as(&release.body().node), &row.lease) {
            return Ok(Err(Refusal::new(error.code(), error.to_string())));
        }
        let bytes = entry::encode_release(key.root, &key.control);
        match self.change.shard(&key.root)? {
            Some(shard) => match shard.place {
                Place::File { end } => self.append_trailer(&key.root, shard, end, &bytes)?,
                Place::Pack { pack, .. } => {
                    let spot = self.packs.append(&[&bytes]);
                    let until = row.lease.expires().plus(LEASE_GRACE_S);
                    self.change.set_grave(&key, GraveRow { shard_pack: pack, until, spot })?;
                }
            },
            None => debug_assert!(false, "a lease has a shard"),
        }
        self.end_lease(&key)?;
        Ok(Ok(Done::Released))
    }

    /// Removes the lease, and the shard when that was its last one.
    pub(super) fn end_lease(&mut self, key: &LeaseKey) -> Result<(), StoreError> {
        self.change.remove_lease(key)?;
        if !self.change.leases_of(&key.root)?.is_empty() {
            return Ok(());
        }
        if let Some(ShardRow { place: Place::File { .. }, .. }) = self.change.shard(&key.root)? {
            self.gone.insert(key.root);
        }
        Ok(self.change.remove_shard(&key.root)?)
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

/// The lease that is owed when the shard of `old` is put again.
fn extended(old: &Lease, wanted: &Lease) -> Result<Lease, Refusal> {
    if wanted.expires() <= old.expires() {
        return Ok(*old);
    }
    let terms = LeaseTerms { id: old.id(), seq: old.seq().next(), ..*wanted.terms() };
    Lease::new(terms).map_err(|error| Refusal::new(Code::Expired, error.to_string()))
}

/// What `lease` costs beyond `old`.
pub(super) fn charge(old: Option<&Lease>, lease: &Lease) -> ByteHours {
    let from = old.map_or(lease.start(), |old| old.expires().max(lease.start()));
    ByteHours::of_lease(lease.len(), lease.expires().seconds_since(from))
}
