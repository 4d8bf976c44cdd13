//! The types of signed records, one per file (spec §11).

mod admission;
mod lease;
mod lease_end;
mod mandate;
mod node_record;
mod pointer;
mod release;
mod renewal;
mod successor;

pub use admission::{Admission, AdmissionError};
pub use lease::{Lease, LeaseError, LeaseTerms};
pub use lease_end::LeaseEnd;
pub use mandate::{ByteHours, Mandate, MandateError};
pub use node_record::{
    Addresses, AddressesError, CapacityClass, CapacityClassError, DomainName, DomainNameError,
    FormerIdentities, NodeRecord, Price, RelayUrl, RelayUrlError, Tag, TagError, Tags, TagsError,
};
pub use pointer::{Pointer, PointerValue, PointerValueError};
pub use release::{Release, ReleaseError};
pub use renewal::{Renewal, RenewalError};
pub use successor::{FormerIdentitiesError, Successor};
