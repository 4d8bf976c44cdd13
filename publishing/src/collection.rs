//! Collections: series, albums and courses of what is published already.

use sharing::{About, Bundle, BundleKind, BundleParts, Byline, Item, LanguageTag, Millis, Title};

use crate::files::{self, AttachedFile};
use crate::publish::{PublishError, Published, now, store_bundle};
use crate::{Creator, Kept, Storing};

/// A collection to be made.
#[derive(Debug, Clone)]
pub struct CollectionRequest {
    /// Its title.
    pub title: Title,
    /// Who made it, in words.
    pub by: Option<Byline>,
    /// What it is about.
    pub about: Option<About>,
    /// Its main language.
    pub language: Option<LanguageTag>,
    /// What it consists of, in order.
    pub items: Vec<Item>,
    /// A picture that stands for it.
    pub cover: Option<AttachedFile>,
    /// Files that come with it.
    pub attachments: Vec<AttachedFile>,
    /// Whether gateways may list it.
    pub listed: bool,
}

/// Publishes a collection: stores what comes with it, and signs.
pub async fn publish_collection(
    storing: &Storing,
    creator: &Creator,
    request: CollectionRequest,
) -> Result<Published, PublishError> {
    let until = now().plus(storing.keep.as_secs());
    files::check(request.cover.as_ref(), &request.attachments)?;
    let poster = match &request.cover {
        Some(cover) => Some(cover.store(storing, creator, &[]).await?),
        None => None,
    };
    let attachments = files::attach(&request.attachments, storing, creator, &[]).await?;
    let bundle = Bundle::new(BundleParts {
        kind: BundleKind::Collection,
        title: request.title,
        creator: creator.public(),
        created: now(),
        duration: Millis::new(0),
        tracks: Vec::new(),
        chapters: Vec::new(),
        attachments,
        items: request.items,
        about: request.about,
        by: request.by,
        language: request.language,
        ledger: None,
        live: None,
        poster,
        strip: None,
    })?;
    let publication = store_bundle(storing, creator, &bundle, request.listed).await?;
    let record = creator.sign(&storing.client.network(), publication);
    Ok(Published { record, bundle, was_known: false, kept: Kept::anew(until) })
}
