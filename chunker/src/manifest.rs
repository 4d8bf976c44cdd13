//! The manifest: what an object consists of, readable by anyone who has its CID (spec §8).

use curve25519_dalek::edwards::CompressedEdwardsY;
use proofs::{Cid, Root, canonical};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::header::HeaderError;
use crate::keys::SUITE;
use crate::required_tags::{RequiredTags, RequiredTagsError};
use crate::seal::{Opener, header};
use crate::{CellSize, Coding, CodingError, Column, Commitment, ContentKey, Geometry, GeometryError};
use crate::{ObjectHeader, ObjectKeys, Padding, Salt};

/// Bytes of an encoded manifest.
pub const MANIFEST_LEN_MAX: usize = 1 << 20;
const VERSION: u8 = 1;
const ROOT_LEN: usize = 32;

/// The names of an object's shards, and what is needed to open and to look after it.
///
/// Holding one means that spec §8 calls it valid; whether it names *the* object, its CID tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    geometry: Geometry,
    salt: Salt,
    seed: PlacementSeed,
    roots: Vec<Root>,
    control: ControlKey,
    commitment: Commitment,
    required: RequiredTags,
    sealed_header: Box<[u8; header::SEALED_LEN]>,
    cid: Cid,
}

/// What a manifest is made from.
#[derive(Clone, Debug)]
pub struct ManifestParts<'a> {
    /// The shape of the object.
    pub geometry: Geometry,
    /// The key that its cells were sealed with.
    pub content_key: &'a ContentKey,
    /// The salt that they were sealed with.
    pub salt: Salt,
    /// Random: where the shards go.
    pub seed: PlacementSeed,
    /// Who may release and delegate.
    pub control: ControlKey,
    /// The roots of the shards, by [`Geometry::shard_number`].
    pub roots: Vec<Root>,
    /// Tags that nodes must have to be given a part.
    pub required: RequiredTags,
    /// What is sealed into the manifest.
    pub header: &'a ObjectHeader,
}

/// What a manifest is made from by whoever has no key: everything but the roots, as its owner sealed it.
#[derive(Clone, Debug)]
pub struct SealedManifest {
    /// The shape of the object.
    pub geometry: Geometry,
    /// The salt that its cells were sealed with.
    pub salt: Salt,
    /// Where the shards go.
    pub seed: PlacementSeed,
    /// Who may release and delegate.
    pub control: ControlKey,
    /// What the manifest says of the content key.
    pub commitment: Commitment,
    /// Tags that nodes must have to be given a part.
    pub required: RequiredTags,
    /// The sealed header.
    pub header: Box<[u8; SEALED_HEADER_LEN]>,
}

/// Bytes of a sealed header.
pub const SEALED_HEADER_LEN: usize = header::SEALED_LEN;

/// Why something is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not a canonical map of the known keys, or too long.
    #[error("the manifest is malformed: {0}")]
    Cbor(#[from] canonical::CanonicalError),
    /// Another version of the format.
    #[error("the manifest has version {found}, only {VERSION} is known")]
    Version {
        /// Its version.
        found: u8,
    },
    /// Another cipher suite.
    #[error("the manifest has cipher suite {found}, only {SUITE} is known")]
    Suite {
        /// Its suite.
        found: u8,
    },
    /// A cell size outside 10 to 14.
    #[error("the manifest has cells of 2^{log2} bytes, only 10 to 14 are possible")]
    CellSize {
        /// Its logarithm.
        log2: u8,
    },
    /// `k` or `m` out of range.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// Too few or too many cells.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// More or fewer roots than shards.
    #[error("the manifest has {found} bytes of roots, its geometry asks for {expected}")]
    Roots {
        /// Bytes found.
        found: usize,
        /// Bytes that the geometry asks for.
        expected: usize,
    },
    /// The control key is not the canonical encoding of a curve point.
    #[error("the manifest's control key is not an Ed25519 public key")]
    ControlKey,
    /// The required tags are no tags, too many, too long, or out of order.
    #[error(transparent)]
    RequiredTags(#[from] RequiredTagsError),
    /// The exact length does not give the manifest's cells.
    #[error("an object of {len} bytes does not have the manifest's number and size of cells")]
    ObjectLength {
        /// The length in the header.
        len: u64,
    },
}

/// Why a manifest does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenManifestError {
    /// The content key is not the one that the manifest commits to.
    #[error("the key does not belong to this object")]
    WrongKey,
    /// The key is right, but the header's tag does not match.
    #[error("the sealed header does not open: its authentication tag does not match")]
    Tag,
    /// The header opens to something invalid.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The exact length in the header does not give the manifest's cells.
    #[error("the header says {len} bytes, which do not have the manifest's number and size of cells")]
    ObjectLength {
        /// The length in the header.
        len: u64,
    },
}

