//! Ends of links: kept until the gateway has confirmed them, and sent again by later commands.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io};

use anyhow::Context;
use chunker::AccountSecret;
use protocol::{NetworkId, Signed, UnixSeconds};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use sharing::{
    DeviceStreamEnd, Facts, HealthLinkEnd, LINK_KEPT_S, LinkId, ShareEnd, TrailText, TrailWhat, link_key,
};

use crate::arguments::Globals;
use crate::gateway_api::{self, GatewayError};
use crate::names::now;
use crate::trail::{Asked, Fetching, Reads, TrailFile};
use crate::{failure, folders, names, shares};

/// How long one command tries to send what earlier ones could not.
const SEND_WITHIN: Duration = Duration::from_secs(3);

/// Which kind of link ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Share,
    Health,
    /// A stream of a device.
    Stream,
}

/// The ends of links that wait for their gateways, on this machine and network.
#[derive(Debug)]
pub(crate) struct Ends {
    folder: PathBuf,
}

/// A link that its owner has revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingEnd {
    gateway: String,
    kind: Ending,
    since: UnixSeconds,
}

impl Ends {
    pub(crate) fn open(globals: &Globals) -> anyhow::Result<Self> {
        Ok(Self { folder: names::index_folder(globals)?.join("ends") })
    }

    /// Whether a link has ended for its owner, and its gateway has not confirmed that yet.
    pub(crate) fn waits(&self, id: LinkId) -> bool {
        self.path(id).exists()
    }

    /// Ends a link at its gateway, for ever. Where it does not confirm, later commands try again. What a gateway does not know, it does not
    /// open.
    pub(crate) async fn end(
        &self,
        secret: &AccountSecret,
        network: NetworkId,
        id: LinkId,
        gateway: &Url,
        kind: Ending,
    ) -> anyhow::Result<EndAnswer> {
        self.end_later(id, gateway, kind)?;
        let end = PendingEnd { gateway: gateway.as_str().to_owned(), kind, since: now() };
        let answer = match end.send(secret, network, id).await {
            Ok(()) => EndAnswer::Confirmed,
            Err(error) if is_refused_with(&error, StatusCode::NOT_FOUND) => EndAnswer::Unknown,
            Err(error) => return Err(error),
        };
        self.remove(id)?;
        Ok(answer)
    }

    /// Has later commands end a link at its gateway. Durable when this returns.
    pub(crate) fn end_later(&self, id: LinkId, gateway: &Url, kind: Ending) -> anyhow::Result<()> {
        if self.waits(id) {
            return Ok(());
        }
        self.keep(id, &PendingEnd { gateway: gateway.as_str().to_owned(), kind, since: now() })
    }

    /// Sends what waits, as far as gateways answer soon.
    pub(crate) async fn send(&self, secret: &AccountSecret, network: NetworkId) -> anyhow::Result<usize> {
        let waiting = self.waiting()?;
        let send_all = async {
            for (id, end) in &waiting {
                let sent = end.send(secret, network, *id).await;
                let is_over = end.is_over(now(), sent.as_ref().err());
                if is_over {
                    self.remove(*id)?;
                }
            }
            anyhow::Ok(())
        };
        if let Ok(sent) = tokio::time::timeout(SEND_WITHIN, send_all).await {
            sent?;
        }
        Ok(self.waiting()?.len())
    }

    fn waiting(&self) -> anyhow::Result<Vec<(LinkId, PendingEnd)>> {
        let files = match fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.folder.display()));
            }
        };
        let mut waiting = Vec::new();
        for file in files {
            let path = file?.path();
            let Some(id) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let end =
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
            waiting.push((id, end));
        }
        Ok(waiting)
    }

    fn keep(&self, id: LinkId, end: &PendingEnd) -> anyhow::Result<()> {
        let path = self.path(id);
        fs::create_dir_all(&self.folder)
            .and_then(|()| folders::write_privately(&path, &serde_json::to_vec(end).expect("it is JSON")))
            .and_then(|()| folders::sync_folder_of(&path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Forgets that a link is to end.
    pub(crate) fn remove(&self, id: LinkId) -> anyhow::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("cannot forget the end of a link that its gateway has confirmed")
            }
            _ => Ok(()),
        }
    }

    fn path(&self, id: LinkId) -> PathBuf {
        self.folder.join(id.to_string())
    }
}

