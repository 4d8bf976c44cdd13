//! A title that is shown for money: refused on every route without a session, counted within one, handed to the ledger.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::{get as on_get, post as on_post};
use axum::{Json, Router};
use bytes::Bytes;
use chunker::Link;
use e2e::harness::TestNetwork;
use e2e::noise;
use gateway::{Creators, PayConfig, Till};
use proofs::canonical;
use protocol::{
    AgreementId, Alias, Amount, Delivered, DeliveryReceipt, Digest, Epoch, NetworkId, Per, Quantity,
    SecretKey, Sequence, Serial, SessionGrant, Signed, StreamNumber, TitlePrice, UnixSeconds, Usage, keys,
};
use reqwest::header::{CACHE_CONTROL, RANGE};
use serde::Serialize;
use serde_bytes::ByteBuf;
use serde_json::{Value, json};
use sharing::{Bundle, PublicationId};
use tokio::net::TcpListener;

use crate::publications::{creator, get, offer};
use crate::site::{Site, problem, text};

const LENS: [usize; 4] = [20_000, 90_001, 16_368, 1];
/// What may be sent before it is acknowledged: less than the first two segments.
const CREDIT: u64 = 100_000;

fn issuer() -> SecretKey {
    SecretKey::from_bytes(&[40; 32])
}

fn gateway_key() -> SecretKey {
    SecretKey::from_bytes(&[41; 32])
}

fn session_key() -> SecretKey {
    SecretKey::from_bytes(&[42; 32])
}

/// A ledger that knows one agreement and keeps what it is handed.
#[derive(Clone)]
struct Ledger {
    network: NetworkId,
    agreement: Vec<u8>,
    handed: Arc<Mutex<Vec<Vec<u8>>>>,
}

#[derive(Serialize)]
struct Agreement {
    content: proofs::Cid,
    #[serde(with = "keys")]
    creator: protocol::PublicKey,
    price: TitlePrice,
}

#[derive(Serialize)]
struct Agreed {
    agreement: ByteBuf,
    consents: Vec<ByteBuf>,
}

#[derive(Serialize)]
struct Opening {
    grant: ByteBuf,
    receipt: ByteBuf,
}

impl Ledger {
    fn of(title: PublicationId, network: NetworkId) -> Self {
        let of = Quantity::new(1000).expect("it is a number of bytes");
        let price = TitlePrice { micro: Amount::new(1).expect("it is an amount"), of, per: Per::Byte };
        let agreement = Agreement { content: title.cid(), creator: creator().public(), price };
        Self { network, agreement: canonical::to_vec(&agreement), handed: Arc::default() }
    }

    fn id(&self) -> AgreementId {
        Digest::of(&self.agreement).into()
    }

    async fn serve(&self) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let router = Router::new()
            .route("/v1/terms", on_get(terms))
            .route("/v1/agreements/{id}", on_get(agreement))
            .route("/v1/batches", on_post(batch))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://{addr}"))
    }

    fn grant(&self, serial: u8, now: UnixSeconds) -> SessionGrant {
        SessionGrant {
            agreement: self.id(),
            alias: Alias::from_bytes([1; 32]),
            attested: false,
            charge: Amount::new(1 << 30).expect("it is an amount"),
            epoch: Epoch::new(1),
            expires: now.plus(3600),
            gateway: gateway_key().public(),
            limit: Usage { bytes: 1 << 30, ms: 1 << 30 },
            serial: Serial::from_bytes([serial; 16]),
            session: session_key().public(),
            starts: now,
        }
    }
}

async fn terms(State(ledger): State<Ledger>) -> Json<Value> {
    Json(json!({ "issuer": issuer().public().to_string(), "network": ledger.network.to_string() }))
}

async fn agreement(
    State(ledger): State<Ledger>,
    Path(id): Path<String>,
) -> Result<Vec<u8>, axum::http::StatusCode> {
    if id != ledger.id().to_string() {
        return Err(axum::http::StatusCode::NOT_FOUND);
    }
    let agreement = ByteBuf::from(ledger.agreement);
    Ok(canonical::to_vec(&Agreed { agreement, consents: Vec::new() }))
}

async fn batch(State(ledger): State<Ledger>, body: Bytes) -> Json<Value> {
    let records: Vec<ByteBuf> = canonical::peek(&body).expect("a list of records");
    let taken = records.len();
    ledger.handed.lock().expect("nobody panics beside it").extend(records.into_iter().map(ByteBuf::into_vec));
    Json(json!({ "taken": taken, "known": 0, "refused": [] }))
}

