//! Runs every golden vector in `docs/vectors/grants`, and what must hold of grants that are made here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chunker::{AccountSecret, ContentKey};
use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use proofs::Cid;
use protocol::{NetworkId, PointerValue, PublicKey, Sequence, Slot, UnixSeconds};
use serde_json::{Value, json};
use sharing::{
    ChainError, DELEGATION_DEPTH_MAX, Depth, FileName, GRANT_LEN_MAX, GRANT_SLOT, GrantKeys, GrantLink,
    GrantLinkError, GrantNote, GrantVersion, GrantVersionError, GrantedFile, Identity, IdentityError,
    IndexPath, LinkId, NewDelegation, NewGrant, NoteError, OpenGrantError, OpenedDelegation, OpenedGrant,
    OwnIdentity, Reason, SealGrantError, SeenDelegation,
};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/grants/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
}

fn account(secret: Vec<u8>) -> AccountSecret {
    AccountSecret::from_bytes(secret.try_into().unwrap())
}

fn own(secret: Vec<u8>) -> OwnIdentity {
    OwnIdentity::of(&account(secret))
}

fn network(file: &Value) -> NetworkId {
    NetworkId::from_bytes(bytes(file, "network").try_into().unwrap())
}

#[test]
fn identities() {
    for vector in file("identities.json")["vectors"].as_array().unwrap() {
        let text = vector["identity"].as_str().unwrap();
        let result = text.parse::<Identity>().map_err(|error| match error {
            IdentityError::Scheme => "scheme",
            IdentityError::Length => "length",
            IdentityError::Key => "key",
            IdentityError::HybridKey => "hybrid_key",
        });
        match result {
            Ok(identity) => {
                assert_eq!(identity.to_string(), text);
                let own = own(bytes(vector, "account"));
                let wanted = if identity.is_hybrid() { own.hybrid() } else { own.public() };
                assert_eq!(*wanted, identity, "{}", vector["name"]);
            }
            Err(error) => assert_eq!(vector["error"], error, "{}", vector["name"]),
        }
    }
}

#[test]
fn grants() {
    let file = file("grants.json");
    let (network, reader) = (network(&file), own(bytes(&file, "reader")));
    for vector in file["vectors"].as_array().unwrap() {
        let result = OpenedGrant::open(&bytes(vector, "grant"), &network, &reader);
        match result {
            Ok(opened) => {
                assert_eq!(json!(opened.files.len()), vector["files"], "{}", vector["name"]);
                assert_eq!(opened.by.as_bytes().as_slice(), bytes(&file, "owner"));
            }
            Err(error) => assert_eq!(vector["error"], in_short(&error), "{}: {error}", vector["name"]),
        }
    }
    assert!(matches!(
        OpenedGrant::open(&vec![0; GRANT_LEN_MAX + 1], &network, &reader),
        Err(OpenGrantError::Cbor(_))
    ));
}

#[test]
fn delegations() {
    let file = file("delegations.json");
    let (network, reader) = (network(&file), own(bytes(&file, "reader")));
    for vector in file["vectors"].as_array().unwrap() {
        match OpenedDelegation::open(&bytes(vector, "delegation"), &network, &reader) {
            Ok(opened) => {
                let through: Vec<_> = opened.through().map(|key| HEXLOWER.encode(key.as_bytes())).collect();
                assert_eq!(json!(through), vector["through"], "{}", vector["name"]);
                assert_eq!(opened.by().as_bytes().as_slice(), bytes(&file, "owner"));
                assert_eq!(opened.above().count(), through.len());
            }
            Err(error) => assert_eq!(vector["error"], in_short(&error), "{}: {error}", vector["name"]),
        }
    }
}

