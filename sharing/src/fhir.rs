//! The part of FHIR R4 that an owner's records of sharing are written in: `Bundle`, `AuditEvent`, `Consent`, `DocumentReference`.
//!
//! Audit events have the shapes of IHE's *Basic Audit Log Patterns*. Only what is emitted is here; nothing reads FHIR.

mod audit_event;
mod bundle;
mod consent;
mod document_reference;
mod element;

pub use audit_event::{Agent, AgentNetwork, AuditEvent, Detail, Entity, Source};
pub use bundle::{Bundle, BundleLink, Resource};
pub use consent::{Consent, ConsentActor, Provision};
pub use document_reference::{Attachment, Content, DocumentReference};
pub use element::{CodeableConcept, Coding, Identifier, Meta, Period, Reference};
