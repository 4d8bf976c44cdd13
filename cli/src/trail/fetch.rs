//! Bringing what gateways know of the account's links into its trail.

use chunker::AccountSecret;
use protocol::{NetworkId, SecretKey, UnixSeconds};
use reqwest::Url;
use sharing::{AskedLink, TakenEvents, TrailWhat, link_key, take_events};

use super::{TrailFile, facts_of, facts_of_share};
use crate::arguments::Globals;
use crate::health::{self, Book, BookEntry};
use crate::names::now;
use crate::output::Output;
use crate::shares::{KeptShare, KeptShares};
use crate::{failure, gateway_api};

/// Answers of one gateway about one link that one command takes: 20 000 events. The rest waits for the next one.
const ANSWERS_MAX: usize = 100;

/// A link, and who is asked about it.
#[derive(Debug)]
pub(crate) struct Asked {
    gateway: Url,
    link: AskedLink,
}

/// A trail that is brought up to date.
#[derive(Debug)]
pub(crate) struct Fetching<'a> {
    pub(crate) file: &'a mut TrailFile,
    pub(crate) secret: &'a AccountSecret,
    pub(crate) network: NetworkId,
    pub(crate) output: Output,
    /// Whether to go on behind events that a gateway does not tell.
    pub(crate) skip: bool,
}

impl Asked {
    /// A health link.
    pub(crate) fn health(link: &BookEntry) -> Self {
        let facts = facts_of(link, TrailWhat::Opened, now());
        let holders = Vec::new();
        let asked = AskedLink { id: link.id, facts, made: link.made, expires: link.expires, holders };
        Self { gateway: link.gateway.clone(), link: asked }
    }

    /// A sealed share.
    pub(crate) fn share(share: &KeptShare) -> anyhow::Result<Self> {
        let facts = facts_of_share(share, TrailWhat::Opened, now());
        let (made, expires) = (UnixSeconds::new(share.issued), share.expires.map(UnixSeconds::new));
        let holders = share.holders()?;
        let link = AskedLink { id: share.id()?, facts, made, expires, holders };
        Ok(Self { gateway: gateway_api::address(&share.gateway)?, link })
    }
}

