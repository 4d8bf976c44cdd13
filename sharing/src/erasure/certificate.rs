//! The certificate: the owner's word, and of each object the manifest and the nodes' words.

use std::collections::BTreeSet;
use std::fmt;

use chunker::{Manifest, ManifestError};
use proofs::{Cid, Root, canonical};
use protocol::{
    BoundedList, Digest, LeaseEnd, PublicKey, RecordError, RecordHeading, SecretKey, Signed, Unverified, keys,
};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::armor;
use super::given::KeyGiven;
use super::statement::{Erasure, KeyFate};

/// Objects that one certificate is about: a catalogue and its packs, and what had the key of it for others.
pub const ERASED_OBJECTS_MAX: usize = 20_480;
/// Ways by which the key was given to others, in one certificate.
pub const ERASURE_GIVEN_MAX: usize = 1024;
/// Bytes of the longest certificate, before it becomes text.
pub const ERASURE_LEN_MAX: usize = 64 << 20;
const VERSION: u8 = 1;

/// A certificate of which everything was checked that it alone allows to check.
#[derive(Clone, PartialEq, Debug)]
pub struct ErasureCertificate {
    statement: Signed<Erasure>,
    given: Vec<KeyGiven>,
    objects: Vec<ErasedObject>,
}

/// One of the objects, and what nodes said of it.
#[derive(Clone, PartialEq, Debug)]
pub struct ErasedObject {
    /// Its manifest.
    pub manifest: Manifest,
    /// What nodes signed: each a lease over a part of it, or over a copy of the manifest.
    pub ends: Vec<Signed<LeaseEnd>>,
    /// Nodes that may have had a part, and did not confirm.
    pub silent: Vec<PublicKey>,
}

/// Why something is no certificate.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ErasureError {
    #[error("there is no certificate between its first and its last line")]
    Armor,
    #[error("the certificate is malformed: {0}")]
    Cbor(#[from] canonical::CanonicalError),
    #[error("the certificate has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("the certificate is about {found} objects, 1 to {ERASED_OBJECTS_MAX} are possible")]
    Objects { found: usize },
    #[error("the owner's word: {0}")]
    Statement(RecordError),
    #[error("the owner has signed over other words of nodes, or that the key was given to others")]
    Evidence,
    #[error("way {number} by which the key was given does not come after the one before it")]
    Given { number: usize },
    #[error("object {number}: {source}")]
    Manifest { number: usize, source: ManifestError },
    #[error("object {number} comes twice")]
    Twice { number: usize },
    #[error("object {number}, word {word} of a node: {source}")]
    End { number: usize, word: usize, source: RecordError },
    #[error(
        "object {number}, word {word} of a node is about a lease of another owner or over something else"
    )]
    OtherLease { number: usize, word: usize },
    #[error("object {number}, word {word} of a node does not come after the one before it")]
    Order { number: usize, word: usize },
    #[error("object {number}: a node that did not confirm has no key, or is not in order")]
    Silent { number: usize },
    #[error("what is written above the certificate is not what it says")]
    Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    given: BoundedList<KeyGiven, ERASURE_GIVEN_MAX>,
    objects: Vec<ObjectFields>,
    statement: ByteBuf,
    v: u8,
}

/// Over what the owner signs.
#[derive(Serialize)]
struct Evidence<'a> {
    given: &'a [KeyGiven],
    objects: &'a [ObjectFields],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectFields {
    ends: Vec<ByteBuf>,
    manifest: ByteBuf,
    silent: Vec<ByteArray<32>>,
}

impl ErasureCertificate {
    /// Signs over to whom the key was given, in the order of [`KeyGiven::enter`], and what nodes have said. `say` makes the statement from the
    /// hash of that.
    pub fn sign(
        owner: &SecretKey,
        network: &protocol::NetworkId,
        given: Vec<KeyGiven>,
        mut objects: Vec<ErasedObject>,
        say: impl FnOnce(Digest) -> Erasure,
    ) -> Self {
        for object in &mut objects {
            object.ends.sort_by_key(place);
            object.silent.sort();
            object.silent.dedup();
        }
        let evidence = evidence(&given, &objects.iter().map(ObjectFields::from).collect::<Vec<_>>());
        Self { statement: Signed::sign(owner, network, say(evidence)), given, objects }
    }

