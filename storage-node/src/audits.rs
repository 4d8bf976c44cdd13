//! Audits that were committed to: which ones may still be asked, and by whom how many.
//!
//! All of it is forgotten at a restart. An auditor then hears `expired`, and commits itself anew.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::limits::{AUDIT_COMMITMENT_LIFETIME_S, CLOCK_SKEW_MAX_S};
use protocol::{
    AuditCommitment, AuditRequest, AuditTerms, Beacon, Code, Digest, PublicKey, Refusal, Signed, UnixSeconds,
};

/// Commitments remembered in all.
const COMMITMENTS_MAX: usize = 4096;
/// Commitments remembered of clients that no admitted payer vouches for.
const COMMITMENTS_OF_STRANGERS_MAX: usize = 512;
/// Commitments remembered of strangers at one address.
const COMMITMENTS_PER_ADDRESS_MAX: usize = 64;
/// Commitments of one auditor that wait to be asked.
const OPEN_PER_AUDITOR_MAX: usize = 4;
/// Commitments of one auditor that were asked, and are remembered until they could not be acknowledged again.
const ASKED_PER_AUDITOR_MAX: usize = 512;
/// How often one audit is answered: an answer can be lost.
const ANSWERS_MAX: u8 = 3;

/// Who commits itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// An IPv4 address, or the /64 of an IPv6 address.
    pub(crate) address: IpAddr,
    /// Whether an admitted payer vouches for it.
    pub(crate) is_admitted: bool,
}

/// The commitments that a node has acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Audits(Mutex<HashMap<Digest, Remembered>>);

#[derive(Debug)]
struct Remembered {
    auditor: PublicKey,
    origin: Origin,
    terms: AuditTerms,
    until: UnixSeconds,
    /// What was asked the first time: nothing else is answered.
    asked: Option<Digest>,
    answers: u8,
    is_under_way: bool,
}

impl Remembered {
    /// Whether nothing would go wrong if it were forgotten: it is too old to be asked, or was asked and is too old to be
    /// acknowledged a second time.
    fn is_over(&self, now: UnixSeconds) -> bool {
        let is_done = self.asked.is_some() && !self.is_under_way;
        self.until.has_passed(now) || (is_done && now.seconds_since(self.terms.issued) > CLOCK_SKEW_MAX_S)
    }
}

/// An audit that is being answered; over when dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    audits: &'a Audits,
    audit: Digest,
}

impl Audits {
    /// Takes note of a commitment, once.
    pub(crate) fn remember(
        &self,
        node: &PublicKey,
        commitment: &Signed<AuditCommitment>,
        origin: Origin,
        now: UnixSeconds,
    ) -> Result<(), Refusal> {
        let (terms, auditor) = (*commitment.body().terms(), commitment.by());
        check(node, &terms, now)?;
        let mut all = self.all();
        all.retain(|_, other| !other.is_over(now));
        let count = |is_of: &dyn Fn(&Remembered) -> bool| all.values().filter(|other| is_of(other)).count();
        let strangers = count(&|other| !other.origin.is_admitted);
        let neighbours = count(&|other| !other.origin.is_admitted && other.origin.address == origin.address);
        let is_crowded = all.len() >= COMMITMENTS_MAX
            || count(&|other| other.auditor == auditor && other.asked.is_none()) >= OPEN_PER_AUDITOR_MAX
            || count(&|other| other.auditor == auditor && other.asked.is_some()) >= ASKED_PER_AUDITOR_MAX
            || (!origin.is_admitted
                && (strangers >= COMMITMENTS_OF_STRANGERS_MAX || neighbours >= COMMITMENTS_PER_ADDRESS_MAX));
        let audit = commitment.digest();
        if all.contains_key(&audit) {
            return Err(Refusal::new(Code::Stale, "this audit was acknowledged before"));
        }
        if is_crowded {
            return Err(Refusal::new(Code::Busy, "too many audits were committed to"));
        }
        let until = now.plus(AUDIT_COMMITMENT_LIFETIME_S);
        let fresh =
            Remembered { auditor, origin, terms, until, asked: None, answers: 0, is_under_way: false };
        all.insert(audit, fresh);
        Ok(())
    }

