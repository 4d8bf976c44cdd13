//! Shortfalls: what a settlement lists as acknowledged, and its lines have not counted (spec §25).

use proofs::canonical::{self, CanonicalError};
use protocol::{
    AgreementId, Alias, BoundedList, NetworkId, PublicKey, RecordError, SessionGrant, Signed, Unverified,
    Usage,
};
use serde::{Deserialize, Serialize};

use crate::settlement::ListTree;
use crate::{Line, ListProof, Shown, Summary};

/// Longest proof of a shortfall, in bytes.
pub const SHORTFALL_LEN_MAX: usize = 1 << 20;
/// Most grants of one proof.
pub const SHORTFALL_GRANTS_MAX: usize = 64;
/// Most lines of one proof.
const LINES_MAX: usize = 1024;

/// Shows to anybody who knows the ledger's key that the lines of a settlement have counted less for a viewer, title and gateway
/// than its own list of receipts says. The summary is one of the log, which its reader has to see to.
#[derive(Clone, PartialEq, Debug)]
pub struct Shortfall {
    /// Grants for the same, signed by the ledger, ascending by serial, each with items of the list of receipts.
    pub grants: Vec<(Signed<SessionGrant>, Shown)>,
    /// All lines about it and the one on either side of them, as they follow each other in the list of lines.
    pub lines: Vec<(Line, ListProof)>,
    /// The settlement of the epoch of the grants.
    pub summary: Summary,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ShortfallError {
    #[error("the proof is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("a record of the proof: {0}")]
    Record(#[from] RecordError),
    #[error("grants, items and summary are not about the same, or not of this ledger")]
    Unrelated,
    #[error("these are not all lines about it")]
    OtherLines,
    #[error("the lines have counted {counted}, the list of receipts {listed}")]
    NotShort { counted: Usage, listed: Usage },
}

/// What lines are about that differ by their budget alone.
type Place = (AgreementId, Alias, PublicKey, bool);

impl Shortfall {
    /// What the lines of an epoch, all of them, say about these grants.
    pub fn new(grants: Vec<(Signed<SessionGrant>, Shown)>, lines: &[Line], summary: Summary) -> Option<Self> {
        let place = place_of(grants.first()?.0.body());
        let first = lines.partition_point(|line| line_place(line) < place).saturating_sub(1);
        let end = lines.partition_point(|line| line_place(line) <= place);
        let tree = ListTree::of(lines);
        let shown = (first..lines.len().min(end + 1)).map(|at| Some((lines[at], tree.proof(at)?)));
        Some(Self { grants, lines: shown.collect::<Option<_>>()?, summary })
    }

    /// True to what it says: the lines of this ledger's settlement have counted less than its list of receipts.
    pub fn verify(&self, ledger: &PublicKey) -> Result<(), ShortfallError> {
        let place = place_of(self.grants.first().ok_or(ShortfallError::Unrelated)?.0.body());
        let is_of = |(grant, _): &(Signed<SessionGrant>, Shown)| {
            let body = grant.body();
            grant.by() == *ledger && body.epoch == self.summary.epoch && place_of(body) == place
        };
        let are_ascending =
            self.grants.is_sorted_by(|one, other| one.0.body().serial < other.0.body().serial);
        if !are_ascending || !self.grants.iter().all(is_of) {
            return Err(ShortfallError::Unrelated);
        }
        let mut listed = Usage::default();
        for (grant, shown) in &self.grants {
            listed = listed.plus(self.listed(grant.body(), shown).ok_or(ShortfallError::Unrelated)?);
        }
        let counted = self.counted(place).ok_or(ShortfallError::OtherLines)?;
        if listed.is_within(counted) {
            return Err(ShortfallError::NotShort { counted, listed });
        }
        Ok(())
    }

    /// What the list of receipts has under a grant; `None` when it does not have these items, or they are of another one.
    fn listed(&self, grant: &SessionGrant, shown: &Shown) -> Option<Usage> {
        let is_there = shown
            .iter()
            .all(|(item, proof)| self.summary.receipts.has(item, proof) && item.serial == grant.serial);
        let are_ascending = shown.is_sorted_by(|one, other| one.0.stream < other.0.stream);
        let all = shown.iter().fold(Usage::default(), |sum, (item, _)| sum.plus(item.usage));
        (is_there && are_ascending).then(|| all.capped(grant.limit))
    }

    /// What the lines about this have counted; `None` when they do not stand in the list, or there may be more of them.
    fn counted(&self, place: Place) -> Option<Usage> {
        let list = &self.summary.lines;
        if !self.lines.iter().all(|(line, proof)| list.has(line, proof)) {
            return None;
        }
        let follow = self.lines.is_sorted_by(|one, other| one.1.index + 1 == other.1.index);
        let begins = self
            .lines
            .first()
            .map_or(list.count == 0, |(line, proof)| proof.index == 0 || line_place(line) < place);
        let ends = self.lines.last().map_or(list.count == 0, |(line, proof)| {
            proof.index + 1 == list.count || line_place(line) > place
        });
        let own = self.lines.iter().filter(|(line, _)| line_place(line) == place);
        let counted = own.fold(Usage::default(), |sum, (line, _)| sum.plus(line.usage));
        (follow && begins && ends).then_some(counted)
    }

    /// The proof as canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let listed = |(grant, receipts): &(Signed<SessionGrant>, Shown)| Listed {
            grant: grant.into(),
            receipts: receipts.clone(),
        };
        canonical::to_vec(&Plain {
            grants: self.grants.iter().map(listed).collect(),
            lines: self.lines.clone(),
            summary: self.summary.clone(),
        })
    }

    /// Reads a proof, of which all signatures must be for this network, and verify.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, ShortfallError> {
        let Wire { grants, lines, summary } = canonical::from_slice(bytes, SHORTFALL_LEN_MAX)?;
        let verified = |Listed { grant, receipts }: &Listed| Ok((grant.verify(network)?, receipts.clone()));
        let grants = grants.iter().map(verified).collect::<Result<_, RecordError>>()?;
        Ok(Self { grants, lines: lines.to_vec(), summary })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    grants: BoundedList<Listed, SHORTFALL_GRANTS_MAX>,
    lines: BoundedList<(Line, ListProof), LINES_MAX>,
    summary: Summary,
}

/// The same, as it is written.
#[derive(Serialize)]
struct Plain {
    grants: Vec<Listed>,
    lines: Vec<(Line, ListProof)>,
    summary: Summary,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    grant: Unverified<SessionGrant>,
    receipts: Shown,
}

fn place_of(grant: &SessionGrant) -> Place {
    (grant.agreement, grant.alias, grant.gateway, grant.attested)
}

fn line_place(line: &Line) -> Place {
    (line.agreement, line.alias, line.gateway, line.attested)
}
