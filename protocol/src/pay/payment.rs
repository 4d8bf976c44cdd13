//! What a gateway shows a node to pay it: four records that have to fit together (spec §13).

use serde::{Deserialize, Serialize};

use crate::limits::{LANES_MAX, VOUCHER_REDEEM_S};
use crate::{
    Admission, AdmissionError, Allocation, Amount, Code, Digest, Epoch, LaneNumber, NetworkId, Promise,
    PublicKey, RecordError, Signed, UnixSeconds, Unverified, Voucher,
};

/// The records of a `Pay`, as they came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// Binds the endpoint that pays to the payer.
    pub admission: Unverified<Admission>,
    /// What the payer has set aside for the lane.
    pub allocation: Unverified<Allocation>,
    /// That the ledger has taken the allocation.
    pub promise: Unverified<Promise>,
    /// What the payer owes.
    pub voucher: Unverified<Voucher>,
}

/// What a voucher of a lane has to say so that nothing is open: the answer to a `Pay`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counted {
    /// All bytes that the node has delivered on the lane.
    pub bytes: u64,
    /// What it asks for them.
    pub amount: Amount,
}

/// What a node knows, and goes by, when it is paid.
#[derive(Clone, Copy, Debug)]
pub struct Paid {
    /// The network.
    pub network: NetworkId,
    /// The node.
    pub node: PublicKey,
    /// The ledger that it sells by.
    pub ledger: PublicKey,
    /// The endpoint at the other end of the connection.
    pub endpoint: PublicKey,
    /// The time.
    pub now: UnixSeconds,
}

/// Whose lane in which epoch; the payee is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PayLane {
    /// Who pays.
    pub payer: PublicKey,
    /// In which epoch.
    pub epoch: Epoch,
    /// Which of its lanes.
    pub number: LaneNumber,
}

/// A payment whose records verify and fit together.
#[derive(Clone, PartialEq, Debug)]
pub struct VerifiedPayment {
    allocation: Signed<Allocation>,
    promise: Signed<Promise>,
    voucher: Signed<Voucher>,
}

/// Why the records of a payment do not fit together.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PaymentError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    #[error("{what} signed by {by}, not by {expected}")]
    Signer { what: &'static str, by: PublicKey, expected: PublicKey },
    #[error("promise for record {named}, not for {expected}")]
    Promised { named: Digest, expected: Digest },
    #[error("{what} for node {named}, this is {node}")]
    Payee { what: &'static str, named: PublicKey, node: PublicKey },
    #[error("voucher of epoch {} and lane {}, allocation of {} and {}", .voucher.0, .voucher.1.get(), .allocation.0, .allocation.1.get())]
    Lane { voucher: (Epoch, LaneNumber), allocation: (Epoch, LaneNumber) },
    #[error("lane {0}, they are numbered below {LANES_MAX}")]
    LaneNumber(u32),
    #[error(
        "the promise ends at {until}, which leaves less than {VOUCHER_REDEEM_S} s to hand in what is paid"
    )]
    Ending { until: UnixSeconds },
    #[error("voucher of {amount}, {allocated} are set aside")]
    OverAllocation { amount: Amount, allocated: Amount },
}

impl PaymentError {
    /// The code with which a node refuses.
    pub fn code(&self) -> Code {
        match self {
            Self::Record(error) => error.code(),
            Self::Admission(error) => error.code(),
            Self::Signer { .. } | Self::Promised { .. } => Code::BadSignature,
            Self::Payee { .. } | Self::Lane { .. } | Self::LaneNumber(_) => Code::BadRequest,
            Self::Ending { .. } => Code::Expired,
            Self::OverAllocation { .. } => Code::Quota,
        }
    }
}

impl Payment {
    /// The records, when they verify and say together that the payer of this endpoint owes something to this node.
    pub fn verify(&self, paid: &Paid) -> Result<VerifiedPayment, PaymentError> {
        let admission = self.admission.verify(&paid.network)?;
        let network = &paid.network.at_ledger(&paid.ledger);
        admission.body().admits(&paid.endpoint, paid.now)?;
        let verified = VerifiedPayment {
            allocation: self.allocation.verify(network)?,
            promise: self.promise.verify(network)?,
            voucher: self.voucher.verify(network)?,
        };
        let payer = admission.by();
        signed("allocation", verified.allocation.by(), payer)?;
        signed("voucher", verified.voucher.by(), payer)?;
        signed("promise", verified.promise.by(), paid.ledger)?;
        verified.check(paid)?;
        Ok(verified)
    }
}

impl VerifiedPayment {
    fn check(&self, paid: &Paid) -> Result<(), PaymentError> {
        let (allocation, voucher, promise) =
            (self.allocation.body(), self.voucher.body(), self.promise.body());
        let expected = self.allocation.name();
        if promise.name != expected {
            return Err(PaymentError::Promised { named: promise.name, expected });
        }
        for (what, named) in [("allocation", allocation.payee), ("voucher", voucher.payee)] {
            if named != paid.node {
                return Err(PaymentError::Payee { what, named, node: paid.node });
            }
        }
        let lanes = ((voucher.epoch, voucher.lane), (allocation.epoch, allocation.lane));
        if lanes.0 != lanes.1 {
            return Err(PaymentError::Lane { voucher: lanes.0, allocation: lanes.1 });
        }
        if voucher.lane.get() >= LANES_MAX {
            return Err(PaymentError::LaneNumber(voucher.lane.get()));
        }
        if promise.until.has_passed(paid.now.plus(VOUCHER_REDEEM_S)) {
            return Err(PaymentError::Ending { until: promise.until });
        }
        if voucher.amount > allocation.amount {
            return Err(PaymentError::OverAllocation {
                amount: voucher.amount,
                allocated: allocation.amount,
            });
        }
        Ok(())
    }

