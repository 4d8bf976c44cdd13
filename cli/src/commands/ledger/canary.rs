//! `headwater ledger canary`: watches for the sake of control, and says what became of it.

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use protocol::Amount;
use publishing::download::{Download, PATIENCE, WatchAddress};
use serde::Serialize;

use super::At;
use crate::arguments::Globals;
use crate::attest::KnownLog;
use crate::commands::attest::witnessed;
use crate::failure::{Cheat, Outcome, Usage};
use crate::money::Money;
use crate::quantity::Duration;
use crate::watch::{
    Canary as Viewer, Check as Wanted, Checked, Comparison, Finding, Offer, Outing, Shown, UsedGrant,
};
use crate::{account, confirm};

/// Watch like everybody else, and see whether gateway and ledger account for it
///
/// A canary is a viewer whom nobody can tell from others: it watches a title for money through one gateway, keeps every receipt
/// that it signs, and compares them with what the ledger knows and settles.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger canary run https://gateway.example/watch/ID --ledger http://127.0.0.1:8700 --keep /srv/canary --yes
  headwater ledger canary check --ledger http://127.0.0.1:8700 --keep /srv/canary      a minute later, and after the settlement")]
pub(super) struct Canary {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Run),
    Check(Check),
}

/// Watch a title through one gateway, and keep what was signed
///
/// It plays as players do through `headwater watch`: one picture and one sound, no further ahead than they read, with jumps; so a whole
/// title takes as long as it lasts. It is paid for from your account's funds at the ledger. Every receipt is durable in the folder before the next segment is
/// asked for, and goes to the gateway alone: whether it comes to the ledger from there is what `check` sees.
///
/// Exit status 1 when the gateway has not taken everything.
#[derive(Args, Debug)]
struct Run {
    /// The address at which the gateway plays the title
    #[arg(value_name = "ADDRESS")]
    address: String,

    #[command(flatten)]
    at: At,

    #[command(flatten)]
    keep: Keep,

    /// The most segments of each track that are watched
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    segments: u32,

    /// The most that it may cost, in the ledger's unit [default: what seeing all of it once can cost]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<Money>,

    /// Pay without being asked
    #[arg(long)]
    yes: bool,
}

/// Compare what was signed with what the ledger has of it
///
/// Before the settlement: what a gateway has taken, the ledger should know a minute later. What it does not know is noted, then
/// handed in, and the ledger's promise kept. After the settlement: what was counted, by the ledger's public log, which nobody is
/// asked for in particular. If the ledger has left out what it has promised to count, the proof is written into the folder: it convinces
/// whoever knows the ledger's key and its log.
///
/// Each time the log has to follow from what the canary has seen of it before. Name the witnesses that you trust in --policy: without it
/// only the log's own key is looked for, and others may be shown another log.
///
/// Nobody is blamed for what the gateway has not taken, or took so late that its time was not over at the settlement.
///
/// Exit status: 0 when everything is counted or too late, 1 when something is not settled or not answered yet, 3 when a gateway has kept
/// receipts to itself, 4 when the ledger has left out what it promised, counts less than it costs, or shows another log than before.
#[derive(Args, Debug)]
struct Check {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    keep: Keep,

    #[command(flatten)]
    known: KnownLog,

    /// How long a gateway may take until the ledger knows what it has taken, counted from the first check
    #[arg(long, value_name = "TIME", default_value = "60s")]
    within: Duration,
}

#[derive(Args, Debug)]
struct Keep {
    /// The folder of the canary: receipts, promises, findings and proofs
    #[arg(long, value_name = "DIR")]
    keep: PathBuf,
}

/// What was watched, and what it costs.
#[derive(Serialize)]
struct Watched {
    id: String,
    unit: String,
    grants: Vec<UsedGrant>,
}

#[derive(Serialize)]
struct RunAnswer {
    watched: Watched,
}

#[derive(Serialize)]
struct CheckAnswer {
    /// The worst of all.
    finding: Finding,
    /// Whether nobody but the log's own key vouches that everybody is shown this log.
    unwitnessed: bool,
    witnesses: Option<usize>,
    checked: Vec<Checked>,
}

