//! The newest voucher of every lane, on the disk: one small file each (spec §16).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use protocol::{
    Allocation, PayLane, Promise, RecordHeading, Signed, UnixSeconds, Unverified, VerifiedPayment, Voucher,
};
use serde::{Deserialize, Serialize};

/// The folder of the files.
const FOLDER: &str = "vouchers";
/// Where files are written before they get their name; emptied at the start.
pub(super) const DRAFTS: &str = "tmp";
/// Longest file, in bytes: three short records.
const FILE_LEN_MAX: u64 = 16_384;
/// How long a voucher is kept after the promise for its lane has ended, in seconds: 30 days.
const KEPT_AFTER_S: u64 = 30 * 86_400;

/// What somebody owes this node, as it can be handed to the ledger.
#[derive(Clone, PartialEq, Debug)]
pub struct KeptVoucher {
    /// What is set aside for it.
    pub allocation: Signed<Allocation>,
    /// That the ledger has taken that.
    pub promise: Signed<Promise>,
    /// What is owed.
    pub voucher: Signed<Voucher>,
    /// Bytes that the node had delivered on the lane when it took that.
    pub counted: u64,
}

/// The same in a file.
#[derive(Serialize, Deserialize)]
struct Stored {
    allocation: Unverified<Allocation>,
    promise: Unverified<Promise>,
    voucher: Unverified<Voucher>,
    counted: u64,
}

/// The files of one node.
#[derive(Debug)]
pub(super) struct Lanes {
    dir: PathBuf,
}

/// The vouchers in a node's folder, whether the node runs or not. What cannot be read is left out, and told.
pub fn kept_vouchers(dir: &Path) -> io::Result<Vec<KeptVoucher>> {
    Ok(files(dir)?.into_iter().map(|(_, kept)| kept).collect())
}

impl KeptVoucher {
    /// The lane that it is of.
    pub fn lane(&self) -> PayLane {
        let Voucher { epoch, lane: number, .. } = *self.voucher.body();
        PayLane { payer: self.voucher.by(), epoch, number }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = postcard::from_bytes(bytes).ok()?;
        let network = RecordHeading::decode(stored.voucher.as_bytes()).ok()?.network();
        let kept = Self {
            allocation: stored.allocation.verify(&network).ok()?,
            promise: stored.promise.verify(&network).ok()?,
            voucher: stored.voucher.verify(&network).ok()?,
            counted: stored.counted,
        };
        kept.is_one_lanes().then_some(kept)
    }

    /// Whether its parts are of one lane: in a damaged file each may verify, and be another lane's.
    fn is_one_lanes(&self) -> bool {
        let (allocation, voucher) = (self.allocation.body(), self.voucher.body());
        let lane = (self.allocation.by(), allocation.epoch, allocation.lane, allocation.payee);
        lane == (self.voucher.by(), voucher.epoch, voucher.lane, voucher.payee)
            && self.promise.body().name == self.allocation.name()
    }
}

impl Lanes {
    /// Those in this folder that are not over for long, and what they are.
    pub(super) fn open(dir: &Path, now: UnixSeconds) -> io::Result<(Self, Vec<KeptVoucher>)> {
        fs::create_dir_all(dir.join(FOLDER))?;
        let mut kept = Vec::new();
        for (path, voucher) in files(dir)? {
            if voucher.promise.body().until.plus(KEPT_AFTER_S).has_passed(now) {
                fs::remove_file(path)?;
            } else {
                kept.push(voucher);
            }
        }
        Ok((Self { dir: dir.to_owned() }, kept))
    }

    /// Keeps a payment, durably, in place of the one before on its lane.
    pub(super) fn keep(&self, payment: &VerifiedPayment, counted: u64) -> io::Result<()> {
        let stored = Stored {
            allocation: payment.allocation().into(),
            promise: payment.promise().into(),
            voucher: payment.voucher().into(),
            counted,
        };
        let bytes = postcard::to_allocvec(&stored).map_err(io::Error::other)?;
        let (folder, draft) = (self.dir.join(FOLDER), self.dir.join(DRAFTS).join(FOLDER));
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, folder.join(name(&payment.lane())))?;
        File::open(&folder)?.sync_all()
    }
}

