//! TLS to a server: whether an address asks for it, and by whose certificate the server has to show who it is.

use percent_encoding::percent_decode_str;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::DatabaseError;

/// What an address says of TLS.
pub(super) enum Wanted {
    /// Nothing.
    Nothing,
    /// That there is none.
    Disabled,
    /// That the server is verified so.
    Verified(MakeRustlsConnect),
}

impl Wanted {
    pub(super) fn into_tls(self) -> Option<MakeRustlsConnect> {
        if let Self::Verified(tls) = self { Some(tls) } else { None }
    }
}

/// An address without its words about TLS, which the parser of addresses does not know, and the TLS that they ask for.
///
/// Where there is TLS, the server is verified, by `require` as by `verify-full`: a connection that anybody may answer keeps
/// nothing secret.
pub(super) fn split(url: &str) -> Result<(String, Wanted), DatabaseError> {
    let Some((address, parameters)) = url.split_once('?') else {
        return Ok((url.to_owned(), Wanted::Nothing));
    };
    let (mut mode, mut root, mut others) = (None, None, Vec::new());
    for parameter in parameters.split('&') {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => root = Some(value),
            _ => others.push(parameter),
        }
    }
    let address = if others.is_empty() { address.to_owned() } else { [address, &others.join("&")].join("?") };
    Ok((address, wanted(mode, root)?))
}

fn wanted(mode: Option<&str>, root: Option<&str>) -> Result<Wanted, DatabaseError> {
    match (mode, root) {
        (None, None) => Ok(Wanted::Nothing),
        (Some("disable"), None) => Ok(Wanted::Disabled),
        (None | Some("disable"), Some(_)) => Err(refused("sslrootcert is for sslmode=verify-full")),
        (Some("require" | "verify-full"), Some(path)) => verified_by(path).map(Wanted::Verified),
        (Some("require" | "verify-full"), None) => {
            Err(refused("TLS needs sslrootcert=FILE: whoever signed the server's certificate, as PEM"))
        }
        (Some(_), _) => {
            Err(refused("sslmode is disable, require or verify-full; the last two verify the server"))
        }
    }
}

/// TLS to whoever has a certificate for the name or the IP address that is dialled, signed by one in this file.
fn verified_by(path: &str) -> Result<MakeRustlsConnect, DatabaseError> {
    let path = percent_decode_str(path).decode_utf8().map_err(|_| refused("sslrootcert is not UTF-8"))?;
    let unusable = |error: &dyn std::fmt::Display| refused(&format!("sslrootcert {path}: {error}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&*path).map_err(|error| unusable(&error))? {
        roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"there is no certificate in it"));
    }
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider has what the default versions of TLS need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn refused(why: &str) -> DatabaseError {
    DatabaseError::Setting(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_says_of_tls_is_taken_out_of_it() {
        let (address, tls) = split("postgres://a@b/c?sslmode=disable&application_name=d").unwrap();
        assert!(matches!(tls, Wanted::Disabled));
        assert_eq!(address, "postgres://a@b/c?application_name=d");
        let (address, tls) = split("postgres://a@b/c").unwrap();
        assert!(matches!(tls, Wanted::Nothing) && address == "postgres://a@b/c");
        assert_eq!(split("postgres://a@b/c?sslmode=disable").unwrap().0, "postgres://a@b/c");
    }

    #[test]
    fn tls_that_verifies_nobody_is_refused() {
        for (parameters, why) in [
            ("sslmode=prefer", "sslmode is"),
            ("sslmode=verify-ca&sslrootcert=a", "sslmode is"),
            ("sslmode=require", "needs sslrootcert"),
            ("sslmode=verify-full", "needs sslrootcert"),
            ("sslrootcert=a", "is for sslmode"),
            ("sslmode=disable&sslrootcert=a", "is for sslmode"),
            ("sslmode=verify-full&sslrootcert=/nowhere%2Fat-all", "/nowhere/at-all"),
            ("sslmode=verify-full&sslrootcert=/dev/null", "no certificate"),
        ] {
            let error = split(&format!("postgres://a@b/c?{parameters}")).err().unwrap().to_string();
            assert!(error.contains(why), "{parameters}: {error}");
        }
    }
}
