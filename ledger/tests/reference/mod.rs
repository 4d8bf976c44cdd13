//! What an epoch comes to, computed as plainly as possible: lists, loops, and no code of the ledger.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::collections::BTreeMap;

use ledger::{Account, BudgetRef, Per, SplitAgreement, What};
use protocol::{AgreementId, Alias, Amount, Epoch, Serial, Usage};

use crate::world::{self, Ask, TREASURY, Title, key};

pub(crate) const VIEWERS: u8 = 10;
pub(crate) const SUBSCRIBER: u8 = VIEWERS;
pub(crate) const SPONSOR: u8 = 20;
pub(crate) const GATEWAYS: u8 = 30;
pub(crate) const NODES: u8 = 40;
/// What everybody puts in who pays for something.
const DEPOSIT: u64 = 100_000;
const LANE: u64 = 500;

/// What happens in an epoch.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) plays: Vec<Play>,
    /// Gateway, node, bytes and micro-units of one voucher.
    pub(crate) lanes: Vec<(u8, u8, u64, u64)>,
    /// Amount, cap of each viewer, and whether all of it is paid.
    pub(crate) pool: (u64, u64, bool),
    pub(crate) subscription: u64,
}

/// A grant with its receipts: stream, sequence, bytes and milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) viewer: u8,
    pub(crate) title: usize,
    pub(crate) gateway: u8,
    /// 0: the viewer; 1: the subscription; 2: the pool.
    pub(crate) payer: u8,
    pub(crate) charge: u64,
    pub(crate) receipts: Vec<(u8, u64, u64, u64)>,
}

pub(crate) struct Outcome {
    pub(crate) balances: BTreeMap<Account, i128>,
}

/// A work, one made from it, and one that costs the same for each view of a second.
fn titles() -> [Title<'static>; 3] {
    let first = Title {
        content: 1,
        parties: &[(1, 333_333), (2, 666_667)],
        fees: [50_000, 20_000, 100_000],
        micro: 7,
        of: 8,
        ..Title::default()
    };
    let film = Title {
        content: 3,
        parties: &[(5, 1_000_000)],
        micro: VIEW_COSTS,
        per: Per::View,
        ..Title::default()
    };
    let second = Title {
        content: 2,
        parties: &[(3, 900_001), (4, 99_999)],
        fees: [10_001, 0, 333_333],
        micro: 3,
        of: 1,
        per: Per::Second,
        ..Title::default()
    };
    [first, second, film]
}

const VIEW_COSTS: u64 = 11;
const VIEW_MS: u64 = 1000;

/// What 1000 bytes or milliseconds of each title cost.
pub(crate) const LIMIT_COSTS: [u64; 3] = [875, 3, VIEW_COSTS];

const PARENT_SHARE: u32 = 123_456;

fn agreements() -> [SplitAgreement; 3] {
    let [first, mut second, film] = titles();
    let first = SplitAgreement::new(first.parts()).unwrap();
    let parents = [(first.id(), PARENT_SHARE)];
    second.parents = &parents;
    [first, SplitAgreement::new(second.parts()).unwrap(), SplitAgreement::new(film.parts()).unwrap()]
}

fn id(title: usize) -> AgreementId {
    agreements()[title].id()
}

pub(crate) fn alias(viewer: u8, title: usize) -> Alias {
    world::BLIND.alias(&key(viewer), id(title), Epoch::new(1))
}

impl Facts {
    /// Agreements, deposits and budgets.
    pub(crate) fn beginning(&self) -> Vec<What> {
        let agree =
            |agreement: SplitAgreement| What::Agreement(Box::new(world::agreed(agreement.parts().clone())));
        let mut whats: Vec<_> = agreements().map(agree).into();
        for owner in (VIEWERS..VIEWERS + 4).chain([SPONSOR, GATEWAYS, GATEWAYS + 1]) {
            whats.push(world::deposit(owner, DEPOSIT, owner));
        }
        whats.push(self.subscription().1);
        whats.push(self.sponsored().1);
        whats
    }

