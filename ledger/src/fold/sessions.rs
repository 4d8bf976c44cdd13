//! Grants, and what viewers acknowledge under them.

use std::collections::BTreeMap;

use protocol::{
    AgreementId, Alias, Amount, DeliveryReceipt, Digest, PublicKey, Sequence, Serial, SessionGrant, Signed,
    StreamNumber, UnixSeconds, Usage,
};

use super::covered::Covering;
use super::payments::known_or_conflict;
use super::{Applied, ApplyError, GrantError, Ledger, OpenEpoch, ReceiptError};
use crate::ids::digest_of;
use crate::{Account, Acknowledged, BudgetRef, Granted, Per, Price, SessionRequest, Transaction};

/// Longest time that a grant holds.
pub const GRANT_DURATION_MAX_S: u64 = 86_400;
/// How long after the end of its grant a receipt is still taken.
pub const RECEIPT_GRACE_S: u64 = 86_400;
/// Most bytes that one grant may be for.
pub const GRANT_BYTES_MAX: u64 = 1 << 44;
/// Longest play that one grant may be for, in milliseconds.
pub const GRANT_MS_MAX: u64 = 1 << 32;

/// One alias for each viewer and title.
pub(super) type Aliases = BTreeMap<(PublicKey, AgreementId), Alias>;

/// A grant that is not settled, and what came under it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Session {
    pub(crate) grant: SessionGrant,
    pub(crate) viewer: PublicKey,
    pub(crate) budget: Option<BudgetRef>,
    streams: Vec<Stream>,
}

/// What is known of one stream: the newest receipt, and the most that any has acknowledged. In whatever order receipts
/// come, and however often, this is the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stream {
    number: StreamNumber,
    newest: (Sequence, Digest),
    usage: Usage,
}

impl Session {
    /// What was delivered on all streams, no more than was granted.
    pub(crate) fn usage(&self) -> Usage {
        let all = self.streams.iter().fold(Usage::default(), |sum, stream| sum.plus(stream.usage));
        all.capped(self.grant.limit)
    }

    /// The newest receipts, one of each stream, in the order of these.
    pub(crate) fn receipts(&self) -> impl Iterator<Item = Acknowledged> {
        let serial = self.grant.serial;
        self.streams.iter().map(move |stream| {
            let (seq, receipt) = stream.newest;
            Acknowledged { receipt, seq, serial, stream: stream.number, usage: stream.usage }
        })
    }

    /// Takes a receipt; false when it says nothing new.
    fn take(&mut self, receipt: &DeliveryReceipt) -> bool {
        let new = Stream {
            number: receipt.stream,
            newest: (receipt.seq, digest_of(receipt)),
            usage: receipt.usage,
        };
        match self.streams.binary_search_by_key(&new.number, |stream| stream.number) {
            Err(place) => self.streams.insert(place, new),
            Ok(place) => {
                let known = self.streams[place];
                let joined = known.join(new);
                self.streams[place] = joined;
                return joined != known;
            }
        }
        true
    }

    fn check(&self, record: &Signed<DeliveryReceipt>, at: UnixSeconds) -> Result<(), ReceiptError> {
        let SessionGrant { serial, starts, expires, limit, .. } = self.grant;
        if record.by() != self.grant.session {
            return Err(ReceiptError::NotTheSession { serial, by: record.by() });
        }
        if at < starts || expires.plus(RECEIPT_GRACE_S).has_passed(at) {
            return Err(ReceiptError::Time { at, starts, expires });
        }
        let usage = record.body().usage;
        if usage.is_within(limit) { Ok(()) } else { Err(ReceiptError::OverLimit { usage, limit }) }
    }
}

impl Stream {
    fn join(self, other: Self) -> Self {
        Self {
            number: self.number,
            newest: self.newest.max(other.newest),
            usage: self.usage.join(other.usage),
        }
    }
}

impl Ledger {
    /// Takes what a viewer asks for and the ledger allows; what it may cost is set aside, or held of the budget that pays.
    pub(super) fn grant(&mut self, granted: &Granted, at: UnixSeconds) -> Result<Applied, ApplyError> {
        let grant = *granted.grant.body();
        self.check_open(grant.epoch)?;
        let session = Session {
            grant,
            viewer: granted.request.by(),
            budget: granted.request.body().budget,
            streams: Vec::new(),
        };
        let known = self.open.get(&grant.epoch).and_then(|epoch| epoch.sessions.get(&grant.serial));
        if let Some(known) = known {
            return known_or_conflict(known.grant == grant, "a grant");
        }
        self.check_grant(granted)?;
        let viewer = session.viewer;
        let transaction = match session.budget {
            Some(budget) => {
                self.cover(budget, granted, at)?;
                None
            }
            None => Transaction::transfer(Account::Funds(viewer), Account::Reserved(viewer), grant.charge),
        };
        let applied = self.post(transaction)?;
        let epoch = self.open.entry(grant.epoch).or_default();
        epoch.aliases.insert((viewer, grant.agreement), grant.alias);
        epoch.sessions.insert(grant.serial, session);
        Ok(applied)
    }

