//! Records of live streams at a gateway: what it takes, from whom, in which order, and what it refuses.

use std::num::NonZeroU32;
use std::time::SystemTime;

use anyhow::Context as _;
use chunker::Link;
use client::Client;
use e2e::harness::{TestNetwork, bytes};
use gateway::Creators;
use protocol::{PublicKey, Record, SecretKey, Signed, UnixSeconds};
use reqwest::Response;
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ETAG, IF_NONE_MATCH, RANGE};
use serde_json::Value;
use sharing::{
    BundleKind, Channels, Codecs, ContentHash, Denial, Live, LiveEnd, LiveId, LiveSegment, LiveTrack,
    Prelude, PreludeParts, PublicationId, Reason, Title, TrackId, TrackKind, Withdrawal,
};

use crate::site::{Site, problem, text};

const INIT_LEN: usize = 700;

fn creator() -> SecretKey {
    SecretKey::from_bytes(&[3; 32])
}

fn keeper() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

async fn start(network: &TestNetwork) -> anyhow::Result<Site> {
    Site::start_with(network, |config| {
        config.publishing.creators = Creators::Listed(vec![creator().public()]);
        config.publishing.keepers = vec![keeper().public()];
    })
    .await
}

/// A stream of one track of noise.
struct Stream<'n> {
    network: &'n TestNetwork,
    client: &'n Client,
    number: u64,
    prelude: Prelude,
    record: Live,
    init: Vec<u8>,
}

impl<'n> Stream<'n> {
    async fn begin(network: &'n TestNetwork, client: &'n Client, number: u64) -> anyhow::Result<Self> {
        Self::begin_under(network, client, number, None).await
    }

    /// One that is shown under the agreements of a ledger.
    async fn begin_under(
        network: &'n TestNetwork,
        client: &'n Client,
        number: u64,
        ledger: Option<PublicKey>,
    ) -> anyhow::Result<Self> {
        let init = bytes(number, INIT_LEN);
        let track = LiveTrack {
            id: TrackId::new("audio")?,
            kind: TrackKind::Audio(Channels::new(2)?),
            codecs: Codecs::new("mp4a.40.2")?,
            timescale: NonZeroU32::new(1000).context("not zero")?,
            init: init.clone().into(),
            default: true,
            language: None,
            label: None,
        };
        let prelude = Prelude::new(PreludeParts {
            kind: BundleKind::Audio,
            title: Title::new(format!("stream {number}"))?,
            creator: creator().public(),
            created: UnixSeconds::new(1_700_000_000 + number),
            salt: [0; 16],
            target: 2,
            longest: 4,
            tracks: vec![track],
            about: None,
            by: None,
            language: None,
            ledger,
        })?;
        let stored = network.put(client, "2+2", &prelude.encode(), number << 32).await?;
        let (key, live) = (stored.link.key().clone(), prelude.id());
        let record = Live { issued: SystemTime::now().into(), key, listed: true, live, object: stored.cid };
        Ok(Self { network, client, number, prelude, record, init })
    }

    fn id(&self) -> LiveId {
        self.prelude.id()
    }

    fn plain(&self, n: u32) -> Vec<u8> {
        bytes(self.number + 1000 + u64::from(n), 20_000)
    }

    /// Stores segment `n`; what is to be said about it.
    async fn segment(&self, n: u32) -> anyhow::Result<LiveSegment> {
        let plain = self.plain(n);
        let init = if n == 0 { &self.init[..] } else { &[] };
        let number = (self.number << 32) + 1 + u64::from(n);
        let stored = self.network.put(self.client, "2+2", &[init, &plain].concat(), number).await?;
        Ok(LiveSegment {
            duration: NonZeroU32::new(2000).context("not zero")?,
            hash: ContentHash::of(&plain),
            key: stored.link.key().clone(),
            len: u32::try_from(plain.len())?.try_into()?,
            live: self.id(),
            n: n.try_into()?,
            object: stored.cid,
            track: TrackId::new("audio")?,
        })
    }

