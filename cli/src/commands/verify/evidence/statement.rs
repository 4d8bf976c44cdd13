//! What a statement says, against the entries of the log that it names. No clock, no socket, no file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, bail};
use data_encoding::HEXLOWER;
use ledger::{Divisions, Line, LogEntry, Sale};
use protocol::{Amount, Digest, PublicKey};
use serde::{Deserialize, Serialize};

use crate::ledger_api::parse_key;

/// A statement of one key, as a ledger makes it. What else it says is not looked at.
#[derive(Deserialize)]
pub(super) struct Statement {
    party: String,
    unit: String,
    epochs: Vec<EpochStatement>,
}

#[derive(Deserialize)]
struct EpochStatement {
    epoch: u64,
    roles: Roles,
    paid: String,
    lines: Vec<LineStatement>,
    sales: Vec<SaleStatement>,
    carried: Vec<PartStatement>,
    more: bool,
    summary: u64,
}

/// What was earned as what.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
struct Roles {
    party: String,
    gateway: String,
    node: String,
    network: String,
}

#[derive(Deserialize)]
struct LineStatement {
    index: u64,
    agreement: String,
    content: String,
    creator: String,
    gateway: String,
    attested: bool,
    plays: u64,
    bytes: u64,
    ms: u64,
    paid: String,
    earned: String,
    own: bool,
}

#[derive(Deserialize)]
struct SaleStatement {
    index: u64,
    agreement: String,
    licence: String,
    resale: bool,
    paid: String,
    earned: String,
    own: bool,
}

#[derive(Deserialize)]
struct PartStatement {
    index: u64,
    kind: String,
    gateway: Option<String>,
    node: Option<String>,
    prepayment: Option<String>,
    bytes: u64,
    charged: String,
    paid: String,
    earned: String,
}

/// What an entry about bytes says to one key.
struct Part {
    kind: &'static str,
    gateway: Option<PublicKey>,
    node: Option<PublicKey>,
    prepayment: Option<Digest>,
    bytes: u64,
    charged: Amount,
    paid: u128,
    earned: u128,
}

/// What an epoch comes to, by its entries.
#[derive(Serialize)]
pub(super) struct EpochSums {
    epoch: u64,
    roles: Roles,
    paid: String,
}

/// Sums in micro-units.
#[derive(Default)]
struct Sums {
    party: u128,
    gateway: u128,
    node: u128,
    network: u128,
    paid: u128,
}

/// What entries are held against.
struct Log<'a> {
    entries: &'a BTreeMap<u64, LogEntry>,
    divisions: &'a Divisions,
    party: PublicKey,
    is_treasury: bool,
    /// The entries that were named so far: none counts twice.
    named: BTreeSet<u64>,
    /// The last summary.
    settled: Option<u64>,
}

impl Statement {
    pub(super) fn party(&self) -> &str {
        &self.party
    }

    pub(super) fn unit(&self) -> &str {
        &self.unit
    }

    /// What it comes to, when it says what the entries say.
    pub(super) fn check(
        &self,
        entries: &BTreeMap<u64, LogEntry>,
        divisions: &Divisions,
        treasury: PublicKey,
    ) -> anyhow::Result<Vec<EpochSums>> {
        let party = parse_key(&self.party)?;
        let is_treasury = party == treasury;
        let mut log = Log { entries, divisions, party, is_treasury, named: BTreeSet::new(), settled: None };
        let sums = |epoch: &EpochStatement| {
            log.epoch(epoch).with_context(|| format!("epoch {} of the statement", epoch.epoch))
        };
        self.epochs.iter().map(sums).collect()
    }
}

