//! A grant as the object that lies on the network.

use chunker::AccountSecret;
use hpke::rand_core::CryptoRng;
use proofs::canonical;
use protocol::{BoundedList, NetworkId, PublicKey, Sequence, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::wrap;
use super::{
    Grant, GrantKeys, GrantLink, GrantNote, GrantedFile, Identity, NoteError, OpenGrantError, OwnIdentity,
    SealGrantError, cipher,
};
use crate::{ContentHash, Reason};

/// Longest grant, in bytes.
pub const GRANT_LEN_MAX: usize = 4_194_304;
/// Most files of a grant.
pub const GRANT_FILES_MAX: usize = 64;
/// Most recipients of a grant.
pub const GRANT_RECIPIENTS_MAX: usize = 1024;
/// The version of the format.
const VERSION: u8 = 1;

/// A grant that is to be given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGrant {
    /// When it ends.
    pub expires: Option<UnixSeconds>,
    /// The files.
    pub files: Vec<GrantedFile>,
    /// When it is given.
    pub issued: UnixSeconds,
    /// The owner's own note of it; who may read is handed in besides.
    pub note: GrantNote,
    /// What the files may be used for.
    pub purpose: Option<Reason>,
    /// The version.
    pub seq: Sequence,
}

/// A grant that somebody has opened for whom it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenedGrant {
    /// Who has given it.
    pub by: PublicKey,
    /// What they have signed.
    pub grant: Grant,
    /// What it opens.
    pub files: Vec<GrantedFile>,
    /// For how many it is, its owner included.
    pub recipients: usize,
    /// The owner's note, sealed.
    note: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    contents: ByteBuf,
    note: ByteBuf,
    record: ByteBuf,
    v: u8,
    wraps: ByteBuf,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    files: BoundedList<GrantedFile, GRANT_FILES_MAX>,
    v: u8,
}

impl NewGrant {
    /// The grant of this account for these recipients and its owner. `key` is random and used for nothing else.
    pub fn seal(
        self,
        account: &AccountSecret,
        network: &NetworkId,
        to: &[Identity],
        key: [u8; 32],
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, SealGrantError> {
        let found = self.files.len();
        let files = BoundedList::new(self.files).ok().filter(|_| found > 0);
        let files = files.ok_or(SealGrantError::Files { found })?;
        let owner = &OwnIdentity::of(account);
        let contents = cipher::seal(&key, b"", canonical::to_vec(&Contents { files, v: VERSION }));
        let about = ContentHash::of(&contents);
        let note = self.note.seal(account, &about)?;
        let unwrapped = Grant {
            contents: about,
            expires: self.expires,
            issued: self.issued,
            note: ContentHash::of(&note),
            purpose: self.purpose,
            seq: self.seq,
            series: GrantKeys::derive(account, self.note.id).link().series(),
            wraps: Grant::NO_WRAPS,
        };
        let terms = unwrapped.terms(&owner.signing.public(), network);
        let wraps = wrap_for(owner, to, &key, &terms, random)?;
        let body = Grant { wraps: ContentHash::of(&wraps), ..unwrapped };
        let record = Signed::sign(&owner.signing, network, body).encode();
        let fields = Fields {
            contents: contents.into(),
            note: note.into(),
            record: ByteBuf::from(record),
            v: VERSION,
            wraps: wraps.into(),
        };
        let bytes = canonical::to_vec(&fields);
        if bytes.len() > GRANT_LEN_MAX {
            return Err(SealGrantError::TooLong { len: bytes.len() });
        }
        Ok(bytes)
    }
}

impl OpenedGrant {
    /// Opens a grant of this network with the key of a reader.
    pub fn open(bytes: &[u8], network: &NetworkId, reader: &OwnIdentity) -> Result<Self, OpenGrantError> {
        let Fields { contents, note, record, v, wraps } = canonical::from_slice(bytes, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(OpenGrantError::Version { found: v });
        }
        let signed = Signed::<Grant>::decode(&record, network)?;
        let body = signed.body();
        let hashes = [&contents, &note, &wraps].map(|part| ContentHash::of(part));
        if hashes != [body.contents, body.note, body.wraps] {
            return Err(OpenGrantError::Hash);
        }
        let len = wraps.len();
        let wraps = wrap::wraps(&wraps).filter(|all| (1..=GRANT_RECIPIENTS_MAX + 1).contains(&all.len()));
        let wraps = wraps.ok_or(OpenGrantError::Wraps { len })?;
        let recipients = wraps.len();
        let terms = signed.body().terms(&signed.by(), network);
        let key = wraps.iter().find_map(|wrap| reader.reading.unwrap(wrap, terms.as_bytes()));
        let key = key.ok_or(OpenGrantError::NotForYou { recipients })?;
        let plain = cipher::open(&key, b"", &contents).ok_or(OpenGrantError::Key)?;
        let Contents { files, v } = canonical::from_slice(&plain, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(OpenGrantError::Version { found: v });
        }
        let files = files.into_vec();
        if files.is_empty() {
            return Err(OpenGrantError::Files { found: 0 });
        }
        let note = note.into_vec();
        Ok(Self { by: signed.by(), grant: signed.into_body(), files, recipients, note })
    }

    /// Fails when this is not the version of the grant behind `link` that its pointer calls `seq`.
    pub fn check_version(&self, link: &GrantLink, seq: Sequence) -> Result<(), OpenGrantError> {
        let Grant { series, seq: found, .. } = self.grant;
        if series != link.series() {
            return Err(OpenGrantError::Series);
        }
        if found != seq {
            return Err(OpenGrantError::Place { seq, found });
        }
        Ok(())
    }

    /// What its owner has noted of it.
    pub fn note(&self, account: &AccountSecret) -> Result<GrantNote, NoteError> {
        GrantNote::open(&self.note, account, &self.grant.contents)
    }

    /// Fails when it has ended.
    pub fn check_time(&self, now: UnixSeconds) -> Result<(), OpenGrantError> {
        match self.grant.expires {
            Some(at) if at <= now => Err(OpenGrantError::Expired { at }),
            _ => Ok(()),
        }
    }
}

/// The key wrapped for the owner and for each recipient, in the order of their keys, so that nobody is the first one.
fn wrap_for(
    owner: &OwnIdentity,
    to: &[Identity],
    key: &[u8; 32],
    terms: &ContentHash,
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealGrantError> {
    if to.is_empty() || to.len() > GRANT_RECIPIENTS_MAX {
        return Err(SealGrantError::Recipients { found: to.len() });
    }
    // The owner's own wrap is a hybrid one, so that it is never the weakest.
    let all = std::iter::once(owner.hybrid()).chain(to);
    let wraps = all.enumerate().map(|(number, to)| {
        to.reads().wrap(key, terms.as_bytes(), random).ok_or(SealGrantError::Key { number })
    });
    let mut wraps = wraps.collect::<Result<Vec<_>, _>>()?;
    // By their bytes, which are random: who is who is not to be seen from the order.
    wraps.sort_unstable();
    wraps.dedup();
    Ok(wraps.concat())
}
