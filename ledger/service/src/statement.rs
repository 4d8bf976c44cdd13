//! What one key is told of itself: what it has, what it may watch, what it has earned and by which lines of the log.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use ledger::{Account, Carrier, GatewayTotal, HeldLicence, Keeper, Ledger, Line, LogEntry, Sale};
use protocol::{AgreementId, Amount, Digest, Epoch, Ppm, PublicKey};
use serde::Serialize;

use crate::problem::{Code, Problem};
use crate::service::{Service, now};
use crate::state::Settled;

/// Most lines of one epoch that a statement lists; sums are over all of them.
const STATEMENT_LINES_MAX: usize = 10_000;

/// What is on the accounts of a key. Amounts are in whole units with six decimals.
#[derive(Debug, Serialize)]
pub(crate) struct Balance {
    party: String,
    unit: String,
    epoch: u64,
    funds: String,
    reserved: String,
    earned: String,
    /// Kept back of what was earned while a dispute is open.
    held: String,
    paid: String,
    licences: Vec<Licence>,
}

/// A licence that the key holds.
#[derive(Debug, Serialize)]
struct Licence {
    name: String,
    agreement: String,
    /// How often it has changed hands: the number of the next transfer.
    number: usize,
    /// The part of a later price that those have who share in the work; `null` where it may not be passed on.
    resale_ppm: Option<u32>,
}

impl Balance {
    pub(crate) fn of(service: &Service, party: &PublicKey) -> Self {
        let state = service.state();
        let ledger = state.ledger();
        let on = |account| Amount::new(ledger.on_account(account)).unwrap_or(Amount::MAX).to_string();
        Self {
            party: HEXLOWER.encode(party.as_bytes()),
            unit: ledger.terms().unit.to_string(),
            epoch: state.calendar().current(ledger.next_epoch(), now()).get(),
            funds: on(Account::Funds(*party)),
            reserved: on(Account::Reserved(*party)),
            earned: on(Account::Earned(*party)),
            held: on(Account::Held(*party)),
            paid: ledger.paid(party).to_string(),
            licences: ledger.licences_of(party).take(STATEMENT_LINES_MAX).map(Licence::of).collect(),
        }
    }
}

impl Licence {
    fn of(held: HeldLicence) -> Self {
        Self {
            name: held.name.to_string(),
            agreement: held.agreement.to_string(),
            number: held.transfers,
            resale_ppm: held.resale.map(Ppm::get),
        }
    }
}

/// What a key has earned and paid, epoch by epoch, with the places in the log that say so.
#[derive(Debug, Serialize)]
pub(crate) struct Statement {
    party: String,
    unit: String,
    epochs: Vec<EpochStatement>,
    payouts: Vec<PayoutStatement>,
}

#[derive(Debug, Serialize)]
struct EpochStatement {
    epoch: u64,
    settled: u64,
    /// What was earned as what.
    roles: Roles,
    /// What its own grants and licences have cost, and what nodes had out of its collateral.
    paid: String,
    /// Licences of which this key has a part, or that it has bought.
    sales: Vec<StatementSale>,
    /// What it was paid as a gateway or node, and what it has paid to nodes. What all rows have earned is what `roles` say.
    carried: Vec<StatementPart>,
    lines: Vec<StatementLine>,
    /// The places of the agreements by which all of it was divided.
    agreements: BTreeSet<u64>,
    /// Whether there are more lines, sales or others than are listed.
    more: bool,
    /// The place of the summary in the log.
    summary: u64,
}

#[derive(Debug, Default, Serialize)]
struct Roles {
    party: String,
    gateway: String,
    node: String,
    network: String,
}

#[derive(Debug, Serialize)]
struct StatementLine {
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
    /// What of it is this key's.
    earned: String,
    /// Whether this key is the viewer.
    own: bool,
}

/// A licence that was sold, for the first time or on.
#[derive(Debug, Serialize)]
struct StatementSale {
    index: u64,
    agreement: String,
    licence: String,
    resale: bool,
    paid: String,
    /// What of it is this key's.
    earned: String,
    /// Whether this key has bought it.
    own: bool,
}

/// An entry about bytes that were carried or kept.
#[derive(Debug, Serialize)]
struct StatementPart {
    index: u64,
    /// `gateway`, `carrier` or `keeper`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prepayment: Option<String>,
    /// What viewers have acknowledged of a gateway, or what vouchers to a node say; of a keeper the bytes by hours.
    bytes: u64,
    /// The nodes' share that is divided there; of a carrier what its vouchers promise.
    charged: String,
    /// What this key has paid beside it.
    paid: String,
    /// What of it is this key's.
    earned: String,
}

