//! A grant as its reader has opened it: one that was given to them, or passed on.

use anyhow::Context as _;
use chunker::AccountSecret;
use client::{Client, Object};
use protocol::{NetworkId, Sequence};
use sharing::{
    GrantLink, GrantedFile, HolderSecret, Holding, Identity, OpenGrantError, OpenedDelegation, OpenedGrant,
    OwnIdentity,
};

use super::{bytes_of, check_above};
use crate::arguments::Globals;
use crate::names::now;

/// A grant that counts now, and opens for this account.
#[derive(Debug)]
pub(crate) enum Opened {
    Grant(Box<OpenedGrant>),
    Delegation(OpenedDelegation),
}

impl Opened {
    /// What it opens.
    pub(crate) fn files(&self) -> &[GrantedFile] {
        match self {
            Self::Grant(grant) => &grant.files,
            Self::Delegation(delegation) => &delegation.files,
        }
    }

    /// By what this account shows that it was given to it.
    pub(crate) const fn holder(&self) -> &HolderSecret {
        match self {
            Self::Grant(grant) => &grant.holder,
            Self::Delegation(delegation) => &delegation.holder,
        }
    }

    /// What this account may pass on of it.
    pub(crate) fn holding(&self, network: &NetworkId) -> Result<Option<Holding>, OpenGrantError> {
        match self {
            Self::Grant(grant) => grant.holding(network),
            Self::Delegation(delegation) => delegation.holding(network),
        }
    }

    pub(super) fn check_version(&self, link: &GrantLink, seq: Sequence) -> Result<(), OpenGrantError> {
        match self {
            Self::Grant(grant) => grant.check_version(link, seq),
            Self::Delegation(delegation) => delegation.check_version(link, seq),
        }
    }
}

/// Opens what was passed on, when all above it still stands, and says on standard error who has granted it, and who has passed it on.
pub(super) async fn delegation(
    client: &Client,
    object: &Object,
    account: &AccountSecret,
    globals: &Globals,
) -> anyhow::Result<OpenedDelegation> {
    let bytes = bytes_of(object).await?;
    let opened = OpenedDelegation::open(&bytes, &client.network(), &OwnIdentity::of(account));
    let opened = opened.context("cannot open what was passed on")?;
    opened.check_time(now())?;
    check_above(client, &opened, globals).await?;
    let purpose = opened.purpose().map(|purpose| format!(", for {purpose}")).unwrap_or_default();
    let until = opened.expires().map(|at| format!(", until {at}")).unwrap_or_default();
    let chain: Vec<_> =
        std::iter::once(opened.by()).chain(opened.through()).map(Identity::beginning).collect();
    globals.output().note(format_args!("granted by {}{purpose}{until}", chain.join(", passed on by ")));
    Ok(opened)
}
