//! Content credentials (C2PA): whether a file carries a manifest. What that says, and whether it is valid, is not looked at.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Boxes, segments or chunks of a file that are looked at.
const PARTS_MAX: usize = 100_000;
/// What no file is as long as, in bytes.
const FILE_LEN_MAX: u64 = 1 << 62;
/// Bytes of a JPEG's segment in which the name of the manifest store stands.
const JUMBF_HEAD_LEN: usize = 64;
/// The box of a manifest in MP4 and its relatives.
const UUID: [u8; 16] =
    [0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81];

/// Whether a file in MP4, MOV, M4A, JPEG, PNG, WebP, WAV or AVI carries a C2PA manifest at the place where its format has it.
pub fn carries_credentials(path: &Path) -> io::Result<bool> {
    carries(&mut File::open(path)?)
}

fn carries(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let found = find(file);
    // A file that ends within a part has none behind it.
    if found.as_ref().is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof) {
        Ok(false)
    } else {
        found
    }
}

fn find(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    file.rewind()?;
    let head: [u8; 12] = read(file)?;
    match head {
        [0xff, 0xd8, ..] => in_jpeg(file),
        [0x89, b'P', b'N', b'G', ..] => in_chunks(file, 8, Chunks::Png),
        [b'R', b'I', b'F', b'F', ..] => in_chunks(file, 12, Chunks::Riff),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => in_boxes(file),
        _ => Ok(false),
    }
}

fn in_boxes(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut at = 0_u64;
    for _ in 0..PARTS_MAX {
        file.seek(SeekFrom::Start(at))?;
        let (len, kind): ([u8; 4], [u8; 4]) = (read(file)?, read(file)?);
        let (len, head_len) = match u32::from_be_bytes(len) {
            0 => return Ok(kind == *b"uuid" && read::<16>(file)? == UUID),
            1 => (u64::from_be_bytes(read(file)?), 16),
            len => (len.into(), 8),
        };
        if kind == *b"uuid" && read::<16>(file)? == UUID {
            return Ok(true);
        }
        let next = at.checked_add(len).filter(|next| len >= head_len && *next < FILE_LEN_MAX);
        let Some(next) = next else { return Ok(false) };
        at = next;
    }
    Ok(false)
}

fn in_jpeg(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    const APP11: u8 = 0xeb;
    const SCAN: u8 = 0xda;
    const END: u8 = 0xd9;
    let mut at = 2_u64;
    for _ in 0..PARTS_MAX {
        file.seek(SeekFrom::Start(at))?;
        let ([mark, kind], len): ([u8; 2], [u8; 2]) = (read(file)?, read(file)?);
        if mark != 0xff || kind == SCAN || kind == END {
            return Ok(false);
        }
        let len = u16::from_be_bytes(len);
        if kind == APP11 {
            let mut head = Vec::new();
            file.by_ref().take(len.into()).take(JUMBF_HEAD_LEN as u64).read_to_end(&mut head)?;
            if head.starts_with(b"JP") && head.windows(4).any(|word| word == b"c2pa") {
                return Ok(true);
            }
        }
        at += 2 + u64::from(len);
    }
    Ok(false)
}

/// How the chunks of a format are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chunks {
    Png,
    Riff,
}

fn in_chunks(file: &mut (impl Read + Seek), begin: u64, chunks: Chunks) -> io::Result<bool> {
    let mut at = begin;
    for _ in 0..PARTS_MAX {
        file.seek(SeekFrom::Start(at))?;
        let (first, second): ([u8; 4], [u8; 4]) = (read(file)?, read(file)?);
        let (kind, len, wanted) = match chunks {
            // Length, name, data, checksum.
            Chunks::Png => (second, u64::from(u32::from_be_bytes(first)) + 4, *b"caBX"),
            // Name, length, data, filled up to an even length.
            Chunks::Riff => (first, u64::from(u32::from_le_bytes(second)).next_multiple_of(2), *b"C2PA"),
        };
        if kind == wanted {
            return Ok(true);
        }
        at += 8 + len;
    }
    Ok(false)
}

fn read<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn has(bytes: &[u8]) -> bool {
        carries(&mut Cursor::new(bytes)).unwrap()
    }

    fn boxed(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let len = u32::try_from(8 + data.len()).unwrap();
        [&len.to_be_bytes(), kind.as_slice(), data].concat()
    }

    fn samples() -> Vec<Vec<u8>> {
        let ftyp = boxed(*b"ftyp", b"isom\0\0\0\0");
        let manifest = boxed(*b"uuid", &[UUID.as_slice(), b"manifest"].concat());
        let large = [&1_u32.to_be_bytes(), b"mdat".as_slice(), &20_u64.to_be_bytes(), b"data"].concat();
        let mp4 = [ftyp.clone(), large, manifest].concat();
        let jumbf = b"JP\0\x01\0\0\0\x01\0\0\0\x20jumb\0\0\0\x1ejumdc2pa\0\x11";
        let len = u16::try_from(2 + jumbf.len()).unwrap().to_be_bytes();
        let jpeg = [b"\xff\xd8\xff\xe0\0\x04ab\xff\xeb".as_slice(), &len, jumbf, b"\xff\xda\0\x02"].concat();
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            [&u32::try_from(data.len()).unwrap().to_be_bytes(), kind.as_slice(), data, b"crc!"].concat()
        };
        let png = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13]), chunk(b"caBX", b"m")].concat();
        let webp = b"RIFF\x20\0\0\0WEBPVP8 \x03\0\0\0abc\0C2PA\x01\0\0\0m\0".to_vec();
        vec![mp4, jpeg, png, webp]
    }

    #[test]
    fn manifests_are_found_where_formats_have_them_and_nowhere_else() {
        for sample in samples() {
            assert!(has(&sample), "{sample:?}");
        }
        let [mp4, jpeg, png, webp] = samples().try_into().unwrap();
        let other = |bytes: &[u8], from: &[u8], to: &[u8]| {
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            [&bytes[..at], to, &bytes[at + from.len()..]].concat()
        };
        assert!(!has(&other(&mp4, b"uuid", b"free")) && !has(&other(&mp4, &UUID, &[0; 16])));
        assert!(!has(&other(&jpeg, b"c2pa", b"exif")) && !has(&other(&jpeg, b"\xff\xeb", b"\xff\xec")));
        assert!(!has(&other(&png, b"caBX", b"tEXt")) && !has(&other(&webp, b"C2PA", b"EXIF")));
        for bytes in [&b""[..], b"c2pa", b"hello, I am c2pa and caBX", &[0; 64], &UUID] {
            assert!(!has(bytes));
        }
    }

    #[test]
    fn whatever_is_in_it() {
        let samples = samples();
        fuzzing::fuzz(|random| {
            let bytes = random.damaged(&samples);
            let found = carries(&mut Cursor::new(&bytes)).unwrap();
            let names = [b"c2pa".as_slice(), b"caBX", b"C2PA", &UUID];
            assert!(
                !found || names.iter().any(|name| bytes.windows(name.len()).any(|window| window == *name))
            );
        });
    }
}
