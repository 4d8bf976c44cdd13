//! Performing what the plans decide: the only part of the client that waits.

pub(crate) mod audit;
pub(crate) mod cells;
pub(crate) mod fetch;
pub(crate) mod put;
pub(crate) mod repair;

use chunker::ControlKey;
use protocol::PublicKey;

/// The control key of a manifest as a key that can verify.
fn public_key(control: ControlKey) -> PublicKey {
    PublicKey::from_bytes(control.as_bytes()).expect("a control key is a curve point")
}
