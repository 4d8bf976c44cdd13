//! A link that was made: named, revoked, asked about.

use std::fmt;

use account::release_now;
use anyhow::Context;
use client::Client;
use data_encoding::BASE64URL_NOPAD;
use protocol::{NetworkId, SecretKey, Signed, UnixSeconds, Unverified};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sharing::{
    Facts, HealthLinkText, LinkEvent, LinkEventKind, LinkId, LinkInquiry, Reader, TrailText, TrailWhat,
};

use super::{Book, BookEntry, index};
use crate::arguments::Globals;
use crate::ends::{Ended, Ending};
use crate::failure::{Outcome, Usage};
use crate::gateway_api::{self, GatewayError};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::trail::{Asked, Reads, facts_of};
use crate::{account as account_file, failure, printable};

/// The answer of a revocation.
#[derive(Serialize)]
struct Answer {
    id: String,
    revoked: UnixSeconds,
    /// Whether its gateway has confirmed it.
    is_closed: bool,
    #[serde(flatten)]
    reads: Reads,
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

/// Ends a health link, and the leases of what is behind it. Where its gateway does not answer, later commands tell it, and nothing is
/// left that it could hand out.
pub(crate) async fn revoke(globals: &Globals, entry: BookEntry) -> anyhow::Result<Outcome> {
    let network = Network::load(globals.network.as_deref()).await?;
    // Whoever has the index has the book: nobody changes the link meanwhile.
    let mut names = Names::open(globals).await?;
    let (book, id, at) = (Book::open(globals)?, entry.id, now());
    let mut entry = book.find(id)?.unwrap_or(entry);
    let secret = names.account.secret().clone();
    let ending = Ended { globals, secret: &secret, network: network.file.network, id };
    let mut trail = ending.open_trail(facts_of(&entry, TrailWhat::LinkEnded, at));
    let revoked = *entry.ended.get_or_insert(at);
    book.keep(&entry)?;
    let is_closed = ending.end(&entry.gateway, Ending::Health, &mut trail).await.is_over();
    let reads = ending.reads(Some(Asked::health(&entry)), trail.as_mut()).await;
    names.local.release_all_later(entry.objects.iter().copied(), at)?;
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
            "what was behind it is released by later commands: {}",
            failure::one_line(error)
        ));
    }
    let is_over = is_closed && released.is_ok() && trail.is_some();
    globals.output().answer(&Answer { id: id.to_string(), revoked, is_closed, reads, label: entry.label })?;
    Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
}

/// Ends a health link that another machine has made. What is behind it is released there, or ends with its leases.
pub(crate) async fn revoke_elsewhere(
    globals: &Globals,
    id: LinkId,
    gateway: &Url,
) -> anyhow::Result<Outcome> {
    let secret = account_file::open(globals.account.as_deref(), globals.output())?;
    let (network, at) = (Network::id(globals.network.as_deref())?, now());
    let ending = Ended { globals, secret: &secret, network, id };
    let source = TrailText::cut(gateway.as_str().trim_end_matches('/'));
    let facts = Facts { link: Some(id), source, ..Facts::new(TrailWhat::LinkEnded, at) };
    let mut trail = ending.open_trail(facts);
    let is_closed = ending.end(gateway, Ending::Health, &mut trail).await.is_over();
    let is_over = is_closed && trail.is_some();
    let reads = Reads::unknown();
    globals
        .output()
        .note("another machine has made it: what was behind it is released when it is revoked there as well");
    globals.output().answer(&Answer { id: id.to_string(), revoked: at, is_closed, reads, label: None })?;
    Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_deref().unwrap_or("the health link");
        let (label, at) = (printable::escaped(label), self.revoked);
        if self.is_closed {
            writeln!(
                f,
                "{label}: revoked at {at}, nobody opens it any more; what was read before stays read"
            )?;
        } else {
            writeln!(
                f,
                "{label}: revoked at {at}; its gateway has not confirmed it, and is told by later commands"
            )?;
        }
        write!(f, "{}", self.reads)
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
    /// A record in base64url.
    #[serde(default)]
    shown: Option<String>,
}

impl Event {
    /// What of it can be looked at. That it says nothing of its own is seen later.
    fn into_numbered(self) -> (u64, LinkEvent) {
        let Self { number, at, what, who, shown } = self;
        let shown = shown.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
        let shown = shown.and_then(|bytes| Unverified::from_bytes(bytes).ok());
        (number, LinkEvent { at, shown, what, who })
    }
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
    Ok(answer.events.into_iter().map(Event::into_numbered).collect())
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
