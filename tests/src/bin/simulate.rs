//! Runs seeds of the simulators: `simulate --seed 42` prints what happened, line by line; `simulate --seeds 0..1000` runs
//! many. With `--stewards` first it is months with stewards, and `simulate --noticed 0..1000` says how soon it was noticed
//! that one in a hundred of a node's bytes is wrong. `simulate --scale 1000000 10000` measures a steward of so many objects on
//! so many nodes, and `simulate --growth 100 FILE.svg` one of 100 objects a node on 100, 1000 and 10 000 nodes.

use std::time::Instant;

use anyhow::{Context, bail};
use e2e::care::{self, Corruption, hours_until_noticed};
use e2e::sim::{Sabotage, Verbosity, run};

const USAGE: &str = "usage: simulate [--stewards] --seed N | [--stewards] --seeds FROM..TO | --noticed FROM..TO \
    | --scale OBJECTS NODES | --growth OBJECTS_A_NODE FILE.svg";

type Played = Result<String, String>;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seed", seed] => one(seed, with_bytes),
        ["--seeds", range] => many(range, with_bytes),
        ["--stewards", "--seed", seed] => one(seed, with_stewards),
        ["--stewards", "--seeds", range] => many(range, with_stewards),
        ["--noticed", range] => noticed(range),
        ["--scale", objects, nodes] => {
            e2e::scale::measure(&[(objects.parse().context(USAGE)?, nodes.parse().context(USAGE)?)]);
            Ok(())
        }
        ["--growth", per_node, path] => {
            let per_node: usize = per_node.parse().context(USAGE)?;
            let curves = e2e::scale::measure(&[100, 1000, 10_000].map(|nodes| (per_node * nodes, nodes)));
            Ok(std::fs::write(path, e2e::scale::picture(&curves)?)?)
        }
        _ => bail!(USAGE),
    }
}

fn with_bytes(seed: u64, verbosity: Verbosity) -> Played {
    let outcome = run(seed, Sabotage::None, verbosity);
    outcome.map(|report| format!("{report:?}")).map_err(|trouble| trouble.violation.to_string())
}

fn with_stewards(seed: u64, verbosity: Verbosity) -> Played {
    let outcome = care::run(seed, care::Sabotage::None, verbosity);
    outcome.map(|report| format!("{report:?}")).map_err(|trouble| trouble.what)
}

fn one(seed: &str, play: impl Fn(u64, Verbosity) -> Played) -> anyhow::Result<()> {
    match play(seed.parse().context(USAGE)?, Verbosity::Loud) {
        Ok(report) => println!("{report}"),
        Err(what) => bail!("seed {seed}: {what}"),
    }
    Ok(())
}

fn many(range: &str, play: impl Fn(u64, Verbosity) -> Played) -> anyhow::Result<()> {
    let seeds = seeds(range)?;
    let begun = Instant::now();
    let mut failed = Vec::new();
    for seed in seeds.clone() {
        if let Err(what) = play(seed, Verbosity::Quiet) {
            println!("seed {seed}: {what}");
            failed.push(seed);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} seeds in {seconds:.1} s, {} failed", seeds.end - seeds.start, failed.len());
    if failed.is_empty() { Ok(()) } else { bail!("failed: {failed:?}") }
}

fn noticed(range: &str) -> anyhow::Result<()> {
    for corruption in [Corruption::Groups { permille: 10 }, Corruption::Bits { permille: 10 }] {
        let took = seeds(range)?.map(|seed| hours_until_noticed(seed, corruption).unwrap_or(f64::INFINITY));
        let mut took: Vec<_> = took.collect();
        took.sort_by(f64::total_cmp);
        let quantile = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
        println!(
            "{corruption:?}, {} seeds: 50 % within {:.1} h, 95 % within {:.1} h, 99 % within {:.1} h",
            took.len(),
            quantile(50),
            quantile(95),
            quantile(99)
        );
    }
    Ok(())
}

fn seeds(range: &str) -> anyhow::Result<std::ops::Range<u64>> {
    let (from, to) = range.split_once("..").context(USAGE)?;
    Ok(from.parse().context(USAGE)?..to.parse().context(USAGE)?)
}
