//! Publications at a gateway in front of real nodes: offered, listed, served, withdrawn, denied.

use anyhow::Context as _;
use client::Client;
use e2e::harness::TestNetwork;
use e2e::noise::{self, INIT_LEN, NoiseTrack};
use gateway::Creators;
use proofs::Cid;
use protocol::{Record, SecretKey, Signed, UnixSeconds};
use reqwest::Response;
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE};
use serde_json::Value;
use sharing::{Denial, Publication, PublicationId, Reason, Withdrawal};

use crate::site::{Site, problem, text};

const SEGMENT_LENS: [usize; 4] = [20_000, 90_001, 16_368, 1];

pub(crate) fn creator() -> SecretKey {
    SecretKey::from_bytes(&[3; 32])
}

pub(crate) fn keeper() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

pub(crate) async fn start(network: &TestNetwork) -> anyhow::Result<Site> {
    Site::start_with(network, |config| {
        config.publishing.creators = Creators::Listed(vec![creator().public()]);
        config.publishing.keepers = vec![keeper().public()];
    })
    .await
}

/// A publication of one track of noise that lies in one object, and the plaintext of that object.
pub(crate) struct Published {
    pub(crate) id: PublicationId,
    pub(crate) record: Vec<u8>,
    plain: Vec<u8>,
    /// The object of its one track.
    sound: Cid,
}

pub(crate) async fn publish(
    network: &TestNetwork,
    client: &Client,
    title: &str,
    number: u64,
) -> anyhow::Result<Published> {
    let NoiseTrack { track, plain } =
        noise::track(network, client, "audio", noise::audio()?, &SEGMENT_LENS, 2 * number).await?;
    let sound = track.parts()[0].object;
    let bundle = noise::parts(&creator(), title, vec![track], number)?;
    let record = noise::publish(network, client, &creator(), bundle, 2 * number + 1).await?;
    Ok(Published { id: record.body().bundle, record: record.encode(), plain, sound })
}

pub(crate) fn signed<T: Record>(network: &TestNetwork, by: &SecretKey, body: T) -> Vec<u8> {
    Signed::sign(by, &network.file().network, body).encode()
}

pub(crate) async fn offer(site: &Site, record: Vec<u8>) -> anyhow::Result<Response> {
    Ok(site.http.post(site.url("/api/publications")).body(record).send().await?)
}

pub(crate) async fn get(site: &Site, path: &str) -> anyhow::Result<Response> {
    Ok(site.http.get(site.url(path)).send().await?)
}

