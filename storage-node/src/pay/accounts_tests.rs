use proptest::collection::vec;
use proptest::prelude::*;
use protocol::limits::VOUCHER_REDEEM_S;
use protocol::{
    Admission, Allocation, LaneNumber, NetworkId, Paid, Payment, Promise, SecretKey, Signed, Unverified,
};

use super::*;

const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);
pub(in crate::pay) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
pub(in crate::pay) const CREDIT: u64 = 1000;
pub(in crate::pay) const MICRO_PER_GIB: u64 = 1 << 29;

pub(in crate::pay) fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn price() -> Amount {
    Amount::new(MICRO_PER_GIB).unwrap()
}

fn accounts() -> Accounts {
    Accounts::new(price(), CREDIT, [])
}

pub(in crate::pay) fn reader(endpoint: u8, last: u8) -> Reader {
    Reader { endpoint: key(endpoint).public(), address: IpAddr::from([10, 0, 0, last]) }
}

/// A payment by this payer for this reader.
pub(in crate::pay) fn payment(
    payer: u8,
    reader: Reader,
    lane: u32,
    bytes: u64,
    amount: u64,
) -> VerifiedPayment {
    let (payer, ledger, node) = (key(payer), key(3), key(2).public());
    let (epoch, lane) = (Epoch::new(7), LaneNumber::new(lane));
    let most = Amount::new(1 << 40).unwrap();
    let allocation = Allocation { amount: most, epoch, issued: NOW, lane, payee: node };
    let at_ledger = NETWORK.at_ledger(&ledger.public());
    let allocation = Signed::sign(&payer, &at_ledger, allocation);
    let until = NOW.plus(VOUCHER_REDEEM_S + 1);
    let promise = Promise { name: allocation.name(), taken: NOW, until };
    let voucher = Voucher { amount: Amount::new(amount).unwrap(), bytes, epoch, lane, payee: node };
    let admission = Admission { endpoint: reader.endpoint, expires: NOW.plus(1) };
    let payment = Payment {
        admission: Unverified::from(&Signed::sign(&payer, &NETWORK, admission)),
        allocation: Unverified::from(&allocation),
        promise: Unverified::from(&Signed::sign(&ledger, &at_ledger, promise)),
        voucher: Unverified::from(&Signed::sign(&payer, &at_ledger, voucher)),
    };
    let endpoint = reader.endpoint;
    payment.verify(&Paid { network: NETWORK, node, ledger: ledger.public(), endpoint, now: NOW }).unwrap()
}

fn pay(accounts: &mut Accounts, payer: u8, reader: Reader, bytes: u64) -> Result<Counted, Code> {
    let payment = payment(payer, reader, 0, bytes, bytes / 2);
    accounts.introduce(reader, payment.lane().payer);
    accounts.check(&payment).map_err(|error| error.code())?;
    let foreseen = accounts.counted_with(&payment);
    let counted = accounts.take(&payment);
    assert_eq!(counted.bytes, foreseen);
    Ok(counted)
}

fn read(accounts: &mut Accounts, reader: Reader, len: u64) -> Result<(), Code> {
    let charge = accounts.begin(reader, len, NOW).map_err(|error| error.code())?;
    accounts.end(&charge, len);
    Ok(())
}

#[test]
fn reading_stops_at_the_credit_and_goes_on_when_it_is_paid() {
    let (mut accounts, reader) = (accounts(), reader(4, 1));
    assert_eq!(read(&mut accounts, reader, CREDIT), Ok(()));
    assert_eq!(read(&mut accounts, reader, 1), Err(Code::PaymentWanted));
    // What was read before the first payment is the payer's.
    let counted = pay(&mut accounts, 1, reader, 0).unwrap();
    assert_eq!(counted, Counted { bytes: CREDIT, amount: Amount::new(CREDIT / 2).unwrap() });
    assert_eq!(read(&mut accounts, reader, 1), Err(Code::PaymentWanted));
    let counted = pay(&mut accounts, 1, reader, CREDIT - 10).unwrap();
    assert_eq!((counted.bytes, accounts.open(), accounts.paid()), (CREDIT, 10, CREDIT - 10));
    assert_eq!(read(&mut accounts, reader, CREDIT - 10), Ok(()));
    assert_eq!(read(&mut accounts, reader, 1), Err(Code::PaymentWanted));
}

#[test]
fn a_read_that_is_longer_than_the_credit_has_to_be_the_only_one() {
    let (mut accounts, reader) = (accounts(), reader(4, 1));
    let charge = accounts.begin(reader, 10 * CREDIT, NOW).unwrap();
    assert_eq!(read(&mut accounts, reader, 1), Err(Code::Busy), "while it is under way");
    accounts.end(&charge, 0);
    assert_eq!(read(&mut accounts, reader, CREDIT), Ok(()), "nothing of it was sent");
}

