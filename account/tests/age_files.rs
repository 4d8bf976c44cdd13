//! Files of age: what is sealed opens for whom it is, and for nobody who has only a part of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Read};

use account::{AGE_HEADER_LEN_MAX, AgeIdentity, AgeRecipient, AgeSealer, OpenAgeError, open_age};
use chunker::AccountSecret;

/// Age's chunks: the lengths around them are where files are cut.
const CHUNK: usize = 64 * 1024;

fn identity(number: u8) -> AgeIdentity {
    AgeIdentity::of(&AccountSecret::from_bytes([number; 32]))
}

fn recipient(number: u8) -> AgeRecipient {
    identity(number).recipient().parse().unwrap()
}

fn sealed(bytes: &[u8], to: &[AgeRecipient]) -> Vec<u8> {
    let mut sealer = AgeSealer::new(to).unwrap();
    let mut file = Vec::new();
    for piece in bytes.chunks(10_000) {
        file.extend(sealer.push(piece).unwrap());
    }
    file.extend(sealer.finish().unwrap());
    file
}

fn opened(file: &[u8], identity: &AgeIdentity) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = open_age(file, identity).map_err(|error| error.to_string())?;
    reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[test]
fn a_file_opens_for_its_recipients_and_no_part_of_it_passes_for_the_whole() {
    let to = [recipient(1), recipient(2)];
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
        let bytes: Vec<_> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let file = sealed(&bytes, &to);
        assert_eq!(opened(&file, &identity(1)).as_deref(), Ok(bytes.as_slice()));
        assert_eq!(opened(&file, &identity(2)).as_deref(), Ok(bytes.as_slice()));
        assert!(matches!(open_age(file.as_slice(), &identity(3)), Err(OpenAgeError::NotForYou)));
        let cuts = (0..file.len()).rev().step_by(CHUNK / 3).chain(file.len().saturating_sub(40)..file.len());
        for cut in cuts {
            assert!(opened(&file[..cut], &identity(1)).is_err(), "{len} bytes, cut off at {cut}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(opened(&longer, &identity(1)).is_err());
    }
    assert!(AgeSealer::new(&[]).is_err());
}

#[test]
fn a_header_without_an_end_is_not_read_to_its_end() {
    let endless = b"age-encryption.org/v1\n".chain(io::repeat(b'-'));
    let mut counted = Counted { from: endless, count: 0 };
    assert!(open_age(&mut counted, &identity(1)).is_err());
    assert!(counted.count <= AGE_HEADER_LEN_MAX, "{} bytes were read", counted.count);
}

struct Counted<R> {
    from: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.count += read as u64;
        Ok(read)
    }
}

#[test]
fn texts_that_are_no_recipients_are_refused() {
    let good = identity(1).recipient();
    for text in
        ["", "age1", &good[1..], &good[..61], &good.to_uppercase()[..20], "ssh-ed25519 AAAA", "age1tag1qqqq"]
    {
        assert!(text.parse::<AgeRecipient>().is_err(), "{text}");
    }
    assert_ne!(identity(2).recipient(), good);
    assert!(identity(1).expose_file().contains("\nAGE-SECRET-KEY-1"));
}
