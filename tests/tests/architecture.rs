//! The house rules that a machine can hold: who may depend on whom, and what a file may look like.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, iter};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// The edges of the design, section 2. A crate that is missing here may not exist.
const ALLOWED: &[(&str, &[&str])] = &[
    ("proofs", &[]),
    ("chunker", &["proofs"]),
    ("protocol", &["proofs"]),
    ("sharing", &["chunker", "protocol", "proofs"]),
    ("ledger", &["protocol", "proofs"]),
    ("database", &[]),
    ("ledger-service", &["database", "ledger", "protocol", "proofs"]),
    ("packager", &[]),
    ("network", &["protocol", "proofs"]),
    ("client", &["chunker", "protocol", "proofs", "network"]),
    ("account", &["client", "chunker", "protocol", "proofs", "sharing"]),
    ("storage-node", &["protocol", "proofs", "network"]),
    ("steward", &["client", "chunker", "protocol", "proofs"]),
    ("publishing", &["client", "chunker", "protocol", "proofs", "packager", "sharing"]),
    (
        "gateway",
        &[
            "client",
            "chunker",
            "database",
            "protocol",
            "proofs",
            "network",
            "packager",
            "publishing",
            "sharing",
            "steward",
        ],
    ),
    ("s3", &["account", "client", "chunker", "protocol", "proofs", "sharing"]),
    (
        "cli",
        &[
            "account",
            "client",
            "chunker",
            "protocol",
            "proofs",
            "sharing",
            "ledger",
            "ledger-service",
            "publishing",
            "network",
            "gateway",
            "s3",
            "storage-node",
            "steward",
        ],
    ),
    (
        "e2e",
        &[
            "account",
            "client",
            "chunker",
            "protocol",
            "proofs",
            "sharing",
            "publishing",
            "network",
            "gateway",
            "storage-node",
            "steward",
        ],
    ),
    (FOR_TESTS, &[]),
];

/// The one crate that the tests of any other may use besides; no program is built from it.
const FOR_TESTS: &str = "fuzzing";

/// Pure crates contain no runtime, no sockets, no files and no clock.
const PURE: &[&str] = &["proofs", "chunker", "protocol", "sharing", "ledger", "packager"];
const IMPURE_PACKAGES: &[&str] = &["tokio", "iroh", "mio", "redb", "axum", "hyper", "rustix", "socket2"];
const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "tokio::",
    "getrandom",
    "rand::rng",
];

/// A name that only one file of a crate may utter: the seam stays where the design put it.
const NAMED_ONCE: &[(&str, &str, &str)] = &[
    ("chunker", "reed_solomon_erasure", "erasure.rs"),
    ("storage-node", "redb::", "index.rs"),
    ("steward", "redb::", "store.rs"),
    ("ledger-service", "tokio_postgres::", "postgres.rs"),
    ("gateway", "tokio_postgres::", "postgres.rs"),
    ("client", "Exchange", "wire.rs"),
    ("packager", "hls_m3u8::", "hls.rs"),
    ("ledger", "sha3::", "payout.rs"),
    ("ledger", "iroh_base::", "note.rs"),
];

const BANNED_NAMES: &[&str] = &["util", "utils", "common", "core", "misc", "manager", "helper", "helpers"];
const FILE_LINES_MAX: usize = 500;
const LIB_LINES_MAX: usize = 150;

#[test]
fn crates_depend_only_along_the_design() {
    let metadata = metadata();
    let allowed: BTreeMap<_, BTreeSet<_>> =
        ALLOWED.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let edges = allowed.get(name).unwrap_or_else(|| panic!("the design does not name a crate {name}"));
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let target = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development && target == FOR_TESTS;
            assert!(for_tests || edges.contains(target), "{name} may not depend on {target}");
        }
    }
}

#[test]
fn storage_node_cannot_decrypt() {
    let tree = dependency_tree(&metadata(), "storage-node");
    assert!(!tree.contains("chunker"), "chunker (keys, cells, manifests) is in the storage node's tree");
    assert!(!tree.contains("reed-solomon-erasure"));
}

