//! What two devices have made of one folder of records, neither knowing of the other, as one catalogue.

use std::collections::{HashMap, HashSet};

use proofs::Cid;
use protocol::ListTooLong;

use super::catalogue::{Catalogue, GonePack, PackRef};

/// Why two catalogues do not come together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum MergeError {
    #[error("pack {pack} was written anew in both: what one of them removed may stand in the other")]
    BothWritten { pack: Cid },
    #[error("one of them has forgotten packs that are gone, and the other may have them still")]
    OtherPast,
    #[error(transparent)]
    List(#[from] ListTooLong),
}

impl Catalogue {
    /// The catalogue that takes the place of this one and has these packs. It remembers which of the old ones are gone.
    pub fn after(&self, packs: Vec<PackRef>) -> Result<Self, ListTooLong> {
        let (before, after) = (objects(self), packs.iter().map(PackRef::object).collect::<HashSet<_>>());
        let by = packs.iter().map(PackRef::object).find(|object| !before.contains(object));
        let left = self.packs().iter().map(PackRef::object).filter(|object| !after.contains(object));
        // A pack that comes back is not gone.
        let known = self.gone().iter().filter(|pack| !after.contains(&pack.object)).copied();
        let gone = known.chain(left.map(|object| GonePack { by, object })).collect();
        Self::with_gone(packs, gone, self.forgotten())
    }

    /// Both together: all packs of either, but for those that are gone from the other. What the other one has written in the place of one of
    /// these packs stands there; what else it alone has comes last, so that of records with one name its own is meant. Fails where that might
    /// bring back what one of them has removed.
    pub fn merge(&self, other: &Self) -> Result<Self, MergeError> {
        if self.forgotten() != other.forgotten() {
            return Err(MergeError::OtherPast);
        }
        let (gone, theirs) = (taken_by(self), taken_by(other));
        let differs = |pack: &&GonePack| gone.get(&pack.object).is_some_and(|by| *by != pack.by);
        if let Some(GonePack { object, .. }) = other.gone().iter().find(differs) {
            return Err(MergeError::BothWritten { pack: *object });
        }
        let here = objects(self);
        let is_new = |pack: &PackRef| !here.contains(&pack.object()) && !gone.contains_key(&pack.object());
        let mut new: Vec<_> = other.packs().iter().enumerate().filter(|(_, pack)| is_new(pack)).collect();
        let mut packs = Vec::with_capacity(self.packs().len() + new.len());
        for pack in self.packs() {
            if theirs.contains_key(&pack.object()) {
                packs.extend(successors(pack.object(), &theirs, &mut new));
            } else {
                packs.push(pack);
            }
        }
        packs.extend(new.into_iter().map(|(_, pack)| pack));
        let packs = packs.into_iter().cloned().collect();
        let more = other.gone().iter().filter(|pack| !gone.contains_key(&pack.object));
        let gone = self.gone().iter().chain(more).copied().collect();
        Ok(Self::with_gone(packs, gone, self.forgotten())?)
    }

    /// Whether both have, or had, a pack in common, as two of one folder do.
    pub fn is_kin(&self, other: &Self) -> bool {
        let mut known = objects(self);
        known.extend(self.gone().iter().map(|pack| pack.object));
        let has = |object: Cid| known.contains(&object);
        (self.forgotten().is_some() && self.forgotten() == other.forgotten())
            || other.packs().iter().map(PackRef::object).any(has)
            || other.gone().iter().map(|pack| pack.object).any(has)
    }
}

/// Takes out of `new`, packs with their numbers in the other catalogue, what was written in the place of a pack that is gone: the first that
/// took its place, and those that follow without a gap up to the place of another one.
fn successors<'a>(
    gone: Cid,
    theirs: &HashMap<Cid, Option<Cid>>,
    new: &mut Vec<(usize, &'a PackRef)>,
) -> Vec<&'a PackRef> {
    let start = last_successor(gone, theirs);
    let Some(at) = new.iter().position(|(_, pack)| Some(pack.object()) == start) else { return Vec::new() };
    let begins = |pack: &PackRef| theirs.values().any(|by| *by == Some(pack.object()));
    let follow = new[at..].windows(2).take_while(|two| two[1].0 == two[0].0 + 1 && !begins(two[1].1));
    let len = 1 + follow.count();
    new.drain(at..at + len).map(|(_, pack)| pack).collect()
}

/// What stands in the end where a pack stood, which may have been written anew several times.
fn last_successor(gone: Cid, theirs: &HashMap<Cid, Option<Cid>>) -> Option<Cid> {
    let mut object = gone;
    // No chain is longer than the list, whatever circles it has.
    for _ in 0..=theirs.len() {
        match theirs.get(&object) {
            Some(by) => object = (*by)?,
            None => return Some(object),
        }
    }
    None
}

fn objects(catalogue: &Catalogue) -> HashSet<Cid> {
    catalogue.packs().iter().map(PackRef::object).collect()
}

fn taken_by(catalogue: &Catalogue) -> HashMap<Cid, Option<Cid>> {
    catalogue.gone().iter().map(|pack| (pack.object, pack.by)).collect()
}
