//! The whole way from a file to a signed record.

mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use chunker::FileMark;
use packager::{Projection, Rendition, Source};
use proofs::Cid;
use protocol::{Signed, UnixSeconds};
use sharing::{
    Attachment, Bundle, BundleKind, BundleParts, LanguageTag, Millis, Progress as Known, Publication, Track,
    TrackId, TrackKind,
};

use crate::describe::{self, Description, Names, UnfitTrack};
use crate::files;
use crate::keeping;
use crate::masters::{self, Masters};
use crate::pictures::Pictures;
use crate::rendition::{self, FileSource};
use crate::subtitles::Subtitles;
use crate::{Creator, IndexFile, Kept, Progress, PublishRequest, Storing, fetch_bundle, hashing};

pub use self::error::PublishError;

/// The media type of a stored bundle.
pub(crate) const BUNDLE_TYPE: &str = "application/vnd.ipld.dag-cbor";

/// What came of it.
#[derive(Debug)]
pub struct Published {
    /// The record: offer it to gateways.
    pub record: Signed<Publication>,
    /// What was published.
    pub bundle: Bundle,
    /// Nothing was new: the same publication was made before.
    pub was_known: bool,
    /// Until when it is kept, what was stored before included.
    pub kept: Kept,
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
        // What is cheap to check is checked before anything is encoded or stored.
        files::check(self.request.cover.as_ref(), &self.request.attachments)?;
        let mut subtitles = Vec::with_capacity(self.request.subtitles.len());
        for file in &self.request.subtitles {
            subtitles.push(Subtitles::read(file).await?);
        }
        let mark = self.mark()?;
        let until = now().plus(self.storing.keep.as_secs());
        let earlier = self.earlier(mark).await?;
        let stored_earlier = self.stored_earlier(mark, earlier.as_ref());
        let (mut tracks, pictures, mut names) = match &earlier {
            Some((_, bundle)) => self.as_published(bundle)?,
            None => self.make(mark).await?,
        };
        let film_ms = tracks.iter().map(duration_ms).max().unwrap_or(0);
        let known = earlier.as_ref().map_or(&[][..], |(_, bundle)| bundle.tracks());
        tracks.extend(self.subtitles(subtitles, film_ms, known, &mut names).await?);
        let (pictures, attachments) =
            self.files(pictures, earlier.as_ref().map(|(_, bundle)| bundle)).await?;
        let parts = BundleParts { attachments, ..self.bundle_parts(tracks, pictures, film_ms) };
        if let Some((publication, bundle)) = earlier.filter(|(_, bundle)| is_same(bundle, &parts)) {
            let publication = Publication { issued: now(), listed: self.request.listed, ..publication };
            let kept = self.renew(stored_earlier, until).await;
            return Ok(self.published(publication, bundle, true, kept));
        }
        let bundle = Bundle::new(parts)?;
        let reused = keeping::objects(bundle.parts()).intersection(&stored_earlier).copied().collect();
        let kept = self.renew(reused, until).await.with_new(until);
        self.finish(mark, bundle, kept).await
    }

    /// Objects that need not be stored, and may end before what is stored now.
    fn stored_earlier(&self, mark: FileMark, earlier: Option<&(Publication, Bundle)>) -> BTreeSet<Cid> {
        match (earlier, self.index.index().find(&mark)) {
            (Some((publication, bundle)), _) => {
                let mut objects = keeping::objects(bundle.parts());
                objects.insert(publication.object);
                objects
            }
            (None, Some(Known::Unfinished(tracks))) => {
                tracks.values().flat_map(keeping::objects_of).collect()
            }
            (None, _) => BTreeSet::new(),
        }
    }

    async fn renew(&mut self, objects: BTreeSet<Cid>, until: UnixSeconds) -> Kept {
        (self.progress)(Progress::Finishing);
        Kept::renewed(self.storing, self.creator, objects, until).await
    }

    /// What was published of this file before, when it was packaged in the same way and is still there.
    async fn earlier(&mut self, mark: FileMark) -> Result<Option<(Publication, Bundle)>, PublishError> {
        let Some(Known::Published(publication)) = self.index.index().find(&mark) else { return Ok(None) };
        let publication = publication.clone();
        let record = self.creator.sign(&self.storing.client.network(), publication.clone());
        match fetch_bundle(&self.storing.client, &record).await {
            Ok(published) => Ok(Some((publication, published.into_bundle()))),
            Err(error) if !error.is_definite() => Err(error.into()),
            Err(_) => {
                // No node keeps it any more: it is published anew.
                self.index.change(|index| {
                    index.forget(&mark);
                    Ok(())
                })?;
                Ok(None)
            }
        }
    }

    /// Picture and sound as they are stored already.
    fn as_published(&mut self, bundle: &Bundle) -> Result<(Vec<Track>, Pictures, Names), PublishError> {
        let (mut names, mut tracks) = (Names::default(), Vec::new());
        for track in bundle.tracks().iter().filter(|track| !matches!(track.kind(), TrackKind::Subtitles)) {
            names.new_id(track.id().as_str()).map_err(|error| unfit(track.id(), error.into()))?;
            (self.progress)(Progress::Known { track: track.id().clone() });
            tracks.push(track.clone());
        }
        let pictures =
            Pictures { poster: bundle.parts().poster.clone(), strip: bundle.parts().strip.clone() };
        Ok((tracks, pictures, names))
    }

    /// The tracks of subtitles: those that are stored already, and then the others.
    async fn subtitles(
        &self,
        subtitles: Vec<Subtitles>,
        film_ms: u64,
        known: &[Track],
        names: &mut Names,
    ) -> Result<Vec<Track>, PublishError> {
        let (mut tracks, mut new) = (Vec::with_capacity(subtitles.len()), Vec::new());
        for subtitles in subtitles {
            let Some(track) = subtitles.known(film_ms, known.iter()) else {
                new.push(subtitles);
                continue;
            };
            names.new_id(track.id().as_str()).map_err(|error| unfit(track.id(), error.into()))?;
            tracks.push(track);
        }
        for subtitles in new {
            tracks.push(subtitles.store(film_ms, self.storing, self.creator, names).await?);
        }
        Ok(tracks)
    }

    /// Makes and stores all that is not finished yet.
    async fn make(&mut self, mark: FileMark) -> Result<(Vec<Track>, Pictures, Names), PublishError> {
        let finished = match self.index.index().find(&mark) {
            Some(Known::Unfinished(tracks)) => tracks.clone(),
            _ => BTreeMap::new(),
        };
        let known: Vec<&Track> = finished.values().collect();
        let masters = masters::prepare(self.request, &known, &mut self.progress).await?;
        let (tracks, names) = self.tracks(mark, &masters, &finished).await?;
        let pictures = match (&self.request.tools, &masters.probe) {
            (Some(tools), Some(probe)) => Pictures::make(self.storing, self.creator, tools, probe)
                .await
                .map_err(|source| PublishError::Store { what: "its pictures".into(), source })?,
            _ => Pictures::default(),
        };
        Ok((tracks, pictures, names))
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
        let ladder = if self.request.ladder { " ladder" } else { "" };
        // Tracks that name no language have that of the request; and what one network stores is of no use on another.
        let language = self.request.language.as_ref().map_or("", LanguageTag::as_str);
        let way = format!("cmaf {} s{ladder} {language} ", self.request.segment_seconds);
        let network = self.storing.client.network();
        Ok(self.creator.mark(&hash, &[way.as_bytes(), network.as_bytes()].concat()))
    }

    /// All tracks: those that were finished and were not made again, and those of the masters, stored now or on an earlier occasion.
    async fn tracks(
        &mut self,
        mark: FileMark,
        masters: &Masters,
        finished: &BTreeMap<TrackId, Track>,
    ) -> Result<(Vec<Track>, Names), PublishError> {
        let cut = masters.files.iter().map(|file| self.open(file, masters.projection.as_ref()));
        let cut: Vec<_> = cut.collect::<Result<_, _>>()?;
        let language = self.request.language.as_ref();
        let sources = cut.iter().flat_map(|(source, _)| source.tracks());
        let described = describe::describe(sources, language, &masters.finished)
            .map_err(|(track, source)| PublishError::Track { track: track.to_string(), source })?;
        let renditions = cut.into_iter().flat_map(|(source, renditions)| {
            let source = Arc::new(source);
            renditions.into_iter().map(move |rendition| (Arc::clone(&source), rendition))
        });
        let (mut names, mut tracks) = (Names::default(), Vec::new());
        for track in &masters.finished {
            names.new_id(track.id().as_str()).map_err(|error| unfit(track.id(), error.into()))?;
            (self.progress)(Progress::Known { track: track.id().clone() });
            tracks.push(track.clone());
        }
        for ((source, rendition), description) in renditions.zip(described) {
            names.new_id(description.id.as_str()).map_err(|error| unfit(&description.id, error.into()))?;
            let track = match finished.get(&description.id) {
                Some(track) => {
                    (self.progress)(Progress::Known { track: description.id });
                    track.clone()
                }
                None => self.store(mark, &source, rendition, description).await?,
            };
            tracks.push(track);
        }
        tracks.sort_by_key(|track| std::cmp::Reverse(short_side(track)));
        Ok((tracks, names))
    }

    fn open(
        &self,
        file: &Path,
        projection: Option<&Projection>,
    ) -> Result<(Source<FileSource>, Vec<Rendition>), PublishError> {
        // The name that the creator knows, whatever was made of it.
        let path = || self.request.file.clone();
        let at = |source| PublishError::Read { path: path(), source };
        let file = File::open(file).map_err(at)?;
        let len = file.metadata().map_err(at)?.len();
        let source = Source::open(FileSource(file), len);
        let mut source = source.map_err(|source| PublishError::Open { path: path(), source })?;
        if let Some(projection) = projection {
            source.project(projection);
        }
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

    /// The pictures with the creator's own cover, and the attachments.
    async fn files(
        &self,
        mut pictures: Pictures,
        earlier: Option<&Bundle>,
    ) -> Result<(Pictures, Vec<Attachment>), PublishError> {
        if let Some(cover) = &self.request.cover {
            let known: Vec<_> =
                earlier.and_then(|bundle| bundle.parts().poster.as_ref()).into_iter().collect();
            pictures.poster = Some(cover.store(self.storing, self.creator, &known).await?);
        }
        let known = earlier.map_or(&[][..], |bundle| &bundle.parts().attachments);
        let attachments = files::attach(&self.request.attachments, self.storing, self.creator, known).await?;
        Ok((pictures, attachments))
    }

    fn bundle_parts(&self, tracks: Vec<Track>, pictures: Pictures, film_ms: u64) -> BundleParts {
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
            ledger: request.ledger,
            live: None,
            poster: pictures.poster,
            strip: pictures.strip,
        }
    }

    async fn finish(self, mark: FileMark, bundle: Bundle, kept: Kept) -> Result<Published, PublishError> {
        let publication = store_bundle(self.storing, self.creator, &bundle, self.request.listed).await?;
        self.index.change(|index| {
            index.remember_publication(mark, publication.clone());
            Ok(())
        })?;
        Ok(self.published(publication, bundle, false, kept))
    }

    fn published(&self, publication: Publication, bundle: Bundle, was_known: bool, kept: Kept) -> Published {
        let network = self.storing.client.network();
        Published { record: self.creator.sign(&network, publication), bundle, was_known, kept }
    }
}

