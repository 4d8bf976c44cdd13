//! How a gateway takes part in payments: its ledger, its key, its file of receipts.

use std::path::Path;
use std::{fs, io};

use anyhow::Context;
use gateway::{PayConfig, Till};
use protocol::{NetworkId, SecretKey};

use crate::failure::Usage;
use crate::folders;
use crate::gateway_api;

/// The file of the key that grants name.
const KEY_FILE: &str = "gateway.key";
/// The file of receipts.
const RECEIPTS_FILE: &str = "receipts.redb";

/// The till of a gateway whose ledger is at `ledger`; key and receipts lie in `folder`, which is made when it is missing.
pub(super) async fn till(
    ledger: &str,
    folder: &Path,
    credit_bytes: u64,
    network: NetworkId,
) -> anyhow::Result<Till> {
    let ledger = gateway_api::address(ledger)
        .map_err(|_| Usage::because(format!("{ledger:?} is no address of a ledger")))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let secret = key(&folder.join(KEY_FILE))?;
    let config = PayConfig { ledger, receipts: folder.join(RECEIPTS_FILE), secret, credit_bytes };
    Ok(Till::open(config, network).await?)
}

/// The key in this file; a new one when there is none.
fn key(path: &Path) -> anyhow::Result<SecretKey> {
    let shown = path.display();
    match fs::read(path) {
        Ok(bytes) => {
            let bytes = bytes.as_slice().try_into();
            Ok(SecretKey::from_bytes(bytes.with_context(|| format!("the key {shown} has not 32 bytes"))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = SecretKey::from_bytes(&rand::random());
            folders::write_privately(path, &secret.to_bytes())
                .with_context(|| format!("cannot write the key {shown}"))?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read the key {shown}")),
    }
}
