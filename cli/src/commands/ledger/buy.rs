//! `headwater ledger buy`: buys a licence, and opens what its seller has sealed.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::Args;
use data_encoding::BASE64;
use ledger::{KeyDelivery, PaymentId, Purchase, SealedKey};
use proofs::canonical;
use protocol::{Digest, Promise, SecretKey, Signed};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::At;
use super::promised::parse_name;
use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders::write_privately;
use crate::key_service_api::KeyServiceApi;
use crate::ledger_api::LedgerApi;
use crate::money::Money;

/// Buy a licence: see what is offered, pay, and get what was sealed to you
///
/// The price is set aside, and is the seller's only when the key is delivered; otherwise you have it back. The file keeps your
/// purchase: with it you ask for the key again, and nothing is paid twice.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger buy --ledger http://127.0.0.1:8700 --from http://127.0.0.1:8702
  headwater ledger buy --ledger http://127.0.0.1:8700 --from http://127.0.0.1:8702 \\
    --offer NAME --price 120 --keep readings.purchase")]
pub(super) struct Buy {
    #[command(flatten)]
    at: At,

    /// The seller's key service
    #[arg(long, value_name = "URL")]
    from: String,

    /// Which offer [default: show them all]
    #[arg(long, value_name = "NAME", value_parser = parse_name, requires_all = ["price", "keep"])]
    offer: Option<Digest>,

    /// What you pay: it has to be what the offer says
    #[arg(long, value_name = "AMOUNT")]
    price: Option<Money>,