    /// The owner's word. Whether the signer is whom the reader takes for the owner is theirs to judge.
    pub const fn statement(&self) -> &Signed<Erasure> {
        &self.statement
    }

    /// By what ways the owner has given the key to others, as far as they have written it down.
    pub fn given(&self) -> &[KeyGiven] {
        &self.given
    }

    /// The objects: what was erased, then what had its key for others.
    pub fn objects(&self) -> &[ErasedObject] {
        &self.objects
    }

    /// What people read, and below it what a program checks.
    pub fn to_text(&self) -> String {
        format!("{self}\n{}", armor::write(&self.encode()))
    }

    /// Reads a certificate, and checks it with nothing but itself.
    pub fn from_text(text: &str) -> Result<Self, ErasureError> {
        let bytes = armor::read(text).ok_or(ErasureError::Armor)?;
        let certificate = Self::decode(&bytes)?;
        if certificate.to_text() == text { Ok(certificate) } else { Err(ErasureError::Text) }
    }

    /// Whether a text has a certificate in it.
    pub fn is_in(text: &[u8]) -> bool {
        armor::is_in(text)
    }

    /// Its canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&Fields {
            given: BoundedList::new(self.given.clone()).expect("whoever signs names no more ways than that"),
            objects: self.objects.iter().map(ObjectFields::from).collect(),
            statement: ByteBuf::from(self.statement.encode()),
            v: VERSION,
        })
    }

    /// Reads what [`encode`](Self::encode) has written.
    pub fn decode(bytes: &[u8]) -> Result<Self, ErasureError> {
        let fields: Fields = canonical::from_slice(bytes, ERASURE_LEN_MAX)?;
        if fields.v != VERSION {
            return Err(ErasureError::Version { found: fields.v });
        }
        if !(1..=ERASED_OBJECTS_MAX).contains(&fields.objects.len()) {
            return Err(ErasureError::Objects { found: fields.objects.len() });
        }
        let heading = RecordHeading::decode(&fields.statement).map_err(ErasureError::Statement)?;
        let statement = Signed::<Erasure>::decode(&fields.statement, &heading.network());
        let statement = statement.map_err(ErasureError::Statement)?;
        let given = fields.given.into_vec();
        if statement.body().evidence != evidence(&given, &fields.objects) {
            return Err(ErasureError::Evidence);
        }
        let follows = |two: &[KeyGiven]| two[0].place() < two[1].place();
        if let Some(before) = given.windows(2).position(|two| !follows(two)) {
            return Err(ErasureError::Given { number: before + 1 });
        }
        let mut seen = BTreeSet::new();
        let mut objects = Vec::with_capacity(fields.objects.len());
        for (number, object) in fields.objects.into_iter().enumerate() {
            let object = object.check(number, &statement)?;
            if !seen.insert(object.manifest.cid()) {
                return Err(ErasureError::Twice { number });
            }
            objects.push(object);
        }
        Ok(Self { statement, given, objects })
    }
}

impl ErasedObject {
    /// Its address.
    pub fn cid(&self) -> Cid {
        self.manifest.cid()
    }

    /// The parts of which a node has said that a lease has ended, and all that there are: shards, without copies of the manifest.
    pub fn parts(&self) -> (usize, usize) {
        let ended: BTreeSet<Root> = self.ends.iter().map(|end| end.body().root).collect();
        let all: BTreeSet<Root> = self.manifest.roots().iter().copied().collect();
        (ended.intersection(&all).count(), all.len())
    }

    fn has(&self, root: &Root) -> bool {
        *root == self.cid().root() || self.manifest.roots().contains(root)
    }
}

