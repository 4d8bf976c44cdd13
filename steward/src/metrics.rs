//! What a steward counts, in the text format of Prometheus. `docs/operating.md` says which alerts to make of it.

use std::sync::atomic::Ordering;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use protocol::UnixSeconds;

use crate::journal::Step;
use crate::plan::{Fault, Plan, Standing, WARN_DAYS};
use crate::status::{ObjectState, RepairState, Status};

/// All numbers of one steward.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    objects: Family<StateLabel, Gauge>,
    queue: Gauge,
    waiting: Family<RepairLabel, Gauge>,
    ending: Family<DaysLabel, Gauge>,
    offline: Gauge,
    avoided: Gauge,
    traffic: Counter,
    faults: Family<FaultLabel, Counter>,
    audits: Family<KindLabel, Counter>,
    rebuilt: Counter,
    moved: Counter,
    repairs_failed: Counter,
    renewals_failed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RepairLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DaysLabel {
    days: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabel {
    fault: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    of: &'static str,
}

impl Metrics {
    /// All at zero: what was never counted is there as well, so that an alert can tell nothing from silence.
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("headwater_steward"),
            objects: Family::default(),
            queue: Gauge::default(),
            waiting: Family::default(),
            ending: Family::default(),
            offline: Gauge::default(),
            avoided: Gauge::default(),
            traffic: Counter::default(),
            faults: Family::default(),
            audits: Family::default(),
            rebuilt: Counter::default(),
            moved: Counter::default(),
            repairs_failed: Counter::default(),
            renewals_failed: Counter::default(),
        };
        for fault in Fault::ALL {
            drop(metrics.faults.get_or_create(&FaultLabel { fault: fault.name() }));
        }
        for of in ["object", "node"] {
            drop(metrics.audits.get_or_create(&KindLabel { of }));
        }
        metrics.with_standing().with_work()
    }

    /// Names what is shown of how things stand.
    fn with_standing(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("objects", "Objects looked after, by state", self.objects.clone());
        registry.register(
            "objects_ending",
            "Objects no longer protected in so many days",
            self.ending.clone(),
        );
        registry.register("repair_queue", "Segments waiting to be repaired", self.queue.clone());
        registry.register(
            "repairs",
            "Segments being repaired, waiting for it, or waiting after a failure",
            self.waiting.clone(),
        );
        registry.register("nodes_offline", "Nodes that do not answer", self.offline.clone());
        registry.register(
            "nodes_avoided",
            "Nodes that get a shard only when no other takes it",
            self.avoided.clone(),
        );
        self
    }

    /// Names what is counted of what was done.
    fn with_work(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("faults", "Faults of nodes that audits found", self.faults.clone());
        registry.register("audits", "Audits made", self.audits.clone());
        for (name, help, counter) in [
            ("rebuilt", "Parts made again", &self.rebuilt),
            ("moved", "Parts moved to better places", &self.moved),
            ("repairs_failed", "Repairs that left something lost", &self.repairs_failed),
            ("renewals_failed", "Leases that could not be renewed", &self.renewals_failed),
        ] {
            registry.register(name, help, counter.clone());
        }
        registry.register_with_unit(
            "traffic",
            "What audits and repairs have read and sent",
            Unit::Bytes,
            self.traffic.clone(),
        );
        self
    }

    /// The text that a scraper gets, as `OpenMetrics` 1.0.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    pub(crate) fn count(&self, step: &Step) {
        match step {
            Step::ObjectAudited { .. } => drop(self.audits.get_or_create(&KindLabel { of: "object" }).inc()),
            Step::NodeAudited { .. } => drop(self.audits.get_or_create(&KindLabel { of: "node" }).inc()),
            Step::NodeFault { fault, .. } => drop(self.faults.get_or_create(&FaultLabel { fault }).inc()),
            Step::Rebuilt { .. } => drop(self.rebuilt.inc()),
            Step::Moved { .. } => drop(self.moved.inc()),
            Step::StillLost { .. } => drop(self.repairs_failed.inc()),
            Step::Renewed { failed, .. } => drop(self.renewals_failed.inc_by(u64::from(*failed))),
            _ => {}
        }
    }

    pub(crate) fn show(&self, plan: &Plan, status: &Status, now: UnixSeconds) {
        for state in ObjectState::ALL {
            let count = status.states.get(&state).copied().unwrap_or(0);
            self.objects.get_or_create(&StateLabel { state: state.name() }).set(number(count));
        }
        for days in WARN_DAYS {
            let soon = now.plus(u64::from(days) * 86_400);
            let ending = plan.objects().values().filter(|object| object.protected_until() <= soon).count();
            self.ending.get_or_create(&DaysLabel { days: u32::from(days) }).set(number(ending));
        }
        self.queue.set(number(status.repair_queue));
        for (name, state) in [
            ("running", RepairState::Running),
            ("waiting", RepairState::Waiting),
            ("failed", RepairState::Failed),
        ] {
            let count = status.repairs.iter().filter(|line| line.state == state).count();
            self.waiting.get_or_create(&RepairLabel { state: name }).set(number(count));
        }
        let nodes = || status.nodes.iter();
        self.offline.set(number(nodes().filter(|line| line.offline_since.is_some()).count()));
        self.avoided.set(number(nodes().filter(|line| line.standing == Standing::Avoided).count()));
        self.traffic.inner().fetch_max(status.traffic.total, Ordering::Relaxed);
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
