//! One entry of an audit trail.

use std::fmt;

use protocol::{Digest, PublicKey, Record, Sequence, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{Identity, LinkEventKind, LinkId};

text! {
    /// Whom a record is about, as the owner calls them.
    PatientId, "the id of a patient", "1 to 64 bytes without control characters",
    |text| (1..=64).contains(&text.len()) && !text.contains(char::is_control)
}
text! {
    /// Why something is shared: a code of HL7 for purposes of use, such as `TREAT`, `ETREAT` or `HRESCH`.
    Purpose, "a purpose of use", "1 to 32 of A-Z and 0-9",
    |text| (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
text! {
    /// A line of an audit trail, for people.
    TrailText, "a line of an audit trail", "1 to 400 bytes without control characters",
    |text| (1..=TEXT_LEN_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

/// Bytes of a line.
const TEXT_LEN_MAX: usize = 400;

/// What happened, and what came before it (spec §29).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailEntry {
    /// What happened.
    pub facts: Facts,
    /// BLAKE3 of the entry before; zeros before the first.
    pub prev: Digest,
    /// Its place, from 0 on.
    pub seq: Sequence,
}

/// What happened. Fields that say nothing are absent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// What was given or read, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<TrailText>,
    /// When.
    pub at: UnixSeconds,
    /// Who read: the key that signs for them, when they have shown that it was granted to them.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "protocol::keys::optional")]
    pub by: Option<PublicKey>,
    /// How the owner calls whoever has shown that: label, identity, groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<TrailText>,
    /// The link or grant by which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
    /// The number of the event at the gateway from which it was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Whom the record is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Why it was read in an emergency, by the reader's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<TrailText>,
    /// BLAKE3 of the `share_reader` record by which the owner knows who read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Digest>,
    /// Where: the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<TrailText>,
    /// What.
    pub what: TrailWhat,
    /// Who read, or to whom it was given; of readers their own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<TrailText>,
}

/// What can stand in an audit trail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrailWhat {
    /// A link was made.
    LinkMade,
    /// Something else was put behind a link.
    LinkChanged,
    /// A link was revoked.
    LinkEnded,
    /// Access was granted to somebody.
    Granted,
    /// A grant was taken from some of those who had it, or opens newer files.
    GrantChanged,
    /// A grant was revoked.
    GrantEnded,
    /// A recipient of a grant has passed it on, or the account itself one that it has.
    Delegated,
    /// A device was given a stream to write to.
    StreamMade,
    /// A stream of a device was ended.
    StreamEnded,
    /// Something was read.
    Opened,
    /// Something was read past the usual checks, in an emergency.
    BreakGlass,
    /// Somebody was refused.
    Refused,
    /// The last attempt at a passcode was used up.
    Locked,
    /// It was laid down that something stays.
    Held,
    /// It need not stay any more.
    HoldReleased,
    /// A gateway told less than it should have, or what cannot be.
    NotTold,
    /// Keys were destroyed and leases ended.
    Erased,
    /// The head of the trail was committed to a public log.
    Committed,
    /// The owner has looked at an entry, by its number.
    Reviewed,
}

impl Record for TrailEntry {
    const TYPE: &'static str = "trail_entry";
}

impl Facts {
    /// This happened then, and nothing more is known.
    pub const fn new(what: TrailWhat, at: UnixSeconds) -> Self {
        let (about, patient, purpose) = (None, None, None);
        Self {
            about,
            at,
            by: None,
            known_as: None,
            link: None,
            number: None,
            patient,
            purpose,
            reason: None,
            shown: None,
            source: None,
            what,
            who: None,
        }
    }

    /// Whether something left the owner's hands by it: what an accounting of disclosures lists.
    pub const fn is_disclosure(&self) -> bool {
        matches!(self.what, TrailWhat::Opened | TrailWhat::BreakGlass)
    }
}

impl TrailText {
    /// As much of a text as fits into a line of the trail, on one line; `None` where nothing is left.
    pub fn cut(text: &str) -> Option<Self> {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let end = (0..=TEXT_LEN_MAX.min(line.len())).rev().find(|at| line.is_char_boundary(*at))?;
        Self::new(&line[..end]).ok()
    }
}

impl TrailWhat {
    /// What an event at a gateway is in the trail; `None` where the owner has caused it and noted it already.
    pub const fn of(event: LinkEventKind) -> Option<Self> {
        match event {
            LinkEventKind::Opened => Some(Self::Opened),
            LinkEventKind::BreakGlass => Some(Self::BreakGlass),
            LinkEventKind::Refused => Some(Self::Refused),
            LinkEventKind::Locked => Some(Self::Locked),
            LinkEventKind::Changed | LinkEventKind::Ended => None,
        }
    }

    /// How [`Facts::who`] belongs to it: by whom, to whom, or from whom.
    pub const fn preposition(self) -> &'static str {
        match self {
            Self::Granted | Self::Delegated => "to",
            Self::GrantChanged | Self::GrantEnded => "from",
            _ => "by",
        }
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LinkMade => "link made",
            Self::LinkChanged => "link changed",
            Self::LinkEnded => "link revoked",
            Self::Granted => "access granted",
            Self::GrantChanged => "grant changed",
            Self::GrantEnded => "grant revoked",
            Self::Delegated => "access passed on",
            Self::StreamMade => "stream made",
            Self::StreamEnded => "stream ended",
            Self::Opened => "read",
            Self::BreakGlass => "read in an emergency",
            Self::Refused => "refused",
            Self::Locked => "refused, and locked",
            Self::Held => "held",
            Self::HoldReleased => "hold released",
            Self::NotTold => "not told",
            Self::Erased => "erased",
            Self::Committed => "trail committed",
            Self::Reviewed => "reviewed",
        }
    }
}

impl fmt::Display for TrailEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { about, at, by, known_as, patient, purpose, reason, source, what, who, .. } = &self.facts;
        writeln!(f, "entry       {}", self.seq)?;
        writeln!(f, "what        {}", what.as_str())?;
        if let Some(by) = by {
            writeln!(f, "identity    {}", Identity::beginning(*by))?;
        }
        let texts = [
            ("who         ", who.as_ref().map(TrailText::as_str)),
            ("known as    ", known_as.as_ref().map(TrailText::as_str)),
            ("reason      ", reason.as_ref().map(TrailText::as_str)),
            ("about       ", about.as_ref().map(TrailText::as_str)),
            ("patient     ", patient.as_ref().map(PatientId::as_str)),
            ("purpose     ", purpose.as_ref().map(Purpose::as_str)),
            ("at gateway  ", source.as_ref().map(TrailText::as_str)),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                writeln!(f, "{name}{text}")?;
            }
        }
        write!(f, "at          {at}")
    }
}
