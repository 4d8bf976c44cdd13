//! Who cheats how, and what it costs whom. `docs/royalties.md` has the same list as a table.
//!
//! Everything here is the fold alone: no server is asked to be honest but the ledger. How its own lies are found stands in
//! `lies.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod granted;
mod world;

use granted::{CREATOR, GATEWAY, VIEWER, ask, begin, bytes};
use ledger::{
    Account, Applied, ApplyError, Deposited, GrantError, LaneError, PaymentError, Per, ReceiptError,
    Settlement, StorageError, What,
};
use protocol::{AgreementId, DeliveryReceipt, Signed, Usage};
use world::{
    Ask, ISSUER, NETWORK, TREASURY, Title, World, allocation, amount, budget, deposit, key, prepayment,
    report, secret, voucher, wealth,
};

const RIVAL: u8 = 31;
const NODE: u8 = 40;

/// Refused, and nobody has lost or gained anything.
fn refused(world: &mut World, what: What) -> ApplyError {
    let before = world.ledger.clone();
    let error = world.apply(what).unwrap_err();
    assert_eq!(world.ledger, before, "{error}");
    error
}

fn paid(settlement: &Settlement) -> u64 {
    settlement.summary.totals.charged.get()
}

#[test]
fn a_gateway_that_inflates_receipts_signs_for_nobody() {
    let (mut world, ask) = begin();
    world.new_entry(ask.receipt(0, 1, bytes(100)));
    let What::Receipt(honest) = ask.receipt(0, 2, bytes(400)) else { panic!() };
    for forger in [GATEWAY, VIEWER, ISSUER] {
        let forged = What::Receipt(Signed::sign(&secret(forger), &NETWORK, *honest.body()));
        let error = refused(&mut world, forged);
        assert_eq!(error, ReceiptError::NotTheSession { serial: ask.serial(), by: key(forger) }.into());
    }
    let most = ReceiptError::OverLimit { usage: bytes(501), limit: ask.limit };
    assert_eq!(
        refused(&mut world, ask.receipt(0, 3, bytes(501))),
        most.into(),
        "not even the viewer can be made to"
    );
    assert_eq!(paid(&world.settle()), 100);
}

#[test]
fn a_gateway_that_drops_receipts_loses_its_own_share() {
    let earned = |delivered: &[u64]| {
        let (mut world, ask) = begin();
        for (seq, &delivered) in (1..).zip(delivered) {
            world.new_entry(ask.receipt(0, seq, bytes(delivered)));
        }
        world.settle();
        [GATEWAY, CREATOR].map(|owner| world.ledger.balances().of(Account::Earned(key(owner))))
    };
    assert_eq!(earned(&[100, 200, 300]), earned(&[300]), "the last one says all that the earlier ones said");
    let [dropped, whole] = [earned(&[100]), earned(&[300])];
    assert!(dropped[0] < whole[0] && dropped[1] < whole[1], "and the viewer can post it, too");
}

#[test]
fn replayed_receipts_say_nothing_new() {
    let (mut world, ask) = begin();
    world.new_entry(ask.receipt(0, 1, bytes(100)));
    assert_eq!(world.apply(ask.receipt(0, 1, bytes(100))).unwrap(), Applied::Known);
    assert_eq!(paid(&world.settle()), 100);
    let late = refused(&mut world, ask.receipt(0, 2, bytes(400)));
    assert_eq!(late, ReceiptError::NoGrant { serial: ask.serial() }.into(), "its epoch is settled");
    assert_eq!(paid(&world.settle()), 0);
}

#[test]
fn receipts_cannot_be_given_to_another_gateway_or_title() {
    let (mut world, ask) = begin();
    let other = Ask { gateway: RIVAL, number: 1, charge: 400, limit: bytes(400), ..ask };
    world.new_entry(other.granted());
    let What::Receipt(receipt) = ask.receipt(0, 1, bytes(100)) else { panic!() };
    let moved = DeliveryReceipt { serial: other.serial(), ..*receipt.body() };
    let moved = What::Receipt(Signed::sign(&ask.session(), &NETWORK, moved));
    let error = refused(&mut world, moved);
    assert_eq!(
        error,
        ReceiptError::NotTheSession { serial: other.serial(), by: ask.session().public() }.into()
    );
    world.new_entry(What::Receipt(receipt));
    let settlement = world.settle();
    assert_eq!((settlement.lines.len(), settlement.lines[0].gateway), (1, key(GATEWAY)));
}