impl Manifest {
    /// Seals the header and puts the manifest together.
    pub fn new(parts: ManifestParts<'_>) -> Result<Self, ManifestError> {
        let ManifestParts { geometry, content_key, salt, seed, control, roots, required, header } = parts;
        if !fits(header, &geometry) {
            return Err(ManifestError::ObjectLength { len: header.object_len() });
        }
        let keys = ObjectKeys::derive(content_key, &salt, geometry.cell_size());
        let header = Box::new(header::seal(&keys, &header.to_plain()));
        let commitment = keys.commitment();
        let sealed = SealedManifest { geometry, salt, seed, control, commitment, required, header };
        Self::of_sealed(sealed, roots)
    }

    /// Puts the manifest of an object together that was sealed elsewhere. Whether the sealed fields are right, only the key tells.
    pub fn of_sealed(sealed: SealedManifest, roots: Vec<Root>) -> Result<Self, ManifestError> {
        let SealedManifest { geometry, salt, seed, control, commitment, required, header } = sealed;
        if roots.len() != geometry.shards() {
            let (found, expected) = (roots.len() * ROOT_LEN, geometry.shards() * ROOT_LEN);
            return Err(ManifestError::Roots { found, expected });
        }
        let (sealed_header, cid) = (header, Cid::of(&[]));
        let mut manifest =
            Self { geometry, salt, seed, roots, control, commitment, required, sealed_header, cid };
        let encoded = manifest.encode();
        assert!(encoded.len() <= MANIFEST_LEN_MAX, "the numbers of shards and tags are bounded for this");
        manifest.cid = Cid::of(&encoded);
        Ok(manifest)
    }

