//! `headwater break-glass`: reads in an emergency what was sealed for one, on record.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use client::Client;
use sharing::{GrantLink, Identity, OwnIdentity, READER_CHARS_MAX};

use crate::account;
use crate::arguments::Globals;
use crate::commands::open::{Holder, Open};
use crate::failure::{Outcome, Usage};
use crate::grants::{self, emergency_link};
use crate::membership::Network;
use crate::secrets::SecretArg;

/// Read in an emergency what its owner has sealed for one; it is reported
///
/// The grant is for the group that is on duty, and opens at once, without its owner. The gateway writes down who you are and why, durably,
/// before it gives anything out, and the owner's lists show it before all else until somebody has reviewed it. What you say is signed, so
/// that the owner sees to which of those on duty it was granted: the gateway does not.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater break-glass @emergency.link --as 'Dr. Ng' --reason 'unconscious, allergies unknown' -o chart")]
pub(crate) struct BreakGlass {
    /// The link of the grant: itself, @FILE, or - for standard input
    #[arg(value_name = "GRANT")]
    link: SecretArg,

    /// Why: the owner reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Who you are [default: how your identity begins]
    #[arg(long = "as", value_name = "NAME")]
    who: Option<String>,

    /// The folder into which the files go; - for standard output, where there is one file [default: this folder]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl BreakGlass {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let text = self.link.read()?;
        let link: GrantLink = text.parse().map_err(|error| Usage::because(format!("{error}")))?;
        let who = self.stated(globals)?;
        let find = async |client: &Client| {
            let opened = grants::open_newest(client, &link, globals).await?;
            let file = opened.files().iter().find(|file| grants::is_emergency(file));
            let file = file.ok_or_else(|| {
                Usage::because("this grant is not for emergencies: `headwater open` reads what it opens")
            })?;
            let object = client.open(&file.link()).await.context("cannot read where it is sealed")?;
            let holder = Holder { key: opened.holder().key(), network: client.network() };
            Ok((emergency_link(&object).await?, holder))
        };
        let network = Network::load(globals.network.as_deref()).await?;
        let (share, holder) = network.with_client(None, find).await?;
        Box::pin(Open::for_reader(share, who, holder, self.output).run(globals)).await
    }

    /// Who reads and why, as the owner sees it.
    fn stated(&self, globals: &Globals) -> anyhow::Result<String> {
        if self.reason.trim().is_empty() {
            return Err(Usage::because("--reason must say why"));
        }
        let who = if let Some(who) = &self.who {
            // The first colon parts name and reason.
            who.replace(": ", " ").trim_end_matches(':').to_owned()
        } else {
            let account = account::open(globals.account.as_deref(), globals.output())?;
            Identity::beginning(OwnIdentity::of(&account).public().signs())
        };
        let stated = format!("{who}: {}", self.reason.trim());
        if stated.chars().count() > READER_CHARS_MAX {
            return Err(Usage::because(format!(
                "name and reason together have {READER_CHARS_MAX} characters at most"
            )));
        }
        Ok(stated)
    }
}
