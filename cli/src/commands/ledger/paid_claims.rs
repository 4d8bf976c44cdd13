//! Which claims the operator has paid: a file in the ledger's folder, a line for each.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The file.
const FILE: &str = "paid-claims";
/// Characters of a claim's name.
const NAME_LEN: usize = 64;

/// The claims that are marked, by their names.
#[derive(Debug)]
pub(super) struct PaidClaims {
    path: PathBuf,
    names: BTreeSet<String>,
}

impl PaidClaims {
    /// Those in the folder of a ledger. A line that the power cut short marks nothing.
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let names = text.lines().filter(|line| line.len() == NAME_LEN).map(str::to_owned).collect();
        Ok(Self { path, names })
    }

    pub(super) const fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Marks these, durably. Two at once lose nothing: lines are only ever added.
    pub(super) fn add(&mut self, names: &[String]) -> anyhow::Result<()> {
        let new: Vec<&String> = names.iter().filter(|name| !self.names.contains(*name)).collect();
        if new.is_empty() {
            return Ok(());
        }
        // In front of it may stand a line that was cut short.
        let lines: Vec<String> = new.iter().map(|name| format!("\n{name}\n")).collect();
        append(&self.path, lines.concat().as_bytes())
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.names.extend(new.into_iter().cloned());
        Ok(())
    }
}

fn append(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_stays_so() {
        let dir = tempfile::tempdir().unwrap();
        let name = |digit: &str| digit.repeat(NAME_LEN);
        let mut paid = PaidClaims::open(dir.path()).unwrap();
        paid.add(&[name("a"), name("b")]).unwrap();
        // The power fails in the middle of a line.
        append(&dir.path().join(FILE), &name("c").as_bytes()[1..]).unwrap();
        let mut paid = PaidClaims::open(dir.path()).unwrap();
        assert_eq!(paid.names(), &BTreeSet::from([name("a"), name("b")]));
        paid.add(&[name("b"), name("c")]).unwrap();
        let all = BTreeSet::from(["a", "b", "c"].map(name));
        assert_eq!((paid.names(), PaidClaims::open(dir.path()).unwrap().names()), (&all, &all));
    }
}
