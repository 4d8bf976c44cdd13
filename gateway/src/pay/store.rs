//! The newest receipts, kept until the ledger has them: a file of their own.

use std::path::Path;
use std::sync::{Arc, Weak};

use proofs::canonical;
use protocol::{DeliveryReceipt, PublicKey, Serial, Signed, UnixSeconds};
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition,
    WriteTransaction,
};
use serde::Deserialize;

use super::lanes::open_lanes;
use super::session::rank;
use crate::publications::keep_private;

/// By serial and stream: when the grant ends, and the newest receipt.
const RECEIPTS: TableDefinition<&[u8; 17], (u64, &[u8])> = TableDefinition::new("receipts");
/// Which of them the ledger has not taken yet.
const WAITING: TableDefinition<&[u8; 17], ()> = TableDefinition::new("waiting");
/// What was learnt once: the key of the ledger.
const LEARNT: TableDefinition<&str, &[u8; 32]> = TableDefinition::new("learnt");

const ISSUER: &str = "issuer";
/// Bytes of memory that the database caches.
const DATABASE_CACHE_LEN: usize = 4 << 20;
/// How long after the end of its grant a receipt is kept: a ledger takes it for a day.
const KEPT_AFTER_S: u64 = 2 * 86_400;

/// The file of receipts of one gateway. Its methods block for as long as a disk does.
#[derive(Debug, Clone)]
pub(super) struct ReceiptStore {
    database: Arc<Database>,
}

/// The same store, for somebody who does not keep it open.
#[derive(Debug, Clone)]
pub(super) struct UnheldStore(Weak<Database>);

/// A receipt to be kept, and when its grant ends.
pub(super) struct Kept {
    pub(super) receipt: Signed<DeliveryReceipt>,
    pub(super) expires: UnixSeconds,
}

/// Serial and stream.
pub(super) type StreamKey = [u8; 17];

/// A receipt that the ledger has not taken yet.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) key: StreamKey,
    pub(super) record: Vec<u8>,
}

impl ReceiptStore {
    /// The store in the file `path`, which is created when it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, redb::Error> {
        keep_private(path)?;
        let database = Database::builder().set_cache_size(DATABASE_CACHE_LEN).create(path)?;
        let store = Self { database: Arc::new(database) };
        store.change(|transaction| {
            open_lanes(transaction)?;
            transaction.open_table(RECEIPTS)?;
            transaction.open_table(WAITING)?;
            transaction.open_table(LEARNT)?;
            Ok(())
        })?;
        Ok(store)
    }

    /// For somebody who does not keep it open.
    pub(super) fn unheld(&self) -> UnheldStore {
        UnheldStore(Arc::downgrade(&self.database))
    }

    /// The key of the ledger, once it was learnt; `None` as well when what is kept is no key.
    pub(super) fn issuer(&self) -> Result<Option<PublicKey>, redb::Error> {
        let view = self.database.begin_read()?;
        let key = view.open_table(LEARNT)?.get(ISSUER)?;
        Ok(key.and_then(|key| PublicKey::from_bytes(key.value()).ok()))
    }

    /// Keeps the key of the ledger.
    pub(super) fn learn_issuer(&self, issuer: PublicKey) -> Result<(), redb::Error> {
        self.change(|transaction| {
            transaction.open_table(LEARNT)?.insert(ISSUER, issuer.as_bytes())?;
            Ok(())
        })
    }

    /// Keeps receipts, all in one durable step. Each takes the place of an older one on its stream.
    pub(super) fn keep(&self, receipts: &[Kept]) -> Result<(), redb::Error> {
        self.change(|transaction| {
            let mut kept = transaction.open_table(RECEIPTS)?;
            let mut waiting = transaction.open_table(WAITING)?;
            for Kept { receipt, expires } in receipts {
                let key = key_of(receipt.body());
                let is_newer = kept.get(&key)?.is_none_or(|known| is_newer(receipt.body(), known.value().1));
                if !is_newer {
                    continue;
                }
                kept.insert(&key, (expires.get(), receipt.encode().as_slice()))?;
                waiting.insert(&key, ())?;
            }
            Ok(())
        })
    }

    /// The newest receipts of one grant.
    pub(super) fn of_grant(&self, serial: &Serial) -> Result<Vec<Vec<u8>>, redb::Error> {
        let view = self.database.begin_read()?;
        let (first, last) = (key(serial, 0), key(serial, u8::MAX));
        let rows = view.open_table(RECEIPTS)?.range::<&[u8; 17]>(&first..=&last)?;
        rows.map(|row| Ok(row?.1.value().1.to_vec())).collect()
    }

    /// Up to `limit` receipts that the ledger has not taken, and that are due.
    pub(super) fn waiting(
        &self,
        limit: usize,
        is_due: impl Fn(&StreamKey) -> bool,
    ) -> Result<Vec<Waiting>, redb::Error> {
        let view = self.database.begin_read()?;
        let receipts = view.open_table(RECEIPTS)?;
        let mut list = Vec::new();
        for row in view.open_table(WAITING)?.iter()? {
            let key = *row?.0.value();
            if list.len() == limit {
                break;
            }
            if !is_due(&key) {
                continue;
            }
            if let Some(receipt) = receipts.get(&key)? {
                list.push(Waiting { key, record: receipt.value().1.to_vec() });
            }
        }
        Ok(list)
    }

    /// How many receipts wait.
    pub(super) fn waiting_len(&self) -> Result<u64, redb::Error> {
        Ok(self.database.begin_read()?.open_table(WAITING)?.len()?)
    }

    /// The ledger has these, or never takes them; where a newer one came meanwhile, that one still waits.
    pub(super) fn handed_over(&self, receipts: &[Waiting]) -> Result<(), redb::Error> {
        self.change(|transaction| {
            let kept = transaction.open_table(RECEIPTS)?;
            let mut waiting = transaction.open_table(WAITING)?;
            for Waiting { key, record } in receipts {
                if kept.get(key)?.is_some_and(|newest| newest.value().1 == record) {
                    waiting.remove(key)?;
                }
            }
            Ok(())
        })
    }

    /// Forgets receipts that nobody takes any more.
    pub(super) fn sweep(&self, now: UnixSeconds) -> Result<(), redb::Error> {
        self.change(|transaction| {
            let mut kept = transaction.open_table(RECEIPTS)?;
            let mut waiting = transaction.open_table(WAITING)?;
            kept.retain(|_, (expires, _)| !UnixSeconds::new(expires).plus(KEPT_AFTER_S).has_passed(now))?;
            let mut gone = Vec::new();
            for row in waiting.iter()? {
                let key = *row?.0.value();
                if kept.get(&key)?.is_none() {
                    gone.push(key);
                }
            }
            for key in gone {
                waiting.remove(&key)?;
            }
            Ok(())
        })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn change(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        change(&transaction)?;
        Ok(transaction.commit()?)
    }
}