#[test]
fn new_keys_at_an_old_address_have_no_new_credit() {
    let mut accounts = accounts();
    assert_eq!(read(&mut accounts, reader(4, 1), CREDIT), Ok(()));
    assert_eq!(read(&mut accounts, reader(5, 1), 1), Err(Code::PaymentWanted));
    assert_eq!(read(&mut accounts, reader(5, 2), CREDIT), Ok(()));
    // One of them pays for itself, and not for the others.
    assert_eq!(read(&mut accounts, reader(6, 3), CREDIT / 2), Ok(()));
    assert_eq!(pay(&mut accounts, 1, reader(5, 3), 0).unwrap().bytes, 0);
    assert_eq!(read(&mut accounts, reader(5, 3), CREDIT), Ok(()));
    assert!(accounts.begin(reader(4, 1), 1, NOW.plus(STRANGER_REMEMBERED_S - 1)).is_err());
    assert!(accounts.begin(reader(4, 1), 1, NOW.plus(STRANGER_REMEMBERED_S)).is_ok());
}

#[test]
fn a_read_that_ends_after_its_reader_has_paid_is_the_payers() {
    let (mut accounts, reader) = (accounts(), reader(4, 1));
    let charge = accounts.begin(reader, 100, NOW).unwrap();
    assert_eq!(pay(&mut accounts, 1, reader, 0).unwrap().bytes, 0);
    accounts.end(&charge, 60);
    assert_eq!(pay(&mut accounts, 1, reader, 0).unwrap().bytes, 60);
}

#[test]
fn vouchers_only_grow_and_pay_the_price() {
    let (mut accounts, reader) = (accounts(), reader(4, 1));
    read(&mut accounts, reader, 800).unwrap();
    pay(&mut accounts, 1, reader, 400).unwrap();
    let code = |bytes, amount, lane| {
        let payment = payment(1, reader, lane, bytes, amount);
        accounts.check(&payment).map_err(|error| error.code())
    };
    assert_eq!(code(400, 200, 0), Ok(false));
    assert_eq!(code(399, 300, 0), Err(Code::Stale));
    assert_eq!(code(500, 199, 0), Err(Code::Stale));
    assert_eq!(code(500, 249, 0), Err(Code::PaymentWanted));
    assert_eq!(code(500, 250, 0), Ok(true));
    assert_eq!(code(400, 201, 0), Ok(true));
    assert_eq!(code(100, 49, 1), Err(Code::PaymentWanted), "of another lane");
    accounts.open_from(Epoch::new(8));
    assert_eq!(accounts.check(&payment(1, reader, 0, 900, 450)).unwrap_err().code(), Code::Expired);
}

#[test]
fn another_allocation_of_a_lane_is_refused() {
    let (mut accounts, reader) = (accounts(), reader(4, 1));
    let first = payment(1, reader, 0, 10, 5);
    accounts.lanes.insert(first.lane(), Lane::new(Digest::of(b"other")));
    assert_eq!(accounts.check(&first), Err(AccountError::OtherAllocation));
}

#[test]
fn a_node_that_was_started_anew_asks_the_price_only_of_what_is_new() {
    let reader = reader(4, 1);
    let kept = payment(1, reader, 0, 500, 0);
    let voucher = *kept.voucher().body();
    let mut accounts = Accounts::new(price(), CREDIT, [(kept.lane(), kept.allocation().name(), voucher)]);
    read(&mut accounts, reader, 100).unwrap();
    assert!(accounts.introduce(reader, kept.lane().payer) && !accounts.introduce(reader, kept.lane().payer));
    assert_eq!(accounts.check(&kept), Ok(false));
    let counted = accounts.take(&kept);
    assert_eq!(counted, Counted { bytes: 600, amount: Amount::new(50).unwrap() });
    assert_eq!(accounts.check(&payment(1, reader, 0, 600, 49)).unwrap_err().code(), Code::PaymentWanted);
    assert_eq!(accounts.check(&payment(1, reader, 0, 600, 50)), Ok(true));
}

#[test]
fn a_node_that_was_started_anew_gives_no_new_credit() {
    let (mut before, known, stranger) = (accounts(), reader(4, 1), reader(5, 2));
    pay(&mut before, 1, known, 0).unwrap();
    read(&mut before, known, CREDIT).unwrap();
    read(&mut before, stranger, CREDIT).unwrap();
    let mut accounts = anew(MICRO_PER_GIB, before.unpaid(), &[payment(1, known, 0, 0, 0)]);
    assert_eq!(accounts.unpaid(), before.unpaid());
    assert_eq!(read(&mut accounts, stranger, 1), Err(Code::PaymentWanted));
    // From the address where nothing is open it reads once more as a stranger, and then has to pay for both.
    assert_eq!(read(&mut accounts, known, CREDIT), Ok(()));
    assert_eq!(pay(&mut accounts, 1, known, 0).unwrap().bytes, 2 * CREDIT);
    assert_eq!(pay(&mut accounts, 2, stranger, 0).unwrap().bytes, CREDIT);
    assert_eq!(read(&mut accounts, stranger, 1), Err(Code::PaymentWanted));
}

