//! Runs every golden vector in `docs/vectors/protocol`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use ipld_core::ipld::Ipld;
use proofs::Root;
use protocol::frame::{DecodeHeaderError, Header, decode_header, encode_header};
use protocol::{
    Admission, AnyRecord, AuditAnswer, AuditCommitment, AuditReceipt, AuditVerdict, Lease, LeaseEnd, Mandate,
    NetworkId, NodeRecord, Outcome, Paid, Pointer, Record, RecordError, Release, Renewal, Request, Response,
    SecretKey, Signed, Successor, Ticket, UnixSeconds,
};
use serde_json::{Value, json};

fn vectors(file: &str) -> (NetworkId, Vec<Value>) {
    let path = format!("{}/../docs/vectors/protocol/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert!(vectors.iter().any(|vector| !vector["error"].is_null()), "{path} has rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "{path} has accepted vectors");
    (file["network"].as_str().unwrap().parse().unwrap(), vectors)
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
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
fn records() {
    let (network, vectors) = vectors("records.json");
    for vector in &vectors {
        match vector["type"].as_str().unwrap() {
            Admission::TYPE => check_record(vector, network, admission),
            AuditAnswer::TYPE => check_record(vector, network, as_cbor::<AuditAnswer>),
            AuditCommitment::TYPE => check_record(vector, network, as_cbor::<AuditCommitment>),
            AuditReceipt::TYPE => check_record(vector, network, as_cbor::<AuditReceipt>),
            AuditVerdict::TYPE => check_record(vector, network, as_cbor::<AuditVerdict>),
            Lease::TYPE => check_record(vector, network, lease),
            LeaseEnd::TYPE => check_record(vector, network, as_cbor::<LeaseEnd>),
            Mandate::TYPE => check_record(vector, network, mandate),
            NodeRecord::TYPE => check_record(vector, network, node),
            Pointer::TYPE => check_record(vector, network, pointer),
            Release::TYPE => check_record(vector, network, release),
            Renewal::TYPE => check_record(vector, network, renewal),
            Successor::TYPE => check_record(vector, network, successor),
            other => panic!("{other}"),
        }
    }
}

fn admission(body: &Admission) -> Value {
    json!({"endpoint": body.endpoint.to_string(), "expires": body.expires.get()})
}

fn lease(body: &Lease) -> Value {
    json!({"control": body.control().to_string(), "expires": body.expires().get(), "id": body.id().to_string(),
        "len": body.len().get(), "payer": body.payer().to_string(), "root": body.root().to_string(),
        "seq": body.seq().get(), "start": body.start().get()})
}

fn mandate(body: &Mandate) -> Value {
    let mut value = json!({"byte_hours": body.byte_hours.get(), "expires": body.expires.get(),
        "holder": body.holder.to_string()});
    if let Some(object) = body.object {
        value["object"] = HEXLOWER.encode(&object.to_bytes()).into();
    }
    value
}

fn node(body: &NodeRecord) -> Value {
    let addresses: Vec<String> = body.addrs.iter().map(ToString::to_string).collect();
    let mut value = json!({"addrs": addresses, "class": body.class.get(), "issued": body.issued.get(),
        "price": body.price.get(), "seq": body.seq.get(), "version": body.version.as_str()});
    if let Some(domain) = &body.domain {
        value["domain"] = domain.as_str().into();
    }
    if !body.formerly.is_empty() {
        let records: Vec<_> = body.formerly.iter().map(|former| HEXLOWER.encode(former.as_bytes())).collect();
        value["formerly"] = records.into();
    }
    if body.leaving {
        value["leaving"] = true.into();
    }
    if let Some(reading) = &body.reading {
        value["reading"] = json!({"ledger": reading.ledger.to_string(), "micro": reading.micro.get()});
    }
    if let Some(operator) = &body.operator {
        value["operator"] = operator.to_string().into();
    }
    if let Some(relay) = &body.relay {
        value["relay"] = relay.as_str().into();
    }
    if !body.tags.is_empty() {
        value["tags"] = body.tags.iter().map(ToString::to_string).collect::<Vec<_>>().into();
    }
    value
}

fn successor(body: &Successor) -> Value {
    json!({"issued": body.issued.get(), "node": body.node.to_string()})
}

fn pointer(body: &Pointer) -> Value {
    json!({"expires": body.expires.get(), "seq": body.seq.get(), "slot": body.slot.get(),
        "value": HEXLOWER.encode(body.value.as_bytes())})
}

/// The body as it is encoded, byte strings in hexadecimal. Records whose fields are checked value by value elsewhere.
fn as_cbor<T: Record>(body: &T) -> Value {
    fn json(value: Ipld) -> Value {
        match value {
            Ipld::Integer(number) => u64::try_from(number).unwrap().into(),
            Ipld::String(text) => text.into(),
            Ipld::Bytes(bytes) => HEXLOWER.encode(&bytes).into(),
            Ipld::List(values) => values.into_iter().map(json).collect(),
            Ipld::Map(fields) => fields.into_iter().map(|(name, value)| (name, json(value))).collect(),
            other => panic!("{other:?} in a record"),
        }
    }
    json(serde_ipld_dagcbor::from_slice(&proofs::canonical::to_vec(body)).unwrap())
}

fn release(body: &Release) -> Value {
    json!({"id": body.id.to_string(), "node": body.node.to_string(), "root": body.root.to_string(),
        "seq": body.seq.get()})
}

fn renewal(body: &Renewal) -> Value {
    json!({"control": body.control.to_string(), "expires": body.expires.get(), "id": body.id.to_string(),
        "node": body.node.to_string(), "root": body.root.to_string(), "seq": body.seq.get()})
}

fn check_record<T: Record>(vector: &Value, network: NetworkId, body: fn(&T) -> Value) {
    let bytes = bytes(vector, "record");
    let result = Signed::<T>::decode(&bytes, &network);
    check(vector, result.map_err(|error| record_error(&error)), |record| {
        assert_eq!(record.by().to_string(), vector["by"].as_str().unwrap());
        assert_eq!(body(record.body()), vector["body"], "{}", vector["name"]);
        assert_eq!(record.encode(), bytes);
        let any = AnyRecord::decode(&bytes).unwrap();
        assert_eq!((any.kind(), any.by(), any.network()), (T::TYPE, record.by(), network));
        assert!(any.to_string().ends_with(&record.body().to_string()));
    });
    if vector["error"].is_string() && vector["error"] != "network" && vector["error"] != "type" {
        assert!(AnyRecord::decode(&bytes).is_err(), "{}", vector["name"]);
    }
}

fn record_error(error: &RecordError) -> &'static str {
    match error {
        RecordError::TooLong { .. } => "too_long",
        RecordError::Version { .. } => "version",
        RecordError::Type { .. } => "type",
        RecordError::Network { .. } => "network",
        RecordError::NotARecord { .. } | RecordError::Invalid { .. } => "malformed",
        RecordError::Signature { .. } => "signature",
    }
}

