//! Time for one decision of placement, and how even the load comes out.
#![expect(clippy::cast_precision_loss, reason = "a measurement for people")]

use std::collections::BTreeMap;

use chunker::Coding;
use client::placement::{Placement, Site, homes, segment_seed};
use protocol::PublicKey;

use super::{CODING, key, processor_time};

/// Shards on a node on average, in the measurement of how even the load is.
const SHARDS_A_NODE: usize = 28;

/// Nodes of one capacity class, each in a failure domain of its own.
pub(super) fn placement(keys: &[PublicKey]) -> Placement {
    let addr =
        |number: usize| format!("10.{}.{}.1:1", number >> 8, number & 255).parse().expect("an address");
    let site =
        |(number, id): (usize, &PublicKey)| Site { id: *id, class: 0, addr: addr(number), declared: None };
    let sites: Vec<_> = keys.iter().enumerate().map(site).collect();
    Placement::new(&sites, false)
}

/// If every shard fell on any node, variance and mean of what a node has would be alike.
pub(super) fn measure() {
    println!(
        "placement of segments of {CODING}, {SHARDS_A_NODE} shards a node: nodes, µs a segment, most on a node, variance over mean"
    );
    let coding: Coding = CODING.parse().expect("a coding");
    for nodes in [100, 1000, 10_000] {
        let keys: Vec<_> = (0..nodes).map(key).collect();
        let placement = placement(&keys);
        let segments = nodes * SHARDS_A_NODE / usize::from(coding.total());
        let mut load: BTreeMap<PublicKey, u32> = keys.iter().map(|key| (*key, 0)).collect();
        let began = processor_time();
        for number in 0..segments {
            let seed = segment_seed(&[1; 32], u32::try_from(number).expect("few"));
            for home in homes(&placement.rank_for_new(&seed), coding.total().into()) {
                *load.entry(home).or_default() += 1;
            }
        }
        let micros = (processor_time() - began) * 1e6 / segments as f64;
        let mean = SHARDS_A_NODE as f64;
        let squares: f64 = load.values().map(|shards| (f64::from(*shards) - mean).powi(2)).sum();
        let most = load.values().copied().max().unwrap_or_default();
        println!("  {nodes:>6}  {micros:>8.0}  {most}  {:.2}", squares / nodes as f64 / mean);
    }
}
