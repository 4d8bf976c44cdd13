//! Reading a range of cells: what to ask of whom, when to ask others as well, and what makes up the result.
//!
//! Batches of rows are asked for ahead of the reader, data columns first. A column that fails, falls silent or
//! is overtaken by its neighbours is hedged with other columns of the same rows, and its node is avoided from
//! then on. A shard that is not where it should be is searched for, once per segment.

mod messages;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chunker::{Column, Segment};
use protocol::PublicKey;

use super::batch::{Batch, Lateness, Piece, Record, Try, TryState};
use super::whereabouts::{Searched, Whereabouts};
use super::window::Window;
use super::{ASK_WITHIN, Failure, READ_WITHIN, RequestId};
use crate::health::{Fault, Health, Standing};
use crate::moment::Moment;
use crate::placement::Placement;
pub use messages::{Action, Answer, Batches, Delivery, Event, Unreadable, Wanted};

/// A batch that nobody in good standing is serving any more fails this long after it began. Nobody else is asked
/// from then on; those who have been asked have until their requests are late.
pub const GIVE_UP_AFTER: Duration = Duration::from_millis(4500);
/// Passing failures are worth a second try only while the batch has time for it.
const RETRY_BEFORE: Duration = Duration::from_secs(3);
/// A question that failed so soon was lost with a connection and is asked once more; a late one is not.
const ASK_AGAIN_BEFORE: Duration = Duration::from_secs(1);
/// How often one node is asked for the same rows.
const TRIES_PER_NODE: usize = 2;
/// A wake-up that is later than this says that *we* were held up …
const WOKEN_LATE: Duration = Duration::from_millis(10);
/// … and nodes get this long to make themselves heard before they are blamed.
const FORGIVENESS: Duration = Duration::from_millis(5);

enum Stage {
    Fetching(Batch),
    Ready(Delivery),
    Hopeless(Unreadable),
}

/// The state machine.
pub struct Download {
    wanted: Wanted,
    placement: Arc<Placement>,
    window: Window,
    segments: BTreeMap<u32, Whereabouts>,
    searches: BTreeMap<u32, Moment>,
    asked_again: HashSet<(u32, PublicKey)>,
    stages: VecDeque<Stage>,
    untaken: VecDeque<Range<u64>>,
    actions: VecDeque<Action>,
    next_request: u64,
    wake_at: Option<Moment>,
    was_forgiven: bool,
    is_over: bool,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("cells", &self.wanted.cells).finish_non_exhaustive()
    }
}

impl Download {
    /// A plan that begins with its first [`Event::Wake`].
    pub fn new(wanted: Wanted, placement: Arc<Placement>) -> Self {
        let window = Window::new(wanted.geometry, wanted.cells.clone(), wanted.read_ahead, wanted.batches);
        Self {
            wanted,
            placement,
            window,
            segments: BTreeMap::new(),
            searches: BTreeMap::new(),
            asked_again: HashSet::new(),
            stages: VecDeque::new(),
            untaken: VecDeque::new(),
            actions: VecDeque::new(),
            next_request: 0,
            wake_at: None,
            was_forgiven: false,
            is_over: false,
        }
    }

    /// Takes in what happened. `health` is shared by all plans; its `heard` is called by the performer as bytes arrive.
    pub fn handle(&mut self, now: Moment, event: Event, health: &mut Health) {
        if self.is_over {
            return;
        }
        match event {
            Event::Wake if self.forgive(now) => return,
            Event::Wake => {
                self.wake_at = None;
                self.give_up_on_late(now, health);
            }
            Event::Answered { request, first_byte } => self.answered(now, request, first_byte, health),
            Event::Failed { request, failure } => self.failed(now, request, failure, health),
            Event::Told { node, segment, held } => self.told(now, node, segment, held.as_deref()),
            Event::Taken => {
                if let Some(cells) = self.untaken.pop_front() {
                    self.window.taken(&cells);
                }
            }
        }
        self.launch(now, health);
        let mut index = 0;
        while index < self.stages.len() {
            self.advance(index, now, health); // may end the list here, when a batch is hopeless
            index += 1;
        }
        self.deliver();
        self.set_wake(now, health);
    }

    /// The next thing to do; `None` until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// True when the wake-up came so late that nodes deserve a moment more. Never twice in a row.
    fn forgive(&mut self, now: Moment) -> bool {
        let held_up = self.wake_at.is_some_and(|at| now.since(at) > WOKEN_LATE);
        self.was_forgiven = held_up && !self.was_forgiven;
        if self.was_forgiven {
            self.wake_at = Some(now.plus(FORGIVENESS));
            self.actions.push_back(Action::WakeAt(now.plus(FORGIVENESS)));
        }
        self.was_forgiven
    }

