//! Signed notes and the keys that verify them (C2SP signed-note, tlog-cosignature).

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use iroh_base::Signature;
use protocol::{PublicKey, SecretKey, UnixSeconds, keys};
use sha2::{Digest as _, Sha256};

use super::text;

/// Longest note, in bytes.
pub const NOTE_LEN_MAX: usize = 65_536;
/// Most signatures under one note.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// A text with signatures, of which nothing is verified but the form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line under a note.
#[derive(Clone, PartialEq, Eq, Debug)]
struct NoteSignature {
    name: KeyName,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// The name of a key: not empty, without spaces, plus signs and control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyName(String);

/// What the signatures of a key say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyKind {
    /// Type 1: Ed25519 over the text.
    Plain,
    /// Type 4: Ed25519 over a time and the text of a checkpoint (`cosignature/v1`).
    Cosignature,
}

/// A key that verifies notes, under a name. Written as `name+id+key`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    key: PublicKey,
}

/// Why a text is no note, or nobody known has signed it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum NoteError {
    #[error("note of {len} bytes, at most {NOTE_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("a note has no control characters but line feeds")]
    Control,
    #[error("a note is a text, an empty line and 1 to {NOTE_SIGNATURES_MAX} signatures")]
    Form,
    #[error("signature {at} is no line of a note")]
    Signature { at: usize },
    #[error("a signature by {name} does not verify")]
    Forged { name: KeyName },
}

/// A text is no verifier key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a verifier key of type 1 or 4: {text:?}")]
pub struct VerifierKeyError {
    text: String,
}

impl SignedNote {
    /// A note without signatures. The text ends with a line feed and has no other control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        if text.contains(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Control);
        }
        if text.ends_with('\n') { Ok(Self { text, signatures: Vec::new() }) } else { Err(NoteError::Form) }
    }

    /// Reads a note. Signatures of whatever type are kept, and none is verified.
    pub fn decode(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong { len: bytes.len() });
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::Form)?;
        let split = whole.rfind("\n\n").ok_or(NoteError::Form)?;
        let mut note = Self::new(&whole[..=split])?;
        let lines = whole[split + 2..].strip_suffix('\n').ok_or(NoteError::Form)?;
        for (at, line) in lines.split('\n').enumerate() {
            if at >= NOTE_SIGNATURES_MAX {
                return Err(NoteError::Form);
            }
            note.signatures.push(NoteSignature::decode(line).ok_or(NoteError::Signature { at })?);
        }
        Ok(note)
    }

    /// The note with its signatures, as it is stored and sent.
    pub fn encode(&self) -> String {
        let lines: String = self.signatures.iter().map(ToString::to_string).collect();
        format!("{}\n{lines}", self.text)
    }

    /// The text that is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Signs the text.
    pub fn sign(&mut self, name: &KeyName, secret: &SecretKey) {
        let key = VerifierKey::new(name.clone(), KeyKind::Plain, secret.public());
        let bytes = secret.sign(self.text.as_bytes()).to_bytes().to_vec();
        self.signatures.push(NoteSignature { name: key.name.clone(), id: key.id(), bytes });
    }

    /// Signs, as a witness that has seen it at `time`.
    pub fn cosign(&mut self, name: &KeyName, secret: &SecretKey, time: UnixSeconds) {
        self.signatures.push(NoteSignature::of_witness(&self.text, name, secret, time));
    }

    /// The line with which a witness says that it has seen the note at `time`.
    pub(super) fn cosignature(&self, name: &KeyName, secret: &SecretKey, time: UnixSeconds) -> String {
        NoteSignature::of_witness(&self.text, name, secret, time).to_string()
    }

    /// This note with the signatures of a key that stand under the other one.
    pub(super) fn joined(mut self, other: &Self, key: &VerifierKey) -> Self {
        let id = key.id();
        let of_key = other.signatures.iter().filter(|line| line.name == key.name && line.id == id);
        self.signatures.extend(of_key.cloned());
        self
    }

    /// When the key has signed, as a cosigner says, or the epoch for a plain signature; `None` when it has not. A signature
    /// that names the key and does not verify is an error.
    pub fn verify(&self, key: &VerifierKey) -> Result<Option<UnixSeconds>, NoteError> {
        let id = key.id();
        let mut signed = None;
        for signature in self.signatures.iter().filter(|line| line.name == key.name && line.id == id) {
            let time = key.check(&self.text, &signature.bytes);
            signed = Some(time.ok_or_else(|| NoteError::Forged { name: key.name.clone() })?);
        }
        Ok(signed)
    }
}

impl NoteSignature {
    fn of_witness(text: &str, name: &KeyName, secret: &SecretKey, time: UnixSeconds) -> Self {
        let key = VerifierKey::new(name.clone(), KeyKind::Cosignature, secret.public());
        let mut bytes = time.get().to_be_bytes().to_vec();
        bytes.extend_from_slice(&secret.sign(cosigned(time.get(), text).as_bytes()).to_bytes());
        Self { name: key.name.clone(), id: key.id(), bytes }
    }