#[test]
fn delegation_notes() {
    let file = file("delegation_notes.json");
    let id = LinkId::from_bytes(bytes(&file, "id").try_into().unwrap());
    let to: Identity = file["to"].as_str().unwrap().parse().unwrap();
    let keys = GrantKeys::derive(&account(bytes(&file, "account")), id);
    let holder = keys.holder().of_recipient(GRANT_SLOT, to.signs());
    for vector in file["vectors"].as_array().unwrap() {
        match SeenDelegation::read(&bytes(vector, "delegation"), &network(&file), &holder) {
            Ok(seen) => {
                let found = json!({ "named": seen.to.len(), "unnamed": seen.unnamed });
                let expected = json!({ "named": vector["named"], "unnamed": vector["unnamed"] });
                assert_eq!(found, expected, "{}", vector["name"]);
                let short = seen.note.err().map(|error| note_in_short(&error));
                assert_eq!(json!(short), vector["note_error"], "{}", vector["name"]);
            }
            Err(error) => assert_eq!(vector["error"], in_short(&error), "{}: {error}", vector["name"]),
        }
    }
}

fn chain_in_short(error: &ChainError) -> &'static str {
    match error {
        ChainError::Levels { .. } => "levels",
        ChainError::Record { .. } => "record",
        ChainError::Passing { .. } => "passing",
        ChainError::NotAllowed { .. } => "not_allowed",
        ChainError::Holder { .. } => "holder",
        ChainError::Unlisted => "unlisted",
        ChainError::Parent { .. } => "parent",
        ChainError::Wider { .. } => "wider",
        ChainError::File { .. } => "file",
        ChainError::Ambiguous { .. } => "ambiguous",
    }
}

fn note_in_short(error: &NoteError) -> &'static str {
    match error {
        NoteError::NotYours => "not_yours",
        NoteError::Cbor(_) | NoteError::List(_) => "malformed",
        NoteError::Version { .. } => "version",
        NoteError::Name(_) => "name",
        NoteError::Recipients => "recipients",
        NoteError::Names => "names",
        NoteError::Sealed => "sealed",
    }
}

fn in_short(error: &OpenGrantError) -> &'static str {
    match error {
        OpenGrantError::Cbor(_) | OpenGrantError::List(_) => "malformed",
        OpenGrantError::Version { .. } => "version",
        OpenGrantError::Record(_) => "record",
        OpenGrantError::Hash => "hash",
        OpenGrantError::Wraps { .. } => "wraps",
        OpenGrantError::NotForYou { .. } => "not_for_you",
        OpenGrantError::Key => "key",
        OpenGrantError::Files { .. } => "files",
        OpenGrantError::Expired { .. } => "expired",
        OpenGrantError::Series => "series",
        OpenGrantError::Note(_) => "note",
        OpenGrantError::Chain(error) => chain_in_short(error),
        OpenGrantError::Place { .. } => "place",
    }
}

#[test]
fn links() {
    for vector in file("links.json")["vectors"].as_array().unwrap() {
        let text = vector["link"].as_str().unwrap();
        let result = text.parse::<GrantLink>().map_err(|error| match error {
            GrantLinkError::Scheme => "scheme",
            GrantLinkError::Length => "length",
            GrantLinkError::Key => "key",
            GrantLinkError::Slot { .. } => "slot",
        });
        match result {
            Ok(link) if link.slot() != GRANT_SLOT => {
                let id = LinkId::from_bytes(bytes(vector, "id").try_into().unwrap());
                let keys = GrantKeys::derive(&account(bytes(vector, "account")), id);
                let to: Identity = vector["to"].as_str().unwrap().parse().unwrap();
                let holder = keys.holder().of_recipient(GRANT_SLOT, to.signs());
                let passed_on = holder.delegation(link.slot());
                assert_eq!((link.to_string().as_str(), &link), (text, passed_on.link()));
            }
            Ok(link) => {
                let id = LinkId::from_bytes(bytes(vector, "id").try_into().unwrap());
                let keys = GrantKeys::derive(&account(bytes(vector, "account")), id);
                assert_eq!((link.to_string().as_str(), &link), (text, keys.link()), "{}", vector["name"]);
                assert_eq!(keys.pointer().public(), link.series());
            }
            Err(error) => assert_eq!(vector["error"], error, "{}", vector["name"]),
        }
    }
}