pub(crate) async fn titles(site: &Site, query: &str) -> anyhow::Result<(Vec<String>, Option<String>)> {
    let list: Value =
        get(site, &format!("/api/publications{query}")).await?.error_for_status()?.json().await?;
    let all = list["publications"].as_array().context("no list")?;
    let titles = all.iter().filter_map(|one| one["title"].as_str()).map(str::to_owned).collect();
    Ok((titles, list["next"].as_str().map(str::to_owned)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_is_served_segment_by_segment() -> anyhow::Result<()> {
    let mut network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let published = publish(&network, &client, "One \"hundred\" years", 1).await?;
    let answer = offer(&site, published.record.clone()).await?;
    assert_eq!(answer.status(), 201);
    let summary: Value = answer.json().await?;
    assert_eq!(summary["id"], published.id.to_string());
    assert_eq!(offer(&site, published.record.clone()).await?.status(), 200, "it is known already");

    let base = format!("/watch/{}", published.id);
    let bundle = get(&site, &format!("{base}/bundle")).await?.bytes().await?;
    assert_eq!(PublicationId::of(&bundle), published.id);
    assert_eq!(get(&site, &format!("{base}/record")).await?.bytes().await?, published.record);

    let master = get(&site, &format!("{base}/master.m3u8")).await?;
    assert_eq!(text(master.headers(), CONTENT_TYPE), "application/vnd.apple.mpegurl");
    assert_eq!(text(master.headers(), ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    assert!(text(master.headers(), CACHE_CONTROL).contains("immutable"));
    assert!(master.text().await?.contains("mp4a.40.2"));
    let media = get(&site, &format!("{base}/audio.m3u8")).await?.text().await?;
    assert_eq!(media.matches("#EXTINF").count(), 4, "{media}");

    // m nodes die; every part still comes, and is what the bundle says.
    network.kill(0);
    network.kill(1);
    let mut begin = 0;
    let lens = std::iter::once(INIT_LEN).chain(SEGMENT_LENS);
    let names = ["init.mp4", "0.m4s", "1.m4s", "2.m4s", "3.m4s"];
    for (name, len) in names.into_iter().zip(lens) {
        let part = get(&site, &format!("{base}/audio/{name}")).await?.error_for_status()?;
        let tag = text(part.headers(), ETAG).to_owned();
        assert_eq!(part.bytes().await?, published.plain[begin..begin + len], "{name}");
        let again = site.http.get(site.url(&format!("{base}/audio/{name}"))).header(IF_NONE_MATCH, tag);
        assert_eq!(again.send().await?.status(), 304);
        begin += len;
    }
    let part =
        site.http.get(site.url(&format!("{base}/audio/1.m4s"))).header(RANGE, "bytes=-2").send().await?;
    let end = INIT_LEN + SEGMENT_LENS[0] + SEGMENT_LENS[1];
    assert_eq!((part.status().as_u16(), &part.bytes().await?[..]), (206, &published.plain[end - 2..end]));
    let file = get(&site, &format!("{base}/audio.mp4")).await?.bytes().await?;
    assert_eq!(file, published.plain);

    let sources: Value = get(&site, &format!("/api/sources/{}/audio/1", published.id)).await?.json().await?;
    let cells = sources["cells"].as_array().context("no cells")?;
    assert_eq!(cells.len(), 6, "bytes 20 700 to 110 701 lie in cells 1 to 6 of 16 368 bytes: {sources}");
    let how: Vec<_> = cells.iter().filter_map(|cell| cell[3].as_str()).collect();
    assert!(!how.contains(&"unknown"), "{sources}");
    for wrong in ["4.m4s", "01.m4s", "+1.m4s", "1.vtt", "1.mp4", "init.m4s", "-1.m4s", "x"] {
        assert_eq!(get(&site, &format!("{base}/audio/{wrong}")).await?.status(), 404, "{wrong}");
    }
    assert_eq!(get(&site, &format!("{base}/poster")).await?.status(), 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_lists_the_newest_first() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    for (title, number) in [("b", 2), ("a", 1), ("c", 3)] {
        let published = publish(&network, &client, title, number).await?;
        assert_eq!(offer(&site, published.record).await?.status(), 201);
    }
    assert_eq!(titles(&site, "").await?, (vec!["c".into(), "b".into(), "a".into()], None));
    let (first, next) = titles(&site, "?limit=2").await?;
    assert_eq!(first, ["c", "b"]);
    let next = next.context("there is one more")?;
    assert_eq!(titles(&site, &format!("?limit=2&after={next}")).await?, (vec!["a".into()], None));
    for wrong in ["?limit=0", "?limit=101", "?limit=x", "?after=x", "?page=2"] {
        assert_eq!(get(&site, &format!("/api/publications{wrong}")).await?.status(), 400, "{wrong}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_those_who_may_publish_withdraw_and_deny() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let published = publish(&network, &client, "film", 1).await?;
    let stranger = SecretKey::from_bytes(&[9; 32]);
    let record = Signed::<Publication>::decode(&published.record, &network.file().network)?;
    let foreign = signed(&network, &stranger, record.body().clone());
    assert_eq!(problem(offer(&site, foreign).await?).await?, (403, "not_a_creator".into()));
    let mut other = record.body().clone();
    other.bundle = PublicationId::of(b"another bundle");
    let other = signed(&network, &creator(), other);
    assert_eq!(problem(offer(&site, other).await?).await?, (502, "broken".into()));
    let mut flipped = published.record.clone();
    *flipped.last_mut().context("not empty")? ^= 1;
    assert_eq!(offer(&site, flipped).await?.status(), 400);

    offer(&site, published.record.clone()).await?.error_for_status()?;
    let (page, issued) = (format!("/watch/{}/master.m3u8", published.id), UnixSeconds::new(1_700_000_100));
    let withdrawal = Withdrawal { bundle: published.id, issued };
    let foreign = signed(&network, &stranger, withdrawal);
    assert_eq!(problem(offer(&site, foreign).await?).await?, (403, "not_a_creator".into()));
    assert_eq!(get(&site, &page).await?.status(), 200);

    let reason = Reason::new("a court said so")?;
    let denial = |by: &SecretKey| {
        signed(&network, by, Denial { issued, reason: reason.clone(), target: published.id.cid() })
    };
    assert_eq!(problem(offer(&site, denial(&creator())).await?).await?, (403, "not_a_keeper".into()));
    let second = publish(&network, &client, "second", 2).await?;
    offer(&site, second.record.clone()).await?.error_for_status()?;
    offer(&site, signed(&network, &creator(), Withdrawal { bundle: second.id, issued }))
        .await?
        .error_for_status()?;
    let gone = get(&site, &format!("/watch/{}/audio/0.m4s", second.id)).await?;
    assert_eq!(problem(gone).await?, (410, "withdrawn".into()));
    assert_eq!(problem(offer(&site, second.record).await?).await?, (410, "withdrawn".into()));
    assert_eq!(titles(&site, "").await?.0, ["film"]);

    assert_eq!(offer(&site, denial(&keeper())).await?.status(), 204);
    let denied: Value = get(&site, &page).await?.json().await?;
    assert_eq!((&denied["status"], &denied["detail"]), (&451.into(), &"a court said so".into()));
    let denied = signed(&network, &keeper(), Denial { issued, reason, target: record.body().object });
    assert_eq!(offer(&site, denied).await?.status(), 204);
    let link = record.body().link();
    assert_eq!(problem(site.open(&link).await?).await?, (451, "denied".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_over_what_another_published() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let client = network.client().await?;
    let site = Site::start_with(&network, |config| {
        config.publishing.creators = Creators::Anybody;
        config.publishing.keepers = vec![keeper().public()];
    })
    .await?;
    let published = publish(&network, &client, "film", 1).await?;
    offer(&site, published.record.clone()).await?.error_for_status()?;
    // The bundle is in the gateway's memory now; that must be of no use to a stranger's record.
    let bundle = format!("/watch/{}/bundle", published.id);
    assert_eq!(get(&site, &bundle).await?.status(), 200);
    let stranger = SecretKey::from_bytes(&[9; 32]);
    let record = Signed::<Publication>::decode(&published.record, &network.file().network)?;
    let foreign = signed(&network, &stranger, record.body().clone());
    assert_eq!(problem(offer(&site, foreign).await?).await?, (502, "broken".into()));
    let withdrawal = Withdrawal { bundle: published.id, issued: record.body().issued };
    let foreign = signed(&network, &stranger, withdrawal);
    assert_eq!(problem(offer(&site, foreign).await?).await?, (403, "not_a_creator".into()));
    assert_eq!(get(&site, &bundle).await?.status(), 200);

    // Of two records the later counts, in whatever order they come.
    let mut later = record.body().clone();
    (later.issued, later.listed) = (later.issued.plus(10), false);
    assert_eq!(offer(&site, signed(&network, &creator(), later)).await?.status(), 201);
    assert!(titles(&site, "").await?.0.is_empty(), "it is not listed any more");
    assert_eq!(offer(&site, published.record.clone()).await?.status(), 200);
    assert!(titles(&site, "").await?.0.is_empty(), "an old record does not list it again");
    let mut future = record.body().clone();
    future.issued = UnixSeconds::new(4_000_000_000);
    let future = signed(&network, &creator(), future);
    assert_eq!(problem(offer(&site, future).await?).await?, (400, "bad_record".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_object_is_denied_inside_of_publications_too() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (site, client) = (start(&network).await?, network.client().await?);
    let published = publish(&network, &client, "film", 1).await?;
    offer(&site, published.record.clone()).await?.error_for_status()?;
    let segment = format!("/watch/{}/audio/0.m4s", published.id);
    assert_eq!(get(&site, &segment).await?.status(), 200);
    let (reason, issued) = (Reason::new("a court said so")?, UnixSeconds::new(1_700_000_100));
    let denial = Denial { issued, reason: reason.clone(), target: published.sound };
    assert_eq!(offer(&site, signed(&network, &keeper(), denial)).await?.status(), 204);
    assert_eq!(problem(get(&site, &segment).await?).await?, (451, "denied".into()));
    assert_eq!(titles(&site, "").await?.0, ["film"]);
    let denial = Denial { issued, reason, target: published.id.cid() };
    assert_eq!(offer(&site, signed(&network, &keeper(), denial)).await?.status(), 204);
    assert!(titles(&site, "").await?.0.is_empty(), "what is denied is not listed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_outlives_its_gateway() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (folder, client) = (tempfile::tempdir()?, network.client().await?);
    let path = folder.path().join("catalogue.redb");
    let settings = |config: &mut gateway::GatewayConfig| {
        config.publishing.creators = Creators::Anybody;
        config.publishing.catalogue = Some(path.clone());
    };
    let published = publish(&network, &client, "film", 1).await?;
    let site = Site::start_with(&network, settings).await?;
    offer(&site, published.record).await?.error_for_status()?;
    site.stop().await?;
    let site = Site::start_with(&network, settings).await?;
    assert_eq!(titles(&site, "").await?.0, ["film"]);
    assert_eq!(get(&site, &format!("/watch/{}/audio/2.m4s", published.id)).await?.status(), 200);
    Ok(())
}
