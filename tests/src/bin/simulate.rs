//! Runs seeds of the simulator: `simulate --seed 42` prints what happened, line by line; `simulate --seeds 0..1000` runs many.

use std::time::Instant;

use anyhow::{Context, bail};
use e2e::sim::{Sabotage, Verbosity, run};

const USAGE: &str = "usage: simulate --seed N | --seeds FROM..TO";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seed", seed] => one(seed.parse().context(USAGE)?),
        ["--seeds", range] => {
            let (from, to) = range.split_once("..").context(USAGE)?;
            many(from.parse().context(USAGE)?, to.parse().context(USAGE)?)
        }
        _ => bail!(USAGE),
    }
}

fn one(seed: u64) -> anyhow::Result<()> {
    match run(seed, Sabotage::None, Verbosity::Loud) {
        Ok(report) => println!("{report:?}"),
        Err(trouble) => bail!("seed {seed}: {}", trouble.violation),
    }
    Ok(())
}

fn many(from: u64, to: u64) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut failed = Vec::new();
    for seed in from..to {
        if let Err(trouble) = run(seed, Sabotage::None, Verbosity::Quiet) {
            println!("seed {seed}: {}", trouble.violation);
            failed.push(seed);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} seeds in {seconds:.1} s, {} failed", to - from, failed.len());
    if failed.is_empty() { Ok(()) } else { bail!("failed: {failed:?}") }
}
