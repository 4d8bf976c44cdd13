//! Nodes, lines, calls and the clock: everything that is outside of the client.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chunker::{Column, Segment};
use client::Moment;
use client::health::Health;
use client::placement::{Placement, Site};
use protocol::{PublicKey, Request};

use super::calls::{Alarm, Call, CallId, Happening, Heard, TaskId};
use super::dice::Dice;
use super::node::Node;
use super::object::Object;
use super::queue::Queue;
use super::trace::{Trace, Verbosity};

/// When a simulation begins; not zero, so that moments before it exist.
pub(crate) const START: Moment = Moment::at(Duration::from_secs(1000));
/// How long it takes to notice that nobody answers at an address.
const CONNECT_FAILS_AFTER: Duration = Duration::from_millis(1500);
/// How much later than its round trip a lost packet is repeated.
const REPEATED_AFTER: Duration = Duration::from_millis(25);
/// What a node needs to look up a shard, at most.
const THINKS_MICROS: u64 = 2000;
/// What a node needs to make a shard durable, at most.
const SYNCS_MICROS: u64 = 30_000;
/// How long a call may wait for the client.
const HELD_FOR: Duration = Duration::from_hours(24);
/// Bytes of a body that are sent at a time.
const BODY_PIECE_LEN: usize = 64 * 1024;

enum Tick {
    /// A request reaches its node.
    Arrive(CallId),
    /// A node sends the next part of its answer.
    Depart(CallId),
    /// A piece of a body, or its end, reaches its node.
    Receive(CallId, PublicKey, Option<Bytes>),
    /// The client knows that a piece of a body has arrived.
    Acknowledged(CallId),
    /// A node notices that a call was given up.
    GivenUp(CallId, PublicKey),
    /// Something reaches the client.
    Land(CallId, Heard),
    /// A call may have kept quiet for too long.
    Due(CallId),
    /// An alarm that was set, unless it was set again since.
    Ring(TaskId, Alarm, u64),
    /// Time that was to pass has passed.
    Pass,
}

/// What happens outside of the plans.
pub(crate) struct World {
    queue: Queue<Tick>,
    nodes: Vec<Node>,
    by_id: HashMap<PublicKey, usize>,
    calls: BTreeMap<CallId, Call>,
    next_call: u64,
    alarms: BTreeMap<(TaskId, Alarm), u64>,
    dice: Dice,
    trace: Trace,
    /// The client's memory of nodes, shared by all tasks.
    pub(crate) health: Health,
    placement: Arc<Placement>,
}

