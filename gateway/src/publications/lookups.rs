//! Work of the catalogue, which waits for a disk: on threads that may, and on a few at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Catalogue, CatalogueError};
use crate::problem::{Code, Problem};
use crate::trouble::ANSWER_TIMEOUT;

/// Look-ups at a time.
const LOOKUPS_MAX: usize = 8;
/// Changes under way at a time; the database makes one after the other.
const CHANGES_MAX: usize = 8;

/// The catalogue behind two doors.
#[derive(Debug)]
pub(crate) struct Lookups {
    catalogue: Catalogue,
    looking: Arc<Semaphore>,
    changing: Arc<Semaphore>,
}

impl Lookups {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        let [looking, changing] = [LOOKUPS_MAX, CHANGES_MAX].map(|places| Arc::new(Semaphore::new(places)));
        Self { catalogue, looking, changing }
    }

    /// What does not wait for a disk.
    pub(crate) const fn at_once(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Catalogue) -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run(&self.looking, look).await
    }

    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Catalogue) -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.run(&self.changing, change).await
    }

    async fn run<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        work: impl FnOnce(&Catalogue) -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || Problem::new(Code::Busy, "too many look-ups in the catalogue at once");
        let place = timeout(ANSWER_TIMEOUT, Arc::clone(places).acquire_owned()).await.map_err(|_| busy())?;
        let (place, catalogue) = (place.map_err(|_| busy())?, self.catalogue.clone());
        // Whoever asked may have gone meanwhile; the place is free when the work is done.
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&catalogue)
        });
        Ok(done.await.expect("the catalogue does not panic")?)
    }
}
