//! A fragmented stream that is still growing, from an encoder: bytes in, segments of each track out.
//!
//! Each track becomes a rendition like those of a file: an init section, and segments that begin with a keyframe.
//! Segments are given out as soon as the next one begins.

mod stream;
mod track;

use bytes::Bytes;
use thiserror::Error;

use crate::boxes::{BoxError, BoxName};
use crate::fragment::{self, FragmentError, Run};
use crate::limits::{
    FRAGMENT_SAMPLES_MAX, LIVE_PENDING_MAX, SEGMENT_SECONDS_MAX, SEGMENTS_MAX, TARGET_SECONDS_MAX,
};
use crate::source::{OpenError, movie};
use crate::track::{Track, TrackName};
use stream::{BoxStream, TopBox};
use track::LiveTrack;

/// Reads fragmented MP4 as it arrives, such as ffmpeg writes with
/// `-movflags frag_keyframe+empty_moov+default_base_moof`.
#[derive(Debug)]
pub struct LiveReader {
    seconds: LiveSeconds,
    stream: BoxStream,
    tracks: Vec<LiveTrack>,
    /// What the last `moof` said, until its `mdat` is there.
    runs: Vec<Run>,
}

/// How long the segments of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveSeconds {
    target: u32,
    longest: u32,
}

impl LiveSeconds {
    /// Segments of about `target` seconds, the first about half as long, and none longer than `longest` (rounded).
    pub fn new(target: u32, longest: u32) -> Result<Self, LiveError> {
        if !(1..=TARGET_SECONDS_MAX).contains(&target) {
            return Err(LiveError::SegmentSeconds { seconds: target });
        }
        if !(target..=SEGMENT_SECONDS_MAX).contains(&longest) {
            return Err(LiveError::LongestSeconds { seconds: longest, target });
        }
        Ok(Self { target, longest })
    }

    /// About how long a segment lasts.
    pub fn target(self) -> u32 {
        self.target
    }

    /// How long a segment lasts at most.
    pub fn longest(self) -> u32 {
        self.longest
    }
}

/// What a stream has become.
#[derive(Debug, Clone)]
pub enum LiveOutput {
    /// A track has been found; its segments follow.
    Init(LiveInit),
    /// A segment is complete.
    Segment(LiveSegment),
}

/// A track of a live stream.
#[derive(Debug, Clone)]
pub struct LiveInit {
    /// Its position among the tracks of the stream.
    pub track: usize,
    /// What it is.
    pub description: Track,
    /// The init section.
    pub bytes: Bytes,
    /// BLAKE3 of the bytes.
    pub digest: blake3::Hash,
}

/// A segment of a live track.
#[derive(Debug, Clone)]
pub struct LiveSegment {
    /// The track's position.
    pub track: usize,
    /// Its number among the segments of its track, from 0.
    pub number: usize,
    /// How long it is shown, in units of the track's timescale.
    pub duration: u64,
    /// Samples per 1000 seconds of decoding: of video, its frame rate.
    pub samples_per_1000_seconds: u32,
    /// The segment.
    pub bytes: Bytes,
    /// BLAKE3 of the bytes.
    pub digest: blake3::Hash,
}

/// What was still to come when a stream ended.
#[derive(Debug, Clone)]
pub struct LiveEnd {
    /// The last segment of each track.
    pub outputs: Vec<LiveOutput>,
    /// Bytes of a last fragment that never became complete, and are lost.
    pub incomplete_bytes: usize,
}

impl LiveReader {
    /// A reader that makes segments as long as this.
    pub fn new(seconds: LiveSeconds) -> Self {
        Self { seconds, stream: BoxStream::default(), tracks: Vec::new(), runs: Vec::new() }
    }

