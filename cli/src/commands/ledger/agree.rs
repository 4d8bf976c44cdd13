//! `headwater ledger agree`: who shares in a title, signed by everybody whom it concerns.

mod split;
mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use chunker::AccountSecret;
use clap::{Args, Subcommand};
use data_encoding::BASE64URL_NOPAD;
use ledger::{Agreed, Consent, SplitAgreement};
use protocol::{Digest, NetworkId, PublicKey, Signed};
use serde::Serialize;
use serde_json::Value;

use self::split::Split;
use self::words::InWords;
use super::At;
use super::promised::parse_name;
use crate::account::{self, creator};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders::write_atomically;
use crate::ledger_api::LedgerApi;

/// Agree who shares in a title: write it down, sign it one after the other, hand it in
///
/// One writes the split; every party and the creator sign the same file; anybody hands it in. What was agreed is never
/// changed: a new version takes its place when everybody has signed again.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger agree write split.toml --out film.agreement
  headwater ledger agree show film.agreement           what it says, and its id
  headwater ledger agree sign film.agreement --id ID   each party, with its own account
  headwater ledger agree post film.agreement
The last three with --ledger URL, or HEADWATER_LEDGER: what is signed holds at that ledger alone.

A split, split.toml:
  content = \"bafyr4i…\"                  the publication id
  creator = \"KEY\"                       your creator key, as headwater account shows it
  unit = \"EUR\"
  price = { amount = \"0.01\", of = 60, per = \"second\" }           for 60 seconds; per = \"byte\" for so many bytes,
                                        per = \"view\" once, when so many seconds were played
  fees = { gateway = 100000, network = 10000, node = 90000 }       millionths
  [[party]]
  key = \"KEY\"                           the payment key that headwater account shows to this party
  role = \"author\"                       or composer, director, label, lyricist, performer, producer, publisher, other
  ppm = 1000000

What is for the nodes the gateway keeps, as far as no node sells what is read from it.")]
pub(super) struct Agree {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an agreement from a split in TOML
    Write {
        /// The split
        split: PathBuf,
        /// The file that everybody signs
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Write over a file that is there, and the signatures in it
        #[arg(long)]
        replace: bool,
    },
    /// Show what an agreement says, and sign it with the keys of your account that it, or the version before it, names
    Sign {
        #[command(flatten)]
        at: At,
        /// The agreement
        file: PathBuf,
        /// The id of what you have read, instead of being asked
        #[arg(long, value_name = "ID", value_parser = parse_name)]
        id: Option<Digest>,
    },
    /// Hand in an agreement that everybody has signed
    Post {
        #[command(flatten)]
        at: At,
        /// The agreement
        file: PathBuf,
    },
    /// Show what an agreement says, and who has yet to sign
    Show {
        #[command(flatten)]
        at: At,
        /// The agreement
        file: PathBuf,
    },
}

#[derive(Serialize)]
struct Answer {
    id: String,
    says: String,
    signed: Vec<String>,
    missing: Vec<String>,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Posted(Value);

impl Agree {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Write { split, out, replace } => write(globals, &split, &out, replace),
            Command::Sign { at, file, id } => {
                sign(globals, &file, id, &at.connect_to_sign(globals).await?).await
            }
            Command::Show { at, file } => {
                let ledger = at.connect().await?;
                let agreed = read(&file, &ledger.signed_for()?)?;
                let before = ledger.superseded_by(&agreed.agreement).await?;
                let asked = asked(&agreed.agreement, before.as_ref());
                globals.output().answer(&Answer::of(&agreed, &asked))?;
                Ok(Outcome::Complete)
            }
            Command::Post { at, file } => {
                let ledger = at.connect().await?;
                let agreed = read(&file, &ledger.signed_for()?)?;
                let answer = ledger.post("v1/agreements", agreed.encode()).await?;
                globals.output().answer(&Posted(serde_json::from_slice(&answer)?))?;
                Ok(Outcome::Complete)
            }
        }
    }
}

/// Writes down what nobody has signed yet.
fn write(globals: &Globals, split: &Path, out: &Path, replace: bool) -> anyhow::Result<Outcome> {
    let agreement = Split::read(split)?.agreement()?;
    if out.exists() && !replace {
        return Err(Usage::because(format!(
            "{} is there, and others may have signed it: --replace writes over it",
            out.display()
        )));
    }
    if account::path(globals.account.as_deref())?.exists() {
        let account = account::open(globals.account.as_deref(), globals.output())?;
        names_no_payer(&agreement, &account)?;
    }
    if agreement.parts().price.micro.is_zero() {
        globals.output().note("the price is 0: nobody pays, and nobody earns");
    }
    let agreed = Agreed { agreement, consents: Vec::new() };
    // Whoever has a share in the version before is known once a ledger is asked.
    tell(globals, out, &agreed, &asked(&agreed.agreement, None))
}

