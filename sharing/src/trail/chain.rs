//! The chain of entries: read, verified, continued.

use std::collections::BTreeMap;

use chunker::{AccountSecret, KeySeed};
use protocol::{Digest, NetworkId, PublicKey, RecordError, SecretKey, Sequence, Signed};

use super::{Facts, TrailEntry, TrailWhat};
use crate::LinkId;

/// What stands before the first entry.
const BEGIN: Digest = Digest::from_bytes([0; 32]);

/// The keys of an account's audit trail.
#[derive(Clone, Debug)]
pub struct TrailKeys {
    seed: KeySeed,
    commitment: KeySeed,
}

/// Where a trail ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrailHead {
    /// How many entries there are.
    pub entries: Sequence,
    /// BLAKE3 of the last one; zeros where there is none.
    pub last: Digest,
}

/// A trail that was verified as far as it goes.
#[derive(Clone, PartialEq, Debug)]
pub struct Trail {
    by: PublicKey,
    network: NetworkId,
    /// The hash after each entry.
    hashes: Vec<Digest>,
    entries: Vec<TrailEntry>,
    /// The highest number of an event of each link.
    fetched: BTreeMap<LinkId, u64>,
}

/// Why a trail is not what its owner wrote.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum TrailError {
    #[error("entry {at}: {source}")]
    Record { at: Sequence, source: RecordError },
    #[error("entry {at} is signed by {found}, not by the owner of the trail")]
    Signer { at: Sequence, found: PublicKey },
    #[error("entry {found} stands where entry {at} belongs")]
    Place { at: Sequence, found: Sequence },
    #[error("entry {at} follows another one than the one before it")]
    Chain { at: Sequence },
}

impl TrailKeys {
    /// The keys of the account's trail.
    pub fn derive(account: &AccountSecret) -> Self {
        Self { seed: account.trail_key_seed(), commitment: account.trail_commitment_key() }
    }

    /// The key that signs entries.
    pub fn signer(&self) -> SecretKey {
        SecretKey::from_bytes(self.seed.expose())
    }
}

impl TrailHead {
    /// What can be shown of it to everybody: `BLAKE3-keyed(commitment key, u64le(entries) ‖ last)`. Nobody who lacks the key can
    /// tell from it what the trail says.
    pub fn commitment(&self, keys: &TrailKeys) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(keys.commitment.expose());
        hasher.update(&self.entries.get().to_le_bytes()).update(self.last.as_bytes());
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl Trail {
    /// A trail without entries.
    pub const fn begin(by: PublicKey, network: NetworkId) -> Self {
        Self { by, network, hashes: Vec::new(), entries: Vec::new(), fetched: BTreeMap::new() }
    }

    /// The network whose links it is about.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Takes the next entry, when it follows.
    pub fn take(&mut self, record: &[u8]) -> Result<(), TrailError> {
        let TrailHead { entries: at, last } = self.head();
        let entry = Signed::<TrailEntry>::decode(record, &self.network)
            .map_err(|source| TrailError::Record { at, source })?;
        if entry.by() != self.by {
            return Err(TrailError::Signer { at, found: entry.by() });
        }
        if entry.body().seq != at {
            return Err(TrailError::Place { at, found: entry.body().seq });
        }
        if entry.body().prev != last {
            return Err(TrailError::Chain { at });
        }
        let Facts { link, number, .. } = &entry.body().facts;
        if let (Some(link), Some(number)) = (link, number) {
            let fetched = self.fetched.entry(*link).or_default();
            *fetched = (*fetched).max(*number);
        }
        self.hashes.push(Digest::of(record));
        self.entries.push(entry.into_body());
        Ok(())
    }

    /// The record with which the trail goes on; it counts once it was [taken](Self::take).
    pub fn next(&self, keys: &TrailKeys, facts: Facts) -> Vec<u8> {
        let TrailHead { entries: seq, last: prev } = self.head();
        let entry = TrailEntry { facts, prev, seq };
        Signed::sign(&keys.signer(), &self.network, entry).encode()
    }

    /// Where it ends.
    pub fn head(&self) -> TrailHead {
        let last = self.hashes.last().copied().unwrap_or(BEGIN);
        TrailHead { entries: Sequence::new(self.hashes.len() as u64), last }
    }

    /// Where it ended when it had so many entries; `None` where it never had.
    pub fn head_after(&self, entries: Sequence) -> Option<TrailHead> {
        let count = usize::try_from(entries.get()).ok()?;
        let last = match count.checked_sub(1) {
            None => BEGIN,
            Some(at) => *self.hashes.get(at)?,
        };
        Some(TrailHead { entries, last })
    }

    /// The entries that say that somebody broke the glass, and that no later entry has reviewed.
    pub fn unreviewed(&self) -> impl Iterator<Item = &TrailEntry> {
        let reviewed = |seq: Sequence| {
            let mut reviews = self.entries.iter().filter(|entry| entry.facts.what == TrailWhat::Reviewed);
            reviews.any(|review| review.seq > seq && review.facts.number == Some(seq.get()))
        };
        let alarms = self.entries.iter().filter(|entry| entry.facts.what == TrailWhat::BreakGlass);
        alarms.filter(move |alarm| !reviewed(alarm.seq))
    }

    /// Every commitment that fits it, by the number of entries that it had.
    pub fn commitments(&self, keys: &TrailKeys) -> BTreeMap<Digest, Sequence> {
        let counts = 0..=self.hashes.len() as u64;
        let heads = counts.filter_map(|entries| self.head_after(Sequence::new(entries)));
        heads.map(|head| (head.commitment(keys), head.entries)).collect()
    }

    /// Its entries, oldest first.
    pub fn entries(&self) -> &[TrailEntry] {
        &self.entries
    }

    /// The highest number of an event of this link that stands in it; 0 where none does.
    pub fn fetched(&self, link: LinkId) -> u64 {
        self.fetched.get(&link).copied().unwrap_or(0)
    }

    /// What happened to this link, oldest first.
    pub fn of_link(&self, link: LinkId) -> impl DoubleEndedIterator<Item = &Facts> {
        self.entries.iter().map(|entry| &entry.facts).filter(move |facts| facts.link == Some(link))
    }

    /// Whether this happened to this link.
    pub fn has(&self, link: LinkId, what: TrailWhat) -> bool {
        self.of_link(link).any(|facts| facts.what == what)
    }
}

#[cfg(test)]
mod tests {
    use protocol::UnixSeconds;

