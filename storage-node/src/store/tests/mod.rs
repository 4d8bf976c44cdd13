//! The store against a disk that forgets, fills up and rots, and against a naive model.

mod crash;
mod damage;
mod full;
mod model;
mod rules;

use std::sync::Arc;

use proofs::Root;
use protocol::{
    ByteHours, Lease, LeaseId, LeaseTerms, Mandate, NetworkId, Pointer, PointerValue, Release, Renewal,
    SecretKey, Sequence, Signed, Slot, UnixSeconds,
};

use super::group::Outcome;
use super::{Capacity, Done, Job, Lookup, Put, Renew, Replayed, SetPointer, Store, StoreRules, Verdict};
use crate::index::Lookup as _;
use crate::rows::{LeaseKey, LeaseRow};
use crate::simulated_disk::SimulatedDisk;

pub(super) const DAY: u64 = 86_400;
pub(super) const NETWORK: NetworkId = NetworkId::from_bytes([3; 32]);
/// Both kinds of shards, around every boundary of their storage.
pub(super) const SHARD_LENS: [usize; 8] = [1, 1000, 16_385, 40_000, 65_536, 65_537, 70_000, 100_000];

pub(super) fn secret(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

pub(super) fn node() -> SecretKey {
    secret(200)
}

pub(super) fn payer() -> SecretKey {
    secret(100)
}

pub(super) fn rules() -> StoreRules {
    StoreRules {
        network: NETWORK,
        node: node().public(),
        formerly: Vec::new(),
        capacity: Capacity { total: 1 << 30, reserve: 0 },
        quota_per_payer: None,
        pack_len_max: 150_000,
        trailer_len_max: 1500,
    }
}

pub(super) fn shard(number: u8) -> Vec<u8> {
    let len = SHARD_LENS[usize::from(number) % SHARD_LENS.len()];
    let seed = blake3::hash(&[number]);
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

pub(super) fn root(number: u8) -> Root {
    Root::of(&shard(number))
}

pub(super) fn open(disk: &SimulatedDisk, now: u64) -> (Store, Replayed) {
    Store::open(Arc::new(disk.clone()), rules(), UnixSeconds::new(now)).unwrap()
}

pub(super) fn mandate(control: u8, byte_hours: u64) -> Signed<Mandate> {
    mandate_for(&payer(), control, byte_hours)
}

pub(super) fn mandate_for(holder: &SecretKey, control: u8, byte_hours: u64) -> Signed<Mandate> {
    let holder = holder.public();
    let body = Mandate {
        byte_hours: ByteHours::new(byte_hours),
        expires: UnixSeconds::new(u64::MAX),
        holder,
        object: None,
    };
    Signed::sign(&secret(control), &NETWORK, body)
}

/// A put of shard `number` under this control key, for some days from `now` on; the id tells puts apart.
pub(super) fn put(
    store: &Store,
    number: u8,
    control: u8,
    now: u64,
    days: u64,
    id: u8,
) -> Result<Job, super::StoreError> {
    put_bytes(store, &shard(number), mandate(control, u64::MAX), now, days, id)
}

pub(super) fn put_bytes(
    store: &Store,
    bytes: &[u8],
    mandate: Signed<Mandate>,
    now: u64,
    days: u64,
    id: u8,
) -> Result<Job, super::StoreError> {
    let mut receiving = store.receive();
    for piece in bytes.chunks(30_000) {
        receiving.push(piece)?;
    }
    let (staged, lease) = receiving.finish(|root, len| {
        let terms = LeaseTerms {
            control: mandate.by(),
            expires: UnixSeconds::new(now + days * DAY),
            id: LeaseId::from_bytes([id; 16]),
            len,
            payer: mandate.body().holder,
            root,
            seq: Sequence::FIRST,
            start: UnixSeconds::new(now),
        };
        Lease::new(terms).unwrap()
    })?;
    Ok(Job::Put(Put { staged, lease, mandate }))
}

pub(super) fn renew(lease: &Lease, control: u8, now: u64, days: u64) -> Job {
    let body = Renewal {
        control: lease.control(),
        expires: UnixSeconds::new(now + days * DAY),
        id: lease.id(),
        node: node().public(),
        root: lease.root(),
        seq: lease.seq().next(),
    };
    let renewal = Signed::sign(&secret(control), &NETWORK, body);
    Job::Renew(Renew { renewal, mandate: None, now: UnixSeconds::new(now) })
}

pub(super) fn release(lease: &Lease, control: u8) -> Job {
    let body = Release { id: lease.id(), node: node().public(), root: lease.root(), seq: lease.seq().next() };
    Job::Release(Signed::sign(&secret(control), &NETWORK, body))
}

pub(super) fn pointer(owner: u8, slot: u16, seq: u64, expires: u64) -> Signed<Pointer> {
    let value = PointerValue::new(vec![owner; 500]).unwrap();
    let body =
        Pointer { expires: UnixSeconds::new(expires), seq: Sequence::new(seq), slot: Slot::new(slot), value };
    Signed::sign(&secret(owner), &NETWORK, body)
}

pub(super) fn set_pointer(pointer: Signed<Pointer>) -> Job {
    Job::SetPointer(SetPointer { pointer, payer: payer().public() })
}

pub(super) fn key(number: u8, control: u8) -> LeaseKey {
    LeaseKey { root: root(number), control: secret(control).public() }
}

pub(super) fn commit_one(store: &Store, job: Job) -> Outcome {
    store.commit(vec![job]).pop().unwrap()
}

pub(super) fn leased(outcome: Outcome) -> Lease {
    match outcome {
        Ok(Done::Leased(lease)) => lease,
        other => panic!("no lease: {other:?}"),
    }
}

pub(super) fn lease_of(store: &Store, number: u8, control: u8) -> Option<Lease> {
    store.lease(&key(number, control)).unwrap().map(|LeaseRow { lease, .. }| lease)
}

/// Whether the shard is held, and every byte of it and of its outboard is right.
pub(super) fn is_whole(store: &Store, number: u8) -> bool {
    match store.find(&root(number)).unwrap() {
        Lookup::Held(held) => held.check(|_| Ok(())).unwrap() == Verdict::Sound,
        Lookup::Corrupt | Lookup::Lost | Lookup::NotHeld => false,
    }
}

pub(super) fn usage(store: &Store) -> u64 {
    store.index.change().unwrap().usage(&payer().public()).unwrap()
}
