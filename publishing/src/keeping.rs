//! What was stored on an earlier occasion is kept as long as what is stored now: its leases are renewed.

use std::collections::BTreeSet;

use client::FetchError;
use proofs::Cid;
use protocol::UnixSeconds;
use sharing::{BundleParts, Part, Track};

use crate::{Creator, Storing};

/// Until when all that a publication consists of is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When the first lease ends of those that there are.
    pub until: UnixSeconds,
    /// What is not kept as long as was asked for, as far as is known.
    pub short: Vec<KeptShort>,
}

/// An object that was stored before, and is not kept as long as was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptShort {
    /// Which.
    pub object: Cid,
    /// Why, for people.
    pub reason: String,
}

impl Kept {
    /// All of it is new, and kept until then.
    pub(crate) const fn anew(until: UnixSeconds) -> Self {
        Self { until, short: Vec::new() }
    }

    /// Has the nodes keep these objects of the creator until `until`; those that they keep longer stay so.
    pub(crate) async fn renewed(
        storing: &Storing,
        creator: &Creator,
        objects: impl IntoIterator<Item = Cid>,
        until: UnixSeconds,
    ) -> Self {
        let (mut first_end, mut short) = (None::<UnixSeconds>, Vec::new());
        for object in objects {
            match renew(storing, creator, object, until).await {
                Ok((end, reason)) => {
                    first_end = first_end.into_iter().chain(end).min();
                    short.extend(reason.map(|reason| KeptShort { object, reason }));
                }
                Err(error) => short.push(KeptShort { object, reason: error.to_string() }),
            }
        }
        Self { until: first_end.unwrap_or(until), short }
    }

    /// The same, with something in it that is new and kept until then.
    pub(crate) fn with_new(self, until: UnixSeconds) -> Self {
        Self { until: self.until.min(until), ..self }
    }
}

/// When the first lease of an object ends now, and why some may end earlier.
async fn renew(
    storing: &Storing,
    creator: &Creator,
    object: Cid,
    until: UnixSeconds,
) -> Result<(Option<UnixSeconds>, Option<String>), FetchError> {
    let manifest = storing.client.manifest(&object).await?;
    let control = creator.secrets(manifest.salt()).control;
    let report = storing.client.keep(&manifest, &control, until).await;
    let lost = report.missing.first();
    let lost =
        lost.map(|first| format!("{} of its parts are not renewed: {}", report.missing.len(), first.reason));
    let early = report.until.filter(|end| *end < until);
    let early = early.map(|_| "not all of its nodes would keep it longer".to_owned());
    Ok((report.until, lost.or(early)))
}

/// All objects that a bundle names.
pub(crate) fn objects(parts: &BundleParts) -> BTreeSet<Cid> {
    let files = parts.attachments.iter().map(|attachment| &attachment.file);
    let files = files.chain(&parts.poster).chain(parts.strip.as_ref().map(|strip| &strip.file));
    parts.tracks.iter().flat_map(objects_of).chain(files.map(|file| file.object)).collect()
}

/// The objects in which a track lies.
pub(crate) fn objects_of(track: &Track) -> impl Iterator<Item = Cid> {
    track.parts().iter().map(|Part { object, .. }| *object)
}
