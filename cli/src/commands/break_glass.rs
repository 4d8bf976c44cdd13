//! `headwater break-glass`: reads in an emergency what was sealed for one, on record.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use client::Client;
use sharing::{GrantLink, READER_CHARS_MAX, ShareLink};

use crate::arguments::Globals;
use crate::commands::open::{Holder, Open};
use crate::failure::{Outcome, Usage};
use crate::grants::{self, emergency_link};
use crate::membership::Network;
use crate::printable::quoted;
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

    /// Who you are: the gateway has it on record, and the owner reads it [default: no name; the owner learns whose grant it is nevertheless]
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
        let who = self.stated()?;
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
        let gateway = share.parse::<ShareLink>().map(|link| link.origin().to_owned())?;
        let said = self.who.as_ref().map_or_else(|| "no name".to_owned(), |who| quoted(who));
        globals.output().note(format_args!(
            "{gateway} has on record from now on: {said}, because {}; your identity it does not learn, and the owner does",
            quoted(self.reason.trim())
        ));
        Box::pin(Open::for_reader(share, who, holder, self.output).run(globals)).await
    }

    /// Who reads and why, as gateway and owner see it. Without a name none is given: the signature tells the owner who it is, and nobody else.
    fn stated(&self) -> anyhow::Result<String> {
        if self.reason.trim().is_empty() {
            return Err(Usage::because("--reason must say why"));
        }
        // The first colon parts name and reason.
        let who = self.who.as_deref().unwrap_or_default().replace(": ", " ");
        let who = who.trim_end_matches(':');
        let stated = format!("{who}: {}", self.reason.trim());
        if stated.chars().count() > READER_CHARS_MAX {
            return Err(Usage::because(format!(
                "name and reason together have {READER_CHARS_MAX} characters at most"
            )));
        }
        Ok(stated)
    }
}
