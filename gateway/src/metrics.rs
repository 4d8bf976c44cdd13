//! What the gateway counts, in the text format of Prometheus. No label ever holds a handle, a link or a name.

use std::sync::atomic::Ordering;

use client::ReadTally;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::cells::Shelf;

/// The media type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From 0.25 ms to 4 s, doubling.
const FIRST_BYTE_BUCKETS: (f64, f64, u16) = (0.000_25, 2.0, 15);

/// All counters of one gateway.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    first_byte: Family<RouteLabels, Histogram>,
    pub(crate) under_way: Gauge,
    pub(crate) sent: Counter,
    pub(crate) received: Counter,
    pub(crate) aborted: Counter,
    cache: Gauge,
    handles: Gauge,
    hedged: Counter,
    rebuilt: Counter,
    wrong: Counter,
    receipts: Family<ReceiptLabels, Counter>,
    sessions: Gauge,
    waiting: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReceiptLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

impl Metrics {
    /// Counters at zero; cells are counted where they are read.
    pub(crate) fn new(shelf: &Shelf) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("headwater_gateway"),
            requests: Family::default(),
            first_byte: Family::new_with_constructor(first_byte_histogram as fn() -> Histogram),
            under_way: Gauge::default(),
            sent: Counter::default(),
            received: Counter::default(),
            aborted: Counter::default(),
            cache: Gauge::default(),
            handles: Gauge::default(),
            hedged: Counter::default(),
            rebuilt: Counter::default(),
            wrong: Counter::default(),
            receipts: Family::default(),
            sessions: Gauge::default(),
            waiting: Gauge::default(),
        };
        metrics.with_requests().with_cells(shelf).with_receipts()
    }

    /// Names what is counted of requests.
    fn with_requests(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "first_byte",
            "Time from a request's head to the first bytes of its answer",
            Unit::Seconds,
            self.first_byte.clone(),
        );
        registry.register(
            "requests_under_way",
            "Requests under way, bodies included",
            self.under_way.clone(),
        );
        registry.register_with_unit("sent", "Bytes of bodies sent", Unit::Bytes, self.sent.clone());
        registry.register_with_unit(
            "received",
            "Bytes of uploads received",
            Unit::Bytes,
            self.received.clone(),
        );
        registry.register(
            "aborted",
            "Answers that were cut off because the object failed",
            self.aborted.clone(),
        );
        registry.register("open_handles", "Handles open now", self.handles.clone());
        self
    }

    /// Names what is counted of cells, on the shelf and on their way.
    fn with_cells(mut self, kept: &Shelf) -> Self {
        for (name, help, counter) in [
            ("cache_hits", "Cells served from the cache", &kept.hits),
            ("cache_misses", "Cells fetched from the network", &kept.misses),
            ("hedged_cells", "Cells asked for in place of late, lost or wrong ones", &self.hedged),
            ("rebuilt_cells", "Cells computed from other columns", &self.rebuilt),
            ("wrong_cells", "Cells whose node sent what does not verify", &self.wrong),
        ] {
            self.registry.register(name, help, counter.clone());
        }
        self.registry.register_with_unit("cache", "Size of the cache now", Unit::Bytes, self.cache.clone());
        self
    }

    /// Names what is counted of payments.
    fn with_receipts(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("receipts", "Receipts of viewers that came", self.receipts.clone());
        registry.register("sessions", "Sessions open now", self.sessions.clone());
        registry.register("receipts_waiting", "Receipts that the ledger has not taken", self.waiting.clone());
        self
    }

    /// Counts a receipt: whether it was news, or was refused.
    pub(crate) fn receipt(&self, is_news: Option<bool>) {
        let outcome = match is_news {
            Some(true) => "taken",
            Some(false) => "known",
            None => "refused",
        };
        self.receipts.get_or_create(&ReceiptLabels { outcome }).inc();
    }

    /// How many sessions are open, and how many receipts wait.
    pub(crate) fn paying(&self, sessions: usize, waiting: u64) {
        self.sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Counts an answer whose head is ready after `seconds`.
    pub(crate) fn answered(&self, route: &str, method: &'static str, status: u16, seconds: f64) {
        let route = route.to_owned();
        self.first_byte.get_or_create(&RouteLabels { route: route.clone() }).observe(seconds);
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
    }

    /// The text, with the sizes of now and what the client has counted until now.
    pub(crate) fn render(&self, cache_len: u64, open_handles: usize, reads: ReadTally) -> String {
        let ReadTally { hedged, rebuilt, wrong } = reads;
        for (counter, count) in [(&self.hedged, hedged), (&self.rebuilt, rebuilt), (&self.wrong, wrong)] {
            counter.inner().fetch_max(count, Ordering::Relaxed);
        }
        self.cache.set(i64::try_from(cache_len).unwrap_or(i64::MAX));
        self.handles.set(i64::try_from(open_handles).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

fn first_byte_histogram() -> Histogram {
    let (start, factor, count) = FIRST_BYTE_BUCKETS;
    Histogram::new(exponential_buckets(start, factor, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_counted() {
        let shelf = Shelf::new(1 << 20, 8);
        let metrics = Metrics::new(&shelf);
        metrics.answered("/b/{handle}", "GET", 206, 0.002);
        metrics.answered("/b/{handle}", "GET", 206, 0.003);
        metrics.sent.inc_by(4096);
        shelf.hits.inc_by(3);
        let text = metrics.render(1234, 5, ReadTally { hedged: 9, rebuilt: 8, wrong: 7 });
        for line in [
            "headwater_gateway_requests_total{route=\"/b/{handle}\",method=\"GET\",status=\"206\"} 2",
            "headwater_gateway_first_byte_seconds_count{route=\"/b/{handle}\"} 2",
            "headwater_gateway_sent_bytes_total 4096",
            "headwater_gateway_cache_hits_total 3",
            "headwater_gateway_cache_misses_total 0",
            "headwater_gateway_cache_bytes 1234",
            "headwater_gateway_hedged_cells_total 9",
            "headwater_gateway_rebuilt_cells_total 8",
            "headwater_gateway_wrong_cells_total 7",
            "headwater_gateway_open_handles 5",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
