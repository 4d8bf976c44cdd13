//! A grant as the object that lies on the network.

use chunker::AccountSecret;
use hpke::rand_core::CryptoRng;
use proofs::canonical;
use protocol::{BoundedList, NetworkId, PublicKey, Sequence, Signed, Slot, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use zeroize::Zeroizing;

use super::delegation::{Holding, Level, Passing};
use super::wrap::{self, WRAPPED_KEYS_LEN};
use super::{
    Depth, GRANT_SLOT, Grant, GrantKeys, GrantLink, GrantNote, GrantedFile, HolderSecret, Identity,
    NoteError, OpenGrantError, OwnIdentity, SealGrantError, cipher,
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
    /// How often its recipients may pass it on, one after the other; not at all without.
    pub depth: Option<Depth>,
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
    /// By what the reader shows that it was granted to them.
    pub holder: HolderSecret,
    /// The owner's note, sealed.
    note: Vec<u8>,
    /// What is handed on with it.
    level: Level,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    contents: ByteBuf,
    note: ByteBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passing: Option<ByteBuf>,
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
        let owner = &OwnIdentity::of(account);
        let keys = GrantKeys::derive(account, self.note.id);
        let holders = Holders { giver: keys.holder(), slot: GRANT_SLOT };
        let passing = self.depth.map(|_| Passing::new(self.depth, &holders.keys(to), &self.files).encode());
        let contents = seal_files(self.files, &key)?;
        let about = ContentHash::of(&contents);
        let note = self.note.seal(account, &about)?;
        let unwrapped = Grant {
            contents: about,
            expires: self.expires,
            issued: self.issued,
            note: ContentHash::of(&note),
            passing: passing.as_deref().map(ContentHash::of),
            purpose: self.purpose,
            seq: self.seq,
            series: keys.link().series(),
            wraps: NO_WRAPS,
        };
        let terms = terms(&unwrapped, &owner.signing.public(), network);
        let wraps = holders.wrap(owner, to, &key, &terms, random)?;
        let body = Grant { wraps: ContentHash::of(&wraps), ..unwrapped };
        let record = Signed::sign(&owner.signing, network, body).encode();
        let fields = Fields {
            contents: contents.into(),
            note: note.into(),
            passing: passing.map(ByteBuf::from),
            record: ByteBuf::from(record),
            v: VERSION,
            wraps: wraps.into(),
        };
        encode(&fields)
    }
}

impl OpenedGrant {
    /// Opens a grant of this network with the key of a reader.
    pub fn open(bytes: &[u8], network: &NetworkId, reader: &OwnIdentity) -> Result<Self, OpenGrantError> {
        let Fields { contents, note, passing, record, v, wraps } =
            canonical::from_slice(bytes, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(OpenGrantError::Version { found: v });
        }
        let signed = Signed::<Grant>::decode(&record, network)?;
        let body = signed.body();
        let hashes = [&contents, &note, &wraps].map(|part| ContentHash::of(part));
        let passed = passing.as_deref().map(|part| ContentHash::of(part));
        if hashes != [body.contents, body.note, body.wraps] || passed != body.passing {
            return Err(OpenGrantError::Hash);
        }
        let terms = terms(&Grant { wraps: NO_WRAPS, ..body.clone() }, &signed.by(), network);
        let Unsealed { files, holder, recipients } = unseal(&contents, &wraps, &terms, reader)?;
        let (note, level) = (note.into_vec(), Level { passing, record });
        Ok(Self { by: signed.by(), grant: signed.into_body(), files, recipients, holder, note, level })
    }

    /// What its reader may pass on; nothing where the owner has not allowed that.
    pub fn holding(&self, network: &NetworkId) -> Result<Option<Holding>, OpenGrantError> {
        let above = vec![self.level.clone()];
        Ok(Holding::new(above, self.files.clone(), self.holder.clone(), network)?)
    }

