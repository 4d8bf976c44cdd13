//! Paying nodes that sell what is read from them. What is owed, and with whose money, the [`Payer`] decides that a
//! program hands in: here it is counted what was read, and nodes are shown what the payer gives.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use protocol::{Amount, Code, Counted, Payment, PricedBytes, PublicKey, ReadPrice, Signed};
use tokio::sync::{mpsc, oneshot};

use crate::wire::Wire;
use crate::wire::WireError;

/// Payments to a node in a row: one for what is known to be owed, the others for what it says besides.
const PAYMENTS_IN_A_ROW_MAX: usize = 3;
/// Bytes that are read from a node before it is paid unasked: far below the usual credit, so that no read has to wait.
const PAY_AHEAD_LEN: u64 = 4 << 20;

/// Who pays, and up to which price.
#[derive(Debug)]
pub struct Payer {
    /// By whose vouchers.
    pub ledger: PublicKey,
    /// Nodes that ask more for a GiB are not paid, and asked only when no others can serve.
    pub price_max: Amount,
    /// Where bills go. A bill that is not answered is not paid.
    pub bills: mpsc::Sender<Bill>,
}

/// What a node is owed, to be answered with a payment; or with nothing, when there is none to be made.
#[derive(Debug)]
pub struct Bill {
    /// Whom.
    pub node: PublicKey,
    /// What it asks for what is read from now on.
    pub price: ReadPrice,
    /// The endpoint that reads.
    pub endpoint: PublicKey,
    /// Bytes that this client has read from it since it began, each at the price that it was told before.
    pub read: PricedBytes,
    /// What the node has said to the last payment of this row, if there was one.
    pub counted: Option<Counted>,
    /// The payment.
    pub answer: oneshot::Sender<Option<Payment>>,
}

/// The payer of a client, and what was read from whom.
#[derive(Debug)]
pub(crate) struct Purse {
    payer: Payer,
    tabs: Mutex<HashMap<PublicKey, Tab>>,
}

