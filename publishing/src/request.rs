//! What a creator asks for, and what they are told meanwhile.

use std::path::PathBuf;

use protocol::PublicKey;
use sharing::{About, Byline, Chapter, Label, LanguageTag, Title, TrackId};

use crate::AttachedFile;
use crate::encode::Tools;

/// A publication to be made of one file.
#[derive(Debug, Clone)]
pub struct PublishRequest {
    /// The film or the sound.
    pub file: PathBuf,
    /// Its title.
    pub title: Title,
    /// Who made it, in words.
    pub by: Option<Byline>,
    /// What it is about.
    pub about: Option<About>,
    /// Its main language, and that of tracks which do not name theirs.
    pub language: Option<LanguageTag>,
    /// The ledger under whose agreements it is shown; without one it is free.
    pub ledger: Option<PublicKey>,
    /// Subtitles, each in a file of its own.
    pub subtitles: Vec<SubtitleFile>,
    /// Places to jump to.
    pub chapters: Vec<Chapter>,
    /// A picture that stands for it, instead of one out of the film.
    pub cover: Option<AttachedFile>,
    /// Files that come with it.
    pub attachments: Vec<AttachedFile>,
    /// About how long a segment lasts.
    pub segment_seconds: u32,
    /// Whether gateways may list it.
    pub listed: bool,
    /// Whether the picture is made in several sizes.
    pub ladder: bool,
    /// ffmpeg, where it is there: it makes pictures for the catalogue, sizes, and MP4 of what is none.
    pub tools: Option<Tools>,
    /// Where files may lie that are needed only meanwhile.
    pub work_folder: PathBuf,
}

/// A `WebVTT` file.
#[derive(Debug, Clone)]
pub struct SubtitleFile {
    /// Where it is.
    pub path: PathBuf,
    /// What language it is in.
    pub language: Option<LanguageTag>,
    /// What viewers choose it by.
    pub label: Option<Label>,
}

/// How far a publication has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The file is read once to know it again.
    Hashing {
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// One ffmpeg makes some files side by side.
    Encoding {
        /// How much of all of them is done, from 0 to 1: they hold the same moments at the same time.
        done: f64,
        /// The files.
        files: Vec<Encoding>,
    },
    /// A rendition is being stored.
    Storing {
        /// Which.
        track: TrackId,
        /// Bytes of it that were taken by the network.
        done: u64,
        /// Bytes of it.
        total: u64,
    },
    /// A rendition was stored on an earlier occasion.
    Known {
        /// Which.
        track: TrackId,
    },
    /// The bundle is being stored and signed.
    Finishing,
}

/// A file that ffmpeg is making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// The name of a rung, such as `720p`, or `sound`.
    pub name: String,
    /// Bytes of it so far: what tells the rungs apart while they advance together.
    pub len: u64,
}
