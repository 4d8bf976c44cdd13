//! Films and albums in MP4, cut into what players of HTTP Live Streaming play.
//!
//! A [`Source`] reads MP4, MOV and M4A with H.264, H.265, AV1, AAC or Opus, plain or fragmented. Its plan is one
//! [`Rendition`] per track: **one file**, an init section and then the segments of CMAF (ISO/IEC 23000-19), each
//! beginning with a keyframe. Where everything lies in that file is known before a byte of it is made; the
//! [`RenditionReader`] then gives out the bytes piece by piece, and the BLAKE3 of every part. A [`LiveReader`] does
//! the same for a fragmented stream that is still growing. [`playlist`] writes HLS playlists (RFC 8216) from plain
//! descriptions, and [`WebVtt`] checks subtitles.
//!
//! No sample is decoded or altered. This crate opens no file and no socket: bytes come through [`ReadAt`]. It knows
//! nothing of objects, keys or gateways.

mod boxes;
mod cut;
mod fragment;
mod init;
mod language;
pub mod limits;
mod live;
pub mod playlist;
mod read;
mod rendition;
mod sample;
mod source;
mod timeline;
mod track;
mod webvtt;

pub use boxes::{BoxError, BoxName};
pub use fragment::FragmentError;
pub use live::{LiveEnd, LiveError, LiveInit, LiveOutput, LiveReader, LiveSeconds, LiveSegment};
pub use read::ReadAt;
pub use rendition::{Part, PlanError, ReadError, Rendition, RenditionReader};
pub use source::{OpenError, Projection, Source, TableError, TrackError};
pub use timeline::EditError;
pub use track::{AudioFormat, Format, Track, TrackName, VideoFormat};
pub use webvtt::{WebVtt, WebVttError};