    /// Begins to answer an audit, when it may be asked now.
    pub(crate) fn begin(&self, request: &AuditRequest, now: UnixSeconds) -> Result<UnderWay<'_>, Refusal> {
        let mut all = self.all();
        let unknown = || Refusal::new(Code::Expired, "no such audit was acknowledged, or long ago");
        let found =
            all.get(&request.audit).filter(|found| !found.until.has_passed(now)).ok_or_else(unknown)?;
        let opened = request.reveal.opens(&found.terms.secret, found.terms.beacon);
        opened.map_err(|error| Refusal::new(Code::BadRequest, error.to_string()))?;
        let auditor = found.auditor;
        if all.values().any(|other| other.auditor == auditor && other.is_under_way) {
            return Err(Refusal::new(Code::Busy, "another audit of this auditor is under way"));
        }
        let asked = request.picks.digest();
        let found = all.get_mut(&request.audit).ok_or_else(unknown)?;
        if found.answers >= ANSWERS_MAX || found.asked.is_some_and(|before| before != asked) {
            return Err(Refusal::new(Code::Stale, "this audit was answered before"));
        }
        (found.asked, found.is_under_way) = (Some(asked), true);
        found.answers += 1;
        Ok(UnderWay { audits: self, audit: request.audit })
    }

    /// Whether this auditor has committed itself to this audit.
    pub(crate) fn knows(&self, audit: &Digest, auditor: &PublicKey) -> bool {
        self.all().get(audit).is_some_and(|found| found.auditor == *auditor)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Digest, Remembered>> {
        // Every change is made in one go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(found) = self.audits.all().get_mut(&self.audit) {
            found.is_under_way = false;
        }
    }
}

