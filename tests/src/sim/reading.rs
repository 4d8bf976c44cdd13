//! Performs a download plan: fetches, verifies, rebuilds, opens, and compares with what was put.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chunker::Column;
use client::Moment;
use client::plan::download::{Action, Batches, Delivery, Download, Event, Unreadable, Wanted};
use client::plan::{Failure, RequestId};
use protocol::{BoundedList, PublicKey, Request, Response};

use super::calls::{Alarm, CallId, Happening, Heard, TaskId};
use super::fetch::{Fetch, Piece, Progress};
use super::object::Object;
use super::opening::check_delivery;
use super::run::Task;
use super::violation::{Sabotage, Violation};
use super::world::World;

/// Bytes of the largest batch of a download: what may be asked for beyond the read-ahead.
const BATCH_LEN_MAX: u64 = 4 << 20;
/// How long a node may take for a sign of life.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// A reader of what cannot be read waits so long: a request may begin just before a batch gives up, and a node that is
/// always slow is waited for.
const HOPELESS_PAUSE: Duration = Duration::from_secs(7);

/// How a read is done, and what it must come to.
#[derive(Debug, Clone)]
pub(crate) struct ReadPlan {
    pub(crate) cells: Range<u64>,
    pub(crate) read_ahead: u64,
    /// What the reader takes for a cell.
    pub(crate) per_cell: Duration,
    /// The longest time that a reader who has taken everything may wait for more, or for the end.
    pub(crate) pause: Duration,
    pub(crate) sabotage: Sabotage,
}

enum Purpose {
    Fetch(RequestId),
    Question { node: PublicKey, segment: u32 },
    Probe,
}

/// One read of one range.
pub(crate) struct Reading {
    task: TaskId,
    object: Arc<Object>,
    how: ReadPlan,
    /// Good nodes have as many columns as it takes: an error is a violation.
    must_succeed: bool,
    plan: Download,
    fetches: BTreeMap<RequestId, Fetch>,
    purposes: BTreeMap<CallId, Purpose>,
    untaken: VecDeque<Range<u64>>,
    next_cell: u64,
    waits_since: Moment,
    requests: u64,
    questions: u64,
    /// Shards that nodes said to hold away from their homes.
    claims: u64,
    outcome: Option<Result<(), Unreadable>>,
}

impl Reading {
    pub(crate) fn new(task: TaskId, object: Arc<Object>, mut how: ReadPlan, world: &World) -> Self {
        let wanted = Wanted {
            geometry: *object.geometry(),
            seed: *object.manifest.seed().as_bytes(),
            cells: how.cells.clone(),
            read_ahead: how.read_ahead,
            batches: Batches::Growing,
            hints: Vec::new(),
        };
        let must_succeed = object.geometry().all_segments().all(|segment| {
            world.held_by_good_nodes(&object, &segment) >= usize::from(segment.data_columns())
        });
        if !must_succeed {
            how.pause = how.pause.max(HOPELESS_PAUSE);
        }
        Self {
            task,
            must_succeed,
            plan: Download::new(wanted, world.placement()),
            next_cell: how.cells.start,
            object,
            how,
            fetches: BTreeMap::new(),
            purposes: BTreeMap::new(),
            untaken: VecDeque::new(),
            waits_since: world.now(),
            requests: 0,
            questions: 0,
            claims: 0,
            outcome: None,
        }
    }

    fn tell(&mut self, world: &mut World, event: Event) -> Result<(), Violation> {
        self.plan.handle(world.now(), event, &mut world.health);
        while let Some(action) = self.plan.next_action() {
            self.perform(world, action)?;
        }
        Ok(())
    }

    fn perform(&mut self, world: &mut World, action: Action) -> Result<(), Violation> {
        if self.outcome.is_some() {
            return Err(Violation::FalseClaim(format!("an action after the last one: {action:?}")));
        }
        match action {
            Action::Read { request, node, segment, column, rows, within } => {
                let segment = self.object.geometry().segment(segment).expect("plans ask for what exists");
                self.fetch(world, request, node, Piece { segment, column, rows }, within);
            }
            Action::Cancel(request) => {
                if let Some(fetch) = self.fetches.remove(&request) {
                    self.purposes.remove(&fetch.call);
                    world.cancel(fetch.call);
                }
            }
            Action::Ask { node, segment, within } => self.ask(world, node, segment, within),
            Action::Probe(node) => {
                let call = world.call(self.task, node, Request::Status, PROBE_WITHIN);
                self.purposes.insert(call, Purpose::Probe);
            }
            Action::Remember { segment, column, node } => {
                self.claims += 1;
                let node = world.number(node);
                world.note(format_args!("segment {segment} column {column} was found on node {node}"));
            }
            Action::WakeAt(_) if self.how.sabotage == Sabotage::ForgetsAlarms => {}
            Action::WakeAt(at) => world.ring_at(self.task, Alarm::Plan, at),
            Action::Deliver(delivery) => self.deliver(world, &delivery)?,
            Action::Finish => self.end(world, Ok(()))?,
            Action::Fail(failure) => self.end(world, Err(failure))?,
        }
        self.check_memory()
    }

