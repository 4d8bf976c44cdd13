//! Sealed shares at a gateway (spec §27): who may read what, and cells that it hands out without being able to open them.

mod answer;
mod serving;

pub(crate) use answer::{AnswerError, SealedAnswer};
pub(crate) use serving::{Served, Serving, Session};