fn receipt(serial: u8, stream: u8, seq: u64, bytes: u64) -> DeliveryReceipt {
    DeliveryReceipt {
        delivered: Delivered::NOTHING,
        seq: Sequence::new(seq),
        serial: Serial::from_bytes([serial; 16]),
        stream: StreamNumber::try_from(stream).expect("it is a stream"),
        usage: Usage { bytes, ms: 0 },
    }
}

async fn post(site: &Site, path: &str, body: Vec<u8>) -> anyhow::Result<reqwest::Response> {
    Ok(site.http.post(site.url(path)).body(body).send().await?)
}

/// A title that is shown for money, and a ledger that has an agreement about it.
struct Stage {
    network: TestNetwork,
    id: NetworkId,
    title: PublicationId,
    link: Link,
    track: sharing::Track,
    record: Vec<u8>,
    ledger: Ledger,
    url: String,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> anyhow::Result<Self> {
        let network = TestNetwork::start(4).await?;
        let (client, id) = (network.client().await?, network.file().network);
        let track = noise::track(&network, &client, "audio", noise::audio()?, &LENS, 1).await?;
        let link = track.track.parts()[0].link();
        let track = track.track;
        let mut parts = noise::parts(&creator(), "for money", vec![track.clone()], 1)?;
        parts.ledger = Some(issuer().public());
        let title = Bundle::new(parts.clone())?.id();
        let record = noise::publish(&network, &client, &creator(), parts, 2).await?.encode();
        let ledger = Ledger::of(title, id);
        let (url, folder) = (ledger.serve().await?, tempfile::tempdir()?);
        Ok(Self { network, id, title, link, track, record, ledger, url, folder })
    }

    fn signed_for(&self) -> NetworkId {
        self.id.at_ledger(&issuer().public())
    }

    /// A gateway that knows the title, with or without a ledger.
    async fn site(&self, has_ledger: bool) -> anyhow::Result<Site> {
        self.site_of(has_ledger, vec![creator().public()]).await
    }

    async fn site_of(&self, has_ledger: bool, creators: Vec<protocol::PublicKey>) -> anyhow::Result<Site> {
        let till = if has_ledger {
            let (receipts, secret) = (self.folder.path().join("receipts.redb"), gateway_key());
            let ledger = self.url.parse()?;
            Some(Till::open(PayConfig { ledger, receipts, secret, credit_bytes: CREDIT }, self.id).await?)
        } else {
            None
        };
        let site = Site::start_with(&self.network, |config| {
            config.publishing.creators = Creators::Listed(creators.clone());
            config.till.clone_from(&till);
        })
        .await?;
        offer(&site, self.record.clone()).await?.error_for_status()?;
        Ok(site)
    }

    fn segment(&self, n: usize) -> String {
        format!("/watch/{}/audio/{n}.m4s", self.title)
    }

    fn opening(&self, grant: SessionGrant, by: &SecretKey, proof: DeliveryReceipt) -> Vec<u8> {
        let grant = ByteBuf::from(Signed::sign(by, &self.signed_for(), grant).encode());
        let receipt = ByteBuf::from(self.signed(proof, &session_key()));
        canonical::to_vec(&Opening { grant, receipt })
    }

    fn signed(&self, receipt: DeliveryReceipt, by: &SecretKey) -> Vec<u8> {
        Signed::sign(by, &self.signed_for(), receipt).encode()
    }

    fn grant(&self) -> SessionGrant {
        self.ledger.grant(1, UnixSeconds::from(std::time::SystemTime::now()))
    }
}