    fn subscription(&self) -> (BudgetRef, What) {
        world::budget(SUBSCRIBER, self.subscription, Amount::MAX.get(), &[SUBSCRIBER], true)
    }

    fn sponsored(&self) -> (BudgetRef, What) {
        let (micro, each, whole) = self.pool;
        world::budget(SPONSOR, micro, each, &[VIEWERS, VIEWERS + 1, VIEWERS + 2, VIEWERS + 3], whole)
    }

    fn asks(&self) -> Vec<Ask> {
        let numbers = 0..;
        let ask = |(play, number): (&Play, u8)| Ask {
            viewer: play.viewer,
            agreement: id(play.title),
            gateway: play.gateway,
            budget: [None, Some(self.subscription().0), Some(self.sponsored().0)][usize::from(play.payer)],
            charge: play.charge,
            limit: Usage { bytes: 1000, ms: 1000 },
            epoch: 1,
            number,
        };
        self.plays.iter().zip(numbers).map(ask).collect()
    }

    /// Which plays are granted: nobody lacks funds, but a budget covers no more than it has, and no more than `each`.
    fn granted(&self) -> Vec<bool> {
        let (pool, each, _) = self.pool;
        let mut held: Vec<(u8, u8, u64)> = Vec::new();
        let mut films: Vec<(u8, u8)> = Vec::new();
        let mut take = |play: &Play| {
            let (payer, viewer) = (play.payer, play.viewer);
            let (amount, each) =
                [(u64::MAX, u64::MAX), (self.subscription, u64::MAX), (pool, each)][usize::from(payer)];
            let is_viewed = play.title == 2 && films.contains(&(payer, viewer));
            let more = if is_viewed || payer == 0 { 0 } else { LIMIT_COSTS[play.title] };
            let of_budget: u64 = held.iter().filter(|one| one.0 == payer).map(|one| one.2).sum();
            let of_viewer: u64 =
                held.iter().filter(|one| (one.0, one.1) == (payer, viewer)).map(|one| one.2).sum();
            if of_budget + more > amount || of_viewer + more > each {
                return false;
            }
            held.push((payer, viewer, more));
            if play.title == 2 {
                films.push((payer, viewer));
            }
            true
        };
        self.plays.iter().map(&mut take).collect()
    }

    /// The same, but that nothing is acknowledged under what is not granted.
    fn as_granted(&self) -> Self {
        let mut facts = self.clone();
        for (play, is_granted) in facts.plays.iter_mut().zip(self.granted()) {
            if !is_granted {
                play.receipts.clear();
            }
        }
        facts
    }

    /// Grants with their receipts, then lanes with their vouchers.
    pub(crate) fn events(&self) -> Vec<What> {
        let mut whats = Vec::new();
        for (ask, play) in self.asks().iter().zip(&self.plays) {
            whats.push(ask.granted());
            let usage = |bytes, ms| Usage { bytes, ms };
            whats.extend(
                play.receipts
                    .iter()
                    .map(|&(stream, seq, bytes, ms)| ask.receipt(stream, seq, usage(bytes, ms))),
            );
        }
        let mut lanes: Vec<_> = self.lanes.iter().map(|(gateway, node, ..)| (*gateway, *node)).collect();
        lanes.sort_unstable();
        lanes.dedup();
        whats.extend(lanes.into_iter().map(|(gateway, node)| world::allocation(gateway, node, LANE)));
        whats.extend(
            self.lanes
                .iter()
                .map(|&(gateway, node, bytes, micro)| world::voucher(gateway, node, bytes, micro)),
        );
        whats
    }
}