    fn decode(line: &str) -> Option<Self> {
        let (name, rest) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = text::bytes(rest)?;
        let (id, bytes) = bytes.split_first_chunk()?;
        (!bytes.is_empty()).then_some(())?;
        Some(Self { name: KeyName::new(name)?, id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.as_slice(), &self.bytes].concat();
        writeln!(f, "— {} {}", self.name, BASE64.encode(&bytes))
    }
}

impl KeyName {
    /// The name, when it may be one.
    pub fn new(name: &str) -> Option<Self> {
        let is_other = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        (!name.is_empty() && name.len() <= 255 && !name.contains(is_other)).then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl VerifierKey {
    /// The key under this name.
    pub const fn new(name: KeyName, kind: KeyKind, key: PublicKey) -> Self {
        Self { name, kind, key }
    }

    /// Its name.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What its signatures say.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself.
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// The first four bytes of a hash over name, type and key.
    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(self.name.as_str())
            .chain_update([b'\n', self.kind.number()])
            .chain_update(self.key.as_bytes())
            .finalize();
        *hash.first_chunk().expect("a hash of 32 bytes")
    }

    /// The time that a valid signature names.
    fn check(&self, text: &str, bytes: &[u8]) -> Option<UnixSeconds> {
        let (time, signature, message) = match self.kind {
            KeyKind::Plain => (0, bytes, text.to_owned()),
            KeyKind::Cosignature => {
                let (time, signature) = bytes.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                (time, signature, cosigned(time, text))
            }
        };
        let signature = Signature::from_bytes(signature.try_into().ok()?);
        self.key.verify(message.as_bytes(), &signature).ok()?;
        Some(UnixSeconds::new(time))
    }
}

impl KeyKind {
    const fn number(self) -> u8 {
        match self {
            Self::Plain => 1,
            Self::Cosignature => 4,
        }
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        parse_key(text).ok_or_else(|| VerifierKeyError { text: text.chars().take(120).collect() })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.kind.number()], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id()), BASE64.encode(&bytes))
    }
}

fn parse_key(text: &str) -> Option<VerifierKey> {
    let mut parts = text.splitn(3, '+');
    let (name, id, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = text::bytes(rest)?;
    let (number, key) = bytes.split_first()?;
    let kind = match number {
        1 => KeyKind::Plain,
        4 => KeyKind::Cosignature,
        _ => return None,
    };
    let key = keys::from_bytes(key.try_into().ok()?).ok()?;
    let key = VerifierKey::new(KeyName::new(name)?, kind, key);
    (HEXLOWER.encode(&key.id()) == id).then_some(key)
}

/// What a cosigner signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const EXAMPLE: &str = "This is an example message.\n\n— example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn name(text: &str) -> KeyName {
        KeyName::new(text).unwrap()
    }

    #[test]
    fn the_published_note_verifies() {
        let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
        assert_eq!(key.to_string(), EXAMPLE_KEY);
        let note = SignedNote::decode(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(note.encode(), EXAMPLE);
        assert_eq!(note.verify(&key), Ok(Some(UnixSeconds::new(0))));
        let altered = EXAMPLE.replace("message", "massage");
        let error = SignedNote::decode(altered.as_bytes()).unwrap().verify(&key);
        assert_eq!(error, Err(NoteError::Forged { name: name("example.com/foo") }));
    }

    #[test]
    fn signatures_and_cosignatures_stand_beside_each_other() {
        let [log, witness] = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]));
        let mut note = SignedNote::new("log.example\n5\nAAAA\n").unwrap();
        note.sign(&name("log.example"), &log);
        note.cosign(&name("witness.example"), &witness, UnixSeconds::new(1_679_315_147));
        let note = SignedNote::decode(note.encode().as_bytes()).unwrap();
        let key = |text, kind, secret: &SecretKey| VerifierKey::new(name(text), kind, secret.public());
        let time = note.verify(&key("witness.example", KeyKind::Cosignature, &witness));
        assert_eq!(time, Ok(Some(UnixSeconds::new(1_679_315_147))));
        assert_eq!(note.verify(&key("log.example", KeyKind::Plain, &log)), Ok(Some(UnixSeconds::new(0))));
        for other in [
            key("witness.example", KeyKind::Plain, &witness),
            key("witness.example", KeyKind::Cosignature, &log),
            key("witness.other", KeyKind::Cosignature, &witness),
        ] {
            assert_eq!(note.verify(&other), Ok(None), "{other}");
        }
    }

    #[test]
    fn what_is_no_note_or_key_is_refused() {
        let long = format!("{}\n\n{}", "x".repeat(NOTE_LEN_MAX), "y");
        for bad in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n\n",
            "text\n\n— a\n",
            "text\n\n— a AAAAAA==",
            "text\n\n- a AAAAAAA=\n",
            "text\n\n— a AAAAAA==\n",
            "text\n\n— a+b AAAAAAA=\n",
            "te\rxt\n\n— a AAAAAAA=\n",
            "text\n\n— a AAAAAAB=\n",
            &long,
        ] {
            assert!(SignedNote::decode(bad.as_bytes()).is_err(), "{bad:.40}");
        }
        assert!(
            SignedNote::decode("text\n\n— a AAAAAAA=\n".as_bytes()).is_ok(),
            "of a type that is not known"
        );
        let many = format!("text\n\n{}", "— a AAAAAAA=\n".repeat(NOTE_SIGNATURES_MAX + 1));
        assert_eq!(SignedNote::decode(many.as_bytes()), Err(NoteError::Form));
        for bad in [
            "",
            "a+b",
            &EXAMPLE_KEY[1..],
            &EXAMPLE_KEY.replace("530d", "530e"),
            &EXAMPLE_KEY.replace("+Ae", "+Ke"),
        ] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }
}
