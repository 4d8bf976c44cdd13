//! What can be wrong with a node and with the line to it.

use std::time::Duration;

use client::Moment;
use protocol::Code;

use super::dice::Dice;

/// How a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As the specification says.
    Honest,
    /// Random bytes, as many as were asked for.
    Garbage,
    /// A valid slice of another shard.
    OtherShard,
    /// A valid slice of the right shard, but of other rows.
    OtherRows,
    /// The right slice with one bit flipped: a rotten disk under software that does not look.
    FlipsBit,
    /// The right slice, ended early as if it were complete.
    Truncates,
    /// The right slice, and then more bytes without an end.
    Endless,
    /// Takes every request and never says anything.
    Stalls,
    /// Half of the answer, then nothing any more.
    StallsMidway,
    /// One byte at a time.
    Trickles,
    /// Refuses everything.
    Refuses(Code),
    /// Says that it holds everything, and has nothing.
    ClaimsAll,
    /// Has everything, and says that it holds nothing.
    DeniesAll,
}

impl Manner {
    /// A manner that is not honest.
    pub(crate) fn bad(dice: &mut Dice) -> Self {
        let code = *dice.pick(&Code::ALL);
        *dice.pick(&[
            Self::Garbage,
            Self::OtherShard,
            Self::OtherRows,
            Self::FlipsBit,
            Self::Truncates,
            Self::Endless,
            Self::Stalls,
            Self::StallsMidway,
            Self::Trickles,
            Self::Refuses(code),
            Self::ClaimsAll,
            Self::DeniesAll,
        ])
    }
}

/// The line between the client and a node, both ways alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// Time of a small message in one direction, …
    pub(crate) latency: Duration,
    /// … up to so much more, drawn for every message.
    pub(crate) jitter: Duration,
    pub(crate) bytes_per_s: u64,
    /// Lost packets of a thousand: each costs a round trip and a little more, as QUIC repeats it.
    pub(crate) losses: u64,
    /// Messages of a thousand at which the whole connection breaks, …
    pub(crate) breaks: u64,
    /// … but not again within this time.
    pub(crate) breaks_apart: Duration,
    /// Too slow to be of use in a read.
    pub(crate) is_poor: bool,
}

/// The network as a whole: how far apart its nodes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distance {
    /// One machine or one room.
    Room,
    /// One continent, homes and data centres.
    Continent,
    /// All of the world, with poor lines among them.
    World,
}

impl Line {
    pub(crate) fn drawn(distance: Distance, dice: &mut Dice) -> Self {
        let (latency, bytes_per_s, losses) = match distance {
            Distance::Room => (100..3000, 50_000_000..400_000_000, 0),
            Distance::Continent => (3000..40_000, 8_000_000..120_000_000, dice.of(0..5)),
            Distance::World => (10_000..150_000, 4_000_000..40_000_000, dice.of(0..20)),
        };
        let latency = dice.micros(latency);
        Self {
            latency,
            jitter: latency / 4,
            bytes_per_s: dice.of(bytes_per_s),
            losses,
            breaks: if distance == Distance::Room { 0 } else { dice.of(0..3) },
            breaks_apart: Duration::from_secs(5),
            is_poor: false,
        }
    }

    /// A line that hardly deserves the name.
    pub(crate) fn poor(dice: &mut Dice) -> Self {
        Self {
            latency: dice.micros(200_000..3_000_000),
            jitter: dice.micros(0..500_000),
            bytes_per_s: dice.of(2_000..200_000),
            losses: dice.of(0..300),
            breaks: dice.of(0..50),
            breaks_apart: Duration::ZERO,
            is_poor: true,
        }
    }

    pub(crate) fn time_of(&self, bytes: usize) -> Duration {
        Duration::from_micros(bytes as u64 * 1_000_000 / self.bytes_per_s)
    }
}

/// A time during which a node is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) from: Moment,
    pub(crate) until: Moment,
    /// Peers are told (a closed connection, a refused port); otherwise there is silence.
    pub(crate) is_told: bool,
    /// It comes back with an empty disk.
    pub(crate) is_wiped: bool,
}

impl Outage {
    /// Gone for a while, or for ever, at some time within `within` after `start`.
    pub(crate) fn drawn(start: Moment, within: Duration, dice: &mut Dice) -> Self {
        let within = u64::try_from(within.as_micros()).expect("a short time");
        let from = start.plus(dice.micros(0..within.max(1)));
        let lasts = if dice.one_in(3) { Duration::from_secs(1 << 30) } else { dice.micros(1000..20_000_000) };
        Self { from, until: from.plus(lasts), is_told: dice.one_in(3), is_wiped: dice.one_in(4) }
    }

    /// Killed, silently and for ever.
    pub(crate) fn death(from: Moment) -> Self {
        Self { from, until: Moment::at(Duration::MAX), is_told: false, is_wiped: false }
    }
}
