//! One node, as far as anybody here knows.

use std::time::Instant;

use client::Client;
use protocol::{NodeRecord, NodeStatus, Signed};
use serde::Serialize;

use super::care::NodeCare;

/// From this share of its capacity on, in percent, a node is nearly full.
const FULL_PERCENT: u64 = 95;

#[derive(Debug, Serialize)]
pub(super) struct NodeLine {
    pub(super) id: String,
    pub(super) addrs: Vec<String>,
    pub(super) relay: Option<String>,
    pub(super) class: u8,
    pub(super) domain: Option<String>,
    pub(super) operator: Option<String>,
    pub(super) tags: Vec<String>,
    /// Micro-units for a GiB and a month.
    pub(super) price: u64,
    pub(super) leaving: bool,
    pub(super) formerly: usize,
    pub(super) issued: u64,
    pub(super) state: &'static str,
    pub(super) answered_ms: Option<u64>,
    pub(super) shards: Option<u64>,
    pub(super) stored: Option<u64>,
    pub(super) capacity: Option<u64>,
    pub(super) version: Option<String>,
    pub(super) error: Option<String>,
    /// Audits that it did not pass and that it shows: of each the auditor's reason is in `node status`.
    pub(super) verdicts: Option<usize>,
    /// What the steward that was named knows of it.
    pub(super) care: Option<NodeCare>,
    /// Why somebody should look at it.
    pub(super) concerns: Vec<&'static str>,
}

impl NodeLine {
    /// Asks the node how it is.
    pub(super) async fn ask(client: &Client, record: &Signed<NodeRecord>, care: Option<NodeCare>) -> Self {
        let began = Instant::now();
        let answer = client.node_status(record.by()).await;
        let answered_ms =
            answer.is_ok().then(|| u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let mut line = Self::new(record, answer, care);
        line.answered_ms = answered_ms;
        line.concerns = line.concerns();
        line
    }

    fn new(record: &Signed<NodeRecord>, answer: Result<NodeStatus, String>, care: Option<NodeCare>) -> Self {
        let body = record.body();
        let (status, error) = match answer {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(error)),
        };
        let said = Some(body.version.as_str().to_owned()).filter(|version| !version.is_empty());
        Self {
            id: record.by().to_string(),
            addrs: body.addrs.iter().map(ToString::to_string).collect(),
            relay: body.relay.as_ref().map(ToString::to_string),
            class: body.class.get(),
            domain: body.domain.as_ref().map(|domain| domain.as_str().to_owned()),
            operator: body.operator.map(|operator| operator.to_string()),
            tags: body.tags.iter().map(ToString::to_string).collect(),
            price: body.price.get(),
            leaving: body.leaving,
            formerly: body.formerly.len(),
            issued: body.issued.get(),
            state: if status.is_some() { "up" } else { "down" },
            answered_ms: None,
            shards: status.as_ref().map(|status| status.shards),
            stored: status.as_ref().map(|status| status.stored),
            capacity: status.as_ref().map(|status| status.capacity),
            verdicts: status.as_ref().map(|status| status.verdicts.len()),
            version: status.map(|status| status.version.as_str().to_owned()).or(said),
            error,
            care,
            concerns: Vec::new(),
        }
    }

    /// Why somebody should look at it; empty when all is well.
    fn concerns(&self) -> Vec<&'static str> {
        let mut concerns = Vec::new();
        if self.error.is_some() {
            concerns.push("it does not answer");
        }
        if let (Some(stored), Some(capacity)) = (self.stored, self.capacity)
            && u128::from(stored) * 100 >= u128::from(capacity) * u128::from(FULL_PERCENT)
        {
            concerns.push("it is nearly full");
        }
        if self.care.as_ref().is_some_and(|care| care.offline_since.is_some()) {
            concerns.push("it is silent to the steward");
        }
        if self.care.as_ref().is_some_and(|care| care.avoided) {
            concerns.push("the steward avoids it");
        }
        concerns
    }
}

#[cfg(test)]
mod tests {
    use protocol::{
        Addresses, BoundedList, CapacityClass, NetworkId, SecretKey, Sequence, UnixSeconds, VersionText,
    };

    use super::*;

    fn line(stored: u64, care: Option<NodeCare>) -> NodeLine {
        let secret = SecretKey::from_bytes(&[3; 32]);
        let addrs = Addresses::new(vec!["127.0.0.1:4433".parse().unwrap()]).unwrap();
        let class = CapacityClass::of_capacity(1000);
        let record = NodeRecord::new(addrs, class, UnixSeconds::new(5), Sequence::FIRST);
        let record = Signed::sign(&secret, &NetworkId::from_bytes([1; 32]), record);
        let status = NodeStatus {
            shards: 1,
            stored,
            capacity: 1000,
            version: VersionText::new("headwater/1").unwrap(),
            verdicts: BoundedList::new(Vec::new()).unwrap(),
        };
        NodeLine::new(&record, Ok(status), care)
    }

    #[test]
    fn it_says_why_somebody_should_look_at_it() {
        assert!(line(949, None).concerns().is_empty());
        assert_eq!(line(950, None).concerns(), ["it is nearly full"]);
        let care =
            NodeCare { avoided: true, offline_since: Some(7), parts: 1, proved: None, points_milli: [0; 4] };
        assert_eq!(line(0, Some(care)).concerns(), ["it is silent to the steward", "the steward avoids it"]);
    }
}
