//! Grants that their recipients pass on: a chain of signed records from the owner to the reader, each no wider than the one above (spec §31).

mod chain;
mod holding;
mod note;
mod opened;
mod passing;
mod record;

pub use chain::ChainError;
pub(super) use chain::Level;
pub use holding::{Holding, NewDelegation};
pub use note::DelegationNote;
pub use opened::{OpenedDelegation, SeenDelegation};
pub(super) use passing::Passing;
pub use passing::{DELEGATION_DEPTH_MAX, Depth};
use protocol::Slot;
pub use record::Delegation;

/// The media type of what was passed on.
pub const DELEGATION_TYPE: &str = "application/vnd.headwater.delegation+cbor";
/// The pointers of a recipient for what they pass on of one grant, first and last.
pub const DELEGATION_SLOTS: std::ops::RangeInclusive<u16> = 2..=17;

pub(super) fn is_delegation_slot(slot: Slot) -> bool {
    DELEGATION_SLOTS.contains(&slot.get())
}