    /// How often its recipients may pass it on.
    pub fn depth(&self) -> Option<Depth> {
        Passing::decode(self.level.passing.as_deref()?)?.depth
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

/// What the wraps of a grant give its reader.
pub(super) struct Unsealed {
    pub(super) files: Vec<GrantedFile>,
    pub(super) holder: HolderSecret,
    /// How many wraps there are.
    pub(super) recipients: usize,
}

/// Who gives, and by which of their pointers: from both follow the secrets of the recipients.
pub(super) struct Holders<'a> {
    pub(super) giver: &'a HolderSecret,
    pub(super) slot: Slot,
}

/// What stands in the place of the hash of the wraps where these are bound to the rest.
pub(super) const NO_WRAPS: ContentHash = ContentHash::from_bytes([0; 32]);

/// What each wrap is bound to: who signs what, on which network, but for the wraps themselves.
pub(super) fn terms(unwrapped: &impl Serialize, by: &PublicKey, network: &NetworkId) -> ContentHash {
    let body = canonical::to_vec(unwrapped);
    ContentHash::of(&[by.as_bytes().as_slice(), network.as_bytes(), &body].concat())
}

/// The object, when it is not too long.
pub(super) fn encode(fields: &impl Serialize) -> Result<Vec<u8>, SealGrantError> {
    let bytes = canonical::to_vec(fields);
    if bytes.len() > GRANT_LEN_MAX {
        return Err(SealGrantError::TooLong { len: bytes.len() });
    }
    Ok(bytes)
}

pub(super) fn seal_files(files: Vec<GrantedFile>, key: &[u8; 32]) -> Result<Vec<u8>, SealGrantError> {
    let found = files.len();
    let files = BoundedList::new(files).ok().filter(|_| found > 0);
    let files = files.ok_or(SealGrantError::Files { found })?;
    Ok(cipher::seal(key, b"", canonical::to_vec(&Contents { files, v: VERSION })))
}

/// What was sealed for this reader beside these terms.
pub(super) fn unseal(
    contents: &[u8],
    wraps: &[u8],
    terms: &ContentHash,
    reader: &OwnIdentity,
) -> Result<Unsealed, OpenGrantError> {
    let len = wraps.len();
    let wraps = wrap::wraps(wraps).filter(|all| (1..=GRANT_RECIPIENTS_MAX + 1).contains(&all.len()));
    let wraps = wraps.ok_or(OpenGrantError::Wraps { len })?;
    let recipients = wraps.len();
    let keys = wraps.iter().find_map(|wrap| reader.reading.unwrap(wrap, terms.as_bytes()));
    let keys = Zeroizing::new(keys.ok_or(OpenGrantError::NotForYou { recipients })?);
    let (key, holder) = keys.split_first_chunk::<32>().expect("there are 64 bytes");
    let plain = cipher::open(key, b"", contents).ok_or(OpenGrantError::Key)?;
    let Contents { files, v } = canonical::from_slice(&plain, GRANT_LEN_MAX)?;
    if v != VERSION {
        return Err(OpenGrantError::Version { found: v });
    }
    let (files, holder) = (files.into_vec(), holder.try_into().expect("there are 64 bytes"));
    if files.is_empty() {
        return Err(OpenGrantError::Files { found: 0 });
    }
    Ok(Unsealed { files, holder: HolderSecret::from_bytes(holder), recipients })
}

impl Holders<'_> {
    /// The public keys by which the recipients show that they are some, each with the one that signs for them.
    pub(super) fn keys(&self, to: &[Identity]) -> Vec<(PublicKey, PublicKey)> {
        to.iter().map(|to| (self.of(to).key().public(), to.signs())).collect()
    }

    fn of(&self, to: &Identity) -> HolderSecret {
        self.giver.of_recipient(self.slot, to.signs())
    }

    /// The keys wrapped for who gives and for each recipient, in the order of their bytes, so that nobody is the first one.
    pub(super) fn wrap(
        &self,
        giver: &OwnIdentity,
        to: &[Identity],
        key: &[u8; 32],
        terms: &ContentHash,
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, SealGrantError> {
        if to.is_empty() || to.len() > GRANT_RECIPIENTS_MAX {
            return Err(SealGrantError::Recipients { found: to.len() });
        }
        // The giver's own wrap is a hybrid one, so that it is never the weakest.
        let own = std::iter::once((giver.hybrid(), self.giver.clone()));
        let all = own.chain(to.iter().map(|to| (to, self.of(to))));
        let wraps = all.enumerate().map(|(number, (to, holder))| {
            let mut keys = Zeroizing::new([0; WRAPPED_KEYS_LEN]);
            keys[..32].copy_from_slice(key);
            keys[32..].copy_from_slice(holder.expose());
            to.reads().wrap(&keys, terms.as_bytes(), random).ok_or(SealGrantError::Key { number })
        });
        let mut wraps = wraps.collect::<Result<Vec<_>, _>>()?;
        // By their bytes, which are random: who is who is not to be seen from the order.
        wraps.sort_unstable();
        wraps.dedup();
        Ok(wraps.concat())
    }
}
