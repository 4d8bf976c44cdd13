//! `GET /v1/claims`: whom the operator has to pay.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use ledger::{Entry, PayoutClaim, Rail, What};
use protocol::{Amount, Digest, PublicKey, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::operator;
use crate::problem::Problem;
use crate::service::Service;

/// All claims that were taken and not taken back, the oldest first.
#[derive(Debug, Default)]
struct Claims {
    /// What each party has been paid in all.
    paid: BTreeMap<PublicKey, Amount>,
    /// How many there ever were.
    count: u64,
    taken: Vec<Taken>,
}

#[derive(Debug)]
struct Taken {
    /// Claims are numbered from 1, in the order of the journal, for ever.
    number: u64,
    at: UnixSeconds,
    record: Signed<PayoutClaim>,
    amount: Amount,
}

#[derive(Debug, Serialize)]
struct Claim {
    number: u64,
    /// When the ledger took it, by its own clock.
    at: u64,
    /// Under this name it is reversed.
    name: String,
    party: String,
    amount: String,
    rail: Rail,
    remark: Option<String>,
    /// When the party says that it was said.
    issued: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// Only those with greater numbers.
    #[serde(default)]
    after: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    unit: String,
    claims: Vec<Claim>,
}

/// `GET /v1/claims?after=`: what parties have asked for, each with its rail and remark.
pub(crate) async fn claims(
    State(service): State<Service>,
    Query(Asked { after }): Query<Asked>,
    headers: HeaderMap,
) -> Result<Json<Answer>, Problem> {
    operator::check(&service, &headers)?;
    let mut claims = Claims::default();
    operator::each_entry(&service, |entry| {
        claims.take(&entry);
        Ok(())
    })
    .await?;
    let claims = claims.taken.iter().filter(|claim| claim.number > after).map(Claim::from).collect();
    Ok(Json(Answer { unit: service.terms().unit.to_string(), claims }))
}

impl Claims {
    /// Takes the next entry of the journal, which holds nothing that was refused.
    fn take(&mut self, entry: &Entry) {
        match &entry.what {
            What::Claim(record) => self.claim(record, entry.at),
            What::Reversal(record) => self.reverse(record.body().entry),
            _ => {}
        }
    }

    fn claim(&mut self, record: &Signed<PayoutClaim>, at: UnixSeconds) {
        let cumulative = record.body().cumulative;
        let paid = self.paid.entry(record.by()).or_insert(Amount::ZERO);
        let amount = cumulative.minus(*paid).unwrap_or(Amount::ZERO);
        *paid = cumulative;
        self.count += 1;
        self.taken.push(Taken { number: self.count, at, record: record.clone(), amount });
    }

    /// What was taken back is not owed, and its party has not been paid it. Deposits are taken back as well.
    fn reverse(&mut self, name: Digest) {
        let Some(at) = self.taken.iter().position(|taken| taken.record.name() == name) else { return };
        let Taken { record, amount, .. } = self.taken.remove(at);
        if let Some(paid) = self.paid.get_mut(&record.by()) {
            *paid = paid.minus(amount).unwrap_or(Amount::ZERO);
        }
    }
}

impl From<&Taken> for Claim {
    fn from(Taken { number, at, record, amount }: &Taken) -> Self {
        let PayoutClaim { rail, remark, issued, .. } = record.body();
        Self {
            number: *number,
            at: at.get(),
            name: record.name().to_string(),
            party: record.by().to_string(),
            amount: amount.to_string(),
            rail: *rail,
            remark: remark.as_ref().map(ToString::to_string),
            issued: issued.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{NetworkId, SecretKey};

    use super::*;

    #[test]
    fn a_claim_is_worth_what_is_new_of_it_and_nothing_once_it_is_taken_back() {
        let key = SecretKey::from_bytes(&[1; 32]);
        let claim = |cumulative| {
            let cumulative = Amount::new(cumulative).unwrap();
            let body =
                PayoutClaim { cumulative, rail: Rail::Bank, remark: None, issued: UnixSeconds::new(1) };
            Signed::sign(&key, &NetworkId::from_bytes([2; 32]), body)
        };
        let amounts = |claims: &Claims| {
            claims.taken.iter().map(|taken| (taken.number, taken.amount.get())).collect::<Vec<_>>()
        };
        let (mut claims, now) = (Claims::default(), UnixSeconds::new(7));
        claims.claim(&claim(30), now);
        claims.claim(&claim(50), now);
        assert_eq!(amounts(&claims), [(1, 30), (2, 20)]);
        claims.reverse(claim(50).name());
        claims.reverse(Digest::of(b"a deposit"));
        claims.claim(&claim(45), now);
        assert_eq!(amounts(&claims), [(1, 30), (3, 15)], "a number stays that of its claim");
        let shown = Claim::from(&claims.taken[0]);
        assert_eq!((shown.at, shown.issued), (7, 1), "the ledger's clock, and the party's");
    }
}
