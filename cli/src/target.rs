//! Which object a command is about: a link, which can read it, or an address, which can only audit it.

use std::fmt;
use std::str::FromStr;

use chunker::Link;
use proofs::Cid;

use crate::secrets::SecretArg;

/// An object as the user named it.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Link(Link),
    Cid(Cid),
}

impl Target {
    pub(crate) fn read(argument: &SecretArg) -> anyhow::Result<Self> {
        argument.parse("a link or an address")
    }

    pub(crate) fn cid(&self) -> Cid {
        match self {
            Self::Link(link) => link.cid(),
            Self::Cid(cid) => *cid,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        // Whatever has a colon was meant as a link; its error says more.
        if text.contains(':') {
            text.parse().map(Self::Link).map_err(|error| TargetError(Box::new(error)))
        } else {
            text.parse().map(Self::Cid).map_err(|error| TargetError(Box::new(error)))
        }
    }
}

/// Why a text names no object. It does not repeat the text, which may be a secret.
#[derive(Debug)]
pub(crate) struct TargetError(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