fn no_payment() -> (u16, String) {
    (402, "payment_required".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_ledger_a_title_for_money_is_refused_by_every_route() -> anyhow::Result<()> {
    let stage = Stage::new().await?;
    let (site, title) = (stage.site(false).await?, stage.title);
    let summary: Value = get(&site, &format!("/api/publications/{title}")).await?.json().await?;
    assert_eq!(summary["ledger"], issuer().public().to_string());
    for path in [stage.segment(0), format!("/watch/{title}/audio.mp4")] {
        assert_eq!(problem(get(&site, &path).await?).await?, no_payment(), "{path}");
        let ranged = site.http.get(site.url(&path)).header(RANGE, "bytes=0-9").send().await?;
        assert_eq!(problem(ranged).await?, no_payment(), "a range of {path}");
        assert_eq!(site.http.head(site.url(&path)).send().await?.status(), 402, "{path}");
    }
    assert_eq!(problem(site.open(&stage.link).await?).await?, no_payment(), "by its link");
    for path in ["bundle", "record", "master.m3u8", "audio.m3u8", "audio/init.mp4"] {
        assert_eq!(get(&site, &format!("/watch/{title}/{path}")).await?.status(), 200, "{path}");
    }
    assert_eq!(problem(get(&site, "/api/ledger").await?).await?, (404, "no_ledger".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_opened_under_grants_for_this_gateway_alone() -> anyhow::Result<()> {
    let stage = Stage::new().await?;
    let site = stage.site(true).await?;
    let (grant, proof) = (stage.grant(), receipt(1, 0, 0, 0));
    assert_eq!(problem(get(&site, &stage.segment(0)).await?).await?, no_payment());
    let stranger = SecretKey::from_bytes(&[43; 32]);
    let bad = (403, "bad_grant".to_owned());
    for (grant, by, proof) in [
        (grant, &stranger, proof),
        (SessionGrant { gateway: stranger.public(), ..grant }, &issuer(), proof),
        (SessionGrant { session: stranger.public(), ..grant }, &issuer(), proof),
        (SessionGrant { agreement: AgreementId::from_bytes([9; 32]), ..grant }, &issuer(), proof),
        (grant, &issuer(), receipt(1, 0, 1, 0)),
        (grant, &issuer(), receipt(1, 0, 0, 1)),
        (grant, &issuer(), receipt(2, 0, 0, 0)),
    ] {
        let answer = post(&site, "/api/sessions", stage.opening(grant, by, proof)).await?;
        assert_eq!(problem(answer).await?, bad);
    }
    let body = stage.opening(grant, &issuer(), proof);
    let own_page = site.http.post(site.url("/api/sessions")).header("Origin", site.url("")).body(body);
    assert_eq!(problem(own_page.send().await?).await?, bad, "its own page has to say that it is that");
    let over = SessionGrant { starts: UnixSeconds::new(1), expires: UnixSeconds::new(2), ..grant };
    let answer = post(&site, "/api/sessions", stage.opening(over, &issuer(), proof)).await?;
    assert_eq!(problem(answer).await?, (402, "grant_expired".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_has_to_be_acknowledged_and_the_ledger_hears_of_it() -> anyhow::Result<()> {
    let stage = Stage::new().await?;
    let site = stage.site(true).await?;
    let body = stage.opening(stage.grant(), &issuer(), receipt(1, 0, 0, 0));
    let opened: Value = post(&site, "/api/sessions", body.clone()).await?.error_for_status()?.json().await?;
    let token = opened["session"].as_str().unwrap_or_default().to_owned();
    assert_eq!(opened["credit_bytes"], CREDIT);

    // The credit ends after two segments; a receipt opens it again.
    let within =
        |n: usize| site.http.get(site.url(&stage.segment(n))).header("Headwater-Session", token.as_str());
    for n in [0, 1] {
        let answer = within(n).send().await?.error_for_status()?;
        assert!(text(answer.headers(), CACHE_CONTROL).starts_with("private"));
        assert_eq!(answer.bytes().await?.len(), LENS[n]);
    }
    assert_eq!(problem(within(2).send().await?).await?, (402, "receipts_wanted".into()));
    let receipts = format!("/api/sessions/{token}/receipts");
    let newest = receipt(1, 0, 1, (LENS[0] + LENS[1]) as u64);
    let forged = post(&site, &receipts, stage.signed(newest, &gateway_key())).await?;
    assert_eq!(problem(forged).await?, (400, "bad_record".into()));
    for _ in 0..2 {
        assert_eq!(post(&site, &receipts, stage.signed(newest, &session_key())).await?.status(), 204);
    }
    assert_eq!(within(2).send().await?.status(), 200);
    let less = stage.signed(receipt(1, 0, 2, 5), &session_key());
    assert_eq!(problem(post(&site, &receipts, less.clone()).await?).await?, (409, "settled".into()));
    let playlist = format!("/watch/{}/audio.m3u8?session={token}", stage.title);
    let playlist = get(&site, &playlist).await?.text().await?;
    assert!(playlist.contains(&format!("audio/0.m4s?session={token}")), "{playlist}");
    assert_eq!(get(&site, &format!("{}?session={token}", stage.segment(0))).await?.status(), 200);
    site.stop().await?;
    let handed = stage.ledger.handed.lock().expect("nobody panics beside it").clone();
    assert_eq!(handed, [stage.signed(newest, &session_key())], "before the gateway ends");

    // After a restart what was acknowledged still is.
    let site = stage.site(true).await?;
    assert_eq!(problem(post(&site, &receipts, less.clone()).await?).await?, (402, "no_session".into()));
    let again: Value = post(&site, "/api/sessions", body).await?.error_for_status()?.json().await?;
    let path = format!("/api/sessions/{}/receipts", again["session"].as_str().unwrap_or_default());
    assert_eq!(problem(post(&site, &path, less).await?).await?, (409, "settled".into()));
    Ok(())
}

/// The session under a grant, and what is answered within it.
struct Watching<'s> {
    site: &'s Site,
    token: String,
}

impl<'s> Watching<'s> {
    async fn open(stage: &Stage, site: &'s Site, grant: SessionGrant) -> anyhow::Result<Self> {
        let serial = grant.serial.as_bytes()[0];
        let body = stage.opening(grant, &issuer(), receipt(serial, 0, 0, 0));
        let opened: Value = post(site, "/api/sessions", body).await?.error_for_status()?.json().await?;
        Ok(Self { site, token: opened["session"].as_str().unwrap_or_default().to_owned() })
    }

    async fn get(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        Ok(self.site.http.get(self.site.url(path)).header("Headwater-Session", &self.token).send().await?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_brings_what_its_charge_covers_and_no_second_credit() -> anyhow::Result<()> {
    let stage = Stage::new().await?;
    let site = stage.site(true).await?;
    // A micro-unit is the price of 1000 bytes.
    let poor = SessionGrant { charge: Amount::ZERO, ..stage.ledger.grant(1, stage.grant().starts) };
    let poor = SessionGrant { alias: Alias::from_bytes([2; 32]), ..poor };
    let watching = Watching::open(&stage, &site, poor).await?;
    assert_eq!(problem(watching.get(&stage.segment(0)).await?).await?, (402, "grant_used_up".into()));
    let path = format!("/watch/{}/audio.mp4", stage.title);
    let file = async { anyhow::Ok(watching.get(&path).await?.error_for_status()?.bytes().await?) };
    assert!(file.await.is_err(), "it breaks off");
    // All at once are no more than one after the other, and another grant of this viewer is no other credit.
    let grant = stage.ledger.grant(2, stage.grant().starts);
    let watching = Watching::open(&stage, &site, grant).await?;
    let second = stage.segment(1);
    let all = (watching.get(&second), watching.get(&second), watching.get(&second), watching.get(&second));
    let (one, two, three, four) = tokio::join!(all.0, all.1, all.2, all.3);
    let mut statuses = Vec::new();
    for answer in [one?, two?, three?, four?] {
        statuses.push(answer.status().as_u16());
        // What does not go out counts no more.
        answer.bytes().await?;
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 402, 402]);
    let next = stage.ledger.grant(3, stage.grant().starts);
    let watching = Watching::open(&stage, &site, next).await?;
    assert_eq!(problem(watching.get(&second).await?).await?, (402, "receipts_wanted".into()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_for_money_is_had_by_no_other_publication() -> anyhow::Result<()> {
    let stage = Stage::new().await?;
    let client = stage.network.client().await?;
    let track = stage.track.clone();
    let free = noise::parts(&creator(), "the same for nothing", vec![track.clone()], 1)?;
    let mallory = SecretKey::from_bytes(&[44; 32]);
    let mut cheap = noise::parts(&mallory, "the same for somebody else", vec![track], 1)?;
    cheap.ledger = Some(issuer().public());
    let free_id = Bundle::new(free.clone())?.id();
    let free = noise::publish(&stage.network, &client, &creator(), free, 2).await?.encode();
    let cheap = noise::publish(&stage.network, &client, &mallory, cheap, 2).await?.encode();

    let site = stage.site_of(true, vec![creator().public(), mallory.public()]).await?;
    for record in [free.clone(), cheap] {
        assert_eq!(problem(offer(&site, record).await?).await?, no_payment());
    }
    // What was there before the title for money is not shown any more.
    let other = Site::start_with(&stage.network, |config| {
        config.publishing.creators = Creators::Listed(vec![creator().public()]);
    })
    .await?;
    offer(&other, free).await?.error_for_status()?;
    let segment = format!("/watch/{free_id}/audio/0.m4s");
    assert_eq!(get(&other, &segment).await?.status(), 200);
    offer(&other, stage.record.clone()).await?.error_for_status()?;
    assert_eq!(problem(get(&other, &segment).await?).await?, no_payment());
    Ok(())
}
