//! A trail as FHIR: audit events in IHE's shapes, and a consent and a document for each link.

use std::collections::BTreeMap;

use protocol::UnixSeconds;

use super::{Facts, PatientId, TrailEntry, TrailText, TrailWhat};
use crate::fhir::{
    Agent, AgentNetwork, Attachment, AuditEvent, Bundle, BundleLink, CodeableConcept, Coding, Consent,
    Content, Detail, DocumentReference, Entity, Identifier, Meta, Period, Provision, Reference, Resource,
    Source,
};
use crate::{Identity, LinkId};

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const AUDIT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const CONSENT_ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const LOINC: &str = "http://loinc.org";
const DISCLOSURE: &str =
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source";
const BREAK_GLASS: &str = "BTG";
/// What a reader is called who said nothing.
const UNNAMED: &str = "somebody who gave no name";
const OWNER: &str = "the owner of the record";

/// The entries of one patient, or of all, as a collection; a resource is named after its place in the trail.
pub fn trail_as_fhir(
    entries: &[TrailEntry],
    patient: Option<&PatientId>,
    network: &str,
    made: UnixSeconds,
) -> Bundle {
    let chosen =
        entries.iter().filter(|entry| patient.is_none_or(|id| entry.facts.patient.as_ref() == Some(id)));
    let chosen: Vec<_> = chosen.collect();
    let mut resources: Vec<_> = chosen.iter().map(|entry| audit_event(entry, network)).collect();
    let mut links: BTreeMap<LinkId, Vec<&TrailEntry>> = BTreeMap::new();
    for entry in chosen {
        if let Some(link) = entry.facts.link {
            links.entry(link).or_default().push(entry);
        }
    }
    resources.extend(links.values().filter_map(|entries| consent(entries, network)));
    resources.extend(links.values().flat_map(|entries| documents(entries, network)));
    Bundle::collection(made.to_string(), resources)
}

fn audit_event(entry: &TrailEntry, network: &str) -> BundleLink {
    let facts = &entry.facts;
    let shape = Shape::of(facts.what);
    // The profile asks for a patient: who is not named is no disclosure of anybody's record.
    let is_disclosure = facts.is_disclosure() && facts.patient.is_some();
    let event = AuditEvent {
        resource_type: "AuditEvent",
        meta: is_disclosure.then(|| Meta { profile: vec![DISCLOSURE] }),
        kind: shape.kind,
        subtype: shape.subtype,
        action: shape.action,
        recorded: facts.at.to_string(),
        outcome: shape.outcome,
        outcome_desc: facts.what.as_str(),
        purpose_of_event: purposes(facts).into_iter().map(CodeableConcept::from).collect(),
        agent: agents(facts),
        source: Source {
            observer: gateway(facts),
            kind: vec![Coding::new(SOURCE_TYPE, "4", "Application Server")],
        },
        entity: entities(facts),
    };
    let full_url = format!("urn:headwater:trail:{network}:{}", entry.seq);
    BundleLink { full_url, resource: Resource::AuditEvent(Box::new(event)) }
}

/// What depends on what happened alone.
struct Shape {
    kind: Coding,
    subtype: Vec<Coding>,
    action: &'static str,
    outcome: &'static str,
}

impl Shape {
    fn of(what: TrailWhat) -> Self {
        let rest = |code: &'static str, action, outcome| Self {
            kind: Coding::new(AUDIT_TYPE, "rest", "Restful Operation"),
            subtype: vec![Coding::new(INTERACTION, code, code)],
            action,
            outcome,
        };
        match what {
            TrailWhat::Opened | TrailWhat::BreakGlass => Self {
                kind: Coding::new(DCM, "110106", "Export"),
                subtype: vec![Coding::new(LIFECYCLE, "disclose", "Disclose Record Lifecycle Event")],
                action: "R",
                outcome: "0",
            },
            // 4 is a minor failure, 8 a serious one.
            TrailWhat::Refused => rest("read", "R", "4"),
            TrailWhat::Locked | TrailWhat::NotTold => rest("read", "R", "8"),
            TrailWhat::LinkMade
            | TrailWhat::Granted
            | TrailWhat::Delegated
            | TrailWhat::StreamMade
            | TrailWhat::Committed => rest("create", "C", "0"),
            TrailWhat::Reviewed => rest("operation", "E", "0"),
            TrailWhat::LinkChanged | TrailWhat::GrantChanged | TrailWhat::Held | TrailWhat::HoldReleased => {
                rest("update", "U", "0")
            }
            TrailWhat::LinkEnded | TrailWhat::GrantEnded | TrailWhat::StreamEnded | TrailWhat::Erased => {
                rest("delete", "D", "0")
            }
        }
    }
}

fn purposes(facts: &Facts) -> Vec<Coding> {
    let stated = facts.purpose.as_ref().map(|purpose| Coding::bare(REASON, purpose.as_str()));
    let emergency =
        (facts.what == TrailWhat::BreakGlass).then(|| Coding::new(REASON, BREAK_GLASS, "break the glass"));
    emergency.into_iter().chain(stated).collect()
}

