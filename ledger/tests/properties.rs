//! The invariants of the ledger, over whatever happens in an epoch, against a plain reference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reference;
mod world;

use ledger::{Account, Applied, Balances, Entry, Ledger, LogAudit, LogEntry, What, apportion};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use protocol::{Amount, Usage};
use reference::{Facts, GATEWAYS, NODES, Play, SPONSOR, SUBSCRIBER, VIEWERS};
use world::{NETWORK, World, terms};

/// Deposits are in the world already: what else happens in the epoch.
fn facts() -> impl Strategy<Value = Facts> {
    let receipt = (0..3_u8, 0..5_u64, 0..900_u64, 0..900_u64);
    let play = (0..4_u8, 0..3_usize, 0..2_u8, 0..3_u8, 0..1500_u64, prop::collection::vec(receipt, 0..5));
    let play = play.prop_map(|(viewer, title, gateway, payer, charge, receipts)| Play {
        // A subscription pays for nobody but the subscriber.
        viewer: if payer == 1 { SUBSCRIBER } else { VIEWERS + viewer },
        title,
        gateway: GATEWAYS + gateway,
        payer,
        // What the limit costs is set aside, whoever pays.
        charge: charge.max(reference::LIMIT_COSTS[title]),
        receipts,
    });
    let lane = (0..2_u8, 0..3_u8, 0..2000_u64, 0..800_u64);
    let lane =
        lane.prop_map(|(gateway, node, bytes, micro)| (GATEWAYS + gateway, NODES + node, bytes, micro));
    let pool = (1..4000_u64, 1..2500_u64, any::<bool>());
    let plays = prop::collection::vec(play, 0..12);
    (plays, prop::collection::vec(lane, 0..8), pool).prop_map(|(plays, lanes, pool)| Facts {
        plays,
        lanes,
        pool,
        subscription: 1777,
    })
}

fn sums_to_zero(balances: &Balances) -> bool {
    let is_sound = |(account, balance): (Account, i128)| (account == Account::External) == (balance < 0);
    balances.iter().map(|(_, balance)| balance).sum::<i128>() == 0 && balances.iter().all(is_sound)
}