    use super::*;

    fn keys(number: u8) -> TrailKeys {
        TrailKeys::derive(&AccountSecret::from_bytes([number; 32]))
    }

    fn records(count: u64) -> (Trail, Vec<Vec<u8>>) {
        let keys = keys(1);
        let mut trail = Trail::begin(keys.signer().public(), NetworkId::from_bytes([2; 32]));
        let records = (0..count).map(|at| {
            let record = trail.next(&keys, Facts::new(TrailWhat::Opened, UnixSeconds::new(at)));
            trail.take(&record).unwrap();
            record
        });
        let records = records.collect();
        (trail, records)
    }

    fn read(records: &[Vec<u8>]) -> Result<Trail, TrailError> {
        let mut trail = Trail::begin(keys(1).signer().public(), NetworkId::from_bytes([2; 32]));
        records.iter().try_for_each(|record| trail.take(record))?;
        Ok(trail)
    }

    #[test]
    fn a_trail_is_read_as_it_was_written() {
        let (trail, records) = records(5);
        assert_eq!(read(&records).unwrap(), trail);
        assert_eq!((trail.head().entries.get(), trail.entries().len()), (5, 5));
    }

    #[test]
    fn who_broke_the_glass_stands_out_until_somebody_has_looked_at_it() {
        let keys = keys(1);
        let mut trail = Trail::begin(keys.signer().public(), NetworkId::from_bytes([2; 32]));
        let add = |trail: &mut Trail, what, number| {
            let facts = Facts { number, ..Facts::new(what, UnixSeconds::new(1)) };
            let record = trail.next(&keys, facts);
            trail.take(&record).unwrap();
        };
        // A review of what is still to come reviews nothing.
        add(&mut trail, TrailWhat::Reviewed, Some(1));
        add(&mut trail, TrailWhat::BreakGlass, Some(7));
        add(&mut trail, TrailWhat::Opened, Some(8));
        add(&mut trail, TrailWhat::BreakGlass, Some(9));
        let left = |trail: &Trail| trail.unreviewed().map(|entry| entry.seq.get()).collect::<Vec<_>>();
        assert_eq!(left(&trail), [1, 3]);
        add(&mut trail, TrailWhat::Reviewed, Some(3));
        add(&mut trail, TrailWhat::Reviewed, Some(2));
        assert_eq!(left(&trail), [1]);
    }

    #[test]
    fn what_was_left_out_swapped_or_changed_is_found() {
        let (_, records) = records(5);
        for left_out in 0..4 {
            let mut some = records.clone();
            some.remove(left_out);
            assert!(matches!(read(&some), Err(TrailError::Place { .. })), "{left_out}");
        }
        let mut swapped = records.clone();
        swapped.swap(1, 2);
        assert!(read(&swapped).is_err());
        for at in 0..records[2].len() {
            let mut changed = records.clone();
            changed[2][at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
        }
        // An entry that the owner signed at the same place of another trail.
        let mut other = Trail::begin(keys(1).signer().public(), NetworkId::from_bytes([2; 32]));
        for at in 0..3 {
            let record = other.next(&keys(1), Facts::new(TrailWhat::Refused, UnixSeconds::new(at)));
            other.take(&record).unwrap();
            let mut mixed = records.clone();
            mixed[usize::try_from(at).unwrap()] = record;
            assert!(matches!(read(&mixed), Err(TrailError::Chain { .. })), "{at}");
        }
        let mut forged = Trail::begin(keys(9).signer().public(), NetworkId::from_bytes([2; 32]));
        let record = forged.next(&keys(9), Facts::new(TrailWhat::Opened, UnixSeconds::new(0)));
        forged.take(&record).unwrap();
        assert!(matches!(read(&[record]), Err(TrailError::Signer { .. })));
    }

    #[test]
    fn a_commitment_says_nothing_without_its_key_and_fits_one_head() {
        let (trail, records) = records(3);
        let head = trail.head();
        assert_ne!(head.commitment(&keys(1)), head.commitment(&keys(2)));
        let all = trail.commitments(&keys(1));
        assert_eq!((all.len(), all[&head.commitment(&keys(1))].get()), (4, 3));
        assert!(!read(&records[..2]).unwrap().commitments(&keys(1)).contains_key(&head.commitment(&keys(1))));
        let shorter = read(&records[..2]).unwrap().head();
        assert_ne!(head.commitment(&keys(1)), shorter.commitment(&keys(1)));
    }
}
