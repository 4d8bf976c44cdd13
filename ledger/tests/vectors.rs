//! Runs every golden vector in `docs/vectors/ledger`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use ledger::tlog::Policy;
use ledger::{
    Acceptance, AgreementError, Attestation, AttestedError, Blind, Budget, Commitment, Consent, Deposit,
    Dispute, ENTRY_LEN_MAX, Entry, EntryError, Head, Hold, Inquiry, KeyDelivery, LedgerRecord,
    LicenceTransfer, LogEntry, NotAttested, NotSealedToThis, Offer, Omission, OmissionError, PageRelease,
    Payee, Payout, PayoutAddress, PayoutClaim, PayoutTree, Prepayment, Proved, Published, Purchase,
    Resolution, Reversal, SealedKey, SessionRequest, Shortfall, ShortfallError, SplitAgreement,
    StorageReport, Terms, TopUpCode, Unit, What, apportion,
};
use protocol::{
    AgreementId, Allocation, Amount, Delivered, DeliveryReceipt, Digest, Epoch, NetworkId, Promise,
    PublicKey, Record, RecordError, SecretKey, SessionGrant, Signed, Voucher, keys,
};
use serde_json::{Value, json};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/ledger/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The vectors in a file that has both accepted and rejected ones, and the network of its records.
fn vectors(name: &str) -> (NetworkId, Vec<Value>) {
    let file = file(name);
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(vectors.iter().any(|vector| vector["error"].is_string()), "{name} has rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "{name} has accepted vectors");
    (file["network"].as_str().unwrap().parse().unwrap(), vectors)
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().unwrap()
}

fn key(value: &Value) -> PublicKey {
    keys::from_bytes(&bytes(value)).unwrap()
}

/// Compares how a vector ended with how it says it ends.
fn check<T>(vector: &Value, result: Result<T, &'static str>, accepted: impl FnOnce(T)) {
    let (name, expected) = (&vector["name"], vector["error"].as_str());
    match (result, expected) {
        (Ok(value), None) => accepted(value),
        (Ok(_), Some(expected)) => panic!("{name}: accepted, but is {expected}"),
        (Err(error), expected) => assert_eq!(Some(error), expected, "{name}"),
    }
}

#[test]
fn agreements() {
    for vector in &vectors("agreements.json").1 {
        let bytes = hex(&vector["agreement"]);
        let result = SplitAgreement::decode(&bytes).map_err(|error| agreement_error(&error));
        check(vector, result, |agreement| {
            assert_eq!(agreement.encode(), bytes, "{}", vector["name"]);
            assert_eq!(agreement.id().to_string(), vector["id"].as_str().unwrap());
            assert_eq!(SplitAgreement::new(agreement.parts().clone()).unwrap(), agreement);
        });
    }
}

fn agreement_error(error: &AgreementError) -> &'static str {
    match error {
        AgreementError::Cbor(_) | AgreementError::TooLong { .. } => "malformed",
        AgreementError::Format { .. } => "format",
        AgreementError::PartyOrder { .. } => "party_order",
        AgreementError::NoShare { .. } => "no_share",
        AgreementError::PartySum { .. } => "party_sum",
        AgreementError::ParentOrder { .. } => "parent_order",
        AgreementError::NoParentShare { .. } => "no_parent_share",
        AgreementError::ParentSum(_) => "parent_sum",
        AgreementError::FeeSum(_) => "fee_sum",
        AgreementError::Version { .. } => "version",
    }
}

#[test]
fn records() {
    let (network, vectors) = vectors("records.json");
    for vector in &vectors {
        let decode = match vector["type"].as_str().unwrap() {
            Acceptance::TYPE => decode::<Acceptance>,
            Attestation::TYPE => decode::<Attestation>,
            Allocation::TYPE => decode::<Allocation>,
            Budget::TYPE => decode::<Budget>,
            Consent::TYPE => decode::<Consent>,
            DeliveryReceipt::TYPE => decode::<DeliveryReceipt>,
            Deposit::TYPE => decode::<Deposit>,
            Dispute::TYPE => decode::<Dispute>,
            Inquiry::TYPE => decode::<Inquiry>,
            KeyDelivery::TYPE => decode::<KeyDelivery>,
            LicenceTransfer::TYPE => decode::<LicenceTransfer>,
            Offer::TYPE => decode::<Offer>,
            PageRelease::TYPE => decode::<PageRelease>,
            Prepayment::TYPE => decode::<Prepayment>,
            Purchase::TYPE => decode::<Purchase>,
            StorageReport::TYPE => decode::<StorageReport>,
            Hold::TYPE => decode::<Hold>,
            Resolution::TYPE => decode::<Resolution>,
            Payee::TYPE => decode::<Payee>,
            PayoutClaim::TYPE => decode::<PayoutClaim>,
            Promise::TYPE => decode::<Promise>,
            Reversal::TYPE => decode::<Reversal>,
            SessionGrant::TYPE => decode::<SessionGrant>,
            SessionRequest::TYPE => decode::<SessionRequest>,
            Voucher::TYPE => decode::<Voucher>,
            other => panic!("{other}"),
        };
        let bytes = hex(&vector["record"]);
        check(vector, decode(&bytes, &network), |by| {
            assert_eq!(json!(HEXLOWER.encode(by.as_bytes())), vector["by"], "{}", vector["name"]);
            let any = LedgerRecord::decode(&bytes).unwrap();
            assert_eq!(any.kind(), vector["type"]);
            assert!(any.to_string().lines().count() >= 5, "it tells what it says");
        });
    }
}

