//! The routes of a gateway whose network has no nodes: what is answered before any node is asked.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use chunker::{AccountSecret, Coding};
use client::{Client, ClientOptions};
use network::{EndpointOptions, EndpointRole, Members, Pool};
use protocol::{NetworkId, SecretKey};
use tower::ServiceExt as _;

use super::router;
use crate::{BearerToken, Gateway, GatewayConfig, UploadConfig};

mod health;
mod links;
mod shares;
mod streams;

const TOKEN: &str = "0123456789abcdef";
const LINK: &str = "headwater:bafyr4iaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn gateway(uploads: bool) -> Router {
    gateway_with(uploads, |_| {}).await
}

async fn gateway_with(uploads: bool, change: impl FnOnce(&mut GatewayConfig)) -> Router {
    let secret = SecretKey::from_bytes(&[7; 32]);
    let options = EndpointOptions {
        role: EndpointRole::Client,
        bind: (Ipv4Addr::LOCALHOST, 0).into(),
        secret: secret.clone(),
    };
    let endpoint = network::bind(options).await.unwrap();
    let network = NetworkId::from_bytes([9; 32]);
    let pool = Pool::new(endpoint, network, Some(secret));
    let client = Client::new(pool, Members::new(network, true), ClientOptions::default());
    let mut config = GatewayConfig::new("http://gateway.example");
    config.uploads = uploads.then(|| UploadConfig {
        token: BearerToken::new(TOKEN).unwrap(),
        account: AccountSecret::from_bytes([5; 32]),
        coding: Coding::new(5, 3).unwrap(),
        keep_s: 86_400,
        len_max: 1000,
    });
    change(&mut config);
    router(Gateway::new(config, client).unwrap())
}

/// Status, headers and the code of the problem, if it is one.
async fn ask(gateway: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = gateway.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    assert_eq!(head.headers[REFERRER_POLICY], "no-referrer");
    (head.status, head.headers, document["code"].as_str().unwrap_or_default().to_owned())
}

fn request(method: &str, path: &str, body: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(body.to_owned().into()).unwrap()
}

#[tokio::test]
async fn unknown_paths_methods_and_handles() {
    let gateway = gateway(false).await;
    for (method, path, status, code) in [
        ("GET", "/", 404, "no_route"),
        ("GET", "/b", 404, "no_route"),
        ("GET", "/b/", 404, "no_route"),
        ("GET", "/b/nonsense", 404, "unknown_handle"),
        ("GET", "/b/0123456789abcdef0123456789abcdef", 404, "unknown_handle"),
        ("GET", "/b/0123456789ABCDEF0123456789ABCDEF", 404, "unknown_handle"),
        ("HEAD", "/b/0123456789abcdef0123456789abcdef", 404, ""),
        ("POST", "/b/0123456789abcdef0123456789abcdef", 405, "method_not_allowed"),
        ("DELETE", "/b/0123456789abcdef0123456789abcdef", 405, "method_not_allowed"),
        ("GET", "/open", 405, "method_not_allowed"),
        ("GET", "/blob", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", "/health", 200, ""),
        ("HEAD", "/health", 200, ""),
        ("GET", "/health/ready", 503, "unavailable"),
        ("GET", "/metrics", 200, ""),
    ] {
        let (got, headers, said) = ask(&gateway, request(method, path, "")).await;
        assert_eq!((got.as_u16(), said.as_str()), (status, code), "{method} {path}");
        assert_eq!(headers.contains_key(ALLOW), status == 405, "{method} {path}");
    }
    let (_, headers, _) = ask(&gateway, request("PUT", "/b/0123456789abcdef0123456789abcdef", "")).await;
    assert_eq!(headers[ALLOW], "GET,HEAD,OPTIONS");
}

#[tokio::test]
async fn people_who_are_lost_see_a_page() {
    let gateway = gateway(false).await;
    for path in ["/s/", "/share", "/no/such/path"] {
        let mut lost = request("GET", path, "");
        lost.headers_mut().insert(ACCEPT, "text/html,application/xhtml+xml".parse().unwrap());
        let answer = gateway.clone().oneshot(lost).await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()[CONTENT_TYPE]),
            (StatusCode::NOT_FOUND, &HeaderValue::from_static("text/html; charset=utf-8"))
        );
        let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        assert!(body.starts_with(b"<!doctype html>"));
        assert_eq!(ask(&gateway, request("GET", path, "")).await.2, "no_route", "{path} for programs");
    }
}

