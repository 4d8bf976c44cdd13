//! Shortfalls: what a settlement lists as acknowledged, and its lines have not counted (spec §25).

use proofs::canonical::{self, CanonicalError};
use protocol::{BoundedList, NetworkId, PublicKey, RecordError, SessionGrant, Signed, Unverified, Usage};
use serde::{Deserialize, Serialize};

use crate::{Acknowledged, Line, Published, SessionRequest, Summary};

/// Longest proof of a shortfall, in bytes.
pub const SHORTFALL_LEN_MAX: usize = 4 << 20;
/// Most grants of one proof.
pub const SHORTFALL_GRANTS_MAX: usize = 1024;

/// Shows to anybody who knows the ledger's key, and has its log, that the lines of a settlement have counted less for a viewer,
/// title and gateway than its own list of receipts says: fewer bytes, less time or fewer grants. The lines themselves, however
/// many there are, are those of the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Shortfall {
    /// Grants for the same, signed by the ledger, ascending by serial.
    pub grants: Vec<Listed>,
    /// The settlement of the epoch of the grants.
    pub summary: Summary,
}

/// A grant, and what the list of receipts has under it.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// Signed by the ledger.
    pub grant: Signed<SessionGrant>,
    /// What was asked for, where it matters that the viewer wanted to pay for themselves: lines of budgets do not count then.
    /// It names the viewer.
    pub request: Option<Signed<SessionRequest>>,
    /// Items of the list, ascending by stream.
    pub receipts: Vec<Acknowledged>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ShortfallError {
    #[error("the proof is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("a record of the proof: {0}")]
    Record(#[from] RecordError),
    #[error("grants, requests, items and summary are not about the same, or not of this ledger")]
    Unrelated,
    #[error(
        "the lines have counted {counted} in {counted_plays} plays, the list of receipts {listed} in {plays}"
    )]
    NotShort { counted: Usage, counted_plays: u64, listed: Usage, plays: u64 },
}

/// A sum over grants, or over lines.
#[derive(Clone, Copy, Default)]
struct Sum {
    usage: Usage,
    plays: u64,
}

impl Shortfall {
    /// True to what it says: the lines of this ledger's settlement have counted less than its list of receipts.
    pub fn verify(&self, ledger: &PublicKey, published: &Published) -> Result<(), ShortfallError> {
        let first = self.grants.first().ok_or(ShortfallError::Unrelated)?.grant.body();
        let is_of = |listed: &Listed| {
            let body = listed.grant.body();
            listed.grant.by() == *ledger && body.epoch == self.summary.epoch && is_alike(body, first)
        };
        let are_ascending = self.grants.is_sorted_by(|one, other| serial(one) < serial(other));
        let are_listed = |listed: &Listed| listed.is_in(published);
        if self.summary != *published.summary()
            || !are_ascending
            || !self.grants.iter().all(is_of)
            || !self.grants.iter().all(are_listed)
        {
            return Err(ShortfallError::Unrelated);
        }
        let listed = self.grants.iter().map(Listed::sum).fold(Sum::default(), Sum::plus);
        let of_viewer = self.are_own()?;
        let lines = published.lines_of(first).filter(|line| !of_viewer || line.budget.is_none());
        let counted = lines.map(Sum::of).fold(Sum::default(), Sum::plus);
        if listed.usage.is_within(counted.usage) && listed.plays <= counted.plays {
            return Err(ShortfallError::NotShort {
                counted: counted.usage,
                counted_plays: counted.plays,
                listed: listed.usage,
                plays: listed.plays,
            });
        }
        Ok(())
    }

    /// Whether all of it was asked for at the viewer's own cost; an error where that is said of a part of it, or is not so.
    fn are_own(&self) -> Result<bool, ShortfallError> {
        let shown = self.grants.iter().filter_map(|listed| Some((serial(listed), listed.request.as_ref()?)));
        let is_own = |(serial, request): (_, &Signed<SessionRequest>)| {
            request.body().serial(&request.by()) == serial && request.body().budget.is_none()
        };
        match shown.clone().count() {
            0 => Ok(false),
            count if count == self.grants.len() && shown.clone().all(is_own) => Ok(true),
            _ => Err(ShortfallError::Unrelated),
        }
    }

    /// The proof as canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let wire = |listed: &Listed| WireListed {
            grant: (&listed.grant).into(),
            receipts: listed.receipts.clone(),
            request: listed.request.as_ref().map(Into::into),
        };
        let grants = self.grants.iter().map(wire).collect();
        canonical::to_vec(&Plain { grants, summary: self.summary.clone() })
    }

    /// Reads a proof, of which all signatures must be for this network, and verify.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, ShortfallError> {
        let Wire { grants, summary } = canonical::from_slice(bytes, SHORTFALL_LEN_MAX)?;
        let verified = |listed: &WireListed| {
            Ok(Listed {
                grant: listed.grant.verify(network)?,
                request: listed.request.as_ref().map(|request| request.verify(network)).transpose()?,
                receipts: listed.receipts.clone(),
            })
        };
        let grants = grants.iter().map(verified).collect::<Result<_, RecordError>>()?;
        Ok(Self { grants, summary })
    }
}

impl Listed {
    /// Whether the list has these items, each once, and all of them under this grant.
    fn is_in(&self, published: &Published) -> bool {
        let is_there = |item: &Acknowledged| item.serial == serial(self) && published.lists(item);
        self.receipts.iter().all(is_there)
            && self.receipts.is_sorted_by(|one, other| one.stream < other.stream)
    }

    /// What it comes to, no more than was granted; a grant under which nothing came is no play.
    fn sum(&self) -> Sum {
        let all = self.receipts.iter().fold(Usage::default(), |sum, item| sum.plus(item.usage));
        let usage = all.capped(self.grant.body().limit);
        Sum { usage, plays: u64::from(usage != Usage::default()) }
    }
}

impl Sum {
    fn of(line: &Line) -> Self {
        Self { usage: line.usage, plays: line.plays }
    }

    fn plus(self, other: Self) -> Self {
        Self { usage: self.usage.plus(other.usage), plays: self.plays.saturating_add(other.plays) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    grants: BoundedList<WireListed, SHORTFALL_GRANTS_MAX>,
    summary: Summary,
}

/// The same, as it is written.
#[derive(Serialize)]
struct Plain {
    grants: Vec<WireListed>,
    summary: Summary,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireListed {
    grant: Unverified<SessionGrant>,
    receipts: Vec<Acknowledged>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Unverified<SessionRequest>>,
}

fn serial(listed: &Listed) -> protocol::Serial {
    listed.grant.body().serial
}

/// Whether the lines of both are about the same.
fn is_alike(one: &SessionGrant, other: &SessionGrant) -> bool {
    let place = |grant: &SessionGrant| (grant.agreement, grant.alias, grant.gateway, grant.attested);
    place(one) == place(other)
}
