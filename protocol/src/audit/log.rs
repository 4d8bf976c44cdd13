//! The audit log: transcripts one behind the other, each chained to the one before (spec §23).

use crate::Digest;
use crate::limits::TRANSCRIPT_LEN_MAX;

/// What an audit log begins with.
pub const AUDIT_LOG_MAGIC: &[u8; 8] = b"HWaudit1";

/// Bytes in front of a transcript: `u32le(length) ‖ chain`.
const PREFIX_LEN: usize = 36;

/// How far a log reaches: the chain value says all that is before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditLogHead {
    /// Transcripts so far.
    pub entries: u64,
    /// The chain value of the last one.
    pub chain: Digest,
}

/// One entry of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogEntry<'a> {
    /// The transcript's bytes; nothing is known of them but that they are those that were logged.
    pub transcript: &'a [u8],
    /// Bytes of the entry.
    pub consumed: usize,
    /// The head behind it.
    pub head: AuditLogHead,
}

impl AuditLogHead {
    /// The head of a log without entries.
    pub fn empty() -> Self {
        Self { entries: 0, chain: Digest::of(AUDIT_LOG_MAGIC) }
    }

    /// The head behind one more transcript.
    #[must_use]
    pub fn after(&self, transcript: &[u8]) -> Self {
        let chain =
            Digest::derive("headwater v1 audit log", &[&self.chain.as_bytes()[..], transcript].concat());
        Self { entries: self.entries + 1, chain }
    }

    /// The entry that adds a transcript behind this head.
    pub fn entry(&self, transcript: &[u8]) -> Vec<u8> {
        assert!(transcript.len() <= TRANSCRIPT_LEN_MAX, "transcripts are bounded");
        let len = u32::try_from(transcript.len()).expect("the limit of a transcript is far below 2^32");
        let chain = self.after(transcript).chain;
        [&len.to_le_bytes()[..], chain.as_bytes(), transcript].concat()
    }

    /// The entry at the start of `bytes`, which follows this head. `None`: the log ends here.
    pub fn next<'a>(&self, bytes: &'a [u8]) -> Result<Option<LogEntry<'a>>, LogEntryError> {
        let at = self.entries;
        if bytes.is_empty() {
            return Ok(None);
        }
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX_LEN>().ok_or(LogEntryError::Torn { at })?;
        let len = u32::from_le_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]) as usize;
        if len > TRANSCRIPT_LEN_MAX {
            return Err(LogEntryError::TooLong { at, len });
        }
        let transcript = rest.get(..len).ok_or(LogEntryError::Torn { at })?;
        let head = self.after(transcript);
        if head.chain.as_bytes() == &prefix[4..] {
            Ok(Some(LogEntry { transcript, consumed: PREFIX_LEN + len, head }))
        } else {
            Err(LogEntryError::Changed { at })
        }
    }
}

/// What is wrong with an entry of an audit log. Entries are counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LogEntryError {
    #[error("entry {at} of the audit log ends too early")]
    Torn { at: u64 },
    #[error(
        "entry {at} of the audit log announces {len} bytes, a transcript has at most {TRANSCRIPT_LEN_MAX}"
    )]
    TooLong { at: u64, len: usize },
    #[error("entry {at} of the audit log is not what was written, or another one before it was left out")]
    Changed { at: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Result<(Vec<Vec<u8>>, AuditLogHead), LogEntryError> {
        let (mut head, mut transcripts) = (AuditLogHead::empty(), Vec::new());
        while let Some(entry) = head.next(bytes)? {
            transcripts.push(entry.transcript.to_vec());
            (head, bytes) = (entry.head, &bytes[entry.consumed..]);
        }
        Ok((transcripts, head))
    }

    #[test]
    fn a_log_tells_of_every_change() {
        let transcripts = [b"first".to_vec(), Vec::new(), b"third".to_vec()];
        let (mut head, mut log, mut ends) = (AuditLogHead::empty(), Vec::new(), vec![0]);
        for transcript in &transcripts {
            log.extend(head.entry(transcript));
            head = head.after(transcript);
            ends.push(log.len());
        }
        assert_eq!(read(&log), Ok((transcripts.to_vec(), head)));
        for at in 0..log.len() {
            let mut changed = log.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
            // A log that ends between two entries is whole: only its head tells that there was more.
            let (cut, is_between) = (read(&log[..at]), ends.contains(&at));
            assert_eq!(cut.is_ok(), is_between, "cut at {at}");
            assert!(cut.is_err() || cut.unwrap().1 != head);
        }
        let without_first = &log[ends[1]..];
        assert_eq!(read(without_first), Err(LogEntryError::Changed { at: 0 }));
    }
}
