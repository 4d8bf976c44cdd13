//! What a put answers to programs: one shape for `headwater put --json` and for `POST /blob`.

use std::fmt::Display;

use chunker::{Coding, Link};
use proofs::Cid;
use serde::{Serialize, Serializer};

use crate::report::{MissingPart, Part, PutReport};

/// `{"link","cid","size","coding","shards","stored_bytes","missing","url"}`: texts, but for `size` and
/// `stored_bytes` (bytes), `shards` (a number), and `missing`, a list of `{"part","reason"}`.
#[derive(Debug, Clone, Serialize)]
pub struct PutAnswer {
    #[serde(serialize_with = "as_text")]
    link: Link,
    #[serde(serialize_with = "as_text")]
    cid: Cid,
    size: u64,
    #[serde(serialize_with = "as_text")]
    coding: Coding,
    shards: usize,
    stored_bytes: u64,
    missing: Vec<MissingPart>,
    url: Option<String>,
}

impl PutReport {
    /// The answer for programs; `url` is where a gateway serves the object, if one does.
    pub fn into_answer(self, url: Option<String>) -> PutAnswer {
        let Self { link, cid, size, coding, shards, stored_bytes, missing, leases: _ } = self;
        PutAnswer { link, cid, size, coding, shards, stored_bytes, missing, url }
    }
}

impl PutAnswer {
    /// Address and key: the answer for people.
    pub fn link(&self) -> &Link {
        &self.link
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use chunker::{Column, ContentKey};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_has_the_documented_name_and_form() {
        let cid = Cid::of(b"a manifest");
        let link = Link::new(cid, ContentKey::from_bytes([7; 32]));
        let text = link.to_string();
        let missing = MissingPart {
            part: Part::Shard { segment: 1, column: Column::new(2) },
            reason: "nobody took it".to_owned(),
        };
        let report = PutReport {
            link,
            cid,
            size: 5,
            coding: "5+3".parse().unwrap(),
            shards: 8,
            stored_bytes: 131_072,
            leases: vec![],
            missing: vec![missing],
        };
        let expected = json!({
            "link": text,
            "cid": cid.to_string(),
            "size": 5,
            "coding": "5+3",
            "shards": 8,
            "stored_bytes": 131_072,
            "missing": [{ "part": "shard 2 of segment 1", "reason": "nobody took it" }],
            "url": null,
        });
        assert_eq!(serde_json::to_value(report.into_answer(None)).unwrap(), expected);
    }
}