#[test]
fn pointers() {
    let file = file("pointers.json");
    let link = file["link"].as_str().unwrap().parse::<GrantLink>().unwrap();
    for vector in file["vectors"].as_array().unwrap() {
        let (value, name) = (bytes(vector, "value"), &vector["name"]);
        let value = PointerValue::new(value).unwrap();
        let seq = Sequence::new(vector["seq"].as_u64().unwrap());
        match GrantVersion::open(&value, &link, seq) {
            Ok(version) => {
                let salt = *value.as_bytes().first_chunk().unwrap_or(&[0; 32]);
                assert_eq!(vector["error"], Value::Null, "{name}");
                assert_eq!(version.seal(&link, seq, chunker::Salt::from_bytes(salt)), value, "{name}");
            }
            Err(error) => {
                let short = match error {
                    GrantVersionError::Key { .. } => "key",
                    GrantVersionError::Cbor(_) => "malformed",
                    GrantVersionError::Format { .. } => "format",
                };
                assert_eq!(vector["error"], short, "{name}");
            }
        }
    }
}

#[test]
fn damaged_pointers_and_links_say_nothing() {
    let file = file("pointers.json");
    let text = file["link"].as_str().unwrap();
    let link = text.parse::<GrantLink>().unwrap();
    let good: Vec<_> =
        file["vectors"].as_array().unwrap().iter().map(|vector| bytes(vector, "value")).collect();
    fuzz(|random| {
        let value = random.damaged(&good);
        if let Ok(value) = PointerValue::new(value.clone()) {
            let opened = GrantVersion::open(&value, &link, Sequence::new(7));
            assert!(opened.is_err() || good.contains(&value.as_bytes().to_vec()));
        }
        let written = random.damaged(&[text.as_bytes().to_vec()]);
        if let Ok(Ok(link)) = std::str::from_utf8(&written).map(str::parse::<GrantLink>) {
            assert_eq!(link.to_string().as_bytes(), written);
        }
    });
}

#[test]
fn notes() {
    let file = file("notes.json");
    let (network, reader, owner) =
        (network(&file), own(bytes(&file, "reader")), account(bytes(&file, "account")));
    for vector in file["vectors"].as_array().unwrap() {
        let opened = OpenedGrant::open(&bytes(vector, "grant"), &network, &reader).unwrap();
        let short = opened.note(&owner).err().map(|error| note_in_short(&error));
        assert_eq!(json!(short), vector["error"], "{}", vector["name"]);
    }
}

#[test]
fn damaged_delegations_open_nothing() {
    let file = file("delegations.json");
    let (network, reader) = (network(&file), own(bytes(&file, "reader")));
    let all = file["vectors"].as_array().unwrap().iter();
    let corpus: Vec<_> =
        all.filter(|vector| vector["error"].is_null()).map(|vector| bytes(vector, "delegation")).collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let opened = OpenedDelegation::open(&bytes, &network, &reader);
        assert!(corpus.contains(&bytes) || opened.is_err());
    });
}

#[test]
fn damaged_grants_open_nothing() {
    let file = file("grants.json");
    let (network, reader) = (network(&file), own(bytes(&file, "reader")));
    let all = file["vectors"].as_array().unwrap().iter();
    let corpus: Vec<_> =
        all.filter(|vector| vector["error"].is_null()).map(|vector| bytes(vector, "grant")).collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let opened = OpenedGrant::open(&bytes, &network, &reader);
        assert!(corpus.contains(&bytes) || opened.is_err());
    });
}

fn granted(name: &str) -> GrantedFile {
    GrantedFile {
        key: ContentKey::from_bytes([7; 32]),
        len: 5,
        name: FileName::new(name).unwrap(),
        object: Cid::of(name.as_bytes()),
        media_type: None,
    }
}

fn new_grant() -> NewGrant {
    NewGrant {
        expires: Some(UnixSeconds::new(100)),
        files: vec![granted("a"), granted("b")],
        issued: UnixSeconds::new(1),
        note: GrantNote {
            id: LinkId::from_bytes([7; 32]),
            names: vec![IndexPath::new("a").unwrap(), IndexPath::new("b").unwrap()],
            to: vec!["somebody".to_owned()],
            follows: false,
            sealed: Vec::new(),
        },
        depth: None,
        purpose: Some(Reason::new("treatment").unwrap()),
        seq: Sequence::new(5),
    }
}

