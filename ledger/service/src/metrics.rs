//! What a ledger counts, in the text format of Prometheus.

use std::fmt;
use std::time::Duration;

use ledger::Ledger;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the buckets of an append, in seconds.
const APPEND_BUCKETS_S: [f64; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// All numbers of one ledger.
pub(crate) struct Metrics {
    registry: Registry,
    taken: Counter,
    refused: Counter,
    appends: Histogram,
    entries: Gauge,
    epoch: Gauge,
    log: Gauge,
    witnesses: Gauge,
    quorum: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("headwater_ledger"),
            taken: Counter::default(),
            refused: Counter::default(),
            appends: Histogram::new(APPEND_BUCKETS_S),
            entries: Gauge::default(),
            epoch: Gauge::default(),
            log: Gauge::default(),
            witnesses: Gauge::default(),
            quorum: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("taken", "Entries that this service has appended", self.taken.clone());
        registry.register("refused", "Records that were refused", self.refused.clone());
        let help = "How long it took until a batch was durable";
        registry.register_with_unit("append", help, Unit::Seconds, self.appends.clone());
        registry.register("journal_entries", "How far the journal goes", self.entries.clone());
        registry.register("open_epoch", "The epoch that is settled next", self.epoch.clone());
        registry.register("log_entries", "Size of the published checkpoint", self.log.clone());
        let help = "Witnesses that have cosigned the published checkpoint";
        registry.register("witnesses", help, self.witnesses.clone());
        let help = "1 when as many witnesses as the policy wants have cosigned it";
        registry.register("quorum", help, self.quorum.clone());
    }

    pub(crate) fn appended(&self, entries: u64, took: Duration) {
        self.taken.inc_by(entries);
        self.appends.observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, records: u64) {
        self.refused.inc_by(records);
    }

    /// Where the ledger stands.
    pub(crate) fn at(&self, ledger: &Ledger) {
        self.entries.set(gauge(ledger.head().count));
        self.epoch.set(gauge(ledger.next_epoch().get()));
    }

    /// What was published.
    pub(crate) fn published(&self, size: u64, witnesses: usize, has_quorum: bool) {
        self.log.set(gauge(size));
        self.witnesses.set(gauge(witnesses as u64));
        self.quorum.set(i64::from(has_quorum));
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("memory does not fail");
        text
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}
