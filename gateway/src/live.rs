//! Live streams at a gateway: what came of them so far, kept durably, and how it is shown while it grows (spec §21).

mod limits;
mod shows;
mod store;
mod streams;
mod summary;
mod taking;
#[cfg(test)]
mod tests;

pub(crate) use shows::LiveShow;
pub(crate) use streams::Live;
pub(crate) use summary::LiveSummary;
