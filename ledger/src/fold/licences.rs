//! Licences: what is offered, bought, delivered and passed on.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{AgreementId, Amount, Digest, Epoch, Ppm, PublicKey, Signed, UnixSeconds};

use super::payments::known_or_conflict;
use super::{Applied, ApplyError, Ledger, LicenceError};
use crate::{Account, KeyDelivery, LicenceTransfer, Offer, Purchase, Resale, Sale, Transaction, Transferred};

/// Longest time between a purchase and its delivery: 30 days.
pub const DELIVERY_TERM_MAX_S: u32 = 30 * 86_400;

/// All offers and licences that ever were.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Licences {
    offers: BTreeMap<Digest, (PublicKey, Offer)>,
    bought: BTreeMap<Digest, Licence>,
    /// Purchases without a key.
    waiting: BTreeSet<Digest>,
    /// What is sold since the last settlement, and who pays.
    sold: Vec<(PublicKey, Sale)>,
    /// The licences whose keys are delivered, by who holds them.
    held: BTreeMap<PublicKey, BTreeSet<Digest>>,
    /// Who has paid for a licence with which settlement, in the order of its sales.
    payers: BTreeMap<(Digest, Epoch), Vec<PublicKey>>,
}

/// What somebody has bought.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Licence {
    offer: Offer,
    seller: PublicKey,
    holder: PublicKey,
    /// When the key must be there.
    due: UnixSeconds,
    /// The key, once it is.
    sealed: Option<Digest>,
    transfers: Vec<Digest>,
}

/// A licence in somebody's hands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldLicence {
    /// Its name, which is that of its purchase.
    pub name: Digest,
    /// The work.
    pub agreement: AgreementId,
    /// How often it has changed hands.
    pub transfers: usize,
    /// The part of a later price that those have who share in the work; without it nobody may pass it on.
    pub resale: Option<Ppm>,
}

impl Licences {
    /// What is sold and not settled, in the order in which it came.
    pub(crate) fn sold(&self) -> &[(PublicKey, Sale)] {
        &self.sold
    }

    /// Who paid for a key that did not come in time, and how much.
    pub(crate) fn refunds(&self, at: UnixSeconds) -> impl Iterator<Item = (PublicKey, Amount)> {
        let late = self.waiting.iter().map(|name| &self.bought[name]).filter(move |it| it.due.has_passed(at));
        late.map(|licence| (licence.holder, licence.offer.price))
    }

    fn sell(
        &mut self,
        epoch: Epoch,
        licence: Digest,
        payer: PublicKey,
        agreement: AgreementId,
        paid: Amount,
        resale: Option<Resale>,
    ) {
        self.sold.push((payer, Sale { agreement, licence, paid, resale }));
        self.payers.entry((licence, epoch)).or_default().push(payer);
    }
}

impl Ledger {
    /// Who holds a licence, and for which work; `None` while its key is not delivered. A licence has the name of its purchase.
    pub fn licence(&self, name: &Digest) -> Option<(PublicKey, AgreementId)> {
        let licence = self.licences.bought.get(name).filter(|licence| licence.sealed.is_some())?;
        Some((licence.holder, licence.offer.agreement))
    }

    /// What somebody holds, by name.
    pub fn licences_of(&self, holder: &PublicKey) -> impl Iterator<Item = HeldLicence> {
        let names = self.licences.held.get(holder).into_iter().flatten();
        names.map(|name| {
            let Licence { offer, transfers, .. } = &self.licences.bought[name];
            let Offer { agreement, resale, .. } = *offer;
            HeldLicence { name: *name, agreement, transfers: transfers.len(), resale }
        })
    }

