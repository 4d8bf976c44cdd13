//! All that was watched of one title at one gateway in an epoch, against the lines of the log: a line is a sum, and it is compared with
//! one. No clock, no socket.

use ledger::{Acknowledged, Listed, Per, Price, Published, SHORTFALL_GRANTS_MAX, SessionRequest, Shortfall};
use protocol::{AgreementId, Alias, DeliveryReceipt, Epoch, PublicKey, SessionGrant, Signed};

/// What was signed under one grant.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) request: Signed<SessionRequest>,
    pub(super) grant: Signed<SessionGrant>,
    /// The newest, which says all that the ones before have said.
    pub(super) receipt: Signed<DeliveryReceipt>,
}

/// What one line of the log is about, whatever has paid.
pub(super) type Title = (Epoch, AgreementId, Alias, PublicKey, bool);

/// What the lines have of it.
#[derive(Debug, PartialEq)]
pub(super) enum Tally {
    Counted,
    /// Less than the ledger's own list of receipts; shown by this.
    Short(Box<Shortfall>),
    /// All of it, but it has paid less than it costs, in micro-units.
    Underpaid {
        paid: u128,
        costs: u128,
    },
}

impl Watched {
    pub(super) fn title(&self) -> Title {
        let SessionGrant { epoch, agreement, alias, gateway, attested, .. } = *self.grant.body();
        (epoch, agreement, alias, gateway, attested)
    }

    /// Whether the list of receipts of an epoch has it.
    pub(super) fn is_listed(&self, published: &Published) -> bool {
        published.lists(&Acknowledged::newest(self.receipt.body()))
    }
}

impl Tally {
    /// What the lines have of all that was watched of one title; what the list of receipts does not have is no matter of theirs.
    pub(super) fn of(all: &[&Watched], price: &Price, ledger: &PublicKey, published: &Published) -> Self {
        let mut listed: Vec<_> = all.iter().filter(|one| one.is_listed(published)).copied().collect();
        listed.sort_unstable_by_key(|one| one.grant.body().serial);
        let own = |one: &&Watched| one.request.body().budget.is_none();
        let named: Vec<_> = listed.iter().copied().filter(own).collect();
        // The viewer is named only where nothing is shown without.
        let proofs = [shortfall(&listed, false, published), shortfall(&named, true, published)];
        if let Some(short) = proofs.into_iter().find(|proof| proof.verify(ledger, published).is_ok()) {
            return Self::Short(Box::new(short));
        }
        match underpaid(&named, price, published) {
            Some((paid, costs)) => Self::Underpaid { paid, costs },
            None => Self::Counted,
        }
    }
}

fn shortfall(listed: &[&Watched], names_viewer: bool, published: &Published) -> Shortfall {
    let grants = listed.iter().take(SHORTFALL_GRANTS_MAX).map(|one| Listed {
        grant: one.grant.clone(),
        request: names_viewer.then(|| one.request.clone()),
        receipts: vec![Acknowledged::newest(one.receipt.body())],
    });
    Shortfall { grants: grants.collect(), summary: published.summary().clone() }
}

/// What lines of the viewer's own money have paid, where that is less than these grants cost. A view is one for all gateways, and the
/// log alone says whether it was paid.
fn underpaid(own: &[&Watched], price: &Price, published: &Published) -> Option<(u128, u128)> {
    if price.per == Per::View {
        return None;
    }
    let grant = own.first()?.grant.body();
    let cost = |one: &&Watched| {
        let SessionGrant { limit, charge, .. } = *one.grant.body();
        u128::from(price.charge(one.receipt.body().usage.capped(limit), charge))
    };
    let costs = own.iter().map(cost).sum();
    let lines = published.lines_of(grant).filter(|line| line.budget.is_none());
    let paid = lines.map(|line| u128::from(line.paid)).sum();
    (paid < costs).then_some((paid, costs))
}

#[cfg(test)]
mod tests {
    use ledger::tlog::TreeHash;
    use ledger::{
        Head, Line, LineBudget, ListRoot, LogEntry, PayoutRoot, PayoutTree, Quantity, Rule, Summary, Totals,
    };
    use protocol::{
        Amount, Delivered, Digest, NetworkId, SecretKey, Sequence, StreamNumber, UnixSeconds, Usage,
    };

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([4; 32]);
    const LEDGER: u8 = 1;

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn amount(micro: u64) -> Amount {
        Amount::new(micro).unwrap()
    }

