//! What readers of shares hold at a gateway: sessions and handles. Both are in memory and may be forgotten at any time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use client::SealedObject;
use protocol::UnixSeconds;
use sharing::{AccessToken, LinkId, SHARE_SESSION_S, ShareTags};

use super::answer::SealedFetch;
use crate::fetches::Fetches;
use crate::handles::{Handle, HandleLimits, Handles, Opened};
use crate::limits::Client;
use crate::problem::{Code, Problem};

/// Sessions at a time; the client that has most of them makes room for others.
const SESSIONS_MAX: usize = 16_384;
/// What a session takes, in bytes: token, tags, id.
const SESSION_WEIGHT: u64 = 1024;
/// Objects that readers have open at a time, and the memory that their manifests take.
const SERVED_MAX: usize = 16_384;
const SERVED_WEIGHT: u64 = 128 << 20;
/// What an open object takes beside its manifest, in bytes.
const SERVED_OVERHEAD: u64 = 2048;

/// The sessions and open objects of one gateway.
#[derive(Debug)]
pub(crate) struct Serving {
    sessions: Mutex<Handles<Session>>,
    served: Mutex<Handles<Served>>,
    places: Fetches<SealedFetch>,
}

/// What a reader has shown: link and passcode of one share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) share: LinkId,
    pub(crate) access: AccessToken,
    pub(crate) tags: ShareTags,
}

/// An object that a reader of a share has open.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) share: LinkId,
    pub(crate) object: SealedObject,
    pub(crate) manifest: Bytes,
}

impl Serving {
    /// For at most `fetches` of them cells are fetched at a time.
    pub(crate) fn new(fetches: usize) -> Self {
        let limits = |count, weight| HandleLimits { count, weight, lifetime_s: SHARE_SESSION_S };
        Self {
            sessions: Mutex::new(Handles::new(limits(SESSIONS_MAX, SESSIONS_MAX as u64 * SESSION_WEIGHT))),
            served: Mutex::new(Handles::new(limits(SERVED_MAX, SERVED_WEIGHT))),
            places: Fetches::new(fetches),
        }
    }

    /// Begins a session: its name, and when it ends.
    pub(crate) fn begin(&self, client: Client, session: Session, now: UnixSeconds) -> (Handle, UnixSeconds) {
        let name = Handle::from_random(rand::random());
        let expires = lock(&self.sessions).insert_for(client, name, session, SESSION_WEIGHT, now);
        (name, expires)
    }

    /// The session with this name.
    pub(crate) fn session(&self, name: &str, now: UnixSeconds) -> Result<Arc<Session>, Problem> {
        let known = name.parse().ok().and_then(|name| lock(&self.sessions).get(name, now));
        known.map(|opened| opened.value).ok_or_else(|| {
            Problem::new(Code::NoShareSession, "open the share again with POST /api/shares/{id}/open")
        })
    }

    /// Opens an object: its handle, and when that ends.
    pub(crate) fn open(&self, client: Client, served: Served, now: UnixSeconds) -> (Handle, UnixSeconds) {
        let handle = Handle::from_random(rand::random());
        let weight = SERVED_OVERHEAD + 2 * served.manifest.len() as u64;
        let expires = lock(&self.served).insert_for(client, handle, served, weight, now);
        (handle, expires)
    }

    /// The object with this handle.
    pub(crate) fn served(&self, handle: &str, now: UnixSeconds) -> Result<Opened<Served>, Problem> {
        let known = handle.parse().ok().and_then(|handle| lock(&self.served).get(handle, now));
        known.ok_or_else(|| Problem::new(Code::UnknownHandle, "open the object again with POST /sealed"))
    }

    /// The places of those for whom cells are fetched.
    pub(crate) const fn places(&self) -> &Fetches<SealedFetch> {
        &self.places
    }

    /// Forgets what has expired.
    pub(crate) fn sweep(&self, now: UnixSeconds) {
        lock(&self.sessions).sweep(now);
        lock(&self.served).sweep(now);
    }
}

fn lock<T>(table: &Mutex<Handles<T>>) -> MutexGuard<'_, Handles<T>> {
    // The table stays usable whatever panicked beside it.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
