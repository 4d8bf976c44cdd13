//! How a film lies on a sphere: what encoders lose, and what is carried over from the film that they were given.

use shiguredo_mp4::boxes::UnknownBox;

use super::{OpenError, Source, entry, scan};
use crate::boxes::{BoxError, BoxName, child, children};
use crate::limits::PROJECTION_LEN_MAX;
use crate::read::ReadAt;

/// The `uuid` of Spherical Video V1 in a track.
const SPHERICAL_V1: [u8; 16] =
    [0xff, 0xcc, 0x82, 0x63, 0xf8, 0x55, 0x4a, 0x93, 0x88, 0x14, 0x58, 0x7a, 0x02, 0x52, 0x1f, 0xdd];
/// The boxes of Spherical Video V2 in a sample entry: how two eyes share the picture, and how it lies on the sphere.
const SPHERICAL_V2: [&[u8; 4]; 2] = [b"st3d", b"sv3d"];

/// The boxes of spherical video (github.com/google/spatial-media) of one film, as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// Of the track.
    track: Vec<UnknownBox>,
    /// Of its sample entry, one after the other.
    entry: Vec<u8>,
}

impl Projection {
    /// The projection of the first film in an MP4 or MOV of `len` bytes, whatever its codec; `None` where it is a plain
    /// one. Only `moov` is read.
    pub fn read(reader: &impl ReadAt, len: u64) -> Result<Option<Self>, OpenError> {
        let moov = scan::movie(reader, len)?;
        for trak in children(&moov) {
            let trak = trak?;
            if trak.name == *b"trak"
                && let Some(found) = of_track(trak.body)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A whole sphere, its middle in the middle of the picture, as cameras write it; both eyes see the same.
    pub fn equirectangular() -> Self {
        let (version, nothing) = ([0; 4], [0; 12]);
        let source = written(*b"svhd", &[&version, &[0]]);
        let pose = written(*b"prhd", &[&version, &nothing]);
        let bounds = written(*b"equi", &[&version, &nothing, &[0; 4]]);
        let entry = written(*b"sv3d", &[&source, &written(*b"proj", &[&pose, &bounds])]);
        Self { track: Vec::new(), entry }
    }
}

impl<R: ReadAt> Source<R> {
    /// Lays all films of this source on a sphere that do not say themselves how they lie.
    pub fn project(&mut self, projection: &Projection) {
        for prepared in self.tracks.iter_mut().filter(|prepared| prepared.head.track.is_video()) {
            let description = &mut prepared.head.description;
            let is_plain = spherical(entry::own_boxes(&description.entry)).is_ok_and(|own| own.is_empty())
                && !description.copies.iter().any(is_spherical_copy);
            if is_plain {
                description.entry = entry::with_boxes(&description.entry, &projection.entry);
                description.copies.extend(projection.track.iter().cloned());
            }
        }
    }
}

/// The projection of a track; none of what is no video, or lies flat.
fn of_track(trak: &[u8]) -> Result<Option<Projection>, BoxError> {
    let Some(mdia) = child(trak, *b"mdia")? else { return Ok(None) };
    let is_video = child(mdia.body, *b"hdlr")?.is_some_and(|hdlr| hdlr.body.get(8..12) == Some(b"vide"));
    let stbl = child(mdia.body, *b"minf")?.map(|minf| child(minf.body, *b"stbl")).transpose()?.flatten();
    let stsd = stbl.map(|stbl| child(stbl.body, *b"stsd")).transpose()?.flatten();
    let Some(stsd) = stsd.filter(|_| is_video) else { return Ok(None) };
    let entry = spherical(entry::visual_boxes(&stsd)?)?;
    let mut copies = Vec::new();
    for found in children(trak) {
        let found = found?;
        if found.name == *b"uuid" && found.body.starts_with(&SPHERICAL_V1) {
            copies.push(entry::copied(&found)?);
        }
    }
    let len = entry.len() + copies.iter().map(|copy| copy.payload.len()).sum::<usize>();
    if len > PROJECTION_LEN_MAX {
        let why = format!(
            "{len} bytes say how the film lies on a sphere, at most {PROJECTION_LEN_MAX} are supported"
        );
        return Err(BoxError::Invalid { name: BoxName(*b"trak"), why });
    }
    Ok((len > 0).then_some(Projection { track: copies, entry }))
}

/// Those of the boxes in a sample entry that say how the film lies.
fn spherical(boxes: &[u8]) -> Result<Vec<u8>, BoxError> {
    let mut kept = Vec::new();
    for found in children(boxes) {
        let found = found?;
        if SPHERICAL_V2.contains(&&found.name) {
            kept.extend_from_slice(found.whole);
        }
    }
    Ok(kept)
}

fn is_spherical_copy(copy: &UnknownBox) -> bool {
    matches!(copy.box_type, shiguredo_mp4::BoxType::Uuid(uuid) if uuid == SPHERICAL_V1)
}

fn written(name: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u32::try_from(body.len() + 8).expect("a few dozen bytes");
    [&len.to_be_bytes()[..], &name, &body].concat()
}
