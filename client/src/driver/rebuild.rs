//! Computing all columns of a segment from enough of them, checking all roots, and sending the lost ones.

use std::collections::{HashMap, VecDeque};

use chunker::{Column, Rebuilt, Segment, rebuild};
use proofs::{Root, ShardHasher};
use protocol::{Lease, PublicKey, Signed};
use tokio::task::JoinSet;

use super::read_back;
use crate::plan::RequestId;
use crate::plan::repair::{Action, Event, Rebuild, Window};
use crate::throttle::Throttle;
use crate::wire::{Rows, Upload, Wire, WireError};

/// What is to be computed, and from what.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) segment: Segment,
    /// The roots of all stored columns.
    pub(crate) roots: HashMap<Column, Root>,
    /// Columns that can be read, and where.
    pub(crate) sources: Vec<(Column, PublicKey)>,
    /// Columns to send, and the nodes that take them.
    pub(crate) targets: Vec<(Column, Upload)>,
    /// How fast it may go.
    pub(crate) throttle: Throttle,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For every target the lease, or why there is none.
    pub(crate) leases: Vec<(Column, Result<Signed<Lease>, WireError>)>,
    /// Sources that turned out to be unusable.
    pub(crate) bad: Vec<Column>,
}

/// Why nothing was sent to the end.
#[derive(Debug)]
pub(crate) enum RebuildFailure {
    TooFew { required: usize, available: usize },
    Mismatch { column: Column, expected: Root, computed: Root, read: Vec<Column> },
}

/// Performs a rebuild plan. Targets get the end of their shards only when the roots of all columns match.
pub(crate) async fn run(wire: &Wire, job: Job) -> Result<Outcome, RebuildFailure> {
    let mut work = Work::new(job);
    let mut event = Event::Begin;
    loop {
        work.plan.handle(wire.now(), event, &mut wire.health());
        while let Some(action) = work.plan.next_action() {
            match action {
                Action::Read { request, node, column, rows, within } => {
                    let leaves = read_back::leaves(&work.segment, column, rows);
                    let (wire, root, size) = (wire.clone(), work.roots[&column], work.segment.cell_size());
                    let throttle = work.throttle.clone();
                    work.reads.spawn(async move {
                        throttle.pass(leaves.data_len()).await;
                        (
                            request,
                            wire.read_cells(node, root, leaves, size, within).await.map(|(_, rows)| rows),
                        )
                    });
                }
                Action::Process(window) => work.windows.push_back(window),
                Action::Finish => return work.finish().await,
                Action::Fail { required, available } => {
                    return Err(RebuildFailure::TooFew { required, available });
                }
            }
        }
        event = match work.windows.pop_front() {
            Some(window) => {
                work.process(&window).await;
                Event::Processed
            }
            None => work.next_answer().await,
        };
    }
}

struct Work {
    segment: Segment,
    roots: HashMap<Column, Root>,
    targets: Vec<Target>,
    plan: Rebuild,
    reads: JoinSet<(RequestId, Result<Rows, WireError>)>,
    answers: HashMap<RequestId, Rows>,
    windows: VecDeque<Window>,
    hashers: Vec<(Column, ShardHasher)>,
    read: Vec<Column>,
    throttle: Throttle,
}

struct Target {
    column: Column,
    upload: Result<Upload, WireError>,
}

impl Work {
    fn new(job: Job) -> Self {
        let Job { segment, roots, sources, targets, throttle } = job;
        Self {
            segment,
            roots,
            targets: targets
                .into_iter()
                .map(|(column, upload)| Target { column, upload: Ok(upload) })
                .collect(),
            plan: Rebuild::new(segment, sources),
            reads: JoinSet::new(),
            answers: HashMap::new(),
            windows: VecDeque::new(),
            hashers: segment.stored_columns().map(|column| (column, ShardHasher::new())).collect(),
            read: Vec::new(),
            throttle,
        }
    }

    async fn next_answer(&mut self) -> Event {
        let answer = self.reads.join_next().await.expect("the plan waits for the answer to a request");
        match answer.expect("a read does not panic and is not cancelled") {
            (request, Ok(rows)) => {
                self.answers.insert(request, rows);
                Event::Answered(request)
            }
            (request, Err(error)) => {
                tracing::debug!(%error, "source failed");
                Event::Failed(request, error.failure())
            }
        }
    }

    async fn process(&mut self, window: &Window) {
        let answers: Vec<_> = window
            .answers
            .iter()
            .map(|(column, request)| {
                (*column, self.answers.remove(request).expect("the plan names what came"))
            })
            .collect();
        for (column, _) in &answers {
            if !self.read.contains(column) {
                self.read.push(*column);
            }
        }
        for row in window.rows.clone() {
            self.process_row(row, &answers).await;
        }
    }

    async fn process_row(&mut self, row: u32, answers: &[(Column, Rows)]) {
        let present = answers.iter().filter_map(|(column, rows)| Some((*column, rows.get(row)?.clone())));
        let present: Vec<_> = present.collect();
        let exists = self.segment.stored_columns().filter(|column| row < self.segment.column_rows(*column));
        let want: Vec<_> = exists.filter(|column| present.iter().all(|(other, _)| other != column)).collect();
        let rebuilt =
            rebuild(&self.segment, row, &present, &want).expect("the plan hands over what suffices");
        let cells = present.iter().map(|(column, cell)| (*column, cell.as_bytes()));
        let cells: HashMap<_, _> =
            cells.chain(want.into_iter().zip(rebuilt.iter().map(Rebuilt::as_bytes))).collect();
        for (column, hasher) in &mut self.hashers {
            if let Some(cell) = cells.get(column) {
                hasher.push(cell);
            }
        }
        for Target { column, upload } in &mut self.targets {
            if let (Ok(open), Some(cell)) = (upload.as_mut(), cells.get(column)) {
                self.throttle.pass(cell.len() as u64).await;
                if let Err(error) = open.send((*cell).clone()).await {
                    *upload = Err(error);
                }
            }
        }
    }

    async fn finish(self) -> Result<Outcome, RebuildFailure> {
        let mut hashed = HashMap::new();
        for (column, hasher) in self.hashers {
            let shard =
                hasher.finish().expect("a stored column has at least one cell and at most 2^28 bytes");
            let (expected, computed) = (self.roots[&column], shard.root);
            if expected != computed {
                return Err(RebuildFailure::Mismatch { column, expected, computed, read: self.read });
            }
            hashed.insert(column, (shard.root, shard.len));
        }
        let finishing = self.targets.into_iter().map(|Target { column, upload }| {
            let (root, len) = hashed[&column];
            async move {
                let lease = match upload {
                    Ok(upload) => upload.finish(root, len).await,
                    Err(error) => Err(error),
                };
                (column, lease)
            }
        });
        let leases = futures_util::future::join_all(finishing).await;
        Ok(Outcome { leases, bad: self.plan.bad_columns().collect() })
    }
}
