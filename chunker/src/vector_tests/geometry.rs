use serde::{Deserialize, Serialize};

use super::golden;
use crate::{CellSize, Coding, Geometry, Padding};

#[derive(Serialize, Deserialize)]
struct File {
    /// Lengths and the shapes that follow from them.
    lengths: Vec<Length>,
    /// Shapes, and the length of every stored shard, segment by segment.
    shapes: Vec<Shape>,
    /// Numbers that are no shape.
    reject: Vec<Rejected>,
}

#[derive(Serialize, Deserialize)]
struct Length {
    coding: String,
    len: u64,
    padme: bool,
    sealed_len: u64,
    cell: u8,
    cells: u64,
    segments: u32,
    shards: usize,
}

#[derive(Serialize, Deserialize)]
struct Shape {
    coding: String,
    cell: u8,
    cells: u64,
    segments: Vec<Vec<(u8, u64)>>,
}

#[derive(Serialize, Deserialize)]
struct Rejected {
    why: String,
    k: u16,
    m: u16,
    cell: u8,
    cells: u64,
}

fn length(coding: &str, len: u64, padme: bool) -> Length {
    let padding = if padme { Padding::Padme } else { Padding::None };
    let geometry = Geometry::for_len(coding.parse().unwrap(), len, padding).unwrap();
    Length {
        coding: coding.to_owned(),
        len,
        padme,
        sealed_len: padding.sealed_len(len).unwrap(),
        cell: geometry.cell_size().log2(),
        cells: geometry.cells(),
        segments: geometry.segments(),
        shards: geometry.shards(),
    }
}

fn shape(coding: &str, cell: u8, cells: u64) -> Shape {
    let geometry = Geometry::new(coding.parse().unwrap(), CellSize::from_log2(cell).unwrap(), cells).unwrap();
    let segments = geometry.all_segments().map(|segment| {
        let shard = |column: crate::Column| (column.number(), segment.shard_len(column).unwrap().get());
        segment.stored_columns().map(shard).collect()
    });
    Shape { coding: coding.to_owned(), cell, cells, segments: segments.collect() }
}

fn rejected(why: &str, k: u16, m: u16, cell: u8, cells: u64) -> Rejected {
    Rejected { why: why.to_owned(), k, m, cell, cells }
}

fn made() -> File {
    let mut lengths = Vec::new();
    for (coding, k) in [("1+1", 1), ("4+2", 4), ("5+3", 5)] {
        for plain in [1008, 2032, 4080, 8176, 16_368] {
            lengths.extend([k * plain, k * plain + 1].map(|len| length(coding, len, false)));
        }
        let segment = k * (16_384 / k) * 16_368;
        lengths.extend([0, 1, 1009, segment, segment + 1].map(|len| length(coding, len, false)));
        lengths.extend([0, 1, 9, 5039, 1_000_000, 300_000_000].map(|len| length(coding, len, true)));
    }
    lengths.push(length("5+3", 1_000_000_000_000, false));
    File {
        lengths,
        shapes: vec![
            shape("5+3", 10, 1),
            shape("5+3", 10, 4),
            shape("5+3", 13, 5),
            shape("5+3", 14, 6),
            shape("4+2", 14, 16_384),
            shape("4+2", 14, 16_385),
            shape("2+1", 14, 3),
            shape("254+1", 14, 254 * 64 + 255),
        ],
        reject: vec![
            rejected("no data column", 0, 3, 14, 5),
            rejected("no parity column", 5, 0, 14, 5),
            rejected("more columns than 255", 200, 56, 14, 5),
            rejected("more columns than a byte counts", 256, 1, 14, 5),
            rejected("cells below 1 KiB", 5, 3, 9, 5),
            rejected("cells above 16 KiB", 5, 3, 15, 5),
            rejected("no cell", 5, 3, 14, 0),
            rejected("small cells in two stripes", 5, 3, 13, 6),
            rejected("more cells than 2^40", 5, 3, 14, (1 << 40) + 1),
            rejected("more shards than 32 736", 5, 3, 14, 4092 * 5 * 3276 + 1),
        ],
    }
}

#[test]
fn geometry() {
    let file: File = golden("geometry.json", &made());
    for vector in file.reject {
        let coding = u8::try_from(vector.k).and_then(|k| Ok((k, u8::try_from(vector.m)?)));
        let coding = coding.ok().and_then(|(k, m)| Coding::new(k, m).ok());
        let shape = coding.zip(CellSize::from_log2(vector.cell));
        let geometry = shape.map(|(coding, cell_size)| Geometry::new(coding, cell_size, vector.cells));
        assert!(!matches!(geometry, Some(Ok(_))), "{}", vector.why);
    }
}
