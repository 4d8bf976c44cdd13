//! `headwater durability`: how long data lasts, by a model.

#![expect(clippy::cast_precision_loss, reason = "a model does not care for the last byte")]

use std::fmt;
use std::path::PathBuf;

use anyhow::Context;
use chunker::Coding;
use clap::Args;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::Serialize;
use steward::durability::{
    self, Assumptions, Axes, Correlated, Curve, NINES_WANTED, RepairDuration, SEGMENTS_SIMULATED_MAX,
    Simulation,
};

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders;
use crate::quantity::ByteSize;

/// Rates of loss that a picture shows, per year: a good disk, and a node that stays for four months.
const PLOT_LOSSES: (f64, f64) = (0.01, 3.0);
const PLOT_POINTS: u32 = 40;

/// Compute how long data lasts: nines of durability per year, and what repairs cost
///
/// The closed form is a Markov chain over the lost shards of a segment, the check beside it a simulation of
/// nodes, failures, audits and repairs. Both are as good as their assumptions: nodes are lost independently,
/// but for what --correlated says.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater durability                                          the usual coding and assumptions
  headwater durability --coding 10+20 --afr 0.3 --repair-hours 72
  headwater durability --coding 16+16 --correlated 0.1:0.2      once in ten years a fifth of all nodes is lost at once
  headwater durability --coding 4+4 --afr 3 --simulate 20       20 simulated years beside it
  headwater durability --coding 5+3 --coding 16+16 --plot nines.svg")]
pub(crate) struct Durability {
    /// Data and parity shards, K+M; several for a picture [default: what suits --nodes]
    #[arg(long, value_name = "K+M")]
    coding: Vec<Coding>,

    /// Nodes of the network
    #[arg(long, default_value_t = 100)]
    nodes: u32,

    /// How often a node is lost for good, per year: annual failure rate and churn together
    #[arg(long, value_name = "RATE", default_value_t = durability::LOSSES_PER_YEAR)]
    afr: f64,

    /// Mean hours until a loss is noticed and certain: half an audit interval, and the patience with nodes that are offline
    #[arg(long, value_name = "HOURS", default_value_t = durability::DETECTION_HOURS)]
    detection_hours: f64,

    /// Mean hours that a repair takes then
    #[arg(long, value_name = "HOURS", default_value_t = durability::REPAIR_HOURS)]
    repair_hours: f64,

    /// Bytes per second that each node gives to repairs; a lost node's data then takes longer than --repair-hours
    #[arg(long, value_name = "SIZE", requires = "stored")]
    repair_bandwidth: Option<ByteSize>,

    /// Bytes that each node holds, for --repair-bandwidth
    #[arg(long, value_name = "SIZE", requires = "repair_bandwidth")]
    stored: Option<ByteSize>,

    /// Healthy shards at which repair begins [default: the fewest with eleven nines, else from the first loss on]
    #[arg(long, value_name = "SHARDS")]
    threshold: Option<u32>,

    /// Failures of many nodes at once: how many per year, and which part of all nodes each takes
    #[arg(long, value_name = "RATE:PART", value_parser = correlated)]
    correlated: Option<Correlated>,

    /// Simulate so many years beside it; only what is not too rare can be counted
    #[arg(long, value_name = "YEARS")]
    simulate: Option<f64>,

    /// Segments that are simulated
    #[arg(long, value_name = "COUNT", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=i64::from(SEGMENTS_SIMULATED_MAX)))]
    segments: u32,

    /// Seed of the simulation
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Write a picture (SVG): nines over the rate of loss
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    codings: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    coding: String,
    expansion: f64,
    threshold: u32,
    mending_hours: f64,
    nines: f64,
    annual_loss: f64,
    repairs_per_segment_year: f64,
    repair_tib_per_stored_tib_year: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<Simulated>,
}

#[derive(Serialize)]
struct Simulated {
    segment_years: f64,
    lost: u64,
    annual_loss: f64,
    annual_loss_low: f64,
    annual_loss_high: f64,
    repairs_per_segment_year: f64,
    longest_queue: usize,
}

