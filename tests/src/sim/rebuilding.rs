//! Performs a rebuild plan: all columns of a segment from enough of them, all roots checked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use chunker::{Column, Rebuilt, Segment, rebuild};
use client::plan::RequestId;
use client::plan::repair::{Action, Event, Rebuild, Window};
use proofs::Root;
use protocol::{PublicKey, Request};

use super::calls::{CallId, Happening, TaskId};
use super::fetch::{Fetch, Piece, Progress};
use super::object::Object;
use super::violation::{Sabotage, Violation};
use super::world::World;

/// All columns of a segment, or why there are none.
pub(crate) enum Outcome {
    Columns { columns: BTreeMap<Column, Bytes>, bad: Vec<Column> },
    TooFew { available: usize },
}

pub(crate) struct Rebuilding {
    task: TaskId,
    object: Arc<Object>,
    segment: Segment,
    plan: Rebuild,
    fetches: BTreeMap<RequestId, Fetch>,
    by_call: BTreeMap<CallId, RequestId>,
    windows: VecDeque<Window>,
    columns: BTreeMap<Column, Vec<u8>>,
}

impl Rebuilding {
    pub(crate) fn new(
        task: TaskId,
        object: Arc<Object>,
        segment: Segment,
        sources: Vec<(Column, PublicKey)>,
    ) -> Self {
        Self {
            task,
            object,
            segment,
            plan: Rebuild::new(segment, sources),
            fetches: BTreeMap::new(),
            by_call: BTreeMap::new(),
            windows: VecDeque::new(),
            columns: segment.stored_columns().map(|column| (column, Vec::new())).collect(),
        }
    }

    pub(crate) fn begin(&mut self, world: &mut World) -> Result<Option<Outcome>, Violation> {
        self.tell(world, Event::Begin)
    }

    pub(crate) fn on(
        &mut self,
        world: &mut World,
        happening: &Happening,
    ) -> Result<Option<Outcome>, Violation> {
        let (call, progress) = match happening {
            Happening::Heard { call, heard } => {
                let Some(request) = self.by_call.get(call) else { return Ok(None) };
                let Some(fetch) = self.fetches.get_mut(request) else { return Ok(None) };
                (*call, fetch.heard(world.now(), heard.clone()))
            }
            Happening::Late { call } => (*call, Progress::Failed(client::plan::Failure::Late)),
            Happening::Begin | Happening::Alarm(_) => return Ok(None),
        };
        if progress == Progress::More {
            return Ok(None);
        }
        let Some(request) = self.by_call.remove(&call) else { return Ok(None) };
        let event = if let Progress::Failed(failure) = progress {
            world.note(format_args!("{:?}: source {request:?} failed: {failure:?}", self.task));
            self.fetches.remove(&request);
            world.cancel(call);
            Event::Failed(request, failure)
        } else {
            Event::Answered(request)
        };
        self.tell(world, event)
    }

    fn tell(&mut self, world: &mut World, event: Event) -> Result<Option<Outcome>, Violation> {
        let mut next = Some(event);
        while let Some(event) = next.take() {
            self.plan.handle(world.now(), event, &mut world.health);
            while let Some(action) = self.plan.next_action() {
                match action {
                    Action::Read { request, node, column, rows, within } => {
                        let wanted = Piece { segment: self.segment, column, rows };
                        let root = self.root(column);
                        let message = Request::Read { root, leaves: wanted.leaves() };
                        let call = world.call(self.task, node, message, within);
                        self.by_call.insert(call, request);
                        self.fetches
                            .insert(request, Fetch::new(call, wanted, root, world.now(), Sabotage::None));
                    }
                    Action::Process(window) => self.windows.push_back(window),
                    Action::Finish => return self.finish().map(Some),
                    Action::Fail { available, .. } => {
                        self.abandon(world);
                        return Ok(Some(Outcome::TooFew { available }));
                    }
                }
            }
            if let Some(window) = self.windows.pop_front() {
                self.process(&window)?;
                next = Some(Event::Processed);
            }
        }
        Ok(None)
    }

    fn root(&self, column: Column) -> Root {
        self.object.manifest.root(self.segment.index(), column).expect("plans name stored columns")
    }

    fn process(&mut self, window: &Window) -> Result<(), Violation> {
        let lacks = |request: &RequestId| {
            Violation::FalseClaim(format!("a window names {request:?}, which was not answered"))
        };
        let mut answers = Vec::new();
        for (column, request) in &window.answers {
            answers.push((*column, self.fetches.remove(request).ok_or_else(|| lacks(request))?));
        }
        for row in window.rows.clone() {
            let present =
                answers.iter().filter_map(|(column, fetch)| Some((*column, fetch.cell(row)?.clone())));
            let present: Vec<_> = present.collect();
            let exists =
                self.segment.stored_columns().filter(|column| row < self.segment.column_rows(*column));
            let want: Vec<_> =
                exists.filter(|column| present.iter().all(|(other, _)| other != column)).collect();
            let rebuilt = rebuild(&self.segment, row, &present, &want);
            let rebuilt = rebuilt.map_err(|error| Violation::FalseClaim(format!("row {row}: {error}")))?;
            for (column, cell) in present.iter().map(|(column, cell)| (column, cell.as_bytes())) {
                self.columns.entry(*column).or_default().extend_from_slice(cell);
            }
            for (column, cell) in want.iter().zip(rebuilt.iter().map(Rebuilt::as_bytes)) {
                self.columns.entry(*column).or_default().extend_from_slice(cell);
            }
        }
        Ok(())
    }

    /// All roots must be those of the manifest: what was put was coded honestly.
    fn finish(&mut self) -> Result<Outcome, Violation> {
        for (column, bytes) in &self.columns {
            if Root::of(bytes) != self.root(*column) {
                return Err(Violation::FalseClaim(format!("column {column} was rebuilt wrongly")));
            }
        }
        let columns = std::mem::take(&mut self.columns);
        let columns = columns.into_iter().map(|(column, bytes)| (column, bytes.into())).collect();
        Ok(Outcome::Columns { columns, bad: self.plan.bad_columns().collect() })
    }

    fn abandon(&mut self, world: &mut World) {
        for (call, _) in std::mem::take(&mut self.by_call) {
            world.cancel(call);
        }
    }
}