/// Stores a bundle; what is to be signed about it.
pub(crate) async fn store_bundle(
    storing: &Storing,
    creator: &Creator,
    bundle: &Bundle,
    listed: bool,
) -> Result<Publication, PublishError> {
    let encoded = bundle.encode();
    let stored = storing.put(creator, &encoded[..], BUNDLE_TYPE, |_| ()).await;
    let stored = stored.map_err(|source| PublishError::Store { what: "the bundle".into(), source })?;
    Ok(Publication { bundle: bundle.id(), issued: now(), key: stored.key, listed, object: stored.object })
}

/// Whether both say the same, whenever they were made.
fn is_same(known: &Bundle, parts: &BundleParts) -> bool {
    let mut known = known.parts().clone();
    known.created = parts.created;
    known == *parts
}

fn unfit(id: &TrackId, source: UnfitTrack) -> PublishError {
    PublishError::Track { track: id.to_string(), source }
}

/// Pixels of the short side of a picture; 0 of what has none.
fn short_side(track: &Track) -> u16 {
    if let TrackKind::Video(picture) = track.kind() {
        picture.width.get().min(picture.height.get())
    } else {
        0
    }
}

/// How long a track plays, in milliseconds.
fn duration_ms(track: &Track) -> u64 {
    let ticks = u128::from(track.duration()) * 1000 / u128::from(track.timescale().get());
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}
