//! The steward: looks after objects for ever. It audits, repairs, moves parts as nodes come and go,
//! renews leases, warns, and writes down every step.
//!
//! ```text
//! folder of mandates ─┐
//! clock, answers ─────┴→ plan (pure) → actions → driver → client → nodes
//!                          ↓ changed                ↓
//!                        store (redb)             log, metrics, status file, observers, hook
//! ```
//!
//! [`durability`] is the model of how long data lasts under given assumptions: it sets the usual coding and when repair
//! begins. [`plan`] decides and does nothing; [`Steward`] performs what it decides. It may be killed at any moment: what a
//! plan knows is saved before it is acted upon, and everything that was under way can be begun again. Two stewards may
//! look after one object: a repair begins with a claim at the nodes and a new audit.
//!
//! The crate holds mandates, not keys: it can put, prove and prolong, never read and never release.

mod config;
mod driver;
pub mod durability;
mod history;
mod journal;
mod metrics;
mod observer;
pub mod plan;
mod status;
mod store;
mod traffic;
mod wards;

pub use config::StewardConfig;
pub use driver::{OpenError, RunError, Steward};
pub use history::{AuditResult, AuditedNodes, HOURS_KEPT, HourLine, NodeAudit};
pub use journal::{Entry, Step};
pub use metrics::Metrics;
pub use observer::Observer;
pub use plan::Standing;
pub use status::{
    NodeLine, ObjectLine, ObjectState, RepairLine, RepairState, Status, WARNINGS_SHOWN, Weakest,
};
pub use store::StoreError;
pub use traffic::Traffic;
pub use wards::{Ward, WardError, remove_ward, write_ward};