    /// The file that keeps your purchase
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

/// `GET /v1/offers` of a key service.
#[derive(Deserialize)]
struct Shown {
    offers: Vec<ShownOffer>,
}

#[derive(Deserialize)]
struct ShownOffer {
    offer: String,
    licence: String,
}

/// An offer that its seller has signed, with the licence that it names.
struct Offered {
    offer: Signed<ledger::Offer>,
    licence: String,
}

#[derive(Serialize)]
struct Offers {
    unit: String,
    offers: Vec<Readable>,
}

#[derive(Serialize)]
struct Readable {
    name: String,
    seller: String,
    price: String,
    says: String,
    licence: String,
}

#[derive(Serialize)]
struct Answer {
    purchase: String,
    sold: String,
}

#[derive(Serialize)]
struct Bought {
    promise: ByteBuf,
    purchase: ByteBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered {
    delivery: ByteBuf,
    promise: ByteBuf,
    sealed: ByteBuf,
}

/// A delivery and the sealed key are short.
const DELIVERED_LEN_MAX: usize = 16_384;

impl Buy {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = account::payment(&account::open(globals.account.as_deref(), globals.output())?);
        let ledger = self.at.connect_to_sign(globals).await?;
        let unit = ledger.terms().unit.clone();
        let seller = KeyServiceApi::at(&self.from)?;
        let offers = offers(&ledger, &seller).await?;
        let (Some(name), Some(price), Some(keep)) = (self.offer, self.price, &self.keep) else {
            let offers = offers.iter().map(|offered| offered.readable(&unit)).collect();
            globals.output().answer(&Offers { unit, offers })?;
            return Ok(Outcome::Complete);
        };
        let offered = offers.into_iter().find(|offered| offered.offer.name() == name);
        let offer = offered.context("the seller shows no offer of this name")?.offer;
        if offer.body().price != price.0 {
            let asked = offer.body().price;
            return Err(Usage::because(format!("the offer says {asked} {unit}, not {} {unit}", price.0)));
        }
        let purchase = purchase(&ledger, &secret, &offer, keep)?;
        let promise = ledger.record(&purchase).await?;
        let sold = fetch(&ledger, &seller, &secret, (&offer, &purchase), &promise).await.with_context(|| {
            format!(
                "the price is set aside; ask again with the same file, or have it back with the settlement \
                 after {} s",
                offer.body().term
            )
        })?;
        let purchase = purchase.name().to_string();
        globals
            .output()
            .note(format_args!("the licence is {purchase}: by this name it is passed on (transfer)"));
        globals.output().answer(&Answer { purchase, sold })?;
        Ok(Outcome::Complete)
    }
}

async fn offers(ledger: &LedgerApi, seller: &KeyServiceApi) -> anyhow::Result<Vec<Offered>> {
    let shown: Shown = serde_json::from_slice(&seller.offers().await?)
        .context("the seller answers as no key service does")?;
    let network = ledger.signed_for()?;
    let read = |ShownOffer { offer, licence }: ShownOffer| {
        let bytes = BASE64.decode(offer.as_bytes()).context("an offer is no base64")?;
        let offer = Signed::<ledger::Offer>::decode(&bytes, &network).context("an offer")?;
        if Digest::of(licence.as_bytes()) != offer.body().licence {
            bail!("offer {} names another licence than its seller shows", offer.name());
        }
        Ok(Offered { offer, licence })
    };
    shown.offers.into_iter().map(read).collect()
}

/// The purchase that the file keeps, or a new one, which it keeps before anybody hears of it.
fn purchase(
    ledger: &LedgerApi,
    secret: &SecretKey,
    offer: &Signed<ledger::Offer>,
    keep: &Path,
) -> anyhow::Result<Signed<Purchase>> {
    let (network, file) = (ledger.signed_for()?, keep.display());
    if keep.exists() {
        let bytes = fs::read(keep).with_context(|| format!("cannot read {file}"))?;
        let known = Signed::<Purchase>::decode(&bytes, &network);
        let known = known.with_context(|| format!("{file} keeps no purchase"))?;
        if known.by() != secret.public() || known.body().offer != offer.name() {
            return Err(Usage::because(format!("{file} keeps the purchase of something else")));
        }
        return Ok(known);
    }
    let id = PaymentId::from_bytes(rand::random());
    let body = Purchase { id, issued: SystemTime::now().into(), offer: offer.name() };
    let purchase = Signed::sign(secret, &network, body);
    write_privately(keep, &purchase.encode()).with_context(|| format!("cannot write {file}"))?;
    Ok(purchase)
}

/// What was sold, when the seller has signed for it, and the ledger has its word.
async fn fetch(
    ledger: &LedgerApi,
    seller: &KeyServiceApi,
    secret: &SecretKey,
    (offer, purchase): (&Signed<ledger::Offer>, &Signed<Purchase>),
    promise: &Signed<Promise>,
) -> anyhow::Result<String> {
    let bought =
        Bought { promise: ByteBuf::from(promise.encode()), purchase: ByteBuf::from(purchase.encode()) };
    let answer = seller.key(canonical::to_vec(&bought)).await?;
    let Delivered { delivery, promise, sealed } =
        canonical::from_slice(&answer, DELIVERED_LEN_MAX).context("the seller answers as none does")?;
    let delivery = Signed::<KeyDelivery>::decode(&delivery, &ledger.signed_for()?)?;
    ledger.promise(&promise, &delivery)?;
    let sealed = SealedKey::from_bytes(sealed.into_vec());
    let said = delivery.body();
    let is_ours = said.purchase == purchase.name() && said.sealed == sealed.digest();
    if !is_ours || delivery.by() != offer.by() {
        bail!("the seller has delivered something else: dispute {}", delivery.name());
    }
    let sold = sealed.open(secret, &purchase.name());
    let sold = sold.with_context(|| format!("dispute delivery {}", delivery.name()))?;
    String::from_utf8(sold).context("what was sold is no text")
}

impl Offered {
    fn readable(&self, unit: &str) -> Readable {
        let price = self.offer.body().price;
        Readable {
            name: self.offer.name().to_string(),
            seller: self.offer.by().to_string(),
            price: price.to_string(),
            says: self
                .offer
                .body()
                .to_string()
                .replace(&format!(" {price}\n"), &format!(" {price} {unit}\n")),
            licence: self.licence.clone(),
        }
    }
}

impl fmt::Display for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offers.is_empty() {
            writeln!(f, "nothing can be bought there now")?;
        }
        for Readable { name, seller, says, licence, .. } in &self.offers {
            writeln!(f, "offer       {name}\nseller      {seller}\n{says}\n\n{}\n", licence.trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.sold)
    }
}
