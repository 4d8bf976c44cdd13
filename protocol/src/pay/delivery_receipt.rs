//! Delivery receipt: a viewer acknowledges what came.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Delivered, Record, Sequence, Serial, StreamNumber, Usage};

/// What came on one stream, all in all; signed by the session key, so no gateway can invent it (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryReceipt {
    /// The segments that came.
    pub delivered: Delivered,
    /// Rises with each receipt of a stream.
    pub seq: Sequence,
    /// Under which grant.
    pub serial: Serial,
    /// On which stream.
    pub stream: StreamNumber,
    /// How much, all in all.
    pub usage: Usage,
}

impl Record for DeliveryReceipt {
    const TYPE: &'static str = "delivery_receipt";
}

impl fmt::Display for DeliveryReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "segments    {}, {}", self.delivered.count, self.delivered.hash)?;
        writeln!(f, "sequence    {}", self.seq)?;
        writeln!(f, "grant       {}", self.serial)?;
        writeln!(f, "stream      {}", u8::from(self.stream))?;
        write!(f, "usage       {}", self.usage)
    }
}
