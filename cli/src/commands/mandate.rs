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
use crate::target::Target;
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
    /// The link, or the address alone: itself, @FILE, or - for standard input
    target: SecretArg,

    /// The payer key of whoever is to take care of it
    #[arg(long, value_name = "KEY", value_parser = account::parse_payer_key)]
    holder: PublicKey,

    /// The first day on which it no longer holds, in UTC [default: a year from now]
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

#[derive(Serialize)]
struct Answer {
    mandate: String,
    cid: String,
    holder: String,
    expires: u64,
    file: Option<PathBuf>,
}

impl Mandate {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let cid = Target::read(&self.target)?.cid();
        let now = UnixSeconds::from(SystemTime::now());
        let expires = self.until.map_or(now.plus(USUAL_LIFETIME_S), Date::begins);
        if expires.has_passed(now) {
            return Err(Usage::because(format!("{expires} has passed: the mandate would not hold")));
        }
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let sign = async |client: &Client| {
            let control = account::control_key(client, &account, cid).await?;
            let body = Body {
                byte_hours: ByteHours::new(self.byte_hours.unwrap_or(u64::MAX)),
                expires,
                holder: self.holder,
                object: Some(cid),
            };
            Ok(Signed::sign(&control, &client.network(), body))
        };
        let signed = Network::load(globals.network.as_deref()).await?.with_client(None, sign).await?;
        let text = record_file::to_text(&signed.encode());
        if let Some(path) = &self.output {
            folders::write_atomically(path, format!("{text}\n").as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        globals.output().answer(&Answer {
            mandate: text,
            cid: cid.to_string(),
            holder: self.holder.to_string(),
            expires: expires.get(),
            file: self.output,
        })?;
        Ok(Outcome::Complete)
    }
}

/// The mandate and nothing else, unless it went to a file.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(_) => Ok(()),
            None => writeln!(f, "{}", self.mandate),
        }
    }
}
