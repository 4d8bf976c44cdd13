//! Objects that are shown for money: as parts of which titles, and whose. What has ended gives its objects back.

use std::collections::BTreeMap;

use proofs::Cid;
use protocol::PublicKey;

/// An object and a creator.
type Place = ([u8; 36], [u8; 32]);

/// A publication, or a live stream, that is shown for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PaidTitle {
    pub(crate) id: Cid,
    pub(crate) creator: PublicKey,
    pub(crate) kind: PaidKind,
}

/// Whether it keeps others from publishing what it consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaidKind {
    Publication,
    /// What a live stream consists of is public as soon as one gateway has it: that somebody has named it first says nothing.
    Live,
}

/// How many titles of a creator an object is part of.
#[derive(Debug, Clone, Copy, Default)]
struct Titles {
    publications: u32,
    live: u32,
}

/// All of them, in memory.
#[derive(Debug, Default)]
pub(super) struct Held {
    titles: BTreeMap<Place, Titles>,
}

impl Held {
    /// An object is part of one more title.
    pub(super) fn add(&mut self, object: [u8; 36], creator: [u8; 32], kind: PaidKind) {
        *self.titles.entry((object, creator)).or_default().of(kind) += 1;
    }

    /// An object is part of one title less.
    pub(super) fn remove(&mut self, object: [u8; 36], creator: [u8; 32], kind: PaidKind) {
        if let Some(titles) = self.titles.get_mut(&(object, creator)) {
            let count = titles.of(kind);
            *count = count.saturating_sub(1);
            if titles.publications == 0 && titles.live == 0 {
                self.titles.remove(&(object, creator));
            }
        }
    }

    /// Whether it is shown for money at all.
    pub(super) fn is_held(&self, object: &Cid) -> bool {
        self.of(object).next().is_some()
    }

    /// Whether whoever pays this creator may have it: it is free, or the creator is one of those who are paid.
    pub(super) fn is_open_to(&self, object: &Cid, creator: &PublicKey) -> bool {
        !self.is_held(object) || self.is_paid_to(object, creator)
    }

    /// Whether a title may hold it: a publication may not what somebody else has published, unless the creator holds it too.
    pub(super) fn admits(&self, object: &Cid, title: &PaidTitle) -> bool {
        let is_published = |(creator, titles): (&[u8; 32], &Titles)| {
            creator != title.creator.as_bytes() && titles.publications > 0
        };
        title.kind == PaidKind::Live
            || !self.of(object).any(is_published)
            || self.is_paid_to(object, &title.creator)
    }

    fn is_paid_to(&self, object: &Cid, creator: &PublicKey) -> bool {
        self.titles.contains_key(&(object.to_bytes(), *creator.as_bytes()))
    }

    fn of(&self, object: &Cid) -> impl Iterator<Item = (&[u8; 32], &Titles)> {
        let object = object.to_bytes();
        let all = self.titles.range((object, [0; 32])..=(object, [0xff; 32]));
        all.map(|((_, creator), titles)| (creator, titles))
    }
}

impl Titles {
    const fn of(&mut self, kind: PaidKind) -> &mut u32 {
        match kind {
            PaidKind::Publication => &mut self.publications,
            PaidKind::Live => &mut self.live,
        }
    }
}
