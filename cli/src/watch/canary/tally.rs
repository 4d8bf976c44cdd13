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
