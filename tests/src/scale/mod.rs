//! How placement, audits and repair grow with nodes and objects: printed as tables, for people. Times are those of the processor.
//!
//! Placement, the plan of a steward and the sets that audits draw from are the real ones; nothing moves a byte. Where
//! parts lie is drawn at random, because working out a million rankings takes an hour: placement is measured by itself.

mod placing;
mod stored;
mod world;

use std::time::Duration;

use protocol::{PublicKey, SecretKey};
use world::World;

const CODING: &str = "7+7";
const START: u64 = 2_000_000_000;
const HOUR: u64 = 3600;

/// Measures a steward that looks after so many objects on so many nodes, and placement on some numbers of nodes.
pub fn measure(objects: usize, nodes: usize) {
    placing::measure();
    let mut world = World::new(objects, nodes);
    world.calm();
    world.sets();
    world.loss();
}

fn key(number: usize) -> PublicKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SecretKey::from_bytes(&seed).public()
}

/// The seconds that this thread has had a processor: other programs do not count.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default();
    Duration::from_nanos(nanos).as_secs_f64()
}
