//! What a request for a title has to show, and how its answer changes when it does.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::Response;
use proofs::Cid;
use protocol::PublicKey;
use sharing::{Bundle, Prelude};

use super::meter::{Asked, Meter};
use super::session::Stop;
use super::sessions::OpenSession;
use crate::gateway::Gateway;
use crate::handles::Handle;
use crate::problem::{Code, Problem};
use crate::publications::{PLAYLIST_TYPE, derived};
use crate::representation::{Content, Representation};

const SESSION: HeaderName = HeaderName::from_static("headwater-session");
/// What was delivered within a session is nobody else's to pass on.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, max-age=3600, no-transform");

/// What is shown, as agreements name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    content: Cid,
    creator: PublicKey,
    /// The ledger under whose agreements; without one it is free.
    ledger: Option<PublicKey>,
}

impl Shown {
    /// A publication.
    pub(crate) fn bundle(bundle: &Bundle) -> Self {
        Self { content: bundle.content(), creator: bundle.creator(), ledger: bundle.parts().ledger }
    }

    /// A live stream.
    pub(crate) fn stream(prelude: &Prelude) -> Self {
        Self { content: prelude.id().cid(), creator: prelude.creator(), ledger: prelude.parts().ledger }
    }
}

/// On what terms a part of a title is delivered.
#[derive(Debug)]
pub(crate) enum Fare {
    /// It costs nothing.
    Free,
    /// It is counted in a session, and reserved there.
    Counted(Meter),
}

impl Fare {
    /// What this request has to show for this title, and does show. What is `asked` for is reserved.
    pub(crate) fn of(
        gateway: &Gateway,
        shown: Shown,
        uri: &Uri,
        headers: &HeaderMap,
        asked: Asked,
    ) -> Result<Self, Problem> {
        let Some(ledger) = shown.ledger else { return Ok(Self::Free) };
        let till = gateway.till().filter(|till| till.issuer() == ledger);
        let till = till.ok_or_else(|| {
            let detail =
                format!("it is paid by way of the ledger {ledger}, in which this gateway has no part");
            Problem::new(Code::PaymentRequired, detail)
        })?;
        let token = shown_token(uri, headers).ok_or_else(|| {
            Problem::new(
                Code::PaymentRequired,
                format!("it is paid by way of the ledger {ledger}: open a session"),
            )
        })?;
        let session = till.session(token).ok_or_else(no_session)?;
        check_title(&session, shown)?;
        Meter::reserve(session, asked).map(Self::Counted).map_err(|stop| stopped(&stop))
    }

    /// The answer, counted. The rest of what was reserved is given back.
    pub(crate) fn counted(self, answer: Response) -> Response {
        let Self::Counted(meter) = self else { return answer };
        let len = answer.headers().get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
        let (mut head, body) = answer.into_parts();
        head.headers.insert(CACHE_CONTROL, PRIVATE);
        if hyper::body::Body::is_end_stream(&body) {
            return Response::from_parts(head, body);
        }
        let body = meter.around(len.unwrap_or(u64::MAX), body.into_data_stream());
        Response::from_parts(head, Body::from_stream(body))
    }
}

fn check_title(session: &OpenSession, shown: Shown) -> Result<(), Problem> {
    let title = session.title;
    if title.content == shown.content && title.creator == shown.creator {
        return Ok(());
    }
    Err(Problem::new(Code::NoSession, "this session is for another title"))
}

/// The token in the header or the query of a request.
fn shown_token(uri: &Uri, headers: &HeaderMap) -> Option<Handle> {
    let header = headers.get(SESSION).and_then(|value| value.to_str().ok());
    let in_query = || uri.query()?.split('&').find_map(|field| field.strip_prefix("session="));
    header.or_else(in_query)?.parse().ok()
}

/// A playlist of a title that is shown for money, asked for within a session, carries that on.
pub(crate) fn carried_on(playlist: Representation, ledger: Option<PublicKey>, uri: &Uri) -> Representation {
    let token = ledger.and_then(|_| shown_token(uri, &HeaderMap::new()));
    match (token, &playlist.content) {
        (Some(token), Content::Memory(text)) if playlist.media_type == PLAYLIST_TYPE => {
            let text = with_session(&String::from_utf8_lossy(text), token);
            let cache_control = HeaderValue::from_static("private, no-store");
            Representation { cache_control, ..derived(PLAYLIST_TYPE, text) }
        }
        _ => playlist,
    }
}

/// A playlist whose URIs carry the session on, for players that know no headers.
fn with_session(playlist: &str, token: Handle) -> String {
    let lines: Vec<String> = playlist.lines().map(|line| line_with_session(line, token)).collect();
    lines.join("\n") + "\n"
}

fn line_with_session(line: &str, token: Handle) -> String {
    let attribute =
        line.split_once("URI=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?)));
    match attribute {
        Some((before, (uri, after))) => format!("{before}URI=\"{uri}?session={token}\"{after}"),
        None if line.is_empty() || line.starts_with('#') => line.to_owned(),
        None => format!("{line}?session={token}"),
    }
}

pub(super) fn no_session() -> Problem {
    Problem::new(Code::NoSession, "this session is unknown here, or has ended: open another one")
}

pub(super) fn stopped(stop: &Stop) -> Problem {
    let code = match stop {
        Stop::ReceiptsWanted { .. } => Code::ReceiptsWanted,
        Stop::GrantUsedUp { .. } => Code::GrantUsedUp,
        Stop::GrantExpired { .. } => Code::GrantExpired,
    };
    Problem::new(code, stop.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_shown_in_a_header_or_in_the_query() {
        let token = Handle::from_random(0xab);
        let nothing = HeaderMap::new();
        for (uri, is_shown) in [
            (format!("/watch/x/v/0.m4s?session={token}"), true),
            (format!("/watch/x/v/0.m4s?a=b&session={token}"), true),
            (format!("/watch/x/v/0.m4s?xsession={token}"), false),
            ("/watch/x/v/0.m4s?session=".to_owned(), false),
            ("/watch/x/v/0.m4s".to_owned(), false),
        ] {
            let shown = shown_token(&uri.parse().unwrap(), &nothing);
            assert_eq!(shown.is_some(), is_shown, "{uri}");
        }
        let headers = HeaderMap::from_iter([(SESSION, token.to_string().parse().unwrap())]);
        assert_eq!(shown_token(&Uri::from_static("/"), &headers), Some(token));
    }

    #[test]
    fn playlists_carry_the_session_on() {
        let token = Handle::from_random(1);
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"v/init.mp4\"\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8\",NAME=\"x\"\n\nv/0.m4s\n";
        let want = format!(
            "#EXTM3U\n#EXT-X-MAP:URI=\"v/init.mp4?session={token}\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,URI=\"a.m3u8?session={token}\",NAME=\"x\"\n\nv/0.m4s?session={token}\n"
        );
        assert_eq!(with_session(text, token), want);
    }
}
