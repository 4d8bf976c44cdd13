//! Licences: paid when the key is there, given back when it is not, and passed on with a share for those who made the work.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ledger::{Account, Applied, ApplyError, LicenceError, LogAudit, LogEntry, What};
use protocol::{AgreementId, Digest};
use world::{ISSUER, NOW, TREASURY, Title, World, agreed, delivery, key, offer, purchase, terms, transfer};

const SELLER: u8 = 1;
const PARTNER: u8 = 2;
const BUYER: u8 = 10;
const FRIEND: u8 = 11;

/// A data set of two parties, offered for 1000, a tenth of every resale for those who made it.
fn offered(resale: Option<u32>) -> (World, Digest, Vec<LogEntry>) {
    let mut world = World::new();
    let title = Title {
        parties: &[(SELLER, 750_000), (PARTNER, 250_000)],
        fees: [300_000, 20_000, 300_000],
        ..Title::default()
    };
    let agreed = agreed(title.parts());
    let id: AgreementId = agreed.agreement.id();
    world.new_entry(What::Agreement(Box::new(agreed.clone())));
    for owner in [BUYER, FRIEND] {
        world.deposit(owner, 5000);
    }
    let (name, what) = offer(SELLER, id, 1000, resale);
    world.new_entry(what.clone());
    assert_eq!(world.apply(what).unwrap(), Applied::Known);
    let stranger = offer(PARTNER, id, 1000, resale).1;
    assert_eq!(refused(&mut world, stranger), LicenceError::NotTheCreator { by: key(PARTNER) });
    (world, name, vec![LogEntry::Agreement(Box::new(agreed))])
}

fn refused(world: &mut World, what: What) -> LicenceError {
    let before = world.ledger.clone();
    let ApplyError::Licence(error) = world.apply(what).unwrap_err() else { panic!("for another reason") };
    assert_eq!(world.ledger, before, "{error}");
    error
}

fn balances(world: &World) -> [i128; 5] {
    let balances = world.ledger.balances();
    let earned = [SELLER, PARTNER, TREASURY].map(|owner| balances.of(Account::Earned(key(owner))));
    let funds = [BUYER, FRIEND].map(|owner| balances.of(Account::Funds(key(owner))));
    [earned[0], earned[1], earned[2], funds[0], funds[1]]
}

#[test]
fn a_licence_is_paid_when_its_key_is_there_and_shared_when_it_is_passed_on() {
    let (mut world, offer, mut log) = offered(Some(100_000));
    let (licence, buy) = purchase(BUYER, offer, 1);
    world.new_entry(buy.clone());
    assert_eq!(world.apply(buy).unwrap(), Applied::Known, "a purchase is paid once");
    assert_eq!(world.ledger.licence(&licence), None);
    assert_eq!(
        refused(&mut world, delivery(PARTNER, licence, b"key")),
        LicenceError::NotTheSeller { by: key(PARTNER) }
    );
    let early = transfer(BUYER, FRIEND, licence, 0, 500);
    assert_eq!(refused(&mut world, early), LicenceError::NoPurchase { purchase: licence });
    world.new_entry(delivery(SELLER, licence, b"key"));
    assert_eq!(world.apply(delivery(SELLER, licence, b"key")).unwrap(), Applied::Known);
    assert_eq!(world.apply(delivery(SELLER, licence, b"other")), Err(ApplyError::Conflict("a key")));
    log.extend(world.settle().log_entries());
    assert_eq!(balances(&world), [735, 245, 20, 4000, 5000], "no gateway and no node has a share in a sale");

    let sold_on = transfer(BUYER, FRIEND, licence, 0, 500);
    world.new_entry(sold_on.clone());
    assert_eq!(world.apply(sold_on).unwrap(), Applied::Known);
    assert_eq!(world.ledger.licence(&licence).unwrap().0, key(FRIEND));
    let twice = transfer(BUYER, FRIEND, licence, 1, 500);
    assert_eq!(refused(&mut world, twice), LicenceError::NotTheHolder { by: key(BUYER), number: 1 });
    world.new_entry(transfer(FRIEND, BUYER, licence, 1, 0));
    log.extend(world.settle().log_entries());
    assert_eq!(balances(&world), [735 + 37, 245 + 12, 21, 4000, 4500]);
    assert_eq!(world.ledger.balances().of(Account::Earned(key(BUYER))), 450);

    let mut audit = LogAudit::new(terms());
    for entry in &log {
        audit.take(entry).unwrap();
    }
    assert_eq!([SELLER, BUYER].map(|owner| audit.earned(&key(owner))), [772, 450]);
}

#[test]
fn what_is_not_delivered_is_not_paid() {
    let (mut world, offer, _) = offered(None);
    let (late, buy) = purchase(BUYER, offer, 1);
    world.new_entry(buy);
    world.settle();
    assert_eq!(balances(&world), [0, 0, 0, 4000, 5000], "there is still time");
    world.at = NOW.plus(3601);
    assert_eq!(
        refused(&mut world, delivery(SELLER, late, b"key")),
        LicenceError::Late { due: NOW.plus(3600) }
    );
    world.deposit(99, 1);
    world.settle();
    assert_eq!(balances(&world), [0, 0, 0, 5000, 5000]);
    assert!(matches!(refused(&mut world, delivery(SELLER, late, b"key")), LicenceError::Late { .. }));
    assert_eq!(world.apply(purchase(BUYER, offer, 1).1).unwrap(), Applied::Known, "it is not bought again");
    world.at = NOW.plus(86_401);
    assert_eq!(refused(&mut world, purchase(BUYER, offer, 2).1), LicenceError::NoOffer);
}

#[test]
fn licences_are_passed_on_by_both_sides_or_not_at_all() {
    let (mut world, offer, _) = offered(None);
    let (licence, buy) = purchase(BUYER, offer, 1);
    world.new_entry(buy);
    world.new_entry(delivery(SELLER, licence, b"key"));
    assert_eq!(refused(&mut world, transfer(BUYER, FRIEND, licence, 0, 5)), LicenceError::NotTransferable);
    assert_eq!(
        refused(&mut world, transfer(BUYER, BUYER, licence, 0, 5)),
        LicenceError::NotAccepted { to: key(BUYER) }
    );
    let What::Transfer(mut unasked) = transfer(BUYER, FRIEND, licence, 0, 5) else { panic!() };
    unasked.acceptance = world::accepted(ISSUER, &unasked.transfer);
    assert_eq!(refused(&mut world, What::Transfer(unasked)), LicenceError::NotAccepted { to: key(FRIEND) });
    let dear = transfer(FRIEND, BUYER, licence, 0, 5);
    assert_eq!(refused(&mut world, dear), LicenceError::NotTheHolder { by: key(FRIEND), number: 0 });
    let (_, poor) = purchase(99, offer, 1);
    assert!(matches!(world.apply(poor), Err(ApplyError::Overdrawn(_))));
    assert_eq!(world.ledger.balances().of(Account::Reserved(key(BUYER))), 1000);
}