impl PendingEnd {
    async fn send(&self, secret: &AccountSecret, network: NetworkId, id: LinkId) -> anyhow::Result<()> {
        let (key, issued) = (link_key(secret, id), now());
        let gateway = gateway_api::address(&self.gateway)?;
        match self.kind {
            Ending::Share => {
                shares::end(&gateway, &Signed::sign(&key, &network, ShareEnd { id, issued })).await?;
            }
            Ending::Stream => {
                let record = Signed::sign(&key, &network, DeviceStreamEnd { id, issued }).encode();
                gateway_api::post_record(&gateway, &format!("/api/streams/{id}/end"), record).await?;
            }
            Ending::Health => {
                let record = Signed::sign(&key, &network, HealthLinkEnd { id, issued }).encode();
                gateway_api::post_record(&gateway, &format!("/api/health-links/{id}/end"), record).await?;
            }
        }
        Ok(())
    }

    /// Whether nothing is to be sent any more: it was confirmed, the link was another's all along, its gateway has none of this id, or no
    /// gateway keeps it any longer.
    fn is_over(&self, now: UnixSeconds, failed: Option<&anyhow::Error>) -> bool {
        let Some(error) = failed else { return true };
        let statuses = [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND];
        statuses.into_iter().any(|status| is_refused_with(error, status))
            || now.seconds_since(self.since) > LINK_KEPT_S
    }
}

fn is_refused_with(error: &anyhow::Error, expected: StatusCode) -> bool {
    matches!(error.downcast_ref(), Some(GatewayError::Refused { status, .. }) if *status == expected)
}

/// What a gateway has said of the end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndAnswer {
    /// It refuses the link from now on.
    Confirmed,
    /// It has no such link.
    Unknown,
    /// Nothing: later commands ask again.
    Nothing,
}

impl EndAnswer {
    /// Whether the link opens no more.
    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Confirmed | Self::Unknown)
    }
}

/// A link that is being revoked, and whose it is.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) secret: &'a AccountSecret,
    pub(crate) network: NetworkId,
    pub(crate) id: LinkId,
}

impl Ended<'_> {
    /// The trail, with what is to happen in it. A link ends even where the trail cannot be written to: that is said.
    pub(crate) fn open_trail(&self, intention: Facts) -> Option<TrailFile> {
        let open =
            || {
                let mut file = TrailFile::open(self.globals, self.secret, self.network)?;
                file.append_with(|trail| {
                    if trail.has(self.id, intention.what) { Vec::new() } else { vec![intention] }
                })?;
                anyhow::Ok(file)
            };
        let opened = open();
        if let Err(error) = &opened {
            let why = failure::one_line(error);
            self.globals
                .output()
                .note(format_args!("your audit trail does not have that this link ends: {why}"));
        }
        opened.ok()
    }

    /// Ends it at its gateway. Where that does not confirm it, the trail says so, and later commands try again.
    pub(crate) async fn end(&self, gateway: &Url, kind: Ending, trail: &mut Option<TrailFile>) -> EndAnswer {
        let Self { globals, secret, network, id } = *self;
        let ended = match Ends::open(globals) {
            Ok(ends) => ends.end(secret, network, id, gateway, kind).await,
            Err(error) => Err(error),
        };
        let error = match ended {
            Ok(answer) => return answer,
            Err(error) => error,
        };
        let why = failure::one_line(&error);
        let still = if matches!(kind, Ending::Stream) {
            "the stream still takes batches"
        } else {
            "the link still opens"
        };
        globals.output().note(format_args!("{still}: {why}; later commands try again"));
        if let Some(file) = trail {
            let about = TrailText::cut("its gateway has not confirmed that the link has ended");
            let source = TrailText::cut(gateway.as_str().trim_end_matches('/'));
            let facts = Facts::new(TrailWhat::NotTold, now());
            if let Err(error) = file.append(Facts { about, source, link: Some(id), ..facts }) {
                globals.output().note(failure::one_line(&error));
            }
        }
        EndAnswer::Nothing
    }

    /// How often it was read: what its gateway has to tell goes into the trail first.
    pub(crate) async fn reads(&self, asked: Option<Asked>, trail: Option<&mut TrailFile>) -> Reads {
        let (Some(asked), Some(file)) = (asked, trail) else { return Reads::unknown() };
        let (secret, network, output) = (self.secret, self.network, self.globals.output());
        let fetched = Fetching { file: &mut *file, secret, network, output, skip: false }.one(&asked).await;
        if let Err(error) = &fetched {
            output.note(failure::one_line(error));
        }
        Reads::of(file.trail(), self.id, fetched.unwrap_or(false))
    }
}