impl<'a> Log<'a> {
    fn epoch(&mut self, stated: &EpochStatement) -> anyhow::Result<EpochSums> {
        if stated.more {
            bail!("not all of its lines are here, so that its sums say nothing");
        }
        let LogEntry::Settlement(summary) = self.entry(stated.summary)? else {
            bail!("entry {} is no settlement", stated.summary);
        };
        same("the epoch", stated.summary, &stated.epoch, &summary.epoch.get())?;
        let mut sums = Sums::default();
        for line in &stated.lines {
            self.line(line, stated.summary, &mut sums).with_context(|| format!("line {}", line.index))?;
        }
        for sale in &stated.sales {
            self.sale(sale, stated.summary, &mut sums).with_context(|| format!("licence {}", sale.index))?;
        }
        for part in &stated.carried {
            self.part(part, stated.summary, &mut sums).with_context(|| format!("part {}", part.index))?;
        }
        self.settled = Some(stated.summary);
        let Sums { party, gateway, node, network, paid } = sums;
        let [party, gateway, node, network, paid] = [party, gateway, node, network, paid].map(text);
        let (roles, paid) = (Roles { party, gateway, node, network }, paid);
        if roles != stated.roles || paid != stated.paid {
            bail!("its sums are {:?}, and those of its entries {roles:?}", stated.roles);
        }
        Ok(EpochSums { epoch: stated.epoch, roles, paid })
    }

    fn line(&mut self, stated: &LineStatement, summary: u64, sums: &mut Sums) -> anyhow::Result<()> {
        let LogEntry::Line(line) = self.named(stated.index, summary)? else { bail!("it is no line") };
        let Line { agreement, attested, gateway, paid, plays, usage, .. } = *line;
        let division = self.divisions.line(line).context("its agreement is not here")?;
        let parts = self.divisions.agreement(agreement).context("its agreement is not here")?.parts();
        let earned = |amount: Option<Amount>| amount.map_or(0, u128::from);
        let as_party = earned(division.parties.get(&self.party).copied());
        let as_gateway = earned(Some(division.gateway).filter(|_| gateway == self.party));
        let as_network = earned(Some(division.network).filter(|_| self.is_treasury));
        let index = stated.index;
        same("the agreement", index, &stated.agreement, &agreement.to_string())?;
        same("the title", index, &stated.content, &parts.content.to_string())?;
        same("the creator", index, &stated.creator, &HEXLOWER.encode(parts.creator.as_bytes()))?;
        same("the gateway", index, &stated.gateway, &HEXLOWER.encode(gateway.as_bytes()))?;
        same("the page", index, &stated.attested, &attested)?;
        same("plays", index, &stated.plays, &plays)?;
        same("bytes", index, &stated.bytes, &usage.bytes)?;
        same("milliseconds", index, &stated.ms, &usage.ms)?;
        same("what was paid", index, &stated.paid, &paid.to_string())?;
        same("what was earned", index, &stated.earned, &text(as_party + as_gateway + as_network))?;
        sums.party += as_party;
        sums.gateway += as_gateway;
        sums.network += as_network;
        if stated.own {
            sums.paid += u128::from(paid);
        }
        Ok(())
    }

    fn sale(&mut self, stated: &SaleStatement, summary: u64, sums: &mut Sums) -> anyhow::Result<()> {
        let LogEntry::Sale(sale) = self.named(stated.index, summary)? else { bail!("it is no licence") };
        let Sale { agreement, licence, paid, resale } = *sale;
        let division = self.divisions.sale(sale).context("its agreement is not here")?;
        let earned = division.get(&self.party).copied().map_or(0, u128::from);
        let index = stated.index;
        same("the agreement", index, &stated.agreement, &agreement.to_string())?;
        same("the licence", index, &stated.licence, &licence.to_string())?;
        same("the sale", index, &stated.resale, &resale.is_some())?;
        same("what was paid", index, &stated.paid, &paid.to_string())?;
        same("what was earned", index, &stated.earned, &text(earned))?;
        *(if self.is_treasury { &mut sums.network } else { &mut sums.party }) += earned;
        if stated.own {
            sums.paid += u128::from(paid);
        }
        Ok(())
    }

    /// What was carried or kept.
    fn part(&mut self, stated: &PartStatement, summary: u64, sums: &mut Sums) -> anyhow::Result<()> {
        let party = self.party;
        let part = Part::of(self.named(stated.index, summary)?, &party).context("it is of somebody else")?;
        let (index, key) = (stated.index, |key: PublicKey| HEXLOWER.encode(key.as_bytes()));
        same("the kind", index, stated.kind.as_str(), part.kind)?;
        same("the gateway", index, &stated.gateway, &part.gateway.map(key))?;
        same("the node", index, &stated.node, &part.node.map(key))?;
        same("the prepayment", index, &stated.prepayment, &part.prepayment.map(|name| name.to_string()))?;
        same("bytes", index, &stated.bytes, &part.bytes)?;
        same("what was charged", index, &stated.charged, &part.charged.to_string())?;
        same("what was paid", index, &stated.paid, &text(part.paid))?;
        same("what was earned", index, &stated.earned, &text(part.earned))?;
        *(if part.kind == "gateway" { &mut sums.gateway } else { &mut sums.node }) += part.earned;
        sums.paid += part.paid;
        Ok(())
    }

