//! Who is there: nodes are asked now and then whom they know, and what is news is written down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use client::Client;
use protocol::{PublicKey, Signed};

use super::{Done, Steward};
use crate::journal::Step;
use crate::plan::Event;

/// How long nodes may take to say whom they know.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// The nodes that are known at some moment, as far as a steward cares.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Roll {
    /// Where each can be dialled first, and whether it leaves.
    nodes: BTreeMap<PublicKey, (SocketAddr, bool)>,
    /// Identities that have ended, each with what it is today.
    ended: BTreeMap<PublicKey, PublicKey>,
    is_being_asked: bool,
}

impl Roll {
    pub(super) fn of(client: &Client) -> Self {
        let members = client.members();
        let nodes = members.iter().map(|record| {
            let body = record.body();
            (record.by(), (body.addrs.first(), body.leaving))
        });
        let ended = members.ended().map(|(former, record)| (former, Signed::by(record)));
        Self { nodes: nodes.collect(), ended: ended.collect(), is_being_asked: false }
    }

    /// What has changed since `before`; `None` when nothing has.
    fn news_since(&self, before: &Self) -> Option<Step> {
        let counted = |is_so: &dyn Fn(&PublicKey, &(SocketAddr, bool)) -> bool| {
            self.nodes.iter().filter(|(node, now)| is_so(node, now)).count()
        };
        let was = |node: &PublicKey| before.nodes.get(node);
        let (nodes, joined) = (self.nodes.len(), counted(&|node, _| was(node).is_none()));
        let moved = counted(&|node, now| was(node).is_some_and(|was| was.0 != now.0));
        let leave = counted(&|node, now| now.1 && was(node).is_none_or(|was| !was.1));
        let stay = counted(&|node, now| !now.1 && was(node).is_some_and(|was| was.1));
        let renamed = self.ended.keys().filter(|former| !before.ended.contains_key(*former)).count();
        let is_news = joined + moved + leave + stay + renamed > 0;
        is_news.then_some(Step::Members { nodes, joined, moved, leave, stay, renamed })
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
        if let Some(news) = roll.news_since(&self.roll) {
            self.shared.write(news);
            if let Err(error) = self.shared.client.save_members(&self.config.members_file()) {
                tracing::warn!(%error, "the nodes that are known cannot be written down");
            }
        }
        self.roll = roll;
        Event::Wake
    }
}
