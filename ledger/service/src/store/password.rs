//! Where the password of a database comes from: the environment or a file, as `PostgreSQL`'s own programs have it, and never
//! an address, which every user of the machine can read in the list of processes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::StoreError;

/// Where a server listens when nothing else is said.
const PORT: u16 = 5432;
/// The rights of everybody but the owner of a file.
const OTHERS: u32 = 0o077;

/// The settings of a connection, with the password where there is one.
pub(super) fn config(url: &str) -> Result<Config, StoreError> {
    let refused = |why: String| StoreError::Setting(why);
    // The message of the parser may show what it could not read.
    let mut config: Config =
        url.parse().map_err(|_| refused("the address is not postgres://user@host:port/name".into()))?;
    if config.get_password().is_some() {
        return Err(refused(
            "the address has a password in it, which others can see: put it into PGPASSWORD or ~/.pgpass"
                .into(),
        ));
    }
    if let Some(password) = env::var("PGPASSWORD").ok().or_else(|| in_file(&config)) {
        config.password(password);
    }
    Ok(config)
}

fn in_file(config: &Config) -> Option<String> {
    let named = env::var_os("PGPASSFILE").map(PathBuf::from);
    let path = named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass")))?;
    if !is_private(&path) {
        return None;
    }
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(PORT).to_string();
    let user = config.get_user().unwrap_or_default();
    let name = config.get_dbname().unwrap_or(user);
    find(&fs::read_to_string(path).ok()?, [&host, &port, name, user])
}

/// A file that others can read too is not used.
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(found) = fs::metadata(path) else { return false };
    let is_private = found.permissions().mode() & OTHERS == 0;
    if !is_private {
        tracing::warn!(path = %path.display(), "others can read it: no password is taken from it");
    }
    is_private
}

/// The password of the first line `host:port:database:user:password` that fits; `*` fits everything.
fn find(text: &str, wanted: [&str; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let [fields @ .., password] = split(line)?;
        let fits = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        fits.then_some(password)
    })
}

/// Five fields between colons; a backslash takes what follows as it is.
fn split(line: &str) -> Option<[String; 5]> {
    let (mut fields, mut characters) = (vec![String::new()], line.chars());
    while let Some(character) = characters.next() {
        match character {
            ':' => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(characters.next()),
            other => fields.last_mut()?.push(other),
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        for url in
            ["postgres://ledger:hush@127.0.0.1/ledger", "host=127.0.0.1 password=hush", "postgres://:hush@["]
        {
            let error = config(url).unwrap_err().to_string();
            assert!(error.contains("the address") && !error.contains("hush"), "{error}");
        }
        assert_eq!(config("postgres://ledger@127.0.0.1/books").unwrap().get_user(), Some("ledger"));
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# host:port:database:user:none\nhost:5432:books:other:one\nshort:line\n\
                    host:*:books:ledger:t\\:w\\\\o\n*:*:*:*:three\n";
        assert_eq!(find(text, ["host", "5432", "books", "ledger"]).as_deref(), Some("t:w\\o"));
        assert_eq!(find(text, ["host", "5432", "books", "other"]).as_deref(), Some("one"));
        assert_eq!(find(text, ["elsewhere", "1", "books", "ledger"]).as_deref(), Some("three"));
        assert_eq!(find("host:*:books:ledger:two", ["other", "1", "books", "ledger"]), None);
    }
}
