//! An audit trail as one page for people, which needs nothing else: no server, no network, no other file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use data_encoding::BASE64;
use protocol::UnixSeconds;
use sha2::{Digest as _, Sha256};

use super::{Facts, PatientId, Purpose, TrailEntry, TrailText, TrailWhat};

/// Entries that a page shows, the newest ones.
pub const TRAIL_PAGE_ENTRIES_MAX: usize = 20_000;
/// Refusals and reads in an emergency that stand above all others, the newest ones.
const ATTENTION_MAX: usize = 100;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// A page in HTML: refusals and reads in an emergency first, then all entries, the newest first; they can be filtered by patient, and
/// are plotted over time. Every text in it is escaped, and no script runs but its own.
pub fn trail_as_page(entries: &[TrailEntry], patient: Option<&PatientId>, now: UnixSeconds) -> String {
    let chosen = entries
        .iter()
        .rev()
        .filter(|entry| patient.is_none_or(|id| entry.facts.patient.as_ref() == Some(id)));
    let mut chosen: Vec<&TrailEntry> = chosen.collect();
    // What a gateway has told entered later than it happened.
    chosen.sort_by_key(|entry| std::cmp::Reverse(entry.facts.at));
    let shown = &chosen[..chosen.len().min(TRAIL_PAGE_ENTRIES_MAX)];
    let urgent: Vec<_> = shown
        .iter()
        .copied()
        .filter(|entry| kind(entry.facts.what).is_urgent())
        .take(ATTENTION_MAX)
        .collect();
    let mut page = head();
    let _ = write!(
        page,
        "<header><h1>Audit trail</h1><p>As of {now}. {}</p></header><main>",
        counted(shown.len(), chosen.len())
    );
    page.push_str("<p>Of readers it knows what they called themselves. Whoever has this file can read all that stands in it.</p>");
    page.push_str("<section id=\"attention\" aria-labelledby=\"look\"><h2 id=\"look\">Refused, or read in an emergency</h2>");
    if urgent.is_empty() {
        page.push_str("<p>Nothing.</p>");
    } else {
        table(&mut page, "The newest refusals and emergencies", &urgent);
    }
    page.push_str("</section><section aria-labelledby=\"all\"><h2 id=\"all\">All that happened</h2>");
    choice(&mut page, shown);
    page.push_str("<figure><svg id=\"plot\" role=\"img\" aria-label=\"Reads over time\" preserveAspectRatio=\"none\"></svg><p class=\"legend\"><span class=\"read\" aria-hidden=\"true\">■</span> reads <span class=\"bad\" aria-hidden=\"true\">■</span> refusals and emergencies</p><figcaption id=\"said\" aria-live=\"polite\"></figcaption></figure>");
    table(&mut page, "Every entry, the newest first", shown);
    let _ = writeln!(page, "</section></main><script>{SCRIPT}</script></body></html>");
    page
}

fn head() -> String {
    let hash = |text: &str| BASE64.encode(&Sha256::digest(text));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\
         <meta name=\"referrer\" content=\"no-referrer\"><title>Audit trail</title><style>{STYLE}</style></head><body>",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn counted(shown: usize, all: usize) -> String {
    if shown == all {
        format!("{all} {}.", if all == 1 { "entry" } else { "entries" })
    } else {
        format!("The newest {shown} of {all} entries.")
    }
}

/// What an entry is to whoever looks for trouble.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Refused,
    Emergency,
    Other,
}

const fn kind(what: TrailWhat) -> Kind {
    match what {
        TrailWhat::Opened => Kind::Read,
        TrailWhat::Refused | TrailWhat::Locked | TrailWhat::NotTold => Kind::Refused,
        TrailWhat::BreakGlass => Kind::Emergency,
        TrailWhat::LinkMade
        | TrailWhat::LinkChanged
        | TrailWhat::LinkEnded
        | TrailWhat::Granted
        | TrailWhat::GrantChanged
        | TrailWhat::GrantEnded
        | TrailWhat::Delegated
        | TrailWhat::StreamMade
        | TrailWhat::StreamEnded
        | TrailWhat::Reviewed
        | TrailWhat::Held
        | TrailWhat::HoldReleased
        | TrailWhat::Erased
        | TrailWhat::Committed => Kind::Other,
    }
}

