//! Time for one decision of placement.
#![expect(clippy::cast_precision_loss, reason = "a measurement for people")]

use std::collections::BTreeMap;

use chunker::Coding;
use client::placement::{Placement, Site, homes, segment_seed};
use protocol::PublicKey;

use super::{CODING, key, processor_time};

/// Time for one decision about a segment, and how even the load is.
pub(super) fn measure() {
    println!("placement of a segment of {CODING}: nodes, µs per segment, shards per node");
    let coding: Coding = CODING.parse().expect("a coding");
    for nodes in [100, 1000, 10_000, 30_000] {
        let addr =
            |number: usize| format!("10.{}.{}.1:1", number >> 8, number & 255).parse().expect("an address");
        let site = |number| Site { id: key(number), class: 0, addr: addr(number), declared: None };
        let sites: Vec<_> = (0..nodes).map(site).collect();
        let placement = Placement::new(&sites, false);
        let decisions = 3_000_000 / nodes;
        let mut load: BTreeMap<PublicKey, u32> = BTreeMap::new();
        let began = processor_time();
        for number in 0..decisions {
            let seed = segment_seed(&[1; 32], u32::try_from(number).expect("few"));
            for home in homes(&placement.rank_for_new(&seed), coding.total().into()) {
                *load.entry(home).or_default() += 1;
            }
        }
        let micros = (processor_time() - began) * 1e6 / decisions as f64;
        let mean = decisions as f64 * f64::from(coding.total()) / nodes as f64;
        let most = f64::from(load.values().copied().max().unwrap_or_default());
        println!("  {nodes:>6}  {micros:>8.0}  {most:.0} on the fullest node, {mean:.1} on average");
    }
}