    /// Takes the next bytes of the stream, as many as there are, and gives out what has become complete by them. After
    /// an error nothing more comes of the stream.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<LiveOutput>, LiveError> {
        let mut outputs = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            // In pieces, so that what has become complete makes room for what follows.
            let (piece, tail) = rest.split_at(rest.len().min(LIVE_PENDING_MAX / 16));
            rest = tail;
            self.stream.push(piece);
            while let Some(found) = self.stream.next_box()? {
                self.take(&found, &mut outputs)?;
            }
            self.check_pending()?;
        }
        Ok(outputs)
    }

    /// The stream has ended: gives out what is left.
    pub fn finish(mut self) -> Result<LiveEnd, LiveError> {
        if self.tracks.is_empty() {
            return Err(LiveError::NoMovie);
        }
        let mut outputs = Vec::new();
        for track in &mut self.tracks {
            outputs.extend(track.finish()?.map(LiveOutput::Segment));
        }
        Ok(LiveEnd { outputs, incomplete_bytes: self.stream.pending() })
    }

    fn take(&mut self, found: &TopBox, outputs: &mut Vec<LiveOutput>) -> Result<(), LiveError> {
        match &found.name {
            b"moov" if self.tracks.is_empty() => self.take_movie(&found.body, outputs),
            b"moof" => {
                let defaults = |id: u32| {
                    let track = self.tracks.iter().find(|track| track.head.track.id == id);
                    track.map(|track| track.head.defaults).unwrap_or_default()
                };
                self.runs = fragment::runs(&found.body, found.offset, defaults)?;
                Ok(())
            }
            b"mdat" if self.tracks.is_empty() => Err(LiveError::NoMovie),
            b"mdat" => self.take_media(found, outputs),
            _ => Ok(()),
        }
    }

    fn take_movie(&mut self, body: &[u8], outputs: &mut Vec<LiveOutput>) -> Result<(), LiveError> {
        let movie = movie::read(body)?;
        if !movie.is_fragmented {
            return Err(LiveError::NotFragmented);
        }
        for (index, found) in movie.tracks.into_iter().enumerate() {
            let track = LiveTrack::new(index, found.head, self.seconds);
            outputs.push(LiveOutput::Init(track.init()));
            self.tracks.push(track);
        }
        Ok(())
    }

    fn take_media(&mut self, mdat: &TopBox, outputs: &mut Vec<LiveOutput>) -> Result<(), LiveError> {
        let runs = std::mem::take(&mut self.runs);
        // Samples that share bytes would become longer than what has arrived.
        let samples = runs.iter().flat_map(|run| &run.samples);
        let (media_len, room) = (samples.map(|sample| u64::from(sample.len)).sum(), mdat.body.len());
        if media_len > room as u64 {
            return Err(FragmentError::Overlap { media_len, room }.into());
        }
        for run in runs {
            let found = self.tracks.iter_mut().find(|track| track.head.track.id == run.track_id);
            if let Some(track) = found {
                track.push(&run, mdat)?;
            }
        }
        let leading = self.tracks.iter().position(|track| track.head.track.is_video()).unwrap_or(0);
        let (segments, boundaries) = self.tracks[leading].cut_at_keyframes()?;
        outputs.extend(segments.into_iter().map(LiveOutput::Segment));
        for (index, track) in self.tracks.iter_mut().enumerate() {
            if index != leading {
                outputs.extend(track.cut_at(&boundaries)?.into_iter().map(LiveOutput::Segment));
            }
        }
        Ok(())
    }

    fn check_pending(&self) -> Result<(), LiveError> {
        let of_tracks: usize = self.tracks.iter().map(LiveTrack::pending).sum();
        let pending = of_tracks + self.stream.pending();
        if pending > LIVE_PENDING_MAX { Err(LiveError::Pending { bytes: pending }) } else { Ok(()) }
    }
}

/// Why a stream cannot be packaged.
#[derive(Debug, Error)]
pub enum LiveError {
    /// Segments of no length, or longer than [`TARGET_SECONDS_MAX`].
    #[error("segments last 1 to {TARGET_SECONDS_MAX} s, not {seconds} s")]
    SegmentSeconds {
        /// What was asked for.
        seconds: u32,
    },
    /// A longest segment shorter than what is aimed at, or longer than [`SEGMENT_SECONDS_MAX`].
    #[error("the longest segment lasts {target} to {SEGMENT_SECONDS_MAX} s, not {seconds} s")]
    LongestSeconds {
        /// What was asked for.
        seconds: u32,
        /// What is aimed at.
        target: u32,
    },
    /// Media without a `moov` before them, or none at all.
    #[error("the stream does not begin with a box moov, which describes its tracks")]
    NoMovie,
    /// The samples are in one piece, whose tables come last.
    #[error(
        "the stream is not fragmented; with ffmpeg: -movflags frag_keyframe+empty_moov+default_base_moof"
    )]
    NotFragmented,
    /// The tracks cannot be packaged.
    #[error(transparent)]
    Movie(#[from] OpenError),
    /// A box that ends with the stream, which has no end.
    #[error("box {name} has no length")]
    Endless {
        /// The box.
        name: BoxName,
    },
    /// A box is broken.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// A fragment is broken.
    #[error(transparent)]
    Fragment(#[from] FragmentError),
    /// A sample that is not in the `mdat` behind its `moof`.
    #[error("{track}: a sample of {len} bytes at {offset} of the stream lies outside its fragment")]
    OutsideFragment {
        /// The track.
        track: TrackName,
        /// Where the sample would begin.
        offset: u64,
        /// Its length.
        len: u32,
    },
    /// Too far from one keyframe to the next.
    #[error("{track}: no keyframe for more than {longest} s")]
    KeyframeGap {
        /// The track.
        track: TrackName,
        /// How long a segment may last, in seconds.
        longest: u32,
    },
    /// More samples in a segment than [`FRAGMENT_SAMPLES_MAX`].
    #[error("{track}: more than {FRAGMENT_SAMPLES_MAX} samples without a segment")]
    TooManySamples {
        /// The track.
        track: TrackName,
    },
    /// More segments than [`SEGMENTS_MAX`].
    #[error("{track}: more than {SEGMENTS_MAX} segments")]
    TooManySegments {
        /// The track.
        track: TrackName,
    },
    /// More would have to be kept back than [`LIVE_PENDING_MAX`].
    #[error("{bytes} bytes wait for the end of a box or a segment, more than {LIVE_PENDING_MAX}")]
    Pending {
        /// How many.
        bytes: usize,
    },
}