/// A creator with a gateway, a node and viewers of their own moves their own money in a circle, and pays the network for it.
#[test]
fn invented_viewers_cost_what_they_gain() {
    let (mut world, honest) = begin();
    let gang = [100, 101, 102, CREATOR, GATEWAY, NODE];
    for viewer in 100..103 {
        world.deposit(viewer, 500);
    }
    let (before, others) = (wealth(&world, &gang), wealth(&world, &[VIEWER]));
    for viewer in 100..103 {
        let ask = ask(honest.agreement, viewer, 0);
        world.new_entry(ask.granted());
        world.new_entry(ask.receipt(0, 1, bytes(500)));
    }
    world.new_entry(allocation(GATEWAY, NODE, 900));
    world.new_entry(voucher(GATEWAY, NODE, 1500, 900));
    assert_eq!(paid(&world.settle()), 1500);
    assert_eq!(wealth(&world, &gang), before - 30, "the network's fiftieth");
    assert_eq!(wealth(&world, &[VIEWER]), others, "and nobody else has lost anything");
    assert_eq!(wealth(&world, &[TREASURY]), 30);
}

/// Where a sponsor pays, a viewer is granted what costs `each` at most, however much they pretend to watch.
#[test]
fn a_pool_is_shared_by_viewers_and_not_by_plays() {
    let (mut world, honest) = begin();
    world.deposit(70, 1000);
    let (pool, what) = budget(70, 1000, 600, &[100, 101], false);
    world.new_entry(what);
    let of = |viewer, number| Ask { budget: Some(pool), ..ask(honest.agreement, viewer, number) };
    world.new_entry(of(100, 1).granted());
    let used_up = |left| GrantError::UsedUp { left: amount(left), most: amount(500) };
    for number in 2..6 {
        assert_eq!(refused(&mut world, of(100, number).granted()), used_up(100).into());
    }
    world.new_entry(of(101, 1).granted());
    world.new_entry(of(100, 1).receipt(0, 1, bytes(500)));
    assert_eq!(paid(&world.settle()), 500, "of the 2500 that were wanted");
    assert_eq!(world.ledger.balances().of(Account::Funds(key(70))), 500);
}

/// A subscription of one micro-unit watches nothing: whoever serves under a budget is paid out of it.
#[test]
fn a_budget_covers_what_its_grants_may_ask() {
    let (mut world, honest) = begin();
    world.deposit(100, 2000);
    let subscribed = |micro, whole| budget(100, micro, 1000, &[100], whole);
    let (subscription, what) = subscribed(1, true);
    world.new_entry(what);
    let of = |number| Ask { budget: Some(subscription), ..ask(honest.agreement, 100, number) };
    let dear = refused(&mut world, of(1).granted());
    assert_eq!(dear, GrantError::UsedUp { left: amount(1), most: amount(500) }.into());
    let free = Ask { charge: 0, ..of(1) };
    let least = GrantError::Charge { charge: amount(0), least: amount(500) };
    assert_eq!(refused(&mut world, free.granted()), least.into(), "nobody asks for nothing");

    let mut world = begin().0;
    world.deposit(100, 2000);
    world.new_entry(subscribed(900, false).1);
    world.new_entry(of(1).granted());
    world.new_entry(of(1).receipt(0, 1, bytes(40)));
    let used_up = GrantError::UsedUp { left: amount(400), most: amount(500) };
    assert_eq!(refused(&mut world, of(2).granted()), used_up.clone().into());
    // When no receipt can come any more, what was not asked for is there for the next one.
    world.at = world.at.plus(3600 + ledger::RECEIPT_GRACE_S - 1);
    assert_eq!(refused(&mut world, of(2).granted()), used_up.into());
    world.at = world.at.plus(1);
    world.new_entry(of(2).granted());
    assert_eq!(paid(&world.settle()), 40);
    assert_eq!(world.ledger.balances().of(Account::Funds(key(100))), 1960);
}

