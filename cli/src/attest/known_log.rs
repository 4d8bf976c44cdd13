//! Which log and which witnesses somebody trusts who checks what stands in one.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ledger::tlog::{Policy, VerifierKey};

use crate::failure::Usage;

/// The log that is known, by its key alone or with its witnesses.
#[derive(Args, Debug)]
pub(crate) struct KnownLog {
    /// The key of the log that you trust, as `headwater ledger init` prints it; its witnesses are not asked for then
    #[arg(long = "log", value_name = "KEY", conflicts_with = "policy")]
    log: Option<VerifierKey>,

    /// Which log and which witnesses you trust: a file in the format tlog-policy of C2SP
    #[arg(long, value_name = "FILE", env = "HEADWATER_LOG_POLICY")]
    policy: Option<PathBuf>,
}

impl KnownLog {
    /// The policy that this is, if one was named.
    pub(crate) fn policy(&self) -> anyhow::Result<Option<Policy>> {
        let text = match (&self.log, &self.policy) {
            (Some(log), _) => format!("log {log}\nquorum none\n"),
            (None, Some(path)) => {
                fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(Policy::parse(&text)?))
    }

    /// The same; nobody is believed without one.
    pub(crate) fn wanted(&self) -> anyhow::Result<Policy> {
        self.policy()?.ok_or_else(|| {
            Usage::because("which log do you trust? name its key with --log, or a policy with --policy")
        })
    }
}
