//! Checkpoints: the state of a log in three lines (C2SP tlog-checkpoint).

use data_encoding::BASE64;

use super::{KeyName, TreeHash};

/// What a log says about itself: its name, how many entries it has, and the root over them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: KeyName,
    /// How many entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: TreeHash,
}

/// A text is no checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a checkpoint of three lines: origin, size and root")]
pub struct CheckpointError;

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Reads the text of a checkpoint. Lines beyond the third are refused: no log of ours has them, and nobody could audit
    /// them.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        parse(text).ok_or(CheckpointError)
    }
}

fn parse(text: &str) -> Option<Checkpoint> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let root = BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?;
    let checkpoint =
        Checkpoint { origin: KeyName::new(origin)?, size: number(size)?, root: TreeHash::from_bytes(root) };
    lines.next().is_none().then_some(checkpoint)
}

/// A decimal number without anything before it, not even zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification of cosignatures.
    const EXAMPLE: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn checkpoints_are_read_as_they_are_written() {
        let checkpoint = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.to_text(), EXAMPLE);
    }

    #[test]
    fn other_texts_are_refused() {
        let changed = [
            ("20852163", "020852163"),
            ("20852163", "+1"),
            ("20852163", ""),
            ("sofa\n", "sofa \n"),
            ("2I=", "2J="),
            ("2I=\n", "2I="),
            ("2I=\n", "2I=\nmore\n"),
            ("CsUY", ""),
        ];
        for (from, to) in changed {
            assert_eq!(Checkpoint::parse(&EXAMPLE.replace(from, to)), Err(CheckpointError), "{from} {to}");
        }
    }
}