/// A node that was started anew at this price, with what was written down of one before and the vouchers that it has kept.
fn anew(micro: u64, noted: Unpaid, kept: &[VerifiedPayment]) -> Accounts {
    let kept = kept.iter().map(|kept| (kept.lane(), kept.allocation().name(), *kept.voucher().body()));
    let mut accounts = Accounts::new(Amount::new(micro).unwrap(), CREDIT, kept);
    accounts.restore(noted);
    accounts
}

#[test]
fn what_was_paid_after_it_was_written_down_is_not_asked_for_again() {
    let (mut before, reader) = (accounts(), reader(4, 1));
    pay(&mut before, 1, reader, 0).unwrap();
    read(&mut before, reader, 600).unwrap();
    let noted = before.unpaid();
    read(&mut before, reader, 100).unwrap();
    assert_eq!(pay(&mut before, 1, reader, 650).unwrap().bytes, 700);
    let kept = [payment(1, reader, 0, 650, 325), payment(2, reader, 0, 90, 45)];
    let mut after = anew(MICRO_PER_GIB, noted, &kept);
    assert_eq!(after.open(), 0, "600 were open, and 650 are paid");
    assert_eq!(pay(&mut after, 1, reader, 650).unwrap().bytes, 650);
    // What was paid before it was written down has nothing to do with what was open then.
    let noted = before.unpaid();
    assert_eq!(anew(MICRO_PER_GIB, noted.clone(), &kept).open(), 50);
    // Nor has what was settled before: its vouchers are remembered by nobody but the disk.
    before.open_from(Epoch::new(8));
    assert_eq!(anew(MICRO_PER_GIB, before.unpaid(), &kept).open(), 50);
}

#[test]
fn what_a_stranger_has_read_and_paid_is_not_asked_for_again() {
    let (mut before, reader) = (accounts(), reader(4, 1));
    read(&mut before, reader, 600).unwrap();
    let payment = payment(1, reader, 0, 500, 250);
    assert!(
        before.introduce(reader, payment.lane().payer),
        "it has to be written down before the voucher is"
    );
    let noted = before.unpaid();
    before.take(&payment);
    let mut after = anew(MICRO_PER_GIB, noted, std::slice::from_ref(&payment));
    assert!(!after.introduce(reader, payment.lane().payer));
    assert_eq!((after.open(), after.take(&payment).bytes), (100, 600));
}

#[test]
fn a_new_price_is_asked_for_what_is_read_after_it_was_told() {
    let (mut before, reader) = (accounts(), reader(4, 1));
    pay(&mut before, 1, reader, 0).unwrap();
    read(&mut before, reader, 400).unwrap();
    // Dearer by four times: a byte costs two.
    let mut after = anew(MICRO_PER_GIB << 2, before.unpaid(), &[payment(1, reader, 0, 0, 0)]);
    let counted = pay(&mut after, 1, reader, 0).unwrap();
    assert_eq!((counted.bytes, counted.amount.get()), (400, 200));
    read(&mut after, reader, 30).unwrap();
    let due = |bytes, micro| after.check(&payment(1, reader, 0, bytes, micro)).map_err(|error| error.code());
    assert_eq!([due(400, 199), due(400, 200)], [Err(Code::PaymentWanted), Ok(true)]);
    assert_eq!([due(430, 259), due(430, 260)], [Err(Code::PaymentWanted), Ok(true)]);
    // Before a power failure it has sent more than it knows: whatever that cost.
    assert_eq!(due(800, 260), Ok(true));
    // In part, what was read first is paid first; no fraction is lost.
    after.take(&payment(1, reader, 0, 399, 199));
    let due = |bytes, micro| after.check(&payment(1, reader, 0, bytes, micro)).map_err(|error| error.code());
    assert_eq!([due(401, 201), due(401, 202)], [Err(Code::PaymentWanted), Ok(true)]);
}

proptest! {
    /// Against a plain sum: nobody is ever sent more than the credit and one read beyond what was paid, whoever always pays
    /// what is counted is never stopped for good, and what is counted is what was sent.
    #[test]
    fn nobody_gets_more_than_the_credit_beyond_what_was_paid(steps in vec((any::<bool>(), 1_u64..400), 1..60)) {
        let (mut accounts, reader) = (accounts(), reader(4, 1));
        let (mut sent, mut paid) = (0, 0);
        for (is_payment, bytes) in steps {
            if is_payment {
                paid = sent.min(paid + bytes);
                let counted = pay(&mut accounts, 1, reader, paid).unwrap();
                prop_assert_eq!(counted.bytes, sent);
            } else {
                let is_sent = read(&mut accounts, reader, bytes).is_ok();
                prop_assert_eq!(is_sent, sent == paid || sent - paid + bytes <= CREDIT);
                sent += if is_sent { bytes } else { 0 };
            }
            prop_assert_eq!(accounts.open(), sent - paid);
        }
    }
}
