//! A journal is copied from one store into another, and read again there.

use ledger::{Head, Terms};

use super::{AppendError, Store, StoreError};

/// Why a journal was not copied.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum CopyError {
    #[error("the journal to copy: {0}")]
    From(StoreError),
    #[error("the copy: {0}")]
    To(StoreError),
    #[error("the copy: {0}")]
    Append(#[from] AppendError),
    #[error("entry {number} stands otherwise in the copy already")]
    OtherEntry { number: u64 },
    #[error("the copy ends at {found}, the journal at {expected}: somebody writes to one of them")]
    OtherHead { expected: Head, found: Head },
}

/// Copies the journal with these terms into a store that has none, or has the beginning of it; the head of both, when the
/// copy was read again and ends where the journal does. Nobody may write meanwhile.
pub async fn copy_journal(
    from: &mut impl Store,
    to: &mut impl Store,
    terms: &Terms,
) -> Result<Head, CopyError> {
    let mut head = Head::of(terms);
    loop {
        let entries = from.read(head.count).await.map_err(CopyError::From)?;
        if entries.is_empty() {
            break;
        }
        let known = to.read(head.count).await.map_err(CopyError::To)?;
        if let Some(other) = entries.iter().zip(&known).position(|(entry, known)| entry != known) {
            return Err(CopyError::OtherEntry { number: head.count + other as u64 });
        }
        let missing = entries.get(known.len()..).unwrap_or_default();
        if !missing.is_empty() {
            to.append_if(after(head, &entries[..entries.len() - missing.len()]), missing).await?;
        }
        head = after(head, &entries);
    }
    let (expected, found) = (end(from, terms).await, end(to, terms).await);
    let (expected, found) = (expected.map_err(CopyError::From)?, found.map_err(CopyError::To)?);
    if expected == found { Ok(found) } else { Err(CopyError::OtherHead { expected, found }) }
}

/// The head that all entries of a store lead to.
async fn end(store: &mut impl Store, terms: &Terms) -> Result<Head, StoreError> {
    let mut head = Head::of(terms);
    loop {
        let entries = store.read(head.count).await?;
        if entries.is_empty() {
            return Ok(head);
        }
        head = after(head, &entries);
    }
}

fn after(head: Head, entries: &[Vec<u8>]) -> Head {
    entries.iter().fold(head, |head, entry| head.after(entry))
}
