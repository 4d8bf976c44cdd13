//! What a key service keeps: a file for each offer, and one for each delivery, by their names.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ledger::{KeyDelivery, Offer};
use proofs::canonical;
use protocol::{Digest, NetworkId, Signed, Unverified};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{KeyServiceError, LICENCE_LEN_MAX};
use crate::durable;

const OFFERS: &str = "offers";
const DELIVERIES: &str = "deliveries";
/// How the name of an offer's file ends that the ledger has not taken.
const UNTAKEN: &str = "untaken";
/// Records and what is sold are short.
const FILE_LEN_MAX: usize = LICENCE_LEN_MAX + 16_384;

/// Something that is offered.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) name: Digest,
    pub(super) offer: Signed<Offer>,
    pub(super) licence: String,
    pub(super) sold: Vec<u8>,
    /// Whether the ledger has taken it: nobody can buy it otherwise.
    pub(super) is_taken: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    licence: String,
    offer: Unverified<Offer>,
    sold: ByteBuf,
}

/// A key that was sealed, and what the ledger is told of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delivered {
    pub(super) delivery: Unverified<KeyDelivery>,
    pub(super) sealed: ByteBuf,
}

/// Makes the folder, which its owner alone may read.
pub(super) fn make(folder: &Path) -> Result<(), KeyServiceError> {
    use std::os::unix::fs::PermissionsExt as _;
    for name in [OFFERS, DELIVERIES] {
        let path = folder.join(name);
        durable::make_folder(&path).map_err(at(&path))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(at(folder))
}

pub(super) fn keep_offer(
    folder: &Path,
    offer: &Signed<Offer>,
    licence: &str,
    sold: &[u8],
) -> Result<(), KeyServiceError> {
    make(folder)?;
    let kept = Kept { licence: licence.to_owned(), offer: offer.into(), sold: ByteBuf::from(sold) };
    keep(&untaken(folder, &offer.name()), &kept)
}

/// The ledger has taken an offer that is kept here.
pub(super) fn offer_is_taken(folder: &Path, name: &Digest) -> Result<(), KeyServiceError> {
    let path = folder.join(OFFERS).join(name.to_string());
    fs::rename(untaken(folder, name), &path).and_then(|()| durable::sync_name(&path)).map_err(at(&path))
}

fn untaken(folder: &Path, name: &Digest) -> PathBuf {
    folder.join(OFFERS).join(name.to_string()).with_extension(UNTAKEN)
}

/// Everything that was offered for this network, the newest last.
pub(super) fn offers(folder: &Path, network: &NetworkId) -> Result<Vec<Offered>, KeyServiceError> {
    let mut offers = Vec::new();
    let path = folder.join(OFFERS);
    for entry in fs::read_dir(&path).map_err(at(&path))? {
        let path = entry.map_err(at(&path))?.path();
        let is_taken = match path.extension() {
            None => true,
            Some(end) if end == UNTAKEN => false,
            // A draft is left where the power went while it was written.
            Some(_) => continue,
        };
        let Some(Kept { licence, offer, sold }) = read(&path)? else { continue };
        let offer = offer.verify(network).map_err(|_| KeyServiceError::Broken { path })?;
        offers.push(Offered { name: offer.name(), offer, licence, sold: sold.into_vec(), is_taken });
    }
    offers.sort_by_key(|offered| (offered.offer.body().issued, offered.name));
    Ok(offers)
}

pub(super) fn delivered(folder: &Path, purchase: &Digest) -> Result<Option<Delivered>, KeyServiceError> {
    read(&folder.join(DELIVERIES).join(purchase.to_string()))
}

/// Keeps a delivery; it is durable when this returns.
pub(super) fn keep_delivery(
    folder: &Path,
    purchase: &Digest,
    delivered: &Delivered,
) -> Result<(), KeyServiceError> {
    keep(&folder.join(DELIVERIES).join(purchase.to_string()), delivered)
}

fn keep(path: &Path, kept: &impl Serialize) -> Result<(), KeyServiceError> {
    let written = durable::replace(path, &canonical::to_vec(kept)).and_then(|()| durable::sync_name(path));
    written.map_err(at(path))
}

fn read<T: Serialize + DeserializeOwned>(path: &Path) -> Result<Option<T>, KeyServiceError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let kept = canonical::from_slice(&bytes, FILE_LEN_MAX);
    kept.map(Some).map_err(|_| KeyServiceError::Broken { path: path.to_owned() })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeyServiceError + use<> {
    let path: PathBuf = path.to_owned();
    |source| KeyServiceError::Io { path, source }
}
