//! What has to stay: asked before anything is taken away.

use anyhow::bail;
use protocol::UnixSeconds;
use sharing::{AccountIndex, Hold, IndexPath};

use crate::date;
use crate::names::now;

/// Fails where one of these paths has to stay, with the reason.
pub(crate) fn check<'a>(
    index: &AccountIndex,
    paths: impl IntoIterator<Item = &'a IndexPath>,
) -> anyhow::Result<()> {
    for path in paths {
        if let Some((held, hold)) = index.hold_over(path, now()) {
            let whose = if held == path { String::new() } else { format!(", as {held} is") };
            bail!(
                "{path} is held{whose} {}: it stays, with its keys and leases; `headwater hold {held} --release` ends that",
                reason(hold)
            );
        }
    }
    Ok(())
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