/// What was read from one node that sells.
#[derive(Debug, Default)]
struct Tab {
    read: PricedBytes,
    /// What it asked for what was read last.
    price: Option<ReadPrice>,
    /// How much of it was known when the node was paid last.
    paid: u64,
    /// How often it was paid.
    payments: u64,
    is_paid_ahead: bool,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Purse {
    pub(crate) fn new(payer: Payer) -> Self {
        Self { payer, tabs: Mutex::default() }
    }

    /// Whether this node can be paid at its price.
    fn is_affordable(&self, price: &ReadPrice) -> bool {
        price.ledger == self.payer.ledger && price.micro <= self.payer.price_max
    }

    fn add(&self, node: PublicKey, price: ReadPrice, bytes: u64) {
        let mut tabs = self.tabs();
        let tab = tabs.entry(node).or_default();
        tab.read.add(price.micro, bytes);
        tab.price = Some(price);
    }

    /// Whether so much is open that the node should be paid without being asked; true once until that is done.
    fn begin_ahead(&self, node: PublicKey) -> bool {
        let mut tabs = self.tabs();
        let tab = tabs.entry(node).or_default();
        let is_due = !tab.is_paid_ahead && tab.owed() >= PAY_AHEAD_LEN;
        tab.is_paid_ahead |= is_due;
        is_due
    }

    fn end_ahead(&self, node: PublicKey) {
        self.tabs().entry(node).or_default().is_paid_ahead = false;
    }

    /// Nodes from which something was read since they were paid last.
    fn owed(&self) -> Vec<PublicKey> {
        self.tabs().iter().filter(|(_, tab)| tab.owed() > 0).map(|(node, _)| *node).collect()
    }

    /// At which price a node is paid what it says besides: what it asks now, or where that is too much, and something is
    /// owed still, what it asked for that.
    fn payable(&self, node: PublicKey, now: Option<ReadPrice>) -> Option<ReadPrice> {
        let before = || self.tabs().get(&node).filter(|tab| tab.owed() > 0).and_then(|tab| tab.price);
        now.filter(|price| self.is_affordable(price)).or_else(before)
    }

    fn tabs(&self) -> MutexGuard<'_, HashMap<PublicKey, Tab>> {
        // Every change is made in one go.
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    /// Counts what was read from a node, when it sells it at a price that is paid.
    pub(crate) fn has_read(&self, node: PublicKey, price: Option<ReadPrice>, bytes: u64) {
        let (Some(purse), Some(price)) = (self.purse(), price) else { return };
        if !purse.is_affordable(&price) {
            return;
        }
        purse.add(node, price, bytes);
        if purse.begin_ahead(node) {
            let wire = self.clone();
            tokio::spawn(async move {
                wire.pay(node).await;
                if let Some(purse) = wire.purse() {
                    purse.end_ahead(node);
                }
            });
        }
    }

    /// Pays a node that has refused until it is paid. True when it has taken a payment, so that it may serve now.
    pub(crate) async fn paid_after(&self, node: PublicKey, error: &WireError) -> bool {
        error.code() == Some(Code::PaymentWanted) && self.pay(node).await
    }

    /// Pays all nodes from which something was read since they were paid last; how many have taken a payment.
    pub(crate) async fn pay_all(&self) -> usize {
        let owed = self.purse().map(Purse::owed).unwrap_or_default();
        join_all(owed.into_iter().map(|node| self.pay(node))).await.into_iter().filter(|paid| *paid).count()
    }

    /// Which of the nodes are to be read from last, since they cannot be paid.
    pub(crate) fn avoid_dear_nodes(&self) {
        let Some(purse) = self.purse() else { return };
        let members = self.roster().view().members;
        let is_dear = |price: &ReadPrice| !purse.is_affordable(price);
        let dear = members.iter().filter(|record| record.body().reading.as_ref().is_some_and(is_dear));
        let dear: HashSet<_> = dear.map(Signed::by).collect();
        self.health().avoid(dear);
    }

    /// One payment at a time to a node; whoever waited meanwhile needs no other one.
    async fn pay(&self, node: PublicKey) -> bool {
        let Some(purse) = self.purse() else { return false };
        let asked = self.roster().view().members.get(&node).and_then(|record| record.body().reading);
        let Some(price) = purse.payable(node, asked) else { return false };
        let (turn, payments) = {
            let mut tabs = purse.tabs();
            let tab = tabs.entry(node).or_default();
            (tab.turn.clone(), tab.payments)
        };
        let _turn = turn.lock().await;
        if purse.tabs().get(&node).is_some_and(|tab| tab.payments != payments) {
            return true;
        }
        let mut counted = None;
        for _ in 0..PAYMENTS_IN_A_ROW_MAX {
            let read = purse.tabs().get(&node).map(|tab| tab.read.clone()).unwrap_or_default();
            let known = read.bytes();
            let Some(payment) = self.bill(purse, node, price, read, counted).await else { break };
            match self.send_payment(node, payment).await {
                Ok(said) => counted = Some(said),
                Err(error) => {
                    tracing::warn!(node = %node.fmt_short(), %error, "a payment is not taken");
                    break;
                }
            }
            let mut tabs = purse.tabs();
            let tab = tabs.entry(node).or_default();
            (tab.paid, tab.payments) = (known, tab.payments + 1);
            if asked != Some(price) {
                // What it says besides was read at a price that nobody pays.
                break;
            }
        }
        counted.is_some()
    }

    async fn bill(
        &self,
        purse: &Purse,
        node: PublicKey,
        price: ReadPrice,
        read: PricedBytes,
        counted: Option<Counted>,
    ) -> Option<Payment> {
        let (answer, payment) = oneshot::channel();
        let bill = Bill { node, price, endpoint: self.pool().endpoint(), read, counted, answer };
        purse.payer.bills.send(bill).await.ok()?;
        payment.await.ok()?
    }
}

impl Tab {
    /// Bytes that were read and not known when the node was paid last.
    fn owed(&self) -> u64 {
        self.read.bytes().saturating_sub(self.paid)
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    fn node(seed: u8) -> PublicKey {
        SecretKey::from_bytes(&[seed; 32]).public()
    }

    fn price(ledger: u8, micro: u64) -> ReadPrice {
        ReadPrice { ledger: node(ledger), micro: Amount::new(micro).unwrap() }
    }

    fn purse() -> Purse {
        let (bills, _) = mpsc::channel(1);
        Purse::new(Payer { ledger: node(9), price_max: Amount::new(100).unwrap(), bills })
    }

    #[test]
    fn only_the_ledgers_nodes_that_are_not_too_dear_are_paid() {
        let purse = purse();
        assert!(purse.is_affordable(&price(9, 100)));
        assert!(!purse.is_affordable(&price(9, 101)));
        assert!(!purse.is_affordable(&price(8, 0)));
    }

    #[test]
    fn a_node_is_paid_ahead_once_at_a_time_when_much_is_open() {
        let purse = purse();
        purse.add(node(1), price(9, 1), PAY_AHEAD_LEN - 1);
        assert!(!purse.begin_ahead(node(1)));
        purse.add(node(1), price(9, 1), 1);
        assert!(purse.begin_ahead(node(1)));
        assert!(!purse.begin_ahead(node(1)), "that is being done");
        purse.end_ahead(node(1));
        assert!(purse.begin_ahead(node(1)), "it has failed");
        purse.end_ahead(node(1));
        purse.tabs().get_mut(&node(1)).unwrap().paid = PAY_AHEAD_LEN;
        assert!(!purse.begin_ahead(node(1)));
        assert!(purse.owed().is_empty());
        purse.add(node(2), price(9, 1), 1);
        assert_eq!(purse.owed(), [node(2)]);
    }

    #[test]
    fn what_was_read_before_a_node_became_dear_is_paid_at_the_price_before() {
        let purse = purse();
        let (fair, dear) = (Some(price(9, 50)), Some(price(9, 101)));
        assert_eq!(purse.payable(node(1), dear), None);
        assert_eq!(purse.payable(node(1), fair), fair, "it wants to be paid before it gives anything");
        purse.add(node(1), price(9, 50), 7);
        assert_eq!(purse.payable(node(1), dear), fair);
        purse.tabs().get_mut(&node(1)).unwrap().paid = 7;
        assert_eq!(purse.payable(node(1), dear), None);
        purse.add(node(1), price(9, 60), 3);
        let read = purse.tabs()[&node(1)].read.clone();
        assert_eq!(
            (read.first(7), read.after(7)),
            (PricedBytes::at(price(9, 50).micro, 7), PricedBytes::at(price(9, 60).micro, 3))
        );
    }
}
