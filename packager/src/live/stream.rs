//! The boxes at the top of a stream, one after the other.

use bytes::{Buf, Bytes, BytesMut};

use super::LiveError;
use crate::boxes::{BoxHeader, BoxName, FourCc};
use crate::limits::{LIVE_PENDING_MAX, MOOF_LEN_MAX, MOOV_LEN_MAX};
use crate::source::OpenError;

/// Bytes that have arrived, and how far into the stream they lie. Boxes that nobody needs are skipped, not kept.
#[derive(Debug, Default)]
pub(super) struct BoxStream {
    arrived: BytesMut,
    /// Where `arrived` begins.
    offset: u64,
    /// Bytes to come of a box that is skipped.
    to_skip: u64,
}

/// A complete box.
#[derive(Debug)]
pub(super) struct TopBox {
    pub(super) name: FourCc,
    /// Where the box begins in the stream.
    pub(super) offset: u64,
    /// Where its content does.
    pub(super) body_offset: u64,
    pub(super) body: Bytes,
}

impl BoxStream {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.arrived.extend_from_slice(bytes);
    }

    /// Bytes that are kept.
    pub(super) fn pending(&self) -> usize {
        self.arrived.len()
    }

    /// The next box that is needed, when it is complete.
    pub(super) fn next_box(&mut self) -> Result<Option<TopBox>, LiveError> {
        loop {
            self.skip();
            let Some(header) = BoxHeader::parse(&self.arrived)? else { return Ok(None) };
            let name = BoxName(header.name);
            let len = header.len.ok_or(LiveError::Endless { name })?;
            let len_max = match &header.name {
                b"moov" => MOOV_LEN_MAX,
                b"moof" => MOOF_LEN_MAX,
                b"mdat" => LIVE_PENDING_MAX as u64,
                _ => {
                    self.to_skip = len;
                    continue;
                }
            };
            if len > len_max {
                return Err(OpenError::BoxTooLong { name, len }.into());
            }
            let len = usize::try_from(len).expect("the length is limited");
            if self.arrived.len() < len {
                return Ok(None);
            }
            let mut body = self.arrived.split_to(len).freeze();
            body.advance(usize::try_from(header.header_len).expect("a header has at most 16 bytes"));
            let offset = self.offset;
            self.offset += len as u64;
            let body_offset = offset + header.header_len;
            return Ok(Some(TopBox { name: header.name, offset, body_offset, body }));
        }
    }

    fn skip(&mut self) {
        let skipped = usize::try_from(self.to_skip).unwrap_or(usize::MAX).min(self.arrived.len());
        self.arrived.advance(skipped);
        self.offset = self.offset.saturating_add(skipped as u64);
        self.to_skip -= skipped as u64;
    }
}
