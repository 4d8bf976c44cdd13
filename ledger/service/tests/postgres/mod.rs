//! A `PostgreSQL` server of its own: a folder, a free port, and no right to anything else.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) struct Server {
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Makes a cluster and starts it. `PostgreSQL` does not run as root: there, the user `postgres` of the package runs it.
    pub(crate) fn start() -> Self {
        let server = Self::new();
        server.run("");
        server
    }

    /// One that speaks TLS alone, with a certificate for 127.0.0.1 by an authority whose own is in the file.
    #[allow(dead_code, reason = "not every binary of tests asks for TLS")]
    pub(crate) fn start_with_tls() -> (Self, PathBuf) {
        let server = Self::new();
        let in_folder = |name: &str| server.folder.path().join(name);
        let authority = self_signed(server.folder.path(), "authority");
        let (key, certificate) = (in_folder("server.key"), in_folder("server.pem"));
        run(certificate_request(&key, &certificate, "server")
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-CA")
            .arg(&authority)
            .arg("-CAkey")
            .arg(authority.with_extension("key")));
        std::fs::write(server.data().join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        server.owned_by_postgres();
        server.run(&format!(
            "-c ssl=on -c ssl_key_file={} -c ssl_cert_file={}",
            key.display(),
            certificate.display()
        ));
        (server, authority)
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port };
        server.owned_by_postgres();
        run(as_nobody_special(&program("initdb"))
            .args(["-A", "trust", "-U", "ledger", "-D"])
            .arg(server.data()));
        server
    }

    fn owned_by_postgres(&self) {
        if is_root() {
            run(Command::new("chown").arg("-R").arg("postgres").arg(self.folder.path()));
        }
    }

    fn run(&self, settings: &str) {
        let (data, port) = (self.data(), self.port);
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories='' -c max_connections=20 {settings}"
        );
        let log = self.folder.path().join("log");
        run(as_nobody_special(&program("pg_ctl"))
            .args(["start", "-w", "-o", &options, "-D"])
            .arg(&data)
            .arg("-l")
            .arg(log));
    }

    /// A database of this name, made here.
    pub(crate) fn url(&self, name: &str) -> String {
        let port = self.port.to_string();
        run(Command::new(program("createdb")).args(["-h", "127.0.0.1", "-p", &port, "-U", "ledger", name]));
        format!("postgres://ledger@127.0.0.1:{port}/{name}")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        run(as_nobody_special(&program("pg_ctl")).args(["stop", "-m", "immediate", "-D"]).arg(self.data()));
    }
}

/// The certificate of an authority that trusts itself alone, `name.pem`, beside its key.
#[allow(dead_code, reason = "not every binary of tests asks for TLS")]
pub(crate) fn self_signed(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name).with_extension("pem");
    run(&mut certificate_request(&path.with_extension("key"), &path, name));
    path
}

fn certificate_request(key: &Path, certificate: &Path, name: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-nodes", "-days", "2", "-subj", &format!("/CN={name}")]);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout"]).arg(key);
    command.arg("-out").arg(certificate);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

fn as_nobody_special(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command.current_dir("/");
    command
}

/// A program of the newest `PostgreSQL` here; Debian keeps them out of the PATH.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).collect();
    folders.sort();
    let found = folders.into_iter().rev().map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; is PostgreSQL installed?"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
