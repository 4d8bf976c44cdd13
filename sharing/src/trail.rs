//! The owner's private log of who was given what, and who read it: hash chained, signed (spec §29).

mod accounting;
mod chain;
mod entry;
mod fhir;
mod intake;
mod page;

pub use accounting::{ACCOUNTING_S, Disclosure, accounting, accounting_as_csv};
pub use chain::{Trail, TrailError, TrailHead, TrailKeys};
pub use entry::{Facts, PatientId, Purpose, TrailEntry, TrailText, TrailWhat};
pub use fhir::trail_as_fhir;
pub use intake::{
    AskedHolder, AskedLink, EVENTS_OF_ANSWER_MAX, GATEWAY_CLOCK_SLACK_S, LINK_KEPT_S, TakenEvents,
    take_events,
};
pub use page::{TRAIL_PAGE_ENTRIES_MAX, trail_as_page};
