//! `headwater delegate`: passes a grant on that allows it.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, bail};
use chunker::Coding;
use clap::Args;
use client::Client;
use protocol::{Sequence, Slot};
use serde::Serialize;
use sharing::{
    DELEGATION_SLOTS, Facts, FileName, GrantLink, GrantedFile, Holding, NewDelegation, Reason,
    SeenDelegation, TrailText, TrailWhat,
};

use super::grant::depth;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::grants::{self, Delegations, Place, Says};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::quantity::Duration;
use crate::secrets::SecretArg;
use crate::trail::TrailFile;
use crate::{account as account_file, groups};

/// Pass on what was granted to you, where its owner allows it
///
/// What is passed on is no wider than what you have: files of the grant, until the grant ends or earlier, for its purpose or a closer one. Who
/// gets it sees the owner and you; the owner finds it with `headwater grants`. It ends with the grant, and each new version of the grant ends
/// it as well, until you pass it on once more with --update.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater delegate @grant.link --to headwater-id:… --expires 7d --purpose 'treatment: second opinion'
  headwater delegate @grant.link --to @partners --only knee.dcm > passed-on.link
  headwater delegate @grant.link --list
  headwater delegate @grant.link --update
  headwater delegate @grant.link --end @passed-on.link")]
pub(crate) struct Delegate {
    /// The link of the grant: itself, @FILE, or - for standard input
    #[arg(value_name = "GRANT")]
    link: SecretArg,

    /// To whom: an identity, @GROUP of yours, or @FILE with one in each line; may be repeated
    #[arg(long, value_name = "IDENTITY|@GROUP", required_unless_present_any = ["list", "update", "end"])]
    to: Vec<String>,

    /// Only this file of the grant, by its name there; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// When it ends, such as 7d [default: with the grant]
    #[arg(long, value_name = "TIME")]
    expires: Option<Duration>,

    /// What the files may be used for: as in the grant, or that, a colon and a closer word [default: as in the grant]
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,

    /// Let them pass it on as well, this often one after the other [default: 1]
    #[arg(
        long = "may-delegate",
        value_name = "TIMES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    times: Option<u8>,

    /// List what you have passed on of the grant
    #[arg(long, conflicts_with_all = ["to", "update", "end"])]
    list: bool,

    /// Pass on anew what you have passed on, of the newest version of the grant, under the same links
    #[arg(long, conflicts_with_all = ["to", "end"])]
    update: bool,

    /// End what has this link, which you have passed on
    #[arg(long, value_name = "LINK", conflicts_with = "to")]
    end: Option<SecretArg>,
}

#[derive(Serialize)]
struct Answer {
    delegations: Vec<Line>,
    /// What to do with them: show the link alone.
    #[serde(skip)]
    is_new: bool,
}

#[derive(Serialize)]
struct Line {
    link: String,
    to: Vec<String>,
    files: Vec<String>,
    version: u64,
    expires: Option<u64>,
    purpose: Option<String>,
    has_ended: bool,
}

/// One grant of which something is passed on.
struct Work<'a> {
    own: Delegations<'a>,
    names: &'a Names,
    coding: Coding,
    holding: &'a Holding,
    globals: &'a Globals,
}

impl Delegate {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let text = self.link.read()?;
        let link: GrantLink = text.parse().map_err(|error| Usage::because(format!("{error}")))?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let act = async |client: &Client| {
            names.pull(client).await?;
            let opened = grants::open_newest(client, &link, globals).await?;
            let holding = opened.holding(&client.network())?;
            let holding = holding.context("whoever granted this does not allow that it is passed on")?;
            let own = Delegations { client, holder: holding.secret() };
            let coding = network.usual_coding(client)?;
            let work = Work { own, names: &names, coding, holding: &holding, globals };
            let delegations = self.act(&work).await?;
            Ok(Answer { delegations, is_new: !self.to.is_empty() })
        };
        let answer = network.with_client(Some(payer), act).await?;
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }

    async fn act(&self, work: &Work<'_>) -> anyhow::Result<Vec<Line>> {
        if let Some(end) = &self.end {
            return work.end(&end.parse("the link of what was passed on")?).await;
        }
        if self.list || self.update {
            return work.all(self.update).await;
        }
        let to = groups::identities(work.own.client, work.names, &self.to).await?;
        let new = self.wanted(work).await?;
        let names: Vec<_> = new.files.iter().map(|file| file.name.clone()).collect();
        let (expires, purpose) = (new.expires, new.purpose.clone());
        let (slot, seq) = (new.slot, new.seq);
        work.own.publish(work.names, work.coding, work.holding, new, &to).await?;
        let to: Vec<_> = to.iter().map(ToString::to_string).collect();
        work.note(&names, &to)?;
        Ok(vec![Line {
            link: work.own.link(slot).to_string(),
            to: grants::signers(&to),
            files: names.iter().map(ToString::to_string).collect(),
            version: seq.get(),
            expires: expires.map(protocol::UnixSeconds::get),
            purpose: purpose.map(|purpose| purpose.to_string()),
            has_ended: false,
        }])
    }

    /// What is to be passed on, by the first pointer that is free.
    async fn wanted(&self, work: &Work<'_>) -> anyhow::Result<NewDelegation> {
        let places = work.own.places().await;
        let is_free = |slot: &u16| {
            !places.iter().any(|place| place.slot.get() == *slot && !matches!(place.says, Says::Ended))
        };
        let slot = DELEGATION_SLOTS.into_iter().find(is_free).map(Slot::new);
        let slot = slot.with_context(|| {
            format!("of one grant {} things are passed on at most: end one first", DELEGATION_SLOTS.len())
        })?;
        let before = places.iter().find(|place| place.slot == slot);
        let purpose = self.purpose.clone().map(Reason::new).transpose();
        let purpose = purpose.map_err(|error| Usage::because(format!("--purpose: {error}")))?;
        let ends = self.expires.map(|time| now().plus(time.seconds()));
        Ok(NewDelegation {
            depth: self.times.map(depth).transpose()?,
            expires: Some(ends.or(work.holding.expires()).context("the grant has no end: say --expires")?),
            issued: now(),
            files: self.files(work.holding)?,
            purpose: purpose.or_else(|| work.holding.purpose().cloned()),
            seq: before.map_or(Sequence::FIRST, |place| place.seq.next()),
            slot,
        })
    }

    /// Those that are named, each once, or all.
    fn files(&self, holding: &Holding) -> anyhow::Result<Vec<GrantedFile>> {
        if self.only.is_empty() {
            return Ok(holding.files().to_vec());
        }
        let names = self.only.iter().map(|name| FileName::new(name.as_str()));
        let names = names.collect::<Result<BTreeSet<_>, _>>();
        let names = names.map_err(|error| Usage::because(error.to_string()))?;
        Ok(names.iter().map(|name| holding.file(name).cloned()).collect::<Result<_, _>>()?)
    }
}

