//! `headwater ledger agree`: who shares in a title, signed by everybody whom it concerns.

mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use clap::{Args, Subcommand};
use data_encoding::BASE64URL_NOPAD;
use ledger::{
    Agreed, AgreementParts, Consent, Fees, Ipi, Iscc, Isrc, Iswc, Parent, Party, Per, Price, Quantity, Role,
    SplitAgreement, Unit,
};
use protocol::{AgreementId, BoundedList, Digest, NetworkId, Ppm, PublicKey, Signed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::words::InWords;
use super::At;
use super::promised::parse_name;
use crate::account::{self, creator};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders::write_atomically;
use crate::ledger_api::{LedgerApi, parse_key};
use crate::money::Money;

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
  creator = \"KEY\"                       as headwater account shows it
  unit = \"EUR\"
  price = { amount = \"0.01\", of = 60, per = \"second\" }
  fees = { gateway = 100000, network = 10000, node = 90000 }       millionths
  [[party]]
  key = \"KEY\"
  role = \"author\"
  ppm = 1000000")]
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    content: String,
    creator: String,
    unit: Unit,
    price: SplitPrice,
    #[serde(default)]
    fees: Fees,
    party: Vec<SplitParty>,
    #[serde(default)]
    parent: Vec<SplitParent>,
    secondary: Option<Ppm>,
    #[serde(default = "first_version")]
    version: u32,
    supersedes: Option<String>,
    isrc: Option<Isrc>,
    iswc: Option<Iswc>,
    iscc: Option<Iscc>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitPrice {
    amount: String,
    of: u64,
    per: Per,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitParty {
    key: String,
    role: Role,
    ppm: Ppm,
    ipi: Option<Ipi>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitParent {
    agreement: String,
    ppm: Ppm,
}

const fn first_version() -> u32 {
    1
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
            Command::Write { split, out } => {
                let text =
                    fs::read_to_string(&split).with_context(|| format!("cannot read {}", split.display()))?;
                let split: Split =
                    toml::from_str(&text).map_err(|error| Usage::because(error.to_string()))?;
                let agreed = Agreed { agreement: split.agreement()?, consents: Vec::new() };
                // Whoever has a share in the version before is known once a ledger is asked.
                tell(globals, &out, &agreed, &asked(&agreed.agreement, None))
            }
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
        return Err(Usage::because("the agreement asks for no signature of your account"));
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

impl Split {
    fn agreement(self) -> anyhow::Result<SplitAgreement> {
        let parts = self.parts()?;
        SplitAgreement::new(parts).map_err(|error| Usage::because(error.to_string()))
    }

    fn parts(self) -> anyhow::Result<AgreementParts> {
        let price: Money =
            self.price.amount.parse().map_err(|error| Usage::because(format!("price: {error}")))?;
        let mut parties = self.party.iter().map(SplitParty::party).collect::<anyhow::Result<Vec<_>>>()?;
        parties.sort_by_key(|party| (party.party, party.role));
        let mut parents = self.parent.iter().map(SplitParent::parent).collect::<anyhow::Result<Vec<_>>>()?;
        parents.sort_by_key(|parent| parent.agreement);
        Ok(AgreementParts {
            content: self.content.parse().map_err(|_| Usage::because("content is no publication id"))?,
            creator: parse_key(&self.creator)?,
            fees: self.fees,
            iscc: self.iscc,
            isrc: self.isrc,
            issued: SystemTime::now().into(),
            iswc: self.iswc,
            parents: BoundedList::new(parents)?,
            parties: BoundedList::new(parties)?,
            price: Price { micro: price.0, of: Quantity::new(self.price.of)?, per: self.price.per },
            secondary: self.secondary,
            supersedes: self.supersedes.as_deref().map(parse_id).transpose()?,
            unit: self.unit,
            v: 1,
            version: self.version,
        })
    }
}

impl SplitParty {
    fn party(&self) -> anyhow::Result<Party> {
        Ok(Party { ipi: self.ipi.clone(), party: parse_key(&self.key)?, ppm: self.ppm, role: self.role })
    }
}

impl SplitParent {
    fn parent(&self) -> anyhow::Result<Parent> {
        Ok(Parent { agreement: parse_id(&self.agreement)?, ppm: self.ppm })
    }
}

/// An id has as many digits as a key.
fn parse_id(text: &str) -> anyhow::Result<AgreementId> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(AgreementId::from_bytes)
        .ok_or_else(|| Usage::because(format!("{text:?} is no id of an agreement")))
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