fn name(lane: &PayLane) -> String {
    format!("{}-{}-{}", lane.payer, lane.epoch, lane.number.get())
}

fn files(dir: &Path) -> io::Result<Vec<(PathBuf, KeptVoucher)>> {
    let entries = match fs::read_dir(dir.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (path, len) = (entry.path(), entry.metadata()?.len());
        let kept = if len > FILE_LEN_MAX { None } else { KeptVoucher::decode(&fs::read(&path)?) };
        match kept {
            Some(kept) if name(&kept.lane()).as_str() == entry.file_name() => files.push((path, kept)),
            _ => {
                tracing::error!(path = %path.display(), len, "a voucher is left out: the file cannot be read");
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use fuzzing::fuzz;
    use protocol::{Amount, Epoch, LaneNumber, NetworkId, SecretKey};

    use super::*;

    fn stored(seed: u8, bytes: u64) -> Stored {
        let (network, secret) = (NetworkId::from_bytes([1; 32]), SecretKey::from_bytes(&[seed; 32]));
        let (amount, now) = (Amount::new(bytes).unwrap(), UnixSeconds::new(100));
        let (epoch, lane, payee) = (Epoch::new(7), LaneNumber::new(0), secret.public());
        let allocation =
            Signed::sign(&secret, &network, Allocation { amount, epoch, issued: now, lane, payee });
        let promise = Promise { name: allocation.name(), taken: now, until: now };
        let voucher = Voucher { amount, bytes, epoch, lane, payee };
        Stored {
            allocation: (&allocation).into(),
            promise: (&Signed::sign(&secret, &network, promise)).into(),
            voucher: (&Signed::sign(&secret, &network, voucher)).into(),
            counted: 0,
        }
    }

    #[test]
    fn what_is_kept_is_found_again_until_it_is_over_for_long() {
        let dir = tempfile::tempdir().unwrap();
        assert!(kept_vouchers(dir.path()).unwrap().is_empty(), "there is no folder yet");
        let now = UnixSeconds::new(100);
        let (_, kept) = Lanes::open(dir.path(), now).unwrap();
        assert!(kept.is_empty());
        for seed in [1, 2] {
            let bytes = postcard::to_allocvec(&stored(seed, 9)).unwrap();
            let kept = KeptVoucher::decode(&bytes).unwrap();
            fs::write(dir.path().join(FOLDER).join(name(&kept.lane())), &bytes).unwrap();
            // Under the name of another lane it counts for none.
            fs::write(dir.path().join(FOLDER).join(format!("other-{seed}")), &bytes).unwrap();
        }
        assert_eq!(kept_vouchers(dir.path()).unwrap().len(), 2);
        let until_gone = now.plus(KEPT_AFTER_S);
        assert_eq!(Lanes::open(dir.path(), UnixSeconds::new(until_gone.get() - 1)).unwrap().1.len(), 2);
        assert!(Lanes::open(dir.path(), until_gone).unwrap().1.is_empty());
        assert!(kept_vouchers(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn damaged_files_are_no_vouchers() {
        let corpus: Vec<Vec<u8>> =
            (0..8).map(|seed| postcard::to_allocvec(&stored(seed, 9)).unwrap()).collect();
        let mixed = Stored { voucher: stored(1, 9).voucher, ..stored(0, 9) };
        assert!(KeptVoucher::decode(&postcard::to_allocvec(&mixed).unwrap()).is_none());
        let whole: Vec<_> = corpus.iter().map(|bytes| KeptVoucher::decode(bytes).unwrap()).collect();
        fuzz(|random| {
            if let Some(kept) = KeptVoucher::decode(&random.damaged(&corpus)) {
                assert!(whole.contains(&KeptVoucher { counted: 0, ..kept }));
            }
        });
    }
}