/// However often a film is opened under a budget: its view is held once.
#[test]
fn a_view_is_held_once_of_a_budget() {
    let (mut world, _) = begin();
    let film = film(&mut world);
    world.deposit(100, 2000);
    let (subscription, what) = budget(100, 150, 150, &[100], false);
    world.new_entry(what);
    for number in 0..3 {
        let again = Ask { budget: Some(subscription), charge: 100, ..ask(film, 100, number) };
        world.new_entry(again.granted());
        world.new_entry(again.receipt(0, 1, Usage { bytes: 1, ms: 900 }));
    }
    assert_eq!(paid(&world.settle()), 100);
}

/// Time that nobody has served, at a gateway of the viewer's own, counts for one view and no more.
#[test]
fn a_view_is_not_diluted_by_time_that_nobody_has_served() {
    let (mut world, _) = begin();
    let film = film(&mut world);
    world.deposit(100, 2000);
    let served = Ask { charge: 100, ..ask(film, 100, 0) };
    let limit = Usage { bytes: 0, ms: ledger::GRANT_MS_MAX };
    let invented = Ask { gateway: RIVAL, charge: 100, limit, ..ask(film, 100, 1) };
    let paid = |mut world: World, plays: [(Ask, u64); 2]| {
        for (ask, ms) in plays {
            world.new_entry(ask.granted());
            world.new_entry(ask.receipt(0, 1, Usage { bytes: 0, ms }));
        }
        let lines = world.settle().lines;
        [GATEWAY, RIVAL].map(|at| lines.iter().find(|line| line.gateway == key(at)).unwrap().paid.get())
    };
    assert_eq!(paid(world.clone(), [(served, 2000), (invented, ledger::GRANT_MS_MAX)]), [50, 50]);
    // Nor by a moment that the viewer pays for, where a budget pays for the rest.
    let (subscription, what) = budget(100, 100, 100, &[100], false);
    world.new_entry(what);
    let served = Ask { budget: Some(subscription), ..served };
    assert_eq!(paid(world, [(served, 1999), (invented, 1)]), [100, 0]);
}

/// Keys are free to make: a sponsor pays for those whom the pool names, and for nobody who comes.
#[test]
fn a_pool_pays_for_nobody_whom_it_does_not_name() {
    let (mut world, honest) = begin();
    world.deposit(70, 1000);
    let (pool, what) = budget(70, 1000, 500, &[100, 101], false);
    world.new_entry(what);
    for viewer in 102..110 {
        world.deposit(viewer, 5);
        let invented = Ask { budget: Some(pool), ..ask(honest.agreement, viewer, 1) };
        assert_eq!(refused(&mut world, invented.granted()), GrantError::NoBudget.into(), "funded or not");
    }
    let named = Ask { budget: Some(pool), ..ask(honest.agreement, 101, 1) };
    world.new_entry(named.granted());
    world.new_entry(named.receipt(0, 1, bytes(60)));
    let settlement = world.settle();
    let budget = settlement.lines[0].budget.unwrap();
    assert_eq!((paid(&settlement), budget.pool.unwrap().viewers), (60, 2));
}

/// A film at 100 a view, which begins after two seconds.
fn film(world: &mut World) -> AgreementId {
    world.register(&Title {
        content: 9,
        parties: &[(CREATOR, 1_000_000)],
        micro: 100,
        of: 2,
        per: Per::View,
        ..Title::default()
    })
}

