//! Audits from commitment to transcript, between an auditor and a node in memory; and what a transcript refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ipld_core::ipld::Ipld;
use proofs::{AuditedSet, AuditedShard, HashedShard, Root, ShardHasher, ShardInMemory};
use protocol::frame::encode_header;
use protocol::{
    AcknowledgedAudit, AuditAnswer, AuditCommitment, AuditReceipt, AuditRequest, AuditSecret, AuditWish, Beacon,
    Code, DrandRound, DrandSignature, Draws, DrawnAudit, Ending, FailedPick, FailedPicks, NetworkId, Outcome,
    PlannedAudit, Request, Response, SecretKey, Signed, Timing, Transcript, Unanswered, UnixSeconds, Unverified,
    digest_of_slices,
};

const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const LIMIT: Duration = Duration::from_secs(4);

fn auditor() -> SecretKey {
    SecretKey::from_bytes(&[5; 32])
}

/// A node that keeps shards in memory.
struct Node {
    secret: SecretKey,
    shards: BTreeMap<Root, (Vec<u8>, HashedShard)>,
}

impl Node {
    /// Shards of these lengths, of bytes that do not repeat.
    fn with(lens: impl Iterator<Item = usize>) -> Self {
        let shards = lens.zip(0_u64..).map(|(len, number)| {
            let mut bytes = vec![0; len];
            blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
            let mut hasher = ShardHasher::new();
            hasher.push(&bytes);
            let hashed = hasher.finish().unwrap();
            (hashed.root, (bytes, hashed))
        });
        Self { secret: SecretKey::from_bytes(&[3; 32]), shards: shards.collect() }
    }

    fn set(&self) -> Arc<AuditedSet> {
        let shards = self.shards.values().map(|(_, shard)| AuditedShard { root: shard.root, len: shard.len });
        Arc::new(AuditedSet::new(shards.collect()).unwrap())
    }

    fn receipt(&self, commitment: &Signed<AuditCommitment>, time: UnixSeconds) -> Unverified<AuditReceipt> {
        let body = AuditReceipt { audit: commitment.digest(), nonce: [9; 16], time };
        Unverified::from(&Signed::sign(&self.secret, &NETWORK, body))
    }

    /// Answers; `missing` are not there, and a slice of `rotten` has a bit flipped.
    fn answer(&self, request: &AuditRequest, missing: &[Root], rotten: &[Root]) -> (Unverified<AuditAnswer>, Vec<u8>) {
        let (mut failed, mut slices) = (Vec::new(), Vec::new());
        for (pick, at) in request.picks.challenges().iter().zip(0..) {
            if missing.contains(&pick.root()) {
                failed.push(FailedPick { at, code: Code::NotHeld });
                continue;
            }
            let (bytes, shard) = &self.shards[&pick.root()];
            let mut slice = pick.prove(&ShardInMemory { bytes, outboard: &shard.outboard }).unwrap().to_vec();
            if rotten.contains(&pick.root()) {
                *slice.last_mut().unwrap() ^= 1;
            }
            slices.push(slice);
        }
        let body = AuditAnswer {
            asked: request.picks.digest(),
            audit: request.audit,
            failed: FailedPicks::new(failed).unwrap(),
            slices: digest_of_slices(slices.iter().map(Vec::as_slice)),
            time: NOW,
        };
        (Unverified::from(&Signed::sign(&self.secret, &NETWORK, body)), slices.concat())
    }

    fn planned(&self, beacon: Beacon, draws: u8) -> PlannedAudit {
        let wish = AuditWish {
            node: self.secret.public(),
            set: self.set(),
            beacon,
            draws: Draws::new(draws).unwrap(),
            secret: AuditSecret::from_bytes([6; 32]),
            issued: NOW,
        };
        PlannedAudit::new(&auditor(), &NETWORK, wish)
    }

    fn acknowledged(&self, beacon: Beacon, draws: u8) -> AcknowledgedAudit {
        let planned = self.planned(beacon, draws);
        let receipt = self.receipt(planned.commitment(), NOW);
        planned.acknowledged(&receipt).unwrap()
    }

    fn drawn(&self, draws: u8) -> DrawnAudit {
        self.acknowledged(Beacon::Auditor, draws).draw(None).unwrap()
    }
}

fn timing(took_ms: u64) -> Timing {
    Timing::new(NOW, LIMIT, Duration::from_millis(took_ms))
}

