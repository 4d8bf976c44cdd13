//! Settles an epoch of so many receipts, and says how long it took and how much memory there was.
//!
//! `cargo run --release -p ledger --example million_receipts -- [receipts]`

use std::time::Instant;

use ledger::{
    Acceptance, Agreed, AgreementParts, Applied, Blind, Consent, Deposit, Deposited, Entry, Fees, Granted,
    Ledger, Party, PaymentId, Per, Price, Quantity, Role, SessionRequest, SplitAgreement, Terms, Unit, What,
};
use proofs::Cid;
use protocol::{
    AgreementId, Amount, BoundedList, Delivered, DeliveryReceipt, Epoch, NetworkId, Ppm, SecretKey, Sequence,
    Serial, SessionGrant, Signed, StreamNumber, UnixSeconds, Usage,
};

const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
/// Receipts of one grant, one title of a viewer's evening.
const RECEIPTS: u64 = 10;
const GRANTS_OF_A_VIEWER: u64 = 10;
const TITLES: u64 = 100;
/// Grants whose receipts are verified at once.
const BATCH_OF_SESSIONS: usize = 400;
const BLIND: Blind = Blind::from_bytes([2; 32]);

fn main() {
    let receipts: u64 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number"));
    let mut ledger = Ledger::new(terms());
    let titles: Vec<AgreementId> = (0..TITLES).map(|title| register(&mut ledger, title)).collect();
    let grants = receipts / RECEIPTS;
    for viewer in 0..grants.div_ceil(GRANTS_OF_A_VIEWER) {
        take(&mut ledger, deposit(viewer));
    }
    let start = Instant::now();
    let sessions: Vec<_> = (0..grants).map(|number| grant(&mut ledger, number, &titles)).collect();
    say("grants signed and taken", grants, start);

    let (mut verifying, mut taking) = (0.0, 0.0);
    for sessions in sessions.chunks(BATCH_OF_SESSIONS) {
        let of = |(session, serial): &(SecretKey, Serial)| {
            (1..=RECEIPTS).map(|seq| receipt(session, *serial, seq)).collect::<Vec<_>>()
        };
        let batch: Vec<Vec<u8>> = sessions.iter().flat_map(of).collect();
        let start = Instant::now();
        let verified = verify(&batch);
        verifying += start.elapsed().as_secs_f64();
        let start = Instant::now();
        for record in verified {
            take(&mut ledger, What::Receipt(record));
        }
        taking += start.elapsed().as_secs_f64();
    }
    println!("{receipts} receipts verified in {verifying:.2} s, and taken in {taking:.2} s");
    let start = Instant::now();
    let settlement = ledger.settlement();
    say("lines settled", settlement.lines.len() as u64, start);
    let start = Instant::now();
    take(&mut ledger, What::Settlement(Box::new(settlement.summary.clone())));
    say("lines computed again and posted", settlement.lines.len() as u64, start);
    println!(
        "charged {}, receipts of {} streams",
        settlement.summary.totals.charged, settlement.summary.receipts.count
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("memory unknown"));
}

fn say(what: &str, count: u64, start: Instant) {
    println!("{count} {what} in {:.2} s", start.elapsed().as_secs_f64());
}

fn take(ledger: &mut Ledger, what: What) {
    let applied = ledger.apply(&Entry { at: NOW, what }).expect("it is allowed");
    assert!(matches!(applied, Applied::New(_)), "it was never said before");
}

fn secret(kind: u8, number: u64) -> SecretKey {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SecretKey::from_bytes(&seed)
}

fn unit() -> Unit {
    Unit::new("EUR").expect("a unit")
}

fn terms() -> Terms {
    Terms { issuer: secret(1, 0).public(), network: NETWORK, treasury: secret(2, 0).public(), unit: unit() }
}

fn micro(micro: u64) -> Amount {
    Amount::new(micro).expect("a small amount")
}

