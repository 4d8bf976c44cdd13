//! Who is there: nodes are asked now and then whom they know, and what is news is written down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use client::Client;
use protocol::{PublicKey, Signed};

use super::{Done, Steward};
use crate::journal::Step;
use crate::plan::{Event, Nodes};

/// How long nodes may take to say whom they know.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The nodes that are known at some moment, as far as a steward cares.
#[derive(Debug)]
pub(super) struct Roll {
    /// Where each can be dialled first.
    addrs: BTreeMap<PublicKey, SocketAddr>,
    nodes: Nodes,
    is_being_asked: bool,
}

impl Roll {
    pub(super) fn of(client: &Client) -> Self {
        let (placement, members) = (client.placement(), client.members());
        let leaving = members.iter().filter(|record| record.body().leaving).map(Signed::by);
        let former = members.ended().map(|(former, record)| (former, record.by()));
        let tags = members.iter().map(|record| (record.by(), record.body().tags.clone()));
        let nodes =
            Nodes { placement, leaving: leaving.collect(), former: former.collect(), tags: tags.collect() };
        let addrs = members.iter().map(|record| (record.by(), record.body().addrs.first()));
        Self { addrs: addrs.collect(), nodes, is_being_asked: false }
    }

    /// What the plan is told.
    pub(super) fn event(&self) -> Event {
        Event::Nodes(Box::new(self.nodes.clone()))
    }

    /// What has changed since `before`; `None` when nothing has that a steward goes by.
    fn news_since(&self, before: &Self) -> Option<Step> {
        let (now, was) = (&self.nodes, &before.nodes);
        let counted = |is_so: &dyn Fn(&PublicKey, &SocketAddr) -> bool| {
            self.addrs.iter().filter(|(node, addr)| is_so(node, addr)).count()
        };
        let joined = counted(&|node, _| !before.addrs.contains_key(node));
        let moved = counted(&|node, addr| before.addrs.get(node).is_some_and(|was| was != addr));
        let leave = now.leaving.difference(&was.leaving).count();
        let stay = was.leaving.difference(&now.leaving).count();
        let renamed = now.former.keys().filter(|former| !was.former.contains_key(*former)).count();
        let tagged = counted(&|node, _| was.tags.get(node).is_some_and(|tags| tags != &now.tags[node]));
        let is_news = joined + moved + leave + stay + renamed + tagged > 0;
        let nodes = self.addrs.len();
        is_news.then_some(Step::Members { nodes, joined, moved, leave, stay, renamed, tagged })
    }
}

impl Steward {
    /// Asks some nodes whom they know, unless they are being asked.
    pub(super) fn ask_who_is_there(&mut self) {
        if std::mem::replace(&mut self.roll.is_being_asked, true) {
            return;
        }
        let client = self.shared.client.clone();
        self.tasks.spawn(async move {
            if let Err(error) = client.refresh_members(ANSWER_WITHIN).await {
                tracing::warn!(%error, "the member list may be old");
            }
            Done::Asked
        });
    }

    /// What was answered has been taken in by the client: audits and repairs that begin now go by it.
    pub(super) fn answered_who_is_there(&mut self) -> Event {
        let roll = Roll::of(&self.shared.client);
        let news = roll.news_since(&self.roll);
        self.roll = roll;
        let Some(news) = news else { return Event::Wake };
        self.shared.write(news);
        if let Err(error) = self.shared.client.save_members(&self.config.members_file()) {
            tracing::warn!(%error, "the nodes that are known cannot be written down");
        }
        self.roll.event()
    }
}