/// Floors first; then, one micro-unit after the other, to whoever lacks most of one, and of these to the least key.
pub(crate) fn largest_remainder<K: Ord + Copy>(whole: u64, weights: &[(K, u64)]) -> Vec<Amount> {
    let sum: u128 = weights.iter().map(|(_, weight)| u128::from(*weight)).sum();
    let exact = |at: usize| u128::from(whole) * u128::from(weights[at].1);
    let mut parts: Vec<u128> = (0..weights.len()).map(|at| exact(at) / sum).collect();
    while parts.iter().sum::<u128>() < u128::from(whole) {
        let mut best = None;
        for at in 0..weights.len() {
            let Some(lacks) = exact(at).checked_sub(parts[at] * sum) else { continue };
            let is_better = |other: usize| {
                let others = exact(other) - parts[other] * sum;
                (lacks, std::cmp::Reverse(weights[at].0)) > (others, std::cmp::Reverse(weights[other].0))
            };
            if best.is_none_or(is_better) {
                best = Some(at);
            }
        }
        parts[best.unwrap()] += 1;
    }
    parts.into_iter().map(|part| Amount::try_from(part).unwrap()).collect()
}

fn share<K: Ord + Copy>(whole: u64, weights: &[(K, u64)]) -> Vec<u64> {
    largest_remainder(whole, weights).into_iter().map(Amount::get).collect()
}

/// The bytes and milliseconds of a play.
fn used(play: &Play) -> (u64, u64) {
    let most = |of: fn(&(u8, u64, u64, u64)) -> u64| -> u64 {
        let streams =
            (0..3).map(|stream| play.receipts.iter().filter(|r| r.0 == stream).map(of).max().unwrap_or(0));
        streams.sum::<u64>().min(1000)
    };
    (most(|r| r.2), most(|r| r.3))
}

/// What each play asks for, by its place in the list.
fn asked(facts: &Facts) -> Vec<u64> {
    let (plays, asks) = (&facts.plays, facts.asks());
    let metered = plays.iter().map(|play| {
        let (bytes, ms) = used(play);
        [bytes * 7 / 8, ms * 3 / 1000, 0][play.title]
    });
    let mut asked: Vec<u64> = metered.collect();
    for viewer in VIEWERS..VIEWERS + 4 {
        let views: Vec<usize> =
            (0..plays.len()).filter(|at| (plays[*at].viewer, plays[*at].title) == (viewer, 2)).collect();
        let ms = |at: &usize| used(&plays[*at]).1;
        if views.iter().map(ms).sum::<u64>() < VIEW_MS {
            continue;
        }
        let weights: Vec<_> = views.iter().map(|at| (asks[*at].serial(), ms(at).min(VIEW_MS))).collect();
        for (at, part) in views.iter().zip(share(VIEW_COSTS, &weights)) {
            asked[*at] = part;
        }
    }
    asked
}

/// What each play pays, by its place in the list.
fn paid(facts: &Facts) -> Vec<u64> {
    let serials: Vec<Serial> = facts.asks().iter().map(Ask::serial).collect();
    let asked = asked(facts);
    let own = facts.plays.iter().zip(&asked).map(|(play, asked)| if play.payer == 0 { *asked } else { 0 });
    let mut paid: Vec<u64> = own.collect();
    for (payer, budget, whole) in [(1, facts.subscription, true), (2, facts.pool.0, facts.pool.2)] {
        let of_budget: Vec<usize> = (0..paid.len()).filter(|at| facts.plays[*at].payer == payer).collect();
        let weights: Vec<_> = of_budget.iter().map(|at| (serials[*at], asked[*at])).collect();
        let all: u64 = weights.iter().map(|(_, asked)| asked).sum();
        let parts = match (whole, all) {
            (true, 1..) => share(budget, &weights),
            _ => weights.iter().map(|(_, asked)| *asked).collect(),
        };
        for (at, part) in of_budget.iter().zip(parts) {
            paid[*at] = part;
        }
    }
    paid
}

