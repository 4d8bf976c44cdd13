//! The sessions that are open: found by the token that a player shows, or by the serial of their grant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{AgreementId, Alias, Serial, SessionGrant, UnixSeconds, Usage};

use super::ledger::Title;
use super::session::Session;
use super::viewer::Viewer;
use crate::handles::Handle;

/// Sessions open at a time.
const SESSIONS_MAX: usize = 100_000;
/// Tokens of one grant: one for each stream that it may have.
const TOKENS_MAX: usize = 16;
/// How long after its grant a session still takes receipts.
const GRACE_S: u64 = 600;
/// How long after a grant it is remembered what was not acknowledged under it: an alias is not for longer, as a rule.
const OWED_KEPT_S: u64 = 86_400;
/// Viewers who are remembered at a time.
const VIEWERS_MAX: usize = 200_000;

/// A session that is open, whoever uses it.
#[derive(Debug)]
pub(crate) struct OpenSession {
    pub(super) title: Title,
    pub(super) viewer: Arc<Viewer>,
    state: Mutex<Session>,
    /// Receipts are taken one after the other, each durable before the next is looked at.
    pub(super) receipts: tokio::sync::Mutex<()>,
}

/// All that are open.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_token: HashMap<Handle, Arc<OpenSession>>,
    by_serial: HashMap<Serial, (Arc<OpenSession>, VecDeque<Handle>)>,
    /// With the time at which they may be forgotten.
    viewers: HashMap<(AgreementId, Alias), (Arc<Viewer>, UnixSeconds)>,
}

impl OpenSession {
    pub(super) fn new(title: Title, viewer: Arc<Viewer>, state: Session) -> Self {
        Self { title, viewer, state: Mutex::new(state), receipts: tokio::sync::Mutex::default() }
    }

    /// Changes what was sent or acknowledged; `change` is told what the viewer owes in other sessions.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Session, Usage) -> T) -> T {
        let mut owed = self.viewer.owed();
        let mut state = self.state();
        let here = state.unacknowledged();
        let elsewhere =
            Usage { bytes: owed.bytes.saturating_sub(here.bytes), ms: owed.ms.saturating_sub(here.ms) };
        let result = change(&mut state, elsewhere);
        *owed = elsewhere.plus(state.unacknowledged());
        result
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

    /// Who is watching under this grant; `None` where too many are remembered.
    pub(super) fn viewer(&mut self, grant: &SessionGrant) -> Option<Arc<Viewer>> {
        let name = (grant.agreement, grant.alias);
        if !self.viewers.contains_key(&name) && self.viewers.len() >= VIEWERS_MAX {
            return None;
        }
        let kept_until = grant.expires.plus(OWED_KEPT_S);
        let (viewer, until) = self.viewers.entry(name).or_insert_with(|| (Arc::default(), kept_until));
        *until = kept_until.max(*until);
        Some(Arc::clone(viewer))
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
        self.viewers.retain(|_, (viewer, until)| {
            let owes = *viewer.owed() != Usage::default();
            Arc::strong_count(viewer) > 1 || owes && !until.has_passed(now)
        });
    }

    pub(super) fn len(&self) -> usize {
        self.by_serial.len()
    }
}

#[cfg(test)]
mod tests {
    use proofs::Cid;
    use protocol::{Amount, Epoch, Per, Quantity, SecretKey, TitlePrice};

    use super::*;
    use crate::pay::piece::Piece;
    use crate::pay::session::Stop;

    const CREDIT: u64 = 1000;
    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn open(sessions: &mut Sessions, serial: u8, alias: u8) -> Arc<OpenSession> {
        let key = SecretKey::from_bytes(&[1; 32]).public();
        let grant = SessionGrant {
            agreement: AgreementId::from_bytes([1; 32]),
            alias: Alias::from_bytes([alias; 32]),
            attested: false,
            charge: Amount::ZERO,
            epoch: Epoch::new(1),
            expires: NOW.plus(60),
            gateway: key,
            limit: Usage { bytes: 1 << 30, ms: 1 << 30 },
            serial: Serial::from_bytes([serial; 16]),
            session: key,
            starts: NOW,
        };
        let price = TitlePrice { micro: Amount::ZERO, of: Quantity::new(1).unwrap(), per: Per::Byte };
        let title = Title { content: Cid::of(b"title"), creator: key, price };
        let viewer = sessions.viewer(&grant).unwrap();
        let session = OpenSession::new(title, viewer, Session::new(grant, price, CREDIT));
        sessions.open(Handle::from_random(serial.into()), Arc::new(session)).unwrap()
    }

    fn send(session: &OpenSession, len: u64) -> Result<(), Stop> {
        let piece = Piece { len, time: None };
        session.change(|state, elsewhere| state.reserve(&piece, elsewhere, NOW))
    }

    #[test]
    fn the_credit_is_that_of_the_viewer_and_not_of_the_grant() {
        let mut sessions = Sessions::default();
        let first = open(&mut sessions, 1, 1);
        send(&first, CREDIT).unwrap();
        let wanted = |stop| matches!(stop, Err(Stop::ReceiptsWanted { .. }));
        assert!(wanted(send(&open(&mut sessions, 2, 1), 1)), "another grant is no other credit");
        assert_eq!(send(&open(&mut sessions, 3, 2), CREDIT), Ok(()), "another viewer has one");
        // The grants end; what is owed does not.
        drop(first);
        sessions.sweep(NOW.plus(60 + GRACE_S));
        assert_eq!(sessions.len(), 0);
        let next = open(&mut sessions, 4, 1);
        assert!(wanted(send(&next, 1)));
        drop(next);
        sessions.sweep(NOW.plus(60 + OWED_KEPT_S));
        assert_eq!((sessions.viewers.len(), send(&open(&mut sessions, 5, 1), 1)), (0, Ok(())));
    }

    #[test]
    fn what_is_given_back_is_not_owed() {
        let mut sessions = Sessions::default();
        let (one, other) = (open(&mut sessions, 1, 1), open(&mut sessions, 2, 1));
        send(&one, CREDIT).unwrap();
        one.change(|state, _| state.give_back(1));
        assert_eq!(send(&other, 1), Ok(()));
        assert!(matches!(send(&one, 1), Err(Stop::ReceiptsWanted { .. })));
    }
}
