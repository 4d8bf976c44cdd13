//! How long data lasts: a model of losses and repairs, in two forms that check each other.
//!
//! * [`Assumptions`] say what is stored how, how often nodes are lost, and how soon that is noticed and mended.
//! * [`annual_loss`] is the **closed form**: a Markov chain over the lost shards of one segment, solved by
//!   uniformisation, which only adds positive terms and therefore keeps its relative precision down to any number of nines.
//! * [`simulate`] is the **Monte Carlo** form: nodes, failures of many nodes at once, audits and a repair queue, event by
//!   event. It can measure what is not too rare, and shows what the chain leaves out.
//! * [`hours_to_notice`] says how soon audits find what is wrong.
//! * [`plot`] draws a picture; [`usual_coding`] and [`repair_threshold`] are what this software takes from the model.
//!
//! Nothing here does any input or output, reads a clock or draws a random number of its own.

mod assumptions;
mod chain;
mod monte_carlo;
mod noticing;
mod plot;
mod tails;
mod usual;

pub use assumptions::{Assumptions, AssumptionsError, Correlated, SHARDS_MODELLED_MAX};
pub use chain::{AnnualLoss, annual_loss, threshold_for};
pub use monte_carlo::{Outcome, RepairDuration, SEGMENTS_SIMULATED_MAX, Simulation, simulate};
pub use noticing::hours_to_notice;
pub use plot::{Axes, Curve, PlotError, plot};
pub use tails::{binomial_tail, poisson_tail};
pub use usual::{
    DETECTION_HOURS, EXPANSION_MAX, LOSSES_PER_YEAR, NINES_WANTED, REPAIR_HOURS, repair_threshold,
    usual_assumptions, usual_coding,
};
