use super::galois_8::ReedSolomon;
use super::*;
use crate::{CellSize, Geometry};
use proptest::prelude::*;

fn pseudo_random(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// The crate's answer: `data` columns and their parity.
fn reference(coding: Coding, data: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut columns = data.to_vec();
    columns.resize(usize::from(coding.total()), vec![0; data[0].len()]);
    ReedSolomon::new(coding.data().into(), coding.parity().into()).unwrap().encode(&mut columns).unwrap();
    columns
}

fn encode(coding: Coding, data: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    let mut parity = vec![vec![0xaa; data[0].len()]; coding.parity().into()];
    ParityCoder::new(coding).encode(&data, parity.iter_mut().map(Vec::as_mut_slice));
    parity
}

#[test]
fn the_matrix_is_that_of_the_crate() {
    // Unit vectors as data give the columns of the matrix.
    let check = |coding: Coding| {
        let identity: Vec<Vec<u8>> =
            coding.data_columns().map(|c| unit(c.index(), coding.data().into())).collect();
        let generator = Generator::new(coding);
        let rows: Vec<Vec<u8>> = coding.parity_columns().map(|column| generator.row(column)).collect();
        assert_eq!(rows, reference(coding, &identity)[identity.len()..], "{coding}");
    };
    for data in 1..=24 {
        check(Coding::new(data, 8).unwrap());
        check(Coding::new(data, 255 - data).unwrap());
    }
    check(Coding::new(128, 127).unwrap());
    check(Coding::new(254, 1).unwrap());
}

#[test]
fn every_product_is_that_of_the_crate() {
    let bytes: Vec<u8> = (0..=255).collect();
    for factor in 0..=255 {
        let mut found = vec![0; 256];
        Combination::new(&[factor]).apply(&[&bytes], &mut found);
        assert!(found.iter().zip(&bytes).all(|(&found, &byte)| found == mul(factor, byte)), "{factor}");
        let mut slow = vec![0; 256];
        Combination::new(&[factor]).apply_slowly(&[&bytes], 0, &mut slow);
        assert_eq!(slow, found);
    }
}

#[test]
fn the_example_of_the_specification() {
    let generator = Generator::new(Coding::new(4, 2).unwrap());
    assert_eq!(generator.row(Column::new(4)), [0x1b, 0x1c, 0x12, 0x14]);
    assert_eq!(generator.row(Column::new(5)), [0x1c, 0x1b, 0x14, 0x12]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parity_is_that_of_the_crate(data in 1u8..20, parity in 1u8..12, len in 1usize..3000, seed: u64) {
        let coding = Coding::new(data, parity).unwrap();
        let columns: Vec<Vec<u8>> = (0..u64::from(data)).map(|c| pseudo_random(len, seed ^ c << 32)).collect();
        prop_assert_eq!(encode(coding, &columns), &reference(coding, &columns)[data.into()..]);
    }

    #[test]
    fn absent_columns_are_zeros(data in 2u8..20, parity in 1u8..6, present in 1usize..20, seed: u64) {
        let coding = Coding::new(data, parity).unwrap();
        let mut columns: Vec<Vec<u8>> = (0..u64::from(data)).map(|c| pseudo_random(100, seed ^ c << 32)).collect();
        let present = present.min(data.into());
        columns[present..].iter_mut().for_each(|column| column.fill(0));
        prop_assert_eq!(encode(coding, &columns[..present]), &reference(coding, &columns)[data.into()..]);
    }
}

/// One stripe of a segment of `cells` cells in its last row, all columns as nodes would give them.
struct Example {
    segment: Segment,
    row: u32,
    columns: Vec<(Column, Verified)>,
}

impl Example {
    fn new(coding: Coding, cells: u64, seed: u64) -> Self {
        let size = if cells <= u64::from(coding.data()) { CellSize::SMALLEST } else { CellSize::LARGEST };
        let segment = Geometry::new(coding, size, cells).unwrap().segment(0).unwrap();
        let row = segment.rows() - 1;
        let data: Vec<Vec<u8>> = coding
            .data_columns()
            .map(|column| match segment.cell(column, row) {
                Some(cell) => pseudo_random(size.bytes(), seed ^ cell << 32),
                None => vec![0; size.bytes()],
            })
            .collect();
        let columns = coding
            .columns()
            .zip(reference(coding, &data))
            .filter(|&(column, _)| row < segment.column_rows(column))
            .map(|(column, bytes)| (column, Verified::for_tests(bytes)))
            .collect();
        Self { segment, row, columns }
    }

    fn needed(&self) -> usize {
        self.columns.len() - usize::from(self.segment.coding().parity())
    }

    /// Asks for every column from those that `is_kept` lets through.
    fn rebuild(&self, is_kept: impl Fn(usize) -> bool) -> Result<Vec<Rebuilt>, RebuildError> {
        let kept: Vec<_> =
            (0..).zip(&self.columns).filter(|&(i, _)| is_kept(i)).map(|(_, c)| c.clone()).collect();
        let all: Vec<Column> = self.columns.iter().map(|&(column, _)| column).collect();
        rebuild(&self.segment, self.row, &kept, &all)
    }

    fn check(&self, is_kept: impl Fn(usize) -> bool) {
        let kept = (0..self.columns.len()).filter(|&place| is_kept(place)).count();
        match self.rebuild(is_kept) {
            Ok(rebuilt) => {
                assert!(kept >= self.needed());
                let rebuilt = rebuilt.iter().map(Rebuilt::as_bytes);
                assert!(rebuilt.eq(self.columns.iter().map(|(_, cell)| cell.as_bytes())));
            }
            Err(error) => {
                let (segment, row) = (0, self.row);
                let needed = self.needed();
                assert_eq!(error, RebuildError::TooFewColumns { segment, row, present: kept, needed });
                assert!(kept < needed);
            }
        }
    }
}

#[test]
fn every_loss_of_small_codings() {
    for (data, parity) in [(1, 1), (1, 3), (2, 1), (2, 2), (3, 2), (4, 2), (5, 3)] {
        let coding = Coding::new(data, parity).unwrap();
        for cells in 1..=u64::from(data) + 1 {
            let example = Example::new(coding, cells, 1);
            for kept in 0..1u32 << example.columns.len() {
                example.check(|place| kept >> place & 1 == 1);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_loss_of_any_coding(data in 1u8..=254, parity in 1u8..=254, cells in 1u64..600, seed: u64) {
        let coding = Coding::new(data, parity.min(255 - data)).unwrap();
        let example = Example::new(coding, cells.min(u64::from(data) * 2), seed);
        let order = pseudo_random(example.columns.len(), seed);
        let mut ranked: Vec<usize> = (0..order.len()).collect();
        ranked.sort_by_key(|&place| order[place]);
        for kept in [example.needed(), example.needed() - 1] {
            example.check(|place| ranked[..kept].contains(&place));
        }
    }
}

#[test]
fn refuses_what_does_not_fit_together() {
    let coding = Coding::new(3, 2).unwrap();
    let example = Example::new(coding, 5, 1);
    let (segment, row) = (&example.segment, example.row);
    let cells = &example.columns;
    assert_eq!(cells.iter().map(|(column, _)| column.number()).collect::<Vec<_>>(), [0, 1, 3, 4]);

    let twice = [cells[0].clone(), cells[0].clone()];
    let column = Column::new(0);
    assert_eq!(
        rebuild(segment, row, &twice, &[]).unwrap_err(),
        RebuildError::Twice { segment: 0, row, column }
    );
    for column in [2, 5, 255].map(Column::new) {
        let error = RebuildError::NoSuchCell { segment: 0, row, column };
        assert_eq!(rebuild(segment, row, cells, &[column]).unwrap_err(), error);
        let given = [(column, cells[0].1.clone())];
        assert_eq!(rebuild(segment, row, &given, &[]).unwrap_err(), error);
    }
    assert!(rebuild(segment, row + 1, cells, &[Column::new(3)]).is_err());
    let short = [(column, Verified::for_tests(vec![0; 1024]))];
    let error = RebuildError::Length { segment: 0, row, column, found: 1024, expected: 16_384 };
    assert_eq!(rebuild(segment, row, &short, &[]).unwrap_err(), error);
}
