//! One session: what was granted, what was sent, and what the viewer has acknowledged (spec §26). No clock, no socket.

use std::collections::BTreeMap;

use protocol::{Amount, DeliveryReceipt, Digest, Sequence, SessionGrant, TitlePrice, UnixSeconds, Usage};

use super::coverage::Coverage;
use super::piece::{Medium, Piece, Time};

/// Bytes that a viewer may acknowledge beyond what was sent: a segment whose count was lost when the gateway ended.
const AHEAD_LEN_MAX: u64 = 1 << 27;
/// Milliseconds of a title that may be sent before they are acknowledged as played, where time costs something.
pub(crate) const CREDIT_MS: u64 = 60_000;

/// What a gateway knows of one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    grant: SessionGrant,
    price: TitlePrice,
    credit: Usage,
    sent: u64,
    shown: Shown,
    streams: BTreeMap<u8, Stream>,
}

/// How much of the time of the title was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shown {
    picture: Coverage,
    sound: Coverage,
    /// Milliseconds of what is reserved, and not begun.
    reserved: u64,
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
    #[error("{unacknowledged} were sent that no receipt acknowledges, {credit} may be")]
    ReceiptsWanted { unacknowledged: Usage, credit: Usage },
    #[error("all that was granted is used: {limit}, for at most {charge}")]
    GrantUsedUp { limit: Usage, charge: Amount },
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
    /// `credit` is in bytes.
    pub(crate) fn new(grant: SessionGrant, price: TitlePrice, credit: u64) -> Self {
        let credit = Usage { bytes: credit, ms: CREDIT_MS };
        Self { grant, price, credit, sent: 0, shown: Shown::default(), streams: BTreeMap::new() }
    }

    pub(crate) const fn grant(&self) -> &SessionGrant {
        &self.grant
    }

    /// Puts back what an earlier session under this grant has taken.
    pub(crate) fn restore(&mut self, receipt: &DeliveryReceipt) {
        self.keep(receipt);
        let Usage { bytes, ms } = self.acknowledged();
        self.sent = self.sent.max(bytes);
        self.shown.picture.raise_to(ms);
        self.shown.sound.raise_to(ms);
    }

    /// Counts a piece that is to go out, when it may at this time. `elsewhere` is what the viewer has not acknowledged
    /// in other sessions.
    pub(crate) fn reserve(&mut self, piece: &Piece, elsewhere: Usage, now: UnixSeconds) -> Result<(), Stop> {
        let SessionGrant { limit, charge, expires: at, .. } = self.grant;
        if at.has_passed(now) {
            return Err(Stop::GrantExpired { at });
        }
        let acknowledged = self.acknowledged();
        let bytes = self.sent.saturating_add(piece.len);
        let ms = self.shown.ms_with(piece).max(acknowledged.ms);
        let is_within = self.sent < limit.bytes && bytes <= limit.bytes && acknowledged.ms < limit.ms;
        if !is_within || !self.price.is_covered(Usage { bytes, ms }, charge) {
            return Err(Stop::GrantUsedUp { limit, charge });
        }
        let (unacknowledged, credit) = (self.unacknowledged().plus(elsewhere), self.credit);
        if unacknowledged.bytes >= credit.bytes || unacknowledged.ms >= credit.ms {
            return Err(Stop::ReceiptsWanted { unacknowledged, credit });
        }
        self.sent = bytes;
        self.shown.reserve(piece);
        Ok(())
    }

    /// The answer with a reserved piece begins: what of its time it holds was sent, however it ends.
    pub(crate) fn begin(&mut self, piece: &Piece) {
        self.shown.release(piece);
        self.shown.add(piece);
    }

    /// No answer with a reserved piece begins.
    pub(crate) fn cancel(&mut self, piece: &Piece) {
        self.shown.release(piece);
        self.give_back(piece.len);
    }

    /// Takes back bytes that were counted and did not go out.
    pub(crate) fn give_back(&mut self, len: u64) {
        self.sent = self.sent.saturating_sub(len);
    }

    /// What was sent and no receipt acknowledges; time only where more of it would cost more.
    pub(crate) fn unacknowledged(&self) -> Usage {
        let Usage { bytes, ms } = self.acknowledged();
        let shown = if self.price.counts_time_after(ms) { self.shown.ms() } else { 0 };
        Usage { bytes: self.sent.saturating_sub(bytes), ms: shown.saturating_sub(ms) }
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
        Self { newest: rank(receipt), usage: receipt.usage }
    }
}

