//! The ledger of a gateway, over HTTP: who it is, what an agreement is about, and what it is handed.

use std::time::Duration;

use proofs::{Cid, canonical};
use protocol::{
    AgreementId, Digest, Epoch, NetworkId, Promise, PublicKey, Record, Signed, TitlePrice, UnixSeconds, keys,
};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_bytes::ByteBuf;

/// How long the ledger may take for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Longest answer, in bytes: an agreement with all its consents, or a batch of which everything is refused.
const ANSWER_LEN_MAX: usize = 2 << 20;
const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

/// Asks one ledger.
#[derive(Debug, Clone)]
pub(super) struct LedgerClient {
    url: Url,
    http: Client,
}

/// What an agreement is about, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Title {
    pub(crate) content: Cid,
    pub(crate) creator: PublicKey,
    pub(crate) price: TitlePrice,
}

/// What a ledger says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) issuer: PublicKey,
    pub(super) network: NetworkId,
}

/// What epoch it is at a ledger.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct EpochNow {
    pub(super) epoch: Epoch,
    #[serde(rename = "epoch_ends")]
    pub(super) ends: UnixSeconds,
}

/// What became of a batch.
#[derive(Debug, Deserialize)]
pub(super) struct Taken {
    pub(super) refused: Vec<Refused>,
}

/// A record that the ledger does not take.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    pub(super) at: usize,
    pub(super) code: String,
    pub(super) detail: String,
}

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// No answer came, or it broke off.
    #[error("the ledger cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// It says no.
    #[error("the ledger answers with status {0}")]
    Refused(u16),
    /// It says something that no ledger says.
    #[error("the ledger answers as none does: {0}")]
    Strange(&'static str),
}

#[derive(Deserialize)]
struct TermsAnswer {
    issuer: PublicKey,
    network: String,
}

#[derive(Deserialize)]
struct Agreed {
    agreement: ByteBuf,
}

/// What a gateway has to know of an agreement; its other keys do not concern it.
#[derive(Deserialize)]
struct About {
    content: Cid,
    #[serde(with = "keys")]
    creator: PublicKey,
    price: TitlePrice,
}

impl LedgerClient {
    /// The ledger at this address.
    pub(super) fn new(mut url: Url) -> Result<Self, LedgerError> {
        // Fails only where a provider is installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let http = Client::builder().timeout(ANSWER_WITHIN).redirect(Policy::none()).build()?;
        Ok(Self { url, http })
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    /// Who it is.
    pub(super) async fn terms(&self) -> Result<Terms, LedgerError> {
        let answer = ok(self.http.get(self.at("v1/terms"))).await?;
        let terms: TermsAnswer = json(&whole(answer).await?)?;
        let network = terms.network.parse().map_err(|_| LedgerError::Strange("it names no network"))?;
        Ok(Terms { issuer: terms.issuer, network })
    }

    /// What the agreement with this id is about; `None` when the ledger has none. The id is the hash of the agreement,
    /// so the ledger is not believed but checked.
    pub(super) async fn title(&self, id: AgreementId) -> Result<Option<Title>, LedgerError> {
        let answer = self.http.get(self.at(&format!("v1/agreements/{id}"))).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        title_of(id, &whole(success(answer)?).await?).map(Some)
    }

    /// What epoch it is.
    pub(super) async fn epoch(&self) -> Result<EpochNow, LedgerError> {
        json(&whole(ok(self.http.get(self.at("v1/terms"))).await?).await?)
    }

    /// Hands in a record; gives the promise of this issuer for it.
    pub(super) async fn record<T: Record>(
        &self,
        record: &Signed<T>,
        issuer: PublicKey,
    ) -> Result<Signed<Promise>, LedgerError> {
        let request = self.http.post(self.at("v1/records")).header(CONTENT_TYPE, RECORD_TYPE);
        let promise = whole(ok(request.body(record.encode())).await?).await?;
        let promise = Signed::<Promise>::decode(&promise, &record.network());
        promise
            .ok()
            .filter(|promise| promise.by() == issuer && promise.body().name == record.name())
            .ok_or(LedgerError::Strange("it promises something else"))
    }

    /// Hands records over; what is not refused in the answer is durable there.
    pub(super) async fn hand_over(&self, records: Vec<Vec<u8>>) -> Result<Taken, LedgerError> {
        let records: Vec<ByteBuf> = records.into_iter().map(ByteBuf::from).collect();
        let request = self.http.post(self.at("v1/batches")).header(CONTENT_TYPE, RECORD_TYPE);
        let answer = ok(request.body(canonical::to_vec(&records))).await?;
        json(&whole(answer).await?)
    }

    fn at(&self, path: &str) -> Url {
        self.url.join(path).expect("our paths are paths")
    }
}

fn title_of(id: AgreementId, bytes: &[u8]) -> Result<Title, LedgerError> {
    let strange = |_| LedgerError::Strange("this is no agreement");
    let agreed: Agreed = canonical::peek(bytes).map_err(strange)?;
    if AgreementId::from(Digest::of(&agreed.agreement)) != id {
        return Err(LedgerError::Strange("this is another agreement"));
    }
    let About { content, creator, price } = canonical::peek(&agreed.agreement).map_err(strange)?;
    Ok(Title { content, creator, price })
}

async fn ok(request: RequestBuilder) -> Result<Response, LedgerError> {
    success(request.send().await?)
}

fn success(answer: Response) -> Result<Response, LedgerError> {
    let status = answer.status();
    if status.is_success() { Ok(answer) } else { Err(LedgerError::Refused(status.as_u16())) }
}

async fn whole(mut answer: Response) -> Result<Vec<u8>, LedgerError> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > ANSWER_LEN_MAX {
            return Err(LedgerError::Strange("its answer is too long"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn json<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, LedgerError> {
    serde_json::from_slice(bytes).map_err(|_| LedgerError::Strange("its answer lacks something"))
}

#[cfg(test)]
mod tests {
    use protocol::{Amount, Per, Quantity, SecretKey};
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Agreement {
        content: Cid,
        #[serde(with = "keys")]
        creator: PublicKey,
        price: TitlePrice,
        version: u32,
    }

    #[test]
    fn agreements_are_those_that_were_asked_for() {
        let agreement = Agreement {
            content: Cid::of(b"bundle"),
            creator: SecretKey::from_bytes(&[1; 32]).public(),
            price: TitlePrice {
                micro: Amount::new(70).unwrap(),
                of: Quantity::new(60).unwrap(),
                per: Per::Second,
            },
            version: 1,
        };
        let bytes = canonical::to_vec(&agreement);
        let id = AgreementId::from(Digest::of(&bytes));
        let fields = std::collections::BTreeMap::from([("agreement", ByteBuf::from(bytes))]);
        let answer = canonical::to_vec(&fields);
        let title = title_of(id, &answer).unwrap();
        let Agreement { content, creator, price, .. } = agreement;
        assert_eq!(title, Title { content, creator, price });
        let other = AgreementId::from_bytes([7; 32]);
        assert!(matches!(title_of(other, &answer), Err(LedgerError::Strange(_))));
        assert!(matches!(title_of(id, &answer[..9]), Err(LedgerError::Strange(_))));
    }
}
