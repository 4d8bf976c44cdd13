//! `headwater steward add` and `remove`: what lies in the folder of mandates.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use anyhow::Context;
use clap::Args;
use client::Client;
use serde::Serialize;
use steward::Ward;

use super::settings;
use crate::account;
use crate::arguments::Globals;
use crate::commands::repair::{mandate_for, own_mandate, read_mandates};
use crate::date::Date;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::names::now;
use crate::secrets::SecretArg;
use crate::target::Targets;

/// Look after an object from now on
///
/// Puts a mandate into the steward's folder. Without --mandate the object must be yours: the mandate is written for
/// this account.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater steward add @film.link --until 2030-01-01
  headwater steward add bafyr4i… --mandate care.mandate --tag hospital")]
pub(super) struct Add {
    /// The name, the link, or the address alone: itself, @FILE, or - for standard input. Of a folder of records all packs are looked after
    target: SecretArg,

    /// A mandate by the object's owner to your account, where the object is not yours
    #[arg(long, value_name = "FILE")]
    mandate: Option<PathBuf>,

    /// The first day on which it need not be kept any more, in UTC [default: when the mandate ends]
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,

    /// A word by which to find it; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    tags: Vec<String>,

    #[command(flatten)]
    folder: Folder,
}

/// No longer look after an object
///
/// Takes its mandate out of the steward's folder. What the nodes keep stays until its leases end.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater steward remove bafyr4i…")]
pub(super) struct Remove {
    /// The link, or the address alone: itself, @FILE, or - for standard input
    target: SecretArg,

    #[command(flatten)]
    folder: Folder,
}

/// Which steward is meant.
#[derive(Args, Debug)]
pub(super) struct Folder {
    /// The steward's folder [default: steward in your data folder]
    #[arg(long, env = "HEADWATER_STEWARD_DIR")]
    dir: Option<PathBuf>,

    /// Its folder of mandates [default: mandates in that folder]
    #[arg(long, value_name = "DIR", env = "HEADWATER_STEWARD_MANDATES")]
    mandates: Option<PathBuf>,
}

impl Folder {
    pub(super) fn dir(&self) -> anyhow::Result<PathBuf> {
        settings::dir(self.dir.clone())
    }

    fn mandates(&self) -> anyhow::Result<PathBuf> {
        match &self.mandates {
            Some(mandates) => Ok(mandates.clone()),
            None => Ok(self.dir()?.join("mandates")),
        }
    }
}

#[derive(Serialize)]
struct Answer {
    cid: String,
    /// How many objects: more than one where it is a folder of records.
    objects: usize,
    looked_after: bool,
    until: Option<u64>,
    mandates: PathBuf,
}

impl Add {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let targets = Targets::read(&self.target, globals).await?;
        if let Some(day) = self.until.map(Date::begins).filter(|day| day.has_passed(now())) {
            return Err(Usage::because(format!("{day} has passed: there would be nothing to look after")));
        }
        let mandates = self.folder.mandates()?;
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let held_until = if self.mandate.is_none() { targets.held_until(globals).await? } else { None };
        // What has to stay longer than such a mandate usually holds gets one that reaches beyond.
        let beyond_s = held_until.map_or(0, |until| until.seconds_since(now()) + BEYOND_HOLD_S);
        let lifetime_s = OWN_MANDATE_LIFETIME_S.max(beyond_s);
        let given = self.mandate.as_deref().map(read_mandates).transpose()?;
        let find = async |client: &Client| {
            let mut found = Vec::new();
            for cid in targets.objects(client).await?.cids {
                let mandate = match &given {
                    Some(given) => mandate_for(given, cid)?,
                    None => own_mandate(client, &account, cid, lifetime_s).await?,
                };
                found.push((cid, mandate));
            }
            Ok(found)
        };
        let found = match (&given, targets.address()) {
            (Some(given), Some(cid)) => vec![(cid, mandate_for(given, cid)?)],
            _ => Network::load(globals.network.as_deref()).await?.with_client(None, find).await?,
        };
        let (cid, objects) = (found[0].0.to_string(), found.len());
        let mut until = None;
        for (cid, mandate) in found {
            if mandate.body().holder != account::payer(&account).public() {
                return Err(Usage::because("the mandate was written for another holder than this account"));
            }
            let keep_until = self.until.map_or(mandate.body().expires, Date::begins);
            let ends = keep_until.min(mandate.body().expires);
            if let Some(held) = held_until.filter(|held| ends <= *held) {
                let why = format!("it is held until {held}, and would be looked after until {ends} alone");
                return Err(Usage::because(why));
            }
            until = until.min(Some(ends)).or(Some(ends));
            write(&mandates, &Ward { cid, mandate, keep_until, tags: self.tags.clone() })?;
        }
        let until = until.map(protocol::UnixSeconds::get);
        globals.output().answer(&Answer { cid, objects, looked_after: true, until, mandates })?;
        Ok(Outcome::Complete)
    }
}

/// How much longer than the date of a hold a mandate holds, in seconds.
const BEYOND_HOLD_S: u64 = 86_400;
/// How long the mandate holds that an owner writes for its own steward, in seconds: ten years.
const OWN_MANDATE_LIFETIME_S: u64 = 10 * 365 * 86_400;

fn write(mandates: &Path, ward: &Ward) -> anyhow::Result<()> {
    fs::create_dir_all(mandates)
        .and_then(|()| steward::write_ward(mandates, ward))
        .with_context(|| format!("cannot write into {}", mandates.display()))
}

impl Remove {
    pub(super) async fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let targets = Targets::read(&self.target, globals).await?;
        let mandates = self.folder.mandates()?;
        let list = async |client: &Client| Ok(targets.objects(client).await?.cids);
        let cids = match targets.address() {
            Some(cid) => vec![cid],
            None => Network::load(globals.network.as_deref()).await?.with_client(None, list).await?,
        };
        let mut removed = 0;
        for cid in &cids {
            let was_there = steward::remove_ward(&mandates, cid);
            let was_there =
                was_there.with_context(|| format!("cannot remove from {}", mandates.display()))?;
            removed += usize::from(was_there);
        }
        let cid = cids[0].to_string();
        if removed == 0 {
            let text = format!("there is no file {cid}.mandate in {}", mandates.display());
            return Err(Usage::because(text));
        }
        let answer = Answer { cid, objects: removed, looked_after: false, until: None, mandates };
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => writeln!(f, "looked after until {}", protocol::UnixSeconds::new(until)),
            None => writeln!(f, "no longer looked after; its leases end when they end"),
        }
    }
}