fn check(node: &PublicKey, terms: &AuditTerms, now: UnixSeconds) -> Result<(), Refusal> {
    if terms.node != *node {
        return Err(Refusal::new(Code::BadRequest, format!("an audit of node {}", terms.node)));
    }
    let skew = now.seconds_since(terms.issued).max(terms.issued.seconds_since(now));
    if skew > CLOCK_SKEW_MAX_S {
        return Err(Refusal::new(Code::Expired, format!("issued at {}, it is {now}", terms.issued)));
    }
    match terms.beacon {
        Beacon::Drand { round }
            if round.time() <= now || round.time().seconds_since(now) > AUDIT_COMMITMENT_LIFETIME_S =>
        {
            Err(Refusal::new(Code::Expired, format!("the beacon is of {}, it is {now}", round.time())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proofs::{AuditedSet, AuditedShard, Root, ShardLen};
    use protocol::{
        AuditReceipt, AuditSecret, AuditWish, DrandRound, Draws, NetworkId, PlannedAudit, SecretKey,
        Unverified,
    };

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);
    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn origin(last: u8, is_admitted: bool) -> Origin {
        Origin { address: IpAddr::from([10, 0, 0, last]), is_admitted }
    }

    fn planned(auditor: u8, secret: [u8; 32], beacon: Beacon, issued: UnixSeconds) -> PlannedAudit {
        let shard = AuditedShard { root: Root::of(b"x"), len: ShardLen::new(100_000).unwrap() };
        let wish = AuditWish {
            node: key(3).public(),
            set: Arc::new(AuditedSet::new(vec![shard]).unwrap()),
            beacon,
            draws: Draws::new(4).unwrap(),
            secret: AuditSecret::from_bytes(secret),
            issued,
        };
        PlannedAudit::new(&key(auditor), &NETWORK, wish)
    }

    fn secret(number: u64) -> [u8; 32] {
        *blake3::hash(&number.to_le_bytes()).as_bytes()
    }

    fn remember(audits: &Audits, planned: &PlannedAudit, origin: Origin) -> Result<(), Code> {
        let remembered = audits.remember(&key(3).public(), planned.commitment(), origin, NOW);
        remembered.map_err(|refusal| refusal.code())
    }

    /// What a node is asked after it has acknowledged.
    fn request(planned: PlannedAudit) -> AuditRequest {
        let body = AuditReceipt { audit: planned.commitment().digest(), nonce: [0; 16], time: NOW };
        let receipt = Unverified::from(&Signed::sign(&key(3), &NETWORK, body));
        planned.acknowledged(&receipt).unwrap().draw(None).unwrap().request()
    }

    #[test]
    fn an_audit_is_acknowledged_once_and_asked_for_as_it_was_the_first_time() {
        let audits = Audits::default();
        let planned = planned(5, secret(0), Beacon::Auditor, NOW);
        assert_eq!(remember(&audits, &planned, origin(1, false)), Ok(()));
        assert_eq!(remember(&audits, &planned, origin(1, false)), Err(Code::Stale));
        assert!(audits.knows(&planned.commitment().digest(), &key(5).public()));
        assert!(!audits.knows(&planned.commitment().digest(), &key(6).public()));

        let request = request(planned);
        let code = |request: &AuditRequest, now| audits.begin(request, now).map(drop).map_err(|r| r.code());
        let mut wrong = request.clone();
        wrong.reveal.secret = AuditSecret::from_bytes([0; 32]);
        assert_eq!(code(&wrong, NOW), Err(Code::BadRequest));
        let mut unknown = request.clone();
        unknown.audit = Digest::of(b"unknown");
        assert_eq!(code(&unknown, NOW), Err(Code::Expired));
        assert_eq!(code(&request, NOW.plus(AUDIT_COMMITMENT_LIFETIME_S)), Err(Code::Expired));
        let under_way = audits.begin(&request, NOW).unwrap();
        assert_eq!(code(&request, NOW), Err(Code::Busy));
        drop(under_way);
        let mut others = request.clone();
        let challenge =
            proofs::Challenge::new(Root::of(b"x"), ShardLen::new(100_000).unwrap(), &[0]).unwrap();
        others.picks = protocol::AuditPicks::new(vec![challenge]).unwrap();
        assert_eq!(code(&others, NOW), Err(Code::Stale));
        for _ in 1..ANSWERS_MAX {
            assert_eq!(code(&request, NOW), Ok(()));
        }
        assert_eq!(code(&request, NOW), Err(Code::Stale));
    }

    #[test]
    fn an_auditor_answers_for_one_audit_at_a_time() {
        let audits = Audits::default();
        let [first, second, other] = [(5, 0), (5, 1), (6, 2)]
            .map(|(auditor, number)| planned(auditor, secret(number), Beacon::Auditor, NOW));
        for planned in [&first, &second, &other] {
            remember(&audits, planned, origin(1, false)).unwrap();
        }
        let _under_way = audits.begin(&request(first), NOW).unwrap();
        assert_eq!(audits.begin(&request(second), NOW).unwrap_err().code(), Code::Busy);
        assert!(audits.begin(&request(other), NOW).is_ok());
    }

    #[test]
    fn commitments_of_another_time_or_another_node_are_refused() {
        let audits = Audits::default();
        let drand = |time: UnixSeconds| Beacon::Drand { round: DrandRound::first_after(time) };
        let past = UnixSeconds::new(NOW.get() - 10);
        let skewed = UnixSeconds::new(NOW.get() - CLOCK_SKEW_MAX_S);
        let cases = [
            (Beacon::Auditor, skewed, Ok(())),
            (Beacon::Auditor, UnixSeconds::new(skewed.get() - 1), Err(Code::Expired)),
            (Beacon::Auditor, NOW.plus(CLOCK_SKEW_MAX_S + 1), Err(Code::Expired)),
            (drand(NOW), NOW, Ok(())),
            (drand(past), NOW, Err(Code::Expired)),
            (drand(NOW.plus(AUDIT_COMMITMENT_LIFETIME_S)), NOW, Err(Code::Expired)),
        ];
        for (number, (beacon, issued, expected)) in (0..).zip(cases) {
            let planned = planned(5, secret(number), beacon, issued);
            assert_eq!(remember(&audits, &planned, origin(1, false)), expected, "{beacon:?} {issued}");
        }
        let planned = planned(5, secret(99), Beacon::Auditor, NOW);
        let refused = audits.remember(&key(4).public(), planned.commitment(), origin(1, false), NOW);
        assert_eq!(refused.unwrap_err().code(), Code::BadRequest);
    }

    #[test]
    fn what_was_asked_holds_up_nobody_and_is_forgotten_when_it_cannot_come_again() {
        let audits = Audits::default();
        for number in 0..u64::try_from(ASKED_PER_AUDITOR_MAX).unwrap() {
            let planned = planned(5, secret(number), Beacon::Auditor, NOW);
            assert_eq!(remember(&audits, &planned, origin(1, true)), Ok(()), "{number}");
            drop(audits.begin(&request(planned), NOW).unwrap());
        }
        let next = planned(5, secret(u64::MAX), Beacon::Auditor, NOW.plus(CLOCK_SKEW_MAX_S));
        assert_eq!(remember(&audits, &next, origin(1, true)), Err(Code::Busy));
        let later = NOW.plus(CLOCK_SKEW_MAX_S + 1);
        assert!(audits.remember(&key(3).public(), next.commitment(), origin(1, true), later).is_ok());
        assert_eq!(audits.all().len(), 1);
    }

    #[test]
    fn strangers_take_no_room_from_payers() {
        let audits = Audits::default();
        let fill = |auditor: u8, address: u8, is_admitted: bool| {
            (0..1000)
                .take_while(|number| {
                    let number = u64::from(auditor) << 32 | u64::from(address) << 24 | number;
                    let planned = planned(auditor, secret(number), Beacon::Auditor, NOW);
                    remember(&audits, &planned, origin(address, is_admitted)).is_ok()
                })
                .count()
        };
        assert_eq!(fill(10, 1, false), OPEN_PER_AUDITOR_MAX);
        let at_one_address: usize = (11..40).map(|auditor| fill(auditor, 1, false)).sum();
        assert_eq!(at_one_address + OPEN_PER_AUDITOR_MAX, COMMITMENTS_PER_ADDRESS_MAX);
        let of_strangers: usize = (40..250).map(|auditor| fill(auditor, auditor, false)).sum();
        assert_eq!(of_strangers, COMMITMENTS_OF_STRANGERS_MAX - COMMITMENTS_PER_ADDRESS_MAX);
        assert_eq!(fill(250, 1, true), OPEN_PER_AUDITOR_MAX);
        let later = NOW.plus(AUDIT_COMMITMENT_LIFETIME_S);
        let planned = planned(251, secret(0), Beacon::Auditor, later);
        let remembered = audits.remember(&key(3).public(), planned.commitment(), origin(1, false), later);
        assert!(remembered.is_ok(), "all others are forgotten");
    }
}
