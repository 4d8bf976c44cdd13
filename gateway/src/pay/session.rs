//! One session: what was granted, what was sent, and what the viewer has acknowledged (spec §26). No clock, no socket.

use std::collections::BTreeMap;

use protocol::{DeliveryReceipt, Digest, Sequence, SessionGrant, UnixSeconds, Usage};

/// Bytes that a viewer may acknowledge beyond what was sent: a segment whose count was lost when the gateway ended.
const AHEAD_LEN_MAX: u64 = 1 << 27;

/// What a gateway knows of one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    grant: SessionGrant,
    credit: u64,
    sent: u64,
    streams: BTreeMap<u8, Stream>,
}

/// The newest receipt of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stream {
    newest: (Sequence, Digest),
    usage: Usage,
}

/// Why nothing more is sent for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    #[error("{unacknowledged} bytes were sent that no receipt acknowledges, {credit} may be")]
    ReceiptsWanted { unacknowledged: u64, credit: u64 },
    #[error("all that was granted is used: {limit}")]
    GrantUsedUp { limit: Usage },
    #[error("the grant ended at {at}")]
    GrantExpired { at: UnixSeconds },
}

/// Why a receipt is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptRefused {
    #[error("it is for another grant than this session's")]
    OtherGrant,
    #[error("{usage} all in all, {limit} are granted")]
    OverLimit { usage: Usage, limit: Usage },
    #[error("{bytes} bytes all in all, {sent} were sent")]
    NotSent { bytes: u64, sent: u64 },
    #[error("receipt {seq} of stream {stream} says less than one before it, or more than one behind it")]
    OutOfLine { seq: Sequence, stream: u8 },
}

impl Session {
    /// A session in which nothing was sent yet; what was sent in an earlier one counts as far as it was acknowledged.
    pub(crate) fn new(grant: SessionGrant, credit: u64) -> Self {
        Self { grant, credit, sent: 0, streams: BTreeMap::new() }
    }

    pub(crate) const fn grant(&self) -> &SessionGrant {
        &self.grant
    }

    /// Puts back what an earlier session under this grant has taken.
    pub(crate) fn restore(&mut self, receipt: &DeliveryReceipt) {
        self.keep(receipt);
        self.sent = self.sent.max(self.acknowledged().bytes);
    }

    /// Whether more may be sent at this time.
    pub(crate) fn may_send(&self, now: UnixSeconds) -> Result<(), Stop> {
        let SessionGrant { limit, expires: at, .. } = self.grant;
        if at.has_passed(now) {
            return Err(Stop::GrantExpired { at });
        }
        let acknowledged = self.acknowledged();
        if self.sent >= limit.bytes || acknowledged.ms >= limit.ms {
            return Err(Stop::GrantUsedUp { limit });
        }
        let unacknowledged = self.sent.saturating_sub(acknowledged.bytes);
        if unacknowledged >= self.credit {
            return Err(Stop::ReceiptsWanted { unacknowledged, credit: self.credit });
        }
        Ok(())
    }

    /// Counts bytes that go out.
    pub(crate) fn count(&mut self, len: u64) {
        self.sent = self.sent.saturating_add(len);
    }

    /// Takes back what was counted and did not go out.
    pub(crate) fn give_back(&mut self, len: u64) {
        self.sent = self.sent.saturating_sub(len);
    }

    /// Whether a receipt may be taken, and is news.
    pub(crate) fn check(&self, receipt: &DeliveryReceipt) -> Result<bool, ReceiptRefused> {
        if receipt.serial != self.grant.serial {
            return Err(ReceiptRefused::OtherGrant);
        }
        let number = u8::from(receipt.stream);
        let new = Stream::of(receipt);
        if let Some(known) = self.streams.get(&number) {
            let (first, second) = if new.newest <= known.newest { (new, *known) } else { (*known, new) };
            if !first.usage.is_within(second.usage) {
                return Err(ReceiptRefused::OutOfLine { seq: receipt.seq, stream: number });
            }
            if new.newest <= known.newest {
                return Ok(false);
            }
        }
        let others = self.streams.iter().filter(|(other, _)| **other != number);
        let usage = others.fold(receipt.usage, |sum, (_, stream)| sum.plus(stream.usage));
        let limit = self.grant.limit;
        if !usage.is_within(limit) {
            return Err(ReceiptRefused::OverLimit { usage, limit });
        }
        if usage.bytes > self.sent.saturating_add(AHEAD_LEN_MAX) {
            return Err(ReceiptRefused::NotSent { bytes: usage.bytes, sent: self.sent });
        }
        Ok(true)
    }

    /// Takes a receipt that is durable, when it may be taken and is news.
    pub(crate) fn take(&mut self, receipt: &DeliveryReceipt) -> bool {
        let is_news = self.check(receipt) == Ok(true);
        if is_news {
            self.keep(receipt);
        }
        is_news
    }

    /// What was acknowledged on all streams.
    pub(crate) fn acknowledged(&self) -> Usage {
        self.streams.values().fold(Usage::default(), |sum, stream| sum.plus(stream.usage))
    }

    fn keep(&mut self, receipt: &DeliveryReceipt) {
        self.streams.insert(receipt.stream.into(), Stream::of(receipt));
    }
}