    /// So many bytes, at a micro-unit for ten, under a grant of their own.
    fn watched(number: u8, bytes: u64) -> Watched {
        let [viewer, session, gateway] = [2, 10 + number, 3].map(secret);
        let usage = Usage { bytes, ms: 0 };
        let (agreement, limit) = (AgreementId::from_bytes([5; 32]), Usage { bytes: 1000, ms: 1000 });
        let request = SessionRequest {
            agreement,
            attested: false,
            budget: None,
            charge: amount(100),
            epoch: Epoch::new(1),
            gateway: gateway.public(),
            issued: UnixSeconds::new(1_800_000_000),
            limit,
            session: session.public(),
        };
        let grant = SessionGrant {
            agreement,
            alias: Alias::from_bytes([6; 32]),
            attested: false,
            charge: request.charge,
            epoch: request.epoch,
            expires: request.issued.plus(3600),
            gateway: request.gateway,
            limit,
            serial: request.serial(&viewer.public()),
            session: request.session,
            starts: request.issued,
        };
        let receipt = DeliveryReceipt {
            delivered: Delivered::NOTHING,
            seq: Sequence::new(1),
            serial: grant.serial,
            stream: StreamNumber::try_from(0).unwrap(),
            usage,
        };
        Watched {
            request: Signed::sign(&viewer, &NETWORK, request),
            grant: Signed::sign(&secret(LEDGER), &NETWORK, grant),
            receipt: Signed::sign(&session, &NETWORK, receipt),
        }
    }

    /// An epoch that lists all of these, and has these lines.
    fn published(listed: &[Watched], lines: Vec<Line>) -> Published {
        let leaves: Vec<TreeHash> =
            listed.iter().map(|one| Acknowledged::newest(one.receipt.body()).leaf()).collect();
        let nothing = ListRoot::of::<u8>(&[]);
        let payouts = PayoutRoot { count: 0, root: PayoutTree::new(Vec::new()).root() };
        let summary = Summary {
            carriers: nothing,
            disputes: nothing,
            epoch: Epoch::new(1),
            gateways: nothing,
            journal: Head { count: 0, hash: Digest::from_bytes([0; 32]) },
            keepers: nothing,
            lines: ListRoot::of(&lines),
            payouts,
            posted: None,
            previous: None,
            receipts: ListRoot::of_leaves(&leaves),
            rule: Rule::LargestRemainder1,
            sales: nothing,
            subscriptions: nothing,
            totals: Totals::default(),
        };
        let lines = lines.into_iter().map(LogEntry::Line);
        let behind = [LogEntry::Receipts(leaves), LogEntry::Settlement(Box::new(summary))];
        Published::of(lines.chain(behind)).unwrap()
    }

    fn line(bytes: u64, plays: u64, paid: u64) -> Line {
        let grant = *watched(0, 0).grant.body();
        Line {
            agreement: grant.agreement,
            alias: grant.alias,
            attested: false,
            budget: None,
            gateway: grant.gateway,
            paid: amount(paid),
            plays,
            usage: Usage { bytes, ms: 0 },
        }
    }

    #[test]
    fn grants_of_one_title_are_compared_with_their_line_together() {
        let price = Price { micro: amount(1), of: Quantity::new(10).unwrap(), per: Per::Byte };
        let all = [watched(0, 300), watched(1, 205)];
        let tally = |listed: &[Watched], lines: Vec<Line>| {
            let watched: Vec<&Watched> = all.iter().collect();
            Tally::of(&watched, &price, &secret(LEDGER).public(), &published(listed, lines))
        };
        let is_short = |lines, names_viewer: bool| match tally(&all, lines) {
            Tally::Short(shortfall) => {
                shortfall.grants.iter().all(|listed| listed.request.is_some() == names_viewer)
            }
            _ => false,
        };
        assert_eq!(tally(&all, vec![line(505, 2, 50)]), Tally::Counted);
        assert_eq!(tally(&all, vec![line(9999, 9, 999)]), Tally::Counted, "with what else was watched");
        assert!(is_short(vec![line(504, 2, 50)], false), "as much as each of them has, and not as both");
        assert!(is_short(vec![line(505, 1, 50)], false) && is_short(Vec::new(), false));
        assert_eq!(
            tally(&all[..1], vec![line(300, 1, 30)]),
            Tally::Counted,
            "what is not listed has no line"
        );
        assert_eq!(tally(&all, vec![line(505, 2, 49)]), Tally::Underpaid { paid: 49, costs: 50 });
        let of_budget = Line { budget: Some(LineBudget { pool: None, whole: false }), ..line(505, 2, 0) };
        assert!(is_short(vec![of_budget], true), "nobody has asked a budget to pay for it");
        let ledger = secret(LEDGER + 1).public();
        let (epoch, watched) = (published(&all, Vec::new()), all.iter().collect::<Vec<_>>());
        assert!(
            !matches!(Tally::of(&watched, &price, &ledger, &epoch), Tally::Short(_)),
            "of another ledger"
        );
    }
}
