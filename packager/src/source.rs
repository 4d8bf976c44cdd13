//! A file to be packaged: opened, checked, and planned.

mod entry;
pub(crate) mod movie;
mod projection;
mod scan;
mod tables;

use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::boxes::{BoxError, BoxName};
use crate::cut::{self, Cuts, Moment};
use crate::fragment::FragmentError;
use crate::limits::{
    DESCRIPTION_LEN_MAX, MOOF_LEN_MAX, MOOV_LEN_MAX, SAMPLES_MAX, TARGET_SECONDS_MAX, TOP_BOXES_MAX,
    TRACKS_MAX,
};
use crate::read::ReadAt;
use crate::rendition::{PlanError, Rendition, RenditionReader};
use crate::sample::Sample;
use crate::timeline::{EditError, Timeline};
use crate::track::{Track, TrackName};
pub use projection::Projection;
pub use tables::TableError;

use movie::TrackHead;

/// A file whose tracks are known and can all be packaged.
#[derive(Debug)]
pub struct Source<R> {
    reader: R,
    tracks: Vec<PreparedTrack>,
}

/// A track with its samples, in the form in which a rendition has them.
#[derive(Debug)]
pub(crate) struct PreparedTrack {
    pub(crate) head: TrackHead,
    pub(crate) samples: Arc<Vec<Sample>>,
    pub(crate) timeline: Timeline,
}

impl<R: ReadAt> Source<R> {
    /// Reads what `reader`, a file of `len` bytes, says of its tracks: the box `moov` wherever it lies, and the boxes
    /// `moof` of a fragmented file. Media are not read. A file with one track that cannot be packaged is refused;
    /// tracks that are neither video nor audio are passed over.
    pub fn open(reader: R, len: u64) -> Result<Self, OpenError> {
        let tracks = scan::tracks(&reader, len)?;
        Ok(Self { reader, tracks })
    }

    /// The tracks, in the order of the file.
    pub fn tracks(&self) -> impl ExactSizeIterator<Item = &Track> {
        self.tracks.iter().map(|prepared| &prepared.head.track)
    }

    /// One rendition per track, in the order of [`tracks`](Self::tracks): segments of about `segment_seconds`, the first
    /// about half as long. All are cut where the first video is, audio to within one packet; other videos at keyframes
    /// of their own, which are at the same times when they come from one encoder.
    pub fn plan(&self, segment_seconds: u32) -> Result<Vec<Rendition>, PlanError> {
        if !(1..=TARGET_SECONDS_MAX).contains(&segment_seconds) {
            return Err(PlanError::SegmentSeconds { seconds: segment_seconds });
        }
        let leading = self.tracks.iter().find(|prepared| prepared.head.track.is_video());
        let leading =
            leading.map(|prepared| (prepared.cut_video(segment_seconds), prepared.head.track.timescale));
        let plan = |prepared: &PreparedTrack| {
            let cuts = if prepared.head.track.is_video() {
                prepared.cut_video(segment_seconds)
            } else {
                prepared
                    .cut_audio(leading.as_ref().map(|(cuts, timescale)| (cuts, *timescale)), segment_seconds)
            };
            Rendition::plan(prepared, &cuts)
        };
        self.tracks.iter().map(plan).collect()
    }

    /// The bytes of a rendition of this source.
    pub fn read<'a>(&'a self, rendition: &'a Rendition) -> RenditionReader<'a, R> {
        RenditionReader::new(rendition, &self.reader)
    }
}

impl PreparedTrack {
    fn cut_video(&self, segment_seconds: u32) -> Cuts {
        let target = u64::from(segment_seconds) * u64::from(self.head.track.timescale);
        cut::at_keyframes(&self.samples, &self.timeline, target)
    }

    fn cut_audio(&self, video: Option<(&Cuts, u32)>, segment_seconds: u32) -> Cuts {
        let timescale = self.head.track.timescale;
        let end = Moment { ticks: self.timeline.end(&self.samples), timescale };
        let boundaries = cut::boundaries(video, end, segment_seconds);
        cut::at_boundaries(&self.samples, &self.timeline, timescale, &boundaries)
    }
}

