//! A link that was made: named, revoked, asked about.

use std::fmt;

use account::release_now;
use anyhow::Context;
use client::Client;
use protocol::{NetworkId, SecretKey, Signed, UnixSeconds};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sharing::{
    HealthLinkEnd, HealthLinkText, LinkEvent, LinkEventKind, LinkId, LinkInquiry, Reader, TrailWhat, link_key,
};

use super::{Book, BookEntry, index};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::gateway_api::{self, GatewayError};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::trail::{TrailFile, facts_of};
use crate::{account as account_file, failure};

/// The answer of a revocation.
#[derive(Serialize)]
struct Answer {
    id: String,
    revoked: UnixSeconds,
    label: Option<String>,
}

/// The health link of the account that a text names: the link as a whole, or its id.
///
/// Where this device does not know it, the account's index may.
pub(crate) async fn known(globals: &Globals, text: &str) -> anyhow::Result<Option<BookEntry>> {
    let Some(id) = id_in(text) else { return Ok(None) };
    let book = Book::open(globals)?;
    let is_link = text.trim().parse::<LinkId>().is_err();
    if let (None, true) = (book.find(id)?, is_link) {
        index::learn(globals).await;
    }
    book.find(id)
}

/// Ends a health link at its gateway, for ever, and the leases of what is behind it.
pub(crate) async fn revoke(globals: &Globals, mut entry: BookEntry) -> anyhow::Result<Outcome> {
    let network = Network::load(globals.network.as_deref()).await?;
    let mut names = Names::open(globals).await?;
    let (secret, id, at) = (names.account.secret().clone(), entry.id, now());
    let record =
        Signed::sign(&link_key(&secret, id), &network.file.network, HealthLinkEnd { id, issued: at });
    let path = format!("/api/health-links/{id}/end");
    gateway_api::post_record(&entry.gateway, &path, record.encode()).await?;
    // From here on it is closed, whatever becomes of what lies on the network.
    if entry.ended.is_none() {
        entry.ended = Some(at);
        Book::open(globals)?.keep(&entry)?;
        let facts = facts_of(&entry, TrailWhat::LinkEnded, at);
        TrailFile::open(globals, &secret, network.file.network)?.append(facts)?;
    }
    for object in &entry.objects {
        names.local.release_later(*object, at)?;
    }
    let release = async |client: &Client| {
        for object in &entry.objects {
            release_now(client, &names.account, &names.local, *object).await?;
        }
        let coding = network.usual_coding(client)?;
        Ok(index::tell(client, &mut names, coding, &entry).await)
    };
    let released = network.with_client(Some(account_file::payer(&secret)), release).await;
    if let Err(error) = &released {
        globals.output().note(format_args!(
            "the link is revoked; what was behind it is released by later commands: {}",
            failure::one_line(error)
        ));
    }
    let revoked = entry.ended.unwrap_or(at);
    globals.output().answer(&Answer { id: id.to_string(), revoked, label: entry.label.clone() })?;
    Ok(if released.is_ok() { Outcome::Complete } else { Outcome::Incomplete })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_deref().unwrap_or("the health link");
        writeln!(
            f,
            "{label}: revoked at {}, nobody opens it any more; what was read before stays read",
            self.revoked
        )
    }
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
    key: &SecretKey,
    network: NetworkId,
    id: LinkId,
    after: u64,
) -> anyhow::Result<Vec<(u64, LinkEvent)>> {
    let record = Signed::sign(key, &network, LinkInquiry { after, id, issued: now() });
    let answer =
        gateway_api::post_record(gateway, &format!("/api/links/{id}/events"), record.encode()).await?;
    let answer: Events = serde_json::from_value(answer).context("the gateway's events cannot be read")?;
    let numbered = answer
        .events
        .into_iter()
        .map(|Event { number, at, what, who }| (number, LinkEvent { at, what, who }));
    Ok(numbered.collect())
}

/// Whether a gateway does not know a link any more, or knows none.
pub(crate) fn is_gone(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(GatewayError::Refused { status, .. }) if *status == reqwest::StatusCode::NOT_FOUND)
}

/// The id of the health link that the user names.
pub(super) fn required_id(text: &str) -> anyhow::Result<LinkId> {
    id_in(text).ok_or_else(|| Usage::because("this is neither a health link (shlink:/…) nor the id of one"))
}

fn id_in(text: &str) -> Option<LinkId> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<HealthLinkText>().ok()?.id())
}
