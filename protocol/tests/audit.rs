//! Audits from commitment to transcript, between an auditor and a node in memory; and what a transcript refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ipld_core::ipld::Ipld;
use proofs::{AuditedSet, AuditedShard, HashedShard, Root, ShardHasher, ShardInMemory, ShardLen};
use protocol::frame::encode_header;
use protocol::{
    AcknowledgedAudit, AuditAnswer, AuditCommitment, AuditReceipt, AuditRequest, AuditSecret, AuditWish,
    Beacon, Code, DrandRound, DrandSignature, DrawnAudit, Draws, Ending, FailedPick, FailedPicks, NetworkId,
    Outcome, PlannedAudit, Request, Response, SecretKey, Signed, Timing, Transcript, Unanswered, UnixSeconds,
    Unverified, digest_of_slices,
};

const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const LIMIT: Duration = Duration::from_secs(4);

fn auditor() -> SecretKey {
    SecretKey::from_bytes(&[5; 32])
}

/// A node that can make its shards again whenever it is asked for them.
struct Node {
    secret: SecretKey,
    shards: BTreeMap<Root, Recipe>,
}

/// A shard of `len` bytes that do not repeat, and are different for every number.
#[derive(Clone, Copy)]
struct Recipe {
    number: u64,
    len: usize,
}

impl Recipe {
    fn make(self) -> (Vec<u8>, HashedShard) {
        let mut bytes = vec![0; self.len];
        blake3::Hasher::new().update(&self.number.to_le_bytes()).finalize_xof().fill(&mut bytes);
        let mut hasher = ShardHasher::new();
        hasher.push(&bytes);
        (bytes, hasher.finish().unwrap())
    }
}

impl Node {
    /// Shards of these lengths.
    fn with(lens: impl Iterator<Item = usize>) -> Self {
        let recipes = lens.zip(0..).map(|(len, number)| Recipe { number, len });
        let shards = recipes.map(|recipe| (recipe.make().1.root, recipe)).collect();
        Self { secret: SecretKey::from_bytes(&[3; 32]), shards }
    }

    fn set(&self) -> Arc<AuditedSet> {
        let len = |recipe: &Recipe| ShardLen::new(recipe.len as u64).unwrap();
        let shards = self.shards.iter().map(|(root, recipe)| AuditedShard { root: *root, len: len(recipe) });
        Arc::new(AuditedSet::new(shards.collect()).unwrap())
    }

    fn receipt(&self, commitment: &Signed<AuditCommitment>, time: UnixSeconds) -> Unverified<AuditReceipt> {
        let body = AuditReceipt { audit: commitment.digest(), nonce: [9; 16], time };
        Unverified::from(&Signed::sign(&self.secret, &NETWORK, body))
    }

    /// Answers; `missing` are not there, and a slice of `rotten` has a bit flipped.
    fn answer(
        &self,
        request: &AuditRequest,
        missing: &[Root],
        rotten: &[Root],
    ) -> (Unverified<AuditAnswer>, Vec<u8>) {
        let (mut failed, mut slices) = (Vec::new(), Vec::new());
        for (pick, at) in request.picks.challenges().iter().zip(0..) {
            if missing.contains(&pick.root()) {
                failed.push(FailedPick { at, code: Code::NotHeld });
                continue;
            }
            let (bytes, shard) = self.shards[&pick.root()].make();
            let mut slice =
                pick.prove(&ShardInMemory { bytes: &bytes, outboard: &shard.outboard }).unwrap().to_vec();
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
        self.planned_with(AuditSecret::from_bytes([6; 32]), beacon, draws)
    }

    fn planned_with(&self, secret: AuditSecret, beacon: Beacon, draws: u8) -> PlannedAudit {
        let wish = AuditWish {
            node: self.secret.public(),
            set: self.set(),
            beacon,
            draws: Draws::new(draws).unwrap(),
            secret,
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
    let drawn_by_another: Vec<Root> =
        another.request().picks.challenges().iter().map(proofs::Challenge::root).collect();
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
        assert!(
            Transcript::decode(&[&bytes[..], &vec![0; 1 << 18]].concat())
                .unwrap_err()
                .to_string()
                .contains("262144")
        );
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

/// Bytes of everything that an audit sends, both ways, and of its transcript without slices.
struct Cost {
    leaves: usize,
    traffic: usize,
    transcript: usize,
}

impl Cost {
    fn per_leaf(&self) -> usize {
        self.traffic.div_ceil(self.leaves)
    }
}

/// 2.4 KiB.
const LEAF_COST_MAX: usize = 2457;

/// What an audit of so many shards costs when its draws meet in no shard: then only the tree can make a difference.
fn cost(shards: usize, shard_len: usize, leaves: u8) -> Cost {
    let node = Node::with(std::iter::repeat_n(shard_len, shards));
    let planned = (0..=u8::MAX).map(|number| {
        let planned = node.planned_with(AuditSecret::from_bytes([number; 32]), Beacon::Auditor, leaves);
        let commitment = Unverified::from(planned.commitment());
        let receipt = node.receipt(planned.commitment(), NOW);
        let drawn = planned.acknowledged(&receipt).unwrap().draw(None).unwrap();
        (commitment, receipt, drawn)
    });
    let all_apart = |drawn: &DrawnAudit| drawn.request().picks.challenges().len() == leaves.into();
    let (commitment, receipt, drawn) = planned.into_iter().find(|(_, _, drawn)| all_apart(drawn)).unwrap();
    let request = drawn.request();
    let (answer, slices) = node.answer(&request, &[], &[]);
    let before_the_draw = encode_header(&Request::CommitAudit { commitment }).unwrap().len()
        + encode_header(&Response::AuditCommitted { receipt }).unwrap().len();
    let asking = encode_header(&Request::Audit(request)).unwrap().len()
        + encode_header(&Response::Audited { answer: answer.clone() }).unwrap().len();
    let traffic = before_the_draw + asking + slices.len();
    let transcript = drawn.answered(&answer, slices, timing(20)).sign(&auditor());
    assert!(transcript.is_proved());
    println!(
        "{shards} shards of {shard_len} bytes, {leaves} leaves: {traffic} bytes both ways, {before_the_draw} of them before the draw"
    );
    println!("transcript with slices: {} bytes", transcript.encode().len());
    let transcript = transcript.without_slices().encode().len();
    println!("transcript without slices: {transcript} bytes");
    Cost { leaves: leaves.into(), traffic, transcript }
}

#[test]
fn an_audit_costs_the_same_however_many_shards_there_are() {
    let [few, many] = [100, 100_000].map(|shards| cost(shards, 16_384, 16));
    assert_eq!(few.traffic, many.traffic, "paths stay with the auditor");
    assert!(few.per_leaf() <= LEAF_COST_MAX);
    let steps = 17 - 7;
    assert!(many.transcript.abs_diff(few.transcript + many.leaves * 41 * steps) <= 41 * many.leaves);
}

#[test]
fn a_leaf_of_the_longest_shards_costs_less_than_the_bound() {
    // 64 MiB is the longest shard of four data columns; a leaf of 2^28 bytes takes two pairs more.
    let cost = cost(24, 64 << 20, 8);
    assert!(cost.per_leaf() + 128 <= LEAF_COST_MAX);
}
