//! Seeds of the simulator: every invariant holds, runs can be repeated, and planted defects are noticed.
//!
//! `SIM_SEEDS` says how many seeds are run (50 without it), `SIM_FIRST` which is the first.

use e2e::sim::{Sabotage, Verbosity, run};

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn every_seed_holds() {
    let (first, count) = (number("SIM_FIRST", 0), number("SIM_SEEDS", 50));
    let failed: Vec<_> =
        (first..first + count).filter_map(|seed| run(seed, Sabotage::None, Verbosity::Quiet).err()).collect();
    for trouble in &failed {
        eprintln!("{trouble}\n");
    }
    let seeds: Vec<_> = failed.iter().map(|trouble| trouble.seed).collect();
    assert!(failed.is_empty(), "{} of {count} seeds failed: {seeds:?}", failed.len());
}

#[test]
fn a_seed_gives_the_same_trace_again() {
    let runs =
        |seed| (run(seed, Sabotage::None, Verbosity::Quiet), run(seed, Sabotage::None, Verbosity::Quiet));
    for seed in 0..20 {
        let (first, second) = runs(seed);
        assert_eq!(first.map_err(|t| t.violation), second.map_err(|t| t.violation), "seed {seed}");
    }
}

#[test]
fn seeds_differ() {
    let traces: std::collections::HashSet<_> = (0..20)
        .filter_map(|seed| run(seed, Sabotage::None, Verbosity::Quiet).ok())
        .map(|report| report.trace)
        .collect();
    assert!(traces.len() >= 19, "{} different traces", traces.len());
}

#[test]
fn a_performer_that_trusts_nodes_delivers_wrong_bytes() {
    let noticed = violations(Sabotage::TrustsNodes);
    assert!(noticed.iter().any(|text| text.contains("wrong bytes")), "{noticed:?}");
}

#[test]
fn a_performer_that_forgets_alarms_hangs() {
    let noticed = violations(Sabotage::ForgetsAlarms);
    assert!(noticed.iter().any(|text| text.contains("hangs") || text.contains("waiting")), "{noticed:?}");
}

#[test]
fn a_performer_that_keeps_everything_exceeds_its_memory() {
    assert!(violations(Sabotage::KeepsEverything).iter().any(|text| text.contains("bytes held")));
}

#[test]
fn a_put_that_calls_refusals_leases_is_found_out() {
    assert!(violations(Sabotage::CallsItLeased).iter().any(|text| text.contains("there is no lease")));
}

#[test]
fn an_audit_that_believes_every_proof_is_found_out() {
    assert!(violations(Sabotage::BelievesProofs).iter().any(|text| text.contains("without the leaves")));
}

fn violations(sabotage: Sabotage) -> Vec<String> {
    let troubles = (0..100).filter_map(|seed| run(seed, sabotage, Verbosity::Quiet).err());
    troubles.map(|trouble| trouble.violation.to_string()).collect()
}
