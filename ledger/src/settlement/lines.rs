//! Lines: what each viewer paid for each title at each gateway, under a name of this epoch alone.

use std::collections::BTreeMap;

use protocol::{AgreementId, Alias, Amount, Digest, PublicKey, Usage, keys};
use serde::{Deserialize, Serialize};

use super::plays::Play;
use super::{add, sum};
use crate::BudgetRef;
use crate::fold::{Agreements, SetAside, Split};

/// Where a line stands among the others.
pub(super) type LineKey = (AgreementId, Alias, PublicKey, bool, Option<LineBudget>);

/// What was delivered and paid. Lines are ascending by agreement, alias, gateway, `attested` and budget, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The title.
    pub agreement: AgreementId,
    /// The viewer, as nobody but the viewer can tell.
    pub alias: Alias,
    /// Whether the page that acknowledged came from the gateway itself.
    pub attested: bool,
    /// What has paid instead of the viewer's own funds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<LineBudget>,
    /// The gateway.
    #[serde(with = "keys")]
    pub gateway: PublicKey,
    /// What was paid.
    pub paid: Amount,
    /// How many grants.
    pub plays: u64,
    /// What was delivered.
    pub usage: Usage,
}

/// A budget as the log shows it. One of a single viewer has no name there, which would show what else they have watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineBudget {
    /// Which one, where it is for many viewers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Whether all of it is shared, whatever was asked for.
    pub whole: bool,
}

/// A budget for many viewers. They are ordered by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The name of its record.
    pub name: Digest,
    /// What it has.
    pub amount: Amount,
    /// The most that one viewer counts for.
    pub each: Amount,
    /// How many viewers it names.
    pub viewers: u64,
}

impl Line {
    pub(super) const fn key(&self) -> LineKey {
        (self.agreement, self.alias, self.gateway, self.attested, self.budget)
    }
}

impl From<&SetAside> for LineBudget {
    fn from(budget: &SetAside) -> Self {
        let SetAside { amount, each, name, whole, ref viewers, .. } = *budget;
        let pool = Pool { name, amount, each, viewers: viewers.count() };
        Self { pool: (viewers.count() > 1).then_some(pool), whole }
    }
}

/// What all lines bring to whom.
#[derive(Clone, Default, Debug)]
pub(super) struct Shares {
    /// Bytes that viewers have acknowledged, by gateway.
    pub(super) acknowledged: BTreeMap<PublicKey, u64>,
    pub(super) charged: Amount,
    pub(super) gateways: BTreeMap<PublicKey, Amount>,
    pub(super) network: Amount,
    pub(super) parties: BTreeMap<PublicKey, Amount>,
    /// What there is for the nodes of each gateway.
    pub(super) pools: BTreeMap<PublicKey, Amount>,
}

/// Plays that acknowledged nothing have no line.
pub(super) fn of(plays: &[Play<'_>], budgets: &BTreeMap<BudgetRef, SetAside>) -> Vec<Line> {
    let mut lines = BTreeMap::new();
    for play in plays.iter().filter(|play| play.usage != Usage::default()) {
        let grant = &play.session.grant;
        let budget = play.session.budget.map(|budget| LineBudget::from(&budgets[&budget]));
        let key = (grant.agreement, grant.alias, grant.gateway, grant.attested, budget);
        let (paid, plays, usage) = lines.entry(key).or_insert((Amount::ZERO, 0, Usage::default()));
        *paid = sum([*paid, play.paid]);
        *plays += 1;
        *usage = usage.plus(play.usage);
    }
    let line = |((agreement, alias, gateway, attested, budget), (paid, plays, usage))| Line {
        agreement,
        alias,
        attested,
        budget,
        gateway,
        paid,
        plays,
        usage,
    };
    lines.into_iter().map(line).collect()
}

impl Shares {
    /// What these lines bring.
    pub(super) fn of(agreements: &Agreements, lines: &[Line]) -> Self {
        let mut shares = Self::default();
        for line in lines {
            shares.take(agreements, line);
        }
        shares
    }

    /// Adds what a line brings. All lines together have paid an amount, and name registered agreements.
    pub(super) fn take(&mut self, agreements: &Agreements, line: &Line) {
        let Split { gateway, network, node, parties } = agreements.split(line.agreement, line.paid);
        self.charged = sum([self.charged, line.paid]);
        add(&mut self.gateways, line.gateway, gateway);
        add(&mut self.pools, line.gateway, node);
        self.network = sum([self.network, network]);
        for (party, part) in parties {
            add(&mut self.parties, party, part);
        }
        let acknowledged = self.acknowledged.entry(line.gateway).or_default();
        *acknowledged = acknowledged.saturating_add(line.usage.bytes);
    }

    /// What everybody has earned, but for what the nodes have.
    pub(super) fn earned(&self, treasury: PublicKey) -> BTreeMap<PublicKey, Amount> {
        let mut earned = self.parties.clone();
        for (gateway, amount) in &self.gateways {
            add(&mut earned, *gateway, *amount);
        }
        add(&mut earned, treasury, self.network);
        earned
    }
}