#[tokio::test]
async fn each_page_has_its_policy() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["index.html", "api.html", "viewer.html"] {
        std::fs::write(folder.path().join(file), "<!doctype html>").unwrap();
    }
    let page = folder.path().to_owned();
    let gateway = gateway_with(false, |config| config.page = Some(page)).await;
    let (page, api) = ("default-src 'self'; ", "default-src 'none'; script-src 'self'; ");
    for (path, policy, frames) in [
        ("/", page, "none"),
        ("/watch/any", page, "none"),
        ("/watch/any?embed=10", page, "none"),
        ("/watch/any?embed=1", page, "any"),
        ("/watch/any?t=1&embed=1", page, "any"),
        ("/live/any?embed=1", page, "none"),
        ("/nodes", page, "none"),
        ("/log", page, "none"),
        ("/statement?embed=1", page, "none"),
        ("/agree?embed=1", page, "none"),
        ("/s/any?embed=1", "default-src 'none'; script-src 'unsafe-inline'", "none"),
        ("/s/", "default-src 'none'; script-src 'unsafe-inline'", "none"),
        ("/share", "default-src 'none'; script-src 'unsafe-inline'", "none"),
        ("/api/", api, "none"),
        ("/api", api, "none"),
    ] {
        let (status, headers, _) = ask(&gateway, request("GET", path, "")).await;
        assert_eq!(status, 200, "{path}");
        assert_eq!(headers[CACHE_CONTROL], "no-cache", "{path}");
        let said = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(said.starts_with(policy) && said.contains("base-uri 'none'"), "{path}: {said}");
        let ancestors = if frames == "any" { "frame-ancestors *" } else { "frame-ancestors 'none'" };
        assert!(said.ends_with(ancestors), "{path}: {said}");
    }
    let (status, headers, _) = ask(&gateway, request("GET", "/api/openapi.json", "")).await;
    assert!(status == 200 && !headers.contains_key(CONTENT_SECURITY_POLICY));
}

