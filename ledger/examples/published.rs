//! Writes everything that a ledger publishes of two epochs into a folder, for programs of others to check.
//!
//! `published FOLDER`, as `scripts/check-ledger.sh` calls it:
//!
//! ```text
//! tile/…            the log, on the standard paths
//! checkpoint        signed by log and witness; checkpoint.before is the one after the first epoch, consistency between them
//! log.vkey, policy  whom to trust
//! proof/N.*         an entry of the log, and its .tlog-proof
//! journal.hledger   all that was posted
//! payouts.json      the payout trees of both epochs
//! ```

#![expect(clippy::unwrap_used, reason = "a checker stops at the first thing that is wrong")]

#[path = "published/log.rs"]
mod log;
#[path = "../tests/world/mod.rs"]
mod world;

use std::path::Path;

use data_encoding::HEXLOWER;
use ledger::{HledgerJournal, LogEntry, Payee, PayoutAddress, PayoutTree, Settlement, What};
use log::Log;
use protocol::{AgreementId, Epoch, Sequence, Signed, Usage};
use serde_json::{Value, json};
use world::{Ask, NETWORK, NOW, Title, World, key, secret};

const CREATORS: u8 = 12;
const VIEWERS: std::ops::Range<u8> = 100..160;
const GATEWAYS: std::ops::Range<u8> = 30..33;
const EPOCHS: u8 = 2;

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let folder = Path::new(&folder);
    let mut ledger = Published::begin();
    let settlements: Vec<Settlement> = (1..=EPOCHS).map(|epoch| ledger.play(epoch)).collect();
    ledger.log.write(folder);
    std::fs::write(folder.join("journal.hledger"), ledger.journal.into_text()).unwrap();
    let payouts: Vec<Value> = settlements.iter().map(payouts).collect();
    std::fs::write(folder.join("payouts.json"), json!(payouts).to_string()).unwrap();
}

/// A ledger, and what of it is published.
struct Published {
    world: World,
    titles: Vec<AgreementId>,
    log: Log,
    journal: HledgerJournal,
}

impl Published {
    /// Titles with their agreements, of which every second one is made from the one before; viewers with money.
    fn begin() -> Self {
        let journal = HledgerJournal::new(world::terms().unit);
        let mut ledger = Self { world: World::new(), titles: Vec::new(), log: Log::default(), journal };
        for creator in 1..=CREATORS {
            let parents: Vec<_> = match ledger.titles.last() {
                Some(before) if creator % 2 == 0 => vec![(*before, 150_000)],
                _ => Vec::new(),
            };
            let title = Title {
                content: creator,
                parties: &[(creator, 700_001), (creator + CREATORS, 299_999)],
                parents: &parents,
                fees: [50_000, 20_000, 100_000],
                micro: 7,
                of: 8,
                ..Title::default()
            };
            let agreed = world::agreed(title.parts());
            ledger.titles.push(agreed.agreement.id());
            ledger.log.push(&LogEntry::Agreement(Box::new(agreed.clone())));
            ledger.take("agreement", What::Agreement(Box::new(agreed)));
            let address = PayoutAddress::from_bytes([creator; 20]);
            let payee = Payee { address, issued: NOW, seq: Sequence::FIRST };
            ledger.take("payee", What::Payee(Signed::sign(&secret(creator), &NETWORK, payee)));
        }
        for owner in VIEWERS.chain(GATEWAYS) {
            ledger.take("deposit", world::deposit(owner, 9_000_000, owner));
        }
        ledger.beside();
        ledger
    }

    /// Storage that is paid in advance, and a licence that is sold and passed on.
    fn beside(&mut self) {
        let [payer, friend, auditor, node] = [100, 101, 60, 40];
        let (prepaid, what) = world::prepayment(payer, auditor, 100_000, 720, 100_001);
        self.take("prepayment", what);
        let hours = [world::THIS_HOUR - 24, world::THIS_HOUR];
        self.take("report", world::report(auditor, node, prepaid, hours, 999 << 30, 0));
        let (offer, what) = world::offer(1, self.titles[0], 99_999, Some(150_000));
        self.take("offer", what);
        let (licence, what) = world::purchase(payer, offer, 1);
        self.take("purchase", what);
        self.take("delivery", world::delivery(1, licence, b"key"));
        self.take("transfer", world::transfer(payer, friend, licence, 0, 77_777));
    }

    /// Everybody watches every title at every gateway, and the epoch is settled.
    fn play(&mut self, epoch: u8) -> Settlement {
        let titles = self.titles.clone();
        let mut number = (epoch - 1) * CREATORS * 3;
        for agreement in titles {
            for gateway in GATEWAYS {
                for viewer in VIEWERS {
                    self.watch(Ask {
                        viewer,
                        agreement,
                        gateway,
                        budget: None,
                        charge: 1750,
                        limit: Usage { bytes: 2000, ms: 60_000 },
                        epoch: epoch.into(),
                        number,
                    });
                }
                number += 1;
            }
        }
        let settlement = self.world.ledger.settlement();
        self.take("settlement", What::Settlement(Box::new(settlement.summary.clone())));
        assert_eq!(settlement.summary.epoch, Epoch::new(epoch.into()));
        settlement.log_entries().for_each(|entry| self.log.push(&entry));
        self.log.checkpoint();
        settlement
    }

    fn watch(&mut self, ask: Ask) {
        self.take("grant", ask.granted());
        let bytes = 900 + u64::from(ask.viewer) * u64::from(ask.number % 7);
        self.take("receipt", ask.receipt(0, 0, Usage { bytes, ms: 1000 }));
    }

    fn take(&mut self, title: &str, what: What) {
        if let Some(transaction) = self.world.new_entry(what) {
            self.journal.push(NOW, title, &transaction);
        }
    }
}

/// The payout tree of an epoch, and one proof for everybody in it.
fn payouts(settlement: &Settlement) -> Value {
    let tree = PayoutTree::new(settlement.payouts.clone());
    let hex = |bytes: &[u8]| format!("0x{}", HEXLOWER.encode(bytes));
    let payout = |creator: u8| {
        let (payout, proof) = tree.proof(&key(creator)).expect("every creator has earned something");
        json!({
            "party": hex(payout.party.as_bytes()),
            "address": hex(payout.address.as_bytes()),
            "cumulative": payout.cumulative.to_string(),
            "proof": proof.iter().map(|node| hex(node)).collect::<Vec<_>>(),
        })
    };
    json!({
        "epoch": settlement.summary.epoch.get(),
        "root": hex(&tree.root()),
        "payouts": (1..=CREATORS).map(payout).collect::<Vec<_>>(),
    })
}