impl ObjectFields {
    fn check(self, number: usize, statement: &Signed<Erasure>) -> Result<ErasedObject, ErasureError> {
        let manifest = Manifest::decode(&self.manifest);
        let manifest = manifest.map_err(|source| ErasureError::Manifest { number, source })?;
        let mut object = ErasedObject { manifest, ends: Vec::new(), silent: Vec::new() };
        let control = *object.manifest.control().as_bytes();
        for (word, bytes) in self.ends.into_iter().enumerate() {
            let end = Unverified::<LeaseEnd>::from_bytes(bytes.into_vec());
            let end = end.and_then(|end| end.verify(&statement.network()));
            let end = end.map_err(|source| ErasureError::End { number, word, source })?;
            if *end.body().control.as_bytes() != control || !object.has(&end.body().root) {
                return Err(ErasureError::OtherLease { number, word });
            }
            if object.ends.last().is_some_and(|last| place(last) >= place(&end)) {
                return Err(ErasureError::Order { number, word });
            }
            object.ends.push(end);
        }
        for bytes in self.silent {
            let node = keys::from_bytes(&bytes).map_err(|_| ErasureError::Silent { number })?;
            if object.silent.last().is_some_and(|last| *last >= node) {
                return Err(ErasureError::Silent { number });
            }
            object.silent.push(node);
        }
        Ok(object)
    }
}

impl From<&ErasedObject> for ObjectFields {
    fn from(object: &ErasedObject) -> Self {
        Self {
            ends: object.ends.iter().map(|end| ByteBuf::from(end.encode())).collect(),
            manifest: ByteBuf::from(object.manifest.encode()),
            silent: object.silent.iter().map(|node| ByteArray::new(*node.as_bytes())).collect(),
        }
    }
}

/// What orders the words of nodes: none comes twice.
fn place(end: &Signed<LeaseEnd>) -> (PublicKey, Root, [u8; 16]) {
    (end.by(), end.body().root, *end.body().id.as_bytes())
}

fn evidence(given: &[KeyGiven], objects: &[ObjectFields]) -> Digest {
    Digest::of(&canonical::to_vec(&Evidence { given, objects }))
}

impl fmt::Display for ErasureCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Certificate of erasure\n")?;
        writeln!(f, "{}", self.statement.body())?;
        writeln!(f, "signed by   {}", self.statement.by())?;
        writeln!(f, "network     {}", self.statement.network())?;
        match self.statement.body().key {
            KeyFate::Destroyed if self.given.is_empty() => {
                writeln!(
                    f,
                    "key given   to nobody by this program, as far as the owner's machine has written down"
                )?;
            }
            KeyFate::Destroyed => {}
            KeyFate::NotHere => {
                writeln!(f, "key given   not known: another machine had it, and has written down to whom")?;
            }
        }
        self.given.iter().try_for_each(|given| write!(f, "{given}"))?;
        for object in &self.objects {
            let (ended, all) = object.parts();
            writeln!(f, "\nobject      {}", object.cid())?;
            writeln!(
                f,
                "            {ended} of its {all} parts: nodes have signed that a lease over them has ended"
            )?;
            for end in &object.ends {
                let LeaseEnd { at, id, root, .. } = end.body();
                writeln!(f, "ended       {at}  lease {id} over {root}\n            by node {}", end.by())?;
            }
            for node in &object.silent {
                writeln!(f, "no answer   of node {node}, which may have had a part")?;
            }
        }
        f.write_str(
            "\nWhat this proves: the owner has signed that the key was treated as it says and given to those above, and each node has\n\
             signed that it owes the lease no more. What it does not prove: that a node has erased its bytes, that nobody has kept a\n\
             copy of them or of the key, that no link was passed on by hand, or that a disk has nothing left of what was written over.\n\
             Without the key nobody reads what is left. Whoever was given it may have kept it, and so may the account of the owner\n\
             where nodes have kept the grants by which it was given.\n",
        )
    }
}
