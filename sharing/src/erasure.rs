//! Certificates of erasure: what an owner says, with the nodes' signed words for it (spec §33).

mod armor;
mod certificate;
mod given;
mod statement;

pub use certificate::{
    ERASED_OBJECTS_MAX, ERASURE_GIVEN_MAX, ERASURE_LEN_MAX, ErasedObject, ErasureCertificate, ErasureError,
};
pub use given::{KeyGiven, KeyGivenBy, KeyGivenError};
pub use statement::{Erasure, KeyFate};