fn decode<T: Record>(bytes: &[u8], network: &NetworkId) -> Result<PublicKey, &'static str> {
    let record = Signed::<T>::decode(bytes, network).map_err(|error| record_error(&error))?;
    assert_eq!(record.encode(), bytes);
    Ok(record.by())
}

fn record_error(error: &RecordError) -> &'static str {
    match error {
        RecordError::TooLong { .. } | RecordError::NotARecord(_) | RecordError::Invalid { .. } => "malformed",
        RecordError::Version { .. } => "version",
        RecordError::Type { .. } => "type",
        RecordError::Network { .. } => "network",
        RecordError::Signature { .. } => "signature",
    }
}

#[test]
fn entries() {
    let (network, vectors) = vectors("entries.json");
    for vector in &vectors {
        let bytes = hex(&vector["entry"]);
        let result = Entry::decode(&bytes, &network).map_err(|error| match error {
            EntryError::Cbor(_) => "malformed",
            EntryError::Record(_) => "record",
            EntryError::Agreement(_) => "agreement",
        });
        check(vector, result, |entry| assert_eq!(entry.encode(), bytes, "{}", vector["name"]));
    }
    assert!(Entry::decode(&vec![0; ENTRY_LEN_MAX + 1], &network).is_err());
}

/// The entries of the log that a vector shows beside its proof.
fn published(vector: &Value, network: &NetworkId) -> Option<Published> {
    let entries = vector["log"].as_array()?.iter();
    Some(Published::of(entries.map(|entry| LogEntry::decode(&hex(entry), network).unwrap())).unwrap())
}

fn verify_omission(omission: &Omission, vector: &Value, network: &NetworkId) -> Result<(), OmissionError> {
    let ledger = key(&vector["ledger"]);
    match published(vector, network) {
        Some(published) => omission.verify_in(&ledger, &published),
        None => omission.verify(&ledger),
    }
}

#[test]
fn omissions() {
    let (network, vectors) = vectors("omissions.json");
    for vector in &vectors {
        let bytes = hex(&vector["omission"]);
        let omission = Omission::decode(&bytes, &network);
        let result =
            omission.and_then(|omission| verify_omission(&omission, vector, &network).map(|()| omission));
        let result = result.map_err(|error| match error {
            OmissionError::Cbor(_) => "malformed",
            OmissionError::Record(_) => "record",
            OmissionError::Unrelated => "unrelated",
            OmissionError::NotMissing => "not_missing",
            OmissionError::NothingShown => "nothing_shown",
        });
        check(vector, result, |omission| assert_eq!(omission.encode(), bytes, "{}", vector["name"]));
    }
}

#[test]
fn shortfalls() {
    let (network, vectors) = vectors("shortfalls.json");
    for vector in &vectors {
        let bytes = hex(&vector["shortfall"]);
        let shortfall = Shortfall::decode(&bytes, &network);
        let result = shortfall.and_then(|short| {
            let published = published(vector, &network).expect("vectors of shortfalls show an epoch");
            short.verify(&key(&vector["ledger"]), &published).map(|()| short)
        });
        let result = result.map_err(|error| match error {
            ShortfallError::Cbor(_) => "malformed",
            ShortfallError::Record(_) => "record",
            ShortfallError::Unrelated => "unrelated",
            ShortfallError::NotShort { .. } => "not_short",
        });
        check(vector, result, |shortfall| assert_eq!(shortfall.encode(), bytes, "{}", vector["name"]));
    }
}

#[test]
fn attested() {
    let (_, vectors) = vectors("attested.json");
    let policy =
        std::fs::read_to_string(format!("{}/../docs/vectors/ledger/policy.txt", env!("CARGO_MANIFEST_DIR")));
    let policy = Policy::parse(&policy.unwrap()).unwrap();
    for vector in &vectors {
        let file = vector["proof"].as_str().unwrap();
        let proved = Proved::decode(file.as_bytes()).map_err(|error| match error {
            AttestedError::Record(error) if record_error(&error) != "malformed" => "record",
            _ => "malformed",
        });
        let result = proved.and_then(|proved| {
            assert_eq!(proved.encode(), file, "{}", vector["name"]);
            let commitment = Commitment::to(&hex(&vector["document"]), &proved.attested.nonce);
            proved.verify(commitment, &policy).map_err(|error| match error {
                NotAttested::OtherDocument { .. } => "other_document",
                NotAttested::NotProved(_) => "not_proved",
            })
        });
        check(vector, result, |accepted| assert_eq!(json!(accepted.witnessed_by), vector["witnesses"]));
    }
}

