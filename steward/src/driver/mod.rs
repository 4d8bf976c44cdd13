//! Performs what the plan decides.

mod audits;
mod claim;
mod hook;
mod members;
mod moves;
mod node_audits;
mod parts;
mod renewals;
mod repairs;
mod wanted;

use std::collections::HashMap;
use std::ops::RangeBounds;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use chunker::Manifest;
use client::{AuditLog, AuditLogError, Client, Part};
use proofs::Cid;
use protocol::{Draws, Mandate, PublicKey, SecretKey, Signed, UnixSeconds};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::StewardConfig;
use crate::history::History;
use crate::journal::{Entry, Journal, Step};
use crate::metrics::Metrics;
use crate::observer::Observer;
use crate::plan::{Action, Ending, Event, MoveEnd, Plan, RepairEnd, Warned};
use crate::status::Status;
use crate::store::{Changes, Saved, Store, StoreError};
use crate::traffic::{Meter, Traffic};
use members::Roll;
use wanted::{Fetched, Wanted};

/// How long the plan is left alone at most: a clock that was set is noticed within this time.
const NAP_MAX: Duration = Duration::from_mins(1);
/// How often the status file is written at most.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Why a steward cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder or file cannot be used.
    #[error("steward: {0}")]
    Io(#[from] io::Error),
    /// The state cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit log cannot be used.
    #[error(transparent)]
    AuditLog(#[from] AuditLogError),
}

/// Why a steward cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What it knows cannot be saved.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A steward over one folder.
#[derive(Debug)]
pub struct Steward {
    shared: Shared,
    config: StewardConfig,
    plan: Box<Plan>,
    wanted: Wanted,
    /// The nodes that were known when this was looked at last.
    roll: Roll,
    tasks: JoinSet<Done>,
    shown: watch::Sender<Arc<Status>>,
    meter: Meter,
    status_at: Option<Instant>,
    /// What the status file says is not how things stand any more.
    is_stale: bool,
}

/// What all tasks share.
#[derive(Debug, Clone)]
struct Shared {
    client: Client,
    /// The key that mandates are written for; it signs renewals.
    holder: Arc<SecretKey>,
    store: Arc<Store>,
    journal: Arc<Journal>,
    metrics: Arc<Metrics>,
    /// Transcripts of node audits.
    audit_log: node_audits::Log,
    /// What they found, hour by hour.
    history: Arc<Mutex<History>>,
}

/// What a task brings back.
#[derive(Debug)]
enum Done {
    Event(Event),
    Fetched(Box<Fetched>),
    /// Nodes were asked whom they know.
    Asked,
    Nothing,
}

/// What is needed to do something about an object.
#[derive(Debug, Clone)]
struct Charge {
    manifest: Arc<Manifest>,
    mandate: Signed<Mandate>,
}

impl Steward {
    /// Opens the state in the folder. `holder` is the payer key of the client's pool, for which the mandates are
    /// written; `tell` hears of every step.
    pub fn open(
        config: StewardConfig,
        client: Client,
        holder: SecretKey,
        tell: impl FnMut(&Entry) + Send + 'static,
    ) -> Result<Self, OpenError> {
        fs::create_dir_all(&config.dir)?;
        fs::create_dir_all(&config.mandates)?;
        let store = Store::open(&config.dir.join("state.redb"))?;
        let Saved { objects, nodes, history } = store.load()?;
        let journal = Journal::open(&config.dir, Box::new(tell))?;
        let step = Step::Started { objects: objects.len() };
        let seed = rand::random();
        let plan = Box::new(Plan::new(config.rules.clone(), holder.public(), seed, objects, nodes, now()));
        let shared = Shared {
            client,
            holder: Arc::new(holder),
            store: Arc::new(store),
            journal: Arc::new(journal),
            metrics: Arc::new(Metrics::new()),
            audit_log: Arc::new(Mutex::new(AuditLog::open(&config.dir.join("audit.log"))?)),
            history: Arc::new(Mutex::new(History::new(history, now()))),
        };
        shared.write(step);
        let roll = Roll::of(&shared.client);
        let status = Status::of(&plan, shared.holder.public().to_string(), Traffic::default(), now());
        Ok(Self {
            shared,
            config,
            plan,
            wanted: Wanted::default(),
            roll,
            tasks: JoinSet::new(),
            shown: watch::Sender::new(Arc::new(status)),
            meter: Meter::default(),
            status_at: None,
            is_stale: false,
        })
    }

    /// What others in this process may see of it.
    pub fn observer(&self) -> Observer {
        let Shared { history, metrics, .. } = &self.shared;
        Observer::new(self.shown.subscribe(), Arc::clone(history), Arc::clone(metrics))
    }

    /// Works until `until` completes. What is under way then is dropped, and begun again another time.
    pub async fn run(mut self, until: impl Future<Output = ()>) -> Result<(), RunError> {
        let mut until = pin!(until);
        let mut scan = tokio::time::interval(self.config.scan_every);
        let mut ask = tokio::time::interval(self.config.members_every);
        // What is due can be done only once the mandates are at hand.
        self.scan()?;
        let mut event = self.roll.event();
        loop {
            self.advance(event)?;
            let nap = self.nap();
            event = tokio::select! {
                biased;
                () = &mut until => return Ok(()),
                _ = scan.tick() => {
                    self.scan()?;
                    Event::Wake
                }
                _ = ask.tick() => {
                    self.ask_who_is_there();
                    Event::Wake
                }
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => self.digest(done)?,
                () = tokio::time::sleep(nap) => Event::Wake,
            };
        }
    }

    /// How long nothing is due.
    fn nap(&self) -> Duration {
        let due = self.plan.wake_at().map(|at| Duration::from_secs(at.seconds_since(now())));
        // Times are whole seconds: what is due within this one is due.
        let longest = if self.is_stale { STATUS_EVERY } else { NAP_MAX };
        due.unwrap_or(longest).clamp(Duration::from_millis(100), longest)
    }

    fn advance(&mut self, event: Event) -> Result<(), StoreError> {
        self.plan.handle(now(), event);
        self.save()?;
        while let Some(action) = self.plan.next_action() {
            self.perform(action);
        }
        self.show();
        Ok(())
    }

    fn save(&mut self) -> Result<(), StoreError> {
        let (objects, nodes) = (self.plan.take_changed_objects(), self.plan.take_changed_nodes());
        let known = self.plan.nodes();
        let changes = Changes {
            objects: objects.into_iter().map(|cid| (cid, self.plan.object(&cid))).collect(),
            nodes: nodes.into_iter().filter_map(|node| Some((node, known.get(&node)?))).collect(),
            history: self.shared.history.lock().unwrap_or_else(PoisonError::into_inner).take_changed(),
        };
        if changes.is_empty() { Ok(()) } else { self.shared.store.save(&changes) }
    }

    fn perform(&mut self, action: Action) {
        let shared = self.shared.clone();
        match action {
            Action::AuditObject(cid) => match self.charge(&cid) {
                Some(charge) => {
                    let believed = self.believed(&charge, 0..);
                    self.spawn(async move { audits::object(&shared, cid, &charge, &believed).await });
                }
                None => self.spawn(async move { Event::ObjectAudited(cid, Vec::new()) }),
            },
            Action::AuditNode(node, places) => {
                let known =
                    places.iter().filter_map(|place| Some((*place, self.charge(&place.cid)?.manifest)));
                let known: Vec<_> = known.collect();
                let how = node_audits::How {
                    draws: Draws::new(self.config.rules.node_draws).expect("1 to 64 draws"),
                    slow_after_ms: self.config.rules.slow_after_ms,
                };
                self.spawn(async move { node_audits::audit(&shared, node, known, how).await });
            }
            Action::Repair { cid, unit, wanted, avoid, until, claimed } => {
                let claim = claimed.then_some(self.config.rules.claim);
                self.repair(cid, unit, repairs::Order { wanted, avoid, until, claim });
            }
            Action::Move { cid, unit, misplaced, at, until } => {
                let claim = self.config.rules.claim;
                self.relocate(cid, moves::Order { unit, misplaced, at, until, claim });
            }
            Action::Renew { cid, below, until } => self.renew(cid, below, until),
            Action::Warn { cid, warned, ending } => self.warn(cid, warned, ending),
            Action::NoteFault(node, fault) => {
                shared.write(Step::NodeFault { node: node.to_string(), fault: fault.name() });
            }
            Action::NoteReturn(node) => shared.write(Step::NodeReturned { node: node.to_string() }),
        }
    }

    fn repair(&mut self, cid: Cid, unit: u32, order: repairs::Order) {
        let Some(charge) = self.charge(&cid) else {
            let end = RepairEnd::Failed("its mandate is not at hand".to_owned());
            return self.spawn(async move { Event::Repaired(cid, unit, end) });
        };
        let (shared, believed) = (self.shared.clone(), self.believed(&charge, unit..=unit));
        self.spawn(async move {
            Event::Repaired(cid, unit, repairs::repair(&shared, &charge, unit, order, believed).await)
        });
    }

    fn relocate(&mut self, cid: Cid, order: moves::Order) {
        let unit = order.unit;
        let Some(charge) = self.charge(&cid) else {
            let (refused, end) = (Vec::new(), MoveEnd::PutOff);
            return self.spawn(async move { Event::Moved { cid, unit, refused, end } });
        };
        let shared = self.shared.clone();
        self.spawn(async move {
            let (refused, end) = moves::relocate(&shared, &charge, &order).await;
            Event::Moved { cid, unit, refused, end }
        });
    }

    /// Where the parts of some units were proved last: an audit asks there first, so that of two copies the one counts that
    /// is renewed.
    fn believed(&self, charge: &Charge, units: impl RangeBounds<u32>) -> HashMap<Part, PublicKey> {
        let Some(object) = self.plan.object(&charge.manifest.cid()) else { return HashMap::new() };
        parts::proved_at(&charge.manifest, object, units)
    }

    fn renew(&mut self, cid: Cid, below: UnixSeconds, until: UnixSeconds) {
        let (Some(charge), Some(object)) = (self.charge(&cid), self.plan.object(&cid)) else {
            // Nothing is known against the leases.
            return self.spawn(async move { Event::Renewed { cid, ends: None, failed: 0 } });
        };
        let held = parts::by_node(&charge.manifest, object);
        let shared = self.shared.clone();
        self.spawn(async move { renewals::renew(&shared, &charge, held, below, until).await });
    }

    fn warn(&mut self, cid: Cid, Warned { days, ends }: Warned, ending: Ending) {
        let what = match ending {
            Ending::Care => "care for it ends",
            Ending::Leases => "leases that cannot be renewed end",
        };
        self.shared.write(Step::Warned { cid: cid.to_string(), days, ends, what });
        let Some(command) = self.config.on_warning.clone() else { return };
        let (shared, call) = (self.shared.clone(), hook::Call { command, cid, days, ends, what });
        self.tasks.spawn(async move {
            if let Err(reason) = call.run().await {
                shared.write(Step::HookFailed { reason });
            }
            Done::Nothing
        });
    }

    fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        self.tasks.spawn(async move { Done::Event(work.await) });
    }

    fn charge(&mut self, cid: &Cid) -> Option<Charge> {
        self.wanted.charge(cid, &self.shared.store)
    }

    fn digest(&mut self, done: Result<Done, tokio::task::JoinError>) -> Result<Event, StoreError> {
        match done.expect("a task does not panic and is not cancelled") {
            Done::Event(event) => Ok(event),
            Done::Nothing => Ok(Event::Wake),
            Done::Fetched(fetched) => self.fetched(*fetched),
            Done::Asked => Ok(self.answered_who_is_there()),
        }
    }

    fn show(&mut self) {
        self.is_stale = self.status_at.is_some_and(|at| at.elapsed() < STATUS_EVERY);
        if self.is_stale {
            return;
        }
        self.status_at = Some(Instant::now());
        let now = now();
        let holder: PublicKey = self.shared.holder.public();
        let traffic = self.traffic();
        let status = Status::of(&self.plan, holder.to_string(), traffic, now);
        self.shared.metrics.show(&self.plan, &status, now);
        if let Err(error) = self.write_status(&status) {
            tracing::warn!(%error, "the status file cannot be written");
        }
        self.shown.send_replace(Arc::new(status));
    }

    fn traffic(&mut self) -> Traffic {
        let total = self.shared.client.care_traffic();
        let rate = self.meter.measure(total, Instant::now());
        Traffic { limit: self.shared.client.care_rate(), rate, total }
    }

    fn write_status(&self, status: &Status) -> io::Result<()> {
        let (part, path) = (self.config.dir.join("status.part"), self.config.dir.join("status.json"));
        fs::write(&part, serde_json::to_vec(status)?)?;
        fs::rename(&part, &path)
    }
}

impl Shared {
    fn write(&self, step: Step) {
        self.metrics.count(&step);
        self.journal.write(step);
    }
}

fn now() -> UnixSeconds {
    SystemTime::now().into()
}
