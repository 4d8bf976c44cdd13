//! Seeds of the stewards' simulation: what is looked after stays, for months of faults, and what is wrong is noticed.
//!
//! `SIM_SEEDS` says how many seeds are run (50 without it), `SIM_FIRST` which is the first. `simulate --stewards --seed N`
//! shows what happens in one of them.

use std::sync::atomic::{AtomicU64, Ordering};

use e2e::care::{Corruption, Report, Sabotage, Trouble, hours_until_noticed, run};
use e2e::sim::Verbosity;
use steward::durability::hours_to_notice;
use steward::plan::Rules;

/// Whatever nodes do in three months, one steward moves one part so often at most.
const MOVES_MAX: u64 = 40;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

/// What becomes of these seeds, worked out by as many threads as there are processors.
fn of_seeds<T: Send>(first: u64, count: u64, outcome: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(first);
    let work = || {
        let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
        seeds.take_while(|seed| *seed < first + count).map(&outcome).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no seed panics")).collect()
    })
}

fn play(seed: u64) -> Result<Report, Box<Trouble>> {
    run(seed, Sabotage::None, Verbosity::Quiet)
}

#[test]
fn every_seed_holds() {
    let (first, count) = (number("SIM_FIRST", 0), number("SIM_SEEDS", 50));
    let outcomes = of_seeds(first, count, play);
    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    for trouble in &failed {
        eprintln!("{trouble}\n");
    }
    let seeds: Vec<_> = failed.iter().map(|trouble| trouble.seed).collect();
    assert!(failed.is_empty(), "{} of {count} seeds failed: {seeds:?}", failed.len());
    if count < 20 {
        return;
    }
    // Faults that nobody has to mend, and stewards that never meet, would show nothing.
    let sum = |value: fn(&Report) -> u64| outcomes.iter().flatten().map(value).sum::<u64>();
    assert!(sum(|report| report.faults) > 100 * count && sum(|report| report.built) > 10 * count);
    let each: [fn(&Report) -> u64; 8] = [
        |report| report.partitions,
        |report| report.joined,
        |report| report.left,
        |report| report.lost_for_ever,
        |report| report.refused_by_full,
        |report| report.slow_nodes,
        |report| report.clock_jumps,
        |report| report.spoilt,
    ];
    let each = each.map(sum);
    assert!(each.iter().all(|happened| *happened > count / 4), "{each:?}");
    assert!(sum(|report| report.claims_refused) > 0);
    assert!(sum(|report| report.moved) > count && sum(|report| report.wavered) > count);
    let most = outcomes.iter().flatten().map(|report| report.moved_most).max().unwrap_or_default();
    assert!(most <= MOVES_MAX, "a part was moved {most} times by one steward");
}

#[test]
fn a_seed_gives_the_same_again() {
    for seed in 0..3 {
        assert_eq!(play(seed).ok(), play(seed).ok(), "seed {seed}");
    }
}

#[test]
fn every_defect_that_is_planted_is_noticed() {
    for (sabotage, noticed_as) in [
        (Sabotage::IgnoresClaims, "a second time"),
        (Sabotage::CallsItWhole, "is called whole, and is not"),
        (Sabotage::ForgetsLeases, "is lost"),
        (Sabotage::Crowds, "beside another one"),
        (Sabotage::NeverRepairs, "parts"),
        (Sabotage::Forgets, "is lost"),
        (Sabotage::TakesAway, "is lost"),
        (Sabotage::MovesBeside, "is moved beside another one"),
        (Sabotage::NeverMoves, "is never emptied"),
    ] {
        let troubles = of_seeds(0, 12, |seed| run(seed, sabotage, Verbosity::Quiet).err());
        let whats: Vec<_> = troubles.into_iter().flatten().map(|trouble| trouble.what).collect();
        assert!(whats.iter().any(|what| what.contains(noticed_as)), "{sabotage:?}: {whats:?}");
    }
}

/// One in a hundred of a node's bytes is silently wrong: within the time that the model says for 99 of 100 cases it is
/// noticed in at least 95 of 100.
#[test]
fn corruption_is_noticed_as_soon_as_the_model_says() {
    let rules = Rules::default();
    let hours = f64::from(u32::try_from(rules.node_audit_every).expect("an hour")) / 3600.0;
    let within = hours_to_notice(0.01, rules.node_draws.into(), hours, 0.99);
    assert!((50.0..70.0).contains(&within), "{within} h by the usual rules");
    for corruption in [Corruption::Groups { permille: 10 }, Corruption::Bits { permille: 10 }] {
        let took = of_seeds(0, 100, |seed| hours_until_noticed(seed, corruption));
        let in_time = took.iter().flatten().filter(|hours| **hours <= within).count();
        assert!(in_time >= 95, "{corruption:?}: {in_time} of 100 within {within} h");
        let at_once = took.iter().flatten().filter(|hours| **hours < 1e-9).count();
        assert_eq!(at_once, 0, "nothing is noticed before it is wrong");
    }
    assert_eq!(hours_until_noticed(0, Corruption::None), None, "an honest node is not blamed");
}