/// However a viewer cuts what they watch into grants: a view is one, and is paid once.
#[test]
fn a_view_costs_the_same_in_one_grant_and_in_many() {
    let charged = |watched: &[(u8, u8, u64)]| {
        let mut world = World::new();
        let film = film(&mut world);
        for viewer in [VIEWER, VIEWER + 1] {
            world.deposit(viewer, 2000);
        }
        for (number, (viewer, gateway, ms)) in (0..).zip(watched) {
            let limit = Usage { bytes: 500, ms: *ms };
            let ask =
                Ask { viewer: *viewer, gateway: *gateway, charge: 100, limit, ..ask(film, *viewer, number) };
            let free = Ask { charge: 99, ..ask };
            let least = GrantError::Charge { charge: amount(99), least: amount(100) };
            assert_eq!(refused(&mut world, free.granted()), least.into(), "short ones, too");
            world.new_entry(ask.granted());
            world.new_entry(ask.receipt(0, 1, Usage { bytes: 10, ms: *ms }));
        }
        let before =
            world.ledger.sessions_of(&key(VIEWER)).iter().map(|(_, _, asks)| asks.get()).sum::<u64>();
        let settlement = world.settle();
        let own = settlement.lines.iter().filter(|line| line.alias == ask(film, VIEWER, 0).grant().alias);
        assert_eq!(own.map(|line| line.paid.get()).sum::<u64>(), before);
        paid(&settlement)
    };
    assert_eq!(charged(&[(VIEWER, GATEWAY, 1999)]), 0);
    assert_eq!(charged(&[(VIEWER, GATEWAY, 7000)]), 100);
    assert_eq!(charged(&[(VIEWER, GATEWAY, 500); 15]), 100, "short ones add up");
    assert_eq!(
        charged(&[(VIEWER, GATEWAY, 7000), (VIEWER, RIVAL, 7000), (VIEWER, RIVAL, 3000)]),
        100,
        "once"
    );
    assert_eq!(charged(&[(VIEWER, GATEWAY, 1500), (VIEWER + 1, GATEWAY, 1500)]), 0, "of two viewers");
    assert_eq!(charged(&[(VIEWER, GATEWAY, 2500), (VIEWER + 1, GATEWAY, 2500)]), 200);
}

#[test]
fn a_node_has_no_more_than_a_gateway_has_signed_and_set_aside() {
    let (mut world, ask) = begin();
    world.new_entry(ask.receipt(0, 1, bytes(500)));
    assert_eq!(refused(&mut world, voucher(GATEWAY, NODE, 500, 100)), no_lane(GATEWAY));
    world.new_entry(allocation(GATEWAY, NODE, 100));
    assert_eq!(
        refused(&mut world, voucher(NODE, NODE, 500, 100)),
        no_lane(NODE),
        "its own signature is worth nothing"
    );
    let over = LaneError::OverAllocation { amount: amount(101), allocated: amount(100) };
    assert_eq!(refused(&mut world, voucher(GATEWAY, NODE, 500, 101)), over.into());
    let before = wealth(&world, &[VIEWER]);
    world.new_entry(voucher(GATEWAY, NODE, 9000, 100));
    let settlement = world.settle();
    assert_eq!((settlement.gateways[0].disputed, settlement.carriers[0].counted), (8500, 500));
    assert_eq!(
        settlement.carriers[0].owed,
        amount(50),
        "what the viewers' share does not cover, the gateway pays"
    );
    assert_eq!(wealth(&world, &[VIEWER]), before - 500, "and no viewer");
}

fn no_lane(payer: u8) -> ApplyError {
    LaneError::NoLane { payer: key(payer), payee: key(NODE) }.into()
}

/// Junk of one's own is stored for one's own money: whoever prepays, audits and keeps it has what they had.
#[test]
fn a_node_earns_nothing_on_its_own_junk() {
    let (mut world, _) = begin();
    let (owner, auditor, hour) = (100, 101, world::THIS_HOUR);
    world.deposit(owner, 1000);
    let (gang, others) = ([owner, auditor, NODE], [VIEWER, GATEWAY, CREATOR, TREASURY]);
    let before = (wealth(&world, &gang), wealth(&world, &others));
    let (prepaid, what) = prepayment(owner, auditor, 1000, 720, 0);
    world.new_entry(what);
    world.new_entry(report(auditor, NODE, prepaid, [hour - 10, hour], 100 << 30, 0));
    let more = refused(&mut world, report(auditor, NODE + 1, prepaid, [hour - 10, hour], 1 << 30, 0));
    assert_eq!(more, StorageError::UsedUp { amount: amount(1000) }.into());
    world.settle();
    assert_eq!(world.ledger.balances().of(Account::Earned(key(NODE))), 1000);
    assert_eq!((wealth(&world, &gang), wealth(&world, &others)), before);
}