/// Whose money is where after the epoch.
pub(crate) fn settle(facts: &Facts) -> Outcome {
    let facts = &facts.as_granted();
    let mut balances: BTreeMap<Account, i128> = BTreeMap::new();
    let mut post =
        |account, micro: u64, sign: i128| *balances.entry(account).or_default() += sign * i128::from(micro);
    for owner in (VIEWERS..VIEWERS + 4).chain([SPONSOR, GATEWAYS, GATEWAYS + 1]) {
        post(Account::Funds(key(owner)), DEPOSIT, 1);
        post(Account::External, DEPOSIT, -1);
    }
    // Viewer, title, gateway and who pays, with what was paid and how many bytes came: each of these is split for itself.
    let mut lines: BTreeMap<(u8, usize, u8, u8), (u64, u64)> = BTreeMap::new();
    for (play, paid) in facts.plays.iter().zip(paid(facts)) {
        let payer = [play.viewer, SUBSCRIBER, SPONSOR][usize::from(play.payer)];
        post(Account::Funds(key(payer)), paid, -1);
        let line = lines.entry((play.viewer, play.title, play.gateway, play.payer)).or_default();
        *line = (line.0 + paid, line.1 + used(play).0);
    }
    let mut pools: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
    for ((_, title, gateway, _), (paid, bytes)) in lines {
        let pool = pools.entry(gateway).or_default();
        pool.1 += bytes;
        let fees = titles()[title].fees.map(u64::from);
        let rest = 1_000_000 - fees.iter().sum::<u64>();
        let parts = share(paid, &[(0, fees[0]), (1, fees[1]), (2, fees[2]), (3, rest)]);
        post(Account::Earned(key(gateway)), parts[0], 1);
        post(Account::Earned(key(TREASURY)), parts[1], 1);
        pool.0 += parts[2];
        let works = match title {
            1 => vec![(id(1), 1, 1_000_000 - u64::from(PARENT_SHARE)), (id(0), 0, u64::from(PARENT_SHARE))],
            _ => vec![(id(title), title, 1_000_000)],
        };
        let weights: Vec<_> = works.iter().map(|(id, _, weight)| (*id, *weight)).collect();
        for ((_, work, _), part) in works.iter().zip(share(parts[3], &weights)) {
            let parties = titles()[*work].parties;
            let weights: Vec<_> =
                parties.iter().map(|(seed, share)| (key(*seed), u64::from(*share))).collect();
            for ((party, _), part) in weights.iter().zip(share(part, &weights)) {
                post(Account::Earned(*party), part, 1);
            }
        }
    }
    for gateway in [GATEWAYS, GATEWAYS + 1] {
        let (pool, acknowledged) = pools.get(&gateway).copied().unwrap_or_default();
        let claim = |node: u8, of: fn(&(u8, u8, u64, u64)) -> u64| -> u64 {
            let vouchers = facts.lanes.iter().filter(|lane| (lane.0, lane.1) == (gateway, node));
            // A voucher over more than is set aside is refused, and all of it.
            vouchers.filter(|lane| lane.3 <= LANE).map(of).max().unwrap_or(0)
        };
        let claims: Vec<_> =
            (NODES..NODES + 3).map(|node| (key(node), claim(node, |l| l.2), claim(node, |l| l.3))).collect();
        let claimed: u64 = claims.iter().map(|(_, bytes, _)| bytes).sum();
        let bytes: Vec<_> = claims.iter().map(|(node, bytes, _)| (*node, *bytes)).collect();
        let counted = if claimed > acknowledged {
            share(acknowledged, &bytes)
        } else {
            bytes.iter().map(|(_, bytes)| *bytes).collect()
        };
        let mut weights: Vec<_> = bytes.iter().map(|(node, _)| *node).zip(counted.iter().copied()).collect();
        weights.push((key(gateway), acknowledged - counted.iter().sum::<u64>()));
        let parts = if acknowledged == 0 { vec![0, 0, 0, pool] } else { share(pool, &weights) };
        for ((node, _, promised), part) in claims.iter().zip(&parts) {
            let owed = promised.saturating_sub(*part);
            post(Account::Earned(*node), part + owed, 1);
            post(Account::Funds(key(gateway)), owed, -1);
        }
        post(Account::Earned(key(gateway)), parts[3], 1);
    }
    balances.retain(|_, balance| *balance != 0);
    Outcome { balances }
}
