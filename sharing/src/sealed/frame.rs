//! The heads of frames. A reader knows beforehand what they say, but for the kind.

use chunker::SealedRun;

/// Bytes in front of the payload.
pub const FRAME_HEAD_LEN: usize = 20;

/// What a payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// The slice of these rows (spec §5), to be verified against the root of their shard.
    Slice,
    /// Their cells, as rebuilt from others.
    Rebuilt,
}

impl FrameKind {
    const fn number(self) -> u8 {
        match self {
            Self::Slice => 0,
            Self::Rebuilt => 1,
        }
    }
}

/// `u8(kind) ‖ u8(column) ‖ u16le(0) ‖ u32le(segment) ‖ u32le(first row) ‖ u32le(rows) ‖ u32le(length of payload)`
pub fn frame_head(kind: FrameKind, run: &SealedRun, payload_len: u32) -> [u8; FRAME_HEAD_LEN] {
    let mut head = [0; FRAME_HEAD_LEN];
    head[0] = kind.number();
    head[1] = run.column.number();
    let numbers = [run.segment, run.first_row, run.rows, payload_len];
    for (place, number) in head[4..].chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    head
}

/// The kind of the frame with this head, when it is the frame of `run`; `payload_len` gives the length that each kind must have.
pub(super) fn kind_of(
    head: &[u8; FRAME_HEAD_LEN],
    run: &SealedRun,
    payload_len: impl Fn(FrameKind) -> u32,
) -> Option<FrameKind> {
    let kinds = [FrameKind::Slice, FrameKind::Rebuilt];
    kinds.into_iter().find(|&kind| *head == frame_head(kind, run, payload_len(kind)))
}