#[tokio::test]
async fn players_of_other_origins_may_read_and_open_but_not_upload() {
    let gateway = gateway(true).await;
    for path in ["/open", "/b/0123456789abcdef0123456789abcdef"] {
        let (status, headers, _) = ask(&gateway, request("OPTIONS", path, "")).await;
        assert_eq!(status, 204);
        assert!(headers.contains_key(ALLOW));
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
    let (status, headers, _) = ask(&gateway, request("GET", "/b/0123456789abcdef0123456789abcdef", "")).await;
    assert_eq!((status.as_u16(), &headers[ACCESS_CONTROL_ALLOW_ORIGIN]), (404, &"*".parse().unwrap()));
    let (status, headers, _) = ask(&gateway, request("OPTIONS", "/blob", "")).await;
    assert!(status == 405 && !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn links_that_do_not_open() {
    let gateway = gateway(false).await;
    let json = format!("{{\"link\":\"{LINK}\"}}");
    for (body, status, code) in [
        ("", 400, "bad_link"),
        ("headwater:", 400, "bad_link"),
        ("{\"link\":3}", 400, "bad_link"),
        ("{\"link\":\"x\",\"more\":1}", 400, "bad_link"),
        (&LINK[..LINK.len() - 1], 400, "bad_link"),
        (&"x".repeat(5000), 413, "too_large"),
        (LINK, 503, "unavailable"),
        (&format!(" {LINK}\r\n"), 503, "unavailable"),
        (&json, 503, "unavailable"),
    ] {
        let (got, headers, said) = ask(&gateway, request("POST", "/open", body)).await;
        assert_eq!((got.as_u16(), said.as_str()), (status, code), "{body}");
        assert_eq!(headers.contains_key(RETRY_AFTER), status == 503, "{body}");
    }
}

#[tokio::test]
async fn uploads_need_the_token() {
    let (status, _, code) = ask(&gateway(false).await, request("POST", "/blob", "bytes")).await;
    assert_eq!((status.as_u16(), code.as_str()), (403, "uploads_off"));
    let gateway = gateway(true).await;
    for shown in [None, Some("Bearer 0123456789abcdee"), Some("Basic 0123456789abcdef"), Some("")] {
        let mut upload = request("POST", "/blob", "bytes");
        upload.headers_mut().extend(shown.map(|value| (AUTHORIZATION, value.parse().unwrap())));
        let (status, headers, code) = ask(&gateway, upload).await;
        assert_eq!((status.as_u16(), code.as_str()), (401, "bad_token"), "{shown:?}");
        assert!(headers.contains_key(WWW_AUTHENTICATE));
    }
}

#[tokio::test]
async fn what_is_looked_after_is_for_operators() {
    let off = ask(&gateway(true).await, request("GET", "/api/care", "")).await;
    assert_eq!((off.0.as_u16(), off.2.as_str()), (403, "operators_off"));
    let token = || Some(BearerToken::new("an-operators-own-token").unwrap());
    let gateway = gateway_with(true, |config| config.operators = token()).await;
    for shown in [None, Some(format!("Bearer {TOKEN}"))] {
        let mut asked = request("GET", "/api/care", "");
        asked.headers_mut().extend(shown.map(|value| (AUTHORIZATION, value.parse().unwrap())));
        let (status, headers, code) = ask(&gateway, asked).await;
        assert_eq!((status.as_u16(), code.as_str()), (401, "bad_token"), "an uploader is no operator");
        assert!(headers.contains_key(WWW_AUTHENTICATE) && !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
    let mut asked = request("GET", "/api/care", "");
    asked.headers_mut().insert(AUTHORIZATION, "Bearer an-operators-own-token".parse().unwrap());
    let (status, headers, _) = ask(&gateway, asked).await;
    assert_eq!((status.as_u16(), &headers[CACHE_CONTROL]), (200, &"no-store".parse().unwrap()));
}

#[tokio::test]
async fn anybody_may_ask_how_the_nodes_are() {
    let gateway = gateway(false).await;
    for (path, status) in [
        ("/api/nodes", 200),
        ("/api/audits", 200),
        ("/api/audits?hours=168", 200),
        ("/api/audits?hours=0", 400),
        ("/api/audits?hours=169", 400),
        ("/api/audits?days=1", 400),
    ] {
        let (got, headers, _) = ask(&gateway, request("GET", path, "")).await;
        assert_eq!(got.as_u16(), status, "{path}");
        assert!(headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}

#[tokio::test]
async fn wishes_that_are_refused() {
    let gateway = gateway(true).await;
    for (query, body, status, code) in [
        ("?coding=5", "", 400, "bad_request"),
        ("?coding=0+3", "", 400, "bad_request"),
        ("?padding=some", "", 400, "bad_request"),
        ("?keep_days=x", "", 400, "bad_request"),
        ("?unknown=1", "", 400, "bad_request"),
        ("", &"x".repeat(1001)[..], 413, "too_large"),
    ] {
        let mut upload = request("POST", &format!("/blob{query}"), body);
        upload.headers_mut().insert(AUTHORIZATION, format!("Bearer {TOKEN}").parse().unwrap());
        let (got, _, said) = ask(&gateway, upload).await;
        assert_eq!((got.as_u16(), said.as_str()), (status, code), "{query}");
    }
}

#[tokio::test]
async fn nothing_secret_is_counted() {
    let gateway = gateway(false).await;
    ask(&gateway, request("GET", "/b/0123456789abcdef0123456789abcdef", "")).await;
    let response = gateway.oneshot(request("GET", "/metrics", "")).await.unwrap();
    let text = String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
    assert!(text.contains("requests_total{route=\"/b/{handle}\",method=\"GET\",status=\"404\"} 1"), "{text}");
    assert!(!text.contains("0123456789abcdef"));
}
