//! A gateway in front of real nodes, asked over TCP.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use chunker::Link;
use e2e::harness::{TestNetwork, bytes};
use proofs::Cid;
use reqwest::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, RETRY_AFTER};
use reqwest::{Body, Method};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::site::{Site, TOKEN, problem, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_uploaded_can_be_read() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, plain) = (Site::start(&network).await?, bytes(1, 500_000));
    let wishes = "?name=film%20%C3%A9.mp4&type=video/mp4&coding=2%2B1&padding=padme";
    let response = site.upload(wishes, plain.clone()).send().await?;
    assert_eq!(response.status(), 201);
    let put: Value = response.json().await?;
    assert_eq!(
        (&put["size"], &put["coding"], &put["shards"]),
        (&500_000.into(), &"2+1".into(), &3.into()),
        "{put}"
    );
    assert_eq!(put["missing"], Value::Array(Vec::new()));

    let response = site.http.get(put["url"].as_str().context("no url")?).send().await?;
    let headers = response.headers().clone();
    assert_eq!(text(&headers, CONTENT_LENGTH), "500000");
    assert_eq!(text(&headers, ACCEPT_RANGES), "bytes");
    assert_eq!(text(&headers, ETAG), format!("\"{}\"", put["cid"].as_str().unwrap_or_default()));
    assert_eq!(
        text(&headers, CONTENT_DISPOSITION),
        "inline; filename=\"film _.mp4\"; filename*=UTF-8''film%20%C3%A9.mp4"
    );
    assert!(response.bytes().await? == plain);

    let link: Link = put["link"].as_str().context("no link")?.parse()?;
    assert!(crate::get(&network.reader().await?, &link).await? == plain, "the link is one like any other");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeps_to_rfc_9110() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (Site::start(&network).await?, network.client().await?);
    let (folder, script) =
        (tempfile::tempdir()?, Path::new(env!("CARGO_MANIFEST_DIR")).join("python/http_conformance.py"));
    for (number, len) in (0..).zip([0, 1, 700, 16_368, 300_001]) {
        let (plain, file) = (bytes(number, len), folder.path().join(len.to_string()));
        let report = network.put(&client, "2+2", &plain, number).await?;
        std::fs::write(&file, plain)?;
        let mut check = Command::new("python3");
        check.arg(&script).arg(site.url("")).arg(report.link.to_string()).arg(&file);
        let output = tokio::task::spawn_blocking(move || check.output()).await?.context("python3")?;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{len} bytes: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_certain_is_404_and_what_may_pass_is_503() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(4).await?;
    let (site, client) = (Site::start(&network).await?, network.client().await?);
    let report = network.put(&client, "2+2", &bytes(3, 300_000), 3).await?;
    let url = site.handle(&report.link).await?;
    let nothing = Link::new(Cid::of(b"nothing like this"), report.link.key().clone());
    assert_eq!(problem(site.open(&nothing).await?).await?, (404, "not_held".to_owned()));

    (0..3).for_each(|index| network.kill(index));
    for response in [site.open(&nothing).await?, site.http.get(&url).send().await?] {
        assert!(response.headers().contains_key(RETRY_AFTER));
        assert_eq!(problem(response).await?, (503, "unavailable".to_owned()));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_no_bytes_needs_no_nodes() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(3).await?;
    let (site, client) = (Site::start(&network).await?, network.client().await?);
    let report = network.put(&client, "2+1", &bytes(4, 300_000), 4).await?;
    let url = site.handle(&report.link).await?;
    (0..3).for_each(|index| network.kill(index));
    let tag = format!("\"{}\"", report.cid);
    for (method, field, value, status) in [
        (Method::HEAD, "accept", "*/*", 200),
        (Method::GET, "if-none-match", tag.as_str(), 304),
        (Method::HEAD, "if-none-match", &tag, 304),
        (Method::GET, "if-match", "\"another\"", 412),
        (Method::GET, "range", "bytes=300000-", 416),
    ] {
        let response = site.http.request(method, &url).header(field, value).send().await?;
        assert_eq!(response.status(), status, "{field}: {value}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_is_read_again_from_the_cache() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(3).await?;
    let (site, client, plain) = (Site::start(&network).await?, network.client().await?, bytes(5, 300_000));
    let report = network.put(&client, "2+1", &plain, 5).await?;
    let url = site.handle(&report.link).await?;
    assert!(site.http.get(&url).send().await?.bytes().await? == plain);
    (0..3).for_each(|index| network.kill(index));
    assert!(site.http.get(&url).send().await?.bytes().await? == plain);
    let response = site.http.get(&url).header("range", "bytes=100000-299998").send().await?;
    assert_eq!(text(response.headers(), CONTENT_RANGE), "bytes 100000-299998/300000");
    assert!(response.bytes().await? == plain[100_000..299_999]);
    assert_eq!(site.metric("cache_misses_total").await?, 300_000_u64.div_ceil(16_368));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_in_the_middle_never_looks_like_the_end() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(4).await?;
    // More than all buffers on the way hold, so that the failure comes in the middle.
    let (site, client, plain) = (Site::start(&network).await?, network.client().await?, bytes(6, 60 << 20));
    let report = network.put(&client, "2+2", &plain, 6).await?;
    let url = site.handle(&report.link).await?;
    let path = url.split_once("/b/").context("a URL without handle")?.1;
    let mut stream = TcpStream::connect(site.addr).await?;
    stream.write_all(format!("GET /b/{path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await?;
    let mut got = vec![0; 1 << 20];
    stream.read_exact(&mut got).await?;
    (0..3).for_each(|index| network.kill(index));
    let end = stream.read_to_end(&mut got).await;
    assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));

    let head = got.windows(4).position(|window| window == b"\r\n\r\n").context("no end of the head")? + 4;
    let (head, body) = got.split_at(head);
    assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(head));
    assert!(
        body.len() < plain.len() && plain.starts_with(body),
        "what came before is right: {} bytes",
        body.len()
    );
    assert_eq!(site.metric("aborted_total").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_breaks_off_stores_nothing() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let site = Site::start(&network).await?;
    let head = format!("POST /blob HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n");
    let part = bytes(7, 20 << 20);
    for (fields, prefix) in
        [("Content-Length: 41943040\r\n\r\n", ""), ("Transfer-Encoding: chunked\r\n\r\n", "1400000\r\n")]
    {
        let mut stream = TcpStream::connect(site.addr).await?;
        stream.write_all(format!("{head}{fields}{prefix}").as_bytes()).await?;
        stream.write_all(&part).await?;
        drop(stream);
    }
    for _ in 0..200 {
        if site.metric("requests_under_way").await? == 0 && site.metric("received_bytes_total").await? > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(network.shards(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_unknown_length_is_bounded_too() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let site = Site::start(&network).await?;
    let pieces =
        futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(bytes::Bytes::from(vec![7; 1 << 20])));
    let refused = site.upload("", Body::wrap_stream(pieces)).send().await;
    // The gateway answers before the upload's end; a client may meet the closed connection first.
    if let Ok(response) = refused {
        assert_eq!(problem(response).await?, (413, "too_large".to_owned()));
    }
    assert_eq!(network.shards(), 0);
    Ok(())
}
