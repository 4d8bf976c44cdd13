//! Every decoder against damaged and arbitrary input, as [`fuzzing::fuzz`] describes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use fuzzing::{Random, fuzz};
use proofs::{LeafSet, Root, ShardLen};
use protocol::frame::{Header, PREFIX_LEN, decode_body, decode_header, encode_header};
use protocol::limits::READ_RANGES_MAX;
use protocol::{AnyRecord, AuditLogHead, NetworkId, Request, Response, SecretKey, Ticket, Transcript, keys};
use serde_json::Value;

/// What the golden vectors accept.
fn accepted(file: &str, key: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/../docs/vectors/protocol/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["error"].is_null());
    vectors.map(|vector| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()).collect()
}

/// No change of a transcript goes unnoticed, nor does one made of parts of two.
#[test]
fn transcripts() {
    let path = format!("{}/../docs/vectors/audit/transcripts.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["error"].is_null());
    let bytes = |vector: &Value| HEXLOWER.decode(vector["transcript"].as_str().unwrap().as_bytes()).unwrap();
    let corpus: Vec<Vec<u8>> = vectors.map(bytes).collect();
    fuzz(|random| {
        let damaged = random.damaged(&corpus);
        let is_known = corpus.contains(&damaged);
        assert_eq!(Transcript::decode(&damaged).is_ok(), is_known, "{}", HEXLOWER.encode(&damaged));
    });
}

/// What follows in an audit log is what was written, or an error.
#[test]
fn audit_logs() {
    fuzz(|random| {
        let (mut head, mut log, mut written) = (AuditLogHead::empty(), Vec::new(), Vec::new());
        for _ in 0..random.index(4) {
            let len = random.index(60);
            let transcript = random.bytes(len);
            log.extend(head.entry(&transcript));
            head = head.after(&transcript);
            written.push(transcript);
        }
        random.damage(&mut log);
        let (mut head, mut rest) = (AuditLogHead::empty(), &log[..]);
        while let Ok(Some(entry)) = head.next(rest) {
            let at = usize::try_from(head.entries).unwrap();
            assert_eq!(written.get(at).map(Vec::as_slice), Some(entry.transcript));
            (head, rest) = (entry.head, &rest[entry.consumed..]);
        }
    });
}

/// No change of a signed record goes unnoticed, nor does a record made of parts of two.
#[test]
fn records() {
    let corpus = accepted("records.json", "record");
    fuzz(|random| {
        let mut damaged = random.damaged(&corpus);
        if random.coin() {
            let other = &corpus[random.index(corpus.len())];
            let (cut, rest) = (random.index(damaged.len() + 1), random.index(other.len()));
            damaged.splice(cut.., other[rest..].iter().copied());
        }
        let is_known = corpus.contains(&damaged);
        assert_eq!(AnyRecord::decode(&damaged).is_ok(), is_known, "{}", HEXLOWER.encode(&damaged));
    });
}

#[test]
fn requests() {
    let corpus = accepted("requests.json", "header");
    fuzz(|random| headers::<Request>(random, &corpus));
}

#[test]
fn responses() {
    let corpus = accepted("responses.json", "header");
    fuzz(|random| headers::<Response>(random, &corpus));
}

/// Whatever is accepted encodes to the bytes it was decoded from.
fn headers<H: Header>(random: &mut Random, corpus: &[Vec<u8>]) {
    let mut body = corpus[random.index(corpus.len())][PREFIX_LEN..].to_vec();
    random.damage(&mut body);
    if let Ok(header) = decode_body::<H>(&body) {
        let framed = encode_header(&header).unwrap();
        assert_eq!(framed[PREFIX_LEN..], body);
    }

    let len = random.index(40);
    let mut arbitrary = random.bytes(len);
    if let Some(prefix) = arbitrary.first_chunk_mut::<PREFIX_LEN>()
        && random.coin()
    {
        *prefix = random.leaf(48).to_le_bytes();
    }
    if let Ok(Some(framed)) = decode_header::<H>(&arbitrary) {
        assert_eq!(encode_header(&framed.header).unwrap(), arbitrary[..framed.consumed]);
    }
}

/// A ticket that is accepted prints as it was read.
#[test]
fn tickets() {
    let path = format!("{}/../docs/vectors/protocol/tickets.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let accepted = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["error"].is_null());
    let corpus: Vec<Vec<u8>> =
        accepted.map(|vector| vector["ticket"].as_str().unwrap().as_bytes().to_vec()).collect();
    fuzz(|random| {
        let damaged = String::from_utf8_lossy(&random.damaged(&corpus)).into_owned();
        if let Ok(ticket) = damaged.parse::<Ticket>() {
            assert_eq!(ticket.to_string(), damaged);
        }
    });
}

/// A request to read survives the way there, whatever leaves it asks for.
#[test]
fn reads() {
    fuzz(|random| {
        let len = ShardLen::new(1 + random.below(1 << 28)).unwrap();
        let mut ranges = Vec::new();
        let mut next = random.leaf(5);
        for _ in 0..=random.index(300) {
            let end = next + 1 + random.leaf(300);
            ranges.push(next..end);
            next = end + 1 + random.leaf(300);
        }
        let Ok(leaves) = LeafSet::new(len, &ranges) else { return };
        let request = Request::Read { root: Root::of(&random.bytes(3)), leaves };
        match encode_header(&request) {
            Ok(bytes) => assert_eq!(decode_header::<Request>(&bytes).unwrap().unwrap().header, request),
            Err(_) => assert!(ranges.len() > READ_RANGES_MAX),
        }
    });
}

/// A key has one spelling: its y is below the field prime 2^255 - 19.
#[test]
fn public_keys() {
    const TOP_OF_PRIME: [u8; 31] = [0xff; 31];
    let points: Vec<[u8; 32]> =
        (0..32).map(|seed| *SecretKey::from_bytes(&[seed; 32]).public().as_bytes()).collect();
    fuzz(|random| {
        let mut bytes = points[random.index(points.len())];
        if random.coin() {
            bytes = random.array();
        }
        if random.index(4) == 0 {
            bytes[1..].fill(0xff);
        }
        bytes[31] ^= random.byte() & 0x80;
        if let Ok(key) = keys::from_bytes(&bytes) {
            assert_eq!(key.as_bytes(), &bytes);
            let mut y = bytes;
            y[31] |= 0x80;
            assert!(y[1..] != TOP_OF_PRIME || y[0] < 0xed, "y is not below the prime");
        }
    });
}

#[test]
fn network_ids() {
    fuzz(|random| {
        let id = NetworkId::from_bytes(random.array());
        let mut text = id.to_string().into_bytes();
        assert_eq!(std::str::from_utf8(&text).unwrap().parse(), Ok(id));
        random.damage(&mut text);
        let text = String::from_utf8_lossy(&text);
        if let Ok(id) = text.parse::<NetworkId>() {
            assert_eq!(id.to_string(), text.to_lowercase());
        }
    });
}
