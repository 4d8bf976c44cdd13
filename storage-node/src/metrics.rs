//! The numbers of a node in the text format of Prometheus. `docs/operating.md` says which alerts to make of them.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::stats::NodeStats;

impl NodeStats {
    /// The text that a scraper gets, as `OpenMetrics` 1.0.
    pub fn metrics(&self) -> String {
        let mut registry = Registry::with_prefix("headwater_node");
        registry.register_collector(Box::new(*self));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        text
    }
}

impl Collector for NodeStats {
    fn encode(&self, mut to: DescriptorEncoder) -> fmt::Result {
        const BYTES: Option<&Unit> = Some(&Unit::Bytes);
        for (name, help, unit, number) in [
            ("stored", "What shards take on the disk", BYTES, self.stored),
            ("capacity", "What shards may take", BYTES, self.capacity),
            ("free", "What is free on its file system", BYTES, self.free),
            ("shards", "Shards that it keeps", None, self.shards),
            ("corrupt_shards", "Shards known not to match their roots", None, self.corrupt),
            ("members", "Nodes that it knows, itself among them", None, self.members),
            ("unpaid", "What was read and is not paid for yet", BYTES, self.unpaid),
            ("requests_under_way", "Requests being answered", None, self.requests_in_flight),
        ] {
            let gauge = ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
            gauge.encode(to.encode_descriptor(name, help, unit, gauge.metric_type())?)?;
        }
        for (name, help, unit, number) in [
            ("sent", "Bytes of shards sent", BYTES, self.sent),
            ("paid", "Bytes that vouchers have paid for", BYTES, self.paid),
            ("received", "Bytes of shards received", BYTES, self.received),
            ("scrubbed", "Bytes checked against their roots", BYTES, self.scrubbed),
            ("scrub_rounds", "Times that all shards were checked", None, self.scrub_rounds),
            ("connections", "Clients that came", None, self.connections),
            ("requests", "Requests that arrived", None, self.requests),
            ("refused", "Requests that were refused", None, self.refused),
            ("proofs", "Leaves that were asked to be proved", None, self.proofs),
            ("failed_audits", "Audits that it did not pass, as auditors say", None, self.failed_audits),
            ("leases_signed", "Leases signed", None, self.leases_signed),
            ("collected", "Shards removed after their leases had ended", None, self.collected),
        ] {
            let counter = ConstCounter::new(number);
            counter.encode(to.encode_descriptor(name, help, unit, counter.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_line() {
        let stats = NodeStats { stored: 7, capacity: 9, failed_audits: 3, ..NodeStats::default() };
        let text = stats.metrics();
        for line in [
            "headwater_node_stored_bytes 7",
            "headwater_node_capacity_bytes 9",
            "headwater_node_free_bytes 0",
            "headwater_node_failed_audits_total 3",
            "headwater_node_sent_bytes_total 0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
