//! A log read by somebody who has nothing else: it is accepted as it was written, and in no other way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reference;
mod world;

use ledger::tlog::LogBytes;
use ledger::{
    Account, Disputed, Hold, Line, LineBudget, LogAudit, LogAuditError, LogEntry, Payee, PayoutAddress,
    Resolution, What,
};
use protocol::{Digest, Sequence, Signed};
use reference::{Facts, GATEWAYS, NODES, Play, VIEWERS};
use world::{ISSUER, NETWORK, NOW, World, amount, key, secret, terms};

fn facts() -> Facts {
    let play = |viewer, title, payer, bytes| Play {
        viewer: VIEWERS + viewer,
        title,
        gateway: GATEWAYS + viewer % 2,
        payer,
        charge: 1000,
        receipts: vec![(0, 0, bytes, 900), (1, 4, 50, 0)],
    };
    Facts {
        plays: vec![
            play(0, 0, 1, 800),
            play(1, 0, 0, 640),
            play(1, 1, 2, 100),
            play(2, 1, 0, 333),
            play(3, 2, 0, 99),
            // The same film once more: together they are a view.
            play(3, 2, 0, 98),
        ],
        lanes: vec![
            (GATEWAYS, NODES, 700, 30),
            (GATEWAYS, NODES + 1, 900, 0),
            (GATEWAYS + 1, NODES, 10, 400),
        ],
        pool: (5000, 1000, false),
        subscription: 900,
    }
}

/// Two epochs, one of them empty, as they are logged.
fn log() -> (World, Vec<LogEntry>) {
    let (mut world, mut log) = (World::new(), Vec::new());
    for what in facts().beginning().into_iter().chain(facts().events()) {
        if let What::Agreement(agreed) = &what {
            log.push(LogEntry::Agreement(agreed.clone()));
        }
        world.new_entry(what);
    }
    beside(&mut world, &log);
    let payee = Payee { address: PayoutAddress::from_bytes([1; 20]), issued: NOW, seq: Sequence::FIRST };
    world.new_entry(What::Payee(Signed::sign(&secret(1), &NETWORK, payee)));
    for _ in 0..2 {
        log.extend(world.settle().log_entries());
    }
    (world, log)
}

/// Storage and a licence, paid in the first epoch.
fn beside(world: &mut World, log: &[LogEntry]) {
    let Some(LogEntry::Agreement(first)) = log.first() else { panic!() };
    let (payer, auditor, hour) = (50, 60, world::THIS_HOUR);
    world.deposit(payer, 5000);
    let (prepaid, what) = world::prepayment(payer, auditor, 2000, 720, 100_000);
    world.new_entry(what);
    for node in [NODES, NODES + 1] {
        world.new_entry(world::report(auditor, node, prepaid, [hour - 9, hour], 50 << 30, 0));
    }
    let (offer, what) = world::offer(1, first.agreement.id(), 1000, Some(200_000));
    world.new_entry(what);
    let (licence, what) = world::purchase(payer, offer, 1);
    world.new_entry(what);
    world.new_entry(world::delivery(1, licence, b"key"));
    world.deposit(51, 500);
    world.new_entry(world::transfer(payer, 51, licence, 0, 500));
}

fn audit(log: &[LogEntry]) -> Result<LogAudit, LogAuditError> {
    let mut audit = LogAudit::new(terms());
    log.iter().try_for_each(|entry| audit.take(entry))?;
    Ok(audit)
}

#[test]
fn the_log_shows_what_everybody_has_earned() {
    let (world, log) = log();
    let bytes: Vec<LogBytes> = log.iter().map(LogEntry::encode).collect();
    let read: Vec<LogEntry> =
        bytes.iter().map(|entry| LogEntry::decode(entry.as_bytes(), &NETWORK).unwrap()).collect();
    assert_eq!(read, log);
    let audit = audit(&log).unwrap();
    assert_eq!(audit.settled().map(|(epoch, _)| epoch.get()), Some(2));
    let mut owners = 0;
    for (account, balance) in world.ledger.balances().iter() {
        if let Account::Earned(owner) = account {
            assert_eq!(audit.earned(&owner), balance.unsigned_abs(), "{account}");
            owners += 1;
        }
    }
    assert!(owners > 8, "parties, gateways, nodes and the network");
}

