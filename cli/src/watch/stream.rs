//! What came on one stream of a grant, and what its receipts say (spec §26). No clock, no socket.

use std::collections::BTreeSet;

use protocol::{Delivered, DeliveryReceipt, Sequence, Serial, StreamNumber, Usage};
use sharing::{ContentHash, LiveTrack, Segment, Track, TrackKind};

/// Segments after which a receipt is sent.
const SEGMENTS: u64 = 4;
/// The part of a gateway's credit after which one is sent.
const CREDIT_PART: u64 = 4;

/// A segment as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) len: u64,
    pub(super) hash: ContentHash,
    moment: Option<Moment>,
}

/// When a segment is played: the same for all sizes of a picture, and for all sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    is_picture: bool,
    number: u32,
    ms: u64,
}

impl Piece {
    /// Segment `number` of a track; `None` behind the last one.
    pub(super) fn segment(track: &Track, number: u32) -> Option<Self> {
        let place = track.segment(number)?;
        let ms = |ticks: u64| u128::from(ticks) * 1000 / u128::from(track.timescale().get());
        let ms = ms(place.start() + u64::from(place.duration())) - ms(place.start());
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        let moment = |is_picture| Moment { is_picture, number, ms };
        let moment = match track.kind() {
            TrackKind::Video(_) => Some(moment(true)),
            TrackKind::Audio(_) => Some(moment(false)),
            TrackKind::Subtitles => None,
        };
        Some(Self { len: place.len().into(), hash: place.hash(), moment })
    }

    /// A segment of a track of a live stream, before which so many units have come.
    pub(super) fn live(track: &LiveTrack, number: u32, before: u64, segment: &Segment) -> Self {
        let ms = |ticks: u64| u128::from(ticks) * 1000 / u128::from(track.timescale.get());
        let ms = ms(before + u64::from(segment.duration)) - ms(before);
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        let is_picture = matches!(track.kind, TrackKind::Video(_));
        Self { len: segment.len.into(), hash: segment.hash, moment: Some(Moment { is_picture, number, ms }) }
    }

    /// The most that it can add to a usage.
    pub(super) fn usage(&self) -> Usage {
        Usage { bytes: self.len, ms: self.moment.map_or(0, |moment| moment.ms) }
    }
}

/// All that came on a stream. What is handed to a player counts as played, each moment once: nobody sees what is played.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    newest: DeliveryReceipt,
    /// What the gateway has heard of.
    acknowledged: (Delivered, Usage),
    /// Milliseconds of the visits before.
    ms_before: u64,
    moments: BTreeSet<(bool, u32)>,
    /// Milliseconds of sound and of pictures.
    ms: [u64; 2],
}

impl Stream {
    /// A stream on which nothing came yet.
    pub(super) fn new(serial: Serial) -> Self {
        let stream = StreamNumber::try_from(0).expect("streams are numbered from 0");
        let (seq, usage) = (Sequence::new(0), Usage::default());
        Self::resumed(DeliveryReceipt { delivered: Delivered::NOTHING, seq, serial, stream, usage })
    }

    /// The stream whose newest receipt is this one; nobody knows whether the gateway has it.
    pub(super) fn resumed(newest: DeliveryReceipt) -> Self {
        let acknowledged = (Delivered::NOTHING, Usage::default());
        let ms_before = newest.usage.ms;
        Self { newest, acknowledged, ms_before, moments: BTreeSet::new(), ms: [0; 2] }
    }

    /// The first receipt, which says nothing but who has the session key.
    pub(super) fn opening(&self) -> DeliveryReceipt {
        Self::new(self.newest.serial).newest
    }

    /// What came, all in all.
    pub(super) const fn usage(&self) -> Usage {
        self.newest.usage
    }

    /// How many segments came whole.
    pub(super) const fn segments(&self) -> u64 {
        self.newest.delivered.count
    }

    /// A segment has come whole, and is what it must be: the receipt that says so.
    pub(super) fn take(&mut self, piece: &Piece) -> DeliveryReceipt {
        if let Some(Moment { is_picture, number, ms }) = piece.moment
            && self.moments.insert((is_picture, number))
        {
            self.ms[usize::from(is_picture)] += ms;
        }
        self.newest.delivered = self.newest.delivered.and(piece.hash.as_bytes());
        self.count(piece.len)
    }

