//! Changing rows. What tables say of each other (who uses how much, how much of a pack is in use, what ends when)
//! is kept in step here, so that no caller can forget half of it.

use proofs::Root;
use protocol::{ByteHours, PublicKey, Slot, UnixSeconds};
use serde::Serialize;

use super::{Change, Counter, Lookup, Result, Table, keys};
use crate::entry;
use crate::layout::PackId;
use crate::rows::{
    GraveRow, LeaseKey, LeaseRow, PackRow, Place, PointerRow, ShardRow, SpentRow, Spot, usage_of,
};

#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

impl Sign {
    fn apply(self, sum: u64, amount: u64) -> u64 {
        match self {
            Self::Plus => sum.saturating_add(amount),
            Self::Minus => sum.saturating_sub(amount),
        }
    }
}

impl Change {
    pub(crate) fn set_shard(&self, root: &Root, new: ShardRow) -> Result<()> {
        let old = self.shard(root)?;
        self.put(Table::Shards, root.as_bytes(), &new)?;
        self.account_shard(Some(new), Sign::Plus)?;
        self.account_shard(old, Sign::Minus)
    }

    pub(crate) fn remove_shard(&self, root: &Root) -> Result<()> {
        let old = self.shard(root)?;
        self.remove(Table::Shards, root.as_bytes())?;
        self.account_shard(old, Sign::Minus)
    }

    fn account_shard(&self, row: Option<ShardRow>, sign: Sign) -> Result<()> {
        let Some(row) = row else { return Ok(()) };
        match row.place {
            Place::File { end } => self.add_to_counter(Counter::FileBytes, sign, end)?,
            Place::Pack { pack, offset } => {
                let len = entry::shard_entry_len(row.len);
                self.add_live(Some(Spot { pack, offset, len }), sign)?;
            }
        }
        if row.is_sound() { Ok(()) } else { self.add_to_counter(Counter::Corrupt, sign, 1) }
    }

    pub(crate) fn set_lease(&self, new: &LeaseRow) -> Result<()> {
        let key = LeaseKey::of(&new.lease);
        self.remove_lease(&key)?;
        self.put(Table::Leases, &keys::lease(&key), new)?;
        self.insert(Table::LeasesByExpiry, &keys::expiry(&new.lease), &[])?;
        self.account_lease(new, Sign::Plus)
    }

    pub(crate) fn remove_lease(&self, key: &LeaseKey) -> Result<()> {
        let Some(old) = self.lease(key)? else { return Ok(()) };
        self.remove(Table::Leases, &keys::lease(key))?;
        self.remove(Table::LeasesByExpiry, &keys::expiry(&old.lease))?;
        self.account_lease(&old, Sign::Minus)
    }

    fn account_lease(&self, row: &LeaseRow, sign: Sign) -> Result<()> {
        self.account_usage(&row.lease.payer(), usage_of(&row.lease), sign)?;
        self.add_live(row.spot, sign)
    }

    fn account_usage(&self, payer: &PublicKey, amount: u64, sign: Sign) -> Result<()> {
        let sum = sign.apply(self.usage(payer)?, amount);
        if sum == 0 {
            self.remove(Table::Usage, payer.as_bytes())
        } else {
            self.put(Table::Usage, payer.as_bytes(), &sum)
        }
    }

    /// Notes what the holder has spent in all, and that it may count until `until` at least.
    pub(crate) fn set_spent(
        &self,
        control: &PublicKey,
        holder: &PublicKey,
        byte_hours: ByteHours,
        until: UnixSeconds,
    ) -> Result<()> {
        let until = self.spent_row(control, holder)?.map_or(until, |old| old.until.max(until));
        self.put(Table::Spent, &keys::spender(control, holder), &SpentRow { byte_hours, until })
    }

    pub(crate) fn remove_spent(&self, control: &PublicKey, holder: &PublicKey) -> Result<()> {
        self.remove(Table::Spent, &keys::spender(control, holder))
    }

    pub(crate) fn set_pointer(&self, owner: &PublicKey, slot: Slot, new: PointerRow) -> Result<()> {
        self.remove_pointer(owner, slot)?;
        self.put(Table::Pointers, &keys::pointer(owner, slot), &new)?;
        self.account_usage(&new.payer, new.usage(), Sign::Plus)?;
        self.add_live(Some(new.spot), Sign::Plus)
    }

    pub(crate) fn remove_pointer(&self, owner: &PublicKey, slot: Slot) -> Result<()> {
        let Some(old) = self.pointer(owner, slot)? else { return Ok(()) };
        self.remove(Table::Pointers, &keys::pointer(owner, slot))?;
        self.account_usage(&old.payer, old.usage(), Sign::Minus)?;
        self.add_live(Some(old.spot), Sign::Minus)
    }

    pub(crate) fn set_grave(&self, key: &LeaseKey, new: GraveRow) -> Result<()> {
        self.remove_grave(key)?;
        self.put(Table::Graves, &keys::lease(key), &new)?;
        self.add_live(Some(new.spot), Sign::Plus)
    }

    pub(crate) fn remove_grave(&self, key: &LeaseKey) -> Result<()> {
        let Some(old) = self.grave(key)? else { return Ok(()) };
        self.remove(Table::Graves, &keys::lease(key))?;
        self.add_live(Some(old.spot), Sign::Minus)
    }

    /// Forgets the releases whose shards lay in this pack, which is gone for good.
    pub(crate) fn remove_graves_in(&self, pack: PackId) -> Result<()> {
        let found = self.graves(|grave| grave.shard_pack == pack)?;
        found.iter().try_for_each(|key| self.remove_grave(key))
    }

    /// Notes that the pack is written up to `end`; begins it when it is new.
    pub(crate) fn set_pack_end(&self, pack: PackId, end: u64) -> Result<()> {
        let live = self.pack(pack)?.unwrap_or_default().live;
        self.put(Table::Packs, &keys::pack(pack), &PackRow { end, live })
    }

    pub(crate) fn remove_pack(&self, pack: PackId) -> Result<()> {
        self.remove(Table::Packs, &keys::pack(pack))
    }

    fn add_live(&self, spot: Option<Spot>, sign: Sign) -> Result<()> {
        let Some(Spot { pack, len, .. }) = spot else { return Ok(()) };
        let PackRow { end, live } = self.pack(pack)?.unwrap_or_default();
        self.put(Table::Packs, &keys::pack(pack), &PackRow { end, live: sign.apply(live, len) })
    }

    pub(crate) fn set_counter(&self, counter: Counter, value: u64) -> Result<()> {
        self.put(Table::Counters, counter.name().as_bytes(), &value)
    }

    fn add_to_counter(&self, counter: Counter, sign: Sign, amount: u64) -> Result<()> {
        self.set_counter(counter, sign.apply(self.counter(counter)?, amount))
    }

    fn put(&self, table: Table, key: &[u8], row: &impl Serialize) -> Result<()> {
        self.insert(table, key, &postcard::to_stdvec(row)?)
    }
}