    /// An entry of the epoch with this summary, which was not named before.
    fn named(&mut self, index: u64, summary: u64) -> anyhow::Result<&'a LogEntry> {
        if index >= summary || self.settled.is_some_and(|before| index <= before) {
            bail!("it stands outside of its epoch");
        }
        if !self.named.insert(index) {
            bail!("it is named twice");
        }
        self.entry(index)
    }

    fn entry(&self, index: u64) -> anyhow::Result<&'a LogEntry> {
        self.entries.get(&index).with_context(|| format!("entry {index} of the log is not here"))
    }
}

impl Part {
    /// `None` where the entry is about others.
    fn of(entry: &LogEntry, party: &PublicKey) -> Option<Self> {
        match entry {
            LogEntry::Gateway(total) if total.gateway == *party => Some(Self {
                kind: "gateway",
                gateway: Some(total.gateway),
                node: None,
                prepayment: None,
                bytes: total.acknowledged,
                charged: total.pool,
                paid: 0,
                earned: total.kept.into(),
            }),
            LogEntry::Carrier(carrier) if [carrier.node, carrier.gateway].contains(party) => {
                let (shared, owed) = (u128::from(carrier.shared), u128::from(carrier.owed));
                Some(Self {
                    kind: "carrier",
                    gateway: Some(carrier.gateway),
                    node: Some(carrier.node),
                    prepayment: None,
                    bytes: carrier.claimed,
                    charged: carrier.promised,
                    paid: if carrier.gateway == *party { owed } else { 0 },
                    earned: if carrier.node == *party { shared + owed } else { 0 },
                })
            }
            LogEntry::Keeper(keeper) if keeper.node == *party => Some(Self {
                kind: "keeper",
                gateway: None,
                node: Some(keeper.node),
                prepayment: Some(keeper.prepayment),
                bytes: keeper.byte_hours,
                charged: keeper.paid,
                paid: 0,
                earned: keeper.paid.into(),
            }),
            _ => None,
        }
    }
}

fn same<T: PartialEq + fmt::Debug + ?Sized>(
    what: &str,
    index: u64,
    said: &T,
    logged: &T,
) -> anyhow::Result<()> {
    if said == logged {
        return Ok(());
    }
    bail!("{what}: the statement says {said:?}, and entry {index} of the log {logged:?}")
}

fn text(micro: u128) -> String {
    Amount::try_from(micro).unwrap_or(Amount::MAX).to_string()
}

