//! The nodes that are known now, and placement among them. Both change together, and whoever reads keeps what it took.

use std::sync::{Arc, PoisonError, RwLock};

use network::Members;
use protocol::{NodeRecord, Signed, UnixSeconds};

use crate::placement::{Placement, Site};

/// Shared by all clones of a client.
#[derive(Debug)]
pub(crate) struct Roster(RwLock<View>);

/// A member list, and the placement that follows from it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) members: Arc<Members>,
    pub(crate) placement: Arc<Placement>,
}

impl Roster {
    pub(crate) fn new(members: Members) -> Self {
        Self(RwLock::new(View::new(members)))
    }

    /// What is known now.
    pub(crate) fn view(&self) -> View {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes in records that came from nodes. Returns how many were news.
    pub(crate) fn learn(&self, records: Vec<Signed<NodeRecord>>, now: UnixSeconds) -> usize {
        let known = self.view().members;
        let is_known = |record: &Signed<NodeRecord>| known.get(&record.by()) == Some(record);
        if records.iter().all(is_known) {
            return 0;
        }
        let mut view = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut members = Members::clone(&view.members);
        let mut news = 0;
        for record in records {
            let id = record.by();
            match members.learn(record, now) {
                Ok(()) => news += 1,
                Err(error) => tracing::debug!(node = %id.fmt_short(), %error, "record not taken in"),
            }
        }
        if news > 0 {
            *view = View::new(members);
        }
        news
    }
}

impl View {
    fn new(members: Members) -> Self {
        let placement = Arc::new(placement(&members));
        Self { members: Arc::new(members), placement }
    }
}

fn placement(members: &Members) -> Placement {
    let sites: Vec<_> = members.iter().map(site).collect();
    let takes_nothing = members.iter().filter(|record| record.body().leaving || members.is_silent(record));
    let closed = takes_nothing.map(Signed::by).collect();
    let former: Vec<_> = members.ended().map(|(former, record)| (former, record.by())).collect();
    Placement::new(&sites, members.same_site()).with_closed(closed).with_former(&former)
}

fn site(record: &Signed<NodeRecord>) -> Site {
    let body = record.body();
    Site {
        id: record.by(),
        class: body.class.get(),
        addr: body.addrs.first(),
        declared: body.domain.as_ref().map(|domain| domain.as_str().to_owned()),
    }
}
