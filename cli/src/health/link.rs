//! A link that was made: named, revoked, asked about.

use account::release_now;
use anyhow::Context;
use client::Client;
use protocol::{Signed, UnixSeconds};
use reqwest::Url;
use serde::Deserialize;
use sharing::{HealthLinkEnd, HealthLinkText, LinkEvent, LinkEventKind, LinkId, LinkInquiry, Reader, link_key};

use super::{Book, BookEntry};
use crate::arguments::Globals;
use crate::failure::Usage;
use crate::gateway_api::{self, GatewayError};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::trail::{TrailFile, facts_of};
use crate::{account as account_file, failure};

/// Ends a health link at its gateway, for ever, and the leases of what is behind it.
pub(crate) async fn revoke(globals: &Globals, id: LinkId) -> anyhow::Result<BookEntry> {
    let book = Book::open(globals)?;
    let mut entry = book.entry(id)?;
    let network = Network::load(globals.network.as_deref()).await?;
    let mut names = Names::open(globals).await?;
    let (secret, at) = (names.account.secret().clone(), now());
    let record = Signed::sign(&link_key(&secret, id), &network.file.network, HealthLinkEnd { id, issued: at });
    let path = format!("/api/health-links/{id}/end");
    gateway_api::post_record(&entry.gateway, &path, record.encode()).await?;
    // From here on it is closed, whatever becomes of what lies on the network.
    let is_new = entry.ended.is_none();
    entry.ended.get_or_insert(at);
    book.keep(&entry)?;
    if is_new {
        let facts = facts_of(&entry, sharing::TrailWhat::LinkEnded, at);
        TrailFile::open(globals, &secret, network.file.network)?.append(facts)?;
    }
    let objects = entry.objects.clone();
    for object in &objects {
        names.local.release_later(*object, at)?;
    }
    let release = async |client: &Client| {
        for object in &objects {
            release_now(client, &names.account, &names.local, *object).await?;
        }
        let coding = network.usual_coding(client)?;
        names.push(client, coding).await
    };
    let released = network.with_client(Some(account_file::payer(&secret)), release).await;
    if let Err(error) = released {
        globals.output().note(format_args!(
            "the link is revoked; what was behind it is released by later commands: {}",
            failure::one_line(&error)
        ));
    }
    Ok(entry)
}

/// What a gateway answers.
#[derive(Deserialize)]
struct Events {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    number: u64,
    at: UnixSeconds,
    what: LinkEventKind,
    #[serde(default)]
    who: Option<Reader>,
}

/// What happened to a link at its gateway after the event `after`, which the caller keeps: the gateway may forget it then.
pub(crate) async fn events(
    gateway: &Url,
    key: &protocol::SecretKey,
    network: protocol::NetworkId,
    id: LinkId,
    after: u64,
) -> anyhow::Result<Vec<(u64, LinkEvent)>> {
    let record = Signed::sign(key, &network, LinkInquiry { after, id, issued: now() });
    let answer = gateway_api::post_record(gateway, &format!("/api/links/{id}/events"), record.encode()).await?;
    let answer: Events = serde_json::from_value(answer).context("the gateway's events cannot be read")?;
    let numbered = answer.events.into_iter().map(|Event { number, at, what, who }| (number, LinkEvent { at, what, who }));
    Ok(numbered.collect())
}

/// Whether a gateway does not know a link any more, or knows none.
pub(crate) fn is_gone(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(GatewayError::Refused { status, .. }) if *status == reqwest::StatusCode::NOT_FOUND)
}

/// The link that the user names.
pub(crate) fn required_id(text: &str) -> anyhow::Result<LinkId> {
    let text = text.trim();
    let id = text.parse().ok().or_else(|| text.parse::<HealthLinkText>().ok()?.id());
    id.ok_or_else(|| Usage::because("this is neither a health link (shlink:/…) nor the id of one"))
}
