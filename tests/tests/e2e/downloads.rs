//! Publications read from gateways that lie: every lie is caught, and an honest gateway has the last word.

use std::io::{Read as _, Seek as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use e2e::harness::TestNetwork;
use e2e::noise::{self, NoiseTrack};
use gateway::Creators;
use protocol::SecretKey;
use publishing::download::{Download, DownloadError, Fault, Mishap, usual_tracks};
use reqwest::Url;
use sharing::{Attachment, PublicationId, Track};

use crate::lying_gateway::{Lie, LyingGateway};
use crate::site::Site;

/// The first two are of one length, so that they can be told apart by their hashes only.
const SEGMENT_LENS: [usize; 7] = [20_000, 20_000, 90_001, 30_000, 16_368, 1, 5_000];
/// How long a gateway may be silent here.
const PATIENCE: Duration = Duration::from_millis(700);
/// What is so far behind segment 1 that it is not asked for before the answer about that is known.
const FAR_BEHIND: [&str; 2] = ["video/5.m4s", "video/6.m4s"];

/// A publication at an honest gateway.
struct Stage {
    _network: TestNetwork,
    site: Site,
    id: PublicationId,
    video: NoiseTrack,
    attachment: (Attachment, Vec<u8>),
}

/// What gateways did wrong.
type Mishaps = Arc<Mutex<Vec<Mishap>>>;

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let (network, creator) = (TestNetwork::start(4).await?, SecretKey::from_bytes(&[3; 32]));
        let site = Site::start_with(&network, |config| {
            config.publishing.creators = Creators::Listed(vec![creator.public()]);
        })
        .await?;
        let client = network.client().await?;
        let small = noise::track(&network, &client, "small", noise::video(320, 180), &[9_000], 1).await?;
        let video = noise::video(1280, 720);
        let video = noise::track(&network, &client, "video", video, &SEGMENT_LENS, 2).await?;
        let audio = noise::track(&network, &client, "audio", noise::audio()?, &SEGMENT_LENS, 3).await?;
        let subtitles = sharing::TrackKind::Subtitles;
        let subtitles = noise::track(&network, &client, "subs", subtitles, &[2_000], 4).await?;
        let attachment = noise::attachment(&network, &client, "the map & more.pdf", 300_000, 5).await?;
        let tracks = [&small, &video, &audio, &subtitles].map(|noise| noise.track.clone()).to_vec();
        let mut parts = noise::parts(&creator, "A film", tracks, 0)?;
        parts.attachments.push(attachment.0.clone());
        let record = noise::publish(&network, &client, &creator, parts, 6).await?;
        let offered = site.http.post(site.url("/api/publications")).body(record.encode()).send().await?;
        offered.error_for_status()?;
        Ok(Self { _network: network, site, id: record.body().bundle, video, attachment })
    }

    fn honest(&self) -> anyhow::Result<Url> {
        Ok(Url::parse(&self.site.url(""))?)
    }

    async fn liar(&self, path: &'static str, lie: Lie) -> anyhow::Result<LyingGateway> {
        LyingGateway::start(self.site.addr, move |asked| (asked == path).then(|| lie.clone())).await
    }

    fn download(&self, gateways: Vec<Url>) -> anyhow::Result<(Download, Mishaps)> {
        let mishaps = Mishaps::default();
        let told = Arc::clone(&mishaps);
        let told = move |mishap: &Mishap| {
            let mishap = Mishap {
                gateway: mishap.gateway.clone(),
                part: mishap.part.clone(),
                // An error has no copy; its words say what it was.
                fault: Fault::Broken(format!("{:?}", mishap.fault)),
            };
            told.lock().unwrap_or_else(PoisonError::into_inner).push(mishap);
        };
        Ok((Download::new(self.id, gateways, PATIENCE, told)?, mishaps))
    }
}

/// All bytes of a track that gateways of a download deliver.
async fn read(download: &Download, track: &str) -> anyhow::Result<Vec<u8>> {
    let published = download.bundle().await?;
    let mut bytes = Vec::new();
    download.track(find(published.bundle().tracks(), track)?, &mut bytes, |_| ()).await?;
    Ok(bytes)
}

fn find<'t>(tracks: &'t [Track], id: &str) -> anyhow::Result<&'t Track> {
    tracks.iter().find(|track| track.id().as_str() == id).context("no such track")
}

