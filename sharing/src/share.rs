//! Sealed shares (spec §27): what their links say, what follows from it, and what the gateway keeps without being able to read it.

mod contents;
mod folder;
mod keys;
mod link;
mod passcode;
mod terms;
mod wrapped;

pub use contents::{SHARE_FILES_MAX, ShareContents, ShareContentsError, ShareLabel, SharedFile};
pub use folder::{
    FOLDER_TYPE, FolderFile, SHARE_FOLDER_FILES_MAX, SHARE_FOLDER_LIST_LEN_MAX, SharedFolder,
    SharedFolderError,
};
pub use keys::{AccessToken, Knock, ShareKeys, ShareSecret};
pub use link::{ShareLink, ShareLinkError};
pub use passcode::{Passcode, PasscodeError, SHARE_PASSCODE_LEN_MAX};
pub use terms::{Attempts, AttemptsError, SHARE_ATTEMPTS_MAX, SHARE_SESSION_S, ShareTags, ShareTagsError};
pub use wrapped::{UnwrapError, WRAPPED_LEN, Wrapped};