/// Whichever entry is left out or said twice, and whatever in it is changed.
#[test]
fn any_other_log_is_refused() {
    let (_, log) = log();
    let last = log.len() - 1;
    for at in 0..last {
        let mut without = log.clone();
        without.remove(at);
        assert!(audit(&without).is_err(), "without entry {at}");
        let mut twice = log.clone();
        twice.insert(at, log[at].clone());
        assert!(audit(&twice).is_err(), "entry {at} twice");
    }
    for at in 0..=last {
        for altered in altered(&log[at]) {
            let mut other = log.clone();
            other[at] = altered;
            assert!(audit(&other).is_err(), "{:?}", other[at]);
        }
    }
}

fn altered(entry: &LogEntry) -> Vec<LogEntry> {
    match entry.clone() {
        LogEntry::Agreement(mut agreed) => {
            agreed.consents.clear();
            vec![LogEntry::Agreement(agreed)]
        }
        LogEntry::Keeper(mut keeper) => {
            keeper.paid = keeper.paid.plus(amount(1)).unwrap();
            let paid = LogEntry::Keeper(keeper);
            keeper.byte_hours += 1 << 50;
            vec![paid, LogEntry::Keeper(keeper)]
        }
        LogEntry::Sale(mut sale) => {
            sale.paid = sale.paid.plus(amount(1)).unwrap();
            vec![LogEntry::Sale(sale)]
        }
        LogEntry::Line(mut line) => {
            line.paid = line.paid.plus(amount(1)).unwrap();
            let paid = LogEntry::Line(line);
            line.paid = protocol::Amount::MAX;
            vec![paid, LogEntry::Line(line)]
        }
        LogEntry::Gateway(mut gateway) => {
            gateway.disputed += 1;
            vec![LogEntry::Gateway(gateway)]
        }
        LogEntry::Carrier(mut carrier) => {
            carrier.shared = carrier.shared.plus(amount(1)).unwrap();
            let shared = LogEntry::Carrier(carrier);
            carrier.promised = protocol::Amount::MAX;
            vec![shared, LogEntry::Carrier(carrier)]
        }
        // What is attested to and which page is served follow from nothing: the root of the checkpoint alone holds them.
        // Disputes and what is held for them are altered below.
        LogEntry::Attestation(_)
        | LogEntry::Page(_)
        | LogEntry::Dispute(_)
        | LogEntry::Hold(_)
        | LogEntry::Resolution(_) => Vec::new(),
        LogEntry::Payout(mut payout) => {
            payout.cumulative += 1;
            vec![LogEntry::Payout(payout)]
        }
        LogEntry::Subscription(mut subscription) => {
            subscription.amount = subscription.amount.plus(amount(1)).unwrap();
            let amount_ = LogEntry::Subscription(subscription);
            subscription.paid = subscription.amount;
            vec![amount_, LogEntry::Subscription(subscription)]
        }
        LogEntry::Settlement(mut summary) => {
            summary.totals.network = summary.totals.network.plus(amount(1)).unwrap();
            let totals = LogEntry::Settlement(summary.clone());
            summary.epoch = protocol::Epoch::new(7);
            vec![totals, LogEntry::Settlement(summary)]
        }
    }
}

