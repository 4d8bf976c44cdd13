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
        let Facts { about, at, known_as, reason, who, .. } = &alarm.facts;
        let text = |text: &Option<TrailText>| text.as_ref().map(|text| printable::quoted(text.as_str()));
        let known_as = text(known_as).map(|known_as| format!(", who is {known_as},")).unwrap_or_default();
        let reason = text(reason).map(|reason| format!(", because {reason}")).unwrap_or_default();
        globals.output().note(format_args!(
            "NOT REVIEWED: {} by {}{known_as} at {at}{reason}: {}; `headwater audit-trail --review {}` when you have looked at it",
            alarm.facts.what.as_str(),
            printable::quoted(who.as_ref().map_or("somebody", TrailText::as_str)),
            printable::escaped(about.as_ref().map_or("", TrailText::as_str)),
            alarm.seq
        ));
    }
    Ok(())
}
