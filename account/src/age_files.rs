//! Files of age (age-encryption.org/v1), by which what is here goes to people who have none of our programs, and comes from them.

mod identity;
mod opening;
mod sealing;

pub use identity::{AgeIdentity, AgeRecipient, AgeRecipientError};
pub use opening::{AGE_HEADER_LEN_MAX, OpenAgeError, open_age};
pub use sealing::{AgeSealer, SealAgeError};