/// Everything in the order in which it is listed, and what was then in the accounts.
fn played(facts: &Facts) -> World {
    let (mut world, events) = (World::new(), facts.events());
    for what in facts.beginning() {
        world.new_entry(what);
    }
    for what in events {
        drop(world.apply(what));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// 1, 2, 3, 5, 8: double entry, conservation, limits and splits, by a reference that shares no code.
    #[test]
    fn a_settlement_is_what_the_reference_says(facts in facts()) {
        let mut world = played(&facts);
        prop_assert!(sums_to_zero(world.ledger.balances()));
        let settlement = world.settle();
        prop_assert!(sums_to_zero(world.ledger.balances()));
        let expected = reference::settle(&facts);
        for (account, balance) in &expected.balances {
            prop_assert_eq!(world.ledger.balances().of(*account), *balance, "{}", account);
        }
        prop_assert_eq!(world.ledger.balances().iter().count(), expected.balances.len());
        let totals = settlement.summary.totals;
        let shared = [totals.gateways, totals.network, totals.nodes, totals.parties].map(Amount::get);
        prop_assert_eq!(shared.iter().sum::<u64>(), totals.charged.get());
        prop_assert_eq!(settlement.lines.iter().map(|line| line.paid.get()).sum::<u64>(), totals.charged.get());
        prop_assert!(!world.ledger.balances().iter().any(|(account, _)| matches!(account, Account::Reserved(_))));
        // And whoever has nothing but the log finds nothing wrong in it.
        let agreements = facts.beginning().into_iter().filter_map(|what| match what {
            What::Agreement(agreed) => Some(LogEntry::Agreement(agreed)),
            _ => None,
        });
        let mut audit = LogAudit::new(terms());
        for entry in agreements.chain(settlement.log_entries()) {
            audit.take(&entry).unwrap();
        }
    }

    /// Nodes are not paid for more bytes than viewers have acknowledged; what is signed beyond is published.
    #[test]
    fn nodes_are_paid_for_acknowledged_bytes(facts in facts()) {
        let settlement = played(&facts).ledger.settlement();
        for gateway in &settlement.gateways {
            let of_gateway = settlement.carriers.iter().filter(|carrier| carrier.gateway == gateway.gateway);
            let counted: u64 = of_gateway.clone().map(|carrier| carrier.counted).sum();
            prop_assert!(counted <= gateway.acknowledged);
            prop_assert_eq!(gateway.disputed, gateway.claimed.saturating_sub(gateway.acknowledged));
            let shared: u64 = of_gateway.clone().map(|carrier| carrier.shared.get()).sum();
            prop_assert_eq!(shared + gateway.kept.get(), gateway.pool.get());
            for carrier in of_gateway {
                prop_assert!(carrier.counted <= carrier.claimed);
                prop_assert!(carrier.shared.get() + carrier.owed.get() >= carrier.promised.get());
            }
        }
    }

    /// 4, 12: whatever order, however often: the same settlement. Only the journal it stands in is another one.
    #[test]
    fn receipts_and_vouchers_come_in_any_order(facts in facts(), order in any::<u64>()) {
        let one = played(&facts);
        let mut two = World::new();
        let (grants, mut rest): (Vec<_>, Vec<_>) =
            facts.events().into_iter().partition(|what| !matches!(what, What::Receipt(_) | What::Voucher(_)));
        rest.extend(rest.clone());
        let mut random = fuzzing::Random::new(order);
        for at in (1..rest.len()).rev() {
            rest.swap(at, random.index(at + 1));
        }
        for what in facts.beginning() {
            two.new_entry(what);
        }
        for what in grants.into_iter().chain(rest) {
            drop(two.apply(what));
        }
        let [mut one, mut two] = [one, two].map(|world| world.ledger.settlement());
        two.summary.journal = one.summary.journal;
        prop_assert_eq!(&one, &two);
        one.lines.clear();
        prop_assert!(two.lines.is_empty() || one != two);
    }

    /// 6, 7: what is said again changes nothing, and an epoch is settled once.
    #[test]
    fn everything_counts_once(facts in facts()) {
        let mut world = played(&facts);
        let before = world.ledger.clone();
        for what in facts.beginning().into_iter().chain(facts.events()) {
            // What was refused the first time, for want of funds, is refused again.
            if let Ok(applied) = world.apply(what) {
                prop_assert_eq!(applied, Applied::Known);
            }
            prop_assert_eq!(&world.ledger, &before);
        }
        let (first, second) = (world.ledger.settlement(), world.ledger.settlement());
        prop_assert_eq!(&first, &second);
        let what = What::Settlement(Box::new(first.summary.clone()));
        world.new_entry(what.clone());
        let settled = world.ledger.clone();
        prop_assert_eq!(world.apply(what).unwrap(), Applied::Known);
        let mut other = first.summary;
        other.totals.charged = other.totals.charged.plus(world::amount(1)).unwrap();
        prop_assert!(world.apply(What::Settlement(Box::new(other))).is_err());
        for what in facts.events() {
            prop_assert!(!matches!(world.apply(what), Ok(Applied::New(_))), "nothing is said in a settled epoch");
        }
        prop_assert_eq!(&world.ledger, &settled);
    }

    /// 10, 11: the journal alone gives the same state, and any other journal another head.
    #[test]
    fn the_journal_gives_everything_again(facts in facts()) {
        let mut world = played(&facts);
        world.settle();
        let mut again = Ledger::new(terms());
        for bytes in world.journal.read(0) {
            let entry = Entry::decode(bytes, &NETWORK).unwrap();
            prop_assert_eq!(entry.encode(), bytes);
            prop_assert!(matches!(again.apply(&entry), Ok(Applied::New(_))));
        }
        prop_assert_eq!(&again, &world.ledger);
        prop_assert_eq!(again.head(), world.journal.head());
    }

    /// Who watches more, pays more: an invented viewer moves its own deposit, and no one else's money.
    #[test]
    fn invented_viewers_cost_only_whoever_invents_them(facts in facts(), invented in prop::collection::vec((0..3_usize, 0..900_u64), 1..4)) {
        let metered = Facts {
            plays: facts.plays.into_iter().map(|play| Play { payer: 0, charge: play.charge.max(875), ..play }).collect(),
            ..facts
        };
        let honest = played(&metered).ledger.settlement();
        let mut crowded = metered.clone();
        for (title, bytes) in invented {
            let (viewer, gateway) = (VIEWERS + 3, GATEWAYS);
            let receipts = vec![(0, 0, bytes, 0)];
            crowded.plays.push(Play { viewer, title, gateway, payer: 0, charge: 900, receipts });
        }
        let crowded = played(&crowded).ledger.settlement();
        let others = |settlement: &ledger::Settlement| -> Vec<_> {
            let own: Vec<_> = (0..3).map(|title| reference::alias(VIEWERS + 3, title)).collect();
            settlement.lines.iter().filter(|line| !own.contains(&line.alias)).copied().collect()
        };
        prop_assert_eq!(others(&honest), others(&crowded));
    }

    /// 9: the largest remainder.
    #[test]
    fn shares_are_exact_to_one_micro_unit(
        whole in 0..=Amount::MAX.get(),
        weights in prop::collection::btree_map(any::<u8>(), prop::num::u64::ANY, 1..20),
        turn in any::<usize>(),
    ) {
        let mut weights = Vec::from_iter(weights);
        let Some(parts) = apportion(world::amount(whole), &weights) else {
            prop_assert!(weights.iter().all(|(_, weight)| *weight == 0));
            return Ok(());
        };
        prop_assert_eq!(parts.iter().map(|part| part.get()).sum::<u64>(), whole);
        let sum: u128 = weights.iter().map(|(_, weight)| u128::from(*weight)).sum();
        for ((_, weight), part) in weights.iter().zip(&parts) {
            let floor = u128::from(whole) * u128::from(*weight) / sum;
            prop_assert!((floor..=floor + 1).contains(&u128::from(*part)));
        }
        prop_assert_eq!(&parts, &reference::largest_remainder(whole, &weights));
        let (shift, mut turned) = (turn % weights.len(), parts.clone());
        weights.rotate_left(shift);
        turned.rotate_left(shift);
        prop_assert_eq!(apportion(world::amount(whole), &weights).unwrap(), turned);
    }
}

/// The subscriber's and the sponsor's plays are among those that the strategy makes, so the comparison can fail for them.
#[test]
fn the_reference_pays_out_of_budgets() {
    let play = |payer, viewer| Play {
        viewer,
        title: 0,
        gateway: GATEWAYS,
        payer,
        charge: 1500,
        receipts: vec![(0, 0, 800, 0)],
    };
    let facts = Facts {
        plays: vec![play(1, SUBSCRIBER), play(2, VIEWERS + 1)],
        lanes: Vec::new(),
        pool: (1000, 900, false),
        subscription: 900,
    };
    let mut world = played(&facts);
    let settlement = world.settle();
    assert_eq!(settlement.summary.totals.charged.get(), 900 + 700);
    assert_eq!(world.ledger.balances().of(Account::Funds(world::key(SPONSOR))), 100_000 - 700);
    assert_eq!(
        settlement.lines.iter().map(|line| line.usage).collect::<Vec<_>>(),
        [Usage { bytes: 800, ms: 0 }; 2]
    );
}
