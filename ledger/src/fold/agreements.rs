//! Which agreements hold, and how they divide a charge.

use std::collections::{BTreeMap, BTreeSet};

use proofs::Cid;
use protocol::{AgreementId, Amount, Ppm, PublicKey, Signed};

use super::{Applied, ApplyError, Ledger, RegisterError};
use crate::{Agreed, Consent, GENERATIONS_MAX, Parent, SplitAgreement, Unit, apportion};

/// Keys that one key which had money makes known by signing agreements with them.
pub const INTRODUCED_MAX: usize = 1024;

/// All agreements that were ever registered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Agreements {
    all: BTreeMap<AgreementId, Registered>,
    current: BTreeMap<(PublicKey, Cid), AgreementId>,
    /// Everybody who has signed one with somebody who had money, and with whom first.
    signatories: BTreeMap<PublicKey, PublicKey>,
    /// How many of these each of those has brought in.
    introduced: BTreeMap<PublicKey, usize>,
}

/// An agreement with the works that it was made from, as they were when it was registered.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Registered {
    agreement: SplitAgreement,
    ancestry: Ancestry,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Ancestry {
    /// 1 for a work that is made from no other one.
    generation: u8,
    /// What each ancestor, near or far, has in all that this work brings.
    shares: BTreeMap<AgreementId, Ppm>,
}

/// How a charge is divided: all parts together are the charge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Split {
    pub(crate) gateway: Amount,
    pub(crate) network: Amount,
    pub(crate) node: Amount,
    pub(crate) parties: BTreeMap<PublicKey, Amount>,
}

impl Agreements {
    pub(crate) fn get(&self, id: AgreementId) -> Option<&SplitAgreement> {
        self.all.get(&id).map(|registered| &registered.agreement)
    }

    /// The agreement of this creator about this title that holds.
    pub(crate) fn holding(&self, creator: &PublicKey, content: &Cid) -> Option<&SplitAgreement> {
        self.get(*self.current.get(&(*creator, *content))?)
    }

    /// Every ancestor with its share, as they were when the agreement was registered.
    pub(crate) fn ancestors(&self, id: AgreementId) -> impl Iterator<Item = (AgreementId, Ppm)> {
        let shares = self.all.get(&id).map(|registered| &registered.ancestry.shares);
        shares.into_iter().flatten().map(|(id, ppm)| (*id, *ppm))
    }

    /// Who had money and was the first to sign an agreement with this key.
    pub(crate) fn introducer(&self, key: &PublicKey) -> Option<PublicKey> {
        self.signatories.get(key).copied()
    }

    /// The agreement, when it is the version that holds.
    pub(crate) fn current(&self, id: AgreementId) -> Option<&SplitAgreement> {
        let agreement = self.get(id)?;
        let parts = agreement.parts();
        (self.current.get(&(parts.creator, parts.content)) == Some(&id)).then_some(agreement)
    }

    /// Divides what one line has brought: first the fees, then the works, then the parties of each work.
    pub(crate) fn split(&self, id: AgreementId, paid: Amount) -> Split {
        let fees = &self.get(id).expect("a grant names a registered agreement").parts().fees;
        let weights = [(0, fees.gateway), (1, fees.network), (2, fees.node), (3, fees.rest())];
        let [gateway, network, node, rest] = divided(paid, weights);
        Split { gateway, network, node, parties: self.parties(id, rest) }
    }

    /// Divides what a sale has brought, in which no gateway and no node has had a part: what the network has, and the parties.
    pub(crate) fn split_sale(&self, id: AgreementId, paid: Amount) -> (Amount, BTreeMap<PublicKey, Amount>) {
        let network = self.get(id).expect("a sale names a registered agreement").parts().fees.network;
        let [network, rest] = divided(paid, [(0, network), (1, network.rest())]);
        (network, self.parties(id, rest))
    }

    /// Divides what the fees leave: first among the works, then among the parties of each work.
    fn parties(&self, id: AgreementId, rest: Amount) -> BTreeMap<PublicKey, Amount> {
        let mut parties = BTreeMap::new();
        for (work, part) in self.all[&id].works(id, rest) {
            self.divide(work, part, &mut parties);
        }
        parties
    }