    fn end(&self, publication: Option<PublicationId>) -> LiveEnd {
        LiveEnd { issued: SystemTime::now().into(), live: self.id(), publication }
    }
}

fn signed<T: Record>(network: &TestNetwork, by: &SecretKey, body: T) -> Vec<u8> {
    Signed::sign(by, &network.file().network, body).encode()
}

async fn offer(site: &Site, record: Vec<u8>) -> anyhow::Result<Response> {
    Ok(site.http.post(site.url("/api/live")).body(record).send().await?)
}

async fn get(site: &Site, path: &str) -> anyhow::Result<Response> {
    Ok(site.http.get(site.url(path)).send().await?)
}

async fn refused(site: &Site, record: Vec<u8>) -> anyhow::Result<(u16, String)> {
    problem(offer(site, record).await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_are_taken_in_order_and_from_their_creator_alone() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let stream = Stream::begin(&network, &client, 1).await?;
    let mine = |body: LiveSegment| signed(&network, &creator(), body);
    let first = stream.segment(0).await?;
    assert_eq!(refused(&site, mine(first.clone())).await?, (404, "not_published".into()));

    let stranger = SecretKey::from_bytes(&[9; 32]);
    let foreign = signed(&network, &stranger, stream.record.clone());
    assert_eq!(refused(&site, foreign).await?, (403, "not_a_creator".into()));
    let forgotten = Live { issued: UnixSeconds::new(1_700_000_000), ..stream.record.clone() };
    assert_eq!(refused(&site, signed(&network, &creator(), forgotten)).await?, (400, "bad_record".into()));
    assert_eq!(offer(&site, signed(&network, &creator(), stream.record.clone())).await?.status(), 201);
    assert_eq!(offer(&site, signed(&network, &creator(), stream.record.clone())).await?.status(), 200);
    let master = get(&site, &format!("/live/{}/master.m3u8", stream.id())).await?;
    assert_eq!(problem(master).await?, (503, "unavailable".into()));

    let second = stream.segment(1).await?;
    assert_eq!(refused(&site, mine(second.clone())).await?, (409, "out_of_order".into()));
    let foreign = signed(&network, &stranger, first.clone());
    assert_eq!(refused(&site, foreign).await?, (403, "not_a_creator".into()));
    let mut altered = mine(first.clone());
    let at = altered.len() / 2;
    altered[at] ^= 1;
    assert_eq!(refused(&site, altered).await?, (400, "bad_record".into()));
    let long = LiveSegment { duration: NonZeroU32::new(5000).context("not zero")?, ..first.clone() };
    assert_eq!(refused(&site, mine(long)).await?, (400, "bad_record".into()));
    let elsewhere = LiveSegment { track: TrackId::new("video")?, ..first.clone() };
    assert_eq!(refused(&site, mine(elsewhere)).await?.0, 404);

    assert_eq!(offer(&site, mine(first.clone())).await?.status(), 201);
    assert_eq!(offer(&site, mine(first.clone())).await?.status(), 200, "it is known");
    let other = LiveSegment { hash: ContentHash::of(b"other"), ..first };
    assert_eq!(refused(&site, mine(other)).await?, (409, "settled".into()));
    assert_eq!(offer(&site, mine(second)).await?.status(), 201);

    let foreign = signed(&network, &stranger, stream.end(None));
    assert_eq!(refused(&site, foreign).await?, (403, "not_a_creator".into()));
    let unknown = stream.end(Some(PublicationId::of(b"not published")));
    assert_eq!(refused(&site, signed(&network, &creator(), unknown)).await?.0, 404);
    assert_eq!(offer(&site, signed(&network, &creator(), stream.end(None))).await?.status(), 201);
    assert_eq!(refused(&site, mine(stream.segment(2).await?)).await?, (409, "settled".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_served_and_stays() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let stream = Stream::begin(&network, &client, 2).await?;
    let live = signed(&network, &creator(), stream.record.clone());
    offer(&site, live.clone()).await?.error_for_status()?;
    let base = format!("/live/{}", stream.id());
    let mut playlists = Vec::new();
    for n in 0..2 {
        let record = signed(&network, &creator(), stream.segment(n).await?);
        offer(&site, record.clone()).await?.error_for_status()?;
        assert_eq!(get(&site, &format!("{base}/audio/{n}.record")).await?.bytes().await?, record);
        let segment = get(&site, &format!("{base}/audio/{n}.m4s")).await?.error_for_status()?;
        assert!(text(segment.headers(), CACHE_CONTROL).contains("immutable"));
        assert_eq!(text(segment.headers(), ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        assert_eq!(segment.bytes().await?, stream.plain(n), "{n}");
        let playlist = get(&site, &format!("{base}/audio.m3u8")).await?;
        assert!(text(playlist.headers(), CACHE_CONTROL).contains("max-age=1,"));
        let tag = text(playlist.headers(), ETAG).to_owned();
        let again = site.http.get(site.url(&format!("{base}/audio.m3u8"))).header(IF_NONE_MATCH, tag);
        assert_eq!(again.send().await?.status(), 304);
        playlists.push(playlist.text().await?);
    }
    assert!(playlists[1].starts_with(&playlists[0]) && playlists[1].contains("EXT-X-PLAYLIST-TYPE:EVENT"));
    assert_eq!(get(&site, &format!("{base}/prelude")).await?.bytes().await?, stream.prelude.encode());
    assert_eq!(get(&site, &format!("{base}/record")).await?.bytes().await?, live);
    assert_eq!(get(&site, &format!("{base}/audio/init.mp4")).await?.bytes().await?, stream.init);
    let part =
        site.http.get(site.url(&format!("{base}/audio/0.m4s"))).header(RANGE, "bytes=0-9").send().await?;
    assert_eq!((part.status().as_u16(), &part.bytes().await?[..]), (206, &stream.plain(0)[..10]));
    assert_eq!(site.http.head(site.url(&format!("{base}/master.m3u8"))).send().await?.status(), 200);
    for wrong in ["audio/2.m4s", "audio/01.m4s", "audio/0.mp4", "audio/x.record", "video.m3u8", "end", "x"] {
        assert_eq!(get(&site, &format!("{base}/{wrong}")).await?.status(), 404, "{wrong}");
    }
    let list: Value = get(&site, "/api/live").await?.json().await?;
    assert_eq!(
        (&list["live"][0]["title"], &list["live"][0]["duration_ms"]),
        (&"stream 2".into(), &4000.into())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_denied_or_withdrawn_is_not_served() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let (one, two) = (Stream::begin(&network, &client, 3).await?, Stream::begin(&network, &client, 4).await?);
    let mut objects = Vec::new();
    for stream in [&one, &two] {
        offer(&site, signed(&network, &creator(), stream.record.clone())).await?.error_for_status()?;
        let segment = stream.segment(0).await?;
        objects.push(segment.object);
        offer(&site, signed(&network, &creator(), segment)).await?.error_for_status()?;
    }
    let (reason, issued) = (Reason::new("a court said so")?, SystemTime::now().into());
    let deny = async |target| {
        let denial = signed(&network, &keeper(), Denial { issued, reason: reason.clone(), target });
        anyhow::Ok(site.http.post(site.url("/api/publications")).body(denial).send().await?.status())
    };
    let segment = format!("/live/{}/audio/0.m4s", one.id());
    assert_eq!(deny(objects[0]).await?, 204);
    assert_eq!(problem(get(&site, &segment).await?).await?, (451, "denied".into()));
    assert_eq!(get(&site, &format!("/live/{}/audio.m3u8", one.id())).await?.status(), 200);
    assert_eq!(deny(one.id().cid()).await?, 204);
    let playlist = get(&site, &format!("/live/{}/audio.m3u8", one.id())).await?;
    assert_eq!(problem(playlist).await?, (451, "denied".into()));

    let withdrawal = Withdrawal { bundle: PublicationId::from_cid(two.id().cid()), issued };
    let foreign = signed(&network, &SecretKey::from_bytes(&[9; 32]), withdrawal);
    assert_eq!(refused(&site, foreign).await?, (403, "not_a_creator".into()));
    let withdrawal = signed(&network, &creator(), withdrawal);
    let taken = site.http.post(site.url("/api/publications")).body(withdrawal.clone()).send().await?;
    assert_eq!(taken.status(), 204);
    assert_eq!(offer(&site, withdrawal).await?.status(), 200, "here it is taken, too");
    let gone = get(&site, &format!("/live/{}/audio/0.m4s", two.id())).await?;
    assert_eq!(problem(gone).await?, (410, "withdrawn".into()));
    let next = signed(&network, &creator(), two.segment(1).await?);
    assert_eq!(refused(&site, next).await?, (410, "withdrawn".into()));
    let list: Value = get(&site, "/api/live").await?.json().await?;
    assert_eq!(list["live"], Value::Array(Vec::new()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_creator_has_few_streams_at_a_time() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let mut streams = Vec::new();
    for number in 10..15 {
        streams.push(Stream::begin(&network, &client, number).await?);
    }
    for stream in &streams[..4] {
        assert_eq!(offer(&site, signed(&network, &creator(), stream.record.clone())).await?.status(), 201);
    }
    let fifth = signed(&network, &creator(), streams[4].record.clone());
    assert_eq!(refused(&site, fifth.clone()).await?, (503, "busy".into()));
    offer(&site, signed(&network, &creator(), streams[0].end(None))).await?.error_for_status()?;
    assert_eq!(offer(&site, fifth).await?.status(), 201);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_for_money_is_refused_by_every_route() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let ledger = Some(SecretKey::from_bytes(&[40; 32]).public());
    let stream = Stream::begin_under(&network, &client, 20, ledger).await?;
    offer(&site, signed(&network, &creator(), stream.record.clone())).await?.error_for_status()?;
    let first = stream.segment(0).await?;
    let link = Link::new(first.object, first.key.clone());
    assert_eq!(site.open(&link).await?.status(), 201, "nobody has said yet that it is for money");
    offer(&site, signed(&network, &creator(), first.clone())).await?.error_for_status()?;

    let no_payment = (402, "payment_required".to_owned());
    let (base, path) = (format!("/live/{}", stream.id()), format!("/live/{}/audio/0.m4s", stream.id()));
    assert_eq!(problem(get(&site, &path).await?).await?, no_payment);
    let ranged = site.http.get(site.url(&path)).header(RANGE, "bytes=0-9").send().await?;
    assert_eq!(problem(ranged).await?, no_payment, "a range");
    assert_eq!(site.http.head(site.url(&path)).send().await?.status(), 402);
    let invented = get(&site, &format!("{path}?session={}", "0".repeat(32))).await?;
    assert_eq!(problem(invented).await?, no_payment, "this gateway has no part in the ledger");
    assert_eq!(problem(site.open(&link).await?).await?, no_payment, "by its link");
    for open in ["prelude", "record", "master.m3u8", "audio.m3u8", "audio/init.mp4", "audio/0.record"] {
        assert_eq!(get(&site, &format!("{base}/{open}")).await?.status(), 200, "{open}");
    }

    let summary: Value = get(&site, &format!("/api/live/{}", stream.id())).await?.json().await?;
    assert_eq!(summary["ledger"], ledger.context("it has one")?.to_string());

    // The same object in a stream that is free shows nothing.
    let free = Stream::begin(&network, &client, 21).await?;
    offer(&site, signed(&network, &creator(), free.record.clone())).await?.error_for_status()?;
    let same = LiveSegment { live: free.id(), ..first };
    offer(&site, signed(&network, &creator(), same)).await?.error_for_status()?;
    let path = format!("/live/{}/audio/0.m4s", free.id());
    assert_eq!(problem(get(&site, &path).await?).await?, no_payment);
    Ok(())
}