impl Work<'_> {
    /// All that stands, passed on anew where that is wanted. What names nothing in the grant any more is left out.
    async fn all(&self, anew: bool) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::new();
        for place in self.own.places().await {
            let Says::At(at) = &place.says else { continue };
            let seen = self.own.seen(at).await?;
            if !anew {
                lines.push(self.line(&place, &seen)?);
                continue;
            }
            self.pass_on_again(&place, &seen).await?;
            self.names.local.release_later(at.cid(), now())?;
            let now = Place { seq: place.seq.next(), says: Says::Ended, ..place };
            lines.push(self.line(&now, &seen)?);
        }
        Ok(lines)
    }

    async fn pass_on_again(&self, place: &Place, seen: &SeenDelegation) -> anyhow::Result<()> {
        let note = seen.note.clone()?;
        // A name in the note means all files that have it: those of which there are several are passed on together.
        let files = self.holding.files().iter().filter(|file| note.names.contains(&file.name));
        let new = NewDelegation {
            depth: seen.depth(),
            expires: seen.expires().into_iter().chain(self.holding.expires()).min(),
            issued: now(),
            files: files.cloned().collect(),
            purpose: seen.purpose().cloned(),
            seq: place.seq.next(),
            slot: place.slot,
        };
        let to = note.to.iter().map(|text| grants::parse(text)).collect::<anyhow::Result<Vec<_>>>()?;
        let published = self.own.publish(self.names, self.coding, self.holding, new, &to).await;
        published.map(drop)
    }

    async fn end(&self, link: &GrantLink) -> anyhow::Result<Vec<Line>> {
        let places = self.own.places().await;
        let place = places.into_iter().find(|place| self.own.link(place.slot) == *link);
        let place = place.context("you have passed on nothing of this grant that has this link")?;
        let Says::At(at) = &place.says else { bail!("what has this link has ended already") };
        let seen = self.own.seen(at).await?;
        self.own.end(&place).await?;
        self.names.local.release_later(at.cid(), now())?;
        Ok(vec![Line { has_ended: true, ..self.line(&place, &seen)? }])
    }

    /// Writes into the account's own trail what it has passed on.
    fn note(&self, names: &[FileName], to: &[String]) -> anyhow::Result<()> {
        let names: Vec<_> = names.iter().map(FileName::as_str).collect();
        let facts = Facts {
            about: TrailText::cut(&format!("passed on of a grant: {}", names.join(", "))),
            who: TrailText::cut(&grants::signers(to).join(", ")),
            ..Facts::new(TrailWhat::Delegated, now())
        };
        let network = self.own.client.network();
        TrailFile::open(self.globals, self.names.account.secret(), network)?.append(facts)
    }

    fn line(&self, place: &Place, seen: &SeenDelegation) -> anyhow::Result<Line> {
        let note = seen.note.clone()?;
        Ok(Line {
            link: self.own.link(place.slot).to_string(),
            to: grants::signers(&note.to),
            files: note.names.iter().map(ToString::to_string).collect(),
            version: place.seq.get(),
            expires: seen.expires().map(protocol::UnixSeconds::get),
            purpose: seen.purpose().map(ToString::to_string),
            has_ended: seen.expires().is_some_and(|at| at <= now()),
        })
    }
}

/// For shells: the link of what is new and nothing else; for people the rest.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.delegations {
            if self.is_new {
                writeln!(f, "{}", line.link)?;
                continue;
            }
            let state = if line.has_ended { "ended" } else { "open " };
            writeln!(f, "{state}  to {}: {}", line.to.join(", "), line.files.join(", "))?;
            writeln!(f, "  {}", line.link)?;
        }
        Ok(())
    }
}
