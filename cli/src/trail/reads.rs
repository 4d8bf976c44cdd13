//! How often a link was read, as the trail has it.

use std::fmt;

use serde::Serialize;
use sharing::{EVENTS_OF_ANSWER_MAX, LinkEvent, LinkId, Trail};

use crate::counted::counted;
use crate::printable;

/// The reads of one link.
#[derive(Debug, Serialize)]
pub(crate) struct Reads {
    /// How often, by its gateway's word; none where this machine cannot know.
    opened: Option<usize>,
    /// Whether the gateway has told all that it has to tell.
    is_all: bool,
    /// Who, by their own word.
    readers: Vec<String>,
}

impl Reads {
    /// Those that stand in the trail.
    pub(crate) fn of(trail: &Trail, link: LinkId, is_all: bool) -> Self {
        let reads = || trail.of_link(link).filter(|facts| facts.is_disclosure());
        let readers = reads().filter_map(|facts| facts.who.as_ref());
        let mut readers: Vec<_> = readers.map(|who| who.as_str().to_owned()).collect();
        readers.sort();
        readers.dedup();
        Self { opened: Some(reads().count()), is_all, readers }
    }

    /// Those in the first answer of a gateway, of a link that no trail of this machine is about.
    pub(crate) fn told(events: &[(u64, LinkEvent)]) -> Self {
        let reads = || events.iter().map(|(_, event)| event).filter(|event| event.what.is_access());
        let mut readers: Vec<_> = reads().filter_map(|read| Some(read.who.as_ref()?.to_string())).collect();
        readers.sort();
        readers.dedup();
        let is_all = events.len() < EVENTS_OF_ANSWER_MAX;
        Self { opened: Some(reads().count()), is_all, readers }
    }

    /// Of a link that another machine has made, in whose trail they are; or where there is no trail.
    pub(crate) const fn unknown() -> Self {
        Self { opened: None, is_all: false, readers: Vec::new() }
    }
}

impl fmt::Display for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.opened, self.is_all) {
            (None, _) => writeln!(f, "this machine's audit trail does not have whether it was opened")?,
            (Some(0), true) => writeln!(f, "it was never opened, by the gateway's word")?,
            (Some(0), false) => writeln!(f, "the gateway does not say whether it was opened")?,
            (Some(1), true) => writeln!(f, "it was opened once before: what was read then stays read")?,
            (Some(times), true) => {
                writeln!(
                    f,
                    "it was opened {} before: what was read then stays read",
                    counted(times as u64, "time")
                )?;
            }
            (Some(times), false) => {
                writeln!(
                    f,
                    "it was opened {} at least: not all is in your audit trail; what was read stays read",
                    counted(times as u64, "time")
                )?;
            }
        }
        for who in &self.readers {
            writeln!(f, "  {}, by their own word", printable::quoted(who))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chunker::AccountSecret;
    use protocol::{NetworkId, UnixSeconds};
    use sharing::{Facts, TrailKeys, TrailText, TrailWhat};

    use super::*;

    #[test]
    fn reads_are_counted_in_the_trail_whatever_the_gateway_still_has() {
        let (keys, link) =
            (TrailKeys::derive(&AccountSecret::from_bytes([1; 32])), LinkId::from_bytes([2; 32]));
        let mut trail = Trail::begin(keys.signer().public(), NetworkId::from_bytes([3; 32]));
        let never = Reads::of(&trail, link, true).to_string();
        assert_eq!(never, "it was never opened, by the gateway's word\n");
        assert_eq!(
            Reads::of(&trail, link, false).to_string(),
            "the gateway does not say whether it was opened\n"
        );
        for number in 1..=250 {
            let who = TrailText::cut("Dr. \"Ng\"");
            let facts = Facts::new(TrailWhat::Opened, UnixSeconds::new(number));
            let record = trail.next(&keys, Facts { link: Some(link), number: Some(number), who, ..facts });
            trail.take(&record).unwrap();
        }
        let said = Reads::of(&trail, link, true).to_string();
        assert!(said.starts_with("it was opened 250 times before"), "{said}");
        assert!(said.contains(r#""Dr. \"Ng\"", by their own word"#), "{said}");
    }
}
