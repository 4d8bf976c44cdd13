//! Why nothing was published.

use std::io;
use std::path::PathBuf;

use packager::{OpenError, PlanError, WebVttError};
use sharing::{ATTACHMENTS_MAX, BundleError, FileName};

use crate::describe::UnfitTrack;
use crate::masters::MastersError;
use crate::{FetchBundleError, IndexFileError, StoreError};

/// Why nothing was published. What was stored so far is remembered, and not stored again the next time.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be packaged.
    #[error("cannot publish {path}: {source}")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// It cannot be cut into segments.
    #[error("cannot publish {path}: {source}")]
    Plan {
        /// Which.
        path: PathBuf,
        /// Why.
        source: PlanError,
    },
    /// There is nothing to package.
    #[error(transparent)]
    Masters(#[from] MastersError),
    /// Subtitles that are none.
    #[error("cannot publish the subtitles {path}: {source}")]
    Subtitles {
        /// Which.
        path: PathBuf,
        /// Why.
        source: WebVttError,
    },
    /// A cover that is no picture.
    #[error("cannot take {path} for a cover: it is no JPEG, PNG or WebP")]
    Cover {
        /// Which.
        path: PathBuf,
    },
    /// Too many attachments.
    #[error("{count} attachments, at most {ATTACHMENTS_MAX} can come with a publication")]
    Attachments {
        /// How many.
        count: usize,
    },
    /// Two attachments with one name.
    #[error("two attachments are called {name}: give one of the files another name")]
    SameName {
        /// Which name.
        name: FileName,
    },
    /// A track does not fit into a bundle.
    #[error("track {track}: {source}")]
    Track {
        /// Which.
        track: String,
        /// Why.
        source: UnfitTrack,
    },
    /// The network did not take it.
    #[error("cannot store {what}: {source}")]
    Store {
        /// Which part.
        what: String,
        /// Why.
        source: StoreError,
    },
    /// What was published before cannot be built upon.
    #[error("this file was published before, but its bundle cannot be read: {0}")]
    Known(#[from] FetchBundleError),
    /// The parts do not make a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// What is finished cannot be remembered.
    #[error(transparent)]
    Index(#[from] IndexFileError),
}