impl fmt::Display for EpochSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Roles { party, gateway, node, network } = &self.roles;
        write!(
            f,
            "epoch {:<8}earned {party} as a party, {gateway} as a gateway, {node} as a node, ",
            self.epoch
        )?;
        write!(f, "{network} as the network; paid {}", self.paid)
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use ledger::{GatewayTotal, Head, Keeper, ListRoot, PayoutRoot, PayoutTree, Rule, Summary, Totals, Unit};
    use protocol::{Digest, Epoch, Ppm, SecretKey};
    use serde_json::{Value, json};

    use super::*;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_bytes(&[seed; 32]).public()
    }

    fn amount(micro: u64) -> Amount {
        Amount::new(micro).unwrap()
    }

    fn keeper(node: u8) -> LogEntry {
        LogEntry::Keeper(Keeper {
            byte_hours: 1,
            ended: false,
            forfeited: Amount::ZERO,
            held: Amount::ZERO,
            lost: 0,
            node: key(node),
            paid: amount(7),
            prepayment: Digest::from_bytes([1; 32]),
            price: amount(1),
            withheld: Ppm::new(0).unwrap(),
        })
    }

    fn gateway(gateway: u8) -> LogEntry {
        let [acknowledged, claimed, disputed] = [0; 3];
        let (gateway, kept, pool) = (key(gateway), amount(5), amount(5));
        LogEntry::Gateway(GatewayTotal { acknowledged, claimed, disputed, gateway, kept, pool })
    }

    fn settlement(epoch: u64) -> LogEntry {
        let nothing = ListRoot::of::<u8>(&[]);
        LogEntry::Settlement(Box::new(Summary {
            carriers: nothing,
            disputes: nothing,
            epoch: Epoch::new(epoch),
            gateways: nothing,
            journal: Head { count: 0, hash: Digest::from_bytes([0; 32]) },
            keepers: nothing,
            lines: nothing,
            payouts: PayoutRoot { count: 0, root: PayoutTree::new(Vec::new()).root() },
            posted: None,
            previous: None,
            receipts: nothing,
            rule: Rule::LargestRemainder1,
            sales: nothing,
            subscriptions: nothing,
            totals: Totals::default(),
        }))
    }

    /// Two epochs: of each the party has kept something as a node, and of the second it was a gateway as well.
    fn statement() -> Value {
        let epoch = |epoch: u64, summary: u64, gateway: &str, carried: Value| {
            json!({
                "epoch": epoch, "summary": summary, "more": false, "paid": "0.000000", "lines": [], "sales": [],
                "carried": carried,
                "roles": { "party": "0.000000", "gateway": gateway, "node": "0.000007", "network": "0.000000" },
            })
        };
        let own = HEXLOWER.encode(key(1).as_bytes());
        let kept = |index: u64| {
            json!({
                "index": index, "kind": "keeper", "node": own, "prepayment": "01".repeat(32), "bytes": 1,
                "charged": "0.000007", "paid": "0.000000", "earned": "0.000007",
            })
        };
        let carried = json!({
            "index": 5, "kind": "gateway", "gateway": own, "bytes": 0,
            "charged": "0.000005", "paid": "0.000000", "earned": "0.000005",
        });
        json!({
            "party": HEXLOWER.encode(key(1).as_bytes()), "unit": "EUR",
            "epochs": [epoch(1, 2, "0.000000", json!([kept(0)])), epoch(2, 6, "0.000005", json!([kept(4), carried]))],
        })
    }

    fn check(statement: Value) -> anyhow::Result<usize> {
        let entries = [keeper(1), keeper(2), settlement(1), keeper(3), keeper(1), gateway(1), settlement(2)];
        let entries = (0..).zip(entries).collect();
        let divisions = Divisions::new(Unit::new("EUR").unwrap(), key(9));
        let statement: Statement = serde_json::from_value(statement)?;
        Ok(statement.check(&entries, &divisions, key(9))?.len())
    }

    #[test]
    fn a_statement_says_what_its_entries_say_and_no_more() {
        assert_eq!(check(statement()).unwrap(), 2);
        let lies: [(&str, Value, &str); 12] = [
            ("/epochs/0/carried/0/bytes", json!(2), "bytes"),
            ("/epochs/0/carried/0/prepayment", json!("02".repeat(32)), "the prepayment"),
            ("/epochs/0/roles/node", json!("0.000008"), "its sums"),
            ("/epochs/0/roles/party", json!("0.000001"), "its sums"),
            ("/epochs/0/paid", json!("0.000001"), "its sums"),
            ("/epochs/0/carried/0/earned", json!("0.000008"), "what was earned"),
            ("/epochs/0/carried/0/kind", json!("gateway"), "the kind"),
            ("/epochs/0/carried/0/index", json!(1), "of somebody else"),
            ("/epochs/0/carried/0/index", json!(4), "outside of its epoch"),
            ("/epochs/1/carried/0/index", json!(0), "outside of its epoch"),
            ("/epochs/1/summary", json!(5), "is no settlement"),
            ("/epochs/1/more", json!(true), "not all of its lines"),
        ];
        for (place, value, why) in lies {
            let mut other = statement();
            *other.pointer_mut(place).unwrap() = value;
            let error = format!("{:#}", check(other).unwrap_err());
            assert!(error.contains(why), "{place}: {error}");
        }
        let mut twice = statement();
        let again = twice["epochs"][0]["carried"][0].clone();
        twice["epochs"][0]["carried"].as_array_mut().unwrap().push(again);
        assert!(format!("{:#}", check(twice).unwrap_err()).contains("named twice"));
    }
}
