//! The ledger as a service: `headwater ledger serve`, and `headwater witness`.
//!
//! ```text
//! routes → Writer → Sequencer: apply ahead → Store::append_if (one batch, durable) → show, answer
//!                              what is public → Publisher: bundles and tiles → witnesses → checkpoint
//! ```
//!
//! * A [`Store`] keeps the journal: [`RedbStore`] in a file, [`PostgresStore`] for several services over one journal. It
//!   appends where the writer thinks that the end is, and reads; of two writers only one succeeds, and the other follows.
//! * [`RunningLedger`] plays the journal again when it starts, verifies every signature that it has not verified before, and
//!   makes sure that the log on the disk follows from it. Nothing is acknowledged before it is durable.
//! * The log is a folder of tiles ([`LogError`] says what can be wrong with it). It follows from the journal alone.
//! * A [`Schedule`] says when epochs end; each is settled once.
//! * A [`KeyService`] is run by who sells: it seals keys to buyers whose money the ledger has.
//! * All keys follow from one [`LedgerSecret`]. A code of [`LedgerKeys::top_up_code`] is worth money to whoever
//!   redeems it first.
//!
//! What entries mean is said by `ledger`, which this crate drives; it has no rule about money of its own. The routes are
//! specified in `docs/spec.md`, section 25.

mod clock;
mod disputes;
mod durable;
mod keys;
mod log;
mod metrics;
mod places;
mod problem;
mod rates;
mod routes;
mod seller;
mod sequencer;
mod server;
mod service;
mod sessions;
mod spread;
mod state;
mod statement;
mod store;
mod token;
mod top_up;
mod verified;
mod witness;
mod witnesses;

pub use clock::{EPOCH_MAX_S, EPOCH_MIN_S, PROMISE_S, Schedule};
pub use keys::{LedgerKeys, LedgerSecret};
pub use log::LogError;
pub use seller::{
    KeyService, KeyServiceError, LICENCE_LEN_MAX, OwnOffer, keep_offer, offer_is_taken, own_offers,
};
pub use sequencer::ReplayError;
pub use service::{LedgerConfig, RunningLedger, StartError};
pub use store::{
    AppendError, CopyError, PostgresStore, READ_ENTRIES_MAX, RedbStore, Store, StoreError, copy_journal,
};
pub use token::{OPERATOR_TOKEN_LEN_MIN, OperatorToken, OperatorTokenError};
pub use top_up::{TOP_UP_MICRO_MAX, TopUpTooMuch, top_up_amount};
pub use witness::{Witness, WitnessError};
