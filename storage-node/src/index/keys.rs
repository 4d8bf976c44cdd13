//! The keys of the index's tables: fixed lengths, numbers big-endian so that they sort.

use proofs::Root;
use protocol::{Lease, PublicKey, Slot};

use super::{IndexError, Result};
use crate::layout::PackId;
use crate::rows::LeaseKey;

/// root ‖ control key
pub(super) fn lease(key: &LeaseKey) -> [u8; 64] {
    two(key.root.as_bytes(), key.control.as_bytes())
}

pub(super) fn decode_lease(bytes: &[u8]) -> Result<LeaseKey> {
    let (root, control) = bytes.split_first_chunk().ok_or(IndexError::Damaged("key of a lease"))?;
    Ok(LeaseKey { root: Root::from_bytes(*root), control: decode_public(control)? })
}

pub(super) fn decode_root(bytes: &[u8]) -> Result<Root> {
    Ok(Root::from_bytes(bytes.try_into().map_err(|_| IndexError::Damaged("key of a shard"))?))
}

/// end ‖ root ‖ control key
pub(super) fn expiry(lease: &Lease) -> [u8; 72] {
    let mut bytes = [0; 72];
    bytes[..8].copy_from_slice(&lease.expires().get().to_be_bytes());
    bytes[8..].copy_from_slice(&self::lease(&LeaseKey::of(lease)));
    bytes
}

/// control key ‖ holder
pub(super) fn spender(control: &PublicKey, holder: &PublicKey) -> [u8; 64] {
    two(control.as_bytes(), holder.as_bytes())
}

pub(super) fn decode_spender(bytes: &[u8]) -> Result<(PublicKey, PublicKey)> {
    let (control, holder) =
        bytes.split_first_chunk::<32>().ok_or(IndexError::Damaged("key of what was spent"))?;
    Ok((decode_public(control)?, decode_public(holder)?))
}

/// signer ‖ slot
pub(super) fn pointer(owner: &PublicKey, slot: Slot) -> [u8; 34] {
    let mut bytes = [0; 34];
    bytes[..32].copy_from_slice(owner.as_bytes());
    bytes[32..].copy_from_slice(&slot.get().to_be_bytes());
    bytes
}

pub(super) fn decode_pointer(bytes: &[u8]) -> Result<(PublicKey, Slot)> {
    let (owner, slot) = bytes.split_last_chunk().ok_or(IndexError::Damaged("key of a pointer"))?;
    Ok((decode_public(owner)?, Slot::new(u16::from_be_bytes(*slot))))
}

pub(super) fn pack(pack: PackId) -> [u8; 4] {
    pack.0.to_be_bytes()
}

pub(super) fn decode_pack(bytes: &[u8]) -> Result<PackId> {
    let bytes = bytes.try_into().map_err(|_| IndexError::Damaged("key of a pack"))?;
    Ok(PackId(u32::from_be_bytes(bytes)))
}

fn two(first: &[u8; 32], second: &[u8; 32]) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(first);
    bytes[32..].copy_from_slice(second);
    bytes
}

fn decode_public(bytes: &[u8]) -> Result<PublicKey> {
    let bytes = bytes.try_into().map_err(|_| IndexError::Damaged("a key has no 32 bytes"))?;
    protocol::keys::from_bytes(bytes).map_err(|_| IndexError::Damaged("a key is no public key"))
}
