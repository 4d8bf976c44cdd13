//! The node among the others (spec §22): which nodes it knows, what it says about itself, and how both spread.

mod discovering;
mod intake;
mod profile;
mod rounds;
mod successors;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use network::{Gossip, LoadNetworkError, Members, NetworkFile, OwnRecord, Pool};
use protocol::limits::{HEADER_LEN_MAX, RECORD_RENEWED_S};
use protocol::{
    BoundedList, Code, Contact, NodeRecord, PageLimit, PublicKey, Refusal, Response, Sequence, Signed,
    Unverified,
};

use tokio::sync::watch;

use crate::Clock;
use intake::Intake;

pub(crate) use profile::Profile;
pub(crate) use rounds::run;
pub(crate) use successors::former_identities;
pub use successors::{RekeyError, rekey};

/// The file of the nodes that are known.
const MEMBERS_FILE: &str = "members.json";
/// Its presence says that the node is to leave.
const LEAVING_FILE: &str = "leaving";
/// Written by a node that leaves once nothing is under a lease any more.
const LEFT_FILE: &str = "left";
/// What a page of records takes in a header beside the records.
const PAGE_OVERHEAD_LEN: usize = 16;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Membership {
    profile: Profile,
    own: OwnRecord,
    pool: Pool,
    contacts: Vec<Contact>,
    state: Mutex<State>,
    intake: Mutex<Intake>,
    clock: Clock,
    dir: PathBuf,
    /// How many nodes answered when it joined; none while it joins.
    joined: watch::Sender<Option<usize>>,
}

#[derive(Debug)]
struct State {
    members: Members,
    gossip: Gossip<PublicKey>,
    /// There is more than what the file says.
    is_unsaved: bool,
}

impl Membership {
    /// What the node's folder remembers, and a new record of the node itself.
    pub(crate) fn open(
        profile: Profile,
        pool: Pool,
        contacts: Vec<Contact>,
        members: Members,
        clock: Clock,
        dir: PathBuf,
    ) -> Self {
        let last = members.get(&profile.id()).map(|record| record.body().seq);
        let record = profile.record(clock.now(), last, dir.join(LEAVING_FILE).exists());
        let state = State { members, gossip: Gossip::default(), is_unsaved: false };
        let membership = Self {
            profile,
            own: OwnRecord::from(record.clone()),
            pool,
            contacts,
            state: Mutex::new(state),
            intake: Mutex::default(),
            clock,
            dir,
            joined: watch::Sender::new(None),
        };
        membership.publish(record);
        membership
    }

    /// What the node says about itself.
    pub(crate) fn own(&self) -> &OwnRecord {
        &self.own
    }

    /// Whether it takes nothing new.
    pub(crate) fn is_leaving(&self) -> bool {
        self.own.get().body().leaving
    }

    /// All nodes that are known.
    pub(crate) fn members(&self) -> Members {
        self.state().members.clone()
    }

    /// Waits until it has joined; how many nodes answered.
    pub(crate) async fn joined(&self) -> usize {
        let mut joined = self.joined.subscribe();
        let answered = joined.wait_for(Option::is_some).await;
        answered.ok().and_then(|answered| *answered).unwrap_or_default()
    }

    /// The answer to `Members`: as many records as fit into one header.
    pub(crate) fn page(&self, after: Option<PublicKey>, limit: PageLimit) -> Response {
        let state = self.state();
        let mut told = state.members.told(after.as_ref()).map(Unverified::from).peekable();
        let mut records = Vec::new();
        let mut room = HEADER_LEN_MAX - PAGE_OVERHEAD_LEN;
        while records.len() < limit.get()
            && let Some(record) = told.next_if(|record| record.as_bytes().len() + 2 <= room)
        {
            room -= record.as_bytes().len() + 2;
            records.push(record);
        }
        let more = told.peek().is_some();
        let records = BoundedList::new(records).expect("a page is no longer than its limit");
        Response::Members { records, more }
    }

    /// The answer to `Announce`.
    pub(crate) fn announced(
        &self,
        record: &Unverified<NodeRecord>,
        from: IpAddr,
    ) -> Result<Response, Refusal> {
        let is_allowed =
            self.intake.lock().unwrap_or_else(PoisonError::into_inner).take(from, Instant::now());
        if !is_allowed {
            return Err(Refusal::new(Code::Busy, "too many announcements from this address"));
        }
        let record = record.verify(&self.profile.network());
        let record = record.map_err(|error| Refusal::new(error.code(), error.to_string()))?;
        let is_news = self.take_in(record)?;
        Ok(Response::Announced { is_news })
    }

    /// Whether a record was news; a refusal where it cannot be taken in.
    fn take_in(&self, record: Signed<NodeRecord>) -> Result<bool, Refusal> {
        if record.by() == self.profile.id() {
            self.outbid(record.body().seq);
            return Ok(false);
        }
        let id = record.by();
        let mut state = self.state();
        match state.members.learn(record, self.clock.now()) {
            Ok(()) => {
                state.gossip.heard(id);
                state.is_unsaved = true;
                Ok(true)
            }
            Err(error) => match error.code() {
                Some(code) => Err(Refusal::new(code, error.to_string())),
                None => Ok(false),
            },
        }
    }

    /// Others know a later record of this node than the node itself: of a run whose folder was lost, or set back.
    fn outbid(&self, seq: Sequence) {
        let own = self.own.get();
        if seq > own.body().seq {
            self.publish(self.profile.record(self.clock.now(), Some(seq), own.body().leaving));
        }
    }

    /// Writes the node's record anew where it is old, or the node is now to leave or to stay.
    fn renew(&self) {
        let (own, now) = (self.own.get(), self.clock.now());
        let is_leaving = self.dir.join(LEAVING_FILE).exists();
        let is_old = now.seconds_since(own.body().issued) >= RECORD_RENEWED_S;
        if is_old || is_leaving != own.body().leaving {
            self.publish(self.profile.record(now, Some(own.body().seq), is_leaving));
        }
    }

    fn publish(&self, record: Signed<NodeRecord>) {
        self.own.replace(record.clone());
        let mut state = self.state();
        state.gossip.heard(record.by());
        state.members.insert(record);
        state.is_unsaved = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made in one go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file of the known nodes, if there is news.
    pub(crate) fn save(&self) {
        let members = {
            let mut state = self.state();
            if !std::mem::take(&mut state.is_unsaved) {
                return;
            }
            state.members.clone()
        };
        if let Err(error) = NetworkFile::from(&members).save(&self.dir.join(MEMBERS_FILE)) {
            tracing::warn!(%error, "cannot write down the nodes that are known");
            self.state().is_unsaved = true;
        }
    }
}

/// The nodes that a folder knows; nobody where it has no file of them, or one that cannot be read: it comes back from
/// the other nodes.
pub(crate) fn remembered(dir: &std::path::Path) -> Option<NetworkFile> {
    match NetworkFile::load(&dir.join(MEMBERS_FILE)) {
        Ok(file) => Some(file),
        Err(LoadNetworkError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, "the nodes known before are forgotten");
            None
        }
    }
}

/// Shares a membership with what drives it.
pub(crate) type Shared = Arc<Membership>;
