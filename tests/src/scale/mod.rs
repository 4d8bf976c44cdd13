//! How placement, audits and repair grow with nodes and objects: printed as tables, for people. Times are those of the processor.
//!
//! Placement, the plan of a steward and the sets that audits draw from are the real ones; nothing moves a byte. Where
//! parts lie is drawn at random, because working out a million rankings takes an hour: placement is measured by itself.

mod loss;
mod placing;
mod stored;
mod world;

use std::time::Duration;

use protocol::{PublicKey, SecretKey};
use steward::durability::{Axes, Curve, PlotError, plot};
use world::World;

const CODING: &str = "7+7";
const START: u64 = 2_000_000_000;
const HOUR: u64 = 3600;

/// Measures placement, and a steward that looks after so many objects on so many nodes, for each of the sizes. Returns
/// the units that wait for their repair over the hours since one node in a hundred is gone.
pub fn measure(sizes: &[(usize, usize)]) -> Vec<Curve> {
    placing::measure();
    world::sets();
    let of_size = |(objects, nodes): &(usize, usize)| {
        let mut world = World::new(*objects, *nodes);
        world.calm();
        world.newcomer();
        Curve { name: format!("{objects} objects on {nodes} nodes"), points: world.loss() }
    };
    sizes.iter().map(of_size).collect()
}

/// What [`measure`] returns, as an SVG picture.
pub fn picture(curves: &[Curve]) -> Result<String, PlotError> {
    let y = "units that wait for their repair";
    let axes = Axes { x: "hours since one node in a hundred is gone", y, is_y_logarithmic: true };
    let curves: Vec<_> = curves.iter().filter(|curve| !curve.points.is_empty()).cloned().collect();
    plot("Repair queue of one steward, eight repairs at a time", &axes, &curves)
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