fn small_node() -> Node {
    Node::with((0..30).map(|number| 1 + number * 997))
}

/// Decodes what was encoded, and compares.
fn reread(transcript: &Transcript) -> Transcript {
    let read = Transcript::decode(&transcript.encode()).unwrap();
    assert_eq!(&read, transcript);
    read
}

#[test]
fn what_is_kept_is_proved() {
    let node = small_node();
    let drawn = node.drawn(16);
    let (answer, slices) = node.answer(&drawn.request(), &[], &[]);
    let transcript = reread(&drawn.answered(&answer, slices, timing(20)).sign(&auditor()));
    assert!(transcript.is_proved());
    assert_eq!(transcript.verdict(&auditor(), NOW), None);
    assert_eq!((transcript.node(), transcript.auditor()), (node.secret.public(), auditor().public()));
    let leaves: u32 = transcript.picks().iter().map(|pick| pick.challenge().leaf_set().leaf_count()).sum();
    assert!((10..=16).contains(&leaves), "16 draws from 440 leaves: {leaves}");
    let stripped = reread(&transcript.clone().without_slices());
    assert!(stripped.is_proved() && stripped.slices().is_none());
    assert_eq!(stripped.digest(), transcript.digest());
    assert!(stripped.encode().len() < transcript.encode().len());
}

#[test]
fn what_is_lost_is_told_apart_and_told_to_the_node() {
    let node = small_node();
    let drawn = node.drawn(16);
    let roots: Vec<Root> = drawn.request().picks.challenges().iter().map(proofs::Challenge::root).collect();
    let (answer, slices) = node.answer(&drawn.request(), &roots[..1], &roots[1..3]);
    let transcript = reread(&drawn.answered(&answer, slices, timing(20)).sign(&auditor()));
    let outcomes: Vec<_> = transcript.picks().iter().map(protocol::Pick::outcome).collect();
    assert_eq!(outcomes[..3], [Outcome::Missing, Outcome::Corrupt, Outcome::Corrupt]);
    assert!(outcomes[3..].iter().all(|outcome| *outcome == Outcome::Proved));

    let verdict = transcript.verdict(&auditor(), NOW).unwrap();
    let body = verdict.body();
    assert_eq!((body.failed, usize::from(body.picks)), (3, roots.len()));
    assert_eq!(body.transcript, transcript.digest());
    assert_eq!(body.faults.iter().map(|fault| fault.outcome).collect::<Vec<_>>(), outcomes[..3]);
    assert_eq!(Signed::decode(&verdict.encode(), &NETWORK).unwrap(), verdict);
    assert!(verdict.encode().len() < 4096);
}

#[test]
fn a_node_that_answers_something_else_has_not_answered() {
    let node = small_node();
    let request = node.drawn(16).request();
    let (answer, slices) = node.answer(&request, &[], &[]);
    let (other, _) = node.answer(&node.drawn(15).request(), &[], &[]);
    let stranger = Node { secret: SecretKey::from_bytes(&[4; 32]), ..small_node() };
    let (foreign, _) = stranger.answer(&request, &[], &[]);
    let mut flipped = slices.clone();
    flipped[7] ^= 1;
    let cases = [
        (&other, slices.clone()),
        (&foreign, slices.clone()),
        (&answer, flipped),
        (&answer, slices[1..].to_vec()),
        (&answer, [&slices[..], &[0]].concat()),
        (&answer, Vec::new()),
    ];
    for (answer, slices) in cases {
        let transcript = reread(&node.drawn(16).answered(answer, slices, timing(20)).sign(&auditor()));
        assert_eq!(transcript.ending(), Ending::Unanswered(Unanswered::Invalid));
        assert!(transcript.picks().iter().all(|pick| pick.outcome() == Outcome::Invalid));
    }
}

#[test]
fn an_audit_can_end_at_every_step() {
    let node = small_node();
    for why in [Unanswered::Late, Unanswered::Offline, Unanswered::Invalid, Unanswered::Refused(Code::Busy)] {
        let early = reread(&node.planned(Beacon::Auditor, 8).unanswered(why, timing(4000)).sign(&auditor()));
        assert!(early.picks().is_empty() && !early.is_proved());
        assert!(early.verdict(&auditor(), NOW).is_some());
        let later = reread(&node.drawn(8).unanswered(why, timing(4000)).sign(&auditor()));
        assert_eq!(later.ending(), Ending::Unanswered(why));
        assert!(later.picks().iter().all(|pick| pick.outcome() == Outcome::from(why)));
    }
}

