//! Keys of nodes and gateways: files of 32 bytes.

use std::fs;
use std::path::Path;

use anyhow::Context;
use protocol::SecretKey;
use zeroize::Zeroizing;

/// The key in this file.
pub(crate) fn read(path: &Path) -> anyhow::Result<SecretKey> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read the key {shown}"))?;
    let bytes = Zeroizing::new(bytes);
    let bytes = bytes.as_slice().try_into().with_context(|| format!("the key {shown} has not 32 bytes"))?;
    Ok(SecretKey::from_bytes(bytes))
}