#[test]
fn what_follows() {
    let file = file("derived.json");
    let network = network_id(&file["network"]);
    for vector in file["vectors"].as_array().unwrap() {
        match vector["name"].as_str().unwrap() {
            "serial" => {
                let request = Signed::<SessionRequest>::decode(&hex(&vector["request"]), &network).unwrap();
                let serial = request.body().serial(&request.by());
                assert_eq!(serial.as_bytes(), &bytes(&vector["serial"]));
            }
            "alias" => {
                let blind = Blind::from_bytes(bytes(&vector["blind"]));
                let agreement = AgreementId::from_bytes(bytes(&vector["agreement"]));
                let epoch = Epoch::new(vector["epoch"].as_u64().unwrap());
                let alias = blind.alias(&key(&vector["viewer"]), agreement, epoch);
                assert_eq!(alias.as_bytes(), &bytes(&vector["alias"]));
            }
            "delivered" => {
                let segments = vector["segments"].as_array().unwrap();
                let all =
                    segments.iter().fold(Delivered::NOTHING, |before, segment| before.and(&bytes(segment)));
                assert_eq!((all.count, all.hash.as_bytes()), (3, &bytes(&vector["hash"])));
            }
            "top_up" => {
                let code: TopUpCode = vector["code"].as_str().unwrap().parse().unwrap();
                assert_eq!(code.payment_id().as_bytes(), &bytes(&vector["id"]));
            }
            "at_ledger" => {
                let at_ledger = network_id(&vector["network"]).at_ledger(&key(&vector["issuer"]));
                assert_eq!((at_ledger, network_id(&vector["at_ledger"])), (network, network));
            }
            "sealed_key" => sealed_key(vector),
            "journal" => journal(vector, &network),
            other => panic!("{other}"),
        }
    }
}

/// Sealed as the specification says, to the byte; where there is no text, nobody may open it.
fn sealed_key(vector: &Value) {
    let [seller, buyer] =
        ["seller_secret", "buyer_secret"].map(|name| SecretKey::from_bytes(&bytes(&vector[name])));
    let purchase = Digest::from_bytes(bytes(&vector["purchase"]));
    let sealed = SealedKey::from_bytes(hex(&vector["sealed"]));
    if vector["text"].is_null() {
        assert_eq!(sealed.open(&buyer, &purchase), Err(NotSealedToThis));
        return;
    }
    let text = hex(&vector["text"]);
    assert_eq!(SealedKey::seal(&seller, &buyer.public(), &purchase, &text), Ok(sealed.clone()));
    assert_eq!(sealed.open(&buyer, &purchase), Ok(text));
}

fn network_id(text: &Value) -> NetworkId {
    text.as_str().unwrap().parse().unwrap()
}

fn journal(vector: &Value, network: &NetworkId) {
    let terms = Terms {
        issuer: key(&vector["terms"]["issuer"]),
        network: network_id(&vector["terms"]["network"]),
        treasury: key(&vector["terms"]["treasury"]),
        unit: Unit::new(vector["terms"]["unit"].as_str().unwrap()).unwrap(),
    };
    assert_eq!(terms.signed_for(), *network);
    let (head, entry) = (Head::of(&terms), hex(&vector["entry"]));
    assert_eq!(head.hash.as_bytes(), &bytes(&vector["head"]));
    assert_eq!(head.after(&entry).hash.as_bytes(), &bytes(&vector["after"]));
    let What::Deposit(deposited) = Entry::decode(&entry, network).unwrap().what else { panic!() };
    assert_eq!(deposited.deposit.name().as_bytes(), &bytes(&vector["record_name"]));
}

#[test]
fn shares() {
    for vector in file("shares.json")["vectors"].as_array().unwrap() {
        let numbers = |key: &str| -> Vec<u64> {
            vector[key].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
        };
        let weights: Vec<_> = numbers("keys").into_iter().zip(numbers("weights")).collect();
        let whole = Amount::new(vector["whole"].as_u64().unwrap()).unwrap();
        let parts: Vec<u64> = apportion(whole, &weights).unwrap().into_iter().map(Amount::get).collect();
        assert_eq!(parts, numbers("parts"), "{vector}");
    }
}

#[test]
fn payouts() {
    for vector in file("payouts.json")["vectors"].as_array().unwrap() {
        let rows = vector["payouts"].as_array().unwrap();
        let payout = |row: &Value| Payout {
            party: key(&row[0]),
            address: PayoutAddress::from_bytes(bytes(&row[1])),
            cumulative: row[2].as_u64().unwrap(),
        };
        let tree = PayoutTree::new(rows.iter().map(payout).collect());
        assert_eq!(tree.root(), bytes(&vector["root"]));
        for (row, expected) in rows.iter().zip(vector["proofs"].as_array().unwrap()) {
            let (proved, proof) = tree.proof(&key(&row[0])).unwrap();
            let expected: Vec<[u8; 32]> = expected.as_array().unwrap().iter().map(bytes).collect();
            assert_eq!((proved, &proof), (payout(row), &expected));
            assert!(proved.verify(&proof, &tree.root()));
        }
    }
}
