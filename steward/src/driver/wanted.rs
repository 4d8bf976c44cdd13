//! What the folder of mandates asks for: objects come with their manifests, and go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chunker::Manifest;
use proofs::Cid;
use protocol::Tag;

use super::{Charge, Done, Steward, now};
use crate::journal::Step;
use crate::plan::{Event, Object};
use crate::store::{Store, StoreError};
use crate::wards::{self, Scan, Ward};

/// How soon a manifest is asked for again that could not be had.
const FETCH_AGAIN_AFTER: Duration = Duration::from_mins(1);
/// Manifests that are fetched at the same time.
const FETCHES_ABREAST: usize = 8;
/// Manifests kept in memory; the others are read from the state when they are needed.
const MANIFESTS_KEPT: usize = 1024;

/// A manifest that was asked for, or why there is none.
#[derive(Debug)]
pub(super) struct Fetched {
    ward: Ward,
    manifest: Result<Manifest, String>,
}

/// What is wanted, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    wards: BTreeMap<Cid, Ward>,
    manifests: HashMap<Cid, Arc<Manifest>>,
    fetching: HashMap<Cid, Option<Instant>>,
    /// Files of which was said that they are of no use.
    refused: BTreeSet<PathBuf>,
    /// Objects of which was said that their mandates are of no use.
    unfit: BTreeSet<Cid>,
}

impl Wanted {
    /// Mandate and manifest of an object that is looked after.
    pub(super) fn charge(&mut self, cid: &Cid, store: &Store) -> Option<Charge> {
        let mandate = self.wards.get(cid)?.mandate.clone();
        if let Some(manifest) = self.manifests.get(cid) {
            return Some(Charge { manifest: Arc::clone(manifest), mandate });
        }
        let manifest = Arc::new(kept_manifest(store, cid)?);
        if self.manifests.len() >= MANIFESTS_KEPT {
            self.manifests.clear();
        }
        self.manifests.insert(*cid, Arc::clone(&manifest));
        Some(Charge { manifest, mandate })
    }
}

fn kept_manifest(store: &Store, cid: &Cid) -> Option<Manifest> {
    let bytes = store.manifest(cid).inspect_err(|error| tracing::warn!(%error, "a manifest")).ok()??;
    Manifest::decode(&bytes).ok().filter(|manifest| manifest.cid() == *cid)
}

impl Steward {
    /// Looks at the folder of mandates: begins with what is new, and lets go what is gone.
    pub(super) fn scan(&mut self) -> Result<(), StoreError> {
        let Scan { wards, refused } = match wards::scan(&self.config.mandates, &self.shared.client.network())
        {
            Ok(scan) => scan,
            Err(error) => {
                tracing::warn!(%error, "the folder of mandates cannot be read");
                return Ok(());
            }
        };
        self.say_refused(&refused);
        let wards: BTreeMap<_, _> = wards.into_iter().map(|ward| (ward.cid, ward)).collect();
        self.wanted.unfit.retain(|cid| wards.contains_key(cid));
        let known = self.plan.objects().keys().copied().chain(self.wanted.wards.keys().copied());
        let gone: BTreeSet<_> = known.filter(|cid| !wards.contains_key(cid)).collect();
        let changed = wards.into_values().filter(|ward| self.wanted.wards.get(&ward.cid) != Some(ward));
        let changed: Vec<_> = changed.collect();
        // All mandates are at hand before anything is done about one of them.
        let ready: Vec<_> = changed.into_iter().filter_map(|ward| self.take_on(ward)).collect();
        gone.into_iter().try_for_each(|cid| self.let_go(cid, &refused))?;
        ready.into_iter().try_for_each(|(cid, object)| self.begin(cid, object))
    }

    fn say_refused(&mut self, refused: &[(PathBuf, wards::WardError)]) {
        for (path, error) in refused {
            if self.wanted.refused.insert(path.clone()) {
                let what = path.display().to_string();
                self.shared.write(Step::Refused { what, reason: error.to_string() });
            }
        }
        self.wanted.refused.retain(|path| refused.iter().any(|(other, _)| other == path));
    }

