//! Where the password of a database comes from: the environment or a file, as `PostgreSQL`'s own programs have it, and never
//! an address, which every user of the machine can read in the list of processes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The rights of everybody but the owner of a file.
const OTHERS: u32 = 0o077;

/// The password for this server and this database, where there is one.
pub(super) fn of(host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    env::var("PGPASSWORD").ok().or_else(|| in_file([host, &port.to_string(), database, user]))
}

fn in_file(wanted: [&str; 4]) -> Option<String> {
    let named = env::var_os("PGPASSFILE").map(PathBuf::from);
    let path = named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass")))?;
    if is_private(&path) { find(&fs::read_to_string(path).ok()?, wanted) } else { None }
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
    fn the_first_line_that_fits_has_the_password() {
        let text = "# host:port:database:user:none\nhost:5432:books:other:one\nshort:line\n\
                    host:*:books:ledger:t\\:w\\\\o\n*:*:*:*:three\n";
        assert_eq!(find(text, ["host", "5432", "books", "ledger"]).as_deref(), Some("t:w\\o"));
        assert_eq!(find(text, ["host", "5432", "books", "other"]).as_deref(), Some("one"));
        assert_eq!(find(text, ["elsewhere", "1", "books", "ledger"]).as_deref(), Some("three"));
        assert_eq!(find("host:*:books:ledger:two", ["other", "1", "books", "ledger"]), None);
    }
}
