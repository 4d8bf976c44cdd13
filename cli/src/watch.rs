//! Plays a publication to the players of this machine, out of gateways that nobody has to trust.
//!
//! ```text
//! player → playlist, written from the bundle → segment → [reserved in a grant] → gateway → verified → [receipt, durable] → player
//! ```
//!
//! What stands in brackets is for titles that are shown for money (spec §26). A gateway that lies is named and left; what it
//! was paid for the segments before stays its own.

mod canary;
mod fare;
mod feed;
mod kept;
mod limit;
mod offer;
mod proxy;
mod session;
mod shelf;
mod show;
mod stream;
mod till;

pub(crate) use canary::{Canary, Check, Checked, Comparison, Finding, Outing};
pub(crate) use fare::{Fare, UsedGrant};
pub(crate) use feed::Feed;
pub(crate) use kept::Keep;
pub(crate) use offer::{Offer, Shown};
pub(crate) use proxy::{Proxy, Served};
pub(crate) use show::Show;
pub(crate) use till::Till;