/// An operator who charges a viewer, a subscription or a pool otherwise than price, usage and budget allow is found out, with
/// whatever totals: what is too much is the payer's loss, what is too little the creator's.
#[test]
fn lines_that_cost_something_else_are_found() {
    let (_, log) = log();
    let find = |is_this: &dyn Fn(Option<LineBudget>) -> bool| {
        let is_it = |entry: &LogEntry| matches!(entry, LogEntry::Line(line) if line.paid.get() > 0 && is_this(line.budget));
        log.iter().position(is_it).unwrap()
    };
    let own = find(&|budget| budget.is_none());
    let pooled = find(&|budget| budget.is_some_and(|budget| budget.pool.is_some()));
    let subscribed = find(&|budget| budget.is_some_and(|budget| budget.pool.is_none()));
    let found = |at: usize, change: &dyn Fn(&mut Line)| {
        let mut other = log.clone();
        let LogEntry::Line(line) = &mut other[at] else { panic!() };
        change(line);
        matches!(audit(&other), Err(LogAuditError::Cost { .. }))
    };
    let more = |line: &mut Line| line.paid = line.paid.plus(amount(1)).unwrap();
    let less = |line: &mut Line| line.paid = line.paid.minus(amount(1)).unwrap();
    assert!(found(own, &more) && found(own, &less));
    assert!(found(pooled, &more) && found(pooled, &less), "a pool pays what was asked");
    let nothing = |line: &mut Line| line.paid = amount(0);
    assert!(found(subscribed, &nothing), "and a subscription no less");
    // As many grants as it takes to round everything down: there are not so many bytes, and not so many receipts.
    let rounded = |plays: u64| move |line: &mut Line| (line.plays, line.paid) = (plays, amount(0));
    assert!(found(own, &rounded(1 << 62)));
    let mut other = log.clone();
    let LogEntry::Line(line) = &mut other[own] else { panic!() };
    rounded(700)(line);
    let settled = other.iter().position(|entry| matches!(entry, LogEntry::Settlement(_))).unwrap();
    let lines: Vec<Line> = other[..settled].iter().filter_map(line_of).collect();
    let LogEntry::Settlement(summary) = &mut other[settled] else { panic!() };
    summary.lines = ledger::ListRoot::of(&lines);
    let error = audit(&other).unwrap_err();
    assert!(matches!(error, LogAuditError::Differs { what: "the plays", .. }), "{error}");
    assert!(!found(subscribed, &more), "all of a subscription is shared: its sum is what differs");
    let smaller = |line: &mut Line| {
        let pool = line.budget.as_mut().and_then(|budget| budget.pool.as_mut()).unwrap();
        pool.amount = line.paid.minus(amount(1)).unwrap();
    };
    assert!(found(pooled, &smaller), "a pool that has less");
}

/// What subscriptions pay together is what they have, with whatever root: an operator who takes more for a line, or gives another
/// line less, is found out.
#[test]
fn lines_of_subscriptions_have_what_these_have() {
    let (_, log) = log();
    let at = |is_it: &dyn Fn(&LogEntry) -> bool| log.iter().position(is_it).unwrap();
    let item = at(&|entry| matches!(entry, LogEntry::Subscription(_)));
    let LogEntry::Subscription(subscription) = &log[item] else { panic!() };
    assert_eq!((subscription.paid, subscription.amount), (amount(900), amount(900)));
    let line =
        at(&|entry| matches!(entry, LogEntry::Line(line) if line.budget.is_some_and(|it| it.pool.is_none())));
    let settled = at(&|entry| matches!(entry, LogEntry::Settlement(_)));
    for micro in [899, 901] {
        let mut other = log.clone();
        let LogEntry::Line(line) = &mut other[line] else { panic!() };
        line.paid = amount(micro);
        let lines: Vec<Line> = other[..settled].iter().filter_map(line_of).collect();
        let LogEntry::Settlement(summary) = &mut other[settled] else { panic!() };
        summary.lines = ledger::ListRoot::of(&lines);
        let error = audit(&other).unwrap_err();
        assert!(matches!(error, LogAuditError::Differs { what: "the subscriptions", .. }), "{error}");
    }
    let mut other = log.clone();
    let LogEntry::Subscription(subscription) = &mut other[item] else { panic!() };
    subscription.paid = amount(901);
    let error = audit(&other).unwrap_err();
    assert!(matches!(error, LogAuditError::Subscription { .. }), "{error}");
}

fn line_of(entry: &LogEntry) -> Option<Line> {
    if let LogEntry::Line(line) = entry { Some(*line) } else { None }
}

/// An operator who signs a payout that nobody has earned, with a root to match, is found out.
#[test]
fn unearned_payouts_are_found() {
    let (_, mut log) = log();
    let payouts = log.iter_mut().filter_map(|entry| match entry {
        LogEntry::Payout(payout) => Some(payout),
        _ => None,
    });
    let mut inflated = payouts.last().copied().unwrap();
    inflated.cumulative += 1;
    let root = ledger::PayoutTree::new(vec![inflated]).root();
    let at = log.len() - 2;
    log[at] = LogEntry::Payout(inflated);
    let Some(LogEntry::Settlement(summary)) = log.last_mut() else { panic!() };
    summary.payouts.root = root;
    let error = audit(&log).unwrap_err();
    assert_eq!(error, LogAuditError::Unearned { epoch: summary_epoch(&log), party: key(1) });
}

