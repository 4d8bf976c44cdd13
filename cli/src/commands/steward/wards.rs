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
use crate::commands::repair::{own_mandate, read_mandate};
use crate::date::Date;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::names::now;
use crate::secrets::SecretArg;
use crate::target::Target;

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
    /// The link, or the address alone: itself, @FILE, or - for standard input
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
    looked_after: bool,
    until: Option<u64>,
    mandates: PathBuf,
}

impl Add {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let cid = Target::read(&self.target)?.cid();
        if let Some(day) = self.until.map(Date::begins).filter(|day| day.has_passed(now())) {
            return Err(Usage::because(format!("{day} has passed: there would be nothing to look after")));
        }
        let mandates = self.folder.mandates()?;
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let mandate = if let Some(path) = &self.mandate {
            read_mandate(path)?
        } else {
            let network = Network::load(globals.network.as_deref()).await?;
            let lifetime_s = OWN_MANDATE_LIFETIME_S;
            let sign = async |client: &Client| own_mandate(client, &account, cid, lifetime_s).await;
            network.with_client(None, sign).await?
        };
        if mandate.body().holder != account::payer(&account).public() {
            return Err(Usage::because("the mandate was written for another holder than this account"));
        }
        if mandate.body().object.is_some_and(|object| object != cid) {
            return Err(Usage::because("the mandate was written for another object"));
        }
        let keep_until = self.until.map_or(mandate.body().expires, Date::begins);
        let until = keep_until.min(mandate.body().expires);
        write(&mandates, &Ward { cid, mandate, keep_until, tags: self.tags })?;
        let (cid, until) = (cid.to_string(), Some(until.get()));
        globals.output().answer(&Answer { cid, looked_after: true, until, mandates })?;
        Ok(Outcome::Complete)
    }
}

/// How long the mandate holds that an owner writes for its own steward, in seconds: ten years.
const OWN_MANDATE_LIFETIME_S: u64 = 10 * 365 * 86_400;

fn write(mandates: &Path, ward: &Ward) -> anyhow::Result<()> {
    fs::create_dir_all(mandates)
        .and_then(|()| steward::write_ward(mandates, ward))
        .with_context(|| format!("cannot write into {}", mandates.display()))
}

impl Remove {
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let cid = Target::read(&self.target)?.cid();
        let mandates = self.folder.mandates()?;
        let removed = steward::remove_ward(&mandates, &cid)
            .with_context(|| format!("cannot remove from {}", mandates.display()))?;
        if !removed {
            let text = format!("there is no file {cid}.mandate in {}", mandates.display());
            return Err(Usage::because(text));
        }
        globals.output().answer(&Answer {
            cid: cid.to_string(),
            looked_after: false,
            until: None,
            mandates,
        })?;
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