#[derive(Debug, Serialize)]
struct PayoutStatement {
    epoch: u64,
    /// In micro-units, as contracts count.
    cumulative: String,
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

impl Statement {
    /// The statement of one epoch, or of all that are settled.
    pub(crate) fn of(service: &Service, party: &PublicKey, epoch: Option<Epoch>) -> Result<Self, Problem> {
        let (settled, size) = {
            let state = service.state();
            let settled: Vec<Settled> = match epoch {
                // Nothing in the log is of a key that never had any part in it.
                _ if !state.may_have_part(party) => Vec::new(),
                Some(epoch) => state.settled(epoch).into_iter().cloned().collect(),
                None => state.all_settled().cloned().collect(),
            };
            (settled, service.newest().map_or(0, |newest| newest.checkpoint.size))
        };
        let mut statement = Self {
            party: HEXLOWER.encode(party.as_bytes()),
            unit: service.terms().unit.to_string(),
            epochs: Vec::new(),
            payouts: Vec::new(),
        };
        // What is not published yet has no place in the log that could be shown.
        for one in settled.iter().filter(|one| one.first + one.items < size) {
            statement.add(service, party, one, size)?;
        }
        Ok(statement)
    }

    fn add(
        &mut self,
        service: &Service,
        party: &PublicKey,
        settled: &Settled,
        size: u64,
    ) -> Result<(), Problem> {
        let failed = |error: &dyn std::fmt::Display| Problem::new(Code::Internal, error.to_string());
        let range = settled.first..settled.first + settled.items;
        let entries = service.files().entries(range.clone(), size).map_err(|error| failed(&error))?;
        let epoch = settled.summary.epoch;
        let sums = Sums::default();
        let (lines, sales) = (Vec::new(), Vec::new());
        let mut reader = Reader {
            service,
            party,
            epoch,
            sums,
            lines,
            sales,
            carried: Vec::new(),
            sold: BTreeMap::new(),
            agreements: BTreeSet::new(),
            more: false,
        };
        for (index, bytes) in range.zip(entries) {
            let entry = LogEntry::decode(bytes.as_bytes(), &service.terms().signed_for());
            match entry.map_err(|error| failed(&error))? {
                LogEntry::Line(line) => reader.line(index, &line),
                LogEntry::Gateway(total) => reader.gateway(index, &total),
                LogEntry::Carrier(carrier) => reader.carrier(index, &carrier),
                LogEntry::Payout(payout) if payout.party == *party => self
                    .payouts
                    .push(PayoutStatement { epoch: epoch.get(), cumulative: payout.cumulative.to_string() }),
                LogEntry::Keeper(keeper) => reader.keeper(index, &keeper),
                LogEntry::Sale(sale) => reader.sale(index, &sale),
                LogEntry::Payout(_)
                | LogEntry::Agreement(_)
                | LogEntry::Attestation(_)
                | LogEntry::Dispute(_)
                | LogEntry::Hold(_)
                | LogEntry::Page(_)
                | LogEntry::Resolution(_)
                | LogEntry::Settlement(_)
                | LogEntry::Subscription(_) => {}
            }
        }
        self.epochs.extend(reader.end(settled));
        Ok(())
    }
}

/// Reads the log of one epoch for one key.
struct Reader<'a> {
    service: &'a Service,
    party: &'a PublicKey,
    epoch: Epoch,
    sums: Sums,
    lines: Vec<StatementLine>,
    sales: Vec<StatementSale>,
    carried: Vec<StatementPart>,
    /// How often each licence was sold so far.
    sold: BTreeMap<Digest, usize>,
    agreements: BTreeSet<u64>,
    more: bool,
}

