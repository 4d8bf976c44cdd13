//! One batch: everything is applied ahead of the journal, appended at once, and then shown.

use std::time::{Instant, SystemTime};

use ledger::{ApplyError, Deposited, Entry, GrantError, Granted, LogEntry, SessionRequest, What};
use protocol::{Epoch, SessionGrant, Signed, UnixSeconds};
use tokio::sync::mpsc;

use super::{Answer, Ask, BATCH_ENTRIES_MAX, Redeemed, Sequencer, Settling, Unavailable, When};
use crate::state::{State, Step, Taken};
use crate::store::{AppendError, Store};

/// Longest grant, in seconds.
const GRANT_S: u64 = 4 * 3600;

/// What an ask is answered once everything is durable.
enum Reply {
    Take(Vec<Answer>),
    Grant(Box<Result<Signed<SessionGrant>, ApplyError>>),
    Redeem(Redeemed),
    Settle(Settling),
    /// It is read after the batch.
    Read,
}

/// What is appended.
#[derive(Default)]
struct Draft {
    steps: Vec<Step>,
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
        Ask::Grant(..) | Ask::Redeem(..) | Ask::Settle(..) | Ask::Read(..) => 1,
    }
}

/// Tells all of these that they can ask again.
pub(super) fn refuse(batch: Vec<Ask>) {
    for ask in batch {
        // Whoever has gone does not want to know.
        match ask {
            Ask::Take(_, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Grant(_, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Redeem(_, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Settle(_, _, answer) => drop(answer.send(Err(Unavailable))),
            Ask::Read(_, answer) => drop(answer.send(Err(Unavailable))),
        }
    }
}

impl<S: Store> Sequencer<S> {
    /// Takes a batch, or gives it back when the journal did not end where it was thought to.
    pub(super) async fn attempt(&mut self, batch: Vec<Ask>) -> Result<(), Vec<Ask>> {
        let now = match self.watch.read(SystemTime::now().into(), Instant::now()) {
            Ok(now) => now.max(self.ahead.at()),
            Err(error) => {
                tracing::error!(%error, "nothing is dated");
                refuse(batch);
                return Ok(());
            }
        };
        let head = self.ahead.ledger().head();
        let (replies, draft) = tokio::task::block_in_place(|| self.apply(&batch, now));
        // What is appended shows by it that nobody else has written; a refusal alone does not.
        if draft.bytes.is_empty() && replies.iter().any(Reply::refuses) && self.was_behind().await {
            return Err(batch);
        }
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
            self.metrics.appended(draft.steps.len() as u64, started.elapsed());
            tokio::task::block_in_place(|| self.show(draft.steps, &draft.bytes));
        }
        self.answer(batch, replies).await;
        Ok(())
    }

    /// Whether others have written what was not known here; it is known now, or the end has to be found.
    async fn was_behind(&mut self) -> bool {
        let caught_up = self.catch_up().await;
        if let Err(error) = &caught_up {
            tracing::error!(%error, "cannot read the journal");
            self.is_lost = true;
        }
        caught_up.unwrap_or(true)
    }

    fn apply(&mut self, batch: &[Ask], now: UnixSeconds) -> (Vec<Reply>, Draft) {
        let mut draft = Draft::default();
        let mut replies = Vec::with_capacity(batch.len());
        for ask in batch {
            replies.push(match ask {
                Ask::Take(entries, _) => {
                    let answers = entries.iter().map(|what| draft.take(&mut self.ahead, now, what.clone()));
                    Reply::Take(answers.collect())
                }
                Ask::Grant(request, _) => Reply::Grant(Box::new(self.grant(&mut draft, now, request))),
                Ask::Redeem(deposited, _) => {
                    Reply::Redeem(draft.redeem(&mut self.ahead, now, (**deposited).clone()))
                }
                Ask::Settle(epoch, when, _) => Reply::Settle(self.settle(&mut draft, now, *epoch, *when)),
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
        let (network, serial) = (self.ahead.ledger().terms().signed_for(), asked.serial(&viewer));
        if let Some(known) = self.ahead.ledger().grant_of(&serial) {
            return Ok(Signed::sign(self.keys.issuer(), &network, *known));
        }
        // A viewer has another alias in each epoch, and with each of them credit at a gateway.
        let calendar = *self.ahead.calendar();
        let current = calendar.current(self.ahead.ledger().next_epoch(), now);
        if asked.epoch > current {
            return Err(GrantError::Early { epoch: asked.epoch, current }.into());
        }
        let blind = self.keys.blind(&viewer, asked.agreement, asked.epoch);
        let body = SessionGrant {
            agreement: asked.agreement,
            alias: blind.alias(&viewer, asked.agreement, asked.epoch),
            attested: asked.attested,
            charge: asked.charge,
            epoch: asked.epoch,
            expires: now.plus(GRANT_S).min(calendar.grants_end(asked.epoch)),
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
    fn settle(&mut self, draft: &mut Draft, now: UnixSeconds, epoch: Epoch, when: When) -> Settling {
        if self.ahead.settled(epoch).is_some() {
            return Settling::Settled;
        }
        let ledger = self.ahead.ledger();
        if epoch != ledger.next_epoch() {
            return Settling::NotNext;
        }
        let calendar = self.ahead.calendar();
        let ends = calendar.end(epoch);
        if !ends.has_passed(now) && !self.ahead.is_anything_new() {
            return Settling::Nothing(ends);
        }
        let end = calendar.grants_end(epoch);
        let over = ledger.grants_expire(epoch).map_or(end, |expires| expires.max(end));
        if when == When::Over && !over.has_passed(now) {
            return Settling::Early(over);
        }
        let step = Step::settling(now, ledger.settlement());
        match draft.add(&mut self.ahead, step) {
            Answer::Taken(_) | Answer::Known(_) => Settling::Settled,
            Answer::Refused(error) => {
                tracing::error!(%error, epoch = epoch.get(), "cannot settle");
                Settling::NotNext
            }
        }
    }

    async fn answer(&mut self, batch: Vec<Ask>, replies: Vec<Reply>) {
        for (ask, reply) in batch.into_iter().zip(replies) {
            // Whoever has gone does not want to know.
            match (ask, reply) {
                (Ask::Take(_, answer), Reply::Take(answers)) => drop(answer.send(Ok(answers))),
                (Ask::Grant(_, answer), Reply::Grant(grant)) => drop(answer.send(Ok(*grant))),
                (Ask::Redeem(_, answer), Reply::Redeem(redeemed)) => drop(answer.send(Ok(redeemed))),
                (Ask::Settle(_, _, answer), Reply::Settle(settling)) => drop(answer.send(Ok(settling))),
                (Ask::Read(from, answer), Reply::Read) => {
                    drop(answer.send(self.store.read(from).await.map_err(|_| Unavailable)));
                }
                _ => unreachable!("replies stand in the order of what was asked"),
            }
        }
    }

    /// Shows what is durable since now.
    pub(super) fn show(&mut self, mut steps: Vec<Step>, bytes: &[Vec<u8>]) {
        let mut public: Vec<LogEntry> = Vec::new();
        let mut state = self.shared.write().expect("no reader or writer of the state panics");
        for (step, bytes) in steps.iter_mut().zip(bytes) {
            match state.apply(step, bytes) {
                Ok(Taken::New(entries)) => public.extend(entries),
                other => unreachable!("an entry of the journal was applied ahead of it: {other:?}"),
            }
        }
        if !public.is_empty() {
            // Under the lock: nobody learns an index that the log does not know.
            (self.public)(public);
        }
        self.metrics.at(state.ledger());
        drop(state);
        let head = self.ahead.ledger().head();
        if self.verified.is_due(head) {
            self.verified.mark(head);
        }
    }
}

impl Reply {
    /// Whether something is refused in it: that is only said with the whole journal in view.
    fn refuses(&self) -> bool {
        let is_refusal = |answer: &Answer| matches!(answer, Answer::Refused(_));
        match self {
            Self::Take(answers) => answers.iter().any(is_refusal),
            Self::Grant(grant) => grant.is_err(),
            Self::Redeem(Redeemed::By(answer)) => is_refusal(answer),
            Self::Redeem(Redeemed::Before) => true,
            Self::Settle(settling) => *settling != Settling::Settled,
            Self::Read => false,
        }
    }
}

impl Draft {
    /// Takes a deposit with a code, which is worth something to one key alone.
    fn redeem(&mut self, ahead: &mut State, at: UnixSeconds, deposited: Deposited) -> Redeemed {
        let (id, by) = (deposited.deposit.body().id, deposited.deposit.by());
        if ahead.depositor(&id).is_some_and(|other| other != by) {
            return Redeemed::Before;
        }
        Redeemed::By(self.take(ahead, at, What::Deposit(Box::new(deposited))))
    }

    fn take(&mut self, ahead: &mut State, at: UnixSeconds, what: What) -> Answer {
        self.add(ahead, Step::new(Entry { at, what }))
    }

    fn add(&mut self, ahead: &mut State, mut step: Step) -> Answer {
        let (at, bytes) = (step.entry().at, step.entry().encode());
        match ahead.apply(&mut step, &bytes) {
            Ok(Taken::New(_)) => {
                self.bytes.push(bytes);
                self.steps.push(step);
                Answer::Taken(at)
            }
            Ok(Taken::Known) => Answer::Known(at),
            Err(error) => Answer::Refused(error),
        }
    }
}