    /// Who has paid for a licence in what is settled with this epoch, in the order of its sales.
    pub fn licence_payers(&self, name: &Digest, epoch: Epoch) -> &[PublicKey] {
        self.licences.payers.get(&(*name, epoch)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn offer(&mut self, record: &Signed<Offer>, at: UnixSeconds) -> Result<Applied, ApplyError> {
        let (seller, offer, name) = (record.by(), *record.body(), record.name());
        if self.licences.offers.contains_key(&name) {
            return Ok(Applied::Known);
        }
        let agreement = self.agreements.current(offer.agreement).filter(|it| it.parts().creator == seller);
        agreement.ok_or(LicenceError::NotTheCreator { by: seller })?;
        if offer.until.has_passed(at) || offer.term > DELIVERY_TERM_MAX_S {
            return Err(LicenceError::Term { until: offer.until, term: offer.term }.into());
        }
        self.licences.offers.insert(name, (seller, offer));
        Ok(Applied::New(None))
    }

    /// The price is set aside until the key is there.
    pub(super) fn buy(&mut self, record: &Signed<Purchase>, at: UnixSeconds) -> Result<Applied, ApplyError> {
        let (buyer, name) = (record.by(), record.name());
        if self.licences.bought.contains_key(&name) {
            return Ok(Applied::Known);
        }
        let offer =
            self.licences.offers.get(&record.body().offer).filter(|(_, offer)| !offer.until.has_passed(at));
        let (seller, offer) = *offer.ok_or(LicenceError::NoOffer)?;
        let applied =
            self.post(Transaction::transfer(Account::Funds(buyer), Account::Reserved(buyer), offer.price))?;
        let due = at.plus(offer.term.into());
        let licence = Licence { offer, seller, holder: buyer, due, sealed: None, transfers: Vec::new() };
        self.licences.bought.insert(name, licence);
        self.licences.waiting.insert(name);
        Ok(applied)
    }

    pub(super) fn deliver(
        &mut self,
        record: &Signed<KeyDelivery>,
        at: UnixSeconds,
    ) -> Result<Applied, ApplyError> {
        let KeyDelivery { purchase, sealed, .. } = *record.body();
        let epoch = self.next_epoch();
        let licences = &mut self.licences;
        let licence = licences.bought.get_mut(&purchase).ok_or(LicenceError::NoPurchase { purchase })?;
        if record.by() != licence.seller {
            return Err(LicenceError::NotTheSeller { by: record.by() }.into());
        }
        if let Some(known) = licence.sealed {
            return known_or_conflict(known == sealed, "a key");
        }
        if licence.due.has_passed(at) || !licences.waiting.remove(&purchase) {
            return Err(LicenceError::Late { due: licence.due }.into());
        }
        licence.sealed = Some(sealed);
        let (payer, agreement, price) = (licence.holder, licence.offer.agreement, licence.offer.price);
        licences.held.entry(payer).or_default().insert(purchase);
        licences.sell(epoch, purchase, payer, agreement, price, None);
        Ok(Applied::New(None))
    }

    pub(super) fn transfer(&mut self, transferred: &Transferred) -> Result<Applied, ApplyError> {
        let Transferred { acceptance, transfer } = transferred;
        let (name, LicenceTransfer { licence: of, number, price, to, .. }) =
            (transfer.name(), *transfer.body());
        let licence = self.licences.bought.get(&of).filter(|licence| licence.sealed.is_some());
        let licence = licence.ok_or(LicenceError::NoPurchase { purchase: of })?;
        if let Some(known) = licence.transfers.get(number as usize) {
            return known_or_conflict(*known == name, "a transfer");
        }
        let from = licence.holder;
        if transfer.by() != from || number as usize != licence.transfers.len() {
            return Err(LicenceError::NotTheHolder { by: transfer.by(), number }.into());
        }
        if acceptance.by() != to || acceptance.body().name != name || to == from {
            return Err(LicenceError::NotAccepted { to }.into());
        }
        let share = licence.offer.resale.ok_or(LicenceError::NotTransferable)?;
        let agreement = licence.offer.agreement;
        let applied = self.post(Transaction::transfer(Account::Funds(to), Account::Reserved(to), price))?;
        let epoch = self.next_epoch();
        let licence = self.licences.bought.get_mut(&of).expect("it was found");
        licence.holder = to;
        licence.transfers.push(name);
        if let Some(held) = self.licences.held.get_mut(&from) {
            held.remove(&of);
        }
        self.licences.held.entry(to).or_default().insert(of);
        self.licences.sell(epoch, of, to, agreement, price, Some(Resale { by: from, share }));
        Ok(applied)
    }

    /// What was sold is settled, and who waited in vain has the money back.
    pub(super) fn settle_licences(&mut self) {
        let (at, bought) = (self.at, &self.licences.bought);
        self.licences.waiting.retain(|name| !bought[name].due.has_passed(at));
        self.licences.sold.clear();
    }
}