    fn give_up_on_late(&mut self, now: Moment, health: &mut Health) {
        let mut silent = Vec::new();
        for batch in self.stages.iter_mut().filter_map(Stage::batch_mut) {
            let late: Vec<_> = batch
                .open()
                .filter(|(_, attempt)| attempt.state == TryState::Open)
                .map(|(piece, attempt)| {
                    (attempt.request, attempt.node, batch.late_at(piece, attempt, health))
                })
                .filter(|(.., (at, _))| *at <= now)
                .collect();
            for (request, node, (_, why)) in late {
                if why == Lateness::Silent {
                    silent.push(node);
                }
                set_late(batch, request, why);
            }
        }
        for node in silent {
            health.failed(node, Fault::Silent, now);
            self.leave(node);
        }
    }

    /// Stops counting on all open requests to a node.
    fn leave(&mut self, node: PublicKey) {
        for batch in self.stages.iter_mut().filter_map(Stage::batch_mut) {
            let requests: Vec<_> =
                batch.open().filter(|(_, a)| a.node == node).map(|(_, a)| a.request).collect();
            for request in requests {
                set_late(batch, request, Lateness::Silent);
            }
        }
    }

    fn answered(&mut self, now: Moment, request: RequestId, first_byte: Duration, health: &mut Health) {
        let Some(batch) = self.batch_with(request) else { return };
        let (piece, at) = batch.find(request).expect("the batch was found by this request");
        let (node, took, was_late) =
            (piece.tries[at].node, now.since(piece.tries[at].sent), piece.tries[at].state == TryState::Late);
        piece.tries[at].state = TryState::Answered;
        let is_needed = *piece.answer.get_or_insert(request) == request;
        batch.note_time(took);
        health.heard(node, now);
        health.first_byte(node, first_byte);
        if !was_late {
            health.served(node);
        }
        if !is_needed {
            self.actions.push_back(Action::Cancel(request));
        }
    }

    fn failed(&mut self, now: Moment, request: RequestId, failure: Failure, health: &mut Health) {
        let Some(batch) = self.batch_with(request) else { return };
        let segment = batch.segment.index();
        let (piece, at) = batch.find(request).expect("the batch was found by this request");
        let (node, column, rows) = (piece.tries[at].node, piece.column, piece.rows.clone());
        piece.tries[at].state = if failure.is_passing() { TryState::Passing } else { TryState::Failed };
        if let Some(fault) = failure.fault() {
            health.failed(node, fault, now);
        }
        if failure == Failure::Wrong {
            health.tally_mut().wrong += count(&rows);
        }
        let whereabouts = self.segments.get_mut(&segment).expect("a batch's segment is known");
        match failure {
            Failure::NotHeld => whereabouts.deny(column, node),
            Failure::Corrupt | Failure::Wrong => whereabouts.deny_damaged(column, node),
            Failure::Refused => {}
            Failure::Unreachable | Failure::Late | Failure::Slow => self.leave(node),
        }
        if failure == Failure::NotHeld {
            self.search(segment, now);
        }
    }

    fn told(&mut self, now: Moment, node: PublicKey, segment: u32, held: Option<&[Column]>) {
        let is_soon = self.searches.get(&segment).is_some_and(|began| now.since(*began) < ASK_AGAIN_BEFORE);
        if held.is_none() && is_soon && self.asked_again.insert((segment, node)) {
            return self.actions.push_back(Action::Ask { node, segment, within: ASK_WITHIN });
        }
        let Some(whereabouts) = self.segments.get_mut(&segment) else { return };
        let Searched { found, ask } = whereabouts.searched(node, held);
        for column in found {
            self.actions.push_back(Action::Remember { segment, column, node });
        }
        self.actions.extend(ask.map(|node| Action::Ask { node, segment, within: ASK_WITHIN }));
    }

    fn batch_with(&mut self, request: RequestId) -> Option<&mut Batch> {
        self.stages.iter_mut().filter_map(Stage::batch_mut).find(|batch| batch.has(request))
    }

    fn launch(&mut self, now: Moment, health: &mut Health) {
        if matches!(self.stages.back(), Some(Stage::Hopeless(_))) {
            return;
        }
        while let Some(cut) = self.window.cut() {
            let segment = self.wanted.geometry.segment(cut.segment).expect("a cut lies in the object");
            self.know(segment);
            let batch = Batch::new(segment, cut.cells, now);
            self.stages.push_back(Stage::Fetching(batch));
            let index = self.stages.len() - 1;
            self.ask_for_wanted(index, now, health);
        }
    }