/// Of two receipts of one stream the one with the greater rank is newer.
pub(super) fn rank(receipt: &DeliveryReceipt) -> (Sequence, Digest) {
    (receipt.seq, Digest::of(&proofs::canonical::to_vec(receipt)))
}

impl Shown {
    /// Milliseconds of the medium of which most was sent, and all that is about to be.
    fn ms(&self) -> u64 {
        self.picture.ms().max(self.sound.ms()).saturating_add(self.reserved)
    }

    /// The same once a piece was sent.
    fn ms_with(&self, piece: &Piece) -> u64 {
        let (medium, new) = match piece.time {
            Some(Time::Span { medium, begin, end }) => (medium, self.of(medium).missing(begin, end)),
            Some(Time::Length { medium, us }) => (medium, us.div_ceil(1000)),
            None => return self.ms(),
        };
        let there = self.of(medium).ms().saturating_add(self.reserved);
        self.ms().max(there.saturating_add(new))
    }

    fn reserve(&mut self, piece: &Piece) {
        match piece.time {
            Some(Time::Span { begin, end, .. }) => self.reserved = self.reserved.saturating_add(end - begin),
            // It goes out at once.
            Some(Time::Length { medium, us }) => self.of_mut(medium).add_unplaced(us),
            None => {}
        }
    }

    fn release(&mut self, piece: &Piece) {
        if let Some(Time::Span { begin, end, .. }) = piece.time {
            self.reserved = self.reserved.saturating_sub(end - begin);
        }
    }

    fn add(&mut self, piece: &Piece) {
        if let Some(Time::Span { medium, begin, end }) = piece.time {
            self.of_mut(medium).add(begin, end);
        }
    }

    const fn of(&self, medium: Medium) -> &Coverage {
        match medium {
            Medium::Picture => &self.picture,
            Medium::Sound => &self.sound,
        }
    }

