//! Publications of noise: everything that a film's consists of, and the plaintext beside it.

use std::num::{NonZeroU16, NonZeroU32};

use anyhow::Context as _;
use client::Client;
use protocol::{SecretKey, Signed, UnixSeconds};
use sharing::{
    Attachment, Bundle, BundleKind, BundleParts, Channels, Codecs, ContentHash, FileName, FileRef,
    InitSection, MediaType, Millis, Part, Picture, Publication, Segment, Title, Track, TrackId, TrackKind,
    TrackParts,
};

use crate::harness::{TestNetwork, bytes};

/// Bytes of every init section.
pub const INIT_LEN: usize = 700;
/// Units of time that a segment lasts, of which a second has 1000.
const SEGMENT_DURATION: u32 = 4000;
/// When everything is published.
const ISSUED: UnixSeconds = UnixSeconds::new(1_700_000_000);

/// A track that is stored in one object, and all its bytes.
#[derive(Debug, Clone)]
pub struct NoiseTrack {
    /// The track.
    pub track: Track,
    /// Init section and segments.
    pub plain: Vec<u8>,
}

/// Stores a track of segments of these lengths; its noise and its keys are made from `number`.
pub async fn track(
    network: &TestNetwork,
    client: &Client,
    id: &str,
    kind: TrackKind,
    segment_lens: &[usize],
    number: u64,
) -> anyhow::Result<NoiseTrack> {
    let is_subtitles = matches!(kind, TrackKind::Subtitles);
    let init_len = if is_subtitles { 0 } else { INIT_LEN };
    let plain = bytes(number, init_len + segment_lens.iter().sum::<usize>());
    let stored = network.put(client, "2+2", &plain, number).await?;
    let (init, mut rest) = plain.split_at(init_len);
    let mut segments = Vec::new();
    for len in segment_lens {
        let (segment, after) = rest.split_at(*len);
        let (len, hash) = (u32::try_from(*len)?, ContentHash::of(segment));
        segments.push(Segment { len, duration: SEGMENT_DURATION, hash });
        rest = after;
    }
    let count = NonZeroU32::new(u32::try_from(segments.len())?).context("no segments")?;
    let init_section = NonZeroU32::new(u32::try_from(init_len)?);
    let track = Track::new(TrackParts {
        id: TrackId::new(id)?,
        kind,
        codecs: Codecs::new(codec(&kind))?,
        timescale: NonZeroU32::new(1000).context("not zero")?,
        parts: vec![Part { key: stored.link.key().clone(), object: stored.cid, segments: count }],
        init: init_section.map(|len| InitSection::new(len, ContentHash::of(init))),
        segments,
        default: true,
        language: None,
        label: None,
    })?;
    Ok(NoiseTrack { track, plain })
}

/// A picture of this size.
pub fn video(width: u16, height: u16) -> TrackKind {
    let pixels = |number| NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN);
    TrackKind::Video(Picture { height: pixels(height), rate: NonZeroU32::MIN, width: pixels(width) })
}

/// Sound in stereo.
pub fn audio() -> anyhow::Result<TrackKind> {
    Ok(TrackKind::Audio(Channels::new(2)?))
}

/// Stores a file of noise that comes with a publication; its bytes stand beside it.
pub async fn attachment(
    network: &TestNetwork,
    client: &Client,
    name: &str,
    len: usize,
    number: u64,
) -> anyhow::Result<(Attachment, Vec<u8>)> {
    let plain = bytes(number, len);
    let stored = network.put(client, "2+2", &plain, number).await?;
    let file = FileRef {
        hash: ContentHash::of(&plain),
        key: stored.link.key().clone(),
        len: len as u64,
        object: stored.cid,
        media_type: MediaType::new("application/octet-stream")?,
    };
    Ok((Attachment { file, name: FileName::new(name)?, has_credentials: false }, plain))
}

/// Stores the bundle of these tracks, and signs the record that vouches for it.
pub async fn publish(
    network: &TestNetwork,
    client: &Client,
    creator: &SecretKey,
    bundle: BundleParts,
    number: u64,
) -> anyhow::Result<Signed<Publication>> {
    let bundle = Bundle::new(bundle)?;
    let stored = network.put(client, "2+2", &bundle.encode(), number).await?;
    let (key, object) = (stored.link.key().clone(), stored.cid);
    let body = Publication { bundle: bundle.id(), issued: ISSUED, key, listed: true, object };
    Ok(Signed::sign(creator, &network.file().network, body))
}

/// What a publication of these tracks is made from; it was made `number` seconds after all others.
pub fn parts(
    creator: &SecretKey,
    title: &str,
    tracks: Vec<Track>,
    number: u64,
) -> anyhow::Result<BundleParts> {
    let is_film = tracks.iter().any(|track| matches!(track.kind(), TrackKind::Video(_)));
    let longest = tracks.iter().map(Track::duration).max().unwrap_or_default();
    Ok(BundleParts {
        kind: if is_film { BundleKind::Film } else { BundleKind::Audio },
        title: Title::new(title)?,
        creator: creator.public(),
        created: ISSUED.plus(number),
        duration: Millis::new(longest),
        tracks,
        chapters: Vec::new(),
        attachments: Vec::new(),
        items: Vec::new(),
        about: None,
        by: None,
        language: None,
        ledger: None,
        live: None,
        poster: None,
        strip: None,
    })
}

fn codec(kind: &TrackKind) -> &'static str {
    match kind {
        TrackKind::Video(_) => "avc1.640028",
        TrackKind::Audio(_) => "mp4a.40.2",
        TrackKind::Subtitles => "wvtt",
    }
}
