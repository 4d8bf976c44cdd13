//! What a viewer is told of what was granted to them.

use data_encoding::{BASE64, HEXLOWER};
use ledger::{Acknowledged, Counted};
use proofs::canonical;
use protocol::{Amount, Epoch, PublicKey, Serial, SessionGrant, Usage};
use serde::Serialize;

use crate::problem::Problem;
use crate::service::Service;

/// Most grants of a settled epoch that are listed at once.
const SESSIONS_MAX: usize = 1000;

/// The grants of a viewer: those that are not settled, or what a settlement has counted under them.
#[derive(Debug, Serialize)]
pub(crate) struct Viewing {
    party: String,
    sessions: Vec<Session>,
    /// Of a settled epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<CountedGrants>,
}

/// What was counted under the grants of one settled epoch.
#[derive(Debug, Serialize)]
struct CountedGrants {
    epoch: u64,
    /// The place of the summary in the log.
    summary: u64,
    grants: Vec<CountedGrant>,
    /// Whether there are more grants than are listed.
    more: bool,
}

#[derive(Debug, Serialize)]
struct CountedGrant {
    serial: String,
    /// Canonical CBOR: items of the summary's list of receipts with their proofs.
    receipts: String,
}

#[derive(Debug, Serialize)]
struct Session {
    serial: String,
    agreement: String,
    gateway: String,
    epoch: u64,
    starts: u64,
    expires: u64,
    charge: String,
    bytes: u64,
    ms: u64,
    /// What it comes to so far.
    asks: String,
}

impl Viewing {
    /// Those of open epochs, or of the one that is named.
    pub(crate) fn of(service: &Service, viewer: &PublicKey, epoch: Option<Epoch>) -> Result<Self, Problem> {
        match epoch {
            Some(epoch) if service.state().settled(epoch).is_some() => Self::counted(service, viewer, epoch),
            epoch => Ok(Self::open(service, viewer, epoch)),
        }
    }

    fn counted(service: &Service, viewer: &PublicKey, epoch: Epoch) -> Result<Self, Problem> {
        let known_by = service.state().known_by(viewer);
        let _place = service.places().statement(known_by)?;
        let (counted, summary) = {
            let state = service.state();
            let settled = state.settled(epoch).map_or(0, |settled| settled.first + settled.items);
            (state.counted(epoch), settled)
        };
        let counted = counted.ok_or_else(|| {
            Problem::not_found(format!("what was counted in epoch {epoch} is not kept any more"))
        })?;
        let mut serials: Vec<Serial> = counted.grants_of(viewer).take(SESSIONS_MAX + 1).collect();
        let more = serials.len() > SESSIONS_MAX;
        serials.truncate(SESSIONS_MAX);
        let grants = if serials.is_empty() { Vec::new() } else { shown(&counted.receipts, &serials) };
        let counted = CountedGrants { epoch: epoch.get(), summary, grants, more };
        Ok(Self { party: hex(viewer), sessions: Vec::new(), counted: Some(counted) })
    }

    fn open(service: &Service, viewer: &PublicKey, epoch: Option<Epoch>) -> Self {
        let state = service.state();
        let ledger = state.ledger();
        let session = |(grant, usage, asks): (&SessionGrant, Usage, Amount)| Session {
            serial: grant.serial.to_string(),
            agreement: grant.agreement.to_string(),
            gateway: hex(&grant.gateway),
            epoch: grant.epoch.get(),
            starts: grant.starts.get(),
            expires: grant.expires.get(),
            charge: grant.charge.to_string(),
            bytes: usage.bytes,
            ms: usage.ms,
            asks: asks.to_string(),
        };
        let sessions = ledger.sessions_of(viewer).into_iter().map(session);
        let is_meant = |session: &Session| epoch.is_none_or(|epoch| session.epoch == epoch.get());
        Self { party: hex(viewer), sessions: sessions.filter(is_meant).collect(), counted: None }
    }
}

fn shown(receipts: &[Acknowledged], serials: &[Serial]) -> Vec<CountedGrant> {
    let counted = Counted::new(receipts);
    let shown = |serial: &Serial| CountedGrant {
        serial: serial.to_string(),
        receipts: BASE64.encode(&canonical::to_vec(&counted.under(*serial))),
    };
    serials.iter().map(shown).collect()
}

fn hex(key: &PublicKey) -> String {
    HEXLOWER.encode(key.as_bytes())
}