/// The source, which is the gateway, and the recipient: of readers, who they say they are, and who has shown more, how the owner calls them.
fn agents(facts: &Facts) -> Vec<Agent> {
    let is_owners = !matches!(
        facts.what,
        TrailWhat::Opened | TrailWhat::BreakGlass | TrailWhat::Refused | TrailWhat::Locked
    );
    let nobody = if is_owners { OWNER } else { UNNAMED };
    let who = facts.who.as_ref().map_or(nobody, TrailText::as_str);
    let address = facts.source.as_ref().map_or("unknown", TrailText::as_str).to_owned();
    vec![
        Agent {
            kind: Coding::new(DCM, "110153", "Source Role ID").into(),
            who: gateway(facts),
            requestor: false,
            network: Some(AgentNetwork { address, kind: "5" }),
        },
        Agent {
            kind: Coding::new(DCM, "110152", "Destination Role ID").into(),
            who: Reference { identifier: facts.by.map(identity), ..Reference::named(called(facts, who)) },
            requestor: true,
            // No address of a reader is kept anywhere.
            network: Some(AgentNetwork { address: "not recorded".to_owned(), kind: "1" }),
        },
    ]
}

/// The reader, when they have shown who they are: the key that signs for them.
fn identity(by: protocol::PublicKey) -> Identifier {
    Identifier { system: Some("urn:headwater:identity".to_owned()), value: Identity::beginning(by) }
}

fn called(facts: &Facts, who: &str) -> String {
    facts
        .known_as
        .as_ref()
        .map_or_else(|| who.to_owned(), |known_as| format!("{who}, known as {}", known_as.as_str()))
}

fn gateway(facts: &Facts) -> Reference {
    Reference::named(facts.source.as_ref().map_or("headwater", TrailText::as_str))
}

fn entities(facts: &Facts) -> Vec<Entity> {
    let patient = facts.patient.as_ref().map(|patient| Entity {
        what: patient_of(patient),
        kind: Coding::new(ENTITY_TYPE, "1", "Person"),
        role: Coding::new(ENTITY_ROLE, "1", "Patient"),
        detail: Vec::new(),
    });
    let about = facts.about.as_ref().map_or("a record", TrailText::as_str);
    let detail =
        facts.number.map(|number| Detail { kind: "gateway-event", value_string: number.to_string() });
    let reason = facts
        .reason
        .as_ref()
        .map(|reason| Detail { kind: "emergency-reason", value_string: reason.as_str().to_owned() });
    let data = Entity {
        what: Reference::named(about),
        kind: Coding::new(ENTITY_TYPE, "2", "System Object"),
        role: Coding::new(ENTITY_ROLE, "3", "Report"),
        detail: detail.into_iter().chain(reason).collect(),
    };
    patient.into_iter().chain([data]).collect()
}

fn patient_of(patient: &PatientId) -> Reference {
    Reference::identified("Patient", None, patient.as_str())
}

/// The name under which a link stands in FHIR: not its id, which opens health links.
fn link_name(first: &TrailEntry, network: &str) -> String {
    format!("urn:headwater:trail:{network}:{}:link", first.seq)
}

/// What its owner allowed by a link: active until it was revoked.
fn consent(entries: &[&TrailEntry], network: &str) -> Option<BundleLink> {
    let made =
        entries.iter().find(|entry| matches!(entry.facts.what, TrailWhat::LinkMade | TrailWhat::Granted))?;
    let ended =
        entries.iter().find(|entry| matches!(entry.facts.what, TrailWhat::LinkEnded | TrailWhat::GrantEnded));
    let value = link_name(made, network);
    let consent = Consent {
        resource_type: "Consent",
        identifier: vec![Identifier { system: Some("urn:ietf:rfc:3986".to_owned()), value: value.clone() }],
        status: if ended.is_some() { "inactive" } else { "active" },
        scope: Coding::new(CONSENT_SCOPE, "patient-privacy", "Privacy Consent").into(),
        category: vec![Coding::new(LOINC, "59284-0", "Patient Consent").into()],
        patient: made.facts.patient.as_ref().map(patient_of),
        date_time: made.facts.at.to_string(),
        policy_rule: Coding::new(ACT_CODE, "OPTIN", "opt-in").into(),
        provision: Provision {
            kind: "permit",
            period: Period {
                start: made.facts.at.to_string(),
                end: ended.map(|ended| ended.facts.at.to_string()),
            },
            actor: Vec::new(),
            action: vec![Coding::new(CONSENT_ACTION, "access", "Access").into()],
            purpose: purposes(&made.facts),
        },
    };
    Some(BundleLink { full_url: format!("{value}:consent"), resource: Resource::Consent(Box::new(consent)) })
}

/// What was behind a link: as it was made, and as it was changed.
fn documents(entries: &[&TrailEntry], network: &str) -> Vec<BundleLink> {
    let put = entries
        .iter()
        .filter(|entry| matches!(entry.facts.what, TrailWhat::LinkMade | TrailWhat::LinkChanged));
    let put: Vec<_> = put.collect();
    let last = put.last().map(|entry| entry.seq);
    let document = |entry: &&&TrailEntry| {
        let value = format!("urn:headwater:trail:{network}:{}:document", entry.seq);
        let about = entry.facts.about.as_ref().map_or("a record", TrailText::as_str);
        let document = DocumentReference {
            resource_type: "DocumentReference",
            identifier: vec![Identifier {
                system: Some("urn:ietf:rfc:3986".to_owned()),
                value: value.clone(),
            }],
            status: if Some(entry.seq) == last { "current" } else { "superseded" },
            subject: entry.facts.patient.as_ref().map(patient_of),
            date: entry.facts.at.to_string(),
            description: Some(about.to_owned()),
            security_label: Vec::new(),
            content: vec![Content {
                attachment: Attachment { content_type: "application/fhir+json", title: about.to_owned() },
            }],
        };
        BundleLink { full_url: value, resource: Resource::DocumentReference(Box::new(document)) }
    };
    put.iter().map(document).collect()
}