#[test]
fn a_node_that_lies_about_storage_needs_the_payers_auditor() {
    let (mut world, _) = begin();
    let (prepaid, what) = prepayment(VIEWER, 60, 400, 720, 500_000);
    world.new_entry(what);
    let hour = world::THIS_HOUR;
    let itself = refused(&mut world, report(NODE, NODE, prepaid, [hour - 2, hour], 1 << 30, 0));
    assert_eq!(itself, StorageError::NotTheAuditor { by: key(NODE) }.into());
    world.new_entry(report(60, NODE, prepaid, [hour - 9, hour - 5], 50 << 30, 0));
    world.settle();
    world.new_entry(report(60, NODE, prepaid, [hour - 5, hour], 0, 7));
    let keeper = world.settle().keepers[0];
    assert_eq!(
        (keeper.paid, keeper.forfeited),
        (amount(0), amount(100)),
        "half of what it had earned is gone"
    );
}

#[test]
fn nobody_spends_what_they_do_not_have() {
    let (mut world, ask) = begin();
    let second = Ask { number: 1, charge: 501, ..ask };
    assert!(matches!(refused(&mut world, second.granted()), ApplyError::Overdrawn(_)), "500 are left");
    let twice = Ask { number: 2, ..ask };
    world.new_entry(twice.granted());
    let third = Ask { number: 3, charge: 1, limit: bytes(1), ..ask };
    assert!(
        matches!(refused(&mut world, third.granted()), ApplyError::Overdrawn(_)),
        "two tabs have set all of it aside"
    );
    let (_, pool) = budget(VIEWER, 1, 1, &[VIEWER], false);
    assert!(matches!(refused(&mut world, pool), ApplyError::Overdrawn(_)));
    assert!(matches!(refused(&mut world, allocation(VIEWER, NODE, 1)), ApplyError::Overdrawn(_)));
}

#[test]
fn deposits_cannot_be_invented_borrowed_or_repeated() {
    let (mut world, _) = begin();
    let What::Deposit(own) = deposit(100, 5000, 1) else { panic!() };
    let invented = refused(&mut world, world::deposited(100, own.deposit.clone()));
    assert_eq!(invented, PaymentError::NotTheLedger { by: key(100) }.into());
    let What::Deposit(of_another) = deposit(VIEWER, 1000, VIEWER) else { panic!() };
    let name = of_another.deposit.name();
    let borrowed = Deposited { acceptance: of_another.acceptance.clone(), deposit: own.deposit };
    let error = refused(&mut world, What::Deposit(Box::new(borrowed)));
    assert_eq!(error, PaymentError::OtherAccepted { name }.into());
    assert_eq!(world.apply(What::Deposit(of_another)).unwrap(), Applied::Known);
    assert_eq!(wealth(&world, &[VIEWER, 100]), 1000);
}

#[test]
fn an_epoch_is_settled_once() {
    let (mut world, ask) = begin();
    world.new_entry(ask.receipt(0, 1, bytes(100)));
    let first = world.settle();
    let after = world.ledger.balances().clone();
    let again = What::Settlement(Box::new(first.summary.clone()));
    assert_eq!(world.apply(again).unwrap(), Applied::Known);
    let mut other = first.summary;
    other.totals.parties = amount(101);
    let error = refused(&mut world, What::Settlement(Box::new(other)));
    assert_eq!(error, ApplyError::Conflict("a settlement"));
    assert_eq!(world.ledger.balances(), &after);
}
