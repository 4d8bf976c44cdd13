//! Seeds of the stewards' simulation: what is looked after stays, for months of faults.
//!
//! `SIM_SEEDS` says how many seeds are run (50 without it), `SIM_FIRST` which is the first.

use e2e::care::run;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn every_seed_holds() {
    let (first, count) = (number("SIM_FIRST", 0), number("SIM_SEEDS", 50));
    let outcomes: Vec<_> = (first..first + count).map(run).collect();
    let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    for trouble in &failed {
        eprintln!("{trouble}");
    }
    assert!(failed.is_empty(), "{} of {count} seeds failed", failed.len());
    let sum = |value: fn(&e2e::care::Report) -> u64| outcomes.iter().flatten().map(value).sum::<u64>();
    // Faults that nobody has to mend, and stewards that never meet, would show nothing.
    assert!(sum(|report| report.faults) > 100 * count && sum(|report| report.built) > 10 * count);
    assert!(sum(|report| report.claims_refused) > 0);
}

#[test]
fn a_seed_gives_the_same_again() {
    for seed in 0..5 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.ok(), second.ok(), "seed {seed}");
    }
}