    fn divide(&self, work: AgreementId, part: Amount, parties: &mut BTreeMap<PublicKey, Amount>) {
        let agreement = self.get(work).expect("ancestors are registered");
        let shares = &agreement.parts().parties;
        let weight = |party: &crate::Party| ((party.party, party.role), u64::from(party.ppm.get()));
        let weights: Vec<_> = shares.iter().map(weight).collect();
        let parts = apportion(part, &weights).expect("parties have the whole");
        for (((party, _), _), part) in weights.iter().zip(parts) {
            let sum = parties.entry(*party).or_insert(Amount::ZERO);
            *sum = sum.plus(part).expect("parts of an amount");
        }
    }

    /// Registers an agreement, when it is new and everybody has consented.
    pub(crate) fn register(&mut self, agreed: &Agreed, unit: &Unit) -> Result<(), RegisterError> {
        let parts = agreed.agreement.parts();
        if parts.unit != *unit {
            return Err(RegisterError::Unit { found: parts.unit.clone(), expected: unit.clone() });
        }
        let (ancestry, id) = (self.check(agreed)?, agreed.agreement.id());
        self.current.insert((parts.creator, parts.content), id);
        self.all.insert(id, Registered { agreement: agreed.agreement.clone(), ancestry });
        Ok(())
    }

    /// Makes all of these known by the word of one who has money; false when that one has brought in too many.
    fn introduce(&mut self, by: PublicKey, signatories: &[PublicKey]) -> bool {
        let is_new = |key: &&PublicKey| !self.signatories.contains_key(*key);
        let new: Vec<PublicKey> = signatories.iter().filter(is_new).copied().collect();
        let introduced = self.introduced.entry(by).or_default();
        if *introduced + new.len() > INTRODUCED_MAX {
            return false;
        }
        *introduced += new.len();
        self.signatories.extend(new.into_iter().map(|key| (key, by)));
        true
    }

    fn check(&self, agreed: &Agreed) -> Result<Ancestry, RegisterError> {
        let before = self.superseded(&agreed.agreement)?;
        agreed.check_consents(before)?;
        self.ancestry(&agreed.agreement)
    }

    /// The version before, which has to hold until now; without one the title must be free.
    fn superseded(&self, agreement: &SplitAgreement) -> Result<Option<&SplitAgreement>, RegisterError> {
        let parts = agreement.parts();
        let current = self.current.get(&(parts.creator, parts.content)).copied();
        let Some(superseded) = parts.supersedes else {
            return current.map_or(Ok(None), |current| Err(RegisterError::Taken { current }));
        };
        if current != Some(superseded) {
            return Err(RegisterError::NotCurrent { superseded });
        }
        let before = self.get(superseded).expect("what holds is registered");
        if before.parts().version.checked_add(1) != Some(parts.version) {
            return Err(RegisterError::Version { found: parts.version, before: before.parts().version });
        }
        Ok(Some(before))
    }

    /// Every ancestor keeps its share of all that is made from it, however far down. Ids are hashes, so there are no
    /// circles: a work can only name what was there before.
    fn ancestry(&self, agreement: &SplitAgreement) -> Result<Ancestry, RegisterError> {
        let mut ancestry = Ancestry { generation: 1, shares: BTreeMap::new() };
        for parent in agreement.parts().parents.iter() {
            let inherited = &self.licensed(parent)?.ancestry;
            ancestry.generation = ancestry.generation.max(inherited.generation + 1);
            let own = (parent.agreement, parent.ppm);
            for (work, share) in inherited.shares.iter().map(|(work, share)| (*work, *share)).chain([own]) {
                let sum = ancestry.shares.entry(work).or_default();
                *sum = Ppm::sum([*sum, share]).map_err(|_| RegisterError::AncestorSum)?;
            }
        }
        Ppm::sum(ancestry.shares.values().copied()).map_err(|_| RegisterError::AncestorSum)?;
        if ancestry.generation > GENERATIONS_MAX { Err(RegisterError::TooDeep) } else { Ok(ancestry) }
    }