    fn know(&mut self, segment: Segment) {
        let (wanted, placement) = (&self.wanted, &self.placement);
        self.segments.entry(segment.index()).or_insert_with(|| {
            let mut whereabouts = Whereabouts::new(segment, &wanted.seed, placement);
            for (_, column, node) in wanted.hints.iter().filter(|hint| hint.0 == segment.index()) {
                whereabouts.moved(*column, *node);
            }
            whereabouts
        });
    }

    /// Asks the nodes in good standing for what the reader wants.
    fn ask_for_wanted(&mut self, index: usize, now: Moment, health: &mut Health) {
        let Some(batch) = self.stages[index].batch_mut() else { return };
        let whereabouts = &self.segments[&batch.segment.index()];
        let mut asks = Vec::new();
        for (at, piece) in batch.pieces.iter().enumerate() {
            match whereabouts.node(piece.column, health, now) {
                Some((node, Standing::Good)) => asks.push((at, node)),
                Some((node, Standing::Suspect)) if health.probe(node, now) => {
                    self.actions.push_back(Action::Probe(node));
                }
                _ => {}
            }
        }
        for (at, node) in asks {
            self.ask(index, at, node, now);
        }
    }

    fn ask(&mut self, index: usize, piece: usize, node: PublicKey, now: Moment) {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let batch = self.stages[index].batch_mut().expect("only batches on their way ask");
        let segment = batch.segment.index();
        let Piece { column, rows, tries, .. } = &mut batch.pieces[piece];
        tries.push(Try { request, node, sent: now, state: TryState::Open });
        let (column, rows) = (*column, rows.clone());
        self.actions.push_back(Action::Read { request, node, segment, column, rows, within: READ_WITHIN });
    }

    fn advance(&mut self, index: usize, now: Moment, health: &mut Health) {
        let Some(batch) = self.stages[index].batch_mut() else { return };
        if batch.is_solved() {
            return self.settle(index, now, health);
        }
        let Some(rows) = batch.rows_at_risk() else { return };
        let (spare, gave_up) = (usize::from(batch.saw_silence), now.since(batch.started) >= GIVE_UP_AFTER);
        // What is asked for then would come too late to be of use.
        while !gave_up && let Some((piece, node)) = self.choose(index, &rows, spare, now, health) {
            let batch = self.stages[index].batch_mut().expect("choosing does not end a batch");
            health.tally_mut().hedged += count(&batch.pieces[piece].rows);
            self.ask(index, piece, node, now);
        }
        let batch = self.stages[index].batch_mut().expect("asking does not end a batch");
        let required = batch.required(rows.start);
        if batch.supply(&rows).len() >= required {
            return;
        }
        let segment = batch.segment.index();
        self.search(segment, now);
        let batch = self.stages[index].batch_mut().expect("searching does not end a batch");
        let hopeless = batch.hope(&rows).len() < required && !self.segments[&segment].is_searching();
        if gave_up || hopeless {
            let failure = self.unreadable(index, &rows);
            self.abandon(index, failure);
        }
    }

    /// The next piece to ask for so that `rows` can be rebuilt, and the node to ask.
    fn choose(
        &mut self,
        index: usize,
        rows: &Range<u32>,
        spare: usize,
        now: Moment,
        health: &Health,
    ) -> Option<(usize, PublicKey)> {
        let batch = self.stages[index].batch_mut().expect("only batches on their way choose");
        let supply = batch.supply(rows);
        let (required, missing) = (batch.required(rows.start), |want: usize| supply.len() < want);
        if !missing(required + spare) {
            return None;
        }
        let whereabouts = &self.segments[&batch.segment.index()];
        let is_early = now.since(batch.started) < RETRY_BEFORE;
        let mut options = Vec::new();
        for column in batch.segment.stored_columns().filter(|column| !supply.contains(column)) {
            let is_helper = !batch.pieces.iter().any(|piece| piece.column == column && piece.is_wanted);
            let is_data = batch.segment.coding().is_data(column);
            for node in whereabouts.holders(column) {
                let stumbled = match batch.record(column, node) {
                    Record::Clean => 0,
                    Record::Stumbled(times) if is_early && times < TRIES_PER_NODE => times,
                    Record::Stumbled(_) | Record::Bad => continue,
                };
                let is_last_resort = stumbled > 0 || health.standing(node, now) == Standing::Suspect;
                if !is_last_resort || missing(required) {
                    options.push(((is_last_resort, stumbled, is_helper, is_data), column, node));
                }
            }
        }
        options.sort_by_key(|(order, ..)| *order);
        options.into_iter().find_map(|(_, column, node)| Some((batch.piece_for(column, rows)?, node)))
    }