#[test]
fn a_receipt_is_for_one_audit_of_one_node_and_comes_before_the_beacon() {
    let node = small_node();
    let stranger = Node { secret: SecretKey::from_bytes(&[4; 32]), ..small_node() };
    let other = node.receipt(node.planned(Beacon::Auditor, 9).commitment(), NOW);
    let foreign = stranger.receipt(node.planned(Beacon::Auditor, 8).commitment(), NOW);
    for receipt in [other, foreign] {
        assert!(node.planned(Beacon::Auditor, 8).acknowledged(&receipt).is_err());
    }
    let round = DrandRound::first_after(NOW);
    let drand = Beacon::Drand { round };
    for (time, is_good) in [(NOW, true), (round.time(), false), (round.time().plus(9), false)] {
        let planned = node.planned(drand, 8);
        let receipt = node.receipt(planned.commitment(), time);
        assert_eq!(planned.acknowledged(&receipt).is_ok(), is_good, "{time}");
    }
    assert!(node.acknowledged(drand, 8).draw(None).is_err(), "the round's signature is missing");
    let signature = DrandSignature::from_bytes([8; 48]);
    assert!(node.acknowledged(Beacon::Auditor, 8).draw(Some(signature)).is_err());
    let drawn = node.acknowledged(drand, 8).draw(Some(signature)).unwrap();
    let (answer, slices) = node.answer(&drawn.request(), &[], &[]);
    let transcript = reread(&drawn.answered(&answer, slices, timing(20)).sign(&auditor()));
    assert!(transcript.is_proved());
    assert!(transcript.to_string().contains("not checked here"));
    let another = node.acknowledged(drand, 8).draw(Some(DrandSignature::from_bytes([7; 48]))).unwrap();
    let drawn_by_the_first: Vec<Root> = transcript.picks().iter().map(|pick| pick.shard().root).collect();
    let drawn_by_another: Vec<Root> = another.request().picks.challenges().iter().map(proofs::Challenge::root).collect();
    assert_ne!(drawn_by_the_first, drawn_by_another, "the beacon decides");
}

