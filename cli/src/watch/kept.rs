//! Grants and their keys on disk, so that a program that is killed goes on with them, and owes nobody a receipt.
//!
//! A grant has three files, named by its serial: the key of the session, what is known of it, and a lock that a running program holds.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use data_encoding::HEXLOWER;
use ledger::SessionRequest;
use proofs::canonical;
use protocol::{DeliveryReceipt, NetworkId, SecretKey, Sequence, Serial, SessionGrant, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use zeroize::Zeroizing;

use crate::folders::write_privately;

/// Longest file of one grant, in bytes: three records and a few addresses.
const FILE_LEN_MAX: usize = 64 << 10;
/// Grants that are kept at a time.
const GRANTS_MAX: usize = 10_000;
/// How long after its grant a receipt may still be taken, in seconds.
const GRACE_S: u64 = ledger::RECEIPT_GRACE_S;

/// The folder of all grants of an account.
#[derive(Debug, Clone)]
pub(crate) struct Keep(PathBuf);

/// One grant, which no other program uses meanwhile.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    serial: Serial,
    pub(super) key: SecretKey,
    pub(super) network: NetworkId,
    pub(super) ledger: String,
    pub(super) request: Signed<SessionRequest>,
    pub(super) grant: Option<Signed<SessionGrant>>,
    pub(super) receipt: Option<Signed<DeliveryReceipt>>,
    /// The sequence number of the newest receipt that somebody has taken.
    pub(super) acknowledged: u64,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    acknowledged: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<ByteBuf>,
    ledger: String,
    network: ByteArray<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<ByteBuf>,
    request: ByteBuf,
}

impl Keep {
    /// The grants of the account whose file is this one: in a folder beside it.
    pub(crate) fn beside(account: &Path) -> Self {
        let mut name = account.file_name().unwrap_or_default().to_owned();
        name.push(".watching");
        Self(account.with_file_name(name))
    }

    /// The grants in this folder.
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Keeps a request and its key before it is made, so that what is granted can be used whatever happens.
    pub(super) fn begin(
        &self,
        request: Signed<SessionRequest>,
        key: SecretKey,
        ledger: &str,
    ) -> anyhow::Result<Kept> {
        let folder = &self.0;
        let begun = || -> io::Result<Kept> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let serial = request.body().serial(&request.by());
            let lock = lock(folder, serial)?.ok_or(io::ErrorKind::ResourceBusy)?;
            let secret = Zeroizing::new(HEXLOWER.encode(&key.to_bytes()));
            write_privately(&path(folder, serial, "key"), secret.as_bytes())?;
            let kept = Kept {
                folder: folder.clone(),
                serial,
                key,
                network: request.network(),
                ledger: ledger.to_owned(),
                request,
                grant: None,
                receipt: None,
                acknowledged: 0,
                _lock: lock,
            };
            kept.write()?;
            Ok(kept)
        };
        begun().with_context(|| format!("cannot keep a grant in {}", folder.display()))
    }

    /// All grants that no other program uses.
    pub(super) fn all(&self) -> anyhow::Result<Vec<Kept>> {
        let folder = &self.0;
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let serial = path.extension().filter(|ending| *ending == "grant").and(path.file_stem());
            let Some(serial) = serial.and_then(|name| serial_of(name.to_str()?)) else { continue };
            if all.len() >= GRANTS_MAX {
                bail!("{} holds more than {GRANTS_MAX} grants", folder.display());
            }
            all.extend(
                Kept::read(folder, serial).with_context(|| format!("cannot read {}", path.display()))?,
            );
        }
        Ok(all)
    }
}

impl Kept {
    /// The sequence number of the newest receipt, where the other side has answered that it has it.
    pub(super) fn taken(&self) -> Option<Sequence> {
        let seq = self.receipt.as_ref()?.body().seq;
        (self.acknowledged >= seq.get()).then_some(seq)
    }

