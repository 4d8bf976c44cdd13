//! `headwater mandate`: lets somebody else keep an object of yours whole, at their own expense.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context;
use clap::Args;
use client::Client;
use protocol::{ByteHours, Mandate as Body, PublicKey, Signed, UnixSeconds};
use serde::Serialize;

use crate::arguments::Globals;
use crate::date::Date;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::secrets::SecretArg;
use crate::target::Targets;
use crate::{account, folders, record_file};

/// Let somebody else keep an object of yours whole
///
/// A mandate is signed by the object's control key, which only your account has. Its holder may put lost shards
/// back and renew their leases until the day you name, at its own expense; it can neither read nor release
/// anything. It is printed as one line of base64url, or written to a file, for `headwater repair --mandate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater mandate @film.link --holder HOLDER_KEY --until 2027-12-31 -o care.mandate
  headwater mandate bafyr4i… --holder HOLDER_KEY | ssh carer 'cat > care.mandate'
  headwater verify care.mandate                     says what it allows, and to whom

The holder's key is the payer key that `headwater account` shows them.")]
pub(crate) struct Mandate {
    /// The name, the link, or the address alone: itself, @FILE, or - for standard input. Of a folder of records each pack gets one, a line each
    target: SecretArg,

    /// The payer key of whoever is to take care of it
    #[arg(long, value_name = "KEY", value_parser = account::parse_payer_key)]
    holder: PublicKey,

    /// The first day on which it no longer holds, in UTC [default: a year from now, or a day after what it is held until]
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,

    /// The most that may be stored under it at any one node, in byte-hours [default: no limit]
    #[arg(long, value_name = "N")]
    byte_hours: Option<u64>,

    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How long a mandate holds that names no day, in seconds.
const USUAL_LIFETIME_S: u64 = 365 * 86_400;
/// How much longer than the date of a hold a mandate holds, in seconds.
const BEYOND_HOLD_S: u64 = 86_400;

#[derive(Serialize)]
struct Answer {
    mandate: String,
    cid: String,
    holder: String,
    expires: u64,
    file: Option<PathBuf>,
    /// The packs, where it is a folder of records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packs: Vec<ForPack>,
}

#[derive(Serialize)]
struct ForPack {
    mandate: String,
    cid: String,
}

impl Mandate {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        self.check_begins()?;
        let targets = Targets::read(&self.target, globals).await?;
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let expires = self.expires(targets.held_until(globals).await?)?;
        let sign = async |client: &Client| {
            let mut signed = Vec::new();
            for cid in targets.objects(client).await?.cids {
                let control = account::control_key(client, &account, cid).await?;
                let body = Body {
                    byte_hours: ByteHours::new(self.byte_hours.unwrap_or(u64::MAX)),
                    expires,
                    holder: self.holder,
                    object: Some(cid),
                };
                let record = Signed::sign(&control, &client.network(), body);
                signed
                    .push(ForPack { mandate: record_file::to_text(&record.encode()), cid: cid.to_string() });
            }
            Ok(signed)
        };
        let mut signed = Network::load(globals.network.as_deref()).await?.with_client(None, sign).await?;
        if let Some(path) = &self.output {
            let lines: String = signed.iter().flat_map(|one| [one.mandate.as_str(), "\n"]).collect();
            folders::write_atomically(path, lines.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let ForPack { mandate, cid } = signed.remove(0);
        let holder = self.holder.to_string();
        let (file, packs) = (self.output, signed);
        globals.output().answer(&Answer { mandate, cid, holder, expires: expires.get(), file, packs })?;
        Ok(Outcome::Complete)
    }

    fn check_begins(&self) -> anyhow::Result<()> {
        match self.until.map(Date::begins) {
            Some(until) if until.has_passed(SystemTime::now().into()) => {
                Err(Usage::because(format!("{until} has passed: the mandate would not hold")))
            }
            _ => Ok(()),
        }
    }

    /// Until when it holds: whatever has to stay until a date is looked after until then.
    fn expires(&self, held_until: Option<UnixSeconds>) -> anyhow::Result<UnixSeconds> {
        let now = UnixSeconds::from(SystemTime::now());
        let beyond = held_until.map(|until| until.plus(BEYOND_HOLD_S));
        let usual = beyond.max(Some(now.plus(USUAL_LIFETIME_S))).expect("there is a time");
        let expires = self.until.map_or(usual, Date::begins);
        if let Some(until) = held_until.filter(|until| expires <= *until) {
            let why = format!("it is held until {until}: a mandate until {expires} would end before");
            return Err(Usage::because(why));
        }
        Ok(expires)
    }
}

/// The mandate and nothing else, unless it went to a file.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_some() {
            return Ok(());
        }
        let packs = self.packs.iter().map(|pack| &pack.mandate);
        std::iter::once(&self.mandate).chain(packs).try_for_each(|line| writeln!(f, "{line}"))
    }
}