    /// So many bytes have come of a segment that broke off.
    pub(super) fn broke_off(&mut self, bytes: u64) -> DeliveryReceipt {
        self.count(bytes)
    }

    fn count(&mut self, bytes: u64) -> DeliveryReceipt {
        let ms = self.ms_before.saturating_add(self.ms.into_iter().max().unwrap_or(0));
        let bytes = self.newest.usage.bytes.saturating_add(bytes);
        self.newest.usage = Usage { bytes, ms };
        self.newest.seq = Sequence::new(self.newest.seq.get() + 1);
        self.newest
    }

    /// Whether so much has come that a gateway which gives this credit should hear of it.
    pub(super) fn is_due(&self, credit: Usage) -> bool {
        let (delivered, usage) = self.acknowledged;
        let is_large =
            |new: u64, known: u64, credit: u64| (new - known).saturating_mul(CREDIT_PART) >= credit;
        self.newest.delivered.count - delivered.count >= SEGMENTS
            || is_large(self.newest.usage.bytes, usage.bytes, credit.bytes)
            || is_large(self.newest.usage.ms, usage.ms, credit.ms)
    }

    /// Whether the gateway has heard of everything.
    pub(super) fn is_settled(&self) -> bool {
        self.acknowledged == (self.newest.delivered, self.newest.usage)
    }

    /// The gateway, or the ledger itself, has this receipt.
    pub(super) fn acknowledge(&mut self, receipt: &DeliveryReceipt) {
        if receipt.usage.bytes >= self.acknowledged.1.bytes {
            self.acknowledged = (receipt.delivered, receipt.usage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIAL: Serial = Serial::from_bytes([7; 16]);
    const CREDIT: Usage = Usage { bytes: 1000, ms: 60_000 };

    fn piece(is_picture: bool, number: u32, len: u64) -> Piece {
        let moment = Some(Moment { is_picture, number, ms: 4000 });
        Piece { len, hash: ContentHash::of(&[u8::from(is_picture)]), moment }
    }

    #[test]
    fn each_moment_is_played_once_however_often_it_comes() {
        let mut stream = Stream::new(SERIAL);
        for (is_picture, number, ms) in
            [(true, 0, 4000), (false, 0, 4000), (true, 0, 4000), (false, 1, 8000), (true, 5, 8000)]
        {
            assert_eq!(stream.take(&piece(is_picture, number, 10)).usage.ms, ms);
        }
        assert_eq!((stream.usage().bytes, stream.segments()), (50, 5), "bytes count each time");
        stream.broke_off(3);
        assert_eq!((stream.usage(), stream.segments()), (Usage { bytes: 53, ms: 8000 }, 5));
    }

    #[test]
    fn a_stream_goes_on_where_its_newest_receipt_ends() {
        let mut whole = Stream::new(SERIAL);
        let [first, second] = [piece(true, 0, 10), piece(true, 1, 20)];
        let mut resumed = Stream::resumed(whole.take(&first));
        assert!(!resumed.is_settled(), "it may never have been sent");
        assert_eq!(resumed.take(&second), whole.take(&second));
        assert_eq!((resumed.opening().seq.get(), resumed.opening().usage), (0, Usage::default()));
    }

    #[test]
    fn a_receipt_is_due_after_some_segments_or_a_part_of_the_credit() {
        let mut stream = Stream::new(SERIAL);
        assert!(stream.is_settled() && !stream.is_due(CREDIT));
        let small = stream.take(&piece(true, 0, 249));
        assert!(!stream.is_due(CREDIT) && !stream.is_settled());
        let large = stream.take(&piece(true, 0, 1));
        assert!(stream.is_due(CREDIT), "250 of 1000 bytes");
        stream.acknowledge(&large);
        stream.acknowledge(&small);
        assert!(stream.is_settled(), "what comes late makes no difference");
        for number in 0..3 {
            stream.take(&piece(false, number, 1));
            assert!(!stream.is_due(CREDIT));
        }
        stream.take(&piece(false, 0, 1));
        assert!(stream.is_due(CREDIT), "four segments");
        let mut stream = Stream::new(SERIAL);
        for number in 0..3 {
            stream.take(&Piece {
                moment: Some(Moment { is_picture: true, number, ms: 5000 }),
                ..piece(true, 0, 1)
            });
        }
        assert!(stream.is_due(CREDIT), "a quarter of the time");
    }
}
