//! What a ledger has promised, for people and programs.

use std::fmt;

use protocol::{Digest, Promise, Signed, UnixSeconds};
use serde::Serialize;

/// A record that a ledger has taken.
#[derive(Serialize)]
pub(super) struct Promised {
    /// What other records call it.
    name: String,
    until: u64,
}

impl Promised {
    pub(super) fn of(promise: &Signed<Promise>) -> Self {
        let Promise { name, until, .. } = promise.body();
        Self { name: name.to_string(), until: until.get() }
    }
}

impl fmt::Display for Promised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = UnixSeconds::new(self.until);
        writeln!(f, "taken as {}; what follows is in the log by {until}", self.name)
    }
}

/// The name of a record.
pub(super) fn parse_name(text: &str) -> Result<Digest, String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map(Digest::from_bytes).ok_or_else(|| "a name has 64 hexadecimal digits".to_owned())
}
