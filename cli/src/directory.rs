//! What the account calls people and institutions: by the labels and groups that it keeps.

use std::collections::BTreeMap;

use client::Client;
use protocol::PublicKey;
use sharing::Identity;

use crate::grants;
use crate::groups::Group;
use crate::names::Names;

/// Characters of an identity that are shown to people: 96 bits of its key.
const SHOWN_CHARS: usize = "headwater-id:".len() + 16;
/// Bytes of a list of people in a line of the audit trail, which has room for a few more.
const LIST_LEN_MAX: usize = 340;

/// Everybody in the groups of the account, by the key that signs for them.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Default)]
struct Known {
    label: String,
    groups: Vec<String>,
}

impl Directory {
    /// Those whom the groups of the account name; says which group cannot be read.
    pub(crate) async fn read(client: &Client, names: &Names) -> Self {
        let mut directory = Self::default();
        for name in Group::names(names) {
            match Group::find(client, names, &name).await {
                Ok(group) => directory.add(&name, &group.unwrap_or_default()),
                Err(error) => names.note(format_args!("@{name} cannot be read: {error:#}")),
            }
        }
        directory
    }

    fn add(&mut self, name: &str, group: &Group) {
        for (text, label) in &group.members {
            let Ok(identity) = text.parse::<Identity>() else { continue };
            let known = self.known.entry(identity.signs().to_string()).or_default();
            if known.label.is_empty() {
                known.label.clone_from(label);
            }
            known.groups.push(format!("@{name}"));
        }
    }

    /// Somebody by label, identity and groups, such as `Dr. Ng (headwater-id:Hl58M3cAbcdEfghI…, @ward-3)`.
    pub(crate) fn called(&self, signs: PublicKey) -> String {
        let identity = shown(signs);
        let Some(Known { label, groups }) = self.known.get(&signs.to_string()) else { return identity };
        let about = std::iter::once(identity.as_str()).chain(groups.iter().map(String::as_str));
        let about = about.collect::<Vec<_>>().join(", ");
        if label.is_empty() { about } else { format!("{label} ({about})") }
    }

    /// Those of a grant, as many as a line has room for, and how many more there are.
    pub(crate) fn list(&self, to: &[String]) -> String {
        let people = to.iter().filter_map(|text| grants::parse(text).ok());
        let people: Vec<_> = people.map(|identity| self.called(identity.signs())).collect();
        let (mut list, mut left) = (String::new(), people.len());
        for one in &people {
            if !list.is_empty() && list.len() + one.len() > LIST_LEN_MAX {
                return format!("{list} and {left} more");
            }
            if !list.is_empty() {
                list.push_str("; ");
            }
            list.push_str(one);
            left -= 1;
        }
        list
    }
}

/// An identity as people see it: the beginning of its text.
pub(crate) fn shown(signs: PublicKey) -> String {
    format!("{}…", &Identity::beginning(signs)[..SHOWN_CHARS])
}

#[cfg(test)]
mod tests {
    use chunker::AccountSecret;
    use sharing::OwnIdentity;

    use super::*;

    fn identity(number: u8) -> OwnIdentity {
        OwnIdentity::of(&AccountSecret::from_bytes([number; 32]))
    }

    #[test]
    fn somebody_is_called_by_label_identity_and_groups_in_either_form() {
        let (ng, other) = (identity(1), identity(2));
        let mut directory = Directory::default();
        for (name, who, label) in [("ward-3", ng.hybrid(), "Dr. Ng"), ("on-duty", ng.public(), "")] {
            let mut group = Group::default();
            group.add(who, label);
            directory.add(name, &group);
        }
        let short = shown(ng.public().signs());
        assert!(ng.public().to_string().starts_with(short.trim_end_matches('…')), "{short}");
        assert!(ng.hybrid().to_string().starts_with(&Identity::beginning(ng.public().signs())));
        assert_eq!(directory.called(ng.public().signs()), format!("Dr. Ng ({short}, @ward-3, @on-duty)"));
        let list = directory.list(&[ng.public().to_string(), other.public().to_string()]);
        assert!(
            list.starts_with("Dr. Ng (") && list.ends_with(&format!("; {}", shown(other.public().signs())))
        );
    }

    #[test]
    fn a_long_list_says_how_many_more_there_are() {
        let all: Vec<_> = (1..=40).map(|number| identity(number).public().to_string()).collect();
        let list = Directory::default().list(&all);
        let named = list.matches("headwater-id:").count();
        assert!(list.len() < 400 && list.ends_with(&format!(" and {} more", 40 - named)), "{list}");
    }
}
