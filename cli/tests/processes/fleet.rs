//! The storage nodes: real processes, each with a folder and a port of its own.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::chance::Chance;
use crate::process::{Process, json};

/// Nodes that run, and nodes that are away.
pub(crate) struct Fleet {
    home: PathBuf,
    network: String,
    pub(crate) nodes: Vec<Node>,
    begun: usize,
}

pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) name: String,
    dir: PathBuf,
    listen: String,
    process: Option<Process>,
}

impl Fleet {
    /// Starts so many nodes, of which each but the first has only a ticket.
    pub(crate) fn start(home: &Path, nodes: usize, network: &str) -> Self {
        let mut fleet =
            Self { home: home.to_owned(), network: network.to_owned(), nodes: Vec::new(), begun: 0 };
        for _ in 0..nodes {
            fleet.add();
        }
        fleet
    }

    /// Starts a new node with a new identity; gives its place in the list.
    pub(crate) fn add(&mut self) -> usize {
        let name = format!("node-{}", self.begun);
        self.begun += 1;
        let dir = self.home.join(&name);
        let (id, listen) = (String::new(), format!("127.0.0.1:{}", port_of_its_own()));
        self.nodes.push(Node { id, name, dir, listen, process: None });
        let place = self.nodes.len() - 1;
        self.start_node(place);
        self.write_ticket();
        place
    }

    /// Starts a node over its folder, at its port.
    pub(crate) fn start_node(&mut self, place: usize) {
        let ticket = self.home.join("net.ticket");
        let node = &mut self.nodes[place];
        let dir = node.dir.to_str().unwrap();
        let mut arguments = vec!["node", "--open", "--same-site", "--dir", dir, "--listen", &node.listen];
        let join = format!("@{}", ticket.display());
        if ticket.exists() {
            arguments.extend(["--join", &join]);
        } else {
            arguments.extend(["--network-id", &self.network]);
        }
        let log = self.home.join(format!("{}.log", node.name));
        let (process, ready) = Process::start(&self.home, &log, &arguments);
        node.process = Some(process);
        ready["id"].as_str().unwrap().clone_into(&mut node.id);
        ready["addr"].as_str().unwrap().clone_into(&mut node.listen);
    }

    pub(crate) fn kill(&mut self, place: usize) {
        self.nodes[place].process.take().unwrap().kill();
    }

    /// Kills a node and deletes its folder. It will never be seen again.
    pub(crate) fn destroy(&mut self, place: usize) -> Node {
        self.kill(place);
        let node = self.nodes.remove(place);
        fs::remove_dir_all(&node.dir).unwrap();
        self.write_ticket();
        node
    }

    /// Kills a node, deletes all that it keeps but its key, and starts it.
    pub(crate) fn empty(&mut self, place: usize) {
        self.kill(place);
        let dir = &self.nodes[place].dir;
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap() {
                _ if entry.file_name() == "node.key" => {}
                kind if kind.is_dir() => fs::remove_dir_all(entry.path()).unwrap(),
                _ => fs::remove_file(entry.path()).unwrap(),
            }
        }
        self.start_node(place);
    }

    /// Changes a byte in one of `every` KiB of all that a node keeps, while it runs. Gives how many.
    pub(crate) fn spoil(&self, place: usize, every: u64, chance: &mut Chance) -> usize {
        let dir = &self.nodes[place].dir;
        let folders = (0..16).map(|digit| dir.join(format!("shards/{digit:x}"))).chain([dir.join("packs")]);
        let files: Vec<_> =
            folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(Result::unwrap).collect();
        files.iter().map(|file| spoil_file(&file.path(), every, chance)).sum()
    }

    pub(crate) fn runs(&self, place: usize) -> bool {
        self.nodes[place].process.is_some()
    }

    pub(crate) fn place_of(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }

    /// A node that ended without having been killed.
    pub(crate) fn fallen(&mut self) -> Option<String> {
        let mut running = self.nodes.iter_mut().filter_map(|node| Some((&node.name, node.process.as_mut()?)));
        running.find_map(|(name, process)| process.has_ended().then(|| name.clone()))
    }

    /// A ticket of a node that runs, for whoever comes.
    pub(crate) fn write_ticket(&self) {
        let node = self.nodes.iter().find(|node| node.process.is_some()).unwrap();
        let (answer, _) = json(&self.home, &["ticket", "--dir", node.dir.to_str().unwrap()]);
        let part = self.home.join("net.part");
        fs::write(&part, answer["ticket"].as_str().unwrap()).unwrap();
        fs::rename(part, self.home.join("net.ticket")).unwrap();
    }
}

fn spoil_file(path: &Path, every: u64, chance: &mut Chance) -> usize {
    use std::os::unix::fs::FileExt as _;
    // The node goes on: a file may just have been put aside.
    let Ok(file) = fs::File::options().read(true).write(true).open(path) else { return 0 };
    let len = file.metadata().unwrap().len();
    let mut spoilt = 0;
    for leaf in (0..len.div_ceil(1024)).filter(|_| chance.once_in(every)).collect::<Vec<_>>() {
        let at = (leaf * 1024 + chance.below(1024)).min(len - 1);
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[!byte[0]], at).unwrap();
        spoilt += 1;
    }
    spoilt
}

/// A free port that no socket is given which asks for any: while a node is away, nobody takes its place by accident.
fn port_of_its_own() -> u16 {
    const PORTS: std::ops::Range<u16> = 20_000..30_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start)).unwrap();
    let mut ports = PORTS
        .map(|_| (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start) + PORTS.start);
    let is_free = |port: &u16| UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).unwrap()
}
