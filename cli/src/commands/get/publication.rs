//! Reading a publication from gateways.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use publishing::download::{Download, Mishap, PATIENCE, WatchAddress, usual_tracks};
use reqwest::Url;
use serde::Serialize;
use sharing::{Attachment, Bundle, BundleKind, Track};

use super::{Get, names};
use crate::arguments::Globals;
use crate::destination::{Destination, Folder, Sink, unless_ended};
use crate::failure::{Outcome, Usage};
use crate::output::{Output, Progress};

/// Where the attachments of a publication are put in its folder. No track has this name.
const ATTACHMENTS: &str = "attachments";

/// Mishaps that the answer tells; all of them are told as they happen.
const MISHAPS_MAX: usize = 1000;

/// What was read. People see where it is; where the data is on standard output, programs find this on standard error.
#[derive(Serialize)]
struct Answer {
    id: String,
    title: String,
    creator: String,
    /// Bytes written.
    size: u64,
    /// The file or the folder.
    file: Option<PathBuf>,
    /// What of the publication is in it.
    tracks: Vec<String>,
    attachments: Vec<String>,
    /// What gateways did wrong.
    mishaps: Vec<Told>,
}

/// What a gateway did wrong.
#[derive(Clone, Serialize)]
struct Told {
    gateway: String,
    part: String,
    fault: String,
}

/// What is wanted of a publication.
struct Wanted<'b> {
    tracks: Vec<&'b Track>,
    attachments: &'b [Attachment],
}

impl Get {
    /// Reads the publication at `address`, or the track of it that is wanted.
    pub(super) async fn publication(
        &self,
        address: &WatchAddress,
        globals: &Globals,
    ) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let mishaps = Arc::new(Mutex::new(Vec::new()));
        let told = tell(output, Arc::clone(&mishaps));
        let download = Download::new(address.id(), self.gateways(address)?, PATIENCE, told)?;
        let answer = unless_ended(async {
            let published = download.bundle().await?;
            let bundle = published.bundle();
            let wanted = self.wanted(bundle)?;
            let progress = output.progress("get", Some(wanted.len()));
            let file = match (wanted.tracks.as_slice(), wanted.attachments) {
                ([track], []) => self.one_file(&download, bundle, track, &progress).await?,
                _ => Some(self.folder(&download, bundle, &wanted, &progress).await?),
            };
            Ok(wanted.answer(bundle, file))
        });
        let answer = answer.await?;
        let mishaps = mishaps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = Answer { mishaps, ..answer };
        if answer.file.is_some() {
            output.answer(&answer)?;
        } else {
            output.answer_beside_data(&answer)?;
        }
        Ok(Outcome::Complete)
    }

    /// The gateway of the address, and then those that are named besides.
    fn gateways(&self, address: &WatchAddress) -> anyhow::Result<Vec<Url>> {
        let named = self.gateways.iter().map(|text| {
            WatchAddress::gateway_at(text)
                .map_err(|error| Usage::because(format!("--gateway {text}: {error}")))
        });
        std::iter::once(Ok(address.gateway().clone())).chain(named).collect()
    }

    fn wanted<'b>(&self, bundle: &'b Bundle) -> anyhow::Result<Wanted<'b>> {
        if bundle.kind() == BundleKind::Collection && bundle.parts().attachments.is_empty() {
            let items = bundle.parts().items.iter().map(|item| item.bundle.to_string());
            bail!("a collection is read publication by publication: {}", items.collect::<Vec<_>>().join(" "));
        }
        let Some(id) = &self.track else {
            return Ok(Wanted { tracks: usual_tracks(bundle), attachments: &bundle.parts().attachments });
        };
        let track = bundle.track(id).ok_or_else(|| {
            let there: Vec<_> = bundle.tracks().iter().map(|track| track.id().as_str()).collect();
            Usage::because(format!("there is no track {id:?}, but {}", there.join(", ")))
        })?;
        Ok(Wanted { tracks: vec![track], attachments: &[] })
    }

    async fn one_file(
        &self,
        download: &Download,
        bundle: &Bundle,
        track: &Track,
        progress: &Progress,
    ) -> anyhow::Result<Option<PathBuf>> {
        let title = names::of_title(bundle.title(), &bundle.id().to_string());
        let name = format!("{title}.{}", names::ending(track));
        let destination = Destination::choose(self.output.as_deref(), || Ok(name))?;
        let path = destination.path().map(Path::to_owned);
        let advance = |bytes| progress.advance(bytes);
        destination.fill(async |to: Sink| Ok(download.track(track, to, advance).await?)).await?;
        Ok(path)
    }

    async fn folder(
        &self,
        download: &Download,
        bundle: &Bundle,
        wanted: &Wanted<'_>,
        progress: &Progress,
    ) -> anyhow::Result<PathBuf> {
        let path = match &self.output {
            Some(path) if path == Path::new("-") => {
                return Err(Usage::because(
                    "several files do not fit on standard output; choose one with --track",
                ));
            }
            Some(path) => path.clone(),
            None => names::of_title(bundle.title(), &bundle.id().to_string()).into(),
        };
        let folder = Folder::at(path)?;
        for track in &wanted.tracks {
            let name = format!("{}.{}", track.id(), names::ending(track));
            let file = tokio::fs::File::from_std(folder.file(Path::new(&name))?);
            download.track(track, file, |bytes| progress.advance(bytes)).await?;
        }
        for attachment in wanted.attachments {
            let file = folder.file(&Path::new(ATTACHMENTS).join(attachment.name.as_str()))?;
            download.attachment(attachment, &file, |bytes| progress.advance(bytes)).await?;
        }
        folder.finish()
    }
}

impl Wanted<'_> {
    /// Bytes of all of it.
    fn len(&self) -> u64 {
        let tracks = self.tracks.iter().map(|track| track.len());
        let all = tracks.chain(self.attachments.iter().map(|attachment| attachment.file.len));
        // What a bundle says need not be true yet.
        all.fold(0, u64::saturating_add)
    }

    fn answer(&self, bundle: &Bundle, file: Option<PathBuf>) -> Answer {
        Answer {
            id: bundle.id().to_string(),
            title: bundle.title().to_string(),
            creator: bundle.creator().to_string(),
            size: self.len(),
            file,
            tracks: self.tracks.iter().map(|track| track.id().to_string()).collect(),
            attachments: self.attachments.iter().map(|attachment| attachment.name.to_string()).collect(),
            mishaps: Vec::new(),
        }
    }
}

/// Says what gateways do wrong as it happens, and remembers it for the answer.
fn tell(output: Output, mishaps: Arc<Mutex<Vec<Told>>>) -> impl Fn(&Mishap) + Send + Sync + 'static {
    move |mishap| {
        output.note(mishap);
        let mut mishaps = mishaps.lock().unwrap_or_else(PoisonError::into_inner);
        if mishaps.len() < MISHAPS_MAX {
            mishaps.push(Told {
                gateway: mishap.gateway.to_string(),
                part: mishap.part.clone(),
                fault: mishap.fault.to_string(),
            });
        }
    }
}

/// For people and for shells alike: where it is.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.iter().try_for_each(|path| writeln!(f, "{}", path.display()))
    }
}
