//! What becomes of leases in a group: taken out, renewed, released, and what each of them costs.

use proofs::Root;
use protocol::limits::LEASE_GRACE_S;
use protocol::{ByteHours, Code, Lease, LeaseTerms, Mandate, PublicKey, Refusal, Release, Signed};

use super::StoreError;
use super::durable::Trailer;
use super::group::{Group, Outcome};
use super::job::{Done, Put, Renew};
use super::receiving::Staged;
use crate::entry;
use crate::index::Lookup as _;
use crate::rows::{GraveRow, LeaseKey, LeaseRow, Place, ShardRow, State, usage_of};

impl Group<'_> {
    pub(super) fn put(&mut self, put: &Put) -> Result<Outcome, StoreError> {
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
    pub(super) fn check_quota(
        &self,
        payer: &PublicKey,
        own: u64,
        new: u64,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let used = self.change.usage(payer)?.saturating_sub(own) + new;
        Ok(match self.store.rules.quota_per_payer {
            Some(quota) if used > quota => {
                let detail = format!("the payer would use {used} of {quota} bytes");
                Err(Refusal::new(Code::Quota, detail))
            }
            _ => Ok(()),
        })
    }

    pub(super) fn renew(&mut self, renew: &Renew) -> Result<Outcome, StoreError> {
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

    pub(super) fn release(&mut self, release: &Signed<Release>) -> Result<Outcome, StoreError> {
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
