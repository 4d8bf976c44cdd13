//! Putting one segment: a stream per column, and what breaks on its way rebuilt afterwards.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chunker::{Block, CellSize, Coding, Column, Geometry, PlacementSeed, RequiredTags, Segment};
use proofs::{HashedShard, Root, ShardHasher, ShardLen};
use protocol::{Lease, Signed};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ledger::Entry;
use super::placing::{Leave, Placing, Step};
use super::rebuild::{self, Job, RebuildFailure};
use crate::client::Client;
use crate::error::PutError;
use crate::placement::{Placement, segment_seed};
use crate::plan::Failure;
use crate::plan::pace::Pace;
use crate::plan::upload::{PartIndex, Parts, Spread};
use crate::report::{MissingPart, Part};
use crate::throttle::Throttle;
use crate::wire::{Upload, Wire, WireError};

/// Runs of bytes that wait for a column's node: about 1 MiB of data each, over all columns together.
const RUNS_WAITING: usize = 3;
/// How often a column that waits for its lease is held against the others.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What all segments of a put share.
#[derive(Debug, Clone)]
pub(crate) struct PutContext {
    pub(crate) client: Client,
    pub(crate) coding: Coding,
    /// Where shards may go.
    pub(crate) placement: Arc<Placement>,
    pub(crate) required: RequiredTags,
    pub(crate) seed: PlacementSeed,
    pub(crate) leave: Leave,
    pub(crate) entry: Entry,
}

impl PutContext {
    /// Fails when tags are required that leave fewer than the places needed.
    pub(crate) fn check_compliance(&self, needed: usize, domains: usize) -> Result<(), PutError> {
        if self.required.is_empty() || domains >= needed {
            return Ok(());
        }
        Err(PutError::TooFewComply { needed, domains, census: self.client.census(&self.required) })
    }
}

/// A segment on its way.
#[derive(Debug)]
pub(crate) struct SegmentPut {
    context: PutContext,
    index: u32,
    cell_size: CellSize,
    placing: Placing,
    columns: Vec<ColumnPut>,
}

/// A column's place among the others of its segment.
#[derive(Debug)]
struct Lane {
    pace: Arc<Mutex<Pace>>,
    part: PartIndex,
    wire: Wire,
}

/// A segment that is as safe as it gets.
#[derive(Debug)]
pub(crate) struct SegmentDone {
    pub(crate) index: u32,
    /// The roots of the stored columns, in order.
    pub(crate) roots: Vec<Root>,
    pub(crate) missing: Vec<MissingPart>,
}

#[derive(Debug)]
struct ColumnPut {
    column: Column,
    runs: mpsc::Sender<Run>,
    task: JoinHandle<Option<ColumnDone>>,
}

/// What is told to a column's task. When the channel closes without an end, the put was given up.
#[derive(Debug)]
enum Run {
    Bytes(Bytes),
    End,
}

#[derive(Debug)]
struct ColumnDone {
    shard: HashedShard,
    /// `None` when no node took the column in the first place.
    lease: Option<Result<Signed<Lease>, WireError>>,
}

impl SegmentPut {
    /// Finds a node for every column that the segment's first block shows to exist.
    pub(crate) async fn begin(context: PutContext, block: &Block) -> Result<Self, PutError> {
        let columns: Vec<_> =
            context.coding.columns().filter(|column| block.column(*column).is_some()).collect();
        let run_len =
            |column: &Column| block.column(*column).expect("only columns that exist were kept").len();
        let rows = usize::try_from(block.rows()).expect("a block has few rows");
        let parity = columns.last().expect("there is parity in every block");
        let cell_size = u8::try_from((run_len(parity) / rows).ilog2()).ok().and_then(CellSize::from_log2);
        let cell_size = cell_size.expect("parity has one cell in every row");
        let lens = columns.iter().map(|column| {
            let full = (1_u64 << 28) / u64::from(context.coding.data());
            let len = if block.is_end_of_segment() { run_len(column) as u64 } else { full };
            ShardLen::new(len).expect("a column is not empty, and no longer than a segment")
        });
        let parts = parts(columns.len(), context.coding);
        let (needed, count) = (parts.needed, parts.count);
        // Without another node to go to, a slow one is better than none.
        let domains = context.placement.domains();
        let spare = (count - needed).min(domains.saturating_sub(count));
        let pace = Arc::new(Mutex::new(Pace::new(count, spare)));
        let ranking = context.placement.rank_for_new(&segment_seed(context.seed.as_bytes(), block.segment()));
        let mut placing =
            Placing::new(context.client.wire.clone(), parts, &ranking, lens.collect(), context.leave.clone());
        let mut uploads: HashMap<_, _> = match placing.next().await {
            Step::Send(uploads) => uploads.into_iter().collect(),
            Step::Finish(_) | Step::GiveUp { .. } if count > domains => {
                context.check_compliance(needed, domains)?;
                return Err(PutError::TooFewNodes { needed, domains });
            }
            Step::Finish(_) => return Err(too_few(block.segment(), 0, count, needed, &placing)),
            Step::GiveUp { placed } => return Err(too_few(block.segment(), placed, count, needed, &placing)),
        };
        let columns = columns.into_iter().enumerate();
        let columns = columns.map(|(at, column)| {
            let part = PartIndex(at);
            let lane = Lane { pace: pace.clone(), part, wire: context.client.wire.clone() };
            ColumnPut::spawn(column, uploads.remove(&part), lane, context.entry.clone())
        });
        Ok(Self { index: block.segment(), cell_size, placing, columns: columns.collect(), context })
    }

