//! The whole way from a file to a signed record.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use chunker::FileMark;
use packager::{OpenError, PlanError, Rendition, Source, WebVttError};
use protocol::{Signed, UnixSeconds};
use sharing::{
    Bundle, BundleError, BundleKind, BundleParts, Millis, Progress as Known, Publication, Track, TrackId,
    TrackKind,
};

use crate::describe::{self, Description, Names, UnfitTrack};
use crate::known::{self, KnownBundleError};
use crate::rendition::{self, FileSource};
use crate::subtitles::Subtitles;
use crate::{Creator, IndexFile, IndexFileError, Progress, PublishRequest, StoreError, Storing, hashing};

/// The media type of a stored bundle.
const BUNDLE_TYPE: &str = "application/vnd.ipld.dag-cbor";

/// What came of it.
#[derive(Debug)]
pub struct Published {
    /// The record: offer it to gateways.
    pub record: Signed<Publication>,
    /// What was published.
    pub bundle: Bundle,
    /// Nothing was new: the same publication was made before.
    pub was_known: bool,
}

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
    /// Subtitles that are none.
    #[error("cannot publish the subtitles {path}: {source}")]
    Subtitles {
        /// Which.
        path: PathBuf,
        /// Why.
        source: WebVttError,
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
    Known(#[from] KnownBundleError),
    /// The parts do not make a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// What is finished cannot be remembered.
    #[error(transparent)]
    Index(#[from] IndexFileError),
}

/// Publishes a file: stores what is not stored yet, and signs. `progress` hears of every step.
pub async fn publish(
    storing: &Storing,
    creator: &Creator,
    index: &mut IndexFile,
    request: &PublishRequest,
    progress: impl FnMut(Progress) + Send,
) -> Result<Published, PublishError> {
    Publishing { storing, creator, index, request, progress }.run().await
}

struct Publishing<'p, P> {
    storing: &'p Storing,
    creator: &'p Creator,
    index: &'p mut IndexFile,
    request: &'p PublishRequest,
    progress: P,
}

impl<P: FnMut(Progress) + Send> Publishing<'_, P> {
    async fn run(mut self) -> Result<Published, PublishError> {
        let mark = self.mark()?;
        let earlier = match self.index.index().find(&mark) {
            Some(Known::Published(publication)) => Some(publication.clone()),
            _ => None,
        };
        let earlier = match earlier {
            Some(publication) => {
                let bundle = known::fetch(&self.storing.client, &publication).await?;
                Some((publication, bundle))
            }
            None => None,
        };
        let known = earlier.as_ref().map_or(&[][..], |(_, bundle)| bundle.tracks());
        let (mut tracks, mut names) = self.tracks(mark, known).await?;
        let film_ms = tracks.iter().map(duration_ms).max().unwrap_or(0);
        for file in &self.request.subtitles {
            let subtitles = Subtitles::read(file, film_ms).await?;
            let track = match subtitles.known(known.iter()) {
                Some(track) => track,
                None => subtitles.store(self.storing, self.creator, &mut names).await?,
            };
            tracks.push(track);
        }
        let parts = self.bundle_parts(tracks, film_ms);
        if let Some((publication, bundle)) = earlier.filter(|(_, bundle)| known::is_same(bundle, &parts)) {
            let publication = Publication { issued: now(), listed: self.request.listed, ..publication };
            return Ok(self.published(publication, bundle, true));
        }
        self.finish(mark, Bundle::new(parts)?).await
    }

    /// What the file is called in the index, as it is packaged now.
    fn mark(&mut self) -> Result<FileMark, PublishError> {
        let at = |source| PublishError::Read { path: self.request.file.clone(), source };
        let file = File::open(&self.request.file).map_err(at)?;
        let total = file.metadata().map_err(at)?.len();
        let progress = &mut self.progress;
        let hash = tokio::task::block_in_place(|| {
            hashing::hash(&file, |done| progress(Progress::Hashing { done, total }))
        });
        let hash = hash.map_err(at)?;
        Ok(self.creator.mark(&hash, format!("cmaf {} s", self.request.segment_seconds).as_bytes()))
    }

    /// All tracks of the file, stored now or on an earlier occasion.
    async fn tracks(
        &mut self,
        mark: FileMark,
        published: &[Track],
    ) -> Result<(Vec<Track>, Names), PublishError> {
        let (source, renditions) = self.open()?;
        let language = self.request.language.as_ref();
        let described = describe::describe(source.tracks(), language)
            .map_err(|(track, source)| PublishError::Track { track: track.to_string(), source })?;
        let finished = match self.index.index().find(&mark) {
            Some(Known::Unfinished(tracks)) => tracks.clone(),
            _ => BTreeMap::new(),
        };
        let (source, mut names, mut tracks) = (Arc::new(source), Names::default(), Vec::new());
        for (rendition, description) in renditions.into_iter().zip(described) {
            names.new_id(description.id.as_str()).map_err(|error| unfit(&description.id, error.into()))?;
            let known = published.iter().find(|track| *track.id() == description.id);
            let track = match known.or_else(|| finished.get(&description.id)) {
                Some(track) => {
                    (self.progress)(Progress::Known { track: description.id });
                    track.clone()
                }
                None => self.store(mark, &source, rendition, description).await?,
            };
            tracks.push(track);
        }
        Ok((tracks, names))
    }

    fn open(&self) -> Result<(Source<FileSource>, Vec<Rendition>), PublishError> {
        let path = || self.request.file.clone();
        let at = |source| PublishError::Read { path: path(), source };
        let file = File::open(&self.request.file).map_err(at)?;
        let len = file.metadata().map_err(at)?.len();
        let source = Source::open(FileSource(file), len);
        let source = source.map_err(|source| PublishError::Open { path: path(), source })?;
        let renditions = source.plan(self.request.segment_seconds);
        let renditions = renditions.map_err(|source| PublishError::Plan { path: path(), source })?;
        Ok((source, renditions))
    }

    async fn store(
        &mut self,
        mark: FileMark,
        source: &Arc<Source<FileSource>>,
        rendition: Rendition,
        description: Description,
    ) -> Result<Track, PublishError> {
        let (id, total) = (description.id.clone(), rendition.len());
        let progress = &mut self.progress;
        let heard = |done| progress(Progress::Storing { track: id.clone(), done, total });
        let storing =
            rendition::store(self.storing, self.creator, source, Arc::new(rendition), description, heard);
        let track = storing.await?;
        // From here on an interruption costs no more than what comes after.
        self.index.change(|index| index.remember_track(mark, track.clone()))?;
        Ok(track)
    }

    fn bundle_parts(&self, tracks: Vec<Track>, film_ms: u64) -> BundleParts {
        let is_film = tracks.iter().any(|track| matches!(track.kind(), TrackKind::Video(_)));
        let request = self.request;
        BundleParts {
            kind: if is_film { BundleKind::Film } else { BundleKind::Audio },
            title: request.title.clone(),
            creator: self.creator.public(),
            created: now(),
            duration: Millis::new(film_ms),
            tracks,
            chapters: request.chapters.clone(),
            attachments: Vec::new(),
            items: Vec::new(),
            about: request.about.clone(),
            by: request.by.clone(),
            language: request.language.clone(),
            poster: None,
            strip: None,
        }
    }

    async fn finish(mut self, mark: FileMark, bundle: Bundle) -> Result<Published, PublishError> {
        (self.progress)(Progress::Finishing);
        let encoded = bundle.encode();
        let stored = self.storing.put(self.creator, &encoded[..], BUNDLE_TYPE, |_| ()).await;
        let stored = stored.map_err(|source| PublishError::Store { what: "the bundle".into(), source })?;
        let publication = Publication {
            bundle: bundle.id(),
            issued: now(),
            key: stored.key,
            listed: self.request.listed,
            object: stored.object,
        };
        self.index.change(|index| {
            index.remember_publication(mark, publication.clone());
            Ok(())
        })?;
        Ok(self.published(publication, bundle, false))
    }

    fn published(&self, publication: Publication, bundle: Bundle, was_known: bool) -> Published {
        let network = self.storing.client.network();
        Published { record: self.creator.sign(&network, publication), bundle, was_known }
    }
}

fn unfit(id: &TrackId, source: UnfitTrack) -> PublishError {
    PublishError::Track { track: id.to_string(), source }
}

/// How long a track plays, in milliseconds.
fn duration_ms(track: &Track) -> u64 {
    let ticks = u128::from(track.duration()) * 1000 / u128::from(track.timescale().get());
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
