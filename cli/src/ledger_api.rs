//! What this program asks of a ledger over HTTP (spec §25).

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail};
use data_encoding::HEXLOWER_PERMISSIVE;
use ledger::tlog::Policy;
use ledger::{Agreed, Inquired, Inquiry, LedgerHost, SplitAgreement};
use proofs::canonical;
use protocol::{AgreementId, Epoch, NetworkId, Promise, PublicKey, Record, SecretKey, Signed, keys};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use crate::failure::Usage;
use crate::{gateway_api, ledger_folder};

/// A ledger has this long to answer: a settlement of a large epoch takes some of it.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// Longest answer, in bytes.
const ANSWER_LEN_MAX: usize = 64 << 20;
/// So much of an answer that is none of ours is shown, in bytes.
const SHOWN_LEN_MAX: usize = 200;

/// A ledger and who it says that it is.
#[derive(Debug)]
pub(crate) struct LedgerApi {
    url: Url,
    http: Client,
    terms: TermsAnswer,
}

/// `GET /v1/terms`.
#[derive(Debug, Deserialize)]
pub(crate) struct TermsAnswer {
    pub(crate) issuer: String,
    pub(crate) network: String,
    pub(crate) treasury: String,
    pub(crate) unit: String,
    pub(crate) log: String,
    pub(crate) origin: String,
    /// The one that grants are for now.
    pub(crate) epoch: u64,
    pub(crate) open_epoch: u64,
}

/// A ledger has said no: what it was asked for has not happened.
#[derive(Debug, thiserror::Error)]
#[error("the ledger refuses ({code}): {detail}")]
pub(crate) struct Refused {
    code: String,
    detail: String,
}

impl Refused {
    /// Whether the same record is refused however often it is handed in: the reason is the record, and neither the moment nor
    /// how busy the ledger is (spec §25).
    pub(crate) fn is_for_good(&self) -> bool {
        matches!(
            self.code.as_str(),
            "bad_record" | "conflict" | "forbidden" | "insufficient_funds" | "refused" | "settled"
        )
    }

    /// Whether it says no to whoever asks, whatever about: too much is asked of it.
    pub(crate) fn is_about_all(&self) -> bool {
        matches!(self.code.as_str(), "too_many_requests" | "busy" | "unavailable")
    }

    /// Whether what is set aside does not suffice.
    pub(crate) fn is_for_want_of_money(&self) -> bool {
        self.code == "insufficient_funds"
    }

    /// Whether there is nothing of this name.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code == "not_found"
    }
}

