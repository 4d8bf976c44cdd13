//! From the answers of a delivery to plaintext, which is compared with what was put.

use std::collections::BTreeMap;

use chunker::{CellBytes, Column, Verified, rebuild};
use client::plan::RequestId;
use client::plan::download::Delivery;

use super::fetch::Fetch;
use super::object::Object;
use super::violation::Violation;

type Fetches = BTreeMap<RequestId, Fetch>;

/// Every cell of the delivery can be had from its answers and is what was put.
pub(crate) fn check_delivery(
    object: &Object,
    delivery: &Delivery,
    fetches: &Fetches,
) -> Result<(), Violation> {
    for cell in delivery.cells.clone() {
        let mut plain = Vec::new();
        if let Some(unchecked) = unchecked_cell(object, delivery, fetches, cell) {
            plain = unchecked;
        } else {
            let bytes = cell_bytes(object, delivery, fetches, cell)
                .map_err(|reason| Violation::NotEnough { cell, reason })?;
            let opened = object.opener.open(cell, &bytes, &mut plain);
            opened.map_err(|error| Violation::NotEnough { cell, reason: error.to_string() })?;
        }
        if plain != object.plain_cell(cell) {
            return Err(Violation::WrongBytes { cell });
        }
    }
    Ok(())
}

fn cell_bytes(
    object: &Object,
    delivery: &Delivery,
    fetches: &Fetches,
    cell: u64,
) -> Result<CellBytes, String> {
    let place = object.geometry().locate(cell).ok_or("there is no such cell")?;
    let mut present: Vec<(Column, Verified)> = Vec::new();
    for answer in delivery.answers.iter().filter(|answer| answer.rows.contains(&place.row)) {
        let fetch = fetches.get(&answer.request).ok_or_else(|| format!("{:?} is unknown", answer.request))?;
        let verified = fetch.cell(place.row).ok_or_else(|| format!("{:?} lacks its row", answer.request))?;
        if fetch.wanted.column != answer.column {
            return Err(format!("{:?} is of column {}", answer.request, fetch.wanted.column));
        }
        if answer.column == place.column {
            return Ok(verified.clone().into());
        }
        if present.iter().all(|(column, _)| *column != answer.column) {
            present.push((answer.column, verified.clone()));
        }
    }
    let mut rebuilt = rebuild(&delivery.segment, place.row, &present, &[place.column])
        .map_err(|error| error.to_string())?;
    Ok(rebuilt.remove(0).into())
}

/// What a performer that does not check would take for the plaintext of a cell, should something unchecked be part of it.
fn unchecked_cell(object: &Object, delivery: &Delivery, fetches: &Fetches, cell: u64) -> Option<Vec<u8>> {
    let row = object.geometry().locate(cell)?.row;
    let mut answers = delivery.answers.iter().filter(|answer| answer.rows.contains(&row));
    let unchecked = answers.find_map(|answer| fetches.get(&answer.request)?.unchecked())?;
    let len = object.plain_cell(cell).len();
    Some(unchecked.iter().copied().chain(std::iter::repeat(0)).take(len).collect())
}