    /// The number of the segment.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Hands the next rows to the columns; waits while one of them is full.
    pub(crate) async fn push(&mut self, block: &Block) {
        for column in &mut self.columns {
            if let Some(bytes) = block.column(column.column) {
                // A column's task ends early only when its runtime does.
                drop(column.runs.send(Run::Bytes(bytes.clone())).await);
            }
        }
    }

    /// Ends all shards, waits for the leases, and rebuilds what broke on other nodes.
    pub(crate) async fn finish(mut self) -> Result<SegmentDone, PutError> {
        let shards = self.end_columns().await;
        let segment = self.segment(&shards);
        loop {
            match self.placing.next().await {
                Step::Send(uploads) => self.refill(segment, &shards, uploads).await,
                Step::Finish(missing) => {
                    let missing = missing.into_iter().map(|part| {
                        let column = self.columns[part.0].column;
                        let part_of = Part::Shard { segment: self.index, column };
                        MissingPart { part: part_of, reason: self.placing.reason(part) }
                    });
                    let roots = shards.iter().map(|shard| shard.root).collect();
                    return Ok(SegmentDone { index: self.index, roots, missing: missing.collect() });
                }
                Step::GiveUp { placed } => {
                    let parts = parts(shards.len(), self.context.coding);
                    return Err(too_few(self.index, placed, parts.count, parts.needed, &self.placing));
                }
            }
        }
    }

    async fn end_columns(&mut self) -> Vec<HashedShard> {
        for column in &self.columns {
            drop(column.runs.send(Run::End).await);
        }
        let mut shards = Vec::with_capacity(self.columns.len());
        for (at, column) in self.columns.iter_mut().enumerate() {
            let done = (&mut column.task).await.expect("a column's task does not panic and is not cancelled");
            let done = done.expect("it was told that its shard has ended");
            match done.lease {
                None => {}
                Some(Ok(_)) => self.placing.leased(PartIndex(at)),
                Some(Err(error)) => self.placing.broken(PartIndex(at), error.failure(), error.to_string()),
            }
            shards.push(done.shard);
        }
        shards
    }

    /// The segment as the manifest will describe it.
    fn segment(&self, shards: &[HashedShard]) -> Segment {
        let size = self.cell_size.bytes() as u64;
        let data = self.columns.iter().zip(shards).filter(|(c, _)| self.context.coding.is_data(c.column));
        let cells: u64 = data.map(|(_, shard)| shard.len.get() / size).sum();
        let rows = (1_u64 << 28) / (u64::from(self.context.coding.data()) * size);
        let before = u64::from(self.index) * rows * u64::from(self.context.coding.data());
        let geometry = Geometry::new(self.context.coding, self.cell_size, before + cells);
        geometry
            .ok()
            .and_then(|geometry| geometry.segment(self.index))
            .expect("what was encoded has a geometry")
    }

