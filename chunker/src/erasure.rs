//! The erasure code of spec §4: parity from data, and any lost column from what is left of its stripe.
//!
//! Row `r` of the generator matrix `V · T⁻¹` takes the values at points `0 … k−1` to the value at point `r` of the
//! polynomial of degree below `k` through them. Its entries are therefore Lagrange's, and need no matrix inversion.

use bytes::Bytes;
use reed_solomon_erasure::galois_8::{div, mul, mul_slice, mul_slice_xor};

#[cfg(test)]
pub(crate) use reed_solomon_erasure::galois_8;

use crate::cell_bytes::{Rebuilt, Verified};
use crate::gf_simd::{self, Factor};
use crate::{Coding, Column, Segment};

/// Computes the parity cells of stripes of one coding.
#[derive(Clone, Debug)]
pub(crate) struct ParityCoder {
    /// One combination of the data columns per parity column.
    rows: Vec<Combination>,
}

impl ParityCoder {
    pub(crate) fn new(coding: Coding) -> Self {
        let generator = Generator::new(coding);
        let rows = coding.parity_columns().map(|column| Combination::new(&generator.row(column))).collect();
        Self { rows }
    }

    /// Computes one stripe: `data` are its cells from column 0 on, missing ones counting as zeros; `parity` are the
    /// cells to write, all of the same length.
    pub(crate) fn encode<'a>(&self, data: &[&[u8]], parity: impl Iterator<Item = &'a mut [u8]>) {
        for (row, out) in self.rows.iter().zip(parity) {
            row.apply(data, out);
        }
    }
}

/// Why a stripe could not be rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// Too few columns are present.
    #[error("row {row} of segment {segment} needs {needed} columns, {present} are present")]
    TooFewColumns {
        /// The segment.
        segment: u32,
        /// The row.
        row: u32,
        /// Columns present.
        present: usize,
        /// Columns needed in this row.
        needed: usize,
    },
    /// A column was given or asked for that has no cell in this row.
    #[error("column {column} has no cell in row {row} of segment {segment}")]
    NoSuchCell {
        /// The segment.
        segment: u32,
        /// The row.
        row: u32,
        /// The column.
        column: Column,
    },
    /// A column was given twice.
    #[error("column {column} of row {row} of segment {segment} was given twice")]
    Twice {
        /// The segment.
        segment: u32,
        /// The row.
        row: u32,
        /// The column.
        column: Column,
    },
    /// A cell has not the length of this object's cells.
    #[error(
        "the cell in column {column}, row {row} of segment {segment} has {found} bytes instead of {expected}"
    )]
    Length {
        /// The segment.
        segment: u32,
        /// The row.
        row: u32,
        /// The column.
        column: Column,
        /// Bytes given.
        found: usize,
        /// Bytes of a cell.
        expected: usize,
    },
}

/// Computes the cells of the columns `want` in one row of a segment from those of the columns `present`, in this order.
///
/// Any columns will do, as many as the row has data cells; more than needed are not looked at. Parity cells that the author
/// coded falsely give false cells: the tag of a data cell tells, for a parity cell the root of its shard.
pub fn rebuild(
    segment: &Segment,
    row: u32,
    present: &[(Column, Verified)],
    want: &[Column],
) -> Result<Vec<Rebuilt>, RebuildError> {
    check(segment, row, present, want)?;
    let stripe = Stripe::of(segment, row, present)?;
    let inputs: Vec<&[u8]> = stripe.inputs.iter().map(|(_, cell)| &cell.as_bytes()[..]).collect();
    let rebuilt = want.iter().map(|&column| {
        let mut out = vec![0; segment.cell_size().bytes()];
        Combination::new(&stripe.combination(column)).apply(&inputs, &mut out);
        Rebuilt(Bytes::from(out))
    });
    Ok(rebuilt.collect())
}

fn check(
    segment: &Segment,
    row: u32,
    present: &[(Column, Verified)],
    want: &[Column],
) -> Result<(), RebuildError> {
    let (index, expected) = (segment.index(), segment.cell_size().bytes());
    let mut columns = present.iter().map(|&(column, _)| column).chain(want.iter().copied());
    if let Some(column) = columns.find(|&column| row >= segment.column_rows(column)) {
        return Err(RebuildError::NoSuchCell { segment: index, row, column });
    }
    for (place, (column, cell)) in present.iter().enumerate() {
        let (column, found) = (*column, cell.as_bytes().len());
        if present[..place].iter().any(|&(other, _)| other == column) {
            return Err(RebuildError::Twice { segment: index, row, column });
        }
        if found != expected {
            return Err(RebuildError::Length { segment: index, row, column, found, expected });
        }
    }
    Ok(())
}

/// One row with as many known cells as it has data cells, and how the unknown data cells follow from them.
struct Stripe<'a> {
    generator: Generator,
    /// Known data cells, then as many parity cells as data cells are unknown.
    inputs: Vec<(Column, &'a Verified)>,
    /// Unknown data columns, each with its combination of `inputs`.
    solved: Vec<(Column, Vec<u8>)>,
}

impl<'a> Stripe<'a> {
    fn of(segment: &Segment, row: u32, present: &'a [(Column, Verified)]) -> Result<Self, RebuildError> {
        let coding = segment.coding();
        let is_present = |column| present.iter().any(|&(other, _)| other == column);
        let exists = |column: &Column| row < segment.column_rows(*column);
        let data: Vec<Column> = coding.data_columns().filter(exists).collect();
        let unknown: Vec<Column> = data.iter().copied().filter(|&column| !is_present(column)).collect();

        let (mut inputs, parity): (Vec<_>, Vec<_>) = present
            .iter()
            .map(|(column, cell)| (*column, cell))
            .partition(|&(column, _)| coding.is_data(column));
        if parity.len() < unknown.len() {
            let (present, needed) = (present.len(), data.len());
            return Err(RebuildError::TooFewColumns { segment: segment.index(), row, present, needed });
        }
        inputs.extend(parity.into_iter().take(unknown.len()));

        let generator = Generator::new(coding);
        let solved =
            solve(&generator, &inputs.iter().map(|&(column, _)| column).collect::<Vec<_>>(), &unknown);
        Ok(Self { generator, inputs, solved })
    }

