//! Reading what was granted to this account.

use anyhow::Context;
use client::{Client, Object};
use sharing::{GrantedFile, IndexPath};

use super::Get;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::output::Output;
use crate::{account, grants};

impl Get {
    /// Reads the file of a grant; of several the one that `inside` begins with.
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
        if let [file] = files.as_slice() {
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

    async fn granted_file(
        &self,
        client: &Client,
        file: &GrantedFile,
        inside: Option<&IndexPath>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let object = client.open(&file.link()).await;
        let object = object.with_context(|| format!("cannot open {}, which was granted", file.name))?;
        self.opened(client, &object, inside, output).await
    }
}