    fn fetch(&mut self, world: &mut World, id: RequestId, node: PublicKey, wanted: Piece, within: Duration) {
        self.requests += 1;
        let (segment, number) = (wanted.segment.index(), world.number(node));
        let Piece { column, rows, .. } = &wanted;
        world.note(format_args!(
            "{:?}/{id:?}: segment {segment} column {column} rows {rows:?} of node {number}",
            self.task
        ));
        let root = self.object.manifest.root(segment, *column).expect("plans ask for stored columns");
        let request = Request::Read { root, leaves: wanted.leaves() };
        let call = world.call(self.task, node, request, within);
        self.purposes.insert(call, Purpose::Fetch(id));
        self.fetches.insert(id, Fetch::new(call, wanted, root, world.now(), self.how.sabotage));
    }

    fn ask(&mut self, world: &mut World, node: PublicKey, segment: u32, within: Duration) {
        self.questions += 1;
        let roots = BoundedList::new(self.object.roots(segment)).expect("a segment has at most 255 shards");
        let request = Request::Stat { roots, control: self.object.owner.control.public() };
        let call = world.call(self.task, node, request, within);
        self.purposes.insert(call, Purpose::Question { node, segment });
    }

    fn heard(&mut self, world: &mut World, call: CallId, heard: Heard) -> Result<(), Violation> {
        match self.purposes.get(&call) {
            None | Some(Purpose::Probe) => Ok(()),
            Some(&Purpose::Fetch(request)) => self.heard_of_fetch(world, request, heard),
            Some(&Purpose::Question { node, segment }) => {
                let held = match heard {
                    Heard::Header(Response::Held { shards }) => self.object.claimed(segment, &shards),
                    _ => None,
                };
                self.purposes.remove(&call);
                world.cancel(call);
                self.told(world, node, segment, held)
            }
        }
    }

    fn heard_of_fetch(&mut self, world: &mut World, id: RequestId, heard: Heard) -> Result<(), Violation> {
        let Some(fetch) = self.fetches.get_mut(&id) else { return Ok(()) };
        match fetch.heard(world.now(), heard) {
            Progress::More => Ok(()),
            Progress::Done { first_byte } => {
                self.purposes.remove(&fetch.call);
                world.note(format_args!("{:?}/{id:?} is answered", self.task));
                self.tell(world, Event::Answered { request: id, first_byte })
            }
            Progress::Failed(failure) => self.fetch_failed(world, id, failure),
        }
    }

    fn fetch_failed(&mut self, world: &mut World, id: RequestId, failure: Failure) -> Result<(), Violation> {
        world.note(format_args!("{:?}/{id:?} failed: {failure:?}", self.task));
        if let Some(fetch) = self.fetches.remove(&id) {
            self.purposes.remove(&fetch.call);
            world.cancel(fetch.call);
        }
        self.tell(world, Event::Failed { request: id, failure })
    }

    fn told(
        &mut self,
        world: &mut World,
        node: PublicKey,
        segment: u32,
        held: Option<Vec<Column>>,
    ) -> Result<(), Violation> {
        let number = world.number(node);
        world.note(format_args!("node {number} says of segment {segment} that it holds {held:?}"));
        self.tell(world, Event::Told { node, segment, held })
    }

    fn deliver(&mut self, world: &mut World, delivery: &Delivery) -> Result<(), Violation> {
        let cells = delivery.cells.clone();
        if cells.start != self.next_cell || cells.is_empty() || cells.end > self.how.cells.end {
            return Err(Violation::OutOfOrder { expected: self.next_cell, got: cells.start });
        }
        check_delivery(&self.object, delivery, &self.fetches)?;
        self.check_pause(world.now())?;
        world.note(format_args!("{:?}: cells {cells:?} are delivered", self.task));
        self.next_cell = cells.end;
        if self.how.sabotage != Sabotage::KeepsEverything {
            self.forget(delivery);
        }
        if self.untaken.is_empty() {
            world.ring_at(self.task, Alarm::Reader, world.now().plus(self.time_to_take(&cells)));
        }
        self.untaken.push_back(cells);
        Ok(())
    }

    /// Drops the answers of a delivery, and nothing else: a plan that forgets to cancel the rest shows in the memory.
    fn forget(&mut self, delivery: &Delivery) {
        for answer in &delivery.answers {
            self.fetches.remove(&answer.request);
        }
    }

    fn time_to_take(&self, cells: &Range<u64>) -> Duration {
        self.how.per_cell * u32::try_from(cells.end - cells.start).expect("a batch is small")
    }

    fn taken(&mut self, world: &mut World) -> Result<(), Violation> {
        self.untaken.pop_front();
        match self.untaken.front().cloned() {
            Some(next) => {
                world.ring_at(self.task, Alarm::Reader, world.now().plus(self.time_to_take(&next)));
            }
            None => self.waits_since = world.now(),
        }
        self.tell(world, Event::Taken)
    }