impl Fetching<'_> {
    /// Asks about all links of this machine; false where not all is here, which is said.
    pub(crate) async fn all(&mut self, globals: &Globals) -> anyhow::Result<bool> {
        let mut asked: Vec<_> = Book::open(globals)?.entries()?.iter().map(Asked::health).collect();
        for share in KeptShares::open(globals)?.all()? {
            asked.push(Asked::share(&share)?);
        }
        let mut is_complete = true;
        for link in asked {
            is_complete &= self.one(&link).await?;
        }
        Ok(is_complete)
    }

    /// Asks about one link until nothing is left. An event is in the trail before its gateway is told that it may forget it.
    pub(crate) async fn one(&mut self, asked: &Asked) -> anyhow::Result<bool> {
        let Asked { gateway, link } = asked;
        let key: SecretKey = link_key(self.secret, link.id);
        for _ in 0..ANSWERS_MAX {
            let after = self.file.trail().fetched(link.id);
            let events = match health::events(gateway, &key, self.network, link.id, after).await {
                Ok(events) => events,
                Err(error) if health::is_gone(&error) && !link.is_kept(now()) => return Ok(true),
                Err(error) => {
                    let why = failure::one_line(&error);
                    if health::is_gone(&error) {
                        let complaint = "its gateway says that there is no such link";
                        self.file.append_with(|trail| {
                            link.complaint(trail, now(), complaint).into_iter().collect()
                        })?;
                    }
                    return Ok(self.is_missing(&why));
                }
            };
            let mut refused = None;
            self.file.append_with(|trail| {
                let taken = take_events(trail, link, &events, now(), self.skip);
                let TakenEvents { entries, refused: why } = taken;
                refused = why;
                entries
            })?;
            if let Some(why) = refused {
                return Ok(self.is_missing(&format!("{gateway} tells {why}")));
            }
            if self.file.trail().fetched(link.id) == after {
                return Ok(true);
            }
        }
        Ok(self.is_missing(&format!("{gateway} has more to tell; run this again")))
    }

    fn is_missing(&self, why: &str) -> bool {
        self.output.note(format_args!("not all is here: {why}"));
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use axum::http::StatusCode;
    use axum::{Json, Router};
    use serde_json::{Value, json};
    use sharing::{Facts, LinkId, Trail};

    use super::*;

    /// A gateway that answers whatever it wants, in the order of its answers.
    async fn gateway(answer: impl Fn(u64) -> (StatusCode, Value) + Clone + Send + Sync + 'static) -> Url {
        let asked = Arc::new(AtomicU64::new(0));
        let routes = Router::new().fallback(move || {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            let (status, value) = answer(number);
            std::future::ready((status, Json(value)))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(tokio::spawn(async move { axum::serve(listener, routes).await }));
        gateway_api::address(&url).unwrap()
    }

    /// Fetches from a gateway into an empty trail, twice; whether the second time all was there, and the trail.
    async fn fetched(gateway: Url, expires: Option<UnixSeconds>) -> (bool, Trail) {
        let folder = tempfile::tempdir().unwrap();
        let (secret, network) = (AccountSecret::from_bytes([1; 32]), NetworkId::from_bytes([2; 32]));
        let mut file = TrailFile::read_at(folder.path().join("trail"), &secret, network).unwrap();
        let (made, facts) = (UnixSeconds::new(1_700_000_000), Facts::new(TrailWhat::Opened, now()));
        let asked = Asked {
            gateway,
            link: AskedLink { id: LinkId::from_bytes([3; 32]), facts, made, expires, holders: Vec::new() },
        };
        let mut is_complete = false;
        for _ in 0..2 {
            let output = Output::new(false);
            let mut fetching = Fetching { file: &mut file, secret: &secret, network, output, skip: false };
            is_complete = fetching.one(&asked).await.unwrap();
        }
        let whole = TrailFile::read_at(folder.path().join("trail"), &secret, network).unwrap();
        (is_complete, whole.trail().clone())
    }

    fn event(number: u64) -> Value {
        json!({ "number": number, "at": 1_700_000_100, "what": "opened", "who": "x" })
    }

    #[tokio::test]
    async fn a_gateway_that_never_ends_fills_no_trail() {
        const PAGE: u64 = 2;
        let flood = gateway(|asked| {
            let events: Vec<_> = (asked * PAGE + 1..=(asked + 1) * PAGE).map(event).collect();
            (StatusCode::OK, json!({ "events": events }))
        });
        let (is_complete, trail) = fetched(flood.await, None).await;
        assert!(!is_complete);
        assert_eq!(trail.entries().len(), 2 * ANSWERS_MAX * 2);

        let much = gateway(|_| {
            let events: Vec<_> = (1..=3000).map(event).collect();
            (StatusCode::OK, json!({ "events": events }))
        });
        let (is_complete, trail) = fetched(much.await, None).await;
        assert!(!is_complete);
        assert_eq!((trail.entries().len(), trail.entries()[0].facts.what), (1, TrailWhat::NotTold));
    }

    #[tokio::test]
    async fn a_gateway_that_does_not_know_a_link_has_to_while_it_lasts() {
        let gone = || gateway(|_| (StatusCode::NOT_FOUND, json!({})));
        for expires in [None, Some(now())] {
            let (is_complete, trail) = fetched(gone().await, expires).await;
            assert!(!is_complete);
            assert_eq!((trail.entries().len(), trail.entries()[0].facts.what), (1, TrailWhat::NotTold));
        }
        let (is_complete, trail) = fetched(gone().await, Some(UnixSeconds::new(1_700_000_200))).await;
        assert!(is_complete && trail.entries().is_empty());
    }
}