/// Sends what waits, and says what still does.
pub(crate) async fn send(
    globals: &Globals,
    secret: &AccountSecret,
    network: NetworkId,
) -> anyhow::Result<()> {
    match Ends::open(globals)?.send(secret, network).await {
        Ok(0) => {}
        Ok(left) => globals.output().note(format_args!(
            "{left} links or streams that you have ended still open: their gateways do not answer; later commands try again"
        )),
        Err(error) => globals.output().note(failure::one_line(&error)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::routing::post;

    use super::*;

    #[tokio::test]
    async fn an_end_waits_until_its_gateway_has_heard_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let ends = Ends { folder: folder.path().join("ends") };
        let (secret, network) = (AccountSecret::from_bytes([1; 32]), NetworkId::from_bytes([2; 32]));
        let id = LinkId::from_bytes([3; 32]);
        // Nothing listens at a port that was just given back.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let gateway = gateway_api::address(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        assert!(ends.end(&secret, network, id, &gateway, Ending::Health).await.is_err());
        let stream = LinkId::from_bytes([4; 32]);
        assert!(ends.end(&secret, network, stream, &gateway, Ending::Stream).await.is_err());
        assert_eq!(ends.send(&secret, network).await.unwrap(), 2);

        let address = gateway.socket_addrs(|| None).unwrap()[0];
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let path = format!("/api/health-links/{id}/end");
        let heard = axum::Router::new().route(&path, post(async || StatusCode::NO_CONTENT));
        let path = format!("/api/streams/{stream}/end");
        let heard = heard.route(&path, post(async || StatusCode::NO_CONTENT));
        let served = tokio::spawn(async move { axum::serve(listener, heard).await });
        assert_eq!(ends.send(&secret, network).await.unwrap(), 0);
        served.abort();
    }

    #[tokio::test]
    async fn what_a_gateway_does_not_know_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let ends = Ends { folder: folder.path().join("ends") };
        let (secret, network) = (AccountSecret::from_bytes([1; 32]), NetworkId::from_bytes([2; 32]));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = gateway_api::address(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let statuses = |status: StatusCode| axum::Router::new().fallback(async move || status);
        let never_made =
            tokio::spawn(async move { axum::serve(listener, statuses(StatusCode::NOT_FOUND)).await });
        let id = LinkId::from_bytes([3; 32]);
        let ended = ends.end(&secret, network, id, &gateway, Ending::Share).await.unwrap();
        assert_eq!((ended, ends.waits(id)), (EndAnswer::Unknown, false));
        let waiting = PendingEnd { gateway: gateway.to_string(), kind: Ending::Share, since: now() };
        ends.keep(id, &waiting).unwrap();
        assert!(ends.waits(id));
        assert_eq!(ends.send(&secret, network).await.unwrap(), 0);
        never_made.abort();
    }

    #[test]
    fn it_is_given_up_when_no_gateway_can_have_the_link() {
        let end = PendingEnd { gateway: String::new(), kind: Ending::Share, since: UnixSeconds::new(0) };
        let failed = anyhow::anyhow!("no answer");
        assert!(end.is_over(UnixSeconds::new(0), None));
        assert!(!end.is_over(UnixSeconds::new(LINK_KEPT_S), Some(&failed)));
        assert!(end.is_over(UnixSeconds::new(LINK_KEPT_S + 1), Some(&failed)));
    }
}