/// Why a file cannot be packaged.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("reading {len} bytes at {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// How many bytes.
        len: u64,
        /// Why.
        source: io::Error,
    },
    /// It begins like no file of this family.
    #[error("this is not an MP4, MOV or M4A file")]
    NotMp4,
    /// There is no `moov`: the file is incomplete, or a mere segment.
    #[error("the file has no box moov, which describes its tracks: is it complete?")]
    NoMovie,
    /// A box reaches beyond the end of the file.
    #[error(
        "box {name} at {offset} has {len} bytes, which is beyond the end of the file at {source_len}: is it complete?"
    )]
    CutOff {
        /// The box.
        name: BoxName,
        /// Where it begins.
        offset: u64,
        /// Its length.
        len: u64,
        /// The length of the file.
        source_len: u64,
    },
    /// A `moov` above [`MOOV_LEN_MAX`] or a `moof` above [`MOOF_LEN_MAX`].
    #[error(
        "box {name} has {len} bytes; at most {MOOV_LEN_MAX} are supported for moov and {MOOF_LEN_MAX} for moof"
    )]
    BoxTooLong {
        /// The box.
        name: BoxName,
        /// Its length.
        len: u64,
    },
    /// More boxes at the top than [`TOP_BOXES_MAX`].
    #[error("more than {TOP_BOXES_MAX} boxes")]
    TooManyBoxes,
    /// More tracks than [`TRACKS_MAX`].
    #[error("more than {TRACKS_MAX} tracks")]
    TooManyTracks,
    /// Two tracks with one number.
    #[error("two tracks have the number {id}")]
    SameId {
        /// The number.
        id: u32,
    },
    /// Neither video nor audio.
    #[error("the file has neither video nor audio")]
    NoTracks,
    /// A box is missing or cannot be decoded.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A fragment is broken.
    #[error("at {offset}: {source}")]
    Fragment {
        /// Where the fragment begins.
        offset: u64,
        /// What is wrong with it.
        source: FragmentError,
    },
    /// A track cannot be packaged.
    #[error("{track}: {reason}")]
    Track {
        /// The track.
        track: TrackName,
        /// Why.
        #[source]
        reason: TrackError,
    },
}

/// Why a track cannot be packaged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrackError {
    /// Sample entry `encv`, `enca` or a relative.
    #[error("it is encrypted")]
    Encrypted,
    /// MP3 in MP4, which browsers refuse.
    #[error("MP3 inside MP4, which browsers do not play; convert it to AAC or Opus")]
    Mp3,
    /// A codec other than H.264, H.265, AV1, AAC and Opus.
    #[error("the codec {name} is not supported; H.264, H.265, AV1, AAC and Opus are")]
    Codec {
        /// The name of its sample entry.
        name: BoxName,
    },
    /// Sound of MPEG-4 that is not AAC.
    #[error("sound of object type {object_type:#x} is not supported; AAC and Opus are")]
    ObjectType {
        /// As registered for MPEG-4.
        object_type: u8,
    },
    /// No sample entry or several: the codec changes on the way.
    #[error("it has {count} sample entries; exactly one is supported")]
    Entries {
        /// How many.
        count: usize,
    },
    /// A video codec in an audio track or the other way round.
    #[error("its codec is of the other kind")]
    OtherKind,
    /// Width or height 0.
    #[error("its picture has no width or no height")]
    NoPicture,
    /// What describes it is longer than [`DESCRIPTION_LEN_MAX`].
    #[error("its description has {len} bytes, more than {DESCRIPTION_LEN_MAX}")]
    DescriptionTooLong {
        /// Its length.
        len: usize,
    },
    /// It has no samples.
    #[error("it has no samples")]
    NoSamples,
    /// With the tracks before it more than [`SAMPLES_MAX`] samples, or more than the file has bytes.
    #[error("too many samples; a file has at most {SAMPLES_MAX}, and no more than bytes")]
    TooManySamples,
    /// No sample at which decoding can begin.
    #[error("it has no keyframe")]
    NoKeyframe,
    /// A box is missing or cannot be decoded.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// The sample tables contradict each other or the file.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// The fragments contradict each other.
    #[error(transparent)]
    Fragments(#[from] FragmentError),
    /// The edit list is not supported.
    #[error(transparent)]
    Edits(#[from] EditError),
}