    /// The parent, when it holds and gives a licence for this share.
    fn licensed(&self, parent: &Parent) -> Result<&Registered, RegisterError> {
        let Parent { agreement: id, ppm: given } = *parent;
        let agreement = self.current(id).ok_or(RegisterError::NoParent { parent: id })?;
        match agreement.parts().secondary {
            None => Err(RegisterError::NotLicensed { parent: id }),
            Some(least) if given < least => Err(RegisterError::TooLittle { parent: id, given, least }),
            Some(_) => Ok(&self.all[&id]),
        }
    }
}

impl Registered {
    /// What of the rest goes to this work and to each of its ancestors.
    fn works(&self, own: AgreementId, rest: Amount) -> Vec<(AgreementId, Amount)> {
        let inherited = Ppm::sum(self.ancestry.shares.values().copied()).expect("checked when registered");
        let own = (own, inherited.rest());
        let shares = self.ancestry.shares.iter().map(|(work, share)| (*work, *share)).chain([own]);
        let weights: Vec<_> = shares.map(|(work, share)| (work, u64::from(share.get()))).collect();
        let parts = apportion(rest, &weights).expect("the shares are the whole");
        weights.into_iter().map(|(work, _)| work).zip(parts).collect()
    }
}

/// An amount by shares that are the whole together.
fn divided<const N: usize>(whole: Amount, shares: [(u8, Ppm); N]) -> [Amount; N] {
    let parts = apportion(whole, &shares.map(|(key, ppm)| (key, u64::from(ppm.get()))));
    parts.and_then(|parts| parts.try_into().ok()).expect("the shares are the whole")
}

impl Agreed {
    /// Whether everybody has signed who has a share in this version or had one in the version before, once each, and nobody
    /// else.
    pub fn check_consents(&self, before: Option<&SplitAgreement>) -> Result<(), RegisterError> {
        let mut asked: BTreeSet<PublicKey> = self.agreement.signatories().into_iter().collect();
        asked.extend(before.into_iter().flat_map(SplitAgreement::signatories));
        let of_this = |consent: &Signed<Consent>| consent.body().agreement == self.agreement.id();
        for consent in &self.consents {
            if !of_this(consent) || !asked.remove(&consent.by()) {
                return Err(RegisterError::OtherConsent { by: consent.by() });
            }
        }
        asked.first().map_or(Ok(()), |party| Err(RegisterError::NoConsent { party: *party }))
    }
}

impl Ledger {
    pub(super) fn agree(&mut self, agreed: &Agreed) -> Result<Applied, ApplyError> {
        if self.agreements.get(agreed.agreement.id()).is_some() {
            return Ok(Applied::Known);
        }
        self.agreements.register(agreed, &self.terms.unit)?;
        let signatories = agreed.agreement.signatories();
        let with_money: Vec<_> = signatories.iter().filter(|key| self.has_had_money(key)).copied().collect();
        for by in with_money {
            // Whoever has brought in too many leaves these to another one of them.
            if self.agreements.introduce(by, &signatories) {
                break;
            }
        }
        Ok(Applied::New(None))
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    /// One deposit makes so many keys known, and no more.
    #[test]
    fn nobody_brings_in_any_number_of_keys() {
        let mut keys = (0..).map(|number: u16| {
            let mut seed = [1; 32];
            seed[..2].copy_from_slice(&number.to_le_bytes());
            SecretKey::from_bytes(&seed).public()
        });
        let [one, other] = [keys.next(), keys.next()].map(|key| key.expect("there is no end of keys"));
        let mut agreements = Agreements::default();
        let crowd: Vec<PublicKey> = keys.take(INTRODUCED_MAX + 1).collect();
        assert!(agreements.introduce(one, &crowd[..INTRODUCED_MAX]));
        assert!(agreements.introduce(one, &crowd[..64]), "they are known already");
        assert!(
            !agreements.introduce(one, &crowd) && agreements.introducer(&crowd[INTRODUCED_MAX]).is_none()
        );
        assert!(agreements.introduce(other, &crowd));
        assert_eq!(agreements.introducer(&crowd[INTRODUCED_MAX]), Some(other));
        assert_eq!(agreements.introducer(&crowd[0]), Some(one), "by whoever was the first");
    }
}
