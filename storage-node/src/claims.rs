//! Claims: who may repair something for a while, so that two carers do not do the same (spec §13).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proofs::Root;
use protocol::limits::{CLAIM_DURATION_MAX_S, CLAIMS_PER_HOLDER_MAX};
use protocol::{Code, PublicKey, Refusal};

/// Claims kept in all; those that have ended are forgotten first.
const CLAIMS_MAX: usize = 65_536;

/// What is claimed: something of the owner with this control key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claimed {
    pub(crate) control: PublicKey,
    pub(crate) subject: Root,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    holder: PublicKey,
    until: Instant,
}

/// The claims that a node has granted since it was started. The time is handed in.
#[derive(Debug, Default)]
pub(crate) struct Claims(HashMap<Claimed, Claim>);

impl Claims {
    /// Grants `holder` the claim for so many seconds, or takes it back at 0; refuses it while another one has it.
    pub(crate) fn claim(
        &mut self,
        what: Claimed,
        holder: PublicKey,
        seconds: u16,
        now: Instant,
    ) -> Result<(), Refusal> {
        if seconds > CLAIM_DURATION_MAX_S {
            let detail = format!("claim for {seconds} s, at most {CLAIM_DURATION_MAX_S} s are allowed");
            return Err(Refusal::new(Code::BadRequest, detail));
        }
        let standing = self.0.get(&what).filter(|claim| claim.until > now);
        if let Some(other) = standing.filter(|claim| claim.holder != holder) {
            let left = other.until.saturating_duration_since(now).as_secs();
            return Err(Refusal::new(Code::Claimed, format!("another carer has it for {left} s more")));
        }
        if seconds == 0 {
            self.0.remove(&what);
            return Ok(());
        }
        if standing.is_none() {
            self.make_room(holder, now)?;
        }
        let until = now + Duration::from_secs(u64::from(seconds));
        self.0.insert(what, Claim { holder, until });
        Ok(())
    }

    fn make_room(&mut self, holder: PublicKey, now: Instant) -> Result<(), Refusal> {
        self.0.retain(|_, claim| claim.until > now);
        let of_holder = self.0.values().filter(|claim| claim.holder == holder).count();
        if of_holder >= CLAIMS_PER_HOLDER_MAX || self.0.len() >= CLAIMS_MAX {
            return Err(Refusal::new(Code::Busy, format!("{of_holder} claims of this holder stand already")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> PublicKey {
        protocol::SecretKey::from_bytes(&[number; 32]).public()
    }

    fn what(number: u8) -> Claimed {
        Claimed { control: key(1), subject: Root::from_bytes([number; 32]) }
    }

    #[test]
    fn a_claim_keeps_others_out_until_it_ends_or_is_given_back() {
        let (mut claims, start) = (Claims::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        let code = |outcome: Result<(), Refusal>| outcome.unwrap_err().code();
        claims.claim(what(1), key(2), 60, start).unwrap();
        assert_eq!(code(claims.claim(what(1), key(3), 60, later(59))), Code::Claimed);
        assert_eq!(code(claims.claim(what(1), key(3), 0, later(59))), Code::Claimed, "not his to give back");
        claims.claim(what(2), key(3), 60, start).unwrap();
        claims.claim(what(1), key(2), 60, later(30)).unwrap();
        assert_eq!(code(claims.claim(what(1), key(3), 60, later(89))), Code::Claimed, "it was prolonged");
        claims.claim(what(1), key(3), 60, later(90)).unwrap();
        claims.claim(what(1), key(3), 0, later(91)).unwrap();
        claims.claim(what(1), key(2), 600, later(91)).unwrap();
        assert_eq!(code(claims.claim(what(1), key(2), 601, later(92))), Code::BadRequest);
    }

    #[test]
    fn one_holder_gets_a_named_number_of_claims() {
        let (mut claims, now) = (Claims::default(), Instant::now());
        let subject = |number: usize| Claimed { control: key(1), subject: Root::of(&number.to_le_bytes()) };
        for number in 0..CLAIMS_PER_HOLDER_MAX {
            claims.claim(subject(number), key(2), 60, now).unwrap();
        }
        let beyond = subject(CLAIMS_PER_HOLDER_MAX);
        assert_eq!(claims.claim(beyond, key(2), 60, now).unwrap_err().code(), Code::Busy);
        claims.claim(subject(0), key(2), 60, now).unwrap();
        claims.claim(beyond, key(3), 60, now).unwrap();
        claims.claim(subject(2000), key(2), 60, now + Duration::from_mins(1)).unwrap();
    }
}
