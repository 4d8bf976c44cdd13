use proptest::prelude::*;

use super::*;

const K16: CellSize = CellSize::LARGEST;

fn coding(text: &str) -> Coding {
    text.parse().unwrap()
}

/// An object laid out by walking cell by cell: for each segment, for each column the numbers of its cells, `None` for
/// parity. It knows nothing of divisions.
fn walk(coding: Coding, size: CellSize, cells: u64) -> Vec<Vec<Vec<Option<u64>>>> {
    let (data, total) = (usize::from(coding.data()), usize::from(coding.total()));
    let mut segments = vec![vec![Vec::new(); total]];
    let mut column = 0;
    for cell in 0..cells {
        let full = (segments.last().unwrap()[0].len() + 1) * data * size.bytes() > 1 << 28;
        if column == 0 && full {
            segments.push(vec![Vec::new(); total]);
        }
        let segment = segments.last_mut().unwrap();
        if column == 0 {
            segment[data..].iter_mut().for_each(|parity| parity.push(None));
        }
        segment[column].push(Some(cell));
        column = (column + 1) % data;
    }
    segments
}

/// Compares everything that a geometry says with the walk.
fn check(coding: Coding, size: CellSize, cells: u64) {
    let geometry = Geometry::new(coding, size, cells).unwrap();
    let expected = walk(coding, size, cells);
    assert_eq!(geometry.segments() as usize, expected.len());
    assert_eq!(geometry.all_segments().count(), expected.len());
    assert_eq!(geometry.segment(geometry.segments()), None);
    assert_eq!(geometry.locate(cells), None);

    let mut number = 0;
    for (segment, columns) in geometry.all_segments().zip(&expected) {
        check_segment(&geometry, &segment, columns, &mut number);
    }
    assert_eq!(geometry.shards(), number);
    assert_eq!(geometry.shard_at(number), None);
}

fn check_segment(geometry: &Geometry, segment: &Segment, columns: &[Vec<Option<u64>>], number: &mut usize) {
    let cells = columns.iter().flatten().flatten();
    assert_eq!(segment.cells() as usize, cells.clone().count());
    assert_eq!(segment.first_cell(), *cells.min().unwrap());
    assert_eq!(segment.rows() as usize, columns[0].len());
    let data = usize::from(geometry.coding().data());
    assert_eq!(usize::from(segment.data_columns()), columns[..data].iter().filter(|c| !c.is_empty()).count());

    let mut stored = Vec::new();
    for (column, rows) in geometry.coding().columns().zip(columns) {
        let len = rows.len() as u64 * geometry.cell_size().bytes() as u64;
        assert_eq!(segment.column_rows(column) as usize, rows.len());
        assert_eq!(segment.shard_len(column).map_or(0, ShardLen::get), len);
        assert_eq!(segment.cell(column, segment.column_rows(column)), None);
        for (row, &cell) in (0..).zip(rows) {
            assert_eq!(segment.cell(column, row), cell);
            if let Some(cell) = cell {
                assert_eq!(geometry.locate(cell), Some(Location { segment: segment.index(), column, row }));
            }
        }
        if rows.is_empty() {
            assert_eq!(geometry.shard_number(segment.index(), column), None);
        } else {
            assert_eq!(geometry.shard_number(segment.index(), column), Some(*number));
            assert_eq!(geometry.shard_at(*number), Some((segment.index(), column)));
            stored.push(column);
            *number += 1;
        }
    }
    assert_eq!(segment.stored_columns().collect::<Vec<_>>(), stored);
    assert_eq!(usize::from(segment.stored()), stored.len());
}

#[test]
fn every_boundary() {
    for coding in ["1+1", "2+1", "5+3", "10+4", "254+1", "100+155"].map(coding) {
        let data = u64::from(coding.data());
        let segment = data * u64::from(rows_per_segment(coding, K16));
        let boundaries =
            [1, 2, data - 1, data, data + 1, 2 * data, segment - data, segment - 1, segment, segment + 1];
        for cells in
            boundaries.into_iter().chain([segment + data, 2 * segment - 1, 2 * segment, 2 * segment + 1])
        {
            if cells > 0 {
                check(coding, K16, cells);
            }
        }
        for size in (10..14).map(|log2| CellSize::from_log2(log2).unwrap()) {
            for cells in [1, data.div_ceil(2), data] {
                check(coding, size, cells);
            }
        }
    }
}