impl Canary {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Run(run) => run.run(globals).await,
            Command::Check(check) => check.run(globals).await,
        }
    }
}

impl Run {
    async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let address = self.address.parse::<WatchAddress>();
        let address =
            address.map_err(|error| Usage::because(format!("nothing plays at {}: {error}", self.address)))?;
        let issuer = self.at.connect_to_sign(globals).await?.issuer()?;
        let gateway = address.gateway().clone();
        let told = move |mishap: &_| output.note(mishap);
        let download = Download::new(address.id(), vec![gateway.clone()], PATIENCE, told)?;
        let bundle = download.bundle().await?.bundle().clone();
        // It asks the gateway what everybody asks, and then goes by the ledger that it was told.
        let offer = Offer::find(&Shown::bundle(&bundle), std::slice::from_ref(&gateway), globals).await?;
        let Some(offer) = offer else { bail!("{} is shown for nothing", bundle.id()) };
        if offer.issuer() != issuer {
            bail!("it is shown under another ledger than the one at --ledger");
        }
        let limit = self.limit.map_or_else(|| offer.most(), |limit| limit.0);
        output.note(&offer);
        if !self.yes && !limit.is_zero() {
            confirm::spend(format_args!("it may cost {limit} {}", offer.unit()), false, output).await?;
        }
        let viewer = account::payment(&account::open(globals.account.as_deref(), output)?);
        let unit = offer.unit().to_owned();
        let outing = Outing { gateway, viewer, limit, segments: self.segments, output };
        let id = bundle.id().to_string();
        let canary = Viewer::of(&self.keep.keep);
        let grants = canary.watch(bundle, download, offer, outing).await?;
        canary.note_taken()?;
        let is_done = grants.iter().all(|grant| grant.acknowledged);
        output.answer(&RunAnswer { watched: Watched { id, unit, grants } })?;
        Ok(if is_done { Outcome::Complete } else { Outcome::Incomplete })
    }
}

impl Check {
    async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let ledger = self.at.connect_to_sign(globals).await?;
        let viewer = account::payment(&account::open(globals.account.as_deref(), output)?);
        let wanted = Wanted {
            ledger: &ledger,
            viewer: &viewer,
            trusted: self.known.policy()?,
            within_s: self.within.seconds(),
        };
        let comparison = Viewer::of(&self.keep.keep).check(&wanted).await?;
        let Some(finding) = comparison.finding() else {
            bail!("nothing was watched yet: there are no receipts in {}", self.keep.keep.display());
        };
        let Comparison { checked, witnesses } = comparison;
        let unwitnessed = witnesses == Some(0);
        if unwitnessed {
            output.warn(witnessed(0));
        }
        output.answer(&CheckAnswer { finding, unwitnessed, witnesses, checked })?;
        Ok(match finding {
            Finding::Honest | Finding::Late => Outcome::Complete,
            Finding::Open | Finding::Unanswered => Outcome::Incomplete,
            Finding::UnderReported => Outcome::Cheated(Cheat::Gateway),
            Finding::Underpaid | Finding::Withheld | Finding::Omitted | Finding::Forked => {
                Outcome::Cheated(Cheat::Ledger)
            }
        })
    }
}

impl fmt::Display for RunAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Watched { unit, grants, .. } = &self.watched;
        let paid = grants.iter().map(|grant| u128::from(grant.paid)).sum::<u128>();
        let paid = Amount::try_from(paid).unwrap_or(Amount::MAX);
        writeln!(f, "watched for {paid} {unit}")
    }
}

impl fmt::Display for CheckAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Checked { serial, gateway, epoch, finding, why, signed, known, proof, .. } in &self.checked {
            write!(
                f,
                "session {serial}, epoch {epoch}, gateway {gateway}: {} bytes, {finding}",
                signed.bytes
            )?;
            if let Some(why) = why {
                write!(f, " ({why})")?;
            }
            if let Some(known) = known {
                write!(f, "; of these it handed in {} in time", known.bytes)?;
            }
            if let Some(proof) = proof {
                write!(f, "; the proof is {}", proof.display())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
