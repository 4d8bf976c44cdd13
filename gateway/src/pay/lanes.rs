//! What a gateway owes nodes, on the disk: every allocation before the ledger has it, every voucher before its node has it.

use protocol::{Allocation, Counted, Epoch, LaneNumber, NetworkId, Promise, PublicKey, Signed, Voucher};
use redb::{ReadableDatabase as _, TableDefinition, WriteTransaction};

use super::collateral::Lane;
use super::store::ReceiptStore;

/// By epoch, node and number: allocation, promise and voucher, as far as there are any.
const LANES: TableDefinition<&LaneKey, Row> = TableDefinition::new("lanes");
/// By epoch and node: bytes that were vouched for and that the gateway has not counted itself.
const BELIEVED: TableDefinition<&NodeKey, u64> = TableDefinition::new("believed");
/// How many epochs back lanes are kept.
const EPOCHS_KEPT: u64 = 8;

/// Epoch and number big-endian, the node between them.
pub(super) type LaneKey = [u8; 44];
/// Epoch big-endian, and the node.
type NodeKey = [u8; 40];
type Row = (&'static [u8], &'static [u8], &'static [u8]);

/// One lane with its records.
#[derive(Debug, Clone)]
pub(super) struct KeptLane {
    pub(super) allocation: Signed<Allocation>,
    pub(super) promise: Option<Signed<Promise>>,
    pub(super) voucher: Option<Signed<Voucher>>,
}

impl KeptLane {
    fn decode((allocation, promise, voucher): (&[u8], &[u8], &[u8]), network: &NetworkId) -> Option<Self> {
        let is_there = |bytes: &&[u8]| !bytes.is_empty();
        let promise = Some(promise).filter(is_there).map(|bytes| Signed::decode(bytes, network));
        let voucher = Some(voucher).filter(is_there).map(|bytes| Signed::decode(bytes, network));
        Some(Self {
            allocation: Signed::decode(allocation, network).ok()?,
            promise: promise.transpose().ok()?,
            voucher: voucher.transpose().ok()?,
        })
    }

    /// What has to be known of it to go on.
    pub(super) fn lane(&self) -> Lane {
        let allocation = self.allocation.body();
        let said = self.voucher.as_ref().map(|voucher| *voucher.body());
        let (bytes, amount) = said.map_or_else(Default::default, |said| (said.bytes, said.amount));
        Lane {
            number: allocation.lane,
            allocated: allocation.amount,
            is_promised: self.promise.is_some(),
            said: Counted { bytes, amount },
        }
    }
}

/// Makes the tables where there are none.
pub(super) fn open_lanes(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(LANES)?;
    transaction.open_table(BELIEVED)?;
    Ok(())
}

impl ReceiptStore {
    /// Keeps a lane as it is now, durably.
    pub(super) fn keep_lane(&self, lane: &KeptLane) -> Result<(), redb::Error> {
        self.change(|transaction| put(transaction, lane))
    }

    /// The same with a new voucher, and in the same step how many bytes its node is believed in this epoch.
    pub(super) fn keep_voucher(&self, lane: &KeptLane, believed: u64) -> Result<(), redb::Error> {
        let body = lane.allocation.body();
        self.change(|transaction| {
            put(transaction, lane)?;
            transaction.open_table(BELIEVED)?.insert(&node_key(body.epoch, &body.payee), believed)?;
            Ok(())
        })
    }

    /// How many bytes nodes were believed in an epoch.
    pub(super) fn believed_in(&self, epoch: Epoch) -> Result<Vec<(PublicKey, u64)>, redb::Error> {
        let view = self.database().begin_read()?;
        let (mut first, mut last) = ([0; 40], [0xff; 40]);
        first[..8].copy_from_slice(&epoch.get().to_be_bytes());
        last[..8].copy_from_slice(&epoch.get().to_be_bytes());
        let mut all = Vec::new();
        for row in view.open_table(BELIEVED)?.range::<&NodeKey>(&first..=&last)? {
            let (key, bytes) = row?;
            let node = key.value()[8..].try_into().ok().and_then(|key| PublicKey::from_bytes(key).ok());
            all.extend(node.map(|node| (node, bytes.value())));
        }
        Ok(all)
    }

    /// The lane with this number, when there is one whose records verify.
    pub(super) fn lane(
        &self,
        epoch: Epoch,
        node: &PublicKey,
        number: LaneNumber,
        network: &NetworkId,
    ) -> Result<Option<KeptLane>, redb::Error> {
        let view = self.database().begin_read()?;
        let row = view.open_table(LANES)?.get(&key(epoch, node, number))?;
        Ok(row.and_then(|row| KeptLane::decode(row.value(), network)))
    }

    /// All lanes of an epoch.
    pub(super) fn lanes_of(&self, epoch: Epoch, network: &NetworkId) -> Result<Vec<KeptLane>, redb::Error> {
        let view = self.database().begin_read()?;
        let (mut first, mut last) = ([0; 44], [0xff; 44]);
        first[..8].copy_from_slice(&epoch.get().to_be_bytes());
        last[..8].copy_from_slice(&epoch.get().to_be_bytes());
        let mut lanes = Vec::new();
        for row in view.open_table(LANES)?.range::<&LaneKey>(&first..=&last)? {
            let lane = KeptLane::decode(row?.1.value(), network);
            lanes.extend(lane);
        }
        Ok(lanes)
    }

    /// Forgets lanes of epochs that are over for long.
    pub(super) fn forget_lanes(&self, epoch: Epoch) -> Result<(), redb::Error> {
        let first_kept = epoch.get().saturating_sub(EPOCHS_KEPT).to_be_bytes();
        let (mut end, mut end_believed) = ([0; 44], [0; 40]);
        end[..8].copy_from_slice(&first_kept);
        end_believed[..8].copy_from_slice(&first_kept);
        self.change(|transaction| {
            let mut lanes = transaction.open_table(LANES)?;
            lanes.retain_in::<&LaneKey, _>(..&end, |_, _| false)?;
            let mut believed = transaction.open_table(BELIEVED)?;
            believed.retain_in::<&NodeKey, _>(..&end_believed, |_, _| false)?;
            Ok(())
        })
    }
}

fn put(transaction: &WriteTransaction, lane: &KeptLane) -> Result<(), redb::Error> {
    let body = lane.allocation.body();
    let key = key(body.epoch, &body.payee, body.lane);
    let promise = lane.promise.as_ref().map(Signed::encode).unwrap_or_default();
    let voucher = lane.voucher.as_ref().map(Signed::encode).unwrap_or_default();
    let row = (lane.allocation.encode(), promise, voucher);
    transaction.open_table(LANES)?.insert(&key, (row.0.as_slice(), row.1.as_slice(), row.2.as_slice()))?;
    Ok(())
}

fn node_key(epoch: Epoch, node: &PublicKey) -> NodeKey {
    let mut key = [0; 40];
    key[..8].copy_from_slice(&epoch.get().to_be_bytes());
    key[8..].copy_from_slice(node.as_bytes());
    key
}

fn key(epoch: Epoch, node: &PublicKey, number: LaneNumber) -> LaneKey {
    let mut key = [0; 44];
    key[..8].copy_from_slice(&epoch.get().to_be_bytes());
    key[8..40].copy_from_slice(node.as_bytes());
    key[40..].copy_from_slice(&number.get().to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use protocol::{Amount, SecretKey, UnixSeconds};

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([2; 32]);

    fn lane(epoch: u64, number: u32) -> KeptLane {
        let secret = SecretKey::from_bytes(&[1; 32]);
        let (amount, payee) = (Amount::new(9).unwrap(), SecretKey::from_bytes(&[3; 32]).public());
        let (epoch, lane, issued) = (Epoch::new(epoch), LaneNumber::new(number), UnixSeconds::new(5));
        let allocation = Signed::sign(&secret, &NETWORK, Allocation { amount, epoch, issued, lane, payee });
        KeptLane { allocation, promise: None, voucher: None }
    }

    #[test]
    fn lanes_are_found_again_with_what_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipts.redb");
        let store = ReceiptStore::open(&path).unwrap();
        assert!(store.lanes_of(Epoch::new(7), &NETWORK).unwrap().is_empty());
        let mut first = lane(7, 0);
        for kept in [&first, &lane(7, 1), &lane(8, 0)] {
            store.keep_lane(kept).unwrap();
        }
        let Allocation { amount, epoch, lane: number, payee, .. } = *first.allocation.body();
        let voucher = Voucher { amount, bytes: 4, epoch, lane: number, payee };
        first.voucher = Some(Signed::sign(&SecretKey::from_bytes(&[1; 32]), &NETWORK, voucher));
        store.keep_voucher(&first, 4).unwrap();
        drop(store);
        let store = ReceiptStore::open(&path).unwrap();
        let kept = store.lanes_of(epoch, &NETWORK).unwrap();
        assert_eq!(kept.iter().map(|lane| lane.lane().said.bytes).collect::<Vec<_>>(), [4, 0]);
        assert_eq!(store.lane(epoch, &payee, number, &NETWORK).unwrap().unwrap().lane(), first.lane());
        assert_eq!(store.believed_in(epoch).unwrap(), [(payee, 4)]);
        assert!(store.believed_in(Epoch::new(8)).unwrap().is_empty());
        store.forget_lanes(Epoch::new(8 + EPOCHS_KEPT)).unwrap();
        assert!(store.believed_in(epoch).unwrap().is_empty());
        assert!(store.lanes_of(epoch, &NETWORK).unwrap().is_empty());
        assert_eq!(store.lanes_of(Epoch::new(8), &NETWORK).unwrap().len(), 1);
    }
}
