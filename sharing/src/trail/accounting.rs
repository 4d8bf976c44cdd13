//! An accounting of disclosures: when, to whom, what, why (45 CFR 164.528).

use protocol::UnixSeconds;
use serde::Serialize;

use super::{PatientId, Purpose, TrailEntry, TrailText, TrailWhat};

/// How far back an accounting goes, in seconds: six years, with their leap days.
pub const ACCOUNTING_S: u64 = 6 * 366 * 86_400;

/// One disclosure of a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Disclosure {
    /// When, as RFC 3339.
    pub date: String,
    /// To whom, by their own word; empty where they gave no name.
    pub recipient: String,
    /// What.
    pub description: String,
    /// Why.
    pub purpose: String,
}

/// The disclosures of a patient's record in the six years before `now`, oldest first.
pub fn accounting(entries: &[TrailEntry], patient: &PatientId, now: UnixSeconds) -> Vec<Disclosure> {
    let since = UnixSeconds::new(now.get().saturating_sub(ACCOUNTING_S));
    let theirs = entries.iter().map(|entry| &entry.facts).filter(|facts| {
        facts.is_disclosure() && facts.patient.as_ref() == Some(patient) && facts.at >= since
    });
    let text = |text: Option<&TrailText>| text.map_or_else(String::new, |text| text.as_str().to_owned());
    theirs
        .map(|facts| Disclosure {
            date: facts.at.to_string(),
            recipient: text(facts.who.as_ref()),
            description: text(facts.about.as_ref()),
            purpose: match (facts.what, &facts.purpose) {
                (TrailWhat::BreakGlass, None) => {
                    let reason = facts.reason.as_ref().map(|reason| format!("BTG: {}", reason.as_str()));
                    reason.unwrap_or_else(|| "BTG".to_owned())
                }
                (_, purpose) => purpose.as_ref().map_or("", Purpose::as_str).to_owned(),
            },
        })
        .collect()
}

/// The same as CSV after RFC 4180, with a line of headings.
pub fn accounting_as_csv(disclosures: &[Disclosure]) -> String {
    let mut csv = "date,recipient,description,purpose\r\n".to_owned();
    for Disclosure { date, recipient, description, purpose } in disclosures {
        let fields = [date, recipient, description, purpose].map(|field| quoted(field));
        csv.push_str(&fields.join(","));
        csv.push_str("\r\n");
    }
    csv
}

/// A field that no program takes for anything but text: what a reader calls itself could be a formula.
fn quoted(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@']);
    let text = if is_formula { format!("'{field}") } else { field.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use protocol::{Digest, Sequence};

    use super::*;
    use crate::Facts;

    fn entry(at: u64, what: TrailWhat, patient: &str, who: &str) -> TrailEntry {
        let facts = Facts {
            patient: Some(PatientId::new(patient).unwrap()),
            who: Some(TrailText::new(who).unwrap()),
            about: Some(TrailText::new("Bundle").unwrap()),
            ..Facts::new(what, UnixSeconds::new(at))
        };
        TrailEntry { facts, prev: Digest::from_bytes([0; 32]), seq: Sequence::FIRST }
    }

    #[test]
    fn what_left_the_owners_hands_in_six_years_is_listed() {
        let now = ACCOUNTING_S + 1000;
        let entries = [
            entry(999, TrailWhat::Opened, "p1", "too long ago"),
            entry(1000, TrailWhat::Opened, "p1", "Dr. Ng, ward \"4\""),
            entry(1001, TrailWhat::Refused, "p1", "a guesser"),
            entry(1002, TrailWhat::Opened, "p2", "another patient's"),
            entry(1003, TrailWhat::BreakGlass, "p1", "=cmd()"),
            entry(1004, TrailWhat::LinkMade, "p1", "me"),
        ];
        let found = accounting(&entries, &PatientId::new("p1").unwrap(), UnixSeconds::new(now));
        assert_eq!(found.len(), 2);
        let csv = accounting_as_csv(&found);
        let expected = "date,recipient,description,purpose\r\n\
            1970-01-01T00:16:40Z,\"Dr. Ng, ward \"\"4\"\"\",Bundle,\r\n\
            1970-01-01T00:16:43Z,'=cmd(),Bundle,BTG\r\n";
        assert_eq!(csv, expected);
    }
}
