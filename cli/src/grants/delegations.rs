//! What recipients have passed on of a grant: a recipient's own, and all of them as its owner finds them.

use std::collections::VecDeque;

use anyhow::Context as _;
use chunker::{Coding, Link};
use client::Client;
use futures_util::{StreamExt as _, stream};
use protocol::{PublicKey, Sequence, Slot, UnixSeconds};
use sharing::{
    DELEGATION_SLOTS, DELEGATION_TYPE, FileName, GRANT_SLOT, GrantLink, GrantVersion, HolderSecret, Holding,
    Identity, NewDelegation, SeenDelegation, TrailText, TrailWhat,
};

use super::newest::PATIENCE;
use super::publish::{point, put};
use super::{Given, bytes_of, facts, parse};
use crate::arguments::Globals;
use crate::directory::{self, Directory};
use crate::names::{Names, now};
use crate::output::Output;
use crate::trail::TrailFile;

/// Recipients of one grant, and those to whom it was passed on, of whom is asked whether they have passed it on.
const HOLDERS_ASKED_MAX: usize = 4096;
/// Recipients about whom nodes are asked at the same time.
const ASKED_AT_ONCE: usize = 8;

/// What was passed on of a grant, as those above see it.
#[derive(Debug)]
pub(crate) struct PassedOn {
    pub(crate) seen: SeenDelegation,
    /// How often it was passed on from the grant to here: 1 and more.
    pub(crate) level: usize,
    /// Whether it is of the version of the grant above that counts now.
    pub(crate) counts: bool,
}

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
    /// None where it has ended.
    pub(crate) at: Option<Link>,
}

impl Delegations<'_> {
    /// All that nodes know of, whether they have ended or not.
    pub(crate) async fn places(&self) -> Vec<Place> {
        let series = self.link(Slot::new(*DELEGATION_SLOTS.start())).series();
        let read = self.client.pointers(series, PATIENCE).await;
        let newest = read.slots.into_iter().filter(|(slot, _)| DELEGATION_SLOTS.contains(&slot.get()));
        let newest = newest.filter_map(|(slot, versions)| Some((slot, versions.into_iter().next()?)));
        let place = |(slot, pointer): (Slot, protocol::Signed<protocol::Pointer>)| {
            let (seq, until) = (pointer.body().seq, pointer.body().expires);
            let at = match GrantVersion::open(&pointer.body().value, &self.link(slot), seq).ok()? {
                GrantVersion::At(link) => Some(link),
                GrantVersion::Ended => None,
            };
            Some(Place { slot, seq, until, at })
        };
        newest.filter_map(place).collect()
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

/// Who may have passed a grant on.
struct Holder {
    secret: HolderSecret,
    /// What they were given: its pointer and version.
    place: (PublicKey, Slot, Sequence),
    level: usize,
}

/// All that was passed on of a grant, down to the last recipient, as far as the nodes that answer know; says what cannot be read.
pub(crate) async fn passed_on(
    client: &Client,
    names: &Names,
    given: &Given,
    output: Output,
) -> Vec<PassedOn> {
    if given.opened.depth().is_none() {
        return Vec::new();
    }
    let keys = given.keys(names);
    let grant = &given.opened.grant;
    let place = (grant.series, GRANT_SLOT, grant.seq);
    let mut waiting = VecDeque::from(holders(keys.holder(), place, &given.note.to, 1));
    let (mut found, mut asked) = (Vec::new(), 0);
    while !waiting.is_empty() {
        let some: Vec<_> = waiting.drain(..waiting.len().min(ASKED_AT_ONCE)).collect();
        asked += some.len();
        if asked > HOLDERS_ASKED_MAX {
            output.note(format_args!(
                "{} was passed on to more than {HOLDERS_ASKED_MAX}: not all are asked",
                given.path
            ));
            break;
        }
        let asking = some.into_iter().map(|holder| async {
            let seen = of_one(client, &holder, output).await;
            (holder, seen)
        });
        let answers: Vec<_> = stream::iter(asking).buffered(ASKED_AT_ONCE).collect().await;
        for (holder, all) in answers {
            for seen in all.into_iter().filter(|seen| seen.owner() == given.opened.by) {
                let place = seen.place();
                waiting.extend(holders_below(&holder, place, &seen));
                let (series, slot, seq) = holder.place;
                found.push(PassedOn { counts: seen.is_below(series, slot, seq), level: holder.level, seen });
            }
        }
    }
    found
}

/// Writes into the trail what it does not have yet of what was passed on.
pub(crate) fn note_passed_on(
    globals: &Globals,
    client: &Client,
    names: &Names,
    given: &Given,
    all: &[PassedOn],
    directory: &Directory,
) -> anyhow::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    let entry = |one: &PassedOn| {
        let (_, slot, seq) = one.seen.place();
        let names: Vec<_> = one.seen.note.names.iter().map(FileName::as_str).collect();
        let until = one.seen.expires().map(|at| format!(", until {at}")).unwrap_or_default();
        let about = format!(
            "{} passed on by {}, {slot}.{seq}: {}{until}",
            given.path,
            directory::shown(one.seen.by()),
            names.join(", ")
        );
        let mut facts = facts(given, TrailWhat::Delegated);
        facts.about = TrailText::cut(&about);
        facts.who = TrailText::cut(&directory.list(&one.seen.note.to));
        facts
    };
    let entries: Vec<_> = all.iter().map(entry).collect();
    let mut trail = TrailFile::open(globals, names.account.secret(), client.network())?;
    trail.append_with(|trail| {
        let is_new = |facts: &sharing::Facts| {
            let known = trail.of_link(given.note.id).filter(|known| known.what == TrailWhat::Delegated);
            !known.into_iter().any(|known| known.about == facts.about)
        };
        entries.into_iter().filter(is_new).collect()
    })
}

/// How the texts of these recipients begin, by the key that signs for them.
pub(crate) fn signers(to: &[String]) -> Vec<String> {
    to.iter().filter_map(|text| Some(Identity::beginning(parse(text).ok()?.signs()))).collect()
}

fn holders(
    from: &HolderSecret,
    place: (PublicKey, Slot, Sequence),
    to: &[String],
    level: usize,
) -> Vec<Holder> {
    let of = |text: &String| {
        let secret = from.of_recipient(place.1, parse(text).ok()?.signs());
        Some(Holder { secret, place, level })
    };
    to.iter().filter_map(of).collect()
}

/// Those who may pass it on from there.
fn holders_below(holder: &Holder, place: (PublicKey, Slot, Sequence), seen: &SeenDelegation) -> Vec<Holder> {
    if seen.depth().is_none() {
        return Vec::new();
    }
    holders(&holder.secret, place, &seen.note.to, holder.level + 1)
}

async fn of_one(client: &Client, holder: &Holder, output: Output) -> Vec<SeenDelegation> {
    let own = Delegations { client, holder: &holder.secret };
    let mut all = Vec::new();
    for place in own.places().await {
        let Some(link) = &place.at else { continue };
        match own.seen(link).await {
            Ok(seen) => all.push(seen),
            Err(error) => output.note(format_args!("what was passed on cannot be read: {error:#}")),
        }
    }
    all
}
