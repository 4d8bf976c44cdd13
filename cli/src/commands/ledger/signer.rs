//! With which key of the account something is signed.

use clap::Args;
use protocol::SecretKey;

use crate::account;
use crate::arguments::Globals;

/// Which key signs.
#[derive(Args, Debug)]
pub(super) struct Signer {
    /// With the key that signs your publications, not with the one that pays and watches
    #[arg(long)]
    as_creator: bool,
}

impl Signer {
    pub(super) fn open(&self, globals: &Globals) -> anyhow::Result<SecretKey> {
        let account = account::open(globals.account.as_deref(), globals.output())?;
        Ok(if self.as_creator { creator(&account) } else { account::payment(&account) })
    }
}

/// The key that signs the account's publications.
pub(super) fn creator(account: &chunker::AccountSecret) -> SecretKey {
    SecretKey::from_bytes(account.creator_seed().expose())
}
