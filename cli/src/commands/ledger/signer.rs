//! With which key something is signed.

use std::path::PathBuf;

use clap::Args;
use protocol::SecretKey;

use crate::account;
use crate::arguments::Globals;
use crate::key_file;

/// Which key signs.
#[derive(Args, Debug)]
pub(super) struct Signer {
    /// The key file of a node or gateway that pays or earns [default: your account]
    #[arg(long, value_name = "FILE", conflicts_with = "as_creator")]
    key: Option<PathBuf>,

    /// With the key that signs your publications, not with the one that pays and watches
    #[arg(long)]
    as_creator: bool,
}

impl Signer {
    /// Whether it is the account's payment key.
    pub(super) const fn is_payment(&self) -> bool {
        self.key.is_none() && !self.as_creator
    }

    pub(super) fn open(&self, globals: &Globals) -> anyhow::Result<SecretKey> {
        if let Some(path) = &self.key {
            return key_file::read(path);
        }
        let account = account::open(globals.account.as_deref(), globals.output())?;
        Ok(if self.as_creator { account::creator(&account) } else { account::payment(&account) })
    }
}
