//! Getting to know the nodes of the local network.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use network::Discovery;
use protocol::{Contact, PublicKey};

use super::Membership;

/// A node that did not let this one in, such as one of another network, is left alone for so long.
const LEFT_ALONE: Duration = Duration::from_mins(10);
/// Such nodes that are remembered.
const LEFT_ALONE_MAX: usize = 1024;

impl Membership {
    /// Joins at every node that is found and not known yet, one after the other. Ends with the discovery.
    pub(crate) async fn discover(self: Arc<Self>, mut discovery: Discovery) {
        let mut left_alone: HashMap<PublicKey, Instant> = HashMap::new();
        while let Some(contact) = discovery.next().await {
            let now = Instant::now();
            left_alone.retain(|_, since| now.duration_since(*since) < LEFT_ALONE);
            let is_strange = !self.is_known(&contact) && !left_alone.contains_key(&contact.id);
            if is_strange && left_alone.len() < LEFT_ALONE_MAX && !self.join_at(&contact).await {
                left_alone.insert(contact.id, now);
            }
        }
    }

    fn is_known(&self, contact: &Contact) -> bool {
        contact.id == self.profile.id() || self.state().members.get(&contact.id).is_some()
    }
}
