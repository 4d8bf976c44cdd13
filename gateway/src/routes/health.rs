//! `/shl` and `/api/health-links`: SMART Health Links (spec §28).

mod owner;
mod reader;

pub(super) use owner::{__path_end, __path_offer, end, offer};
pub(super) use reader::{__path_location, __path_manifest, __path_single, location, manifest, single};
