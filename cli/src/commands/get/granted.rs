//! Reading what was granted to this account.

use std::path::{Path, PathBuf};

use anyhow::Context;
use client::{Client, Object, OpenObjectError};
use sharing::{GrantedFile, IndexPath};

use super::Get;
use crate::arguments::Globals;
use crate::destination::safe_name;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::output::Output;
use crate::paying::PaySettings;
use crate::{account, grants};

impl Get {
    /// Reads a file of the newest version of a grant.
    pub(super) async fn grant(&self, text: &str, globals: &Globals) -> anyhow::Result<Outcome> {
        let (link, inside) = grants::link_and_path(text)?;
        let read = async |client: &Client| {
            let opened = grants::open_newest(client, &link, globals).await?;
            self.choose(client, opened.files(), inside.as_ref(), globals.output()).await
        };
        let get = async |client: &Client| self.pay.with(client, read).await;
        Network::load(globals.network.as_deref()).await?.with_client(None, get).await
    }

    /// Reads a file of this version of a grant, which its owner has named.
    pub(super) async fn granted(
        &self,
        client: &Client,
        grant: &Object,
        inside: Option<&IndexPath>,
        globals: &Globals,
    ) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let account = account::open(globals.account.as_deref(), output)?;
        let files = grants::open(client, grant, &account, output).await?.files;
        self.choose(client, &files, inside, output).await
    }

    /// Reads the only file; of several the one that `inside` begins with.
    async fn choose(
        &self,
        client: &Client,
        files: &[GrantedFile],
        inside: Option<&IndexPath>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        grants::refuse_emergency(files)?;
        if let [file] = files {
            return self.granted_file(client, file, inside, output).await;
        }
        let wanted = inside.map(IndexPath::as_str).unwrap_or_default();
        let (name, rest) = wanted.split_once('/').unwrap_or((wanted, ""));
        let file = files.iter().find(|file| file.name.as_str() == name).ok_or_else(|| {
            let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
            Usage::because(format!("say GRANT/FILE: this grant opens {}", names.join(", ")))
        })?;
        let rest = IndexPath::new(rest).ok();
        self.granted_file(client, file, rest.as_ref(), output).await
    }

    /// Reads all that a grant opens into a folder, each file under its name; `headwater open` does that.
    pub(crate) async fn everything(
        link: &str,
        folder: Option<&Path>,
        globals: &Globals,
    ) -> anyhow::Result<Outcome> {
        let (link, inside) = grants::link_and_path(link)?;
        if inside.is_some() {
            return Err(Usage::because(
                "`headwater open` takes the link alone; `headwater get` reads one file",
            ));
        }
        let receive = async |client: &Client| {
            let opened = grants::open_newest(client, &link, globals).await?;
            grants::refuse_emergency(opened.files())?;
            let is_stdout = folder == Some(Path::new("-"));
            if is_stdout && opened.files().len() > 1 {
                let count = opened.files().len();
                return Err(Usage::because(format!("the grant has {count} files; say -o DIR")));
            }
            for file in opened.files() {
                let name = safe_name(file.name.as_str());
                let path = if is_stdout { "-".into() } else { folder.unwrap_or(Path::new("")).join(name) };
                if !is_stdout && path.symlink_metadata().is_ok() {
                    let path = path.display();
                    return Err(Usage::because(format!(
                        "{path} is there already; name another folder with -o"
                    )));
                }
                if let Some(folder) = folder.filter(|_| !is_stdout) {
                    std::fs::create_dir_all(folder)
                        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
                }
                Self::writing_to(path).granted_file(client, file, None, globals.output()).await?;
            }
            Ok(Outcome::Complete)
        };
        Network::load(globals.network.as_deref()).await?.with_client(None, receive).await
    }

    /// A get of all of something into this file or folder.
    fn writing_to(path: PathBuf) -> Self {
        Self {
            what: String::new().into(),
            output: Some(path),
            range: None,
            age: Vec::new(),
            link: false,
            track: None,
            gateways: Vec::new(),
            pay: PaySettings::default(),
        }
    }

    async fn granted_file(
        &self,
        client: &Client,
        file: &GrantedFile,
        inside: Option<&IndexPath>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let object = client.open(&file.link()).await;
        let object = object.map_err(|error| cannot_open(file, error))?;
        self.opened(client, &object, inside, output).await
    }
}

/// Why what was granted does not open: that no node has it says what has happened, where no newer version of the grant does.
fn cannot_open(file: &GrantedFile, error: OpenObjectError) -> anyhow::Error {
    let is_gone = matches!(&error, OpenObjectError::Fetch(error) if error.is_definite());
    let why = if is_gone {
        format!(
            "{} is no more as it was granted: its owner has changed or removed it since, and has to grant it anew",
            file.name
        )
    } else {
        format!("cannot open {}, which was granted", file.name)
    };
    anyhow::Error::new(error).context(why)
}