fn register(ledger: &mut Ledger, title: u64) -> AgreementId {
    let share = |ppm| Ppm::new(ppm).expect("a share");
    let owner = secret(3, title);
    let agreement = SplitAgreement::new(AgreementParts {
        content: Cid::of(&title.to_le_bytes()),
        creator: owner.public(),
        fees: Fees { gateway: share(50_000), network: share(10_000), node: share(100_000) },
        iscc: None,
        isrc: None,
        issued: NOW,
        iswc: None,
        parents: BoundedList::default(),
        parties: BoundedList::new(vec![Party {
            ipi: None,
            party: owner.public(),
            ppm: Ppm::WHOLE,
            role: Role::Author,
        }])
        .expect("one party"),
        price: Price { micro: micro(100), of: Quantity::new(1 << 20).expect("a quantity"), per: Per::Byte },
        secondary: None,
        supersedes: None,
        unit: unit(),
        v: 1,
        version: 1,
    })
    .expect("a sound agreement");
    let id = agreement.id();
    let consents = vec![Signed::sign(&owner, &NETWORK, Consent { agreement: id, issued: NOW })];
    take(ledger, What::Agreement(Box::new(Agreed { agreement, consents })));
    id
}

fn deposit(viewer: u64) -> What {
    let id = PaymentId::from_bytes([0; 16]);
    let body = Deposit { amount: micro(1_000_000_000), id, remark: None, unit: unit(), issued: NOW };
    let deposit = Signed::sign(&secret(4, viewer), &NETWORK, body);
    let acceptance = Acceptance { issued: NOW, name: deposit.name() };
    let acceptance = Signed::sign(&secret(1, 0), &NETWORK, acceptance);
    What::Deposit(Box::new(Deposited { acceptance, deposit }))
}

fn grant(ledger: &mut Ledger, number: u64, titles: &[AgreementId]) -> (SecretKey, Serial) {
    let (viewer, session) = (secret(4, number / GRANTS_OF_A_VIEWER), secret(5, number));
    let agreement = titles[usize::try_from(number % TITLES).expect("an index")];
    let (epoch, gateway, charge) = (Epoch::new(1), secret(6, number % 3).public(), micro(1_000_000));
    let limit = Usage { bytes: 1 << 33, ms: 1 << 30 };
    let request = SessionRequest {
        agreement,
        attested: false,
        budget: None,
        charge,
        epoch,
        gateway,
        issued: NOW,
        limit,
        session: session.public(),
    };
    let serial = request.serial(&viewer.public());
    let grant = SessionGrant {
        agreement,
        alias: BLIND.alias(&viewer.public(), agreement, epoch),
        attested: false,
        charge,
        epoch,
        expires: NOW.plus(3600),
        gateway,
        limit,
        serial,
        session: session.public(),
        starts: NOW,
    };
    let request = Signed::sign(&viewer, &NETWORK, request);
    let grant = Signed::sign(&secret(1, 0), &NETWORK, grant);
    take(ledger, What::Grant(Box::new(Granted { blind: BLIND, grant, request })));
    (session, serial)
}

fn receipt(session: &SecretKey, serial: Serial, seq: u64) -> Vec<u8> {
    let body = DeliveryReceipt {
        delivered: Delivered { count: seq, ..Delivered::NOTHING },
        seq: Sequence::new(seq),
        serial,
        stream: StreamNumber::try_from(0).expect("the first one"),
        usage: Usage { bytes: seq << 24, ms: seq * 4000 },
    };
    Signed::sign(session, &NETWORK, body).encode()
}

/// Reads records and verifies each signature for itself, on all cores.
fn verify(batch: &[Vec<u8>]) -> Vec<Signed<DeliveryReceipt>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |records: &[Vec<u8>]| -> Vec<_> {
        records.iter().map(|record| Signed::decode(record, &NETWORK).expect("it was signed")).collect()
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            batch.chunks(batch.len().div_ceil(threads)).map(|part| scope.spawn(move || read(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("no signature is wrong")).collect()
    })
}