#[test]
fn requests() {
    check_headers("requests.json", |request: &Request| request.name());
}

#[test]
fn responses() {
    check_headers("responses.json", |response: &Response| response.name());
}

fn check_headers<H: Header>(file: &str, message: fn(&H) -> &'static str) {
    for vector in &vectors(file).1 {
        let bytes = bytes(vector, "header");
        let result = match decode_header::<H>(&bytes) {
            Ok(Some(framed)) => Ok(framed),
            Ok(None) => Err("incomplete"),
            Err(error) => Err(header_error(&error)),
        };
        check(vector, result, |framed| {
            assert_eq!(framed.consumed, bytes.len());
            assert_eq!(encode_header(&framed.header).unwrap(), bytes, "{}", vector["name"]);
            assert_eq!(message(&framed.header), vector["message"], "{}", vector["name"]);
        });
    }
}

fn header_error(error: &DecodeHeaderError) -> &'static str {
    match error {
        DecodeHeaderError::TooLong { .. } => "too_long",
        DecodeHeaderError::Malformed(_) => "malformed",
        DecodeHeaderError::Trailing { .. } => "trailing",
        DecodeHeaderError::NotCanonical => "not_canonical",
    }
}

#[test]
fn tickets() {
    let (network, vectors) = vectors("tickets.json");
    for vector in &vectors {
        let (name, text) = (&vector["name"], vector["ticket"].as_str().unwrap());
        match (text.parse::<Ticket>(), vector["error"].is_null()) {
            (Ok(ticket), true) => {
                let nodes: Vec<_> = ticket.contacts().iter().map(|contact| contact.id.to_string()).collect();
                assert_eq!(json!(nodes), vector["nodes"], "{name}");
                assert_eq!(
                    (ticket.network(), json!(ticket.same_site())),
                    (network, vector["same_site"].clone())
                );
                assert_eq!(ticket.to_string(), text, "{name}");
            }
            (Err(_), false) => {}
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

/// The fields of some messages, so that two mistakes cannot cancel each other out.
#[test]
fn fields_of_headers() {
    let find = |file, name: &str| {
        let vector = vectors(file).1.into_iter().find(|vector| vector["name"] == name).unwrap();
        bytes(&vector, "header")
    };
    let request = |name| decode_header::<Request>(&find("requests.json", name)).unwrap().unwrap().header;
    let response = |name| decode_header::<Response>(&find("responses.json", name)).unwrap().unwrap().header;
    let shard = Root::from_bytes([0xab; 32]);

    let Request::Read { root, leaves } = request("read 256 ranges") else { panic!() };
    assert_eq!((root, leaves.ranges().len(), leaves.ranges()[255].clone()), (shard, 256, 510..511));
    let Request::Prove { challenge } = request("prove one leaf") else { panic!() };
    assert_eq!((challenge.root(), challenge.leaves().collect::<Vec<_>>()), (shard, vec![1]));
    let Request::Put { max_len, expires, mandate } = request("put") else { panic!() };
    assert_eq!((max_len.get(), expires.get()), (1 << 28, 1_800_000_000));
    assert!(mandate.verify(&NetworkId::from_bytes([0x4e; 32])).is_ok());
    let Response::Held { shards } = response("held: one and not the other") else { panic!() };
    let held = shards[0].map(|held| (held.len.get(), held.expires.get(), held.seq.get()));
    assert_eq!(held, Some((65_536, 1_800_000_000, 3)));
    assert_eq!(shards[1], None);
    let Request::Claim { subject, seconds, mandate } = request("claim") else { panic!() };
    assert_eq!((subject, seconds), (shard, 600));
    assert!(mandate.verify(&NetworkId::from_bytes([0x4e; 32])).is_ok());
    let Response::Status(status) = response("status") else { panic!() };
    assert_eq!((status.shards, status.stored, status.capacity), (3, 1 << 40, 1 << 50));
    assert_eq!(status.version.as_str(), "headwater 0.1.0");

    let Request::Audit(audit) = request("audit with drand of 64 leaves of one shard") else { panic!() };
    assert_eq!(audit.audit.as_bytes(), &[2; 32]);
    assert_eq!(audit.reveal.secret.as_bytes(), &[6; 32]);
    assert_eq!(audit.reveal.signature.map(|signature| *signature.as_bytes()), Some([0; 48]));
    let [pick] = audit.picks.challenges() else { panic!() };
    assert_eq!(
        (pick.root(), pick.leaf_set().len().get(), pick.leaf_set().leaf_count()),
        (shard, 1 << 28, 64)
    );
    let Response::Audited { answer } = response("audited") else { panic!() };
    assert_eq!(answer.verify(&NetworkId::from_bytes([0x4e; 32])).unwrap().body().slices.as_bytes(), &[3; 32]);
    let Response::Status(status) = response("status with 8 verdicts") else { panic!() };
    let verdict = status.verdicts[7].verify(&NetworkId::from_bytes([0x4e; 32])).unwrap();
    let fault = verdict.body().faults[0];
    assert_eq!((fault.leaf, fault.outcome, fault.root), (7, Outcome::Corrupt, shard));
}

/// The records of the golden payment fit together, as whoever made them without this crate says.
#[test]
fn payments() {
    let (network, requests) = vectors("requests.json");
    let find = |vectors: &[Value], name: &str| {
        bytes(vectors.iter().find(|vector| vector["name"] == name).unwrap(), "header")
    };
    let Request::Pay(payment) = decode_header(&find(&requests, "pay")).unwrap().unwrap().header else {
        panic!()
    };
    let [payer, node, endpoint, ledger] =
        [2, 3, 4, 5].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
    let now = UnixSeconds::new(1_799_999_999);
    let paid = Paid { network, node, ledger, endpoint, now };
    let verified = payment.verify(&paid).unwrap();
    assert_eq!((verified.lane().payer, verified.lane().epoch.get()), (payer, 7));
    assert_eq!(
        (verified.voucher().body().bytes, verified.allocation().body().amount.get()),
        (1 << 30, 1_000_000)
    );
    assert!(payment.verify(&Paid { ledger: payer, ..paid }).is_err());

    let Response::Paid(counted) =
        decode_header(&find(&vectors("responses.json").1, "paid: the most")).unwrap().unwrap().header
    else {
        panic!()
    };
    assert_eq!((counted.bytes, counted.amount.get()), (u64::MAX, (1 << 63) - 1));
}
