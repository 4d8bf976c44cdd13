//! Lines: what each viewer paid for each title at each gateway, under a name of this epoch alone.

use std::collections::BTreeMap;

use protocol::{AgreementId, Alias, Amount, PublicKey, Usage, keys};
use serde::{Deserialize, Serialize};

use super::plays::Play;
use super::{add, sum};
use crate::fold::{Agreements, Split};

/// Where a line stands among the others.
pub(super) type LineKey = (AgreementId, Alias, PublicKey, bool);

/// What was delivered and paid. Lines are ascending by agreement, alias, gateway and `attested`, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The title.
    pub agreement: AgreementId,
    /// The viewer, as nobody but the viewer can tell.
    pub alias: Alias,
    /// Whether the page that acknowledged came from the gateway itself.
    pub attested: bool,
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

impl Line {
    pub(super) const fn key(&self) -> LineKey {
        (self.agreement, self.alias, self.gateway, self.attested)
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
pub(super) fn of(plays: &[Play<'_>]) -> Vec<Line> {
    let mut lines = BTreeMap::new();
    for play in plays.iter().filter(|play| play.usage != Usage::default()) {
        let grant = &play.session.grant;
        let key = (grant.agreement, grant.alias, grant.gateway, grant.attested);
        let (paid, plays, usage) = lines.entry(key).or_insert((Amount::ZERO, 0, Usage::default()));
        *paid = sum([*paid, play.paid]);
        *plays += 1;
        *usage = usage.plus(play.usage);
    }
    let line = |((agreement, alias, gateway, attested), (paid, plays, usage))| Line {
        agreement,
        alias,
        attested,
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
