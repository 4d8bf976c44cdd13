//! Reading a shard back: every cell of it, verified against its root, and nothing kept.

use chunker::{Column, Segment};
use proofs::{LeafSet, Root};
use protocol::PublicKey;

use crate::plan::READ_WITHIN;
use crate::plan::repair::WINDOW_ROWS;
use crate::throttle::Throttle;
use crate::wire::{Wire, WireError};

/// Reads all rows of a column that a node has taken, window after window.
pub(crate) async fn column(
    wire: &Wire,
    throttle: &Throttle,
    segment: &Segment,
    column: Column,
    root: Root,
    node: PublicKey,
) -> Result<(), WireError> {
    let rows = segment.column_rows(column);
    for first in (0..rows).step_by(WINDOW_ROWS as usize) {
        let window = first..(first + WINDOW_ROWS).min(rows);
        let leaves = leaves(segment, column, window.clone());
        throttle.pass(leaves.data_len()).await;
        let (_, read) = wire.read_cells(node, root, leaves, segment.cell_size(), READ_WITHIN).await?;
        debug_assert!(window.into_iter().all(|row| read.get(row).is_some()), "the decoder checks what came");
    }
    Ok(())
}

/// The leaves of some rows of a stored column.
pub(crate) fn leaves(segment: &Segment, column: Column, rows: std::ops::Range<u32>) -> LeafSet {
    let len = segment.shard_len(column).expect("plans read stored columns");
    let bytes = segment.row_bytes(rows.start).start..segment.row_bytes(rows.end).start;
    LeafSet::of_bytes(len, bytes).expect("rows are whole leaves inside the shard")
}
