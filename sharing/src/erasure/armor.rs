//! A certificate as text: base64 in lines of 64 characters, between two lines that say what it is.

use data_encoding::BASE64;

const FIRST: &str = "-----BEGIN HEADWATER ERASURE CERTIFICATE-----\n";
const LAST: &str = "-----END HEADWATER ERASURE CERTIFICATE-----\n";
const LINE_LEN: usize = 64;

pub(super) fn write(bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let lines = text.as_bytes().chunks(LINE_LEN);
    let lines = lines.map(|line| str::from_utf8(line).expect("base64 is ASCII"));
    let lines: String = lines.flat_map(|line| [line, "\n"]).collect();
    format!("{FIRST}{lines}{LAST}")
}

/// The bytes between the lines. Whoever needs it exact writes them again and compares.
pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(FIRST)?;
    let (lines, _) = rest.split_once(LAST)?;
    BASE64.decode(lines.replace('\n', "").as_bytes()).ok()
}

pub(super) fn is_in(text: &[u8]) -> bool {
    text.windows(FIRST.len()).any(|window| window == FIRST.as_bytes())
}
