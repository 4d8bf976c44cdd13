//! Put, get, audit and repair objects over a Headwater network.
//!
//! ```text
//! put     reader → chunker → one stream per column → nodes → leases → manifest → Link
//! open    Link → manifest → Object → cells(range), read(range), reader()
//! sealed  CID → manifest → SealedObject → sealed_cells(range): cells with the slices that prove them, for whoever has the key
//! audit   CID → challenges → proofs → what is proved, and what is lost
//!         committed set → receipt → draw → answer → Transcript → AuditLog
//! release manifest + control key → leases ended, node by node
//! pointer signed value → the first nodes of its ranking; read from them and merged by version
//! repair  CID + mandate → enough columns → all columns, checked → other nodes
//! keep    manifest + control key → leases that end too early → renewed
//! ```
//!
//! [`plan`] decides what to ask of whom, [`placement`] where things belong and [`health`] remembers how nodes
//! behaved: all three without input or output, so that a simulator can run them. The rest performs what they decide.
//!
//! What nodes ask for reads a [`Payer`] pays, if the program hands one in. The crate knows no accounts, no media and no HTTP. It
//! gives out no byte that was not verified; where it has the key, none that was not opened.

mod audit_log;
mod care;
mod client;
mod compliance;
mod driver;
mod error;
pub mod health;
mod moment;
mod object;
mod options;
mod paying;
pub mod placement;
pub mod plan;
mod pointers;
mod put_answer;
mod quote;
mod reader;
mod report;
mod roster;
mod sealed_object;
mod tally;
mod throttle;
mod wire;

pub use audit_log::{AuditLog, AuditLogError, AuditLogReader};
pub use care::{REPAIR_LEAVES, Vote, claim_subject};
pub use client::Client;
pub use compliance::TagCensus;
pub use driver::cells::CellStream;
pub use driver::sealed::{SealedBytes, SealedCells, SealedColumn, SealedStream};
pub use error::{FetchError, OpenObjectError, PutError, ReadError, RefreshError, RelocateError, RepairError};
pub use moment::Moment;
pub use object::{Object, OpenedCell, Origin};
pub use options::{ClientOptions, Move, ObjectSecrets, PutOptions, RepairAuthority, RepairOrder};
pub use paying::{Bill, Payer};
pub use pointers::{POINTER_COPIES, PointerWrite, PointersRead, Quorum};
pub use proofs::Cid;
pub use put_answer::PutAnswer;
pub use quote::Quote;
pub use reader::ObjectReader;
pub use report::{
    AuditReport, Inconsistency, KeepReport, MissingPart, NodeRelease, Part, PartReport, PartState,
    PutProgress, PutReport, Refreshed, ReleaseReport, RepairReport,
};
pub use sealed_object::SealedObject;
pub use tally::ReadTally;