#[test]
fn invalid_shapes() {
    let five = coding("5+3");
    assert_eq!(Geometry::new(five, K16, 0), Err(GeometryError::NoCells));
    for size in (10..14).map(|log2| CellSize::from_log2(log2).unwrap()) {
        assert!(matches!(Geometry::new(five, size, 6), Err(GeometryError::SmallCells { .. })));
    }
    assert_eq!(Geometry::new(five, K16, CELLS_MAX + 1), Err(GeometryError::TooLong));
    assert_eq!(Geometry::new(five, K16, u64::MAX), Err(GeometryError::TooLong));
    for log2 in [0, 9, 15, 255] {
        assert_eq!(CellSize::from_log2(log2), None);
    }
}

#[test]
fn as_many_shards_as_fit() {
    let five = coding("5+3");
    let segment = 5 * u64::from(rows_per_segment(five, K16));
    let segments = SHARDS_MAX / 8;
    let fits = Geometry::new(five, K16, segments * segment).unwrap();
    assert_eq!(fits.shards() as u64, SHARDS_MAX);
    assert_eq!(Geometry::new(five, K16, segments * segment + 1), Err(GeometryError::TooLong));
}

#[test]
fn small_objects_have_small_cells() {
    let five = coding("5+3");
    let shape = |len| Geometry::for_len(five, len, Padding::None).map(|g| (g.cell_size().bytes(), g.cells()));
    for (len, bytes, cells) in [
        (0, 1024, 1),
        (1, 1024, 1),
        (1008, 1024, 1),
        (1009, 1024, 2),
        (5 * 1008, 1024, 5),
        (5 * 1008 + 1, 2048, 3),
        (5 * 2032, 2048, 5),
        (5 * 2032 + 1, 4096, 3),
        (5 * 4080 + 1, 8192, 3),
        (5 * 8176, 8192, 5),
        (5 * 8176 + 1, 16384, 3),
        (5 * 16368, 16384, 5),
        (5 * 16368 + 1, 16384, 6),
    ] {
        assert_eq!(shape(len), Ok((bytes, cells)), "{len}");
    }
    let padded = Geometry::for_len(five, 5 * 1008 - 1, Padding::Padme).unwrap();
    assert_eq!((padded.cell_size().bytes(), padded.cells()), (2048, 3), "Padmé(5039) = 5120");
    assert_eq!(shape(u64::MAX), Err(GeometryError::TooLong));
    assert_eq!(Geometry::for_len(five, u64::MAX, Padding::Padme), Err(GeometryError::TooLong));
}

#[test]
fn rows_of_the_specification() {
    for (text, rows) in [("1+1", 16_384), ("4+2", 4096), ("5+3", 3276), ("254+1", 64)] {
        assert_eq!(rows_per_segment(coding(text), K16), rows);
    }
}

fn any_coding() -> impl Strategy<Value = Coding> {
    (1u8..=254)
        .prop_flat_map(|data| (Just(data), 1..=255 - data))
        .prop_map(|(k, m)| Coding::new(k, m).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_the_walk(coding in any_coding(), cells in 1u64..20_000) {
        check(coding, K16, cells);
    }

    #[test]
    fn cells_of_a_range(len in 0u64..1 << 21, start in 0u64..1 << 21, count in 0u64..1 << 21) {
        let geometry = Geometry::for_len(coding("4+2"), len, Padding::None).unwrap();
        let plain = geometry.cell_size().plain_bytes() as u64;
        let cells = geometry.cells_of(start..start + count);
        let touched: Vec<u64> = (0..geometry.cells())
            .filter(|cell| cell * plain < start + count && start < (cell + 1) * plain && count > 0)
            .collect();
        prop_assert_eq!(cells.collect::<Vec<_>>(), touched);
    }

    #[test]
    fn small_cells_are_the_smallest_that_fit(coding in any_coding(), len in 0u64..5_000_000) {
        let geometry = Geometry::for_len(coding, len, Padding::None).unwrap();
        let fits = |size: CellSize| len <= u64::from(coding.data()) * size.plain_bytes() as u64;
        let sizes: Vec<CellSize> = (10..=14).map(|log2| CellSize::from_log2(log2).unwrap()).collect();
        let smallest = sizes.iter().copied().find(|&size| fits(size)).unwrap_or(K16);
        prop_assert_eq!(geometry.cell_size(), smallest);
        let room = geometry.cells() * smallest.plain_bytes() as u64;
        prop_assert!(room >= len && (room - len < smallest.plain_bytes() as u64 || len == 0));
    }
}