impl Stream {
    fn of(receipt: &DeliveryReceipt) -> Self {
        let body = Digest::of(&proofs::canonical::to_vec(receipt));
        Self { newest: (receipt.seq, body), usage: receipt.usage }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::{AgreementId, Alias, Amount, Delivered, Epoch, SecretKey, Serial, StreamNumber};

    use super::*;

    const CREDIT: u64 = 1000;
    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn grant(bytes: u64, ms: u64) -> SessionGrant {
        let key = |seed| SecretKey::from_bytes(&[seed; 32]).public();
        SessionGrant {
            agreement: AgreementId::from_bytes([1; 32]),
            alias: Alias::from_bytes([2; 32]),
            attested: false,
            charge: Amount::new(500).unwrap(),
            epoch: Epoch::new(1),
            expires: NOW.plus(60),
            gateway: key(1),
            limit: Usage { bytes, ms },
            serial: Serial::from_bytes([3; 16]),
            session: key(2),
            starts: NOW,
        }
    }

    fn receipt(stream: u8, seq: u64, bytes: u64, ms: u64) -> DeliveryReceipt {
        DeliveryReceipt {
            delivered: Delivered::NOTHING,
            seq: Sequence::new(seq),
            serial: Serial::from_bytes([3; 16]),
            stream: StreamNumber::try_from(stream).unwrap(),
            usage: Usage { bytes, ms },
        }
    }

    #[test]
    fn the_credit_window_closes_and_a_receipt_opens_it() {
        let mut session = Session::new(grant(10_000, 10_000), CREDIT);
        session.count(CREDIT - 1);
        assert_eq!(session.may_send(NOW), Ok(()));
        session.count(1);
        let stop = Stop::ReceiptsWanted { unacknowledged: CREDIT, credit: CREDIT };
        assert_eq!(session.may_send(NOW), Err(stop));
        assert!(session.take(&receipt(0, 1, 1, 0)));
        assert_eq!(session.may_send(NOW), Ok(()));
    }

    #[test]
    fn grants_end_by_bytes_time_and_date() {
        let mut session = Session::new(grant(500, 10_000), CREDIT);
        session.count(500);
        assert!(matches!(session.may_send(NOW), Err(Stop::GrantUsedUp { .. })));
        let mut session = Session::new(grant(10_000, 3000), CREDIT);
        assert!(session.take(&receipt(0, 1, 0, 1500)) && session.take(&receipt(9, 1, 0, 1500)));
        assert!(matches!(session.may_send(NOW), Err(Stop::GrantUsedUp { .. })));
        assert!(matches!(session.check(&receipt(0, 2, 0, 1501)), Err(ReceiptRefused::OverLimit { .. })));
        let session = Session::new(grant(1, 1), CREDIT);
        assert!(matches!(session.may_send(NOW.plus(60)), Err(Stop::GrantExpired { .. })));
    }

    #[test]
    fn nobody_acknowledges_what_was_not_sent_or_less_than_before() {
        let mut session = Session::new(grant(1 << 40, 10_000), CREDIT);
        session.count(100);
        let ahead = 100 + AHEAD_LEN_MAX;
        assert_eq!(session.check(&receipt(0, 1, ahead, 0)), Ok(true));
        assert!(matches!(session.check(&receipt(0, 1, ahead + 1, 0)), Err(ReceiptRefused::NotSent { .. })));
        assert!(session.take(&receipt(0, 5, 90, 10)));
        assert!(matches!(session.check(&receipt(0, 6, 89, 10)), Err(ReceiptRefused::OutOfLine { .. })));
        assert!(matches!(session.check(&receipt(0, 4, 91, 10)), Err(ReceiptRefused::OutOfLine { .. })));
        assert_eq!(session.check(&receipt(0, 4, 90, 10)), Ok(false), "an older one that says no more");
        let other = DeliveryReceipt { serial: Serial::from_bytes([4; 16]), ..receipt(0, 7, 95, 10) };
        assert_eq!(session.check(&other), Err(ReceiptRefused::OtherGrant));
    }

    proptest! {
        /// What the ledger makes of all receipts, the newest and the most of each number, is what the newest say here:
        /// so it is enough to keep and to hand over these.
        #[test]
        fn the_newest_receipts_say_all(
            receipts in prop::collection::vec((0..3_u8, 0..6_u64, 0..400_u64, 0..400_u64), 0..24),
            sent in 0..900_u64,
        ) {
            let mut session = Session::new(grant(1000, 1000), CREDIT);
            session.count(sent);
            let mut all: BTreeMap<u8, Usage> = BTreeMap::new();
            for (stream, seq, bytes, ms) in receipts {
                let receipt = receipt(stream, seq, bytes, ms);
                let before = session.acknowledged();
                if session.check(&receipt).is_ok() {
                    let joined = all.entry(stream).or_default();
                    *joined = joined.join(receipt.usage);
                }
                let is_news = session.check(&receipt) == Ok(true);
                prop_assert_eq!(session.take(&receipt), is_news);
                prop_assert!(!session.take(&receipt), "it is no news the second time");
                prop_assert!(before.is_within(session.acknowledged()), "what is acknowledged never falls");
                prop_assert!(session.acknowledged().is_within(session.grant().limit));
            }
            let sum = all.values().fold(Usage::default(), |sum, usage| sum.plus(*usage));
            prop_assert_eq!(session.acknowledged(), sum);
        }

        /// However sending and receipts follow each other, no more is ever owed than the window and one piece.
        #[test]
        fn never_more_is_owed_than_the_window_and_one_piece(
            steps in prop::collection::vec((1..300_u64, any::<bool>()), 0..60),
        ) {
            let mut session = Session::new(grant(1 << 30, 1 << 30), CREDIT);
            let (mut sent, mut seq) = (0, 0);
            for (len, acknowledges) in steps {
                if session.may_send(NOW).is_ok() {
                    session.count(len);
                    sent += len;
                }
                if acknowledges {
                    seq += 1;
                    prop_assert!(session.take(&receipt(0, seq, sent, 0)));
                }
                prop_assert!(sent - session.acknowledged().bytes < CREDIT + 300);
            }
        }
    }
}
