//! Reading the index as rows, in a view or in an open change.

use proofs::Root;
use protocol::{ByteHours, PublicKey, Slot, UnixSeconds};
use serde::de::DeserializeOwned;

use super::{Item, Result, Table, keys};
use crate::layout::PackId;
use crate::rows::{GraveRow, LeaseKey, LeaseRow, PackRow, PointerRow, ShardRow, SpentRow};

/// A number that the index keeps across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// 1 once the index was brought up to the files for the first time.
    Complete,
    /// Bytes in the files of large shards.
    FileBytes,
    /// Shards found corrupt.
    Corrupt,
    /// Months since 1970 in which [`Self::EgressBytes`] were sent.
    EgressMonth,
    EgressBytes,
}

impl Counter {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::FileBytes => "file bytes",
            Self::Corrupt => "corrupt",
            Self::EgressMonth => "egress month",
            Self::EgressBytes => "egress bytes",
        }
    }
}

/// The longest key of all tables has 72 bytes.
const KEY_LEN_MAX: usize = 72;

/// How many rows are in memory at once while all of them are looked at.
const PICK_AT_ONCE: usize = 1024;

/// Both a view and an open change can be asked.
pub(crate) trait Lookup: Sized {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// From `from` to `to`, both inclusive, at most `limit`.
    fn range(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Item>>;

    fn len(&self, table: Table) -> Result<u64>;

    fn shard(&self, root: &Root) -> Result<Option<ShardRow>> {
        decode(self.get(Table::Shards, root.as_bytes())?)
    }

    fn shard_count(&self) -> Result<u64> {
        self.len(Table::Shards)
    }

    /// The shards after `after` in the order of their roots, at most `limit`.
    fn shards_after(&self, after: Option<Root>, limit: usize) -> Result<Vec<(Root, ShardRow)>> {
        // No key is longer than a root, so the next one begins with it and one byte more.
        let from = after.map_or(Vec::new(), |root| [root.as_bytes().as_slice(), &[0]].concat());
        let found = self.range(Table::Shards, &from, &[0xff; KEY_LEN_MAX], limit)?;
        found.iter().map(|(key, value)| Ok((keys::decode_root(key)?, postcard::from_bytes(value)?))).collect()
    }

    fn lease(&self, key: &LeaseKey) -> Result<Option<LeaseRow>> {
        decode(self.get(Table::Leases, &keys::lease(key))?)
    }

    fn leases_of(&self, root: &Root) -> Result<Vec<LeaseRow>> {
        let found = with_prefix(self, Table::Leases, root.as_bytes())?;
        found.iter().map(|(_, value)| Ok(postcard::from_bytes(value)?)).collect()
    }

    /// The leases that end at `until` or before, first to end first, at most `limit`.
    fn leases_ending(&self, until: UnixSeconds, limit: usize) -> Result<Vec<LeaseKey>> {
        let mut end = [0xff; KEY_LEN_MAX];
        end[..8].copy_from_slice(&until.get().to_be_bytes());
        let found = self.range(Table::LeasesByExpiry, &[], &end, limit)?;
        found.iter().map(|(key, _)| keys::decode_lease(&key[8..])).collect()
    }

    /// Whether any lease ends after `now`.
    fn has_lease_ending_after(&self, now: UnixSeconds) -> Result<bool> {
        let from = now.plus(1).get().to_be_bytes();
        Ok(!self.range(Table::LeasesByExpiry, &from, &[0xff; KEY_LEN_MAX], 1)?.is_empty())
    }

    /// What counts against this payer's quota, in bytes.
    fn usage(&self, payer: &PublicKey) -> Result<u64> {
        number(self, Table::Usage, payer.as_bytes())
    }

    /// What this holder has spent at this node under mandates of this control key.
    fn spent(&self, control: &PublicKey, holder: &PublicKey) -> Result<ByteHours> {
        Ok(self.spent_row(control, holder)?.map_or(ByteHours::default(), |row| row.byte_hours))
    }

    fn spent_row(&self, control: &PublicKey, holder: &PublicKey) -> Result<Option<SpentRow>> {
        decode(self.get(Table::Spent, &keys::spender(control, holder))?)
    }

    /// The control keys and holders of what was spent and can no longer count at `now`.
    fn spent_ended(&self, now: UnixSeconds) -> Result<Vec<(PublicKey, PublicKey)>> {
        pick(self, Table::Spent, |row: &SpentRow| row.until.has_passed(now), keys::decode_spender)
    }

    fn pointer(&self, owner: &PublicKey, slot: Slot) -> Result<Option<PointerRow>> {
        decode(self.get(Table::Pointers, &keys::pointer(owner, slot))?)
    }

    fn pointers_of(&self, owner: &PublicKey) -> Result<Vec<(Slot, PointerRow)>> {
        let found = with_prefix(self, Table::Pointers, owner.as_bytes())?;
        let item = |(key, value): &Item| Ok((keys::decode_pointer(key)?.1, postcard::from_bytes(value)?));
        found.iter().map(item).collect()
    }

    /// The pointers that have ended at `now`.
    fn pointers_ended(&self, now: UnixSeconds) -> Result<Vec<(PublicKey, Slot)>> {
        pick(self, Table::Pointers, |row: &PointerRow| row.expires.has_passed(now), keys::decode_pointer)
    }

    fn grave(&self, key: &LeaseKey) -> Result<Option<GraveRow>> {
        decode(self.get(Table::Graves, &keys::lease(key))?)
    }

    /// The graves that this is true of.
    fn graves(&self, wanted: impl Fn(&GraveRow) -> bool) -> Result<Vec<LeaseKey>> {
        pick(self, Table::Graves, wanted, keys::decode_lease)
    }

    fn pack(&self, pack: PackId) -> Result<Option<PackRow>> {
        decode(self.get(Table::Packs, &keys::pack(pack))?)
    }

    fn packs(&self) -> Result<Vec<(PackId, PackRow)>> {
        let found = self.range(Table::Packs, &[], &[0xff; KEY_LEN_MAX], usize::MAX)?;
        found.iter().map(|(key, value)| Ok((keys::decode_pack(key)?, postcard::from_bytes(value)?))).collect()
    }

    fn counter(&self, counter: Counter) -> Result<u64> {
        number(self, Table::Counters, counter.name().as_bytes())
    }

    /// Bytes on the disk: files of large shards, and packs.
    fn stored(&self) -> Result<u64> {
        let packs: u64 = self.packs()?.iter().map(|(_, pack)| pack.end).sum();
        Ok(self.counter(Counter::FileBytes)? + packs)
    }
}

fn decode<T: DeserializeOwned>(value: Option<Vec<u8>>) -> Result<Option<T>> {
    Ok(value.map(|value| postcard::from_bytes(&value)).transpose()?)
}

/// A number that is 0 when it is not there.
fn number(index: &impl Lookup, table: Table, key: &[u8]) -> Result<u64> {
    Ok(decode(index.get(table, key)?)?.unwrap_or(0))
}

/// Everything whose key begins with these 32 bytes.
fn with_prefix(index: &impl Lookup, table: Table, prefix: &[u8; 32]) -> Result<Vec<Item>> {
    let mut end = [0xff; KEY_LEN_MAX];
    end[..32].copy_from_slice(prefix);
    index.range(table, prefix, &end, usize::MAX)
}

/// The keys of all rows that this is true of.
fn pick<R: DeserializeOwned, K>(
    index: &impl Lookup,
    table: Table,
    wanted: impl Fn(&R) -> bool,
    decode_key: impl Fn(&[u8]) -> Result<K>,
) -> Result<Vec<K>> {
    let mut picked = Vec::new();
    let mut from = Vec::new();
    loop {
        let items = index.range(table, &from, &[0xff; KEY_LEN_MAX], PICK_AT_ONCE)?;
        for (key, value) in &items {
            if wanted(&postcard::from_bytes(value)?) {
                picked.push(decode_key(key)?);
            }
        }
        match items.last() {
            Some((last, _)) if items.len() == PICK_AT_ONCE => from = [last.as_slice(), &[0]].concat(),
            _ => return Ok(picked),
        }
    }
}
