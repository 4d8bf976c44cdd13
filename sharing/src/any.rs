//! A signed record about publications, of whatever type.

use crate::{Denial, Publication, Withdrawal};

protocol::any_record! {
    /// A verified record of one of the types of spec §11 that concern publications. Its `Display` tells what it says.
    SharingRecord, "denial, publication or withdrawal",
    Denial(Denial),
    Publication(Publication),
    Withdrawal(Withdrawal),
}
