//! `headwater publish --collection`: what is published already, in order.

use anyhow::Context;
use publishing::CollectionRequest;
use reqwest::Url;
use sharing::{About, Byline, Item, Title};

use super::{Publish, attached, usage};
use crate::failure::Usage;
use crate::publication::Named;
use crate::{gateway_api, language};

impl Publish {
    /// The collection that is asked for; the titles of its items are those that `gateway` knows.
    pub(super) async fn collection_request(&self, gateway: &Url) -> anyhow::Result<CollectionRequest> {
        let mut items = Vec::with_capacity(self.what.len());
        for text in &self.what {
            let Named { id: bundle, gateway: other } = named(text)?;
            let known = gateway_api::publication(other.as_ref().unwrap_or(gateway), bundle).await;
            let known = known.with_context(|| format!("cannot take {text} into the collection"))?;
            let title =
                Title::new(known["title"].as_str().unwrap_or_default()).map_err(|error| usage(&error))?;
            items.push(Item { bundle, title });
        }
        Ok(CollectionRequest {
            title: Title::new(self.title.as_str()).map_err(|error| usage(&error))?,
            by: self.by.as_deref().map(Byline::new).transpose().map_err(|error| usage(&error))?,
            about: self.about.as_deref().map(About::new).transpose().map_err(|error| usage(&error))?,
            language: self
                .language
                .as_deref()
                .map(language::tag)
                .transpose()
                .map_err(|error| usage(&error))?,
            items,
            cover: self.cover.as_deref().map(attached).transpose()?,
            attachments: self.attachments.iter().map(|path| attached(path)).collect::<Result<_, _>>()?,
            listed: !self.unlisted,
        })
    }
}

fn named(text: &str) -> anyhow::Result<Named> {
    text.parse().map_err(|error| Usage::because(format!("{text:?} is {error}")))
}