fn told(mishaps: &Mishaps) -> Vec<(String, String, String)> {
    let mishaps = mishaps.lock().unwrap_or_else(PoisonError::into_inner);
    let words = |mishap: &Mishap| (mishap.gateway.to_string(), mishap.part.clone(), mishap.fault.to_string());
    mishaps.iter().map(words).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_honest_gateway_is_enough() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (download, mishaps) = stage.download(vec![stage.honest()?])?;
    let published = download.bundle().await?;
    let bundle = published.bundle();
    assert_eq!(bundle.id(), stage.id);
    let usual: Vec<_> = usual_tracks(bundle).iter().map(|track| track.id().to_string()).collect();
    assert_eq!(usual, ["video", "audio", "subs"], "the larger of two pictures, and everything else");
    let (mut bytes, mut passed) = (Vec::new(), 0);
    download.track(find(bundle.tracks(), "video")?, &mut bytes, |more| passed += more).await?;
    assert!(bytes == stage.video.plain, "it is the track, byte for byte");
    assert_eq!(passed, bytes.len() as u64);
    assert!(told(&mishaps).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_is_caught_and_the_next_gateway_asked() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (segment, init) = ("segment 1 of video", "init section of video");
    for (path, lie, part, fault) in [
        ("video/1.m4s", Lie::Flip, segment, "Hash"),
        ("video/1.m4s", Lie::Other("video/0.m4s"), segment, "Hash"),
        ("video/1.m4s", Lie::Other("audio/1.m4s"), segment, "Hash"),
        ("video/1.m4s", Lie::Cut, segment, "Length"),
        ("video/1.m4s", Lie::Longer, segment, "Length"),
        ("video/1.m4s", Lie::Huge, segment, "Length"),
        ("video/1.m4s", Lie::Endless, segment, "Endless"),
        ("video/1.m4s", Lie::Circle, segment, "Status(302)"),
        ("video/1.m4s", Lie::Status(410), segment, "Status(410)"),
        ("video/1.m4s", Lie::Break, segment, "Broken"),
        ("video/1.m4s", Lie::Stall, segment, "Silent"),
        ("video/1.m4s", Lie::Silence, segment, "Silent"),
        ("video/init.mp4", Lie::Flip, init, "Hash"),
        ("video/init.mp4", Lie::Other("audio/init.mp4"), init, "Hash"),
        ("video/init.mp4", Lie::Cut, init, "Length"),
        ("bundle", Lie::Flip, "record and bundle", "Bundle"),
        ("bundle", Lie::Cut, "record and bundle", "Bundle"),
        ("bundle", Lie::Huge, "record and bundle", "Endless"),
        ("bundle", Lie::Endless, "record and bundle", "Endless"),
        ("record", Lie::Flip, "record and bundle", "Record"),
        ("record", Lie::Endless, "record and bundle", "Endless"),
        ("record", Lie::Other("bundle"), "record and bundle", "Record"),
    ] {
        let what = format!("{lie:?} of {path}");
        let liar = stage.liar(path, lie.clone()).await?;
        let (download, mishaps) = stage.download(vec![liar.url()?, stage.honest()?])?;
        let bytes = read(&download, "video").await.with_context(|| what.clone())?;
        assert!(bytes == stage.video.plain, "{what}: it is the track, byte for byte");
        let told = told(&mishaps);
        assert_eq!(told.len(), 1, "{what}: {told:?}");
        assert_eq!((told[0].0.as_str(), told[0].1.as_str()), (liar.url()?.as_str(), part), "{what}");
        assert!(told[0].2.contains(fault), "{what}: {}", told[0].2);
        let asked = liar.asked();
        let again = asked.iter().filter(|path| FAR_BEHIND.contains(&path.as_str())).count();
        let may_pass = matches!(lie, Lie::Break | Lie::Stall | Lie::Silence);
        assert!(may_pass || again == 0, "{what}: it is not asked again, but was for {asked:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_every_gateway_alters_is_not_written() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (one, two) =
        (stage.liar("video/2.m4s", Lie::Flip).await?, stage.liar("video/2.m4s", Lie::Cut).await?);
    let (download, mishaps) = stage.download(vec![one.url()?, two.url()?])?;
    let published = download.bundle().await?;
    let mut bytes = Vec::new();
    let track = find(published.bundle().tracks(), "video")?;
    let error = download.track(track, &mut bytes, |_| ()).await.expect_err("nobody tells the truth");
    assert!(
        matches!(&error, DownloadError::NoGateway { part, .. } if part == "segment 2 of video"),
        "{error}"
    );
    assert_eq!(
        bytes,
        stage.video.plain[..noise::INIT_LEN + 40_000],
        "what was verified, and not a byte more"
    );
    let gateways: Vec<_> = told(&mishaps).into_iter().map(|(gateway, _, _)| gateway).collect();
    assert_eq!(gateways, [one.url()?.to_string(), two.url()?.to_string()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_fails_for_a_moment_is_asked_again() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let failures = Mutex::new(2);
    let liar = LyingGateway::start(stage.site.addr, move |path| {
        let mut left = failures.lock().unwrap_or_else(PoisonError::into_inner);
        let fails = path == "video/3.m4s" && *left > 0;
        *left -= i32::from(fails);
        fails.then_some(Lie::Status(503))
    });
    let liar = liar.await?;
    let (download, mishaps) = stage.download(vec![liar.url()?])?;
    assert!(read(&download, "video").await? == stage.video.plain);
    assert_eq!(told(&mishaps).len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_is_what_was_published_or_nothing() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (attachment, plain) = &stage.attachment;
    let path = "attachments/the%20map%20&%20more.pdf";
    for lie in [Lie::Flip, Lie::Cut, Lie::Longer, Lie::Endless, Lie::Huge, Lie::Break, Lie::Stall] {
        let what = format!("{lie:?}");
        let liar = stage.liar(path, lie).await?;
        let (download, mishaps) = stage.download(vec![liar.url()?, stage.honest()?])?;
        let mut file = tempfile::tempfile()?;
        download.attachment(attachment, &file, |_| ()).await.with_context(|| what.clone())?;
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        assert!(bytes == *plain, "{what}: what was written of the lie is gone");
        assert_eq!(told(&mishaps).len(), 1, "{what}");
    }
    Ok(())
}
