//! Who wrote an entry and when, in logical time; and how much of that is known.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// Most devices of which an index says how far it has seen them.
pub const DEVICES_SEEN_MAX: usize = 32;
/// The last clock: every reader of JSON can hold it too.
const CLOCK_MAX: u64 = (1 << 53) - 1;

/// One device of an account: 8 random bytes that it drew itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "ByteArray<8>", into = "ByteArray<8>")]
pub struct DeviceId([u8; 8]);

impl DeviceId {
    /// The device with this name.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The 8 bytes of the name.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl From<ByteArray<8>> for DeviceId {
    fn from(bytes: ByteArray<8>) -> Self {
        Self(bytes.into_array())
    }
}

impl From<DeviceId> for ByteArray<8> {
    fn from(device: DeviceId) -> Self {
        Self::new(device.0)
    }
}

impl FromStr for DeviceId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(drop)?;
        bytes.try_into().map(Self).map_err(drop)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

/// A Lamport clock: 1 to 2^53 − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Clock(u64);

/// A number that is no clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("clock {0}, 1 to {CLOCK_MAX} are allowed")]
pub struct ClockError(u64);

impl Clock {
    /// The first one.
    pub const FIRST: Self = Self(1);

    /// The clock with this number.
    pub const fn new(number: u64) -> Result<Self, ClockError> {
        if number == 0 || number > CLOCK_MAX { Err(ClockError(number)) } else { Ok(Self(number)) }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next one; the last one stays.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 < CLOCK_MAX { Self(self.0 + 1) } else { self }
    }
}

impl TryFrom<u64> for Clock {
    type Error = ClockError;

    fn try_from(number: u64) -> Result<Self, ClockError> {
        Self::new(number)
    }
}

impl From<Clock> for u64 {
    fn from(clock: Clock) -> Self {
        clock.0
    }
}

/// When an entry was written, and by whom. The greater one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// In logical time.
    pub clock: Clock,
    /// By whom; decides between equal clocks.
    pub device: DeviceId,
}

/// How far each device was seen: everything that it wrote up to this clock is known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "ByteBuf", into = "ByteBuf")]
pub struct Seen(BTreeMap<DeviceId, Clock>);

/// Bytes for one device: its name, and its clock as u64be.
const SEEN_LEN: usize = 16;

/// Why bytes do not say what was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SeenError {
    /// Not so many bytes for each device, or too many devices.
    #[error(
        "{len} bytes for devices, a multiple of {SEEN_LEN} is expected, for at most {DEVICES_SEEN_MAX} of them"
    )]
    Length {
        /// Bytes found.
        len: usize,
    },
    /// Devices are not in order.
    #[error("device {0} does not follow the one before")]
    Order(DeviceId),
    /// A number that is no clock.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

impl Seen {
    /// How far this device was seen.
    pub fn of(&self, device: DeviceId) -> Option<Clock> {
        self.0.get(&device).copied()
    }

    /// Whether what was written then is known.
    pub fn covers(&self, stamp: Stamp) -> bool {
        self.of(stamp.device).is_some_and(|clock| clock >= stamp.clock)
    }

    /// Whether this has seen at least as much as `other`.
    pub fn includes(&self, other: &Self) -> bool {
        other.0.iter().all(|(&device, &clock)| self.covers(Stamp { clock, device }))
    }

    /// The greatest clock.
    pub fn clock(&self) -> Option<Clock> {
        self.0.values().max().copied()
    }

    pub(crate) fn enter(&mut self, stamp: Stamp) {
        let clock = self.0.entry(stamp.device).or_insert(stamp.clock);
        *clock = stamp.clock.max(*clock);
        self.forget_the_oldest();
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (&device, &clock) in &other.0 {
            let known = self.0.entry(device).or_insert(clock);
            *known = clock.max(*known);
        }
        self.forget_the_oldest();
    }

    /// Knowing less of a device costs a reader work, and loses nothing.
    fn forget_the_oldest(&mut self) {
        while self.0.len() > DEVICES_SEEN_MAX {
            let oldest = self.0.iter().min_by_key(|&(&device, &clock)| Stamp { clock, device });
            let device = *oldest.expect("there are more than 32").0;
            self.0.remove(&device);
        }
    }
}

impl TryFrom<ByteBuf> for Seen {
    type Error = SeenError;

    fn try_from(bytes: ByteBuf) -> Result<Self, SeenError> {
        let (devices, rest) = bytes.as_chunks::<SEEN_LEN>();
        if !rest.is_empty() || devices.len() > DEVICES_SEEN_MAX {
            return Err(SeenError::Length { len: bytes.len() });
        }
        let mut seen = BTreeMap::new();
        for one in devices {
            let (device, clock) = one.split_first_chunk().expect("16 bytes begin with 8");
            let device = DeviceId(*device);
            if seen.last_key_value().is_some_and(|(last, _)| *last >= device) {
                return Err(SeenError::Order(device));
            }
            let clock = u64::from_be_bytes(clock.try_into().expect("16 bytes less 8 are 8"));
            seen.insert(device, Clock::new(clock)?);
        }
        Ok(Self(seen))
    }
}

impl From<Seen> for ByteBuf {
    fn from(seen: Seen) -> Self {
        let mut bytes = Vec::with_capacity(seen.0.len() * SEEN_LEN);
        for (device, clock) in seen.0 {
            bytes.extend_from_slice(&device.0);
            bytes.extend_from_slice(&clock.0.to_be_bytes());
        }
        Self::from(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(device: u8, clock: u64) -> Stamp {
        Stamp { clock: Clock::new(clock).unwrap(), device: DeviceId::from_bytes([device; 8]) }
    }

    #[test]
    fn the_devices_with_the_greatest_clocks_are_remembered() {
        let mut seen = Seen::default();
        for device in 0..40 {
            seen.enter(stamp(device, u64::from(device) + 1));
        }
        assert_eq!(seen.of(DeviceId::from_bytes([7; 8])), None);
        assert!(seen.covers(stamp(8, 9)) && !seen.covers(stamp(8, 10)));
        assert_eq!(seen.clock().map(Clock::get), Some(40));
    }

    #[test]
    fn clocks_end() {
        assert!(Clock::new(0).is_err() && Clock::new(1 << 53).is_err());
        let last = Clock::new((1 << 53) - 1).unwrap();
        assert_eq!(last.next(), last);
    }
}
