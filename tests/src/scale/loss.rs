//! Many nodes are gone at once: what waits for its repair, and what the repairs move.
#![expect(clippy::cast_precision_loss, reason = "a measurement for people")]

use steward::durability::hours_to_notice;

use super::world::{REPAIR_TAKES, REPAIRS_ABREAST, World};
use super::{HOUR, processor_time};

/// What is lost for good at once: one node in so many.
const LOST_ONE_IN: usize = 100;
/// How long it is played at most.
const HOURS_MAX: u64 = 200;
/// Before so many hours nothing can be over: nodes are waited for that long, and then noticed one by one.
const HOURS_MIN: u64 = 6;
/// How often the queue is written down.
const SAMPLE_EVERY: u64 = HOUR / 10;

impl World {
    /// Returns the length of the queue over the hours since the loss.
    pub(super) fn loss(&mut self) -> Vec<(f64, f64)> {
        let gone = self.nodes() / LOST_ONE_IN;
        let (began, lost_at) = (processor_time(), self.lose_last(gone));
        let mut queue = Vec::new();
        for sample in 1..=HOURS_MAX * HOUR / SAMPLE_EVERY {
            self.play(lost_at + sample * SAMPLE_EVERY);
            let waiting = self.waiting();
            if waiting > 0 {
                queue.push(((sample * SAMPLE_EVERY) as f64 / HOUR as f64, waiting as f64));
            }
            if waiting == 0 && sample * SAMPLE_EVERY > HOURS_MIN * HOUR && self.is_idle() {
                break;
            }
        }
        let counts = self.counts();
        println!(
            "{gone} nodes are gone at once; a repair takes {REPAIR_TAKES} s, {REPAIRS_ABREAST} at a time:"
        );
        println!(
            "  {} units in the queue at most, {} repaired, the last after {:.1} h",
            counts.longest_queue,
            counts.repairs,
            counts.last_repair.saturating_sub(lost_at) as f64 / HOUR as f64
        );
        println!(
            "  {} parts read and {} put for that; {} other parts wait for their unit's next loss, or a month",
            counts.read,
            counts.rebuilt,
            self.lost_parts()
        );
        println!(
            "  {} audits of nodes meanwhile, {:.1} s of work for the plan",
            counts.node_audits,
            processor_time() - began
        );
        println!(
            "  one in a hundred of a node's bytes wrong: noticed within {:.0} h (99 %)",
            hours_to_notice(0.01, 8, 1.0, 0.99)
        );
        queue
    }
}
