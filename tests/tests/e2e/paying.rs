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
    AgreementId, Alias, Amount, Delivered, DeliveryReceipt, Digest, Epoch, NetworkId, SecretKey, Sequence,
    Serial, SessionGrant, Signed, StreamNumber, UnixSeconds, Usage, keys,
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
        let agreement = Agreement { content: title.cid(), creator: creator().public() };
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
            charge: Amount::ZERO,
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

fn opening(network: NetworkId, grant: SessionGrant, by: &SecretKey, proof: DeliveryReceipt) -> Vec<u8> {
    let grant = ByteBuf::from(Signed::sign(by, &network, grant).encode());
    let receipt = ByteBuf::from(Signed::sign(&session_key(), &network, proof).encode());
    canonical::to_vec(&Opening { grant, receipt })
}

async fn post(site: &Site, path: &str, body: Vec<u8>) -> anyhow::Result<reqwest::Response> {
    Ok(site.http.post(site.url(path)).body(body).send().await?)
}

async fn start(network: &TestNetwork, till: Option<Till>) -> anyhow::Result<Site> {
    Site::start_with(network, |config| {
        config.publishing.creators = Creators::Listed(vec![creator().public()]);
        config.till = till;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_title_for_money_is_delivered_within_a_session_alone() -> anyhow::Result<()> {
    let network = TestNetwork::start(4).await?;
    let (client, id) = (network.client().await?, network.file().network);
    let track = noise::track(&network, &client, "audio", noise::audio()?, &LENS, 1).await?;
    let link: Link = track.track.parts()[0].link();
    let mut parts = noise::parts(&creator(), "for money", vec![track.track], 1)?;
    parts.ledger = Some(issuer().public());
    let title = Bundle::new(parts.clone())?.id();
    let record = noise::publish(&network, &client, &creator(), parts, 2).await?.encode();
    let segment = |n: usize| format!("/watch/{title}/audio/{n}.m4s");

    // A gateway that has no ledger refuses whatever could give bytes of it away, and nothing else.
    let site = start(&network, None).await?;
    offer(&site, record.clone()).await?.error_for_status()?;
    let summary: Value = get(&site, &format!("/api/publications/{title}")).await?.json().await?;
    assert_eq!(summary["ledger"], issuer().public().to_string());
    let refused = (402, "payment_required".to_owned());
    for path in [segment(0), format!("/watch/{title}/audio.mp4")] {
        assert_eq!(problem(get(&site, &path).await?).await?, refused, "{path}");
        let ranged = site.http.get(site.url(&path)).header(RANGE, "bytes=0-9").send().await?;
        assert_eq!(problem(ranged).await?, refused, "a range of {path}");
        assert_eq!(site.http.head(site.url(&path)).send().await?.status(), 402, "{path}");
    }
    assert_eq!(problem(site.open(&link).await?).await?, refused, "by its link");
    for path in ["bundle", "record", "master.m3u8", "audio.m3u8", "audio/init.mp4"] {
        assert_eq!(get(&site, &format!("/watch/{title}/{path}")).await?.status(), 200, "{path}");
    }
    assert_eq!(problem(get(&site, "/api/ledger").await?).await?, (404, "no_ledger".into()));
    site.stop().await?;

    // One that has: nothing without a session, and no session without a grant that names it and its session key.
    let (ledger, folder) = (Ledger::of(title, id), tempfile::tempdir()?);
    let url = ledger.serve().await?;
    let till = async || {
        let (receipts, secret) = (folder.path().join("receipts.redb"), gateway_key());
        let config = PayConfig { ledger: url.parse()?, receipts, secret, credit_bytes: CREDIT };
        anyhow::Ok(Till::open(config, id).await?)
    };
    let site = start(&network, Some(till().await?)).await?;
    offer(&site, record.clone()).await?.error_for_status()?;
    let now = UnixSeconds::from(std::time::SystemTime::now());
    let grant = ledger.grant(1, now);
    let proof = receipt(1, 0, 0, 0);
    assert_eq!(problem(get(&site, &segment(0)).await?).await?, refused);
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
        let answer = post(&site, "/api/sessions", opening(id, grant, by, proof)).await?;
        assert_eq!(problem(answer).await?, bad);
    }
    let body = opening(id, grant, &issuer(), proof);
    let own_page =
        site.http.post(site.url("/api/sessions")).header("Origin", site.url("")).body(body.clone());
    assert_eq!(problem(own_page.send().await?).await?, bad, "its own page says that it is that");
    let opened: Value = post(&site, "/api/sessions", body.clone()).await?.error_for_status()?.json().await?;
    let token = opened["session"].as_str().unwrap_or_default().to_owned();
    assert_eq!(opened["credit_bytes"], CREDIT);

    // The credit ends after two segments; a receipt opens it again, and comes to the ledger.
    let within = |n: usize| site.http.get(site.url(&segment(n))).header("Headwater-Session", token.as_str());
    for n in [0, 1] {
        let answer = within(n).send().await?.error_for_status()?;
        assert!(text(answer.headers(), CACHE_CONTROL).starts_with("private"));
        assert_eq!(answer.bytes().await?.len(), LENS[n]);
    }
    assert_eq!(problem(within(2).send().await?).await?, (402, "receipts_wanted".into()));
    let receipts = format!("/api/sessions/{token}/receipts");
    let sent = (LENS[0] + LENS[1]) as u64;
    let signed = |receipt, by: &SecretKey| Signed::sign(by, &id, receipt).encode();
    let late = receipt(1, 0, 1, sent);
    let forged = post(&site, &receipts, signed(late, &stranger)).await?;
    assert_eq!(problem(forged).await?, (400, "bad_record".into()));
    for _ in 0..2 {
        assert_eq!(post(&site, &receipts, signed(late, &session_key())).await?.status(), 204);
    }
    assert_eq!(within(2).send().await?.status(), 200);
    let less = post(&site, &receipts, signed(receipt(1, 0, 2, 5), &session_key())).await?;
    assert_eq!(problem(less).await?, (409, "settled".into()));
    let playlist = get(&site, &format!("/watch/{title}/audio.m3u8?session={token}")).await?.text().await?;
    assert!(playlist.contains(&format!("audio/0.m4s?session={token}")), "{playlist}");
    let by_query = format!("{}?session={token}", segment(0));
    assert_eq!(get(&site, &by_query).await?.status(), 200);
    site.stop().await?;
    let handed = ledger.handed.lock().expect("nobody panics beside it").clone();
    assert_eq!(handed, [signed(late, &session_key())], "the newest receipt, before the gateway ends");

    // After a restart the ledger must be the same one, and what was acknowledged still is.
    let site = start(&network, Some(till().await?)).await?;
    offer(&site, record).await?.error_for_status()?;
    let again: Value = post(&site, "/api/sessions", body).await?.error_for_status()?.json().await?;
    let path = format!("/api/sessions/{}/receipts", again["session"].as_str().unwrap_or_default());
    let less = post(&site, &path, signed(receipt(1, 0, 2, 5), &session_key())).await?;
    assert_eq!(problem(less).await?, (409, "settled".into()));
    Ok(())
}
