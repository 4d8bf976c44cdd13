//! What stands before everything else: that somebody broke the glass, and nobody has looked at it yet.

use chunker::AccountSecret;
use protocol::NetworkId;
use sharing::{Facts, TrailText};

use super::TrailFile;
use crate::arguments::Globals;
use crate::printable;

/// Says where somebody broke the glass and nobody has looked at it yet, as far as the trail on this machine knows.
pub(crate) fn raise_alarms(
    globals: &Globals,
    secret: &AccountSecret,
    network: NetworkId,
) -> anyhow::Result<()> {
    let file = TrailFile::read(globals, secret, network)?;
    for alarm in file.trail().unreviewed() {
        let Facts { about, at, who, .. } = &alarm.facts;
        globals.output().note(format_args!(
            "NOT REVIEWED: {} by {} at {at}: {}; `headwater audit-trail --review {}` when you have looked at it",
            alarm.facts.what.as_str(),
            printable::quoted(who.as_ref().map_or("somebody", TrailText::as_str)),
            printable::escaped(about.as_ref().map_or("", TrailText::as_str)),
            alarm.seq
        ));
    }
    Ok(())
}
