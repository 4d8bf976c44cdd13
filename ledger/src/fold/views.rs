//! What a ledger is asked: nothing here changes it.

use std::collections::BTreeMap;

use proofs::Cid;
use protocol::{AgreementId, Amount, Epoch, Ppm, PublicKey, Serial, SessionGrant, UnixSeconds, Usage};

use super::Ledger;
use crate::settlement::{asked, divided};
use crate::{Account, Line, Sale, SplitAgreement};

/// How what was paid for a line is divided: all of it, to the micro-unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Division {
    /// To the gateway.
    pub gateway: Amount,
    /// To the network.
    pub network: Amount,
    /// To the nodes that the gateway has read from, together.
    pub node: Amount,
    /// To each party of the work, and of those that it was made from.
    pub parties: BTreeMap<PublicKey, Amount>,
}

/// By whose money a key is known. Each has an allowance of its own; all that one has brought in share another one, since keys are
/// free to make, and they take nothing from whoever has brought them in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KnownBy {
    /// By money of its own.
    Own(PublicKey),
    /// By that of this key, which has signed an agreement with it.
    Introducer(PublicKey),
}

impl Ledger {
    /// The grant with this serial, while its epoch is open.
    pub fn grant_of(&self, serial: &Serial) -> Option<&SessionGrant> {
        let session = self.open.values().find_map(|epoch| epoch.sessions.get(serial))?;
        Some(&session.grant)
    }

    /// A viewer's grants in all open epochs, with what came under each and what it asks for that so far, ascending by epoch and
    /// serial.
    pub fn sessions_of(&self, viewer: &PublicKey) -> Vec<(&SessionGrant, Usage, Amount)> {
        let mut all = Vec::new();
        for epoch in self.open.values() {
            let own = epoch.sessions.values().filter(|session| session.viewer == *viewer);
            let asked = asked(&self.agreements, own);
            all.extend(asked.into_iter().map(|play| (&play.session.grant, play.usage, play.asked)));
        }
        all
    }

    /// All grants of an open epoch, and whose they are, ascending by serial.
    pub fn grants_in(&self, epoch: Epoch) -> impl Iterator<Item = (Serial, PublicKey)> {
        let sessions = self.open.get(&epoch).into_iter().flat_map(|epoch| &epoch.sessions);
        sessions.map(|(serial, session)| (*serial, session.viewer))
    }

    /// When the last grant of an open epoch ends; `None` where it has no grants.
    pub fn grants_expire(&self, epoch: Epoch) -> Option<UnixSeconds> {
        let sessions = &self.open.get(&epoch)?.sessions;
        sessions.values().map(|session| session.grant.expires).max()
    }

    /// The agreement of a creator about a title that holds now.
    pub fn holding(&self, creator: &PublicKey, content: &Cid) -> Option<&SplitAgreement> {
        self.agreements.holding(creator, content)
    }

    /// Every work that this one is made from, near or far, with its part of what all works share.
    pub fn ancestors(&self, id: AgreementId) -> impl Iterator<Item = (AgreementId, Ppm)> {
        self.agreements.ancestors(id)
    }

    /// What is on an account that belongs to somebody, in micro-units.
    pub fn on_account(&self, account: Account) -> u64 {
        self.balance(account)
    }

    /// By whose money a key is known here. A key without money brings nobody in.
    pub fn known_by(&self, key: &PublicKey) -> Option<KnownBy> {
        if self.has_had_money(key) {
            return Some(KnownBy::Own(*key));
        }
        self.agreements.introducer(key).map(KnownBy::Introducer)
    }

    /// Whether a key has money here, has deposited some, or was paid out.
    pub(super) fn has_had_money(&self, key: &PublicKey) -> bool {
        let accounts =
            [Account::Funds(*key), Account::Reserved(*key), Account::Earned(*key), Account::Held(*key)];
        accounts.into_iter().any(|account| self.balance(account) > 0) || self.payments.names(key)
    }

    /// How a sale of the log is divided: what each key has of it, the treasury included.
    pub fn sale_division(&self, sale: &Sale) -> BTreeMap<PublicKey, Amount> {
        divided(&self.agreements, self.terms.treasury, sale)
    }

    /// How a line of the log is divided.
    pub fn division(&self, line: &Line) -> Division {
        let super::Split { gateway, network, node, parties } =
            self.agreements.split(line.agreement, line.paid);
        Division { gateway, network, node, parties }
    }
}