    /// The coefficients with which `inputs` give `column`.
    fn combination(&self, column: Column) -> Vec<u8> {
        if let Some(place) = self.inputs.iter().position(|&(input, _)| input == column) {
            return unit(place, self.inputs.len());
        }
        if let Some((_, combination)) = self.solved.iter().find(|&&(solved, _)| solved == column) {
            return combination.clone();
        }
        // What is left is parity that was not needed: a combination of the data cells, known and solved.
        let row = self.generator.row(column);
        let mut sum = vec![0; self.inputs.len()];
        for (place, (input, _)) in
            self.inputs.iter().enumerate().filter(|(_, (input, _))| input.index() < row.len())
        {
            sum[place] ^= row[input.index()];
        }
        for (solved, combination) in &self.solved {
            mul_slice_xor(row[solved.index()], combination, &mut sum);
        }
        sum
    }
}

/// Solves the equations of the parity cells in `inputs` for the data columns `unknown`: for each its combination of `inputs`.
fn solve(generator: &Generator, inputs: &[Column], unknown: &[Column]) -> Vec<(Column, Vec<u8>)> {
    let known = inputs.len() - unknown.len();
    // Each parity cell says: Σ over unknown = Σ over known data + itself (in this field, minus is plus).
    let equations = inputs[known..].iter().enumerate().map(|(place, &parity)| {
        let row = generator.row(parity);
        let left: Vec<u8> = unknown.iter().map(|column| row[column.index()]).collect();
        let mut right: Vec<u8> = inputs[..known].iter().map(|column| row[column.index()]).collect();
        right.extend(unit(place, unknown.len()));
        (left, right)
    });
    let solved = eliminate(equations.collect());
    unknown.iter().copied().zip(solved).collect()
}

/// Gauss–Jordan: turns the left sides into the identity and returns what the right sides have become.
fn eliminate(mut equations: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Vec<u8>> {
    for pivot in 0..equations.len() {
        let usable = (pivot..equations.len())
            .find(|&row| equations[row].0[pivot] != 0)
            .expect("every square part of the parity rows can be inverted");
        equations.swap(pivot, usable);
        let (mut left, mut right) = std::mem::take(&mut equations[pivot]);
        let inverse = div(1, left[pivot]);
        left.iter_mut().chain(&mut right).for_each(|value| *value = mul(*value, inverse));
        for (other_left, other_right) in equations.iter_mut().filter(|(row, _)| !row.is_empty()) {
            let factor = other_left[pivot];
            mul_slice_xor(factor, &left, other_left);
            mul_slice_xor(factor, &right, other_right);
        }
        equations[pivot] = (left, right);
    }
    equations.into_iter().map(|(_, right)| right).collect()
}

fn unit(place: usize, len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::from(index == place)).collect()
}

/// The matrix that takes the data cells of a stripe to all its cells.
struct Generator {
    coding: Coding,
    /// For each data column `c` the product of `c − j` over all other data columns `j`.
    denominators: Vec<u8>,
}

impl Generator {
    fn new(coding: Coding) -> Self {
        let points = 0..coding.data();
        let denominators = points
            .clone()
            .map(|c| points.clone().filter(|&j| j != c).fold(1, |product, j| mul(product, c ^ j)))
            .collect();
        Self { coding, denominators }
    }

    /// The coefficients with which the data cells give the parity cell in `column`.
    fn row(&self, column: Column) -> Vec<u8> {
        debug_assert!(!self.coding.is_data(column));
        let point = column.number();
        let product = (0..self.coding.data()).fold(1, |product, j| mul(product, point ^ j));
        let entry = |(c, &denominator)| div(product, mul(point ^ c, denominator));
        (0..).zip(&self.denominators).map(entry).collect()
    }
}

/// A weighted sum of columns, prepared for long inputs.
#[derive(Clone, Debug)]
struct Combination {
    coefficients: Vec<u8>,
    factors: Vec<Factor>,
}

impl Combination {
    fn new(coefficients: &[u8]) -> Self {
        let factors = coefficients.iter().map(|&value| Factor::new(value)).collect();
        Self { coefficients: coefficients.to_vec(), factors }
    }

    /// Writes the sum over the first `inputs.len()` columns to `out`; columns after them count as zeros.
    fn apply(&self, inputs: &[&[u8]], out: &mut [u8]) {
        let factors = &self.factors[..inputs.len()];
        let written = gf_simd::sum_of_products(factors, inputs, out);
        self.apply_slowly(inputs, written, out);
    }

    /// Does what is left from byte `start` on.
    fn apply_slowly(&self, inputs: &[&[u8]], start: usize, out: &mut [u8]) {
        if start == out.len() {
            return;
        }
        let mut weighted = self.coefficients.iter().zip(inputs);
        let Some((&first, input)) = weighted.next() else {
            return out[start..].fill(0);
        };
        mul_slice(first, &input[start..], &mut out[start..]);
        for (&coefficient, input) in weighted {
            mul_slice_xor(coefficient, &input[start..], &mut out[start..]);
        }
    }
}

#[cfg(test)]
#[path = "erasure_tests.rs"]
mod tests;
