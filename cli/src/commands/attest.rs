//! `headwater attest`: puts a keyed commitment to a file into a ledger's log, and keeps the proof.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use ledger::tlog::AcceptedCheckpoint;
use ledger::{Attestation, Attested, AttestedKind, Nonce};
use protocol::{Promise, SecretKey, Signed, UnixSeconds};
use serde::Serialize;
use sharing::{OPEN_BADGE_LEN_MAX, OpenBadge};

use crate::arguments::Globals;
use crate::attest::{self, KnownLog};
use crate::failure::{Outcome, Usage};
use crate::folders::write_atomically;
use crate::ledger_api::LedgerApi;
use crate::names::now;
use crate::{account, key_file, ledger_network, record_file};

/// Attest to a file in a ledger's public log, without showing it
///
/// The log gets a commitment that is keyed with a random nonce, and your signature under it: nobody can tell from it which file it
/// is, or try guesses. The proof file beside your file carries the nonce, the entry, its place in the log, and who has cosigned it.
/// Whoever gets both files checks them with `headwater verify`, and needs nothing else but the key of the log.
///
/// Without --wait you get the ledger's promise; ask again with --wait for the proof.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater attest badge.json --kind credential --wait --ledger https://ledger.example
  headwater verify badge.json badge.json.proof --log ledger.example/2026+1234abcd+AQ…")]
pub(crate) struct Attest {
    /// The file that is attested to; it stays where it is
    file: PathBuf,

    /// What it is; this is public
    #[arg(long, value_enum, default_value_t = Kind::File)]
    kind: Kind,

    /// Where the proof is written [default: the name of the file and .proof]
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,

    /// Wait until the log has it, and as many witnesses have seen it as the policy wants
    #[arg(long)]
    wait: bool,

    /// The address of the ledger
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: String,

    /// The key file that signs [default: the key that signs your publications]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    #[command(flatten)]
    known: KnownLog,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    /// What somebody has learned, passed or been given, such as an Open Badge
    Credential,
    /// Any file
    File,
}

#[derive(Serialize)]
struct Promised {
    /// What the ledger calls it.
    name: String,
    by: String,
    /// When the log has it at the latest, in Unix time in seconds.
    until: u64,
    /// What is kept until then.
    pending: PathBuf,
}

#[derive(Serialize)]
struct Proved {
    file: PathBuf,
    proof: PathBuf,
    by: String,
    origin: String,
    /// The key that has signed for the log: whoever checks the proof has to trust it.
    log: String,
    index: u64,
    size: u64,
    /// How many witnesses of the policy, who are not the log itself, have cosigned.
    witnesses: usize,
}