impl World {
    pub(crate) fn new(nodes: Vec<Node>, dice: Dice, verbosity: Verbosity) -> Self {
        let addr = "127.0.0.1:1".parse().expect("an address");
        let sites: Vec<_> =
            nodes.iter().map(|node| Site { id: node.id, class: 0, addr, declared: None }).collect();
        Self {
            queue: Queue::new(START),
            by_id: nodes.iter().enumerate().map(|(index, node)| (node.id, index)).collect(),
            nodes,
            calls: BTreeMap::new(),
            next_call: 0,
            alarms: BTreeMap::new(),
            dice,
            trace: Trace::new(verbosity),
            health: Health::new(),
            placement: Arc::new(Placement::new(&sites, true)),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.queue.now()
    }

    pub(crate) fn note(&mut self, what: fmt::Arguments<'_>) {
        self.trace.note(self.queue.now(), what);
    }

    pub(crate) const fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn placement(&self) -> Arc<Placement> {
        Arc::clone(&self.placement)
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node by its identity, and its number.
    pub(crate) fn node(&mut self, id: PublicKey) -> (usize, &mut Node) {
        let index = self.by_id[&id];
        (index, &mut self.nodes[index])
    }

    /// The name of a node in the trace.
    pub(crate) fn number(&self, id: PublicKey) -> usize {
        self.by_id[&id]
    }

    /// How many columns of a segment lie whole on nodes that have never done anything wrong.
    pub(crate) fn held_by_good_nodes(&self, object: &Object, segment: &Segment) -> usize {
        let is_held = |column: &Column| {
            let shard = &object.shards[&(segment.index(), *column)];
            let mut good = self.nodes.iter().filter(|node| node.is_good());
            good.any(|node| node.disk.get(&shard.hashed.root).is_some_and(|kept| kept.bytes == shard.bytes))
        };
        segment.stored_columns().filter(is_held).count()
    }

    /// Lets time pass while the client does nothing.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now().plus(time);
        self.queue.at(until, Tick::Pass);
        while let Some(tick) = self.queue.next() {
            if matches!(tick, Tick::Pass) {
                return;
            }
            self.tick(tick);
        }
    }

    /// Sends a request. The call is over when nothing is heard of it for `within`.
    pub(crate) fn call(&mut self, task: TaskId, to: PublicKey, request: Request, within: Duration) -> CallId {
        let id = CallId(self.next_call);
        self.next_call += 1;
        let now = self.now();
        let index = self.by_id[&to];
        self.trace.note(now, format_args!("{id:?} of {task:?} asks node {index}: {}", request.name()));
        let line = self.nodes[index].line;
        let handshake = if self.nodes[index].is_connected { Duration::ZERO } else { line.latency * 2 };
        let arrival = now.plus(handshake + self.travel(index));
        self.queue.at(arrival, Tick::Arrive(id));
        self.queue.at(now.plus(within), Tick::Due(id));
        let script = super::calls::Script::default();
        let (last_heard, last_landing) = (now, now);
        let call = Call { task, node: to, request, within, last_heard, last_landing, script };
        self.calls.insert(id, call);
        id
    }

    /// Ends a call; nothing more is heard of it.
    pub(crate) fn cancel(&mut self, call: CallId) {
        if let Some(open) = self.calls.remove(&call) {
            self.note(format_args!("{call:?} is cancelled"));
            let notices = self.now().plus(self.nodes[self.by_id[&open.node]].line.latency);
            self.queue.at(notices, Tick::GivenUp(call, open.node));
        }
    }

    /// A call may be quiet until it is the client's turn again.
    pub(crate) fn hold(&mut self, call: CallId) {
        if let Some(open) = self.calls.get_mut(&call) {
            open.within = HELD_FOR;
        }
    }

    /// Sends a body after a request, and its end. From now on the call may keep quiet for `within`. False when it is over.
    pub(crate) fn send(&mut self, call: CallId, body: &Bytes, within: Duration) -> bool {
        let now = self.now();
        let Some(open) = self.calls.get_mut(&call) else { return false };
        (open.within, open.last_heard) = (within, now);
        let node = open.node;
        self.queue.at(now.plus(within), Tick::Due(call));
        let index = self.by_id[&node];
        let line = self.nodes[index].line;
        let mut arrival = now.plus(self.travel(index));
        for start in (0..body.len()).step_by(BODY_PIECE_LEN) {
            let piece = body.slice(start..(start + BODY_PIECE_LEN).min(body.len()));
            arrival = arrival.plus(line.time_of(piece.len()));
            self.queue.at(arrival, Tick::Receive(call, node, Some(piece)));
            self.queue.at(arrival.plus(line.latency), Tick::Acknowledged(call));
        }
        self.queue.at(arrival, Tick::Receive(call, node, None));
        true
    }

    /// Sets an alarm of a task, in place of the one of this kind before.
    pub(crate) fn ring_at(&mut self, task: TaskId, alarm: Alarm, at: Moment) {
        let set = self.alarms.entry((task, alarm)).or_default();
        *set += 1;
        self.queue.at(at, Tick::Ring(task, alarm, *set));
    }

    /// Advances to the next thing that happens to a task; `None` when nothing will any more.
    pub(crate) fn next(&mut self) -> Option<(TaskId, Happening)> {
        loop {
            let tick = self.queue.next()?;
            let happened = self.tick(tick);
            if happened.is_some() {
                return happened;
            }
        }
    }

    fn tick(&mut self, tick: Tick) -> Option<(TaskId, Happening)> {
        match tick {
            Tick::Arrive(call) => self.arrive(call),
            Tick::Depart(call) => self.depart(call),
            Tick::Receive(call, node, piece) => self.receive(call, node, piece.as_ref()),
            Tick::Acknowledged(call) => {
                let now = self.now();
                self.calls.get_mut(&call)?.last_heard = now;
                None
            }
            Tick::GivenUp(call, node) => {
                self.node(node).1.incoming.remove(&call);
                None
            }
            Tick::Land(call, heard) => self.land(call, heard),
            Tick::Due(call) => self.due(call),
            Tick::Ring(task, alarm, set) => {
                (self.alarms[&(task, alarm)] == set).then_some((task, Happening::Alarm(alarm)))
            }
            Tick::Pass => None,
        }
    }

    fn arrive(&mut self, id: CallId) -> Option<(TaskId, Happening)> {
        let now = self.now();
        let call = self.calls.get_mut(&id)?;
        let index = self.by_id[&call.node];
        let node = &mut self.nodes[index];
        match node.outage(now) {
            Some(outage) if outage.is_told => {
                node.is_connected = false;
                self.queue.at(now.plus(CONNECT_FAILS_AFTER), Tick::Land(id, Heard::Broken));
            }
            Some(_) => node.is_connected = false,
            None => {
                node.is_connected = true;
                call.script = node.answer(id, &call.request);
                let thinks = node.dice.micros(0..THINKS_MICROS);
                self.queue.at(now.plus(thinks), Tick::Depart(id));
            }
        }
        None
    }

    fn receive(&mut self, id: CallId, to: PublicKey, piece: Option<&Bytes>) -> Option<(TaskId, Happening)> {
        let now = self.now();
        let (_, node) = self.node(to);
        if node.outage(now).is_some() {
            return None;
        }
        let script = node.received(id, piece)?;
        let syncs = node.dice.micros(0..SYNCS_MICROS);
        self.calls.get_mut(&id)?.script = script;
        self.queue.at(now.plus(syncs), Tick::Depart(id));
        None
    }

    fn depart(&mut self, id: CallId) -> Option<(TaskId, Happening)> {
        let now = self.now();
        let call = self.calls.get_mut(&id)?;
        let index = self.by_id[&call.node];
        let node = &mut self.nodes[index];
        if let Some(outage) = node.outage(now) {
            if outage.is_told {
                self.queue.at(now.plus(node.line.latency), Tick::Land(id, Heard::Broken));
            }
            return None;
        }
        if node.breaks(now) {
            self.break_connection(index);
            return None;
        }
        let part = call.script.next()?;
        let gone = now.max(node.busy_until).plus(node.line.time_of(part.wire_len()) + call.script.gap);
        node.busy_until = gone;
        let landing = gone.plus(self.travel(index));
        let call = self.calls.get_mut(&id).expect("it was there a moment ago");
        call.last_landing = call.last_landing.max(landing);
        self.queue.at(call.last_landing, Tick::Land(id, part));
        self.queue.at(gone, Tick::Depart(id));
        None
    }

    /// All calls to a node end with the connection that they share.
    fn break_connection(&mut self, index: usize) {
        let now = self.now();
        let node = &mut self.nodes[index];
        node.is_connected = false;
        self.trace.note(now, format_args!("the connection to node {index} breaks"));
        let landing = now.plus(node.line.latency);
        for (id, _) in self.calls.iter().filter(|(_, call)| call.node == node.id) {
            self.queue.at(landing, Tick::Land(*id, Heard::Broken));
        }
    }

    fn land(&mut self, id: CallId, heard: Heard) -> Option<(TaskId, Happening)> {
        let now = self.now();
        let call = self.calls.get_mut(&id)?;
        call.last_heard = now;
        let (task, node) = (call.task, call.node);
        if heard.is_last() {
            self.calls.remove(&id);
        }
        if heard == Heard::Broken {
            self.note(format_args!("{id:?} hears that the connection is lost"));
        } else {
            self.health.heard(node, now);
        }
        Some((task, Happening::Heard { call: id, heard }))
    }

    fn due(&mut self, id: CallId) -> Option<(TaskId, Happening)> {
        let now = self.now();
        let call = self.calls.get(&id)?;
        let due = call.last_heard.plus(call.within);
        if due > now {
            self.queue.at(due, Tick::Due(id));
            return None;
        }
        let task = call.task;
        self.calls.remove(&id);
        self.note(format_args!("{id:?} is late"));
        Some((task, Happening::Late { call: id }))
    }

    /// What a short message takes in one direction.
    fn travel(&mut self, index: usize) -> Duration {
        let line = self.nodes[index].line;
        let jitter = u64::try_from(line.jitter.as_micros()).expect("a short time");
        let mut time = line.latency + self.dice.micros(0..jitter + 1);
        while self.dice.permille(line.losses) {
            time += line.latency * 2 + REPEATED_AFTER;
        }
        time
    }
}

impl Node {
    fn breaks(&mut self, now: Moment) -> bool {
        let is_settled = self.broke_last.is_none_or(|last| now.since(last) >= self.line.breaks_apart);
        let breaks = is_settled && self.dice.permille(self.line.breaks);
        if breaks {
            self.broke_last = Some(now);
        }
        breaks
    }
}