    /// Reads a manifest. The caller compares [`Self::cid`] with the one that was asked for.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let fields: Fields = canonical::from_slice(bytes, MANIFEST_LEN_MAX)?;
        if fields.v != VERSION {
            return Err(ManifestError::Version { found: fields.v });
        }
        if fields.suite != SUITE {
            return Err(ManifestError::Suite { found: fields.suite });
        }
        let cell_size =
            CellSize::from_log2(fields.cell).ok_or(ManifestError::CellSize { log2: fields.cell })?;
        let geometry = Geometry::new(Coding::new(fields.k, fields.m)?, cell_size, fields.cells)?;
        let (roots, rest) = fields.roots.as_chunks::<ROOT_LEN>();
        if roots.len() != geometry.shards() || !rest.is_empty() {
            let (found, expected) = (fields.roots.len(), geometry.shards() * ROOT_LEN);
            return Err(ManifestError::Roots { found, expected });
        }
        Ok(Self {
            geometry,
            salt: Salt::from_bytes(*fields.salt),
            seed: PlacementSeed(*fields.seed),
            roots: roots.iter().copied().map(Root::from_bytes).collect(),
            control: ControlKey::from_bytes(*fields.control).ok_or(ManifestError::ControlKey)?,
            commitment: Commitment::from_bytes(*fields.commit),
            required: fields.tags.map_or_else(|| Ok(RequiredTags::default()), RequiredTags::in_order)?,
            sealed_header: Box::new(*fields.header),
            cid: Cid::of(bytes),
        })
    }

    /// Its canonical CBOR: at most [`MANIFEST_LEN_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        let coding = self.geometry.coding();
        canonical::to_vec(&Fields {
            v: VERSION,
            suite: SUITE,
            cell: self.geometry.cell_size().log2(),
            k: coding.data(),
            m: coding.parity(),
            cells: self.geometry.cells(),
            salt: ByteArray::new(*self.salt.as_bytes()),
            seed: ByteArray::new(self.seed.0),
            roots: self.roots.iter().flat_map(Root::as_bytes).copied().collect::<Vec<u8>>().into(),
            control: ByteArray::new(self.control.0),
            commit: ByteArray::new(*self.commitment.as_bytes()),
            header: ByteArray::new(*self.sealed_header),
            tags: self.required.to_field(),
        })
    }

    /// Opens the header and gives what opens the cells, when `key` is the one that the manifest commits to.
    pub fn open(&self, key: &ContentKey) -> Result<(ObjectHeader, Opener), OpenManifestError> {
        let keys = ObjectKeys::derive(key, &self.salt, self.geometry.cell_size());
        if keys.commitment() != self.commitment {
            return Err(OpenManifestError::WrongKey);
        }
        let plain = header::open(&keys, &self.sealed_header).ok_or(OpenManifestError::Tag)?;
        let header = ObjectHeader::from_plain(&plain)?;
        if !fits(&header, &self.geometry) {
            return Err(OpenManifestError::ObjectLength { len: header.object_len() });
        }
        let opener = Opener::new(&keys, self.geometry, &header);
        Ok((header, opener))
    }

    /// The address of the object.
    pub const fn cid(&self) -> Cid {
        self.cid
    }

    /// The shape of the object.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The roots of all shards, by [`Geometry::shard_number`].
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The root of the shard of `column` in `segment`; `None` when it is not stored.
    pub fn root(&self, segment: u32, column: Column) -> Option<Root> {
        self.geometry.shard_number(segment, column).map(|number| self.roots[number])
    }

    /// The object's salt.
    pub const fn salt(&self) -> Salt {
        self.salt
    }

    /// Where its shards go.
    pub const fn seed(&self) -> PlacementSeed {
        self.seed
    }

    /// Tags that a node must have in its record to be given a part of the object.
    pub const fn required(&self) -> &RequiredTags {
        &self.required
    }

    /// Who may release and delegate.
    pub const fn control(&self) -> ControlKey {
        self.control
    }
}

/// Whether an object with this header has this shape, padded or not.
fn fits(header: &ObjectHeader, geometry: &Geometry) -> bool {
    [Padding::None, Padding::Padme]
        .map(|padding| Geometry::for_len(geometry.coding(), header.object_len(), padding))
        .contains(&Ok(*geometry))
}

/// The CBOR map.
#[derive(Serialize, Deserialize)]
struct Fields {
    v: u8,
    suite: u8,
    cell: u8,
    k: u8,
    m: u8,
    cells: u64,
    salt: ByteArray<32>,
    seed: ByteArray<32>,
    roots: ByteBuf,
    control: ByteArray<32>,
    commit: ByteArray<32>,
    header: ByteArray<{ header::SEALED_LEN }>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<String>>,
}

/// 32 random bytes from which the places of an object's shards follow (spec §12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlacementSeed([u8; 32]);

impl PlacementSeed {
    /// The seed that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The Ed25519 public key that may release an object and delegate its care: the canonical encoding of a curve point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ControlKey([u8; 32]);

impl ControlKey {
    /// The key that these bytes are; `None` when they are not the canonical encoding of a curve point.
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let encoding = CompressedEdwardsY(bytes);
        (encoding.decompress()?.compress() == encoding).then_some(Self(bytes))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