/// A grant to the first account, and what is passed on of it from each account to the next one, as far as that goes.
#[test]
fn a_grant_goes_as_far_as_it_may_and_gets_no_wider() {
    let network = NetworkId::from_bytes([1; 32]);
    let owner = account(vec![0; 32]);
    let accounts: Vec<_> = (1..=6).map(|number| account(vec![number; 32])).collect();
    let ids: Vec<_> = accounts.iter().map(OwnIdentity::of).collect();
    let new = NewGrant { depth: Depth::new(DELEGATION_DEPTH_MAX), ..new_grant() };
    let keys = GrantKeys::derive(&owner, new.note.id);
    let to = [ids[0].public().clone()];
    let sealed = new.clone().seal(&owner, &network, &to, [9; 32], &mut rand::rng()).unwrap();
    let opened = OpenedGrant::open(&sealed, &network, &ids[0]).unwrap();
    assert_eq!(opened.depth(), Depth::new(4));
    let mut holding = opened.holding(&network).unwrap().unwrap();
    let (mut giver, mut slot) = (keys.holder().clone(), GRANT_SLOT);
    for level in 1..=4_u16 {
        let (from, next) = (usize::from(level) - 1, usize::from(level));
        let depth = Depth::new(4 - u8::try_from(level).unwrap());
        let delegation = NewDelegation {
            depth,
            expires: Some(UnixSeconds::new(100 - u64::from(level))),
            issued: UnixSeconds::new(2),
            files: vec![holding.file(&FileName::new("a").unwrap()).unwrap().clone()],
            purpose: new.purpose.clone(),
            seq: Sequence::FIRST,
            slot: Slot::new(1 + level),
        };
        let to = [ids[next].hybrid().clone()];
        let pass = |new: NewDelegation| {
            let seed = [level.to_le_bytes()[0]; 32];
            holding.pass_on(new, &accounts[from], &network, &to, seed, &mut rand::rng())
        };
        for (wider, what) in [
            (NewDelegation { expires: Some(UnixSeconds::new(101)), ..delegation.clone() }, "end"),
            (NewDelegation { purpose: None, ..delegation.clone() }, "purpose"),
            (NewDelegation { depth: Depth::new(4), ..delegation.clone() }, "depth"),
            (NewDelegation { files: vec![granted("c")], ..delegation.clone() }, "files that were granted"),
        ] {
            let refused = pass(wider).unwrap_err().to_string();
            assert!(refused.ends_with(what), "{refused}");
        }
        let bytes = pass(delegation).unwrap();
        // Whoever gave it knows what became of it; nobody else does, and no more than the recipient opens it.
        giver = giver.of_recipient(slot, ids[from].signing_key().public());
        slot = Slot::new(1 + level);
        let seen = SeenDelegation::read(&bytes, &network, &giver).unwrap();
        assert_eq!(
            (seen.to.clone(), seen.unnamed, seen.by(), seen.files_len()),
            (to.to_vec(), 0, ids[from].signing_key().public(), 1)
        );
        assert_eq!(seen.files(&new.files).collect::<Vec<_>>(), [&new.files[0]]);
        assert!(SeenDelegation::read(&bytes, &network, &giver.of_recipient(slot, seen.by())).is_err());
        let stranger = OpenedDelegation::open(&bytes, &network, &ids[5]);
        assert!(matches!(stranger, Err(OpenGrantError::NotForYou { recipients: 2 })));
        let opened = OpenedDelegation::open(&bytes, &network, &ids[next]).unwrap();
        assert_eq!((opened.files.as_slice(), opened.by()), (&new.files[..1], keys_of(&owner)));
        assert_eq!(
            opened.through().collect::<Vec<_>>(),
            ids[..next].iter().map(|id| id.signing_key().public()).collect::<Vec<_>>()
        );
        let link = giver.delegation(slot).link().clone();
        assert!(opened.check_version(&link, Sequence::FIRST).is_ok());
        assert!(matches!(opened.check_version(keys.link(), Sequence::FIRST), Err(OpenGrantError::Series)));
        assert!(opened.check_time(UnixSeconds::new(100 - u64::from(level))).is_err());
        match (level, opened.holding(&network).unwrap()) {
            (4, None) => return,
            (_, Some(next)) => holding = next,
            _ => panic!("it stops at {level}"),
        }
    }
}

