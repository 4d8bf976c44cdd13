//! Storage that is paid in advance: by the hour that was proved, once, and with a part that comes later or never.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ledger::{
    Account, Applied, ApplyError, LogAudit, LogEntry, STORAGE_GRACE_S, Settlement, StorageError, What,
};
use proptest::prelude::*;
use world::{ISSUER, NOW, THIS_HOUR, World, amount, key, prepayment, report, terms, wealth};

const PAYER: u8 = 10;
const AUDITOR: u8 = 60;
const NODE: u8 = 40;
/// One micro-unit for a GiB over an hour.
const PRICE: u64 = 720;
const GIB: u64 = 1 << 30;

fn prepaid(micro: u64, withheld: u32) -> (World, ledger::BudgetRef) {
    let mut world = World::new();
    world.deposit(PAYER, 100_000);
    let (name, what) = prepayment(PAYER, AUDITOR, micro, PRICE, withheld);
    world.new_entry(what.clone());
    assert_eq!(world.apply(what).unwrap(), Applied::Known);
    (world, name)
}

fn earned(world: &World, node: u8) -> i128 {
    world.ledger.balances().of(Account::Earned(key(node)))
}

#[test]
fn a_part_is_held_back_until_more_is_proved_and_lost_with_a_shard() {
    let (mut world, name) = prepaid(50_000, 100_000);
    let start = THIS_HOUR - 100;
    world.new_entry(report(AUDITOR, NODE, name, [start, start + 10], 100 * GIB, 0));
    world.settle();
    assert_eq!(earned(&world, NODE), 900, "a tenth is held back");
    world.settle();
    assert_eq!(earned(&world, NODE), 900, "nothing more was proved");
    world.new_entry(report(AUDITOR, NODE, name, [start + 10, start + 20], 100 * GIB, 0));
    world.settle();
    assert_eq!(earned(&world, NODE), 1900);
    world.new_entry(report(AUDITOR, NODE, name, [start + 20, start + 30], 90 * GIB, 1));
    let keeper = world.settle().keepers[0];
    assert_eq!((keeper.paid, keeper.forfeited, keeper.held), (amount(810), amount(190), amount(0)));
    assert_eq!(earned(&world, NODE), 2710);

    world.new_entry(report(AUDITOR, NODE, name, [start + 30, start + 40], 90 * GIB, 0));
    world.at = NOW.plus(86_400 + STORAGE_GRACE_S + 1);
    world.deposit(99, 1);
    let keeper = world.settle().keepers[0];
    assert!(keeper.ended && keeper.held.is_zero(), "what is held back at the end is paid");
    assert_eq!(earned(&world, NODE), 3610);
    let balances = world.ledger.balances();
    assert_eq!(balances.of(Account::Reserved(key(PAYER))), 0);
    assert_eq!(balances.of(Account::Funds(key(PAYER))), 100_000 - 3610);
    let (_, again) = prepayment(PAYER, AUDITOR, 50_000, PRICE, 100_000);
    assert!(
        matches!(world.apply(again), Err(ApplyError::Storage(StorageError::Ended { .. }))),
        "it is not taken twice"
    );
}

#[test]
fn no_hour_is_paid_twice_or_before_it_has_passed() {
    let (mut world, name) = prepaid(1000, 0);
    let hour = THIS_HOUR;
    let refused = |world: &mut World, what: What| {
        let before = world.ledger.clone();
        let ApplyError::Storage(error) = world.apply(what).unwrap_err() else { panic!() };
        assert_eq!(world.ledger, before, "{error}");
        error
    };
    let first = report(AUDITOR, NODE, name, [hour - 10, hour - 5], 100 * GIB, 0);
    world.new_entry(first.clone());
    assert_eq!(world.apply(first).unwrap(), Applied::Known);
    let overlap = report(AUDITOR, NODE, name, [hour - 6, hour], GIB, 0);
    assert_eq!(refused(&mut world, overlap), StorageError::Overlap { from: hour - 6, paid_until: hour - 5 });
    for [from, to] in [[hour - 1, hour - 1], [hour - 1, hour - 3], [hour - 1, hour + 1_000_000]] {
        let error = refused(&mut world, report(AUDITOR, NODE, name, [from, to], GIB, 0));
        assert_eq!(error, StorageError::Hours { from, to });
    }
    for from in [hour - 2, hour] {
        let early = refused(&mut world, report(AUDITOR, NODE, name, [from, hour + 1], GIB, 0));
        assert_eq!(early, StorageError::Early { to: hour + 1, now: hour });
    }
    for auditor in [PAYER, NODE, ISSUER] {
        let error = refused(&mut world, report(auditor, NODE, name, [hour - 1, hour], GIB, 0));
        assert_eq!(error, StorageError::NotTheAuditor { by: key(auditor) });
    }
    let own = refused(&mut world, report(AUDITOR, AUDITOR, name, [hour - 1, hour], GIB, 0));
    assert_eq!(own, StorageError::NotTheAuditor { by: key(AUDITOR) });
    let more = refused(&mut world, report(AUDITOR, NODE + 1, name, [hour - 5, hour], 101 * GIB, 0));
    assert_eq!(more, StorageError::UsedUp { amount: amount(1000) }, "500 are spoken for");
    let most = refused(&mut world, report(AUDITOR, NODE, name, [hour - 2, hour], u64::MAX, 0));
    assert_eq!(most, StorageError::TooMuch);
    world.new_entry(report(AUDITOR, NODE + 1, name, [hour - 5, hour], 100 * GIB, 0));
    world.settle();
    assert_eq!([NODE, NODE + 1].map(|node| earned(&world, node)), [500, 500]);
}

