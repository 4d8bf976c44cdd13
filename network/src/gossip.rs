//! How news of nodes travels from node to node: whom to tell what, and whom to ask (spec §22). Pure: peers, answers and
//! random numbers are handed in, so that a simulator can run a whole network of it.

use std::collections::BTreeMap;

use protocol::limits::MEMBERS_PAGE_MAX;

/// Nodes that are told the news in one round.
const FANOUT: usize = 3;
/// News is told no more after so many nodes in a row knew it already.
const KNEW_IT_MAX: u8 = 2;
/// Nodes of which there is news to tell at one time. What does not fit is found by asking.
const NEWS_MAX: usize = 1024;
/// Nodes that one other node is told of in one round.
const TOLD_PER_ROUND_MAX: usize = 64;

/// News that is still to be told, and to how many in a row it was none.
#[derive(Clone, Debug)]
pub struct Gossip<Id> {
    news: BTreeMap<Id, u8>,
}

/// What to do in one round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round<Id> {
    /// Whom to tell about whom.
    pub tell: Vec<(Id, Vec<Id>)>,
    /// Whom to ask for the page behind which id; `None` asks for the first page.
    pub ask: Option<(Id, Option<Id>)>,
}

impl<Id: Ord + Copy> Default for Gossip<Id> {
    fn default() -> Self {
        Self { news: BTreeMap::new() }
    }
}

impl<Id: Ord + Copy> Gossip<Id> {
    /// There is news of a node.
    pub fn heard(&mut self, id: Id) {
        if self.news.len() < NEWS_MAX || self.news.contains_key(&id) {
            self.news.insert(id, 0);
        }
    }

    /// A node that was told said whether it was news to it.
    pub fn told(&mut self, id: Id, was_news: bool) {
        let Some(knew) = self.news.get_mut(&id) else { return };
        *knew = if was_news { 0 } else { *knew + 1 };
        if *knew >= KNEW_IT_MAX {
            self.news.remove(&id);
        }
    }

    /// True when there is no news to tell.
    pub fn is_quiet(&self) -> bool {
        self.news.is_empty()
    }

    /// Decides on one round. `peers` are the other nodes in ascending order; `below` draws a number below its argument.
    pub fn round(&self, peers: &[Id], mut below: impl FnMut(usize) -> usize) -> Round<Id> {
        let mut tell: Vec<(Id, Vec<Id>)> = Vec::new();
        if peers.is_empty() {
            return Round { tell, ask: None };
        }
        let skipped = below(self.news.len().max(1));
        for _ in 0..FANOUT.min(peers.len()) {
            let peer = peers[below(peers.len())];
            let about = self.news.keys().cycle().skip(skipped).take(self.news.len());
            let about: Vec<_> = about.copied().filter(|id| *id != peer).take(TOLD_PER_ROUND_MAX).collect();
            if !about.is_empty() && !tell.iter().any(|(other, _)| *other == peer) {
                tell.push((peer, about));
            }
        }
        // As many pages begin before the first id as there are ids in one: each id is in as many pages as any other.
        let first = below(peers.len() + MEMBERS_PAGE_MAX - 1).saturating_sub(MEMBERS_PAGE_MAX - 1);
        let after = first.checked_sub(1).map(|place| peers[place]);
        Round { tell, ask: Some((peers[below(peers.len())], after)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator, so that the test is the same everywhere.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % limit
        }
    }

    struct Spread {
        rounds: usize,
        tellings: usize,
        knew_when_told_out: usize,
    }

    /// Lets one node of `nodes` have news, and `down` of them not answer; pages have 128 records.
    fn spread(nodes: u32, down: u32, seed: u64) -> Spread {
        let peers: Vec<u32> = (0..nodes).collect();
        let mut dice = Dice(seed);
        let mut gossips: BTreeMap<u32, Gossip<u32>> = BTreeMap::new();
        let subject = 7;
        gossips.entry(subject).or_default().heard(subject);
        let mut done = Spread { rounds: 0, tellings: 0, knew_when_told_out: 0 };
        let up = usize::try_from(nodes - down).unwrap();
        while gossips.len() < up {
            done.rounds += 1;
            assert!(done.rounds < 2000, "{} of {up} know", gossips.len());
            let mut is_telling = false;
            let before: Vec<u32> = gossips.keys().copied().collect();
            for node in before {
                let round = gossips[&node].round(&peers, |limit| dice.below(limit));
                for (peer, about) in round.tell {
                    assert_eq!(about, [subject]);
                    is_telling = true;
                    done.tellings += 1;
                    if peer >= nodes - down {
                        continue;
                    }
                    let was_news = !gossips.contains_key(&peer);
                    if was_news {
                        gossips.entry(peer).or_default().heard(subject);
                    }
                    gossips.get_mut(&node).unwrap().told(subject, was_news);
                }
            }
            if is_telling {
                done.knew_when_told_out = gossips.len();
            }
            // Those that do not know ask one node for one page, which has the subject in 128 of all cases.
            for node in (0..nodes - down).filter(|node| !gossips.contains_key(node)).collect::<Vec<_>>() {
                let idle = Gossip::<u32>::default();
                let Some((asked, after)) = idle.round(&peers, |limit| dice.below(limit)).ask else {
                    continue;
                };
                let first = after.map_or(0, |after| after + 1);
                if gossips.contains_key(&asked) && (first..first + 128).contains(&subject) {
                    gossips.entry(node).or_default();
                }
            }
        }
        done
    }

    #[test]
    fn news_reaches_ten_thousand_nodes_in_few_rounds_and_messages() {
        for seed in 1..=5 {
            let Spread { rounds, tellings, knew_when_told_out } = spread(10_000, 0, seed);
            println!("{rounds} rounds, {tellings} tellings, {knew_when_told_out} by telling alone");
            assert!(knew_when_told_out > 9700, "{knew_when_told_out}");
            assert!(tellings < 50_000, "{tellings}");
            assert!(rounds < 1500, "{rounds}");
        }
    }

    #[test]
    fn news_spreads_though_a_third_of_all_nodes_is_down() {
        let Spread { tellings, knew_when_told_out, .. } = spread(3000, 1000, 1);
        assert!(knew_when_told_out > 1800, "{knew_when_told_out}");
        assert!(tellings < 30_000, "{tellings}");
    }

    #[test]
    fn a_small_network_knows_at_once() {
        for nodes in 2..20 {
            assert!(spread(nodes, 0, u64::from(nodes)).rounds < 200);
        }
    }

    #[test]
    fn news_ends_when_it_is_none_and_has_a_bound() {
        let mut gossip = Gossip::default();
        gossip.heard(1);
        gossip.told(1, false);
        gossip.told(1, true);
        gossip.told(1, false);
        assert_eq!(gossip.news.len(), 1, "in between it was news");
        gossip.told(1, false);
        assert!(gossip.news.is_empty());
        (0..2000).for_each(|id| gossip.heard(id));
        assert_eq!(gossip.news.len(), NEWS_MAX);
        let round = gossip.round(&[5000], |_| 0);
        assert_eq!(round.tell.iter().map(|(_, about)| about.len()).collect::<Vec<_>>(), [TOLD_PER_ROUND_MAX]);
        assert_eq!(Gossip::<u32>::default().round(&[], |_| 0), Round { tell: Vec::new(), ask: None });
    }
}
