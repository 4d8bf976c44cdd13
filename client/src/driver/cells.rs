//! Reading cells: performs a download plan as its reader polls, and opens one cell at a time.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chunker::{CellBytes, Column, Rebuilt, Segment, Verified, rebuild};
use futures_util::Stream;
use proofs::{LeafSet, Root};
use protocol::PublicKey;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Sleep;

use crate::error::ReadError;
use crate::object::{Object, OpenedCell, Origin};
use crate::plan::RequestId;
use crate::plan::download::{Action, Answer, Delivery, Download, Event, Unreadable, Wanted};
use crate::wire::{Rows, WireError};

/// The opened cells of a range, in order. After an error it ends.
#[derive(Debug)]
pub struct CellStream {
    object: Object,
    plan: Download,
    tasks: JoinSet<Done>,
    aborts: HashMap<RequestId, AbortHandle>,
    answers: HashMap<RequestId, Rows>,
    deliveries: VecDeque<Delivery>,
    /// The next cell of the first delivery.
    cursor: u64,
    /// The last row that had to be rebuilt.
    rebuilt: Option<RebuiltRow>,
    alarm: Option<Pin<Box<Sleep>>>,
    end: Option<Result<(), ReadError>>,
}

/// The cells of a row that had to be rebuilt, and who sent those that they were rebuilt from.
#[derive(Debug)]
struct RebuiltRow {
    row: u32,
    cells: Vec<(Column, Rebuilt)>,
    from: Arc<[PublicKey]>,
}

/// What a task came back with.
#[derive(Debug)]
enum Done {
    Cells(RequestId, PublicKey, Result<(Duration, Rows), WireError>),
    Told(PublicKey, u32, Option<Vec<Column>>),
}

impl CellStream {
    pub(crate) fn new(object: &Object, cells: Range<u64>) -> Self {
        let wanted = Wanted {
            geometry: *object.manifest().geometry(),
            seed: *object.manifest().seed().as_bytes(),
            cells: cells.start..cells.end.min(object.cell_count()),
            read_ahead: object.client().options.read_ahead,
            hints: object.hints(),
        };
        let cursor = wanted.cells.start;
        let plan = Download::new(wanted, object.client().placement_of(object.manifest()));
        Self {
            object: object.clone(),
            plan,
            tasks: JoinSet::new(),
            aborts: HashMap::new(),
            answers: HashMap::new(),
            deliveries: VecDeque::new(),
            cursor,
            rebuilt: None,
            alarm: None,
            end: None,
        }
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
                let cell_size = self.object.manifest().geometry().cell_size();
                let task = async move {
                    Done::Cells(request, node, wire.read_cells(node, root, leaves, cell_size, within).await)
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

    /// The next cell of the first delivery, opened.
    fn open_next(&mut self) -> Option<Result<OpenedCell, ReadError>> {
        let delivery = self.deliveries.front()?;
        let index = self.cursor;
        let segment = delivery.segment;
        let (column, row) = place(&segment, index);
        let mut answers = delivery.answers.iter().filter(|answer| answer.column == column);
        let sent = answers.find_map(|answer| Some((self.answers.get(&answer.request)?.get(row)?, answer)));
        let (cell, origin) = match sent {
            Some((cell, answer)) => (CellBytes::from(cell.clone()), origin(answer)),
            None => self.rebuilt_cell(column, row),
        };
        let mut plaintext = Vec::with_capacity(segment.cell_size().plain_bytes());
        let opened = self.object.opener().open(index, &cell, &mut plaintext);
        self.advance();
        let opened = opened
            .map(|()| OpenedCell { index, plaintext: plaintext.into(), origin })
            .map_err(ReadError::Broken);
        Some(opened)
    }

    fn rebuilt_cell(&mut self, column: Column, row: u32) -> (CellBytes, Origin) {
        if self.rebuilt.as_ref().is_none_or(|rebuilt| rebuilt.row != row) {
            self.rebuilt = Some(self.rebuild_row(row));
        }
        let rebuilt = self.rebuilt.as_ref().expect("it was just rebuilt");
        let cell = rebuilt.cells.iter().find(|(rebuilt, _)| *rebuilt == column);
        let cell = cell.expect("all missing columns of the row were rebuilt").1.clone();
        (cell.into(), Origin::Rebuilt(Arc::clone(&rebuilt.from)))
    }

    fn rebuild_row(&self, row: u32) -> RebuiltRow {
        let delivery = self.deliveries.front().expect("cells are rebuilt for a delivery");
        let segment = delivery.segment;
        let mut present: Vec<(Column, Verified)> = Vec::new();
        let mut from = Vec::new();
        for answer in &delivery.answers {
            let cell = self.answers.get(&answer.request).and_then(|rows| rows.get(row));
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

    /// Goes on to the next cell; a delivery that has been taken is forgotten.
    fn advance(&mut self) {
        self.cursor += 1;
        let delivery = self.deliveries.front().expect("a cell of it was taken");
        if self.cursor < delivery.cells.end {
            return;
        }
        let taken = self.deliveries.pop_front().expect("it was there");
        for answer in taken.answers {
            self.answers.remove(&answer.request);
        }
        self.rebuilt = None;
        self.feed(Event::Taken);
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

impl Stream for CellStream {
    type Item = Result<OpenedCell, ReadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        loop {
            if let Some(cell) = stream.open_next() {
                if cell.is_err() {
                    stream.deliveries.clear();
                    stream.tasks.abort_all();
                    stream.end = Some(Ok(()));
                }
                return Poll::Ready(Some(cell));
            }
            match &mut stream.end {
                Some(Ok(())) => return Poll::Ready(None),
                Some(end @ Err(_)) => return Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err)),
                None => std::task::ready!(stream.poll_work(context)),
            }
        }
    }
}

fn origin(answer: &Answer) -> Origin {
    if answer.is_hedge { Origin::Hedged(answer.node) } else { Origin::Direct(answer.node) }
}

/// Column and row of a cell in its segment.
fn place(segment: &Segment, cell: u64) -> (Column, u32) {
    let data = u64::from(segment.coding().data());
    let within = cell - segment.first_cell();
    let column = u8::try_from(within % data).expect("a remainder is below its divisor, a byte");
    (Column::new(column), u32::try_from(within / data).expect("a segment has at most 2^18 rows"))
}

fn read_error(failure: Unreadable) -> ReadError {
    let Unreadable { segment, required, available, is_definite, .. } = failure;
    if is_definite {
        ReadError::NotHeld { segment, required }
    } else {
        ReadError::Unavailable { segment, required, available }
    }
}