fn summary_epoch(log: &[LogEntry]) -> protocol::Epoch {
    let Some(LogEntry::Settlement(summary)) = log.last() else { panic!() };
    summary.epoch
}

/// A log of an epoch, and of the next one, in which something of what party 1 has earned in the first is disputed.
fn disputed(said: &[LogEntry]) -> Vec<LogEntry> {
    let (_, log) = log();
    let first = log.iter().position(|entry| matches!(entry, LogEntry::Settlement(_))).unwrap();
    let mut with = log.clone();
    with.splice(first + 1..=first, said.iter().cloned());
    let names: Vec<Digest> = said.iter().map(name_of).collect();
    let Some(LogEntry::Settlement(summary)) = with.last_mut() else { panic!() };
    summary.disputes = ledger::ListRoot::of(&names);
    with
}

fn name_of(entry: &LogEntry) -> Digest {
    match entry {
        LogEntry::Dispute(disputed) => disputed.name,
        LogEntry::Hold(record) => record.name(),
        LogEntry::Resolution(record) => record.name(),
        other => panic!("{other:?}"),
    }
}

/// What was held is what was disputed, and goes to whoever has disputed it, or back: nothing else is taken from anybody.
#[test]
fn what_is_held_is_what_was_disputed() {
    let dispute = |by, micro| {
        let (name, party) = (Digest::of(b"dispute"), key(2));
        LogEntry::Dispute(Disputed { amount: amount(micro), by: key(by), name, party })
    };
    let hold_of = |by, micro, number| {
        let (dispute, issued) = (Digest::of(b"dispute"), NOW.plus(number));
        LogEntry::Hold(Signed::sign(&secret(by), &NETWORK, Hold { amount: amount(micro), dispute, issued }))
    };
    let hold = |micro| hold_of(ISSUER, micro, 0);
    let resolution = |by, given, hold: &LogEntry| {
        let body = Resolution { given: amount(given), hold: name_of(hold), issued: NOW };
        LogEntry::Resolution(Signed::sign(&secret(by), &NETWORK, body))
    };
    let read = |entry: &LogEntry| LogEntry::decode(entry.encode().as_bytes(), &NETWORK).unwrap();
    let right = [dispute(9, 50), hold(30), hold_of(ISSUER, 20, 1), resolution(ISSUER, 30, &hold(30))];
    assert_eq!(right.iter().map(read).collect::<Vec<_>>(), right);
    let before = audit(&disputed(&[])).unwrap().earned(&key(2));
    assert_eq!(audit(&disputed(&right)).unwrap().earned(&key(2)), before - 50);
    for wrong in [
        vec![hold(30)],
        vec![dispute(9, 50), hold(51)],
        vec![dispute(9, 50), hold(30), hold_of(ISSUER, 21, 1)],
        vec![dispute(9, 50), hold(30), hold(30)],
        vec![dispute(9, 50), hold_of(9, 30, 0)],
        vec![dispute(2, 50), hold(30)],
        vec![dispute(ISSUER, 50), hold(30)],
        vec![dispute(9, 1 << 40), hold(1 << 40)],
        vec![dispute(9, 50), hold(30), resolution(ISSUER, 31, &hold(30))],
        vec![dispute(9, 50), hold(30), resolution(9, 30, &hold(30))],
        vec![dispute(9, 50), resolution(ISSUER, 30, &hold(30))],
        vec![dispute(9, 50), hold(30), resolution(ISSUER, 30, &hold(30)), resolution(ISSUER, 0, &hold(30))],
    ] {
        let error = audit(&disputed(&wrong)).unwrap_err();
        assert!(matches!(error, LogAuditError::Dispute { .. } | LogAuditError::Held { .. }), "{error}");
    }
    let mut hidden = disputed(&right);
    hidden.retain(|entry| !matches!(entry, LogEntry::Hold(_) | LogEntry::Resolution(_)));
    let error = audit(&hidden).unwrap_err();
    assert!(matches!(error, LogAuditError::Differs { what: "the disputes", .. }), "{error}");
}