    const fn of_mut(&mut self, medium: Medium) -> &mut Coverage {
        match medium {
            Medium::Picture => &mut self.picture,
            Medium::Sound => &mut self.sound,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::{AgreementId, Alias, Delivered, Epoch, Per, Quantity, SecretKey, Serial, StreamNumber};

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

    fn price(micro: u64, of: u64, per: Per) -> TitlePrice {
        TitlePrice { micro: Amount::new(micro).unwrap(), of: Quantity::new(of).unwrap(), per }
    }

    /// A session of a title that costs nothing.
    fn free(grant: SessionGrant) -> Session {
        Session::new(grant, price(0, 1, Per::Byte), CREDIT)
    }

    fn bytes(len: u64) -> Piece {
        Piece { len, time: None }
    }

    /// A segment of 4 s.
    fn segment(medium: Medium, number: u64) -> Piece {
        Piece { len: 1, time: Some(Time::Span { medium, begin: 4000 * number, end: 4000 * (number + 1) }) }
    }

    fn send(session: &mut Session, piece: Piece) -> Result<(), Stop> {
        session.reserve(&piece, Usage::default(), NOW)?;
        session.begin(&piece);
        Ok(())
    }

    #[test]
    fn the_credit_window_closes_and_a_receipt_opens_it() {
        let mut session = free(grant(10_000, 10_000));
        assert_eq!(send(&mut session, bytes(CREDIT - 1)), Ok(()));
        assert_eq!(send(&mut session, bytes(1)), Ok(()));
        let credit = Usage { bytes: CREDIT, ms: CREDIT_MS };
        let stop = Stop::ReceiptsWanted { unacknowledged: Usage { bytes: CREDIT, ms: 0 }, credit };
        assert_eq!(send(&mut session, bytes(1)), Err(stop));
        assert!(session.take(&receipt(0, 1, 1, 0)));
        assert_eq!(send(&mut session, bytes(1)), Ok(()));
    }

    #[test]
    fn what_is_reserved_counts_until_it_is_given_back_and_what_is_owed_elsewhere_counts_too() {
        let mut session = free(grant(10_000, 10_000));
        session.reserve(&bytes(CREDIT), Usage::default(), NOW).unwrap();
        assert!(matches!(send(&mut session, bytes(1)), Err(Stop::ReceiptsWanted { .. })), "at the same time");
        session.cancel(&bytes(CREDIT));
        let elsewhere = Usage { bytes: CREDIT, ms: 0 };
        let stop = session.reserve(&bytes(1), elsewhere, NOW);
        assert!(matches!(stop, Err(Stop::ReceiptsWanted { .. })), "under another grant of this viewer");
        assert_eq!(send(&mut session, bytes(1)), Ok(()));
    }

    #[test]
    fn grants_end_by_bytes_time_and_date() {
        let mut session = free(grant(500, 10_000));
        assert!(matches!(send(&mut session, bytes(501)), Err(Stop::GrantUsedUp { .. })));
        assert_eq!(send(&mut session, bytes(500)), Ok(()));
        assert!(matches!(send(&mut session, bytes(0)), Err(Stop::GrantUsedUp { .. })));
        let mut session = free(grant(10_000, 3000));
        assert!(session.take(&receipt(0, 1, 0, 1500)) && session.take(&receipt(9, 1, 0, 1500)));
        assert!(matches!(send(&mut session, bytes(1)), Err(Stop::GrantUsedUp { .. })));
        assert!(matches!(session.check(&receipt(0, 2, 0, 1501)), Err(ReceiptRefused::OverLimit { .. })));
        let mut session = free(grant(10, 10));
        let late = session.reserve(&bytes(1), Usage::default(), NOW.plus(60));
        assert!(matches!(late, Err(Stop::GrantExpired { .. })));
    }

    #[test]
    fn nothing_is_sent_that_the_charge_does_not_cover() {
        // 500 micro-units are set aside.
        let mut session = Session::new(grant(1 << 40, 1 << 30), price(1, 1, Per::Byte), 1 << 20);
        assert_eq!(send(&mut session, bytes(500)), Ok(()));
        assert!(matches!(send(&mut session, bytes(1)), Err(Stop::GrantUsedUp { .. })));
        let nothing = SessionGrant { charge: Amount::ZERO, ..grant(1 << 40, 1 << 30) };
        for (micro, of, per) in [(1, 1, Per::Byte), (1, 4, Per::Second), (1, 1 << 32, Per::View)] {
            let mut session = Session::new(nothing, price(micro, of, per), CREDIT);
            let stop = send(&mut session, segment(Medium::Sound, 0));
            assert!(matches!(stop, Err(Stop::GrantUsedUp { .. })), "{per:?}");
        }
        let mut session = Session::new(grant(1 << 40, 1 << 30), price(125, 1, Per::Second), CREDIT);
        assert_eq!(send(&mut session, segment(Medium::Picture, 0)), Ok(()), "4 s for 500");
        assert_eq!(send(&mut session, segment(Medium::Sound, 0)), Ok(()), "at the same time");
        assert!(matches!(send(&mut session, segment(Medium::Sound, 1)), Err(Stop::GrantUsedUp { .. })));
    }

    /// How many segments are sent of which nothing is acknowledged as played but `ms`.
    fn segments_for(price: TitlePrice, ms: u64) -> u64 {
        let mut session = Session::new(grant(1 << 40, 1 << 30), price, CREDIT);
        session.take(&receipt(0, 1, 0, ms));
        (0..100).take_while(|number| send(&mut session, segment(Medium::Picture, *number)).is_ok()).count()
            as u64
    }

    #[test]
    fn time_that_costs_something_is_acknowledged_as_it_is_delivered() {
        let window = CREDIT_MS / 4000;
        assert_eq!(segments_for(price(1, 1, Per::Second), 0), window);
        assert_eq!(segments_for(price(1, 1, Per::Second), 8000), window + 2);
        assert_eq!(segments_for(price(500, 30, Per::View), 29_999), window + 8);
        assert_eq!(segments_for(price(500, 30, Per::View), 30_000), 100, "the view counts");
        assert_eq!(
            [price(0, 1, Per::Second), price(1, 1, Per::Byte)].map(|price| segments_for(price, 0)),
            [100; 2]
        );
        let mut session = Session::new(grant(1 << 40, 1 << 30), price(1, 1, Per::Second), CREDIT);
        for _ in 0..100 {
            assert_eq!(
                send(&mut session, segment(Medium::Picture, 0)),
                Ok(()),
                "what was sent before is no news"
            );
        }
    }

    #[test]
    fn nobody_acknowledges_what_was_not_sent_or_less_than_before() {
        let mut session = free(grant(1 << 40, 10_000));
        send(&mut session, bytes(100)).unwrap();
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
            let mut session = free(grant(1000, 1000));
            send(&mut session, bytes(sent)).unwrap();
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
            let mut session = free(grant(1 << 30, 1 << 30));
            let (mut sent, mut seq) = (0, 0);
            for (len, acknowledges) in steps {
                if send(&mut session, bytes(len)).is_ok() {
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
