//! A grant as the object that lies on the network.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _, Nonce, Tag};
use hpke::rand_core::CryptoRng;
use proofs::canonical;
use protocol::{BoundedList, NetworkId, PublicKey, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::wrap;
use super::{Grant, GrantedFile, Identity, OpenGrantError, OwnIdentity, SealGrantError};
use crate::{ContentHash, Reason};

/// Longest grant, in bytes.
pub const GRANT_LEN_MAX: usize = 1_310_720;
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
    /// What the files may be used for.
    pub purpose: Option<Reason>,
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
}

#[derive(Serialize, Deserialize)]
struct Fields {
    contents: ByteBuf,
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
    /// The grant for these recipients and its owner. `key` is random and used for nothing else.
    pub fn seal(
        self,
        owner: &OwnIdentity,
        network: &NetworkId,
        to: &[Identity],
        key: [u8; 32],
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, SealGrantError> {
        let found = self.files.len();
        let files = BoundedList::new(self.files).ok().filter(|_| found > 0);
        let files = files.ok_or(SealGrantError::Files { found })?;
        let contents = seal(&key, canonical::to_vec(&Contents { files, v: VERSION }));
        let wraps = wrap_for(owner, to, &key, &contents, random)?;
        let body = Grant {
            contents: ContentHash::of(&contents),
            expires: self.expires,
            issued: self.issued,
            purpose: self.purpose,
            wraps: ContentHash::of(&wraps),
        };
        let record = Signed::sign(&owner.signing, network, body).encode();
        let fields = Fields {
            contents: contents.into(),
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
        let Fields { contents, record, v, wraps } = canonical::from_slice(bytes, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(OpenGrantError::Version { found: v });
        }
        let signed = Signed::<Grant>::decode(&record, network)?;
        if ContentHash::of(&contents) != signed.body().contents
            || ContentHash::of(&wraps) != signed.body().wraps
        {
            return Err(OpenGrantError::Hash);
        }
        let len = wraps.len();
        let wraps = wrap::wraps(&wraps).filter(|all| (1..=GRANT_RECIPIENTS_MAX + 1).contains(&all.len()));
        let wraps = wraps.ok_or(OpenGrantError::Wraps { len })?;
        let recipients = wraps.len();
        let about = ContentHash::of(&contents);
        let key = wraps.iter().find_map(|wrap| reader.reading.unwrap(wrap, about.as_bytes()));
        let key = key.ok_or(OpenGrantError::NotForYou { recipients })?;
        let plain = open(&key, &contents).ok_or(OpenGrantError::Key)?;
        let Contents { files, v } = canonical::from_slice(&plain, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(OpenGrantError::Version { found: v });
        }
        let files = files.into_vec();
        if files.is_empty() {
            return Err(OpenGrantError::Files { found: 0 });
        }
        Ok(Self { by: signed.by(), grant: signed.into_body(), files, recipients })
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
    contents: &[u8],
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealGrantError> {
    if to.is_empty() || to.len() > GRANT_RECIPIENTS_MAX {
        return Err(SealGrantError::Recipients { found: to.len() });
    }
    let about = ContentHash::of(contents);
    // The owner's own wrap is a hybrid one, so that it is never the weakest.
    let all = std::iter::once(owner.hybrid()).chain(to);
    let wraps = all.enumerate().map(|(number, to)| {
        to.reads().wrap(key, about.as_bytes(), random).ok_or(SealGrantError::Key { number })
    });
    let mut wraps = wraps.collect::<Result<Vec<_>, _>>()?;
    // By their bytes, which are random: who is who is not to be seen from the order.
    wraps.sort_unstable();
    wraps.dedup();
    Ok(wraps.concat())
}

fn seal(key: &[u8; 32], mut text: Vec<u8>) -> Vec<u8> {
    let tag = ChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(&Nonce::default(), b"", InOutBuf::from(text.as_mut_slice()))
        .expect("it is far below the 256 GiB that one nonce can seal");
    text.extend_from_slice(&tag);
    text
}

fn open(key: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut plain = text.to_vec();
    let tag = Tag::try_from(tag.as_slice()).ok()?;
    ChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(&Nonce::default(), b"", plain.as_mut_slice().into(), &tag)
        .ok()?;
    Some(plain)
}
