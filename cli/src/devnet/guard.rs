//! Who may use the control address: whoever shows the token, and in a browser only pages of this devnet.

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use subtle::ConstantTimeEq;

/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_MAX_AGE_S: &str = "600";

/// What a request must show.
#[derive(Debug)]
pub(super) struct Guard {
    addr: SocketAddr,
    token: String,
    /// The origins of the devnet's gateways, whose pages may use the address.
    pages: Vec<String>,
}

impl Guard {
    /// Guards the control address `addr`; `gateways` are the URLs of the devnet's gateways.
    pub(super) fn new<'a>(addr: SocketAddr, token: String, gateways: impl Iterator<Item = &'a str>) -> Self {
        let pages = gateways.map(|url| url.trim_end_matches('/').to_owned()).collect();
        Self { addr, token, pages }
    }

    /// Why a request with these headers is refused, if it is.
    pub(super) fn refusal(&self, method: &Method, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        if !self.is_named(headers) {
            return Some((StatusCode::MISDIRECTED_REQUEST, "the Host header names another server"));
        }
        if headers.contains_key(header::ORIGIN) && self.origin(headers).is_none() {
            return Some((StatusCode::FORBIDDEN, "requests from other origins are refused"));
        }
        if self.is_preflight(method, headers) {
            return None;
        }
        let shown = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if !bool::from(shown.unwrap_or_default().as_bytes().ct_eq(self.token.as_bytes())) {
            return Some((StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong"));
        }
        None
    }

    /// Whether a browser asks if a page may send a request; it shows no token when it does.
    pub(super) fn is_preflight(&self, method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && self.origin(headers).is_some()
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The `Origin` of a request, if it is one from which requests are taken.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = text(headers, &header::ORIGIN)?;
        let own = self.names().iter().any(|name| origin == format!("http://{name}"));
        let page = self.pages.iter().any(|page| origin == page);
        (own || page).then(|| headers[header::ORIGIN].clone())
    }

    fn is_named(&self, headers: &HeaderMap) -> bool {
        text(headers, &header::HOST).is_some_and(|host| self.names().iter().any(|name| name == host))
    }

    fn names(&self) -> [String; 2] {
        [self.addr.to_string(), format!("localhost:{}", self.addr.port())]
    }
}

/// Lets the page at `origin` read an answer.
pub(super) fn share(response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}

/// The answer to a preflight.
pub(super) fn preflight() -> [(header::HeaderName, &'static str); 3] {
    [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE_S),
    ]
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: (header::HeaderName, &str) = (header::HOST, "127.0.0.1:7000");
    const TOKEN: (header::HeaderName, &str) = (header::AUTHORIZATION, "Bearer secret");
    const PAGE: (header::HeaderName, &str) = (header::ORIGIN, "http://127.0.0.1:8080");
    const ASKS: (header::HeaderName, &str) = (header::ACCESS_CONTROL_REQUEST_METHOD, "POST");

    fn status(method: &Method, headers: &[(header::HeaderName, &str)]) -> Option<StatusCode> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let gateways = ["http://127.0.0.1:8080", "http://127.0.0.1:8081"];
        Guard::new("127.0.0.1:7000".parse().unwrap(), "secret".into(), gateways.into_iter())
            .refusal(method, &headers)
            .map(|(status, _)| status)
    }

    #[test]
    fn the_token_opens_from_this_machine() {
        for host in ["127.0.0.1:7000", "localhost:7000"] {
            assert_eq!(status(&Method::GET, &[(header::HOST, host), TOKEN]), None);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(status(&Method::GET, &[HOST]), Some(StatusCode::UNAUTHORIZED));
        let almost = (header::AUTHORIZATION, "Bearer secre");
        assert_eq!(status(&Method::GET, &[HOST, almost]), Some(StatusCode::UNAUTHORIZED));
        assert_eq!(status(&Method::GET, &[TOKEN]), Some(StatusCode::MISDIRECTED_REQUEST));
        let rebound = (header::HOST, "attacker.example:7000");
        assert_eq!(status(&Method::GET, &[rebound, TOKEN]), Some(StatusCode::MISDIRECTED_REQUEST));
    }

    #[test]
    fn pages_are_those_of_the_gateways() {
        for page in ["http://127.0.0.1:7000", "http://127.0.0.1:8080", "http://127.0.0.1:8081"] {
            assert_eq!(status(&Method::POST, &[HOST, TOKEN, (header::ORIGIN, page)]), None, "{page}");
        }
        for page in [
            "http://attacker.example",
            "null",
            "http://127.0.0.1:8082",
            "https://127.0.0.1:8080",
            "http://127.0.0.1:80800",
        ] {
            let refused = Some(StatusCode::FORBIDDEN);
            assert_eq!(status(&Method::POST, &[HOST, TOKEN, (header::ORIGIN, page)]), refused, "{page}");
            assert_eq!(status(&Method::OPTIONS, &[HOST, ASKS, (header::ORIGIN, page)]), refused, "{page}");
        }
    }

    #[test]
    fn a_page_shows_the_token_with_everything_but_a_preflight() {
        assert_eq!(status(&Method::OPTIONS, &[HOST, PAGE, ASKS]), None);
        let unauthorized = Some(StatusCode::UNAUTHORIZED);
        assert_eq!(status(&Method::POST, &[HOST, PAGE]), unauthorized);
        assert_eq!(status(&Method::POST, &[HOST, PAGE, ASKS]), unauthorized);
        assert_eq!(status(&Method::OPTIONS, &[HOST, PAGE]), unauthorized);
        assert_eq!(status(&Method::OPTIONS, &[HOST, ASKS]), unauthorized);
        let rebound = (header::HOST, "attacker.example:7000");
        assert_eq!(status(&Method::OPTIONS, &[rebound, PAGE, ASKS]), Some(StatusCode::MISDIRECTED_REQUEST));
    }
}
