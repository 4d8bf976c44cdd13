//! What an account has, by name: kept on each of its devices, written to the network, found again with one secret.
//!
//! ```text
//! write    entry → journal (fsync) → LocalIndex                         nothing that was acknowledged is lost
//! sync     pointers → newest indices → merge → changed pages, root → pointer at a quorum → old ones released
//! restore  24 words → AccountSecret → pointers → index                  on a machine that has nothing
//! ```
//!
//! [`Account`] derives the keys; [`LocalIndex`] is what this device knows, durably; [`pull`] and [`sync`] bring it and the
//! network together and say with [`Freshness`] how new that is. [`KeyStore`] holds the keys of erasable objects, which no
//! secret gives back. [`PackPut`] and [`RecordFolder`] put and read folders of many small records, which have one name
//! together. [`StreamKeys`] open what devices send; [`AgeSealer`] and [`open_age`] write and read files of age, for whoever has none of our
//! programs. The formats are those of `docs/spec.md` sections 24, 30 and 32, and live in `sharing`.
//!
//! Of files the crate knows the names, and `client` the rest.

mod age_files;
mod durable;
mod fetch;
mod freshness;
mod held;
mod journal;
mod key_store;
mod keys;
mod local;
mod packs;
mod phrase;
mod pull;
mod push;
mod releases;
mod replaced;
mod splits;
mod state;
mod streams;
mod sync;

pub use age_files::{
    AGE_HEADER_LEN_MAX, AgeIdentity, AgeRecipient, AgeRecipientError, AgeSealer, OpenAgeError, SealAgeError,
    open_age,
};
pub use fetch::{FetchIndexError, fetch_publishing};
pub use freshness::{DeviceSeen, Freshness, Unreadable};
pub use held::Held;
pub use key_store::{Destroyed, KeyStore};
pub use keys::Account;
pub use local::{Change, IndexFingerprint, LocalError, LocalIndex};
pub use packs::{BoxError, PackPut, Packed, PutPacksError, ReadRecordsError, RecordFolder, read_record};
pub use phrase::{PHRASE_WORDS, PhraseError, from_phrase, to_phrase};
pub use pull::pull;
pub use push::{INDEX_KEPT_S, PushError, put_small};
pub use releases::{Released, release_now, release_pending};
pub use splits::Split;
pub use streams::{Opened, StreamKeys, Unopened};
pub use sync::{Synced, exchange, sync};