/// Two audits on either side of the end, or of the beginning, prove the hours up to it, or from it on.
#[test]
fn of_an_interval_across_the_end_the_hours_before_it_are_paid() {
    let (mut world, name) = prepaid(1000, 0);
    let (begin, end) = (THIS_HOUR - world::PREPAID_HOURS, NOW.plus(86_400).get() / 3600);
    let refused = |world: &mut World, from, to| {
        let error = world.apply(report(AUDITOR, NODE, name, [from, to], 9 * GIB, 0)).unwrap_err();
        assert_eq!(error, StorageError::Hours { from, to }.into());
    };
    refused(&mut world, begin - 4, begin);
    world.new_entry(report(AUDITOR, NODE, name, [begin - 3, begin + 2], 10 * GIB, 0));
    assert_eq!(world.ledger.settlement().keepers[0].byte_hours, 20 * GIB, "no price holds backwards");
    let early = world.apply(report(AUDITOR, NODE, name, [end - 3, end + 4], 9 * GIB, 0)).unwrap_err();
    assert_eq!(early, StorageError::Early { to: end + 4, now: THIS_HOUR }.into());
    world.at = NOW.plus(86_400 + 5 * 3600);
    world.deposit(99, 1);
    world.new_entry(report(AUDITOR, NODE, name, [end - 3, end + 4], 10 * GIB, 0));
    refused(&mut world, end + 4, end + 5);
    world.new_entry(report(AUDITOR, NODE + 1, name, [end - 1, end + 1], 10 * GIB, 0));
    world.settle();
    assert_eq!([NODE, NODE + 1].map(|node| earned(&world, node)), [20 + 30, 10]);
}

/// One audit of a node: how long, how much, and whether something was lost.
type Audit = (u8, u64, u64, bool);

/// What nodes have in the end, computed by one loop over the epochs.
fn plainly(epochs: &[Vec<Audit>], withheld: u64) -> [u64; 2] {
    let (mut earned, mut held) = ([0; 2], [0; 2]);
    for audits in epochs {
        for node in 0..2 {
            let of_node: Vec<_> = audits.iter().filter(|audit| usize::from(audit.0) == node).collect();
            if of_node.is_empty() {
                continue;
            }
            let charge: u64 = of_node.iter().map(|audit| audit.1 * audit.2).sum();
            // The greater remainder has the micro-unit that is left over, the part held back where they are equal.
            let back = (charge * withheld + 500_000) / 1_000_000;
            let is_lost = of_node.iter().any(|audit| audit.3);
            earned[node] += charge - back + if is_lost { 0 } else { held[node] };
            held[node] = if is_lost { 0 } else { back };
        }
    }
    [earned[0] + held[0], earned[1] + held[1]]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn everybody_can_compute_it_again(
        epochs in prop::collection::vec(prop::collection::vec((0..2_u8, 1..9_u64, 0..40_u64, prop::bool::weighted(0.2)), 0..5), 1..5),
        withheld in 0..=1_000_000_u32,
    ) {
        let (mut world, name) = prepaid(90_000, withheld);
        let (mut hours, mut log) = ([THIS_HOUR - 1000; 2], Vec::<LogEntry>::new());
        let before = wealth(&world, &[PAYER, NODE, NODE + 1]);
        for audits in &epochs {
            for (node, length, gib, is_lost) in audits {
                let hour = &mut hours[usize::from(*node)];
                let span = [*hour, *hour + length];
                *hour += length;
                world.new_entry(report(AUDITOR, NODE + node, name, span, gib * GIB, (*is_lost).into()));
            }
            log.extend(world.settle().log_entries());
        }
        world.at = NOW.plus(86_400 + STORAGE_GRACE_S + 1);
        world.deposit(99, 1);
        let last: Settlement = world.settle();
        log.extend(last.log_entries());

        let [one, two] = plainly(&epochs, withheld.into()).map(i128::from);
        prop_assert_eq!([earned(&world, NODE), earned(&world, NODE + 1)], [one, two]);
        prop_assert_eq!(world.ledger.balances().of(Account::Reserved(key(PAYER))), 0);
        prop_assert_eq!(wealth(&world, &[PAYER, NODE, NODE + 1]), before);
        let mut audit = LogAudit::new(terms());
        for entry in &log {
            audit.take(entry).unwrap();
        }
        prop_assert_eq!(i128::try_from(audit.earned(&key(NODE))).unwrap(), one);
    }
}