/// Refuses an agreement that nobody could sign, since it names the key by which the account is admitted to nodes.
fn names_no_payer(agreement: &SplitAgreement, account: &AccountSecret) -> anyhow::Result<()> {
    let payer = account::payer(account).public();
    if !asked(agreement, None).contains(&payer) {
        return Ok(());
    }
    Err(Usage::because(format!(
        "{payer} is your payer key, which signs no agreement: a party is named by its payment key, yours is {}, \
         and the creator by the creator key, yours is {}",
        account::payment(account).public(),
        creator(account).public()
    )))
}

/// Signs with each key of the account that is asked and has not signed.
async fn sign(
    globals: &Globals,
    file: &Path,
    id: Option<Digest>,
    ledger: &LedgerApi,
) -> anyhow::Result<Outcome> {
    let network = ledger.signed_for()?;
    let mut agreed = read(file, &network)?;
    let account = account::open(globals.account.as_deref(), globals.output())?;
    let before = ledger.superseded_by(&agreed.agreement).await?;
    let asked = asked(&agreed.agreement, before.as_ref());
    let own = [account::payment(&account), creator(&account)];
    let own: Vec<_> = own.iter().filter(|secret| asked.contains(&secret.public())).collect();
    if own.is_empty() {
        names_no_payer(&agreed.agreement, &account)?;
        return Err(Usage::because(format!(
            "the agreement asks for no signature of your account: it names neither its payment key {} nor its creator \
             key {}",
            account::payment(&account).public(),
            creator(&account).public()
        )));
    }
    agree_to(&agreed.agreement, id)?;
    let consent = Consent { agreement: agreed.agreement.id(), issued: SystemTime::now().into() };
    for secret in own {
        if agreed.consents.iter().all(|known| known.by() != secret.public()) {
            agreed.consents.push(Signed::sign(secret, &network, consent));
        }
    }
    tell(globals, file, &agreed, &asked)
}

/// Who has to sign: everybody whom an agreement concerns, and those who had a share in the version whose place it takes.
fn asked(agreement: &SplitAgreement, before: Option<&SplitAgreement>) -> BTreeSet<PublicKey> {
    std::iter::once(agreement).chain(before).flat_map(SplitAgreement::signatories).collect()
}

/// Nothing is signed unseen: whoever signs names the id of what they have read, or reads it here and says yes.
fn agree_to(agreement: &SplitAgreement, id: Option<Digest>) -> anyhow::Result<()> {
    if let Some(id) = id {
        let is_this = id.as_bytes() == agreement.id().as_bytes();
        let other = || Usage::because(format!("the file holds another agreement, {}", agreement.id()));
        return if is_this { Ok(()) } else { Err(other()) };
    }
    if !io::stdin().is_terminal() {
        return Err(Usage::because(
            "name the id of the agreement that you have read (headwater ledger agree show) with --id",
        ));
    }
    let mut said = String::new();
    write!(io::stderr(), "{}Sign this? Write yes: ", InWords(agreement))?;
    io::stdin().read_line(&mut said)?;
    if said.trim() == "yes" { Ok(()) } else { Err(Usage::because("nothing was signed")) }
}

/// Keeps an agreement as text, which passes through mails, and says who has yet to sign.
fn tell(
    globals: &Globals,
    file: &Path,
    agreed: &Agreed,
    asked: &BTreeSet<PublicKey>,
) -> anyhow::Result<Outcome> {
    let text = BASE64URL_NOPAD.encode(&agreed.encode()) + "\n";
    write_atomically(file, text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))?;
    globals.output().answer(&Answer::of(agreed, asked))?;
    Ok(Outcome::Complete)
}

fn read(file: &Path, network: &NetworkId) -> anyhow::Result<Agreed> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let bytes =
        BASE64URL_NOPAD.decode(text.trim().as_bytes()).with_context(|| format!("{name} is no agreement"))?;
    Agreed::decode(&bytes, network).with_context(|| format!("{name} is no agreement at this ledger"))
}

impl Answer {
    fn of(agreed: &Agreed, asked: &BTreeSet<PublicKey>) -> Self {
        let signed: Vec<PublicKey> = agreed.consents.iter().map(Signed::by).collect();
        let missing = asked.iter().filter(|key| !signed.contains(key));
        Self {
            id: agreed.agreement.id().to_string(),
            says: InWords(&agreed.agreement).to_string(),
            missing: missing.map(ToString::to_string).collect(),
            signed: signed.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)?;
        self.signed.iter().try_for_each(|key| writeln!(f, "  signed by {key}"))?;
        self.missing.iter().try_for_each(|key| writeln!(f, "  to be signed by {key}"))
    }
}

impl fmt::Display for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "agreement {} is registered", self.0["id"].as_str().unwrap_or_default())
    }
}