impl Attest {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let proof = self.proof.clone().unwrap_or_else(|| with_ending(&self.file, ".proof"));
        if proof.exists() {
            return Err(Usage::because(format!("{} exists already", proof.display())));
        }
        self.tell(globals)?;
        let ledger = LedgerApi::connect(&self.ledger).await?;
        ledger_network::check(globals.network.as_deref(), ledger.url(), ledger.network()?)?;
        let pending = with_ending(&proof, ".pending");
        let attested =
            if pending.exists() { self.pending(&pending)? } else { self.sign(globals, &ledger, &pending)? };
        let promise = ledger.record(&attested.record).await?;
        let kept = with_ending(&proof, ".promise");
        write_atomically(&kept, &promise.encode())
            .with_context(|| format!("cannot write {}", kept.display()))?;
        if !self.wait {
            globals.output().answer(&Promised::of(&attested, &promise, pending))?;
            return Ok(Outcome::Complete);
        }
        let policy = match self.known.policy()? {
            Some(policy) => policy,
            None => ledger.policy().await?,
        };
        let (proved, accepted) = attest::proved(&ledger, &attested, &policy, promise.body().until).await?;
        attest::write_new(&proof, proved.encode().as_bytes())?;
        for done in [pending, kept] {
            fs::remove_file(&done).with_context(|| format!("cannot remove {}", done.display()))?;
        }
        globals.output().answer(&Proved::of([self.file, proof], &attested, proved.proof.index, accepted))?;
        Ok(Outcome::Complete)
    }

    /// Says what the file is, before anything of it is public.
    fn tell(&self, globals: &Globals) -> anyhow::Result<()> {
        if self.kind != Kind::Credential {
            return Ok(());
        }
        let badge = OpenBadge::of(&record_file::read(&self.file, OPEN_BADGE_LEN_MAX as u64)?);
        let is_none = "this is no Open Badge in JSON or as a JWT; it is attested to as it is";
        globals.output().note(badge.as_ref().map_or_else(|| is_none.to_owned(), in_words));
        Ok(())
    }

    /// What was signed before, and not proved yet; it has to be about this file.
    fn pending(&self, path: &Path) -> anyhow::Result<Attested> {
        let shown = path.display();
        let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let attested = Attested::decode(&bytes).with_context(|| format!("{shown} is damaged"))?;
        attested
            .check(attest::commitment_to(&self.file, &attested.nonce)?)
            .with_context(|| shown.to_string())?;
        Ok(attested)
    }

    /// Signs a new attestation. Its nonce is durable before anybody hears of it.
    fn sign(&self, globals: &Globals, ledger: &LedgerApi, pending: &Path) -> anyhow::Result<Attested> {
        let nonce = Nonce::from_bytes(rand::random());
        let commitment = attest::commitment_to(&self.file, &nonce)?;
        let kind = match self.kind {
            Kind::Credential => AttestedKind::Credential,
            Kind::File => AttestedKind::File,
        };
        let body = Attestation { commitment, issued: now(), kind };
        let record = Signed::sign(&self.signer(globals)?, &ledger.signed_for()?, body);
        let attested = Attested { nonce, record };
        attest::write_new(pending, &attested.encode())?;
        Ok(attested)
    }

    fn signer(&self, globals: &Globals) -> anyhow::Result<SecretKey> {
        match &self.key {
            Some(path) => key_file::read(path),
            None => Ok(account::creator(&account::open(globals.account.as_deref(), globals.output())?)),
        }
    }
}

/// An Open Badge for people, and what nobody has checked of it.
pub(crate) fn in_words(badge: &OpenBadge) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not said)".to_owned());
    let until = badge.valid_until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let proof = badge.proof.as_ref().map_or_else(
        || "it carries no proof of its issuer".to_owned(),
        |proof| format!("its issuer's own proof, {proof}, is not checked here"),
    );
    let status = if badge.has_status { "; nor whether it was revoked" } else { "" };
    format!(
        "Open Badge: {} to {} by {}, valid from {}{until}; {proof}{status}",
        text(&badge.achievement),
        text(&badge.subject),
        text(&badge.issuer),
        text(&badge.valid_from)
    )
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl Promised {
    fn of(attested: &Attested, promise: &Signed<Promise>, pending: PathBuf) -> Self {
        let record = &attested.record;
        Self {
            name: record.name().to_string(),
            by: record.by().to_string(),
            until: promise.body().until.get(),
            pending,
        }
    }
}

impl Proved {
    fn of(
        [file, proof]: [PathBuf; 2],
        attested: &Attested,
        index: u64,
        accepted: AcceptedCheckpoint,
    ) -> Self {
        let AcceptedCheckpoint { checkpoint, log, witnessed_by } = accepted;
        let (by, origin) = (attested.record.by().to_string(), checkpoint.origin.to_string());
        let (size, log) = (checkpoint.size, log.to_string());
        Self { file, proof, by, origin, log, index, size, witnesses: witnessed_by }
    }
}

impl fmt::Display for Promised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = UnixSeconds::new(self.until);
        writeln!(f, "promised    by {until}; the same again with --wait gets the proof")?;
        writeln!(f, "kept        {} (the nonce: without it there is no proof)", self.pending.display())
    }
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "proof       {}", self.proof.display())?;
        writeln!(f, "by          {}", self.by)?;
        writeln!(f, "log         {}, entry {} of {}", self.origin, self.index, self.size)?;
        writeln!(f, "{}", witnessed(self.witnesses))?;
        let (file, proof) = (self.file.display(), self.proof.display());
        writeln!(f, "to check    headwater verify '{file}' '{proof}' --log '{}'", self.log)
    }
}

/// How far one can trust that everybody is shown the same log.
pub(crate) fn witnessed(witnesses: usize) -> String {
    match witnesses {
        0 => "UNWITNESSED: only the log's own key signs; others may be shown another log".to_owned(),
        witnesses => format!("witnesses   {witnesses}"),
    }
}
