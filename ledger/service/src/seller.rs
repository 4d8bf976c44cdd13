//! The key service of an owner: seals what was sold to whoever has bought it, once the ledger has their money (spec §25).

mod folder;
mod routes;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ledger::{KeyDelivery, Offer, Purchase, SealedKey, SoldLenError};
use protocol::{Digest, NetworkId, Promise, PublicKey, SecretKey, Signed, UnixSeconds};
use reqwest::{Client, StatusCode, Url};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use self::folder::{Delivered, Offered};
use crate::problem::{Code, Problem};
use crate::server;

/// Longest text of a licence, in bytes.
pub const LICENCE_LEN_MAX: usize = 65_536;

/// What is sold by one owner, through one ledger.
#[derive(Debug)]
pub struct KeyService {
    folder: PathBuf,
    secret: SecretKey,
    network: NetworkId,
    issuer: PublicKey,
    ledger: Url,
    http: Client,
    /// One delivery is made at a time: the same purchase is sealed once.
    making: Mutex<()>,
}

/// Why something is not offered.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum KeyServiceError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not what a key service keeps", path.display())]
    Broken { path: PathBuf },
    #[error(transparent)]
    Sold(#[from] SoldLenError),
    #[error("the offer names another text of the licence, or one of more than {LICENCE_LEN_MAX} bytes")]
    Licence,
}

/// An offer as its seller sees it.
#[derive(Debug)]
pub struct OwnOffer {
    /// What was signed.
    pub offer: Signed<Offer>,
    /// Whether the ledger has taken it: what it has refused is shown to nobody.
    pub is_taken: bool,
}

/// Everything that was ever offered from this folder for this network, the newest last.
pub fn own_offers(folder: &Path, network: &NetworkId) -> Result<Vec<OwnOffer>, KeyServiceError> {
    folder::make(folder)?;
    let offers = folder::offers(folder, network)?.into_iter();
    Ok(offers.map(|Offered { offer, is_taken, .. }| OwnOffer { offer, is_taken }).collect())
}

/// Has a key service show an offer that was kept, once the ledger has taken it.
pub fn offer_is_taken(folder: &Path, name: &Digest) -> Result<(), KeyServiceError> {
    folder::offer_is_taken(folder, name)
}

/// Keeps an offer with what is sold and the text of its licence in this folder; a key service shows it to nobody yet.
pub fn keep_offer(
    folder: &Path,
    offer: &Signed<Offer>,
    licence: &str,
    sold: &[u8],
) -> Result<(), KeyServiceError> {
    if Digest::of(licence.as_bytes()) != offer.body().licence || licence.len() > LICENCE_LEN_MAX {
        return Err(KeyServiceError::Licence);
    }
    // What cannot be sealed is not offered.
    SealedKey::seal(&SecretKey::from_bytes(&[0; 32]), &offer.by(), &offer.name(), sold)?;
    folder::keep_offer(folder, offer, licence, sold)
}

impl KeyService {
    /// What is offered in this folder, by the owner of `secret`, in the ledger with the key `issuer` at this address.
    pub fn open(
        folder: &Path,
        secret: SecretKey,
        network: NetworkId,
        issuer: PublicKey,
        ledger: Url,
        http: Client,
    ) -> Result<Self, KeyServiceError> {
        folder::make(folder)?;
        let service =
            Self { folder: folder.to_owned(), secret, network, issuer, ledger, http, making: Mutex::new(()) };
        service.offers()?;
        Ok(service)
    }

    /// Serves on `listener` until `shutdown` completes.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        server::serve(listener, routes::router(self), shutdown).await;
    }

    /// What can be bought at this time.
    fn on_sale(&self, now: UnixSeconds) -> Result<Vec<Offered>, KeyServiceError> {
        let is_on_sale = |it: &Offered| it.is_taken && !it.offer.body().until.has_passed(now);
        Ok(self.offers()?.into_iter().filter(is_on_sale).collect())
    }

    /// Whatever may have been bought.
    fn offers(&self) -> Result<Vec<Offered>, KeyServiceError> {
        folder::offers(&self.folder, &self.network)
    }

    /// Delivers what was bought, or what was delivered for it before: the ledger has promised that it has the money.
    async fn deliver(
        &self,
        purchase: &Signed<Purchase>,
        promise: &Signed<Promise>,
    ) -> Result<(Delivered, Vec<u8>), Problem> {
        if promise.by() != self.issuer || promise.body().name != purchase.name() {
            return Err(Problem::new(Code::Forbidden, "the ledger has not promised this purchase"));
        }
        let _one = self.making.lock().await;
        let delivered =
            match folder::delivered(&self.folder, &purchase.name()).map_err(|error| failed(&error))? {
                Some(delivered) => delivered,
                None => self.seal(purchase)?,
            };
        let promise = self.hand_in(&delivered).await?;
        Ok((delivered, promise))
    }

    /// Seals what was bought. It is durable before the ledger hears of it: what is said there is never said otherwise.
    fn seal(&self, purchase: &Signed<Purchase>) -> Result<Delivered, Problem> {
        let (offer, name) = (purchase.body().offer, purchase.name());
        let offers = self.offers().map_err(|error| failed(&error))?;
        let offered = offers.into_iter().find(|offered| offered.name == offer);
        let offered = offered.ok_or_else(|| Problem::not_found("nothing of this name is offered here"))?;
        let sealed = SealedKey::seal(&self.secret, &purchase.by(), &name, &offered.sold)
            .map_err(|error| failed(&error))?;
        let body = KeyDelivery { issued: SystemTime::now().into(), purchase: name, sealed: sealed.digest() };
        let delivery = Signed::sign(&self.secret, &self.network, body);
        let delivered = Delivered { delivery: (&delivery).into(), sealed: sealed.as_bytes().to_vec().into() };
        folder::keep_delivery(&self.folder, &name, &delivered).map_err(|error| failed(&error))?;
        Ok(delivered)
    }

    /// The ledger's promise for a delivery. The key is not given away before: who has it has paid.
    async fn hand_in(&self, delivered: &Delivered) -> Result<Vec<u8>, Problem> {
        let unavailable = |why: String| Problem::new(Code::Unavailable, why);
        let url = self.ledger.join("v1/records").map_err(|error| failed(&error))?;
        let posted = self.http.post(url).body(delivered.delivery.as_bytes().to_vec()).send().await;
        let answer = posted.map_err(|error| unavailable(format!("the ledger: {}", error.without_url())))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| unavailable(error.without_url().to_string()))?;
        if !status.is_success() {
            let code = if status == StatusCode::CONFLICT { Code::Refused } else { Code::Unavailable };
            let said = String::from_utf8_lossy(&bytes);
            return Err(Problem::new(code, format!("the ledger does not take the delivery: {said}")));
        }
        let promise = Signed::<Promise>::decode(&bytes, &self.network)?;
        let delivery = delivered.delivery.verify(&self.network)?;
        if promise.by() == self.issuer && promise.body().name == delivery.name() {
            Ok(promise.encode())
        } else {
            Err(unavailable("the ledger has promised something else".to_owned()))
        }
    }
}

fn failed(error: &impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}