#[test]
fn pure_crates_stay_pure() {
    let metadata = metadata();
    for name in PURE {
        let tree = dependency_tree(&metadata, name);
        for package in IMPURE_PACKAGES {
            assert!(!tree.contains(*package), "{name} reaches {package}");
        }
        for (path, text) in sources(name) {
            let code = production(&text);
            for word in IMPURE_WORDS {
                assert!(!code.contains(word), "{} says {word}", path.display());
            }
        }
    }
}

#[test]
fn seams_are_named_in_one_file() {
    for (package, word, file) in NAMED_ONCE {
        let naming: BTreeSet<_> = sources(package)
            .into_iter()
            .filter(|(_, text)| production(text).contains(word))
            .map(|(path, _)| {
                path.file_name().expect("a source file has a name").to_string_lossy().into_owned()
            })
            .collect();
        assert_eq!(naming, BTreeSet::from([(*file).to_owned()]), "who names {word} in {package}");
    }
}

#[test]
fn members_take_every_version_from_the_workspace() {
    for (name, _) in ALLOWED {
        let manifest = root().join(folder(name)).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let versioned = text.lines().skip_while(|l| !l.starts_with("[dependencies]")).find(|l| {
            l.contains("version")
                || l.split_once('=').is_some_and(|(_, v)| v.trim().starts_with('"') && v.contains('.'))
        });
        // [[bin]] and [[bench]] paths are the only other strings with a dot.
        let versioned = versioned.filter(|l| !l.trim_start().starts_with("path"));
        assert_eq!(versioned, None, "{}", manifest.display());
    }
}

#[test]
fn files_are_short_named_well_and_introduced() {
    for (path, text) in ALLOWED.iter().flat_map(|(name, _)| sources(name)) {
        let shown = path.display();
        let stem = path.file_stem().expect("a source file has a name").to_string_lossy().into_owned();
        assert!(!BANNED_NAMES.contains(&stem.as_str()), "{shown}: a name that says nothing");
        assert!(text.starts_with("//!"), "{shown}: opens without saying what it is");
        let lines = production(&text).lines().count();
        let limit = if stem == "lib" { LIB_LINES_MAX } else { FILE_LINES_MAX };
        assert!(lines <= limit, "{shown}: {lines} lines, at most {limit}");
    }
}

#[test]
fn error_messages_read_alike() {
    for (path, text) in ALLOWED.iter().flat_map(|(name, _)| sources(name)) {
        for line in text.lines().filter_map(|l| l.trim().strip_prefix("#[error(\"")) {
            let message = line.split("\")").next().unwrap_or(line);
            let first = message.chars().next().unwrap_or('?');
            let acronym = message.chars().take(2).all(char::is_uppercase);
            assert!(!first.is_uppercase() || acronym, "{}: «{message}» starts upper case", path.display());
            assert!(!message.ends_with('.'), "{}: «{message}» ends with a full stop", path.display());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

fn folder(package: &str) -> &str {
    match package {
        "e2e" => "tests",
        "ledger-service" => "ledger/service",
        FOR_TESTS => "tests/fuzzing",
        _ => package,
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--offline".into()])
        .exec()
        .unwrap()
}

/// Names of all packages that `package` reaches through normal dependencies.
fn dependency_tree(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let start =
        metadata.workspace_packages().into_iter().find(|p| p.name == package).expect("a member").id.clone();
    let mut open = vec![start];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let node = resolve.nodes.iter().find(|n| n.id == id).expect("every package is resolved");
        let normal =
            |d: &&cargo_metadata::NodeDep| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
        open.extend(node.deps.iter().filter(normal).map(|d| d.pkg.clone()));
    }
    seen.iter().map(|id| metadata[id].name.to_string()).collect()
}

fn sources(package: &str) -> Vec<(PathBuf, String)> {
    files(&root().join(folder(package)).join("src"))
        .filter(|p| p.extension().is_some_and(|e| e == "rs") && !is_test(p))
        .map(|p| (p.clone(), fs::read_to_string(&p).unwrap()))
        .collect()
}

fn files(folder: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    Box::new(entries.flat_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path) } else { Box::new(iter::once(path)) }
    }))
}

/// Unit tests too long to stand below the code lie in a file of their own.
fn is_test(path: &Path) -> bool {
    path.with_extension("").components().any(|part| part.as_os_str().to_string_lossy().ends_with("_tests"))
        || path.file_stem().is_some_and(|stem| stem == "tests")
}

/// The text before the unit tests.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}