impl Durability {
    pub(crate) fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let codings = self.codings()?;
        let lines = codings.iter().map(|&coding| self.line(coding)).collect::<anyhow::Result<_>>()?;
        if let Some(path) = &self.plot {
            let svg =
                durability::plot("Nines of durability per year", &Axes::NINES, &self.curves(&codings)?)?;
            folders::write_atomically(path, svg.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        globals.output().answer(&Answer { codings: lines })?;
        Ok(Outcome::Complete)
    }

    /// Needed and all shards of what was asked for.
    fn codings(&self) -> anyhow::Result<Vec<(u32, u32)>> {
        let pair = |coding: &Coding| {
            let (k, m) = (u32::from(coding.data()), u32::from(coding.parity()));
            (k, k + m)
        };
        if self.coding.is_empty() {
            let few = || {
                Usage::because(format!(
                    "{} nodes are too few for a usual coding: name one with --coding",
                    self.nodes
                ))
            };
            return Ok(vec![durability::usual_coding(self.nodes).ok_or_else(few)?]);
        }
        let codings: Vec<_> = self.coding.iter().map(pair).collect();
        match codings.iter().find(|(_, shards)| *shards > self.nodes) {
            Some((_, shards)) => {
                Err(Usage::because(format!("{shards} shards do not fit on {} nodes", self.nodes)))
            }
            None => Ok(codings),
        }
    }

    fn line(&self, coding: (u32, u32)) -> anyhow::Result<Line> {
        let assumptions = self.assumptions(coding, self.afr)?;
        let loss = durability::annual_loss(&assumptions);
        let simulated = self.simulate.map(|years| self.simulated(&assumptions, years));
        Ok(Line {
            coding: format!("{}+{}", coding.0, coding.1 - coding.0),
            expansion: assumptions.expansion(),
            threshold: assumptions.threshold(),
            mending_hours: self.detection_hours + self.mean_repair_hours(coding),
            nines: loss.nines(),
            annual_loss: loss.probability,
            repairs_per_segment_year: loss.repairs,
            repair_tib_per_stored_tib_year: loss.traffic,
            simulated,
        })
    }

    fn assumptions(&self, coding: (u32, u32), afr: f64) -> anyhow::Result<Assumptions> {
        let eager = (coding.1 - 1).max(coding.0);
        let assumptions = self.assumptions_at(coding, afr, self.threshold.unwrap_or(eager))?;
        if self.threshold.is_some() {
            return Ok(assumptions);
        }
        let threshold = durability::threshold_for(&assumptions, NINES_WANTED).unwrap_or(eager);
        self.assumptions_at(coding, afr, threshold)
    }

    fn assumptions_at(&self, coding: (u32, u32), afr: f64, threshold: u32) -> anyhow::Result<Assumptions> {
        let hours = (self.detection_hours, self.mean_repair_hours(coding));
        Assumptions::new(coding, afr, hours, threshold)
            .and_then(|alone| self.correlated.map_or(Ok(alone), |event| alone.with_correlated(event)))
            .map_err(|error| Usage::because(error.to_string()))
    }

    /// The time that a repair takes, or what the data of a lost node takes at the bandwidth for repairs, if that is more.
    ///
    /// For every shard that it held k are read and one is written, by all nodes together.
    fn mean_repair_hours(&self, (needed, _): (u32, u32)) -> f64 {
        let (Some(bandwidth), Some(stored)) = (self.repair_bandwidth, self.stored) else {
            return self.repair_hours;
        };
        let moved = stored.bytes() as f64 * f64::from(needed + 1);
        let seconds = moved / (bandwidth.bytes() as f64 * f64::from(self.nodes));
        self.repair_hours.max(seconds / 3600.0)
    }

    /// Repairs that run side by side when all nodes give their bandwidth to them.
    fn repairs_at_once(&self, assumptions: &Assumptions) -> Option<u32> {
        let (bandwidth, stored) = (self.repair_bandwidth?, self.stored?);
        // The simulated segments stand for all that is stored: each is so large that together they fill the nodes.
        let shard =
            stored.bytes() as f64 * f64::from(self.nodes) / f64::from(self.segments * assumptions.shards());
        let repair = shard * f64::from(assumptions.needed() + 1);
        let in_its_time = bandwidth.bytes() as f64 * f64::from(self.nodes) * self.repair_hours * 3600.0;
        let at_once = (in_its_time / repair).clamp(1.0, f64::from(SEGMENTS_SIMULATED_MAX));
        (1..=SEGMENTS_SIMULATED_MAX).rev().find(|&count| f64::from(count) <= at_once)
    }

    fn simulated(&self, assumptions: &Assumptions, years: f64) -> Simulated {
        let simulation = Simulation {
            nodes: self.nodes,
            segments: self.segments,
            years,
            duration: RepairDuration::Exponential,
            repairs_at_once: self.repairs_at_once(assumptions),
        };
        let outcome = durability::simulate(assumptions, simulation, &mut SmallRng::seed_from_u64(self.seed));
        let (annual_loss_low, annual_loss_high) = outcome.bounds();
        Simulated {
            segment_years: outcome.segment_years,
            lost: outcome.lost,
            annual_loss: outcome.annual_loss(),
            annual_loss_low,
            annual_loss_high,
            repairs_per_segment_year: outcome.repairs as f64 / outcome.segment_years,
            longest_queue: outcome.longest_queue,
        }
    }

    /// One curve for each coding, at the threshold that it has at --afr.
    fn curves(&self, codings: &[(u32, u32)]) -> anyhow::Result<Vec<Curve>> {
        codings.iter().map(|&coding| self.curve(coding)).collect()
    }

    fn curve(&self, coding: (u32, u32)) -> anyhow::Result<Curve> {
        let threshold = self.assumptions(coding, self.afr)?.threshold();
        let nines = |losses| {
            let assumptions = self.assumptions_at(coding, losses, threshold)?;
            Ok((losses, durability::annual_loss(&assumptions).nines()))
        };
        let points = plotted_losses().map(nines).collect::<anyhow::Result<_>>()?;
        let (needed, shards) = coding;
        let expansion = f64::from(shards) / f64::from(needed);
        let name = format!("{needed}+{} ({expansion:.2}×), repaired at {threshold}", shards - needed);
        Ok(Curve { name, points })
    }
}

/// Rates of loss at equal distances on a logarithmic axis.
fn plotted_losses() -> impl Iterator<Item = f64> {
    let (first, last) = PLOT_LOSSES;
    (0..=PLOT_POINTS).map(move |point| first * (last / first).powf(f64::from(point) / f64::from(PLOT_POINTS)))
}

fn correlated(text: &str) -> Result<Correlated, String> {
    let parsed = text.split_once(':').and_then(|(rate, part)| {
        Some(Correlated { per_year: rate.parse().ok()?, fraction: part.parse().ok()? })
    });
    parsed.ok_or_else(|| format!("{text:?} is not RATE:PART, as 0.1:0.2 is"))
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.codings {
            line.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {:.2} bytes stored per byte", self.coding, self.expansion)?;
        writeln!(
            f,
            "  durability   {:.1} nines a year (a segment is lost with {:.2e})",
            self.nines, self.annual_loss
        )?;
        writeln!(
            f,
            "  repair       from {} healthy shards on, {:.0} hours after the loss",
            self.threshold, self.mending_hours
        )?;
        writeln!(f, "  traffic      {:.2} TiB a year per TiB of data", self.repair_tib_per_stored_tib_year)?;
        self.simulated.as_ref().map_or(Ok(()), |simulated| simulated.fmt(f))
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "  simulated    {} lost in {:.0} segment-years: {:.2e}",
            self.lost, self.segment_years, self.annual_loss
        )?;
        writeln!(f, " (95 %: {:.2e} to {:.2e})", self.annual_loss_low, self.annual_loss_high)?;
        if self.longest_queue > 0 {
            writeln!(f, "               up to {} segments waited for their repair", self.longest_queue)?;
        }
        Ok(())
    }
}