    /// The lane that it is about.
    pub fn lane(&self) -> PayLane {
        let Voucher { epoch, lane: number, .. } = *self.voucher.body();
        PayLane { payer: self.voucher.by(), epoch, number }
    }

    /// What is set aside for the lane.
    pub const fn allocation(&self) -> &Signed<Allocation> {
        &self.allocation
    }

    /// That the ledger has taken that.
    pub const fn promise(&self) -> &Signed<Promise> {
        &self.promise
    }

    /// What is owed.
    pub const fn voucher(&self) -> &Signed<Voucher> {
        &self.voucher
    }
}

fn signed(what: &'static str, by: PublicKey, expected: PublicKey) -> Result<(), PaymentError> {
    if by == expected { Ok(()) } else { Err(PaymentError::Signer { what, by, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretKey;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);
    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn paid() -> Paid {
        let [node, ledger, endpoint] = [2, 3, 4].map(|seed| key(seed).public());
        Paid { network: NETWORK, node, ledger, endpoint, now: NOW }
    }

    /// What the records say, to be changed before they are signed.
    #[derive(Clone)]
    struct Draft {
        signers: [u8; 4],
        admission: Admission,
        allocation: Allocation,
        promise: Promise,
        is_promised: bool,
        voucher: Voucher,
        /// All but the admission.
        signed_for: NetworkId,
    }

    impl Draft {
        fn new() -> Self {
            let (payee, epoch, lane) = (paid().node, Epoch::new(7), LaneNumber::new(1));
            let amount = Amount::new(100).unwrap();
            Self {
                signers: [1, 1, 3, 1],
                admission: Admission { endpoint: paid().endpoint, expires: NOW.plus(1) },
                allocation: Allocation { amount, epoch, issued: NOW, lane, payee },
                promise: Promise { name: Digest::of(b""), taken: NOW, until: NOW.plus(VOUCHER_REDEEM_S + 1) },
                is_promised: true,
                voucher: Voucher { amount, bytes: 9, epoch, lane, payee },
                signed_for: NETWORK.at_ledger(&paid().ledger),
            }
        }

        fn payment(&self) -> Payment {
            let [admission, allocation, promise, voucher] = self.signers.map(key);
            let allocation = Signed::sign(&allocation, &self.signed_for, self.allocation);
            let name = if self.is_promised { allocation.name() } else { self.promise.name };
            let promise = Signed::sign(&promise, &self.signed_for, Promise { name, ..self.promise });
            Payment {
                admission: (&Signed::sign(&admission, &NETWORK, self.admission)).into(),
                allocation: (&allocation).into(),
                promise: (&promise).into(),
                voucher: (&Signed::sign(&voucher, &self.signed_for, self.voucher)).into(),
            }
        }
    }

    fn code(change: impl FnOnce(&mut Draft)) -> Option<Code> {
        let mut draft = Draft::new();
        change(&mut draft);
        draft.payment().verify(&paid()).err().map(|error| error.code())
    }

    #[test]
    fn records_that_fit_together_are_taken() {
        let payment = Draft::new().payment().verify(&paid()).unwrap();
        let lane = PayLane { payer: key(1).public(), epoch: Epoch::new(7), number: LaneNumber::new(1) };
        assert_eq!(payment.lane(), lane);
    }

    #[test]
    fn every_record_is_by_who_has_to_sign_it() {
        for record in 0..4 {
            assert_eq!(code(|draft| draft.signers[record] = 9), Some(Code::BadSignature), "{record}");
        }
        let elsewhere = NetworkId::from_bytes([2; 32]).at_ledger(&paid().ledger);
        for other in [elsewhere, NETWORK, NETWORK.at_ledger(&key(9).public())] {
            assert_eq!(code(|draft| draft.signed_for = other), Some(Code::BadSignature), "{other}");
        }
        assert_eq!(code(|draft| draft.is_promised = false), Some(Code::BadSignature));
    }

    #[test]
    fn records_for_somebody_else_or_another_time_are_refused() {
        let other = key(9).public();
        assert_eq!(code(|draft| draft.admission.endpoint = other), Some(Code::NotAdmitted));
        assert_eq!(code(|draft| draft.admission.expires = NOW), Some(Code::Expired));
        assert_eq!(code(|draft| draft.allocation.payee = other), Some(Code::BadRequest));
        assert_eq!(code(|draft| draft.voucher.payee = other), Some(Code::BadRequest));
        assert_eq!(code(|draft| draft.voucher.epoch = Epoch::new(8)), Some(Code::BadRequest));
        assert_eq!(code(|draft| draft.voucher.lane = LaneNumber::new(2)), Some(Code::BadRequest));
        assert_eq!(code(|draft| draft.promise.until = NOW.plus(VOUCHER_REDEEM_S)), Some(Code::Expired));
    }

    #[test]
    fn no_more_is_owed_than_is_set_aside_and_lanes_are_few() {
        let more = Amount::new(101).unwrap();
        assert_eq!(code(|draft| draft.voucher.amount = more), Some(Code::Quota));
        let lane = |number| {
            move |draft: &mut Draft| {
                (draft.voucher.lane, draft.allocation.lane) =
                    (LaneNumber::new(number), LaneNumber::new(number));
            }
        };
        assert_eq!(code(lane(LANES_MAX - 1)), None);
        assert_eq!(code(lane(LANES_MAX)), Some(Code::BadRequest));
    }
}
