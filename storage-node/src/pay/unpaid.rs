//! What is open of whom, on the disk: one file, written now and then (spec §16). What was sent after that is lost by a power
//! failure, and with it at most one credit for each payer; a node that is started anew forgets nothing else. What was paid after
//! that is not asked for again: the file names the vouchers that it knows of, and later ones are kept themselves.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;

use protocol::{Counted, Epoch, LaneNumber, PayLane, PricedBytes, PublicKey, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::lanes::DRAFTS;

/// The file.
const FILE: &str = "unpaid";
/// Longest file, in bytes: twice what all that is remembered takes.
const FILE_LEN_MAX: u64 = 32 << 20;
/// Payers that are kept; of more those who owe least are forgotten.
const PAYERS_MAX: usize = 16_384;

/// All that is open, ascending.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Unpaid {
    /// The first epoch for which vouchers were taken.
    pub(super) open_from: Epoch,
    pub(super) lanes: Vec<UnpaidLane>,
    pub(super) payers: Vec<(PublicKey, PricedBytes)>,
    pub(super) strangers: Vec<UnpaidStrangers>,
}

/// The bytes that the newest voucher of a lane said when this was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct UnpaidLane {
    pub(super) payer: PublicKey,
    pub(super) epoch: Epoch,
    pub(super) number: LaneNumber,
    pub(super) bytes: u64,
}

/// What is open of those at one address of whom no payer is known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct UnpaidStrangers {
    pub(super) address: IpAddr,
    pub(super) since: UnixSeconds,
    pub(super) open: PricedBytes,
    pub(super) each: Vec<(PublicKey, PricedBytes)>,
}

impl UnpaidLane {
    pub(super) const fn of(lane: &PayLane, newest: Counted) -> Self {
        let PayLane { payer, epoch, number } = *lane;
        Self { payer, epoch, number, bytes: newest.bytes }
    }
}

impl Default for Unpaid {
    fn default() -> Self {
        Self { open_from: Epoch::new(0), lanes: Vec::new(), payers: Vec::new(), strangers: Vec::new() }
    }
}

impl Unpaid {
    /// What was written last in this folder. A file that cannot be read is told, and as good as none: nobody is asked for what
    /// he may not owe.
    pub(super) fn read(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        let len = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            found => found?.len(),
        };
        let bytes = if len > FILE_LEN_MAX { Vec::new() } else { fs::read(&path)? };
        Ok(Self::decode(&bytes).unwrap_or_else(|| {
            tracing::error!(path = %path.display(), len, "what readers owe cannot be read, and is forgotten");
            Self::default()
        }))
    }

    /// Writes it, durably, in place of what was there.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let draft = dir.join(DRAFTS).join(FILE);
        let mut file = File::create(&draft)?;
        file.write_all(&self.encode())?;
        file.sync_all()?;
        fs::rename(&draft, dir.join(FILE))?;
        File::open(dir)?.sync_all()
    }

    fn encode(&self) -> Vec<u8> {
        let mut kept = self.clone();
        kept.payers.sort_unstable_by_key(|(payer, open)| (u64::MAX - open.bytes(), *payer));
        kept.payers.truncate(PAYERS_MAX);
        let bytes = postcard::to_allocvec(&kept).expect("numbers and keys can be written");
        [blake3::hash(&bytes).as_bytes().as_slice(), &bytes].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (hash, bytes) = bytes.split_first_chunk::<32>()?;
        let is_whole = blake3::hash(bytes).as_bytes() == hash;
        if is_whole { postcard::from_bytes(bytes).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Amount, SecretKey};

    use super::*;

    fn open(bytes: u64) -> PricedBytes {
        PricedBytes::at(Amount::new(9).unwrap(), bytes)
    }

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_bytes(&[seed; 32]).public()
    }

    #[test]
    fn what_is_open_is_found_again_and_what_is_damaged_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(DRAFTS)).unwrap();
        assert_eq!(Unpaid::read(dir.path()).unwrap(), Unpaid::default());
        let address = IpAddr::from([10, 0, 0, 1]);
        let each = vec![(key(3), open(4))];
        let strangers = vec![UnpaidStrangers { address, since: UnixSeconds::new(9), open: open(5), each }];
        let (open_from, number) = (Epoch::new(3), LaneNumber::new(2));
        let lanes = vec![UnpaidLane { payer: key(1), epoch: open_from, number, bytes: 8 }];
        let unpaid = Unpaid { open_from, lanes, payers: vec![(key(1), open(7))], strangers };
        unpaid.write(dir.path()).unwrap();
        assert_eq!(Unpaid::read(dir.path()).unwrap(), unpaid);
        let mut bytes = fs::read(dir.path().join(FILE)).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            fs::write(dir.path().join(FILE), &bytes).unwrap();
            assert_eq!(Unpaid::read(dir.path()).unwrap(), Unpaid::default(), "byte {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn whoever_owes_most_is_kept() {
        let many = (0..=PAYERS_MAX as u64).map(|bytes| (key(1), open(bytes))).collect();
        let unpaid = Unpaid { payers: many, ..Unpaid::default() };
        let kept = Unpaid::decode(&unpaid.encode()).unwrap();
        assert_eq!((kept.payers.len(), kept.payers[PAYERS_MAX - 1].1.bytes()), (PAYERS_MAX, 1));
    }
}
