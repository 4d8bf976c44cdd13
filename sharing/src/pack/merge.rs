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
        Self::with_gone(packs, gone)
    }

    /// Both together: all packs of either, but for those that are gone from the other. Those that only the other one has come last, so
    /// that of records with one name its own is meant. Fails where that would bring back what one of them has removed.
    pub fn merge(&self, other: &Self) -> Result<Self, MergeError> {
        let (gone, theirs) = (taken_by(self), taken_by(other));
        let differs = |pack: &&GonePack| gone.get(&pack.object).is_some_and(|by| *by != pack.by);
        if let Some(GonePack { object, .. }) = other.gone().iter().find(differs) {
            return Err(MergeError::BothWritten { pack: *object });
        }
        let here = objects(self);
        let mine = self.packs().iter().filter(|pack| !theirs.contains_key(&pack.object()));
        let is_new = |pack: &&PackRef| !here.contains(&pack.object()) && !gone.contains_key(&pack.object());
        let packs = mine.chain(other.packs().iter().filter(is_new)).cloned().collect();
        let new = other.gone().iter().filter(|pack| !gone.contains_key(&pack.object));
        Ok(Self::with_gone(packs, self.gone().iter().chain(new).copied().collect())?)
    }
}

fn objects(catalogue: &Catalogue) -> HashSet<Cid> {
    catalogue.packs().iter().map(PackRef::object).collect()
}

fn taken_by(catalogue: &Catalogue) -> HashMap<Cid, Option<Cid>> {
    catalogue.gone().iter().map(|pack| (pack.object, pack.by)).collect()
}