    /// Reads enough columns back and sends those that broke to the nodes that take them now.
    async fn refill(&mut self, segment: Segment, shards: &[HashedShard], uploads: Vec<(PartIndex, Upload)>) {
        let columns: Vec<_> = self.columns.iter().map(|column| column.column).collect();
        let parts: Vec<_> = uploads.iter().map(|(part, _)| *part).collect();
        let is_sent = |at: &usize| parts.contains(&PartIndex(*at));
        let sources = (0..columns.len()).filter(|at| !is_sent(at));
        let sources = sources.filter_map(|at| Some((columns[at], self.placing.node(PartIndex(at))?)));
        let job = Job {
            segment,
            roots: columns.iter().zip(shards).map(|(column, shard)| (*column, shard.root)).collect(),
            sources: sources.collect(),
            targets: uploads.into_iter().map(|(part, upload)| (columns[part.0], upload)).collect(),
            throttle: Throttle::default(),
        };
        match rebuild::run(&self.context.client.wire, job).await {
            Ok(outcome) => {
                for (column, lease) in outcome.leases {
                    let at =
                        columns.iter().position(|other| *other == column).expect("it was sent by position");
                    match lease {
                        Ok(lease) => {
                            self.context.entry.enter(lease);
                            self.placing.leased(PartIndex(at));
                        }
                        Err(error) => self.placing.broken(PartIndex(at), error.failure(), error.to_string()),
                    }
                }
            }
            Err(failure) => {
                let reason = match failure {
                    RebuildFailure::TooFew { required, available } => {
                        format!("it broke, and only {available} of {required} columns could be read back")
                    }
                    RebuildFailure::Mismatch { .. } => "it broke, and what was read back differs".to_owned(),
                };
                for part in parts {
                    self.placing.broken(part, Failure::NotHeld, reason.clone());
                }
            }
        }
    }
}

impl ColumnPut {
    fn spawn(column: Column, upload: Option<Upload>, lane: Lane, entry: Entry) -> Self {
        let (runs, waiting) = mpsc::channel(RUNS_WAITING);
        if upload.is_none() {
            lane.pace().broke(lane.part);
        }
        Self { column, runs, task: tokio::spawn(put_column(waiting, upload, lane, entry)) }
    }
}

impl Lane {
    async fn send(&self, upload: &mut Upload, bytes: Bytes) -> Result<(), WireError> {
        let (began, len) = (Instant::now(), bytes.len() as u64);
        let sent = upload.send(bytes).await;
        let now = self.wire.now();
        match sent {
            Ok(()) if self.pace().took(self.part, now, len, began.elapsed()) => Err(WireError::Lags),
            Ok(()) => Ok(()),
            Err(error) => Err(self.broke(error)),
        }
    }

    async fn finish(&self, upload: Upload, shard: &HashedShard) -> Result<Signed<Lease>, WireError> {
        let began = Instant::now();
        let mut finishing = pin!(upload.finish(shard.root, shard.len));
        loop {
            match timeout(LOOK_EVERY, &mut finishing).await {
                Ok(Ok(lease)) => {
                    self.pace().ended(self.part, began.elapsed());
                    return Ok(lease);
                }
                Ok(Err(error)) => return Err(self.broke(error)),
                Err(_) if self.pace().lags_at_end(self.part, began.elapsed()) => return Err(WireError::Lags),
                Err(_) => {}
            }
        }
    }

    fn broke(&self, error: WireError) -> WireError {
        self.pace().broke(self.part);
        error
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        // Every change is made in one go.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes what passes and sends it on, for as long as the node takes it. `None` when the put was given up: then
/// dropping the upload tells the node to forget what it has.
async fn put_column(
    mut runs: mpsc::Receiver<Run>,
    upload: Option<Upload>,
    lane: Lane,
    entry: Entry,
) -> Option<ColumnDone> {
    let mut hasher = ShardHasher::new();
    let mut upload = upload.map(Ok);
    while let Some(run) = runs.recv().await {
        let Run::Bytes(bytes) = run else {
            let shard = hasher.finish().expect("a column that exists has bytes, and no more than a segment");
            let lease = match upload {
                Some(Ok(upload)) => Some(lane.finish(upload, &shard).await),
                Some(Err(error)) => Some(Err(error)),
                None => None,
            };
            if let Some(Ok(lease)) = &lease {
                entry.enter(lease.clone());
            }
            return Some(ColumnDone { shard, lease });
        };
        hasher.push(&bytes);
        if let Some(Ok(open)) = &mut upload
            && let Err(error) = lane.send(open, bytes).await
        {
            tracing::debug!(node = %open.node().fmt_short(), %error, "column broke");
            upload = Some(Err(error));
        }
    }
    None
}

fn parts(stored: usize, coding: Coding) -> Parts {
    let parity = usize::from(coding.parity());
    let sources = stored - parity;
    Parts {
        count: stored,
        needed: sources + parity.div_ceil(2),
        sources,
        spread: Spread::Domains,
        taken: Vec::new(),
    }
}

fn too_few(segment: u32, leased: usize, wanted: usize, needed: usize, placing: &Placing) -> PutError {
    let reason = placing.any_reason();
    PutError::TooFewLeases { what: format!("segment {segment}"), leased, wanted, needed, reason }
}
