//! What comes in front of the cells of an upload from whoever has sealed them elsewhere (spec §27).

use chunker::{
    CellSize, Coding, CodingError, Commitment, ControlKey, Geometry, GeometryError, PlacementSeed,
    RequiredTags, SEALED_HEADER_LEN, Salt, SealedManifest,
};
use proofs::canonical;
use protocol::{Mandate, RecordError, Unverified};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// Bytes of the CBOR in front of the cells.
pub const SEALED_UPLOAD_HEAD_LEN_MAX: usize = 8192;
const VERSION: u8 = 1;

/// Everything of an upload but its cells.
#[derive(Clone, Debug)]
pub struct SealedUpload {
    /// The manifest to be, without its roots.
    pub manifest: SealedManifest,
    /// The leave of the object's owner, as it came.
    pub mandate: Unverified<Mandate>,
}

/// Why something is no beginning of an upload.
#[derive(Debug, thiserror::Error)]
pub enum SealedUploadError {
    /// Not a canonical map of the known keys.
    #[error("the upload is malformed: {0}")]
    Cbor(#[from] canonical::CanonicalError),
    /// Another version.
    #[error("the upload has version {found}, only {VERSION} is known")]
    Version {
        /// Its version.
        found: u8,
    },
    /// A cell size outside 10 to 14.
    #[error("the upload has cells of 2^{log2} bytes, only 10 to 14 are possible")]
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
    /// The control key is not the canonical encoding of a curve point.
    #[error("the upload's control key is not an Ed25519 public key")]
    ControlKey,
    /// The mandate is longer than any record.
    #[error(transparent)]
    Mandate(#[from] RecordError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    cell: u8,
    cells: u64,
    commit: ByteArray<32>,
    control: ByteArray<32>,
    header: ByteArray<SEALED_HEADER_LEN>,
    k: u8,
    m: u8,
    mandate: ByteBuf,
    salt: ByteArray<32>,
    seed: ByteArray<32>,
    v: u8,
}

impl SealedUpload {
    /// What these bytes say. Whether the mandate is one, its verification tells.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealedUploadError> {
        let fields: Fields = canonical::from_slice(bytes, SEALED_UPLOAD_HEAD_LEN_MAX)?;
        if fields.v != VERSION {
            return Err(SealedUploadError::Version { found: fields.v });
        }
        let log2 = fields.cell;
        let size = CellSize::from_log2(log2).ok_or(SealedUploadError::CellSize { log2 })?;
        let control = ControlKey::from_bytes(*fields.control).ok_or(SealedUploadError::ControlKey)?;
        let manifest = SealedManifest {
            geometry: Geometry::new(Coding::new(fields.k, fields.m)?, size, fields.cells)?,
            salt: Salt::from_bytes(*fields.salt),
            seed: PlacementSeed::from_bytes(*fields.seed),
            control,
            commitment: Commitment::from_bytes(*fields.commit),
            required: RequiredTags::default(),
            header: Box::new(*fields.header),
        };
        Ok(Self { manifest, mandate: Unverified::from_bytes(fields.mandate.into_vec())? })
    }

    /// `u32le(n) ‖ CBOR`: what stands in front of the cells.
    pub fn encode(&self) -> Vec<u8> {
        let SealedManifest { geometry, salt, seed, control, commitment, header, .. } = &self.manifest;
        let cbor = canonical::to_vec(&Fields {
            cell: geometry.cell_size().log2(),
            cells: geometry.cells(),
            commit: ByteArray::new(*commitment.as_bytes()),
            control: ByteArray::new(*control.as_bytes()),
            header: ByteArray::new(**header),
            k: geometry.coding().data(),
            m: geometry.coding().parity(),
            mandate: ByteBuf::from(self.mandate.as_bytes().to_vec()),
            salt: ByteArray::new(*salt.as_bytes()),
            seed: ByteArray::new(*seed.as_bytes()),
            v: VERSION,
        });
        let len = u32::try_from(cbor.len()).expect("its fields are bounded");
        [&len.to_le_bytes(), cbor.as_slice()].concat()
    }
}