    /// A file that cannot be read just now may be that of an object: nothing is let go then.
    fn let_go(&mut self, cid: Cid, refused: &[(PathBuf, wards::WardError)]) -> Result<(), StoreError> {
        if !refused.is_empty() {
            return Ok(());
        }
        self.wanted.wards.remove(&cid);
        self.wanted.manifests.remove(&cid);
        self.wanted.fetching.remove(&cid);
        self.shared.write(Step::Removed { cid: cid.to_string() });
        self.advance(Event::Removed(cid))
    }

    /// Checks what is wanted and begins to fetch what is missing. Returns an object that can be looked after.
    fn take_on(&mut self, ward: Ward) -> Option<(Cid, Object)> {
        let (cid, mandate) = (ward.cid, ward.mandate.body());
        if mandate.holder != self.shared.holder.public() {
            self.refuse(&cid, "its mandate is for another holder");
            return None;
        }
        if mandate.object.is_some_and(|object| object != cid) {
            self.refuse(&cid, "its mandate is for another object");
            return None;
        }
        let Some(manifest) = kept_manifest(&self.shared.store, &cid) else {
            self.fetch(ward);
            return None;
        };
        self.admit(ward, &manifest)
    }

    /// Takes in a mandate that is signed by the control key of its object.
    fn admit(&mut self, ward: Ward, manifest: &Manifest) -> Option<(Cid, Object)> {
        let (cid, mandate) = (ward.cid, &ward.mandate);
        if mandate.by().as_bytes() != manifest.control().as_bytes() {
            self.refuse(&cid, "its mandate is not signed by its control key");
            return None;
        }
        let (ends, until) = (mandate.body().expires, ward.keep_until);
        // Whatever a manifest requires is a tag as nodes have them.
        let required = manifest.required().iter().filter_map(|tag| Tag::new(tag).ok()).collect();
        let object = Object::new(manifest.geometry(), ends, until, ward.tags.clone(), now())
            .with_places(*manifest.seed().as_bytes(), required);
        self.wanted.wards.insert(cid, ward);
        Some((cid, object))
    }

    fn begin(&mut self, cid: Cid, object: Object) -> Result<(), StoreError> {
        if self.plan.object(&cid).is_none() {
            self.shared.write(Step::Added { cid: cid.to_string(), until: object.care_ends() });
        }
        self.advance(Event::Added(cid, Box::new(object)))
    }

    fn refuse(&mut self, cid: &Cid, reason: &str) {
        if self.wanted.unfit.insert(*cid) {
            self.shared.write(Step::Refused { what: cid.to_string(), reason: reason.to_owned() });
        }
    }

    fn fetch(&mut self, ward: Ward) {
        let fetching = &mut self.wanted.fetching;
        let is_waiting = fetching
            .get(&ward.cid)
            .is_some_and(|failed| failed.is_none_or(|failed| failed.elapsed() < FETCH_AGAIN_AFTER));
        if is_waiting || fetching.values().filter(|failed| failed.is_none()).count() >= FETCHES_ABREAST {
            return;
        }
        fetching.insert(ward.cid, None);
        let client = self.shared.client.clone();
        self.tasks.spawn(async move {
            let manifest = client.manifest(&ward.cid).await.map_err(|error| error.to_string());
            Done::Fetched(Box::new(Fetched { ward, manifest }))
        });
    }

    pub(super) fn fetched(&mut self, fetched: Fetched) -> Result<Event, StoreError> {
        let Fetched { ward, manifest } = fetched;
        match manifest {
            Ok(manifest) => {
                self.wanted.fetching.remove(&ward.cid);
                self.shared.store.keep_manifest(&ward.cid, &manifest.encode())?;
                if let Some((cid, object)) = self.admit(ward, &manifest) {
                    self.begin(cid, object)?;
                }
            }
            Err(reason) => {
                self.wanted.fetching.insert(ward.cid, Some(Instant::now()));
                self.shared.write(Step::Refused { what: ward.cid.to_string(), reason });
            }
        }
        Ok(Event::Wake)
    }
}