    fn end(&mut self, world: &mut World, outcome: Result<(), Unreadable>) -> Result<(), Violation> {
        world.note(format_args!("{:?} ends: {outcome:?}", self.task));
        self.check_pause(world.now())?;
        match outcome {
            Ok(()) if self.next_cell != self.how.cells.end => {
                return Err(Violation::OutOfOrder { expected: self.next_cell, got: self.how.cells.end });
            }
            Err(failure) => self.check_failure(world, failure)?,
            Ok(()) => {}
        }
        self.outcome = Some(outcome);
        if outcome.is_ok() && !self.fetches.is_empty() && self.how.sabotage == Sabotage::None {
            let left: Vec<_> = self.fetches.keys().collect();
            return Err(Violation::LeftBehind(format!("requests after the end of a read: {left:?}")));
        }
        Ok(())
    }

    fn check_failure(&self, world: &World, failure: Unreadable) -> Result<(), Violation> {
        if self.must_succeed {
            return Err(Violation::Failed { what: "a read".into(), reason: format!("{failure:?}") });
        }
        if failure.cell != self.next_cell {
            return Err(Violation::OutOfOrder { expected: self.next_cell, got: failure.cell });
        }
        let segment = self.object.geometry().segment(failure.segment).expect("a segment that exists");
        let held = world.held_by_good_nodes(&self.object, &segment);
        if failure.is_definite && held >= usize::from(segment.data_columns()) {
            let claim = format!("called gone for good with {held} columns on good nodes: {failure:?}");
            return Err(Violation::FalseClaim(claim));
        }
        Ok(())
    }

    fn check_pause(&self, now: Moment) -> Result<(), Violation> {
        let took = now.since(self.waits_since);
        if self.untaken.is_empty() && took > self.how.pause {
            let (what, limit) = (format!("waiting for cell {}", self.next_cell), self.how.pause);
            return Err(Violation::TooSlow { what, took, limit });
        }
        Ok(())
    }

    /// The bytes that the read holds or may still receive stay within read-ahead and one batch, with their parity, and
    /// once more for answers that are late while others were asked in their place.
    fn check_memory(&self) -> Result<(), Violation> {
        let (cell, coding) =
            (self.object.geometry().cell_size().bytes() as u64, self.object.geometry().coding());
        let untaken: u64 = self.untaken.iter().map(|cells| (cells.end - cells.start) * cell).sum();
        let fetched: u64 = self.fetches.values().map(|fetch| fetch.wanted.bytes()).sum();
        let stripe = u64::from(coding.data()) * cell;
        let ahead = self.how.read_ahead + BATCH_LEN_MAX.max(stripe);
        let columns = u64::from(coding.total()) + u64::from(coding.data());
        let limit = ahead * columns / u64::from(coding.data()) + stripe;
        let what = "bytes held and asked for by one read".to_owned();
        check_count(what, untaken + fetched, limit)
    }

    /// How many requests a read may make: a few for every column of every batch.
    fn check_requests(&self, world: &World) -> Result<(), Violation> {
        let coding = self.object.geometry().coding();
        let stripe = u64::from(coding.data()) * self.object.geometry().cell_size().bytes() as u64;
        let rows = (self.how.cells.end - self.how.cells.start).div_ceil(u64::from(coding.data())) + 1;
        let batches = 5 + rows / (BATCH_LEN_MAX / stripe).clamp(1, 64);
        let places = u64::from(coding.total()) + self.claims;
        check_count("requests of one read".to_owned(), self.requests, 2 * places * batches)?;
        let segments = u64::from(self.object.geometry().segments());
        let nodes = world.nodes().len() as u64;
        check_count("questions of one read".to_owned(), self.questions, 2 * nodes * segments)
    }
}

fn check_count(what: String, count: u64, limit: u64) -> Result<(), Violation> {
    if count > limit { Err(Violation::TooMany { what, count, limit }) } else { Ok(()) }
}

impl Task for Reading {
    fn name(&self) -> String {
        format!("read of cells {:?}", self.how.cells)
    }

    fn on(&mut self, world: &mut World, happening: Happening) -> Result<(), Violation> {
        if self.is_over() {
            return Ok(());
        }
        match happening {
            Happening::Begin | Happening::Alarm(Alarm::Plan) => self.tell(world, Event::Wake)?,
            Happening::Alarm(Alarm::Reader) => self.taken(world)?,
            Happening::Heard { call, heard } => self.heard(world, call, heard)?,
            Happening::Late { call } => match self.purposes.remove(&call) {
                None | Some(Purpose::Probe) => {}
                Some(Purpose::Fetch(request)) => self.fetch_failed(world, request, Failure::Late)?,
                Some(Purpose::Question { node, segment }) => self.told(world, node, segment, None)?,
            },
        }
        self.check_requests(world)?;
        if self.outcome.is_none() { self.check_pause(world.now()) } else { Ok(()) }
    }

    fn is_over(&self) -> bool {
        self.outcome.is_some()
    }
}