impl Kind {
    const fn is_urgent(self) -> bool {
        matches!(self, Self::Refused | Self::Emergency)
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Refused => "refused",
            Self::Emergency => "emergency",
            Self::Other => "",
        }
    }
}

fn choice(page: &mut String, shown: &[&TrailEntry]) {
    let patients: BTreeSet<_> = shown.iter().filter_map(|entry| entry.facts.patient.as_ref()).collect();
    page.push_str(
        "<p><label for=\"patient\">Patient </label><select id=\"patient\"><option value=\"\">all</option>",
    );
    for patient in patients {
        let patient = escaped(patient.as_str());
        let _ = write!(page, "<option value=\"{patient}\">{patient}</option>");
    }
    page.push_str("</select></p>");
}

fn table(page: &mut String, caption: &str, entries: &[&TrailEntry]) {
    let _ = write!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><caption>{caption}</caption><thead><tr>"
    );
    for name in ["When", "What", "Who", "Of what", "Patient", "Purpose", "Where"] {
        let _ = write!(page, "<th scope=\"col\">{name}</th>");
    }
    page.push_str("</tr></thead><tbody>");
    for entry in entries {
        row(page, &entry.facts);
    }
    page.push_str("</tbody></table></div>");
}

fn row(page: &mut String, facts: &Facts) {
    let patient = facts.patient.as_ref().map_or("", PatientId::as_str);
    let (at, class) = (facts.at.get(), kind(facts.what).class());
    let _ = write!(page, "<tr class=\"{class}\" data-at=\"{at}\" data-patient=\"{}\">", escaped(patient));
    let when = facts.at.to_string();
    let text = |text: &Option<TrailText>| text.as_ref().map_or("", TrailText::as_str).to_owned();
    let purpose = facts.purpose.as_ref().map(Purpose::as_str);
    let purpose = purpose.into_iter().chain(facts.reason.as_ref().map(TrailText::as_str));
    let purpose = purpose.collect::<Vec<_>>().join(": ");
    let who = [&facts.who, &facts.known_as].into_iter().flatten().map(TrailText::as_str);
    let who = who.collect::<Vec<_>>().join(", known as ");
    for cell in [
        when,
        facts.what.as_str().to_owned(),
        who,
        text(&facts.about),
        patient.to_owned(),
        purpose,
        text(&facts.source),
    ] {
        let _ = write!(page, "<td>{}</td>", escaped(&cell));
    }
    page.push_str("</tr>");
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use protocol::{Digest, Sequence};

    use super::*;

    fn entry(seq: u64, what: TrailWhat, who: &str, patient: Option<&str>) -> TrailEntry {
        let facts = Facts {
            who: TrailText::new(who).ok(),
            patient: patient.map(|id| PatientId::new(id).unwrap()),
            ..Facts::new(what, UnixSeconds::new(1_780_000_000 + seq * 86_400))
        };
        TrailEntry { facts, prev: Digest::from_bytes([0; 32]), seq: Sequence::new(seq) }
    }

    #[test]
    fn what_needs_attention_stands_first_and_nothing_is_markup() {
        let hostile = "</td><script>alert(1)</script>\"'&";
        let entries = [
            entry(0, TrailWhat::Opened, "Dr. Ng", Some("4711")),
            entry(1, TrailWhat::Refused, hostile, Some("<b>\"")),
            entry(2, TrailWhat::BreakGlass, "Dr. Night", None),
        ];
        let page = trail_as_page(&entries, None, UnixSeconds::new(1_790_000_000));
        let (first, all) = page.split_once("All that happened").unwrap();
        assert!(first.contains("Dr. Night") && !first.contains("Dr. Ng<") && all.contains("Dr. Ng<"));
        assert!(all.find("Dr. Night") < all.find("Dr. Ng<"), "the newest first");
        assert_eq!(page.matches("<script>").count(), 1);
        assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("data-patient=\"&lt;b&gt;&quot;\""));
        let one = trail_as_page(&entries, Some(&PatientId::new("4711").unwrap()), UnixSeconds::new(0));
        assert!(one.contains("1 entry.") && !one.contains("Dr. Night"));
    }
}
