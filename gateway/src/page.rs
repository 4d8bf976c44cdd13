//! The page that shows and plays publications: static files, made by `player-demo`.

use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{Html, IntoResponse as _, Response};
use tower_http::services::{ServeDir, ServeFile};

use crate::gateway::Gateway;
use crate::problem::{Code, Problem};

/// The page runs its own scripts and no others; it may ask any gateway, since it verifies what it gets. Its player gives
/// caption tracks an empty `data:` URL as their source.
macro_rules! policy_with {
    ($frames:literal) => {
        concat!(
            "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: data:; \
             worker-src 'self' blob:; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
             connect-src *; object-src 'none'; base-uri 'none'; form-action 'none'; ",
            $frames
        )
    };
}

/// Keys of the reader sign in the page: nobody else puts it into a frame, where one does not see what one presses.
const POLICY: &str = policy_with!("frame-ancestors 'none'");

/// The player alone, `/watch/{id}?embed=1`, is for the pages of others: it signs and pays nothing.
const EMBEDDED_POLICY: &str = policy_with!("frame-ancestors *");

/// The page that shows the OpenAPI document asks this gateway alone. Its viewer writes style attributes and elements.
const API_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOTHING_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const NOTHING_HERE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"dark light\">\
    <title>Nothing here · Headwater</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 1.25rem}</style></head>\
    <body><main><h1>There is nothing at this address</h1><p>It may be mistyped, or have been copied in part; a gateway that was started without its page has none at all.</p>\
    <p><a href=\"/\">The catalogue of this gateway</a> · <a href=\"/share\">Open or share a sealed link</a></p></main></body></html>\n";

/// The viewer of sealed shares is one file, which narrows this itself to the hashes of its own scripts and styles. It asks any gateway,
/// since it verifies what it gets; nothing can put it into a frame.
const VIEWER_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; \
    style-src 'unsafe-inline'; worker-src blob:; connect-src 'self' http: https:; img-src blob: data:; media-src blob:; \
    frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's routes: `/`, `/agree`, `/nodes`, `/log`, `/statement`, `/watch/{id}` and `/live/{id}` show it, `/api/` what the gateway answers, `/s/{id}` the viewer of
/// sealed shares, which at `/s/` and `/share` asks for a link and makes one, `/assets/` holds their parts.
pub(crate) fn page(dir: &Path) -> Router<Gateway> {
    let index = || ServeFile::new(dir.join("index.html"));
    let shown = Router::new().route_service("/", index()).route_service("/watch/{id}", index());
    let shown = shown.route_service("/live/{id}", index()).route_service("/nodes", index());
    let shown = shown.route_service("/log", index()).route_service("/statement", index());
    let shown = shown.route_service("/agree", index());
    let shown = shown.layer(from_fn(async |request: Request, next: Next| {
        let policy = if is_embedded(request.uri()) { EMBEDDED_POLICY } else { POLICY };
        always_ask(next.run(request).await, policy)
    }));
    let api = || ServeFile::new(dir.join("api.html"));
    let api = Router::new().route_service("/api", api()).route_service("/api/", api());
    let api = api.layer(map_response(async |response| always_ask(response, API_POLICY)));
    let viewer = || ServeFile::new(dir.join("viewer.html"));
    let viewer = Router::new()
        .route_service("/s/{id}", viewer())
        .route_service("/s/", viewer())
        .route_service("/s", viewer())
        .route_service("/share", viewer())
        .route_service("/viewer.html", viewer());
    let viewer = viewer.layer(map_response(async |response| always_ask(response, VIEWER_POLICY)));
    let assets = Router::new().nest_service("/assets", ServeDir::new(dir.join("assets")));
    shown.merge(api).merge(viewer).merge(assets.layer(map_response(keep_for_ever)))
}

/// What stands where nothing else does: for people a page, for programs a problem document.
pub(crate) async fn nothing_here(method: Method, headers: HeaderMap) -> Response {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if method != Method::GET || !accepts.is_some_and(|types| types.contains("text/html")) {
        return Problem::new(Code::NoRoute, "see GET /api/openapi.json").into_response();
    }
    always_ask((StatusCode::NOT_FOUND, Html(NOTHING_HERE)).into_response(), NOTHING_POLICY)
}

fn is_embedded(uri: &Uri) -> bool {
    let embeds = |query: &str| query.split('&').any(|pair| pair == "embed=1");
    uri.path().starts_with("/watch/") && uri.query().is_some_and(embeds)
}

fn always_ask(mut response: Response, policy: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static("fullscreen=*"));
    response
}

/// The names of the parts hold their hashes.
async fn keep_for_ever(mut response: Response) -> Response {
    if response.status().is_success() {
        let value = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(CACHE_CONTROL, value);
    }
    response
}