impl LedgerApi {
    /// The ledger at this address.
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let mut url = gateway_api::address(url).map_err(|_| {
            Usage::because(format!("{url:?} is no address of a ledger, such as http://127.0.0.1:8700"))
        })?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let http = client()?;
        let terms = decode(&answer(http.get(at(&url, "v1/terms"))).await?)?;
        Ok(Self { url, http, terms })
    }

    /// Where it is.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// What it has said of itself.
    pub(crate) const fn terms(&self) -> &TermsAnswer {
        &self.terms
    }

    /// For what everything is signed that this ledger is to take, or has signed.
    pub(crate) fn signed_for(&self) -> anyhow::Result<NetworkId> {
        Ok(self.network()?.at_ledger(&self.issuer()?))
    }

    /// The network that it is a ledger of, as it says.
    pub(crate) fn network(&self) -> anyhow::Result<NetworkId> {
        self.terms.network.parse().context("the ledger names no network")
    }

    /// What this program calls it by: nobody else can ask with what was signed for it.
    fn host(&self) -> anyhow::Result<LedgerHost> {
        let host = self.url.host_str().context("the address of the ledger names no host")?;
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(LedgerHost::new(format!("{host}{port}"))?)
    }

    /// Who signs promises and grants.
    pub(crate) fn issuer(&self) -> anyhow::Result<PublicKey> {
        parse_key(&self.terms.issuer)
    }

    /// The public answer under this path, as JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        decode(&self.bytes(path).await?)
    }

    /// The public answer under this path.
    pub(crate) async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        answer(self.http.get(at(&self.url, path))).await
    }

    /// Whose signatures make a checkpoint of its log count, by its own word.
    pub(crate) async fn policy(&self) -> anyhow::Result<Policy> {
        let text = String::from_utf8(self.bytes("log/policy").await?).context("the policy is no text")?;
        Ok(Policy::parse(&text)?)
    }

    /// The agreement of this id, as everybody whom it concerns has signed it; it is what its id says.
    pub(crate) async fn agreed(&self, id: AgreementId) -> anyhow::Result<Agreed> {
        let bytes = self.bytes(&format!("v1/agreements/{id}")).await?;
        let agreed = Agreed::decode(&bytes, &self.signed_for()?).context("the ledger gave no agreement")?;
        if agreed.agreement.id() != id {
            bail!("the ledger gave another agreement than {id}");
        }
        Ok(agreed)
    }

    /// The version whose place this one takes, where there is one.
    pub(crate) async fn superseded_by(
        &self,
        agreement: &SplitAgreement,
    ) -> anyhow::Result<Option<SplitAgreement>> {
        let Some(before) = agreement.parts().supersedes else { return Ok(None) };
        let agreed = self.agreed(before).await.with_context(|| format!("the version before, {before}"))?;
        Ok(Some(agreed.agreement))
    }

    /// Hands in a record, and verifies the promise that it is answered with.
    pub(crate) async fn record<T: Record>(&self, record: &Signed<T>) -> anyhow::Result<Signed<Promise>> {
        let promise = self.post("v1/records", record.encode()).await?;
        self.promise(&promise, record)
    }

    /// The promise in these bytes, when this ledger has signed it for this record.
    pub(crate) fn promise<T: Record>(
        &self,
        promise: &[u8],
        record: &Signed<T>,
    ) -> anyhow::Result<Signed<Promise>> {
        let promise = Signed::<Promise>::decode(promise, &self.signed_for()?)?;
        if promise.by() != self.issuer()? || promise.body().name != record.name() {
            bail!("the ledger has promised something else");
        }
        Ok(promise)
    }

    /// Asks what concerns the signer, of all epochs or of one.
    pub(crate) async fn inquire<T: DeserializeOwned>(
        &self,
        signer: &SecretKey,
        what: Inquired,
        epoch: Option<Epoch>,
    ) -> anyhow::Result<T> {
        let inquiry = Inquiry { epoch, host: self.host()?, issued: SystemTime::now().into(), what };
        let inquiry = Signed::sign(signer, &self.signed_for()?, inquiry);
        decode(&self.post("v1/inquiries", inquiry.encode()).await?)
    }

    /// Posts a body in CBOR.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        answer(self.http.post(at(&self.url, path)).header(CONTENT_TYPE, gateway_api::RECORD_TYPE).body(body))
            .await
    }

    /// Asks as the operator, whose token lies in the ledger's folder.
    pub(crate) async fn operate(
        &self,
        method: Method,
        path: &str,
        dir: &Path,
        body: Vec<u8>,
    ) -> anyhow::Result<Vec<u8>> {
        let token = ledger_folder::token(dir)?;
        let request = self.http.request(method, at(&self.url, path));
        answer(request.header(AUTHORIZATION, format!("Bearer {}", token.as_str())).body(body)).await
    }
}

/// A list of records, as batches are.
pub(crate) fn list(records: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let records: Vec<ByteBuf> = records.into_iter().map(ByteBuf::from).collect();
    canonical::to_vec(&records)
}

/// A public key of 64 hexadecimal digits.
pub(crate) fn parse_key(text: &str) -> anyhow::Result<PublicKey> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes
        .ok_or_else(|| Usage::because(format!("{text:?} is no key: a key has 64 hexadecimal digits")))?;
    keys::from_bytes(&bytes).map_err(|_| {
        Usage::because(format!("{text:?} is no key: it has 64 digits, but one of them or more is mistyped"))
    })
}

/// What asks ledgers and witnesses.
pub(crate) fn client() -> anyhow::Result<Client> {
    // Fails only where a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().timeout(ANSWER_WITHIN).build().context("cannot make a client for HTTP")
}

fn at(url: &Url, path: &str) -> Url {
    url.join(path).unwrap_or_else(|_| url.clone())
}

async fn answer(request: RequestBuilder) -> anyhow::Result<Vec<u8>> {
    answer_of("ledger", request).await
}

/// The answer of somebody who speaks as ledgers do; what they refuse with is an error in their words.
pub(crate) async fn answer_of(who: &str, request: RequestBuilder) -> anyhow::Result<Vec<u8>> {
    let response = request
        .send()
        .await
        .map_err(|error| anyhow!("the {who} cannot be reached: {}", error.without_url()))?;
    said(who, response).await
}

async fn said(who: &str, mut response: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        detail: String,
    }
    let (status, address, mut bytes) = (response.status(), response.url().path().to_owned(), Vec::new());
    while let Some(chunk) =
        response.chunk().await.with_context(|| format!("the answer of the {who} ended early"))?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_LEN_MAX {
            bail!("the {who} answers with more than {ANSWER_LEN_MAX} bytes");
        }
    }
    if status.is_success() {
        return Ok(bytes);
    }
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(Problem { code, detail }) if status.is_client_error() => Err(Refused { code, detail }.into()),
        Ok(Problem { code, detail }) => bail!("the {who} fails ({code}): {detail}"),
        Err(_) => {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_LEN_MAX)]).into_owned();
            bail!("the {who} answers {address} with status {}: {shown:?}", status.as_u16())
        }
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).context("the ledger answers as none does")
}
