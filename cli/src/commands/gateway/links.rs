//! Where a gateway keeps links to what is shared.

use std::path::Path;

use anyhow::Context;
use gateway::{LinkStoreError, Links};

use crate::folders;
use crate::output::Output;

/// What an address of a database begins with.
const DATABASE: [&str; 2] = ["postgres://", "postgresql://"];

/// The links that are kept where the operator says, or in the usual file. Of several gateways on one machine that were told
/// nothing, one has that file; the others say that they keep none.
pub(super) async fn open(named: Option<&str>, output: Output) -> anyhow::Result<Option<Links>> {
    let Some(named) = named else {
        let folder = folders::data()?.join("gateway");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join("links.redb");
        return match Links::in_file(&path) {
            Err(LinkStoreError::InUse) => {
                output.note(format_args!(
                    "another gateway keeps its links in {}: this one keeps none; name a file of its own with --links",
                    path.display()
                ));
                Ok(None)
            }
            links => links.map(Some).with_context(|| format!("cannot keep links in {}", path.display())),
        };
    };
    let links = if DATABASE.iter().any(|scheme| named.starts_with(scheme)) {
        // The address is not repeated: there may be a password in it.
        Links::in_database(named).await.context("cannot keep links in the database")
    } else {
        Links::in_file(Path::new(named)).with_context(|| format!("cannot keep links in {named}"))
    };
    links.map(Some)
}
