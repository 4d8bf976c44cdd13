//! Performs a download plan as its reader polls: what both the reader of opened cells and that of sealed ones rest on.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use std::pin::Pin;

use chunker::{Column, Rebuilt, Verified, rebuild};
use proofs::{LeafSet, Root};
use protocol::PublicKey;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Sleep;

use crate::error::ReadError;
use crate::plan::RequestId;
use crate::plan::download::{Action, Answer, Batches, Delivery, Download, Event, Unreadable, Wanted};
use crate::sealed_object::SealedObject;
use crate::wire::{Keep, Rows, WireError};

/// A range of cells on its way.
#[derive(Debug)]
pub(crate) struct Fetching {
    object: SealedObject,
    keep: Keep,
    plan: Download,
    tasks: JoinSet<Done>,
    aborts: HashMap<RequestId, AbortHandle>,
    answers: HashMap<RequestId, Rows>,
    deliveries: VecDeque<Delivery>,
    alarm: Option<Pin<Box<Sleep>>>,
    end: Option<Result<(), ReadError>>,
}

/// The cells of a row that had to be rebuilt, and who sent those that they were rebuilt from.
#[derive(Debug)]
pub(crate) struct RebuiltRow {
    pub(crate) row: u32,
    pub(crate) cells: Vec<(Column, Rebuilt)>,
    pub(crate) from: Arc<[PublicKey]>,
}

/// What a task came back with.
#[derive(Debug)]
enum Done {
    Cells(RequestId, PublicKey, Result<(Duration, Rows), WireError>),
    Told(PublicKey, u32, Option<Vec<Column>>),
}

impl Fetching {
    /// Cells of a range, clipped to those that exist, in batches of this kind.
    pub(crate) fn new(object: &SealedObject, cells: Range<u64>, batches: Batches) -> Self {
        let wanted = Wanted {
            geometry: *object.manifest().geometry(),
            seed: *object.manifest().seed().as_bytes(),
            cells: cells.start..cells.end.min(object.cell_count()),
            read_ahead: object.client().options.read_ahead,
            batches,
            hints: object.hints(),
        };
        let keep = if matches!(batches, Batches::Aligned(_)) { Keep::Slices } else { Keep::Cells };
        Self {
            object: object.clone(),
            keep,
            plan: Download::new(wanted, object.client().placement_of(object.manifest())),
            tasks: JoinSet::new(),
            aborts: HashMap::new(),
            answers: HashMap::new(),
            deliveries: VecDeque::new(),
            alarm: None,
            end: None,
        }
    }