/// Two files of one name are told apart by nobody who says the name alone; both together are passed on.
#[test]
fn a_name_that_two_files_have_chooses_none_of_them() {
    let (network, owner, other) =
        (NetworkId::from_bytes([1; 32]), account(vec![0; 32]), account(vec![1; 32]));
    let id = OwnIdentity::of(&other);
    let same = GrantedFile { object: Cid::of(b"another object"), ..granted("a") };
    let new = NewGrant { depth: Depth::new(1), files: vec![granted("a"), same], ..new_grant() };
    let to = [id.public().clone()];
    let sealed = new.clone().seal(&owner, &network, &to, [9; 32], &mut rand::rng()).unwrap();
    let opened = OpenedGrant::open(&sealed, &network, &id).unwrap();
    let holding = opened.holding(&network).unwrap().unwrap();
    let chosen = holding.file(&FileName::new("a").unwrap());
    assert!(matches!(chosen, Err(ChainError::Ambiguous { found: 2, .. })));
    let delegation = NewDelegation {
        depth: None,
        expires: new.expires,
        issued: UnixSeconds::new(2),
        files: holding.files().to_vec(),
        purpose: new.purpose.clone(),
        seq: Sequence::FIRST,
        slot: Slot::new(2),
    };
    let passed = holding.pass_on(delegation, &other, &network, &to, [8; 32], &mut rand::rng()).unwrap();
    assert_eq!(OpenedDelegation::open(&passed, &network, &id).unwrap().files, new.files);
}

fn keys_of(account: &AccountSecret) -> PublicKey {
    OwnIdentity::of(account).signing_key().public()
}

#[test]
fn a_grant_opens_for_its_recipients_and_its_owner_alone() {
    let network = NetworkId::from_bytes([1; 32]);
    let owner = account(vec![0; 32]);
    let accounts: Vec<_> = (0..5).map(|number| own(vec![number; 32])).collect();
    let to: Vec<_> = accounts[1..4].iter().map(|own| own.public().clone()).collect();
    let new = new_grant();
    let seal = |new: NewGrant, to: &[Identity]| new.seal(&owner, &network, to, [9; 32], &mut rand::rng());
    let sealed = seal(new.clone(), &to).unwrap();
    let link = GrantKeys::derive(&owner, new.note.id).link().clone();
    for reader in &accounts[..4] {
        let opened = OpenedGrant::open(&sealed, &network, reader).unwrap();
        assert_eq!((&opened.files, opened.recipients), (&new.files, 4));
        assert!(opened.check_time(UnixSeconds::new(99)).is_ok());
        assert!(opened.check_time(UnixSeconds::new(100)).is_err());
        assert!(opened.check_version(&link, Sequence::new(5)).is_ok());
        let older = opened.check_version(&link, Sequence::new(6));
        assert!(matches!(older, Err(OpenGrantError::Place { .. })));
        let other = GrantKeys::derive(&owner, LinkId::from_bytes([8; 32]));
        assert!(matches!(opened.check_version(other.link(), Sequence::new(5)), Err(OpenGrantError::Series)));
        assert_eq!(opened.note(&owner), Ok(new.note.clone()));
        assert_eq!(opened.note(&account(vec![1; 32])), Err(NoteError::NotYours));
    }
    let stranger = OpenedGrant::open(&sealed, &network, &accounts[4]);
    assert!(matches!(stranger, Err(OpenGrantError::NotForYou { recipients: 4 })));
    assert!(matches!(seal(new.clone(), &[]), Err(SealGrantError::Recipients { found: 0 })));
    let nothing = NewGrant { files: vec![], ..new.clone() };
    assert!(matches!(seal(nothing, &to), Err(SealGrantError::Files { found: 0 })));
    let hybrid = [accounts[3].hybrid().clone(), to[1].clone()];
    let hybrid = seal(new.clone(), &hybrid).unwrap();
    let opens = |reader| OpenedGrant::open(&hybrid, &network, reader).is_ok();
    assert_eq!(accounts.iter().map(opens).collect::<Vec<_>>(), [true, false, true, true, false]);
    // A key of low order would give the same secret to everybody.
    let mut low = to[0].to_bytes();
    low[32..].fill(0);
    let low = Identity::from_bytes(&low).unwrap();
    assert!(matches!(seal(new, &[low]), Err(SealGrantError::Key { number: 1 })));
}
