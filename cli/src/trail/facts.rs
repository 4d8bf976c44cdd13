//! What can be said of a link that something happened to.

use protocol::UnixSeconds;
use sharing::{Facts, PatientId, Purpose, TrailText, TrailWhat};

use crate::health::BookEntry;
use crate::shares::KeptShare;
use crate::streams::KeptStream;

/// What can be said of a health link that something happened to.
pub(crate) fn facts_of(link: &BookEntry, what: TrailWhat, at: UnixSeconds) -> Facts {
    let contents: Vec<_> = link.contents.iter().map(String::as_str).collect();
    Facts {
        about: about(link.label.as_deref(), &contents),
        link: Some(link.id),
        source: TrailText::cut(link.gateway.as_str().trim_end_matches('/')),
        ..for_whom(Facts::new(what, at), link.patient.as_deref(), link.purpose.as_deref())
    }
}

/// What can be said of a sealed share that something happened to.
pub(crate) fn facts_of_share(share: &KeptShare, what: TrailWhat, at: UnixSeconds) -> Facts {
    let names: Vec<_> = share.files.iter().map(|file| file.name.as_str()).collect();
    Facts {
        about: about(share.label.as_deref(), &names),
        link: share.id.parse().ok(),
        source: TrailText::cut(&share.gateway),
        ..for_whom(Facts::new(what, at), share.patient.as_deref(), share.purpose.as_deref())
    }
}

/// What can be said of a stream of a device that something happened to.
pub(crate) fn facts_of_stream(stream: &KeptStream, what: TrailWhat, at: UnixSeconds) -> Facts {
    Facts {
        about: TrailText::cut(&format!("stream {}", stream.name)),
        link: stream.id.parse().ok(),
        source: TrailText::cut(&stream.gateway),
        ..Facts::new(what, at)
    }
}

fn for_whom(facts: Facts, patient: Option<&str>, purpose: Option<&str>) -> Facts {
    Facts {
        patient: patient.and_then(|id| PatientId::new(id).ok()),
        purpose: purpose.and_then(|code| Purpose::new(code).ok()),
        ..facts
    }
}

fn about(label: Option<&str>, contents: &[&str]) -> Option<TrailText> {
    let contents = contents.join(", ");
    TrailText::cut(&label.map_or_else(|| contents.clone(), |label| format!("{label} ({contents})")))
}
