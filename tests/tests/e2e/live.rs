//! A film that is watched while it is made: from ffmpeg through nodes and gateway back to ffmpeg.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use chunker::AccountSecret;
use e2e::harness::TestNetwork;
use futures_util::stream;
use gateway::{Creators, GatewayConfig};
use protocol::Signed;
use publishing::{Creator, LiveRequest, LiveSeconds, LiveStep, Storing, finish_live, record_live};
use reqwest::Response;
use serde_json::Value;
use sharing::{LiveEnd, LiveId, Title};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use crate::site::Site;

const SECONDS: usize = 8;
/// More than the records of the film.
const RECORDS_MAX: usize = 64;
/// How long a step of the test may take before something is stuck.
const WITHIN: Duration = Duration::from_mins(1);

/// Fragmented MP4 with a keyframe in every second.
fn make_film(path: &Path) -> anyhow::Result<()> {
    let picture = format!("testsrc2=s=160x90:r=25:d={SECONDS}");
    let sound = format!("sine=sample_rate=48000:d={SECONDS}");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2"])
        .args(["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof"])
        .arg(path)
        .status()
        .context("the tests need ffmpeg; scripts/install-tools.sh test installs it")?;
    ensure!(status.success(), "ffmpeg: {status}");
    Ok(())
}

/// The hashes of all frames and of all packets of sound that ffmpeg sees, and no complaint about their times.
fn seen(url: &str) -> anyhow::Result<Vec<String>> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-v", "warning", "-i", url, "-map", "0:v", "-map", "0:a"])
        .args(["-c:a", "copy", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framemd5", "-"])
        .output()?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && complaints.is_empty(), "{url}: {complaints}");
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    let mut hashes: Vec<_> = fields.map(|fields| (fields[0].to_owned(), fields[5].to_owned())).collect();
    // Picture and sound may be woven together in another way.
    hashes.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(hashes.into_iter().map(|(stream, hash)| format!("{stream} {hash}")).collect())
}

fn config(catalogue: &Path, creator: &Creator) -> impl Fn(&mut GatewayConfig) + use<> {
    let (catalogue, key) = (catalogue.to_owned(), creator.public());
    move |config| {
        config.publishing.catalogue = Some(catalogue.clone());
        config.publishing.creators = Creators::Listed(vec![key]);
    }
}

async fn offer(site: &Site, path: &str, record: Vec<u8>) -> anyhow::Result<Response> {
    Ok(site.http.post(site.url(path)).body(record).send().await?.error_for_status()?)
}

async fn playlist(site: &Site, id: LiveId) -> anyhow::Result<String> {
    let answer = site.http.get(site.url(&format!("/live/{id}/video-90.m3u8"))).send().await?;
    Ok(answer.error_for_status()?.text().await?)
}

fn told(sender: &Sender<(LiveId, Vec<u8>)>, step: LiveStep) {
    let told = match step {
        LiveStep::Announced { record, .. } => (record.body().live, record.encode()),
        LiveStep::Segment { record, .. } => (record.body().live, record.encode()),
        LiveStep::LeftOut { track } => panic!("track {track} is left out"),
        LiveStep::Behind => return,
    };
    sender.try_send(told).expect("there is room for all records of the film");
}

/// Tells the gateway the next `count` records.
async fn tell(
    site: &Site,
    records: &mut Receiver<(LiveId, Vec<u8>)>,
    count: usize,
) -> anyhow::Result<LiveId> {
    let mut id = None;
    for _ in 0..count {
        let (live, record) = timeout(WITHIN, records.recv()).await?.context("the stream ended")?;
        offer(site, "/api/live", record).await?;
        id = Some(live);
    }
    id.context("nothing was told")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_is_watched_while_it_is_made_and_afterwards() -> anyhow::Result<()> {
    let (network, folder) = (TestNetwork::start(4).await?, tempfile::tempdir()?);
    let film = folder.path().join("film.mp4");
    make_film(&film)?;
    let (bytes, source) = (Bytes::from(std::fs::read(&film)?), seen(&film.display().to_string())?);
    let creator = Creator::new(AccountSecret::from_bytes([8; 32]));
    let settings = config(&folder.path().join("catalogue.redb"), &creator);
    let site = Site::start_with(&network, &settings).await?;
    let storing =
        Storing { client: network.client().await?, coding: "2+2".parse()?, keep: Duration::from_hours(24) };
    let (pieces, mut arriving) = channel::<io::Result<Bytes>>(4);
    let (sender, mut records) = channel(RECORDS_MAX);
    let recording = tokio::spawn(async move {
        let request = LiveRequest {
            title: Title::new("Now").expect("a title"),
            by: None,
            about: None,
            language: None,
            ledger: None,
            seconds: LiveSeconds::new(1, 2).expect("one to two seconds"),
            listed: true,
        };
        let source = stream::poll_fn(move |context| arriving.poll_recv(context));
        let recorded = record_live(&storing, &creator, &request, source, |step| told(&sender, step)).await;
        (recorded, storing, creator)
    });

    // The first half: some seconds can be seen, and the playlist is open.
    let half = bytes.len() / 2;
    for piece in bytes[..half].chunks(5000) {
        pieces.send(Ok(Bytes::copy_from_slice(piece))).await?;
    }
    let id = tell(&site, &mut records, 5).await?;
    let early = playlist(&site, id).await?;
    assert!(early.contains("EVENT") && early.contains("#EXTINF") && !early.contains("ENDLIST"), "{early}");
    let running: Value = site.http.get(site.url("/api/live")).send().await?.json().await?;
    assert_eq!(running["live"][0]["id"], id.to_string());

    // The gateway is stopped and started again; then comes the rest.
    site.stop().await?;
    let site = Site::start_with(&network, &settings).await?;
    assert_eq!(playlist(&site, id).await?, early, "what was there is there");
    pieces.send(Ok(bytes.slice(half..))).await?;
    drop(pieces);
    let (recorded, storing, creator) = timeout(WITHIN, recording).await??;
    let recorded = recorded?;
    assert!(recorded.problem.is_none() && recorded.incomplete_bytes == 0, "{recorded:?}");
    while let Some((_, record)) = records.recv().await {
        offer(&site, "/api/live", record).await?;
    }
    let late = playlist(&site, id).await?;
    assert!(late.starts_with(&early) && late.matches("#EXTINF").count() == SECONDS, "{late}");

    // It becomes a publication of the same bytes.
    let published = finish_live(&storing, &creator, &recorded.stream, true).await?;
    offer(&site, "/api/publications", published.record.encode()).await?;
    let publication = Some(published.bundle.id());
    let end = LiveEnd { issued: published.record.body().issued, live: id, publication };
    let end: Signed<LiveEnd> = creator.sign(&network.file().network, end);
    offer(&site, "/api/live", end.encode()).await?;
    assert!(playlist(&site, id).await?.ends_with("#EXT-X-ENDLIST\n"));
    let summary: Value = site.http.get(site.url(&format!("/api/live/{id}"))).send().await?.json().await?;
    assert_eq!(summary["publication"], published.bundle.id().to_string());
    for url in [format!("/live/{id}/master.m3u8"), format!("/watch/{}/master.m3u8", published.bundle.id())] {
        let url = site.url(&url);
        let seen = tokio::task::spawn_blocking(move || seen(&url)).await??;
        assert_eq!(seen.len(), source.len());
        assert_eq!(seen, source);
    }
    Ok(())
}
