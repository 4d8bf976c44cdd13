//! One batch: everything is applied ahead of the journal, appended at once, and then shown.

use std::time::{Instant, SystemTime};

use ledger::{ApplyError, Entry, Granted, LogEntry, SessionRequest, Summary, What};
use protocol::{Epoch, SessionGrant, Signed, UnixSeconds};
use tokio::sync::mpsc;

use super::{Answer, Ask, BATCH_ENTRIES_MAX, Sequencer, Unavailable};
use crate::state::{State, Taken};
use crate::store::{AppendError, Store};

/// Longest grant, in seconds.
const GRANT_S: u64 = 4 * 3600;

/// What an ask is answered once everything is durable.
enum Reply {
    Take(Vec<Answer>),
    Grant(Box<Result<Signed<SessionGrant>, ApplyError>>),
    Settle(Option<Box<Summary>>),
    /// It is read after the batch.
    Read,
}

/// What is appended.
#[derive(Default)]
struct Draft {
    entries: Vec<Entry>,
    bytes: Vec<Vec<u8>>,
}

/// What waits already, up to the limit of a batch.
pub(super) fn gather(first: Ask, asks: &mut mpsc::Receiver<Ask>) -> Vec<Ask> {
    let mut entries = len(&first);
    let mut batch = vec![first];
    while entries < BATCH_ENTRIES_MAX {
        let Ok(ask) = asks.try_recv() else { break };
        entries += len(&ask);
        batch.push(ask);
    }
    batch
}

fn len(ask: &Ask) -> usize {
    match ask {
        Ask::Take(entries, _) => entries.len(),
        Ask::Grant(..) | Ask::Settle(..) | Ask::Read(..) => 1,
    }
}

