//! What a node says about itself.

use protocol::limits::CLOCK_SKEW_MAX_S;
use protocol::{
    Addresses, AddressesError, CapacityClass, FormerIdentities, NetworkId, NodeRecord, PublicKey, SecretKey,
    Sequence, Signed, UnixSeconds, VersionText,
};

use crate::NodeConfig;

/// Everything in a node's record that does not change while it runs, and the key that signs it.
#[derive(Clone)]
pub(crate) struct Profile {
    secret: SecretKey,
    network: NetworkId,
    body: NodeRecord,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("network", &self.network)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl Profile {
    /// A node with these settings that can be dialled at `addrs`.
    pub(crate) fn new(
        config: &NodeConfig,
        secret: SecretKey,
        addrs: Vec<std::net::SocketAddr>,
        formerly: FormerIdentities,
    ) -> Result<Self, AddressesError> {
        let class = CapacityClass::of_capacity(config.capacity);
        let (never, first) = (UnixSeconds::new(0), Sequence::FIRST);
        let body = NodeRecord {
            domain: config.domain.clone(),
            formerly,
            operator: config.operator,
            price: config.price,
            reading: config.selling.map(|selling| selling.price),
            relay: config.relay.clone(),
            tags: config.tags.clone(),
            version: version(),
            ..NodeRecord::new(Addresses::new(addrs)?, class, never, first)
        };
        Ok(Self { secret, network: config.network, body })
    }

    pub(crate) fn id(&self) -> PublicKey {
        self.secret.public()
    }

    pub(crate) const fn network(&self) -> NetworkId {
        self.network
    }

    /// The record for now. It counts before `last`, unless that was written by a clock far ahead: then nobody has it.
    pub(crate) fn record(
        &self,
        now: UnixSeconds,
        last: Option<Sequence>,
        leaving: bool,
    ) -> Signed<NodeRecord> {
        let believed = last.filter(|last| last.get() <= now.get().saturating_add(CLOCK_SKEW_MAX_S));
        let next = believed.map_or(0, |last| last.next().get());
        let body =
            NodeRecord { issued: now, leaving, seq: Sequence::new(now.get().max(next)), ..self.body.clone() };
        Signed::sign(&self.secret, &self.network, body)
    }
}

/// The name and version of this program.
pub(crate) fn version() -> VersionText {
    VersionText::new(concat!("headwater ", env!("CARGO_PKG_VERSION"))).expect("our own version is short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_counts_before_the_last_one_whatever_the_clock_did() {
        let config = NodeConfig::new("nowhere", NetworkId::from_bytes([1; 32]));
        let addrs = vec!["127.0.0.1:1".parse().unwrap()];
        let secret = SecretKey::from_bytes(&[1; 32]);
        let profile = Profile::new(&config, secret, addrs, FormerIdentities::default()).unwrap();
        let seq = |now, last: Option<u64>| {
            profile.record(UnixSeconds::new(now), last.map(Sequence::new), false).body().seq.get()
        };
        assert_eq!(seq(1000, None), 1000);
        assert_eq!(seq(1000, Some(900)), 1000);
        assert_eq!(seq(1000, Some(1000)), 1001, "twice in one second");
        assert_eq!(seq(1000, Some(1299)), 1300, "the clock was set back a little");
        assert_eq!(seq(1000, Some(1301)), 1000, "nobody took that one in");
        assert_eq!(seq(1000, Some(u64::MAX)), 1000);
    }
}
