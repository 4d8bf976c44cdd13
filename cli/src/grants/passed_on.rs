//! What was passed on of a grant of the account, down to the last recipient, as far as nodes that answer know.

use std::collections::VecDeque;

use client::Client;
use futures_util::{StreamExt as _, stream};
use protocol::{PublicKey, Sequence, Slot};
use sharing::{GRANT_SLOT, HolderSecret, Identity, SeenDelegation, TrailText, TrailWhat};

use super::{Delegations, Given, Place, Says, facts, parse};
use crate::arguments::Globals;
use crate::directory::{self, Directory};
use crate::failure;
use crate::names::Names;
use crate::output::Output;
use crate::trail::TrailFile;

/// Recipients of one grant, and those to whom it was passed on, of whom is asked whether they have passed it on.
const HOLDERS_ASKED_MAX: usize = 4096;
/// Recipients about whom nodes are asked at the same time.
const ASKED_AT_ONCE: usize = 8;

/// What lies where a recipient of a grant says what they pass on, as its owner finds it.
#[derive(Debug)]
pub(crate) struct PassedOn {
    /// To whom the grant was given whose place this is: nobody else can sign there, and readers take it from nobody else.
    pub(crate) by: PublicKey,
    /// How often it was passed on from the grant to here: 1 and more.
    pub(crate) level: usize,
    pub(crate) slot: Slot,
    pub(crate) seq: Sequence,
    pub(crate) found: Found,
}

/// What was found at one place.
#[derive(Debug)]
pub(crate) enum Found {
    /// It was passed on, and `counts` where it is of the version of the grant above that counts now.
    Seen { seen: Box<SeenDelegation>, counts: bool },
    /// Something was passed on that has ended since.
    Ended,
    /// Something that its owner cannot read, and for what reason.
    Unreadable(String),
}

/// Who may have passed a grant on.
struct Holder {
    secret: HolderSecret,
    signs: PublicKey,
    /// What they were given: its pointer and version.
    place: (PublicKey, Slot, Sequence),
    level: usize,
    /// Whether what they were given counts now.
    counts: bool,
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
    let to = given.note.to.iter().filter_map(|text| parse(text).ok());
    let mut waiting = VecDeque::from(holders(keys.holder(), place, to, 1, true));
    let (mut found, mut asked, mut is_certain) = (Vec::new(), 0, true);
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
        let asking = some.into_iter().map(|holder| of_one(client, holder, given.opened.by));
        let answers: Vec<_> = stream::iter(asking).buffered(ASKED_AT_ONCE).collect().await;
        for OfOne { all, below, is_certain: enough } in answers {
            found.extend(all);
            waiting.extend(below);
            is_certain &= enough;
        }
    }
    if !is_certain {
        output.note(format_args!(
            "too few nodes answer to be certain that no more of {} was passed on",
            given.path
        ));
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
        let about = match &one.found {
            Found::Seen { seen, .. } => {
                let until = seen.expires().map(|at| format!(", until {at}")).unwrap_or_default();
                format!("{}{until}", one.files(given).join(", "))
            }
            Found::Unreadable(_) => "what you cannot read".to_owned(),
            Found::Ended => return None,
        };
        let PassedOn { by, slot, seq, .. } = one;
        let about = format!("{} passed on by {}, {slot}.{seq}: {about}", given.path, directory::shown(*by));
        let mut facts = facts(given, TrailWhat::Delegated);
        facts.about = TrailText::cut(&about);
        facts.who = TrailText::cut(&one.to(directory));
        Some(facts)
    };
    let entries: Vec<_> = all.iter().filter_map(entry).collect();
    let mut trail = TrailFile::open(globals, names.account.secret(), client.network())?;
    trail.append_with(|trail| {
        let is_new = |facts: &sharing::Facts| {
            let known = trail.of_link(given.note.id).filter(|known| known.what == TrailWhat::Delegated);
            !known.into_iter().any(|known| known.about == facts.about)
        };
        entries.into_iter().filter(is_new).collect()
    })
}

impl PassedOn {
    /// The names of the files. Of another version of the grant they are its giver's word: nobody opens them.
    pub(crate) fn files(&self, given: &Given) -> Vec<String> {
        let Found::Seen { seen, .. } = &self.found else { return Vec::new() };
        let known: Vec<_> = seen.files(&given.opened.files).map(|file| file.name.to_string()).collect();
        if known.len() >= seen.files_len() {
            return known;
        }
        let said = seen.note.iter().flat_map(|note| &note.names);
        said.map(|name| format!("{name} (by their word)")).collect()
    }

    /// To whom, and to how many more whom its giver does not name.
    pub(crate) fn to(&self, directory: &Directory) -> String {
        let Found::Seen { seen, .. } = &self.found else { return String::new() };
        let named: Vec<_> = seen.to.iter().map(ToString::to_string).collect();
        match (named.is_empty(), seen.unnamed) {
            (_, 0) => directory.list(&named),
            (true, unnamed) => format!("{unnamed} NOT NAMED"),
            (false, unnamed) => format!("{} and {unnamed} NOT NAMED", directory.list(&named)),
        }
    }
}

/// What one recipient has passed on, and those to whom, who may have passed it on in turn.
struct OfOne {
    all: Vec<PassedOn>,
    below: Vec<Holder>,
    is_certain: bool,
}

async fn of_one(client: &Client, holder: Holder, owner: PublicKey) -> OfOne {
    let own = Delegations { client, holder: &holder.secret };
    let (places, is_certain) = own.read().await;
    let (mut all, mut below) = (Vec::new(), Vec::new());
    for place in places {
        let found = found(&own, &place, &holder, owner).await;
        if let Found::Seen { seen, counts } = &found
            && seen.depth().is_some()
        {
            let to = seen.to.iter().cloned();
            below.extend(holders(&holder.secret, seen.place(), to, holder.level + 1, *counts));
        }
        let Place { slot, seq, .. } = place;
        all.push(PassedOn { by: holder.signs, level: holder.level, slot, seq, found });
    }
    OfOne { all, below, is_certain }
}

async fn found(own: &Delegations<'_>, place: &Place, holder: &Holder, owner: PublicKey) -> Found {
    let link = match &place.says {
        Says::At(link) => link,
        Says::Ended => return Found::Ended,
        Says::Unreadable(error) => return Found::Unreadable(error.to_string()),
    };
    let seen = match own.seen(link).await {
        Ok(seen) => seen,
        Err(error) => return Found::Unreadable(failure::one_line(&error)),
    };
    if seen.owner() != owner || seen.by() != holder.signs {
        return Found::Unreadable("it is of another grant".to_owned());
    }
    let (_, slot, seq) = seen.place();
    if (slot, seq) != (place.slot, place.seq) {
        return Found::Unreadable(format!(
            "it is {slot}.{seq}, and its pointer says {}.{}",
            place.slot, place.seq
        ));
    }
    let (series, slot, seq) = holder.place;
    Found::Seen { counts: holder.counts && seen.is_below(series, slot, seq), seen: Box::new(seen) }
}

fn holders(
    from: &HolderSecret,
    place: (PublicKey, Slot, Sequence),
    to: impl Iterator<Item = Identity>,
    level: usize,
    counts: bool,
) -> Vec<Holder> {
    let of = |one: Identity| {
        let secret = from.of_recipient(place.1, one.signs());
        Holder { secret, signs: one.signs(), place, level, counts }
    };
    to.map(of).collect()
}