/// Every value of a transcript, altered on its own: numbers by one, bytes and texts by a bit, lists by an item.
fn alterations(value: &Ipld) -> Vec<Ipld> {
    match value {
        Ipld::Integer(number) => vec![Ipld::Integer(number + 1)],
        Ipld::String(text) => ["proved", "corrupt", "missing", "late", "offline", "invalid", "answered", "x"]
            .into_iter()
            .filter(|other| other != text)
            .map(|other| Ipld::String(other.to_owned()))
            .collect(),
        Ipld::Bytes(bytes) => {
            let places = [0, bytes.len() / 2, bytes.len().saturating_sub(1)];
            let flipped = places.into_iter().filter(|at| *at < bytes.len()).map(|at| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1;
                Ipld::Bytes(bytes)
            });
            flipped.chain([Ipld::Bytes([&bytes[..], &[0]].concat())]).collect()
        }
        Ipld::List(items) => {
            let mut all: Vec<Ipld> = (0..items.len())
                .map(|at| {
                    let mut fewer = items.clone();
                    fewer.remove(at);
                    Ipld::List(fewer)
                })
                .collect();
            for (at, item) in items.iter().enumerate() {
                all.extend(alterations(item).into_iter().map(|altered| {
                    let mut items = items.clone();
                    items[at] = altered;
                    Ipld::List(items)
                }));
            }
            all
        }
        Ipld::Map(fields) => fields
            .iter()
            .flat_map(|(name, item)| {
                let without = |name: &String| {
                    let mut fields = fields.clone();
                    fields.remove(name);
                    fields
                };
                let altered = alterations(item).into_iter().map(move |altered| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), altered);
                    Ipld::Map(fields)
                });
                // A transcript without its slices is one, too.
                let removed = (name != "slices").then(|| Ipld::Map(without(name)));
                altered.chain(removed).collect::<Vec<_>>()
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_transcript_with_anything_altered_is_refused() {
    let node = small_node();
    let drawn = node.drawn(6);
    let roots: Vec<Root> = drawn.request().picks.challenges().iter().map(proofs::Challenge::root).collect();
    let (answer, slices) = node.answer(&drawn.request(), &roots[..1], &roots[1..2]);
    let answered = drawn.answered(&answer, slices, timing(20)).sign(&auditor());
    let late = node.drawn(6).unanswered(Unanswered::Refused(Code::Busy), timing(4000)).sign(&auditor());
    let early = node.planned(Beacon::Auditor, 6).unanswered(Unanswered::Offline, timing(9)).sign(&auditor());
    for transcript in [answered, late, early] {
        let bytes = transcript.encode();
        let whole: Ipld = serde_ipld_dagcbor::from_slice(&bytes).unwrap();
        let altered = alterations(&whole);
        assert!(altered.len() > 20);
        for value in altered {
            let altered = serde_ipld_dagcbor::to_vec(&value).unwrap();
            assert!(Transcript::decode(&altered).is_err(), "accepted: {value:?}");
        }
        assert!(Transcript::decode(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Transcript::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}

/// An auditor that signs anything still cannot make another selection, outcome or timing hold.
#[test]
fn an_auditor_cannot_sign_what_did_not_happen() {
    let node = small_node();
    let drawn = node.drawn(6);
    let (answer, slices) = node.answer(&drawn.request(), &[], &[]);
    let after_the_deadline = drawn.answered(&answer, slices, timing(4001)).sign(&auditor());
    assert!(Transcript::decode(&after_the_deadline.encode()).is_err());
}

/// Bytes of everything that an audit sends, both ways, and of its transcript without and with slices.
struct Cost {
    leaves: usize,
    traffic: usize,
    commitment: usize,
    transcript: usize,
    whole: usize,
}

fn cost(shards: usize, shard_len: usize, draws: u8) -> Cost {
    let node = Node::with(std::iter::repeat_n(shard_len, shards));
    let planned = node.planned(Beacon::Auditor, draws);
    let commitment = Unverified::from(planned.commitment());
    let receipt = node.receipt(planned.commitment(), NOW);
    let drawn = planned.acknowledged(&receipt).unwrap().draw(None).unwrap();
    let request = drawn.request();
    let leaves = request.picks.challenges().iter().map(|pick| pick.leaf_set().leaf_count() as usize).sum();
    let (answer, slices) = node.answer(&request, &[], &[]);
    let commit = encode_header(&Request::CommitAudit { commitment }).unwrap().len()
        + encode_header(&Response::AuditCommitted { receipt }).unwrap().len();
    let ask = encode_header(&Request::Audit(request)).unwrap().len()
        + encode_header(&Response::Audited { answer: answer.clone() }).unwrap().len()
        + slices.len();
    let transcript = drawn.answered(&answer, slices, timing(20)).sign(&auditor());
    assert!(transcript.is_proved());
    let whole = transcript.encode().len();
    let stripped = transcript.without_slices().encode().len();
    Cost { leaves, traffic: commit + ask, commitment: commit, transcript: stripped, whole }
}

#[test]
fn an_audit_costs_the_same_however_many_shards_there_are() {
    let costs = [100, 100_000].map(|shards| (shards, cost(shards, 20_000, 16)));
    for (shards, cost) in &costs {
        println!(
            "{shards} shards: {} leaves, {} bytes both ways ({} of them before the draw), {} a leaf; transcript {} bytes, with slices {}",
            cost.leaves,
            cost.traffic,
            cost.commitment,
            cost.traffic / cost.leaves,
            cost.transcript,
            cost.whole
        );
        assert!(cost.traffic <= cost.leaves * 2458, "2.4 KiB a leaf");
    }
    let [(_, few), (_, many)] = &costs;
    // Nothing but the length of a number, and how many draws met in one shard, may differ.
    let per_leaf = |cost: &Cost| cost.traffic.div_ceil(cost.leaves);
    assert!(per_leaf(many) <= per_leaf(few) + 8, "{} and {} a leaf", per_leaf(many), per_leaf(few));
    assert!(many.transcript <= few.transcript + many.leaves * 41 * 11, "eleven more steps a pick");
}

#[test]
fn a_leaf_of_the_longest_shards_costs_at_most_two_and_a_half_kilobytes() {
    let cost = cost(4, 64 << 20, 16);
    println!("64 MiB shards: {} leaves, {} bytes, {} a leaf", cost.leaves, cost.traffic, cost.traffic / cost.leaves);
    assert!(cost.traffic <= cost.leaves * 2458, "2.4 KiB a leaf: {} for {}", cost.traffic, cost.leaves);
}
