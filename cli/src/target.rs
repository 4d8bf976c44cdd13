//! Which objects a command is about: those of a name, of a link, which can read them, or an address, which can only audit it.

use std::fmt;
use std::str::FromStr;

use account::RecordFolder;
use anyhow::{Context, bail};
use chunker::Link;
use client::{Client, Object};
use proofs::Cid;
use protocol::UnixSeconds;
use sharing::{IndexPath, PackRef};

use crate::arguments::Globals;
use crate::failure::Usage;
use crate::names::{Names, parse_path};
use crate::secrets::SecretArg;
use crate::{holds, packs};

/// An object as the user named it.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Link(Link),
    Cid(Cid),
}

/// All that an argument stands for: the one place that says so.
#[derive(Debug)]
pub(crate) struct Targets {
    target: Target,
    /// A record, or a folder of some, in a folder of records.
    inside: Option<IndexPath>,
    /// The name, where it was given by one.
    name: Option<IndexPath>,
}

/// The objects of an argument.
#[derive(Debug)]
pub(crate) struct Objects {
    /// The first one, where the argument can open it.
    pub(crate) opened: Option<Object>,
    /// The object itself, and then the packs of a folder of records.
    pub(crate) cids: Vec<Cid>,
}

impl Targets {
    /// What an argument names: a name in the index, a link, perhaps with a path into a folder of records, or an address.
    pub(crate) async fn read(argument: &SecretArg, globals: &Globals) -> anyhow::Result<Self> {
        let name = argument.in_place().filter(|name| name.starts_with('/')).map(parse_path).transpose()?;
        let text = argument.read()?;
        let (target, inside) = match text.parse() {
            Ok(target) if name.is_none() => (target, None),
            Err(error) if name.is_none() && !text.contains('/') => {
                // The text itself is not repeated: it may be a key.
                return Err(Usage::because(format!("this is not a link or an address: {error}")));
            }
            _ => {
                let (link, inside) = packs::link_and_path(argument, &text, globals).await?;
                (Target::Link(link), inside)
            }
        };
        Ok(Self { target, inside, name })
    }

    /// The address, where there is nothing but one: then no network need be asked.
    pub(crate) const fn address(&self) -> Option<Cid> {
        match &self.target {
            Target::Cid(cid) => Some(*cid),
            Target::Link(_) => None,
        }
    }

    /// The objects. An address alone does not tell whether it is a folder of records: then it is one object.
    pub(crate) async fn objects(&self, client: &Client) -> anyhow::Result<Objects> {
        let Target::Link(link) = &self.target else {
            return Ok(Objects { opened: None, cids: vec![self.target.cid()] });
        };
        let opened = client.open(link).await.context("cannot open the link")?;
        let mut cids = vec![opened.cid()];
        if RecordFolder::is_one(&opened) {
            cids.extend(self.packs(&RecordFolder::open(client, &opened).await?).await?);
        } else if let Some(inside) = &self.inside {
            bail!("there is nothing called {inside} in it: it is no folder of records");
        }
        Ok(Objects { opened: Some(opened), cids })
    }

    /// Until when any of it is held under its names, if it is.
    pub(crate) async fn held_until(&self, globals: &Globals) -> anyhow::Result<Option<UnixSeconds>> {
        let names = Names::open(globals).await?;
        let index = names.local.index();
        let paths = index.paths_of(self.target.cid()).chain(&self.name);
        Ok(paths.filter_map(|path| holds::latest(index, path)).max())
    }

    async fn packs(&self, folder: &RecordFolder) -> anyhow::Result<Vec<Cid>> {
        let packs = folder.catalogue().packs();
        let Some(inside) = &self.inside else { return Ok(packs.iter().map(PackRef::object).collect()) };
        let with = folder.packs_with(inside).await?;
        if with.is_empty() {
            bail!("there is no record {inside} in it");
        }
        Ok(with.into_iter().map(|number| packs[number].object()).collect())
    }
}

impl Target {
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
