//! Theseus: one node after the other is destroyed and a new one takes its place, until none of the first is left, and
//! then again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::fleet::Fleet;
use crate::process::{now, wait_until};
use crate::reading::Stored;
use crate::steward::Steward;

const NODES: usize = 6;
/// Length and coding of what must outlast every node.
const OBJECTS: [(usize, &str); 3] = [(900, "2+1"), (100_000, "2+2"), (2_000_000, "2+1")];

/// Replaces every node so many times, each only when all objects are proved whole without the one before.
pub(crate) fn replace_all(home: &Path, rounds: usize) {
    let mut chance = Chance::new(7);
    let mut fleet = Fleet::start(home, NODES, &"7e".repeat(32));
    let steward = Steward::start(home);
    let objects = OBJECTS.map(|(len, coding)| Stored::put(home, len, coding, &mut chance));
    for object in &objects {
        steward.look_after(&object.link);
    }
    let whole_since = |at| {
        wait_until("everything is proved whole", || steward.status().is_whole_since(at, OBJECTS.len()));
    };
    whole_since(now());
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    for round in 0..rounds {
        for _ in 0..NODES {
            // The oldest is first in the list, the new one comes last.
            let lost = Instant::now();
            drop(fleet.destroy(0));
            fleet.add();
            whole_since(now() + 1);
            longest = longest.max(lost.elapsed());
        }
        for object in &objects {
            object.read(home).unwrap();
        }
        println!("round {}: every node is another one, after {} s", round + 1, begun.elapsed().as_secs());
    }
    for object in &objects {
        let (audit, is_whole) = object.audit(home);
        assert!(is_whole, "{audit}");
    }
    println!(
        "{} nodes replaced, {} audits verified, the longest repair took {} s",
        rounds * NODES,
        steward.verified_audits(),
        longest.as_secs()
    );
}
