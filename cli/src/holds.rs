//! What has to stay, in words. The index refuses to take it away; commands ask before they begin, where much would be done in vain.

use account::Held;
use anyhow::anyhow;
use protocol::UnixSeconds;
use sharing::{AccountIndex, Hold, IndexPath};

use crate::date;
use crate::names::now;

/// Fails where one of these paths has to stay, with the reason.
pub(crate) fn check<'a>(
    index: &AccountIndex,
    paths: impl IntoIterator<Item = &'a IndexPath>,
) -> anyhow::Result<()> {
    Held::check(index, paths, now()).map_err(|held| refusal(&held))
}

/// Fails where something has this name already and has to stay; nothing is wrong with a new name in a folder that is held.
pub(crate) fn check_replaced(index: &AccountIndex, path: &IndexPath) -> anyhow::Result<()> {
    check(index, index.file(path).map(|_| path))
}

/// What is held, why, and what ends that.
pub(crate) fn refusal(refused: &Held) -> anyhow::Error {
    let Held { path, held, .. } = refused;
    let whose = if held == path { String::new() } else { format!(", as {held} is") };
    anyhow!(
        "{path} is held{whose} {}: it stays, with its keys and leases; `headwater hold {held} --release` ends that",
        reason(&refused.hold)
    )
}

/// Why, in words.
pub(crate) fn reason(hold: &Hold) -> String {
    let until = hold.until().map(|until| format!("until {}", date::local_day(until)));
    let legal = hold.legal().map(|reason| format!("for a matter at law ({})", reason.as_str()));
    let words: Vec<_> = until.into_iter().chain(legal).collect();
    words.join(" and ")
}

/// The last date that anything of this path has to be kept.
pub(crate) fn latest(index: &AccountIndex, path: &IndexPath) -> Option<UnixSeconds> {
    let holds = index.holds().filter(|(held, hold)| {
        hold.holds(now()) && (*held == path || held.within(path).is_some() || path.within(held).is_some())
    });
    holds.filter_map(|(_, hold)| hold.until()).max()
}