/// Tells all of these that they can ask again.
pub(super) fn refuse(batch: Vec<Ask>) {
    for ask in batch {
        // Whoever has gone does not want to know.
        match ask {
            Ask::Take(_, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Grant(_, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Settle(_, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Read(_, answer) => drop(answer.send(Err(Unavailable))),
        }
    }
}

impl<S: Store> Sequencer<S> {
    /// Takes a batch, or gives it back when the journal did not end where it was thought to.
    pub(super) async fn attempt(&mut self, batch: Vec<Ask>) -> Result<(), Vec<Ask>> {
        let head = self.ahead.ledger().head();
        let (replies, draft) = tokio::task::block_in_place(|| self.apply(&batch));
        if !draft.bytes.is_empty() {
            let started = Instant::now();
            if let Err(error) = self.store.append_if(head, &draft.bytes).await {
                match error {
                    AppendError::Store(error) => tracing::error!(%error, "cannot append to the journal"),
                    AppendError::NotAtHead { .. } => tracing::info!("another service has written"),
                }
                self.is_lost = true;
                return Err(batch);
            }
            self.metrics.appended(draft.entries.len() as u64, started.elapsed());
            tokio::task::block_in_place(|| self.show(&draft.entries));
        }
        self.answer(batch, replies).await;
        Ok(())
    }

    fn apply(&mut self, batch: &[Ask]) -> (Vec<Reply>, Draft) {
        let mut draft = Draft::default();
        let now = UnixSeconds::from(SystemTime::now()).max(self.ahead.at());
        let mut replies = Vec::with_capacity(batch.len());
        for ask in batch {
            replies.push(match ask {
                Ask::Take(entries, _) => {
                    let answers = entries.iter().map(|what| draft.take(&mut self.ahead, now, what.clone()));
                    Reply::Take(answers.collect())
                }
                Ask::Grant(request, _) => Reply::Grant(Box::new(self.grant(&mut draft, now, request))),
                Ask::Settle(epoch, _) => Reply::Settle(self.settle(&mut draft, now, *epoch).map(Box::new)),
                Ask::Read(..) => Reply::Read,
            });
        }
        (replies, draft)
    }

    fn grant(
        &mut self,
        draft: &mut Draft,
        now: UnixSeconds,
        request: &Signed<SessionRequest>,
    ) -> Result<Signed<SessionGrant>, ApplyError> {
        let (viewer, asked) = (request.by(), *request.body());
        let (network, serial) = (self.ahead.ledger().terms().network, asked.serial(&viewer));
        if let Some(known) = self.ahead.ledger().grant_of(&serial) {
            return Ok(Signed::sign(self.keys.issuer(), &network, *known));
        }
        let blind = self.keys.blind(&viewer, asked.agreement, asked.epoch);
        let body = SessionGrant {
            agreement: asked.agreement,
            alias: blind.alias(&viewer, asked.agreement, asked.epoch),
            attested: asked.attested,
            charge: asked.charge,
            epoch: asked.epoch,
            expires: now.plus(GRANT_S).min(self.schedule.grants_end(asked.epoch)),
            gateway: asked.gateway,
            limit: asked.limit,
            serial,
            session: asked.session,
            starts: now,
        };
        let grant = Signed::sign(self.keys.issuer(), &network, body);
        let granted = Granted { blind, grant: grant.clone(), request: request.clone() };
        match draft.take(&mut self.ahead, now, What::Grant(Box::new(granted))) {
            Answer::Taken(_) | Answer::Known(_) => Ok(grant),
            Answer::Refused(error) => Err(error),
        }
    }

    /// Settles an epoch once; whoever asks again is told the same.
    fn settle(&mut self, draft: &mut Draft, now: UnixSeconds, epoch: Epoch) -> Option<Summary> {
        if let Some(settled) = self.ahead.settled(epoch) {
            return Some(settled.summary.clone());
        }
        if epoch != self.ahead.ledger().next_epoch() {
            return None;
        }
        let summary = self.ahead.ledger().settlement().summary;
        let answer = draft.take(&mut self.ahead, now, What::Settlement(Box::new(summary.clone())));
        matches!(answer, Answer::Taken(_)).then_some(summary)
    }

    async fn answer(&mut self, batch: Vec<Ask>, replies: Vec<Reply>) {
        for (ask, reply) in batch.into_iter().zip(replies) {
            // Whoever has gone does not want to know.
            match (ask, reply) {
                (Ask::Take(_, answer), Reply::Take(answers)) => drop(answer.send(Ok(answers))),
                (Ask::Grant(_, answer), Reply::Grant(grant)) => drop(answer.send(Ok(*grant))),
                (Ask::Settle(_, answer), Reply::Settle(summary)) => {
                    drop(answer.send(Ok(summary.map(|summary| *summary))));
                }
                (Ask::Read(from, answer), Reply::Read) => {
                    drop(answer.send(self.store.read(from).await.map_err(|_| Unavailable)));
                }
                _ => unreachable!("replies stand in the order of what was asked"),
            }
        }
    }

    /// Shows what is durable since now.
    pub(super) fn show(&mut self, entries: &[Entry]) {
        let mut public: Vec<LogEntry> = Vec::new();
        let mut state = self.shared.write().expect("no reader or writer of the state panics");
        for entry in entries {
            match state.apply(entry) {
                Ok(Taken::New(entries)) => public.extend(entries),
                other => unreachable!("an entry of the journal was applied ahead of it: {other:?}"),
            }
        }
        if !public.is_empty() {
            // Under the lock: nobody learns an index that the log does not know.
            (self.public)(public);
        }
        self.metrics.at(state.ledger());
    }
}

impl Draft {
    fn take(&mut self, ahead: &mut State, at: UnixSeconds, what: What) -> Answer {
        let entry = Entry { at, what };
        match ahead.apply(&entry) {
            Ok(Taken::New(_)) => {
                self.bytes.push(entry.encode());
                self.entries.push(entry);
                Answer::Taken(at)
            }
            Ok(Taken::Known) => Answer::Known(at),
            Err(error) => Answer::Refused(error),
        }
    }
}