    /// Ready when there is a delivery, or when there is none any more.
    pub(crate) fn poll_delivery(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<(), ReadError>>> {
        loop {
            if !self.deliveries.is_empty() {
                return Poll::Ready(Some(Ok(())));
            }
            match &mut self.end {
                Some(Ok(())) => return Poll::Ready(None),
                Some(end @ Err(_)) => return Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err)),
                None => ready!(self.poll_work(context)),
            }
        }
    }

    /// The delivery that is to be taken; there is one after [`Self::poll_delivery`] said so.
    pub(crate) fn delivery(&self) -> &Delivery {
        self.deliveries.front().expect("a delivery is looked at only where there is one")
    }

    /// What came in answer to a request of the delivery.
    pub(crate) fn rows(&self, answer: &Answer) -> Option<&Rows> {
        self.answers.get(&answer.request)
    }

    /// Forgets the delivery, which has been taken.
    pub(crate) fn taken(&mut self) {
        let taken = self.deliveries.pop_front().expect("a delivery is taken only where there is one");
        for answer in taken.answers {
            self.answers.remove(&answer.request);
        }
        self.feed(Event::Taken);
    }

    /// Ends all requests: nothing more will be read.
    pub(crate) fn give_up(&mut self) {
        self.deliveries.clear();
        self.tasks.abort_all();
        self.end = Some(Ok(()));
    }

    /// The cells of a row of the delivery that did not come.
    pub(crate) fn rebuild_row(&self, row: u32) -> RebuiltRow {
        let delivery = self.delivery();
        let segment = delivery.segment;
        let mut present: Vec<(Column, Verified)> = Vec::new();
        let mut from = Vec::new();
        for answer in &delivery.answers {
            let cell = self.rows(answer).and_then(|rows| rows.get(row));
            if let Some(cell) = cell.filter(|_| present.iter().all(|(column, _)| *column != answer.column)) {
                present.push((answer.column, cell.clone()));
                from.push(answer.node);
            }
        }
        let missing = segment.coding().data_columns();
        let missing = missing.filter(|column| row < segment.column_rows(*column));
        let missing: Vec<_> =
            missing.filter(|column| present.iter().all(|(other, _)| other != column)).collect();
        let rebuilt =
            rebuild(&segment, row, &present, &missing).expect("the plan delivers when there is enough");
        RebuiltRow { row, cells: missing.into_iter().zip(rebuilt).collect(), from: from.into() }
    }

    fn feed(&mut self, event: Event) {
        let wire = &self.object.client().wire;
        self.plan.handle(wire.now(), event, &mut wire.health());
        while let Some(action) = self.plan.next_action() {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        let wire = self.object.client().wire.clone();
        match action {
            Action::Read { request, node, segment, column, rows, within } => {
                let (root, leaves) = self.leaves(segment, column, &rows);
                let (size, keep) = (self.object.manifest().geometry().cell_size(), self.keep);
                let task = async move {
                    let read = wire.read_rows(node, root, leaves, size, keep, within).await;
                    Done::Cells(request, node, read)
                };
                let abort = self.tasks.spawn(task);
                self.aborts.insert(request, abort);
            }
            Action::Cancel(request) => {
                self.answers.remove(&request);
                if let Some(abort) = self.aborts.remove(&request) {
                    abort.abort();
                }
            }
            Action::Ask { node, segment, within } => self.ask(node, segment, within),
            Action::Probe(node) => drop(tokio::spawn(async move { wire.probe(node).await })),
            Action::Remember { segment, column, node } => self.object.remember((segment, column, node)),
            Action::WakeAt(at) => {
                let at = wire.instant(at);
                match &mut self.alarm {
                    Some(alarm) => alarm.as_mut().reset(at),
                    None => self.alarm = Some(Box::pin(tokio::time::sleep_until(at))),
                }
            }
            Action::Deliver(delivery) => self.deliveries.push_back(delivery),
            Action::Finish => self.end = Some(Ok(())),
            Action::Fail(failure) => self.end = Some(Err(read_error(failure))),
        }
    }

    fn leaves(&self, segment: u32, column: Column, rows: &Range<u32>) -> (Root, LeafSet) {
        let manifest = self.object.manifest();
        let shard = manifest.geometry().segment(segment).expect("plans stay inside the object");
        let len = shard.shard_len(column).expect("plans ask for stored columns");
        let bytes = shard.row_bytes(rows.start).start..shard.row_bytes(rows.end).start;
        let leaves = LeafSet::of_bytes(len, bytes).expect("rows are whole leaves inside the shard");
        (manifest.root(segment, column).expect("every stored column has a root"), leaves)
    }

    fn ask(&mut self, node: PublicKey, segment: u32, within: Duration) {
        let object = self.object.clone();
        self.tasks.spawn(async move {
            let held =
                super::held_columns(&object.client().wire, object.manifest(), node, segment, within).await;
            Done::Told(node, segment, held)
        });
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Told(node, segment, held) => self.feed(Event::Told { node, segment, held }),
            // A request that was cancelled may have ended before it heard of that.
            Done::Cells(request, ..) if self.aborts.remove(&request).is_none() => {}
            Done::Cells(request, _, Ok((first_byte, rows))) => {
                self.answers.insert(request, rows);
                self.feed(Event::Answered { request, first_byte });
            }
            Done::Cells(request, node, Err(error)) => {
                tracing::debug!(node = %node.fmt_short(), %error, "no cells");
                self.feed(Event::Failed { request, failure: error.failure() });
            }
        }
    }

    fn poll_work(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(Some(done)) = self.tasks.poll_join_next(context) {
            match done {
                Ok(done) => self.take(done),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
            return Poll::Ready(());
        }
        let Some(alarm) = &mut self.alarm else {
            self.feed(Event::Wake);
            return if self.alarm.is_some() || self.end.is_some() { Poll::Ready(()) } else { Poll::Pending };
        };
        if alarm.as_mut().poll(context).is_ready() {
            // Far away, until the plan sets it again.
            let later = tokio::time::Instant::now() + Duration::from_hours(1);
            alarm.as_mut().reset(later);
            self.feed(Event::Wake);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

fn read_error(failure: Unreadable) -> ReadError {
    let Unreadable { segment, required, available, is_definite, .. } = failure;
    if is_definite {
        ReadError::NotHeld { segment, required }
    } else {
        ReadError::Unavailable { segment, required, available }
    }
}