    fn search(&mut self, segment: u32, now: Moment) {
        self.searches.entry(segment).or_insert(now);
        let whereabouts = self.segments.get_mut(&segment).expect("a batch's segment is known");
        for node in whereabouts.begin_search() {
            self.actions.push_back(Action::Ask { node, segment, within: ASK_WITHIN });
        }
    }

    fn unreadable(&self, index: usize, rows: &Range<u32>) -> Unreadable {
        let Stage::Fetching(batch) = &self.stages[index] else {
            unreachable!("only batches on their way fail")
        };
        let whereabouts = &self.segments[&batch.segment.index()];
        let required = batch.required(rows.start);
        let nowhere = batch.segment.stored_columns().filter(|column| whereabouts.is_nowhere(*column)).count();
        let stored = usize::from(batch.segment.stored());
        let answered = batch.pieces.iter().filter(|piece| piece.answer.is_some());
        let available = answered.map(|piece| piece.column).collect::<HashSet<_>>().len();
        Unreadable {
            segment: batch.segment.index(),
            cell: batch.cells.start,
            required,
            available,
            is_definite: stored - nowhere < usize::from(batch.segment.data_columns()),
        }
    }

    /// A batch has what it needs: cancels the rest, and blames those that were overtaken.
    fn settle(&mut self, index: usize, now: Moment, health: &mut Health) {
        let Stage::Fetching(batch) = &self.stages[index] else { return };
        for (_, attempt) in batch.open() {
            self.actions.push_back(Action::Cancel(attempt.request));
            if attempt.state == TryState::Late {
                health.failed(attempt.node, Fault::Slow, now);
            }
        }
        let missing = batch.pieces.iter().filter(|piece| piece.is_wanted && piece.answer.is_none());
        health.tally_mut().rebuilt += missing.map(|piece| count(&piece.rows)).sum::<u64>();
        let answers = batch.pieces.iter().filter_map(Piece::to_answer).collect();
        self.stages[index] =
            Stage::Ready(Delivery { segment: batch.segment, cells: batch.cells.clone(), answers });
    }

    fn abandon(&mut self, index: usize, failure: Unreadable) {
        for stage in self.stages.drain(index..) {
            let Stage::Fetching(batch) = stage else { continue };
            self.actions.extend(batch.open().map(|(_, attempt)| Action::Cancel(attempt.request)));
        }
        self.stages.push_back(Stage::Hopeless(failure));
    }

    fn deliver(&mut self) {
        while let Some(stage) = self.stages.pop_front() {
            match stage {
                Stage::Ready(delivery) => {
                    self.untaken.push_back(delivery.cells.clone());
                    self.actions.push_back(Action::Deliver(delivery));
                }
                Stage::Hopeless(failure) => {
                    self.is_over = true;
                    return self.actions.push_back(Action::Fail(failure));
                }
                Stage::Fetching(batch) => {
                    return self.stages.push_front(Stage::Fetching(batch));
                }
            }
        }
        if self.window.is_over() {
            self.is_over = true;
            self.actions.push_back(Action::Finish);
        }
    }

    fn set_wake(&mut self, now: Moment, health: &Health) {
        if self.is_over {
            return;
        }
        let batches = self.stages.iter().filter_map(Stage::batch);
        let at = batches.filter_map(|batch| {
            let open = batch.open().filter(|(_, attempt)| attempt.state == TryState::Open);
            let late = open.map(|(piece, attempt)| batch.late_at(piece, attempt, health).0).min();
            late.or(Some(batch.started.plus(GIVE_UP_AFTER)))
        });
        let Some(at) = at.min().map(|at| at.max(now)) else { return };
        // An alarm that is set earlier than needed does no harm: it looks again.
        if self.wake_at.is_none_or(|set| at < set) {
            self.wake_at = Some(at);
            self.actions.push_back(Action::WakeAt(at));
        }
    }
}

impl Stage {
    fn batch(&self) -> Option<&Batch> {
        if let Self::Fetching(batch) = self { Some(batch) } else { None }
    }

    fn batch_mut(&mut self) -> Option<&mut Batch> {
        if let Self::Fetching(batch) = self { Some(batch) } else { None }
    }
}

fn count(rows: &Range<u32>) -> u64 {
    u64::from(rows.end - rows.start)
}

fn set_late(batch: &mut Batch, request: RequestId, why: Lateness) {
    batch.saw_silence |= why == Lateness::Silent;
    if let Some((piece, at)) = batch.find(request)
        && piece.tries[at].state == TryState::Open
    {
        piece.tries[at].state = TryState::Late;
    }
}

#[cfg(test)]
mod tests;
