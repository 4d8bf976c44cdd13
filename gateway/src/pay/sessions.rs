//! The sessions that are open: found by the token that a player shows, or by the serial of their grant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Serial, UnixSeconds};
use tokio::sync::Notify;

use super::ledger::Title;
use super::session::Session;
use crate::handles::Handle;

/// Sessions open at a time.
const SESSIONS_MAX: usize = 100_000;
/// Tokens of one grant: one for each stream that it may have.
const TOKENS_MAX: usize = 16;
/// How long after its grant a session still takes receipts.
const GRACE_S: u64 = 600;

/// A session that is open, whoever uses it.
#[derive(Debug)]
pub(crate) struct OpenSession {
    pub(super) title: Title,
    state: Mutex<Session>,
    /// A receipt came.
    pub(super) acknowledged: Notify,
}

/// All that are open.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_token: HashMap<Handle, Arc<OpenSession>>,
    by_serial: HashMap<Serial, (Arc<OpenSession>, VecDeque<Handle>)>,
}

impl OpenSession {
    pub(super) fn new(title: Title, state: Session) -> Self {
        Self { title, state: Mutex::new(state), acknowledged: Notify::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Session> {
        // Counters stay usable whatever panicked beside them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    /// The session of this grant, when it is open.
    pub(super) fn of_grant(&self, serial: &Serial) -> Option<Arc<OpenSession>> {
        self.by_serial.get(serial).map(|(session, _)| Arc::clone(session))
    }

    /// Opens a session under one more token, or says that there are too many. Of one grant there is one session,
    /// with one credit; the oldest of too many tokens is forgotten.
    pub(super) fn open(&mut self, token: Handle, session: Arc<OpenSession>) -> Option<Arc<OpenSession>> {
        let serial = session.state().grant().serial;
        if !self.by_serial.contains_key(&serial) && self.by_serial.len() >= SESSIONS_MAX {
            return None;
        }
        let (session, tokens) = self.by_serial.entry(serial).or_insert((session, VecDeque::new()));
        tokens.push_back(token);
        let oldest = (tokens.len() > TOKENS_MAX).then(|| tokens.pop_front()).flatten();
        let session = Arc::clone(session);
        if let Some(oldest) = oldest {
            self.by_token.remove(&oldest);
        }
        self.by_token.insert(token, Arc::clone(&session));
        Some(session)
    }

    pub(super) fn get(&self, token: Handle) -> Option<Arc<OpenSession>> {
        self.by_token.get(&token).cloned()
    }

    /// Forgets sessions whose grants have ended for a while.
    pub(super) fn sweep(&mut self, now: UnixSeconds) {
        let by_token = &mut self.by_token;
        self.by_serial.retain(|_, (session, tokens)| {
            let is_over = session.state().grant().expires.plus(GRACE_S).has_passed(now);
            if is_over {
                for token in &*tokens {
                    by_token.remove(token);
                }
            }
            !is_over
        });
    }

    pub(super) fn len(&self) -> usize {
        self.by_serial.len()
    }
}
