//! What auditors said of audits that the node did not pass: kept for its operator, the newest of them.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::limits::STATUS_VERDICTS_MAX;
use protocol::{AuditVerdict, BoundedList, RecordHeading, Signed, Unverified};
use serde::{Deserialize, Serialize};

/// Verdicts kept of auditors for whom an admitted payer vouches, and as many of others.
const VERDICTS_MAX: usize = 64;
/// Longest file that can hold them, in bytes: each of them is short.
const FILE_LEN_MAX: u64 = 1 << 20;

/// The verdicts that a node keeps. A change is durable when it is acknowledged.
#[derive(Debug)]
pub(crate) struct Verdicts {
    dir: PathBuf,
    /// The newest last.
    kept: Mutex<Vec<Kept>>,
}

/// A verdict, and whether it came from a payer whom the node admits: others cannot push those out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    is_of_payer: bool,
    verdict: Unverified<AuditVerdict>,
}

impl Verdicts {
    /// Those in the node's folder. What cannot be read there is left out, and told.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        Ok(Self { dir: dir.to_owned(), kept: Mutex::new(load(dir)?) })
    }

    /// Keeps one more, durably.
    pub(crate) fn keep(&self, verdict: &Signed<AuditVerdict>, is_of_payer: bool) -> io::Result<()> {
        let mut kept = self.kept();
        let verdict = Unverified::from(verdict);
        let mut changed = kept.clone();
        changed.retain(|other| other.verdict != verdict);
        changed.push(Kept { is_of_payer, verdict });
        if changed.iter().filter(|other| other.is_of_payer == is_of_payer).count() > VERDICTS_MAX
            && let Some(oldest) = changed.iter().position(|other| other.is_of_payer == is_of_payer)
        {
            changed.remove(oldest);
        }
        self.write(&changed)?;
        *kept = changed;
        Ok(())
    }

    /// The newest, those of payers first, as many as a status carries.
    pub(crate) fn newest(&self) -> BoundedList<Unverified<AuditVerdict>, STATUS_VERDICTS_MAX> {
        let kept = self.kept();
        let of = |is_of_payer| kept.iter().rev().filter(move |kept| kept.is_of_payer == is_of_payer);
        let newest = of(true).chain(of(false)).take(STATUS_VERDICTS_MAX);
        BoundedList::new(newest.map(|kept| kept.verdict.clone()).collect()).expect("no more were taken")
    }

    /// Whole or not at all: written elsewhere, synced, then given its name.
    fn write(&self, kept: &[Kept]) -> io::Result<()> {
        let bytes = postcard::to_allocvec(kept).map_err(io::Error::other)?;
        let draft = self.dir.join("tmp").join("verdicts");
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path(&self.dir))?;
        File::open(&self.dir)?.sync_all()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The verdicts in a node's folder that verify, the newest first, whether the node runs or not.
pub fn kept_verdicts(dir: &Path) -> io::Result<Vec<Signed<AuditVerdict>>> {
    let verify = |kept: &Kept| {
        let network = RecordHeading::decode(kept.verdict.as_bytes())?.network();
        kept.verdict.verify(&network)
    };
    Ok(load(dir)?.iter().rev().filter_map(|kept| verify(kept).ok()).collect())
}

fn load(dir: &Path) -> io::Result<Vec<Kept>> {
    let path = path(dir);
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
        Ok(about) if about.len() > FILE_LEN_MAX => {
            tracing::error!(path = %path.display(), "verdicts are left out: the file is too long");
            return Ok(Vec::new());
        }
        Ok(_) => {}
    }
    let kept = postcard::from_bytes(&fs::read(&path)?);
    Ok(kept.unwrap_or_else(|error| {
        tracing::error!(path = %path.display(), %error, "verdicts are left out: the file cannot be read");
        Vec::new()
    }))
}

fn path(dir: &Path) -> PathBuf {
    dir.join("verdicts")
}

#[cfg(test)]
mod tests {
    use protocol::{Digest, Ending, NetworkId, SecretKey, Unanswered, UnixSeconds};

    use super::*;

    fn verdict(number: u64) -> Signed<AuditVerdict> {
        let auditor = SecretKey::from_bytes(&[5; 32]);
        let body = AuditVerdict {
            audit: Digest::of(&number.to_le_bytes()),
            ending: Ending::Unanswered(Unanswered::Late),
            failed: 0,
            faults: BoundedList::new(Vec::new()).unwrap(),
            issued: UnixSeconds::new(number),
            node: auditor.public(),
            picks: 0,
            transcript: Digest::of(b"transcript"),
        };
        Signed::sign(&auditor, &NetworkId::from_bytes([1; 32]), body)
    }

    fn numbers(dir: &Path) -> Vec<u64> {
        kept_verdicts(dir).unwrap().iter().map(|verdict| verdict.body().issued.get()).collect()
    }

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        dir
    }

    #[test]
    fn the_newest_are_kept_and_strangers_push_out_their_own_only() {
        let dir = folder();
        let verdicts = Verdicts::open(dir.path()).unwrap();
        assert!(numbers(dir.path()).is_empty());
        verdicts.keep(&verdict(1), true).unwrap();
        for number in 100..200 {
            verdicts.keep(&verdict(number), false).unwrap();
        }
        verdicts.keep(&verdict(199), false).unwrap();
        let expected: Vec<u64> = (136..200).rev().chain([1]).collect();
        assert_eq!(numbers(dir.path()), expected);
        let again = Verdicts::open(dir.path()).unwrap();
        let network = NetworkId::from_bytes([1; 32]);
        let newest: Vec<u64> =
            again.newest().iter().map(|kept| kept.verify(&network).unwrap().body().issued.get()).collect();
        assert_eq!(newest, [1, 199, 198, 197, 196, 195, 194, 193]);
    }

    #[test]
    fn a_file_that_cannot_be_read_costs_no_more_than_itself() {
        let dir = folder();
        for contents in [vec![0xff; 3], vec![0xff; 2 << 20]] {
            fs::write(path(dir.path()), contents).unwrap();
            let verdicts = Verdicts::open(dir.path()).unwrap();
            assert!(numbers(dir.path()).is_empty());
            verdicts.keep(&verdict(7), false).unwrap();
            assert_eq!(numbers(dir.path()), [7]);
        }
    }
}