    fn check_grant(&self, granted: &Granted) -> Result<(), GrantError> {
        let (grant, viewer) = (granted.grant.body(), granted.request.by());
        if granted.grant.by() != self.terms.issuer {
            return Err(GrantError::NotTheLedger { by: granted.grant.by() });
        }
        if !answers(grant, &viewer, granted.request.body()) {
            return Err(GrantError::OtherRequest { serial: grant.serial });
        }
        check_roles(&[viewer, grant.session, grant.gateway, self.terms.issuer])?;
        check_extent(grant)?;
        self.check_alias(granted)?;
        let agreement = self.agreements.current(grant.agreement);
        let agreement = agreement.ok_or(GrantError::NotCurrent { agreement: grant.agreement })?;
        let (least, charge) = (least(&agreement.parts().price, grant.limit), grant.charge);
        if charge < least {
            return Err(GrantError::Charge { charge, least });
        }
        let Some(budget) = granted.request.body().budget else { return Ok(()) };
        let epoch = self.open.get(&grant.epoch);
        let budget = epoch.and_then(|epoch| epoch.budgets.get(&budget)).ok_or(GrantError::NoBudget)?;
        let is_for_title = budget.content.is_none_or(|content| content == agreement.parts().content);
        if is_for_title && budget.viewers.contains(&viewer) { Ok(()) } else { Err(GrantError::NoBudget) }
    }

    /// Holds what the grant may ask for of the budget that pays, which is there.
    fn cover(&mut self, budget: BudgetRef, granted: &Granted, at: UnixSeconds) -> Result<(), GrantError> {
        let (grant, viewer) = (granted.grant.body(), granted.request.by());
        let agreements = &self.agreements;
        let price = |id| agreements.get(id).expect("a grant names a registered agreement").parts().price;
        let OpenEpoch { sessions, budgets, .. } = self.open.entry(grant.epoch).or_default();
        let budget = budgets.get_mut(&budget).ok_or(GrantError::NoBudget)?;
        let own = price(grant.agreement);
        let covering = Covering {
            viewer,
            agreement: grant.agreement,
            serial: grant.serial,
            until: grant.expires.plus(RECEIPT_GRACE_S),
            most: least(&own, grant.limit),
            per: own.per,
        };
        let asked = |serial: &Serial| {
            let Session { grant, .. } = &sessions[serial];
            price(grant.agreement).charge(sessions[serial].usage(), grant.charge).get()
        };
        budget.covered.take([budget.amount, budget.each], &covering, at, asked)
    }

    /// The alias follows from the blind, and a viewer has one for each title and epoch.
    fn check_alias(&self, granted: &Granted) -> Result<(), GrantError> {
        let (grant, viewer) = (granted.grant.body(), granted.request.by());
        let follows = granted.blind.alias(&viewer, grant.agreement, grant.epoch) == grant.alias;
        let epoch = self.open.get(&grant.epoch);
        let known = epoch.and_then(|epoch| epoch.aliases.get(&(viewer, grant.agreement)));
        if follows && known.is_none_or(|known| *known == grant.alias) {
            Ok(())
        } else {
            Err(GrantError::Alias { alias: grant.alias })
        }
    }

    /// Takes what a viewer has acknowledged, in whatever order it comes.
    pub(super) fn receive(
        &mut self,
        record: &Signed<DeliveryReceipt>,
        at: UnixSeconds,
    ) -> Result<Applied, ApplyError> {
        let serial = record.body().serial;
        let session =
            self.open.values_mut().find_map(|epoch: &mut OpenEpoch| epoch.sessions.get_mut(&serial));
        let session = session.ok_or(ReceiptError::NoGrant { serial })?;
        session.check(record, at)?;
        if session.take(record.body()) { Ok(Applied::New(None)) } else { Ok(Applied::Known) }
    }
}

/// What a grant has to set aside: what its limit costs, and of views always one, as that is made up of all grants together.
fn least(price: &Price, limit: Usage) -> Amount {
    if price.per == Per::View { price.micro } else { price.charge(limit, Amount::MAX) }
}

/// The grant gives what was asked for, under the serial that follows from the question.
fn answers(grant: &SessionGrant, viewer: &PublicKey, request: &SessionRequest) -> bool {
    grant.serial == request.serial(viewer)
        && grant.agreement == request.agreement
        && grant.attested == request.attested
        && grant.charge == request.charge
        && grant.epoch == request.epoch
        && grant.gateway == request.gateway
        && grant.limit == request.limit
        && grant.session == request.session
}

/// No key can stand in for another one: a gateway's signs no receipts, a viewer's no grants.
fn check_roles(keys: &[PublicKey]) -> Result<(), GrantError> {
    let is_new = |at: usize| !keys[..at].contains(&keys[at]);
    if (0..keys.len()).all(is_new) { Ok(()) } else { Err(GrantError::Roles) }
}

fn check_extent(grant: &SessionGrant) -> Result<(), GrantError> {
    let SessionGrant { starts, expires, limit, .. } = *grant;
    if expires <= starts || expires.seconds_since(starts) > GRANT_DURATION_MAX_S {
        return Err(GrantError::Time { starts, expires });
    }
    let most = Usage { bytes: GRANT_BYTES_MAX, ms: GRANT_MS_MAX };
    if limit.is_within(most) { Ok(()) } else { Err(GrantError::Limit { limit }) }
}