impl UnheldStore {
    /// The store, while somebody keeps it open.
    pub(super) fn get(&self) -> Option<ReceiptStore> {
        self.0.upgrade().map(|database| ReceiptStore { database })
    }
}

/// Whether a receipt is newer than the one that is kept. What is no receipt any more gives way.
fn is_newer(receipt: &DeliveryReceipt, known: &[u8]) -> bool {
    /// A record that was verified when it was kept.
    #[derive(Deserialize)]
    struct Known {
        body: DeliveryReceipt,
    }
    canonical::peek(known).map_or(true, |Known { body }| rank(&body) < rank(receipt))
}

fn key_of(receipt: &DeliveryReceipt) -> [u8; 17] {
    key(&receipt.serial, receipt.stream.into())
}

fn key(serial: &Serial, stream: u8) -> [u8; 17] {
    let mut key = [stream; 17];
    key[..16].copy_from_slice(serial.as_bytes());
    key
}

#[cfg(test)]
mod tests {
    use protocol::{Delivered, NetworkId, SecretKey, Sequence, StreamNumber, Usage};

    use super::*;

    fn kept(serial: u8, stream: u8, seq: u64) -> Kept {
        let receipt = DeliveryReceipt {
            delivered: Delivered::NOTHING,
            seq: Sequence::new(seq),
            serial: Serial::from_bytes([serial; 16]),
            stream: StreamNumber::try_from(stream).unwrap(),
            usage: Usage { bytes: seq, ms: 0 },
        };
        let secret = SecretKey::from_bytes(&[1; 32]);
        let receipt = Signed::sign(&secret, &NetworkId::from_bytes([2; 32]), receipt);
        Kept { receipt, expires: UnixSeconds::new(1000) }
    }

    #[test]
    fn receipts_wait_until_the_newest_was_handed_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = ReceiptStore::open(&folder.path().join("receipts.redb")).unwrap();
        store.keep(&[kept(1, 0, 1), kept(1, 3, 1), kept(2, 0, 1)]).unwrap();
        let sent = store.waiting(10, |_| true).unwrap();
        assert_eq!((sent.len(), store.of_grant(&Serial::from_bytes([1; 16])).unwrap().len()), (3, 2));
        // A newer one comes while these are on their way.
        store.keep(&[kept(1, 3, 2)]).unwrap();
        store.handed_over(&sent).unwrap();
        let left = store.waiting(10, |_| true).unwrap();
        assert_eq!((left.len(), &left[0].record), (1, &kept(1, 3, 2).receipt.encode()));
        drop(store);
        let store = ReceiptStore::open(&folder.path().join("receipts.redb")).unwrap();
        assert_eq!(store.waiting_len().unwrap(), 1, "it is still there after the process");
        store.sweep(UnixSeconds::new(1000 + KEPT_AFTER_S)).unwrap();
        assert_eq!(store.waiting_len().unwrap(), 0);
        assert!(store.of_grant(&Serial::from_bytes([1; 16])).unwrap().is_empty());
    }

    #[test]
    fn an_older_receipt_does_not_take_the_place_of_a_newer_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = ReceiptStore::open(&folder.path().join("receipts.redb")).unwrap();
        store.keep(&[kept(1, 0, 7)]).unwrap();
        store.keep(&[kept(1, 0, 6), kept(2, 0, 9), kept(2, 0, 8)]).unwrap();
        for (serial, seq) in [(1, 7), (2, 9)] {
            let newest = store.of_grant(&Serial::from_bytes([serial; 16])).unwrap();
            assert_eq!(newest, [kept(serial, 0, seq).receipt.encode()]);
        }
        let not_the_first = |key: &StreamKey| key[0] != 1;
        assert_eq!(store.waiting(10, not_the_first).unwrap().len(), 1);
    }

    #[test]
    fn the_ledger_is_learnt_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = ReceiptStore::open(&folder.path().join("receipts.redb")).unwrap();
        assert_eq!(store.issuer().unwrap(), None);
        let key = SecretKey::from_bytes(&[1; 32]).public();
        store.learn_issuer(key).unwrap();
        assert_eq!(store.issuer().unwrap(), Some(key));
    }
}
