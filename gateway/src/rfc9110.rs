//! What RFC 9110 decides before a byte of an object is read: conditions, ranges and how several ranges travel.

mod conditions;
mod multipart;
mod range;

pub(crate) use conditions::{EntityTag, Outcome, evaluate};
pub(crate) use multipart::{Multipart, Segment};
pub(crate) use range::{ByteRange, Selection};
