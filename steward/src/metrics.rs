//! What a steward counts, in the text format of Prometheus. `docs/operating.md` says which alerts to make of it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use protocol::UnixSeconds;

use crate::journal::Step;
use crate::plan::{Plan, WARN_DAYS};
use crate::status::{ObjectState, Status};

/// The media type of [`Metrics::render`].
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers of one steward.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    objects: Family<StateLabel, Gauge>,
    queue: Gauge,
    ending: Family<DaysLabel, Gauge>,
    offline: Gauge,
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
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("headwater_steward");
        let (objects, ending, faults, audits) =
            (Family::default(), Family::default(), Family::default(), Family::default());
        let (queue, offline) = (Gauge::default(), Gauge::default());
        let (rebuilt, moved) = (Counter::default(), Counter::default());
        let (repairs_failed, renewals_failed) = (Counter::default(), Counter::default());
        registry.register("objects", "Objects looked after, by state", Family::clone(&objects));
        registry.register("repair_queue", "Segments waiting to be repaired", Gauge::clone(&queue));
        registry.register(
            "objects_ending",
            "Objects no longer protected in so many days",
            Family::clone(&ending),
        );
        registry.register("nodes_offline", "Nodes that do not answer", Gauge::clone(&offline));
        registry.register("faults", "Faults of nodes that audits found", Family::clone(&faults));
        registry.register("audits", "Audits made", Family::clone(&audits));
        registry.register("rebuilt", "Parts made again", Counter::clone(&rebuilt));
        registry.register("moved", "Parts moved to better places", Counter::clone(&moved));
        registry.register(
            "repairs_failed",
            "Repairs that left something lost",
            Counter::clone(&repairs_failed),
        );
        registry.register(
            "renewals_failed",
            "Leases that could not be renewed",
            Counter::clone(&renewals_failed),
        );
        Self {
            registry,
            objects,
            queue,
            ending,
            offline,
            faults,
            audits,
            rebuilt,
            moved,
            repairs_failed,
            renewals_failed,
        }
    }

    /// The text that a scraper gets.
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
        self.offline.set(number(status.nodes.iter().filter(|line| line.offline_since.is_some()).count()));
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
