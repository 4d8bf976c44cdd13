//! What a recipient passes on of a grant: their pointers, and what lies there.

use anyhow::Context as _;
use chunker::{Coding, Link};
use client::Client;
use protocol::{Pointer, Sequence, Slot, UnixSeconds};
use sharing::{
    DELEGATION_SLOTS, DELEGATION_TYPE, GrantLink, GrantVersion, GrantVersionError, HolderSecret, Holding,
    Identity, NewDelegation, SeenDelegation,
};

use super::newest::PATIENCE;
use super::publish::{point, put};
use super::{bytes_of, parse};
use crate::names::{Names, now};

/// The pointers of one recipient.
#[derive(Debug)]
pub(crate) struct Delegations<'a> {
    pub(crate) client: &'a Client,
    pub(crate) holder: &'a HolderSecret,
}

/// Where one of them stands.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    pub(crate) seq: Sequence,
    /// Until when nodes keep the pointer.
    pub(crate) until: UnixSeconds,
    pub(crate) says: Says,
}

/// What a pointer says.
#[derive(Debug)]
pub(crate) enum Says {
    At(Link),
    Ended,
    Unreadable(GrantVersionError),
}

impl Delegations<'_> {
    /// All that nodes know of, whether they have ended or not; where one number was signed twice, both.
    pub(crate) async fn places(&self) -> Vec<Place> {
        self.read().await.0
    }

    /// The same, and whether enough nodes have answered to be certain that there is nothing else.
    pub(super) async fn read(&self) -> (Vec<Place>, bool) {
        let read = self.client.pointers(self.holder.key().public(), PATIENCE).await;
        let is_certain = read.has_quorum();
        let slots = read.slots.into_iter().filter(|(slot, _)| DELEGATION_SLOTS.contains(&slot.get()));
        let newest = slots.flat_map(|(_, versions)| {
            let seq = versions.first().map(|pointer| pointer.body().seq);
            versions.into_iter().take_while(move |pointer| Some(pointer.body().seq) == seq)
        });
        (newest.map(|pointer| self.place(pointer.body())).collect(), is_certain)
    }

    fn place(&self, pointer: &Pointer) -> Place {
        let &Pointer { slot, seq, expires: until, ref value } = pointer;
        let says = match GrantVersion::open(value, &self.link(slot), seq) {
            Ok(GrantVersion::At(link)) => Says::At(link),
            Ok(GrantVersion::Ended) => Says::Ended,
            Err(error) => Says::Unreadable(error),
        };
        Place { slot, seq, until, says }
    }

    /// What lies there.
    pub(crate) async fn seen(&self, link: &Link) -> anyhow::Result<SeenDelegation> {
        let object = self.client.open(link).await.context("cannot open what was passed on")?;
        let bytes = bytes_of(&object).await?;
        Ok(SeenDelegation::read(&bytes, &self.client.network(), self.holder)?)
    }

    /// Passes a grant on, and has the nodes say so. What it replaces is to be released by later commands.
    pub(crate) async fn publish(
        &self,
        names: &Names,
        coding: Coding,
        holding: &Holding,
        new: NewDelegation,
        to: &[Identity],
    ) -> anyhow::Result<GrantLink> {
        let (slot, seq) = (new.slot, new.seq);
        let expires = new.expires.context("what is passed on has an end")?;
        let (account, network) = (names.account.secret(), self.client.network());
        let bytes = holding.pass_on(new, account, &network, to, rand::random(), &mut rand::rng())?;
        let report = put(self.client, names, coding, &bytes, DELEGATION_TYPE, expires).await?;
        let at = GrantVersion::At(report.link.clone());
        if let Err(error) = self.point(slot, seq, &at, expires).await {
            names.local.release_later(report.cid, now())?;
            return Err(error);
        }
        Ok(self.link(slot))
    }

    /// Has whoever asks for what was passed on hear that it has ended.
    pub(crate) async fn end(&self, place: &Place) -> anyhow::Result<()> {
        self.point(place.slot, place.seq.next(), &GrantVersion::Ended, place.until).await
    }

    pub(crate) fn link(&self, slot: Slot) -> GrantLink {
        self.holder.delegation(slot).link().clone()
    }

    async fn point(
        &self,
        slot: Slot,
        seq: Sequence,
        version: &GrantVersion,
        expires: UnixSeconds,
    ) -> anyhow::Result<()> {
        let keys = self.holder.delegation(slot);
        point(self.client, keys.pointer(), keys.link(), seq, version, expires).await
    }
}

/// How the texts of these recipients begin, by the key that signs for them.
pub(crate) fn signers(to: &[String]) -> Vec<String> {
    to.iter().filter_map(|text| Some(Identity::beginning(parse(text).ok()?.signs()))).collect()
}
