//! What is attested to in a ledger's log: handed in, promised, and proved once the log has it (spec §25).

mod known_log;
mod whole_log;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use ledger::tlog::{AcceptedCheckpoint, LogProof, NotAccepted, NotProved, Policy};
use ledger::{Attested, Commitment, Committing, Nonce, NotAttested, Proved};
use protocol::UnixSeconds;
use serde::Deserialize;
use tokio::time::sleep;

pub(crate) use self::known_log::KnownLog;
pub(crate) use self::whole_log::WholeLog;
use crate::ledger_api::{LedgerApi, Refused};
use crate::names::now;

/// How often it is asked whether the log has an entry.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Bytes of a file that are read at once.
const PIECE_LEN: usize = 1 << 16;

/// `GET /v1/attestations/{name}`.
#[derive(Deserialize)]
struct Place {
    index: u64,
}

/// The commitment to a file of any length.
pub(crate) fn commitment_to(path: &Path, nonce: &Nonce) -> anyhow::Result<Commitment> {
    let read = || {
        let (mut file, mut piece) = (File::open(path)?, vec![0; PIECE_LEN]);
        let mut committing = Committing::new(nonce);
        loop {
            match file.read(&mut piece)? {
                0 => return std::io::Result::Ok(committing.finish()),
                len => committing.update(&piece[..len]),
            }
        }
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// The proof that the log has what the ledger has promised, when enough witnesses of the policy have seen it; waits until then.
pub(crate) async fn proved(
    ledger: &LedgerApi,
    attested: &Attested,
    policy: &Policy,
    until: UnixSeconds,
) -> anyhow::Result<(Proved, AcceptedCheckpoint)> {
    let commitment = attested.record.body().commitment;
    loop {
        let lacks = match proof(ledger, attested).await? {
            None => "the log does not have it yet".to_owned(),
            Some(proof) => {
                let proved = Proved { attested: attested.clone(), proof };
                match proved.verify(commitment, policy) {
                    Ok(accepted) => return Ok((proved, accepted)),
                    Err(NotAttested::NotProved(NotProved::NotAccepted(
                        error @ NotAccepted::NoQuorum { .. },
                    ))) => error.to_string(),
                    Err(error) => return Err(error).context("the ledger gives a proof that proves nothing"),
                }
            }
        };
        if until.has_passed(now()) {
            bail!("promised until {until}: {lacks}");
        }
        sleep(ASK_EVERY).await;
    }
}

/// What the ledger has to show for an attestation, when the log has it.
async fn proof(ledger: &LedgerApi, attested: &Attested) -> anyhow::Result<Option<LogProof>> {
    let name = attested.record.name();
    let Some(place) = found(ledger.get::<Place>(&format!("v1/attestations/{name}")).await)? else {
        return Ok(None);
    };
    let file = found(ledger.bytes(&format!("log/proof/{}", place.index)).await)?;
    file.map(|file| LogProof::decode(&file)).transpose().context("the ledger gives what is no proof")
}

/// Nothing where the ledger says that it is not there.
fn found<T>(answer: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.downcast_ref().is_some_and(Refused::is_not_found) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a new file that only its owner may read; one that is there is left alone.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let write = || {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