impl Reader<'_> {
    fn line(&mut self, index: u64, line: &Line) {
        let own = self.is_own(line.agreement, line);
        let state = self.service.state();
        let division = state.ledger().division(line);
        let as_party = division.parties.get(self.party).copied().unwrap_or(Amount::ZERO);
        let as_gateway = if line.gateway == *self.party { division.gateway } else { Amount::ZERO };
        let is_treasury = self.service.terms().treasury == *self.party;
        let as_network = if is_treasury { division.network } else { Amount::ZERO };
        self.sums.party += u128::from(as_party);
        self.sums.gateway += u128::from(as_gateway);
        self.sums.network += u128::from(as_network);
        if own {
            self.sums.paid += u128::from(line.paid);
        }
        let earned = u128::from(as_party) + u128::from(as_gateway) + u128::from(as_network);
        if own || earned > 0 {
            self.more |= self.lines.len() >= STATEMENT_LINES_MAX;
        }
        if (own || earned > 0) && self.lines.len() < STATEMENT_LINES_MAX {
            self.lines.extend(listed(state.ledger(), index, line, earned, own));
            self.agreements.extend(state.registered(line.agreement).map(|registered| registered.index));
        }
    }

    /// Whoever has watched is known to the ledger alone: it can hide the key again in the same way.
    fn is_own(&self, agreement: AgreementId, line: &Line) -> bool {
        let blind = self.service.keys().blind(self.party, agreement, self.epoch);
        blind.alias(self.party, agreement, self.epoch) == line.alias
    }

    /// What a gateway has of the nodes' share, for what it had itself.
    fn gateway(&mut self, index: u64, total: &GatewayTotal) {
        if total.gateway == *self.party {
            let earned = u128::from(total.kept);
            self.sums.gateway += earned;
            self.carry(StatementPart {
                gateway: Some(total.gateway.to_string()),
                bytes: total.acknowledged,
                charged: total.pool.to_string(),
                earned: text(earned),
                ..StatementPart::new(index, "gateway")
            });
        }
    }

    /// What a node has of it, and what the gateway pays it beside that out of its collateral.
    fn carrier(&mut self, index: u64, carrier: &Carrier) {
        let (is_node, is_gateway) = (carrier.node == *self.party, carrier.gateway == *self.party);
        let (shared, owed) = (u128::from(carrier.shared), u128::from(carrier.owed));
        let earned = if is_node { shared + owed } else { 0 };
        let paid = if is_gateway { owed } else { 0 };
        self.sums.node += earned;
        self.sums.paid += paid;
        if is_node || is_gateway {
            self.carry(StatementPart {
                gateway: Some(carrier.gateway.to_string()),
                node: Some(carrier.node.to_string()),
                bytes: carrier.claimed,
                charged: carrier.promised.to_string(),
                paid: text(paid),
                earned: text(earned),
                ..StatementPart::new(index, "carrier")
            });
        }
    }

    /// What it has kept for others, until then.
    fn keeper(&mut self, index: u64, keeper: &Keeper) {
        if keeper.node == *self.party {
            let earned = u128::from(keeper.paid);
            self.sums.node += earned;
            self.carry(StatementPart {
                node: Some(keeper.node.to_string()),
                prepayment: Some(keeper.prepayment.to_string()),
                bytes: keeper.byte_hours,
                charged: keeper.paid.to_string(),
                earned: text(earned),
                ..StatementPart::new(index, "keeper")
            });
        }
    }

    fn carry(&mut self, part: StatementPart) {
        if self.carried.len() < STATEMENT_LINES_MAX {
            self.carried.push(part);
        } else {
            self.more = true;
        }
    }

    /// What it has of a licence, be it as a party, as the network, or because it has sold it on; or that it has bought it.
    fn sale(&mut self, index: u64, sale: &Sale) {
        let state = self.service.state();
        let earned = state.ledger().sale_division(sale).get(self.party).copied().unwrap_or(Amount::ZERO);
        let before = self.sold.entry(sale.licence).or_default();
        let own = state.ledger().licence_payers(&sale.licence, self.epoch).get(*before) == Some(self.party);
        *before += 1;
        if earned.is_zero() && !own {
            return;
        }
        let is_treasury = self.service.terms().treasury == *self.party;
        let sum = if is_treasury { &mut self.sums.network } else { &mut self.sums.party };
        *sum += u128::from(earned);
        if own {
            self.sums.paid += u128::from(sale.paid);
        }
        if self.sales.len() >= STATEMENT_LINES_MAX {
            self.more = true;
            return;
        }
        self.agreements.extend(state.registered(sale.agreement).map(|registered| registered.index));
        self.sales.push(StatementSale {
            index,
            agreement: sale.agreement.to_string(),
            licence: sale.licence.to_string(),
            resale: sale.resale.is_some(),
            paid: sale.paid.to_string(),
            earned: earned.to_string(),
            own,
        });
    }

    /// Nothing where the key has no part in the epoch.
    fn end(self, settled: &Settled) -> Option<EpochStatement> {
        let Self { sums, lines, sales, carried, agreements, epoch, more, .. } = self;
        let earned = sums.party + sums.gateway + sums.node + sums.network;
        (earned > 0 || !lines.is_empty() || !sales.is_empty() || !carried.is_empty()).then(|| {
            EpochStatement {
                epoch: epoch.get(),
                settled: settled.at.get(),
                roles: Roles {
                    party: text(sums.party),
                    gateway: text(sums.gateway),
                    node: text(sums.node),
                    network: text(sums.network),
                },
                paid: text(sums.paid),
                sales,
                carried,
                agreements,
                lines,
                more,
                summary: settled.first + settled.items,
            }
        })
    }
}

impl StatementPart {
    fn new(index: u64, kind: &'static str) -> Self {
        let (gateway, node, prepayment) = (None, None, None);
        let (charged, paid, earned) = (text(0), text(0), text(0));
        Self { index, kind, gateway, node, prepayment, bytes: 0, charged, paid, earned }
    }
}

fn listed(ledger: &Ledger, index: u64, line: &Line, earned: u128, own: bool) -> Option<StatementLine> {
    let parts = ledger.agreement(line.agreement)?.parts();
    Some(StatementLine {
        index,
        agreement: line.agreement.to_string(),
        content: parts.content.to_string(),
        creator: HEXLOWER.encode(parts.creator.as_bytes()),
        gateway: HEXLOWER.encode(line.gateway.as_bytes()),
        attested: line.attested,
        plays: line.plays,
        bytes: line.usage.bytes,
        ms: line.usage.ms,
        paid: line.paid.to_string(),
        earned: text(earned),
        own,
    })
}

/// Everything that was ever earned in one epoch came out of deposits, so it is an amount.
fn text(micro: u128) -> String {
    Amount::try_from(micro).unwrap_or(Amount::MAX).to_string()
}