    /// `None` while another program uses it.
    fn read(folder: &Path, serial: Serial) -> anyhow::Result<Option<Self>> {
        let Some(lock) = lock(folder, serial)? else { return Ok(None) };
        let bytes = match fs::read(path(folder, serial, "grant")) {
            // Another program has used it, and removed it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let fields: Fields = canonical::from_slice(&bytes, FILE_LEN_MAX)?;
        let network = NetworkId::from_bytes(fields.network.into_array());
        let text = Zeroizing::new(fs::read_to_string(path(folder, serial, "key"))?);
        let key = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(key.context("its key is not 64 hexadecimal digits")?);
        Ok(Some(Self {
            folder: folder.to_owned(),
            serial,
            key: SecretKey::from_bytes(&key),
            network,
            ledger: fields.ledger,
            request: Signed::decode(&fields.request, &network)?,
            grant: fields.grant.map(|record| Signed::decode(&record, &network)).transpose()?,
            receipt: fields.receipt.map(|record| Signed::decode(&record, &network)).transpose()?,
            acknowledged: fields.acknowledged,
            _lock: lock,
        }))
    }

    /// Makes durable what is known of it now.
    pub(super) fn write(&self) -> io::Result<()> {
        let fields = Fields {
            acknowledged: self.acknowledged,
            grant: self.grant.as_ref().map(|record| ByteBuf::from(record.encode())),
            ledger: self.ledger.clone(),
            network: ByteArray::new(*self.network.as_bytes()),
            receipt: self.receipt.as_ref().map(|record| ByteBuf::from(record.encode())),
            request: ByteBuf::from(self.request.encode()),
        };
        write_privately(&path(&self.folder, self.serial, "grant"), &canonical::to_vec(&fields))?;
        File::open(&self.folder)?.sync_all()
    }

    /// Whether somebody has yet to hear of what came.
    pub(super) fn is_owed(&self) -> bool {
        self.receipt.as_ref().is_some_and(|receipt| receipt.body().seq.get() > self.acknowledged)
    }

    /// Whether no receipt is taken under it any more.
    pub(super) fn is_over(&self, now: UnixSeconds) -> bool {
        let ended = match &self.grant {
            Some(grant) => grant.body().expires,
            None => self.request.body().issued.plus(ledger::GRANT_DURATION_MAX_S),
        };
        ended.plus(GRACE_S).has_passed(now)
    }

    /// Forgets it.
    pub(super) fn remove(self) -> io::Result<()> {
        for ending in ["grant", "key", "lock"] {
            fs::remove_file(path(&self.folder, self.serial, ending))?;
        }
        Ok(())
    }
}

fn path(folder: &Path, serial: Serial, ending: &str) -> PathBuf {
    folder.join(format!("{serial}.{ending}"))
}

fn serial_of(name: &str) -> Option<Serial> {
    HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok().map(Serial::from_bytes)
}

/// The lock of a grant; `None` while another program holds it.
fn lock(folder: &Path, serial: Serial) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path(folder, serial, "lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use protocol::{AgreementId, Amount, Epoch, Usage};

    use super::*;
    use crate::watch::stream::Stream;

    const ISSUED: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn begun(keep: &Keep) -> Kept {
        let [viewer, session] = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]));
        let request = SessionRequest {
            agreement: AgreementId::from_bytes([3; 32]),
            attested: false,
            budget: None,
            charge: Amount::ZERO,
            epoch: Epoch::new(1),
            gateway: viewer.public(),
            issued: ISSUED,
            limit: Usage::default(),
            session: session.public(),
        };
        let network = NetworkId::from_bytes([4; 32]);
        keep.begin(Signed::sign(&viewer, &network, request), session, "http://127.0.0.1:8700/").unwrap()
    }

    #[test]
    fn a_grant_is_used_by_one_program_at_a_time_and_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::beside(&folder.path().join("account"));
        assert!(keep.all().unwrap().is_empty(), "there is no folder");
        let mut kept = begun(&keep);
        assert!(keep.all().unwrap().is_empty(), "it is in use");
        assert!(!kept.is_owed());
        let receipt = Stream::new(kept.serial).broke_off(5);
        kept.receipt = Some(Signed::sign(&kept.key, &kept.network, receipt));
        kept.write().unwrap();
        drop(kept);

        let [mut again] = <[Kept; 1]>::try_from(keep.all().unwrap()).unwrap();
        assert_eq!(again.key.public(), again.request.body().session);
        assert_eq!(again.receipt.as_ref().unwrap().body().usage.bytes, 5);
        assert!(again.is_owed());
        again.acknowledged = 1;
        assert!(!again.is_owed());
        let ended = ISSUED.plus(ledger::GRANT_DURATION_MAX_S + GRACE_S);
        assert!(!again.is_over(ISSUED) && again.is_over(ended.plus(1)));
        again.remove().unwrap();
        assert!(keep.all().unwrap().is_empty());
        assert_eq!(fs::read_dir(&keep.0).unwrap().count(), 0);
    }

    #[test]
    fn keys_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::beside(&folder.path().join("account"));
        let kept = begun(&keep);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&keep.0), 0o700);
        assert_eq!(mode(&path(&keep.0, kept.serial, "key")), 0o600);
        drop(kept);
        fs::write(path(&keep.0, serial_of(&"0".repeat(32)).unwrap(), "grant"), b"no grant").unwrap();
        assert!(keep.all().is_err(), "a file that is none is named, not passed over");
    }
}
