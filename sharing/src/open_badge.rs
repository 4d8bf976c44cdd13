//! Open Badges 3.0, as far as people are told what they say: who gave what to whom, and when.
//!
//! Nothing is verified here: neither the issuer's proof nor whether the badge was revoked.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

/// Longest badge that is read, in bytes.
pub const OPEN_BADGE_LEN_MAX: usize = 1 << 20;
/// Characters of a text that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// What an Open Badge says. Every text is the issuer's own word, cut to 200 characters and without control characters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenBadge {
    /// What was achieved.
    pub achievement: Option<String>,
    /// By whom, as the badge calls them.
    pub subject: Option<String>,
    /// Who says so.
    pub issuer: Option<String>,
    /// From when on it holds.
    pub valid_from: Option<String>,
    /// Until when.
    pub valid_until: Option<String>,
    /// By which kind of proof the issuer vouches for it, which is not checked.
    pub proof: Option<String>,
    /// Whether it names a list of those that were revoked, which is not looked up.
    pub has_status: bool,
}

impl OpenBadge {
    /// What the file says, when it is an `OpenBadgeCredential` or `AchievementCredential` in JSON, or in a JWT.
    pub fn of(file: &[u8]) -> Option<Self> {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        if file.len() > OPEN_BADGE_LEN_MAX {
            return None;
        }
        let badge = badge(file);
        let token = || {
            let (token, algorithm) = token(file)?;
            let proof = Some(format!("a JWT signed with {algorithm}"));
            Some(Self { proof, ..Self::read(&badge_in(token)?) })
        };
        badge.map(|badge| Self::read(&badge)).or_else(token)
    }

    fn read(badge: &Map<String, Value>) -> Self {
        let subject = each(badge.get("credentialSubject")).next();
        let achievement = subject.and_then(|subject| each(subject.get("achievement")).next());
        let text = |key: &str, older: &str| badge.get(key).or_else(|| badge.get(older)).and_then(shown);
        Self {
            achievement: achievement.and_then(called),
            subject: subject.and_then(|subject| called(subject).or_else(|| identified(subject))),
            issuer: badge.get("issuer").and_then(|issuer| shown(issuer).or_else(|| called(issuer))),
            valid_from: text("validFrom", "issuanceDate"),
            valid_until: text("validUntil", "expirationDate"),
            proof: each(badge.get("proof")).next().and_then(proof),
            has_status: badge.contains_key("credentialStatus"),
        }
    }
}

fn badge(json: &[u8]) -> Option<Map<String, Value>> {
    let Value::Object(badge) = serde_json::from_slice(json).ok()? else { return None };
    is_badge(&badge).then_some(badge)
}

fn is_badge(claims: &Map<String, Value>) -> bool {
    const NAMES: [&str; 2] = ["OpenBadgeCredential", "AchievementCredential"];
    each(claims.get("type")).any(|kind| kind.as_str().is_some_and(|kind| NAMES.contains(&kind)))
}

/// The claims of a token that nobody has verified, and the algorithm that it names.
fn token(file: &[u8]) -> Option<(Map<String, Value>, String)> {
    let mut parts =
        std::str::from_utf8(file).ok()?.trim().split('.').map(|part| BASE64URL_NOPAD.decode(part.as_bytes()));
    let [header, claims, _] = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    let header: Value = serde_json::from_slice(&header).ok()?;
    let Value::Object(claims) = serde_json::from_slice(&claims).ok()? else { return None };
    let algorithm = header.get("alg").and_then(shown)?;
    parts.next().is_none().then_some((claims, algorithm))
}

/// The badge that the claims are, or that they carry as `vc`.
fn badge_in(mut claims: Map<String, Value>) -> Option<Map<String, Value>> {
    if is_badge(&claims) {
        return Some(claims);
    }
    let Value::Object(badge) = claims.remove("vc")? else { return None };
    is_badge(&badge).then_some(badge)
}

/// One value, or all of a list.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let all = match value {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    all.iter()
}

/// The name of something, in whichever language stands first, or else its id.
fn called(thing: &Value) -> Option<String> {
    let name = thing.get("name");
    let in_a_language = || name.and_then(Value::as_object).and_then(|names| names.values().find_map(shown));
    name.and_then(shown).or_else(in_a_language).or_else(|| thing.get("id").and_then(shown))
}

/// What identifies somebody who has no name: perhaps a hash.
fn identified(subject: &Value) -> Option<String> {
    let one = each(subject.get("identifier")).next()?;
    one.get("identityHash").and_then(shown)
}

fn proof(proof: &Value) -> Option<String> {
    let kind = proof.get("type").and_then(shown)?;
    let suite = proof.get("cryptosuite").and_then(shown);
    Some(suite.map_or_else(|| kind.clone(), |suite| format!("{kind} ({suite})")))
}

fn shown(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let text: String = text.chars().filter(|one| !one.is_control()).take(SHOWN_CHARS_MAX).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BADGE: &str = r#"{
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "did:key:z6Mk", "type": ["Profile"], "name": "School of the River"},
        "validFrom": "2026-06-01T00:00:00Z",
        "credentialSubject": {"id": "mailto:ada@example.org", "achievement": {"name": "Swims 50 m", "id": "urn:uuid:1"}},
        "credentialStatus": {"id": "https://example.org/status"},
        "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022"}
    }"#;

    #[test]
    fn a_badge_is_told_in_words() {
        let badge = OpenBadge::of(BADGE.as_bytes()).unwrap();
        assert_eq!(badge.achievement.as_deref(), Some("Swims 50 m"));
        assert_eq!(badge.subject.as_deref(), Some("mailto:ada@example.org"));
        assert_eq!(badge.issuer.as_deref(), Some("School of the River"));
        assert_eq!(badge.valid_from.as_deref(), Some("2026-06-01T00:00:00Z"));
        assert_eq!(badge.proof.as_deref(), Some("DataIntegrityProof (eddsa-rdfc-2022)"));
        assert!(badge.has_status && badge.valid_until.is_none());
    }

    #[test]
    fn a_badge_in_a_token_is_told_the_same_way() {
        let badge: Value = serde_json::from_str(BADGE).unwrap();
        let plain = OpenBadge::of(BADGE.as_bytes()).unwrap();
        for claims in [badge.clone(), serde_json::json!({ "vc": badge })] {
            let [header, claims] = [r#"{"alg":"ES256"}"#.to_owned(), claims.to_string()]
                .map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
            let token = OpenBadge::of(format!("{header}.{claims}.AAAA\n").as_bytes()).unwrap();
            assert_eq!(token.proof.as_deref(), Some("a JWT signed with ES256"));
            assert_eq!(OpenBadge { proof: plain.proof.clone(), ..token }, plain);
            assert_eq!(OpenBadge::of(format!("{header}.{claims}").as_bytes()), None);
            assert_eq!(OpenBadge::of(format!("{header}.{claims}.AAAA.AAAA").as_bytes()), None);
        }
    }

    #[test]
    fn other_files_are_none_and_hostile_texts_are_short_and_plain() {
        for other in
            ["", "null", "[]", "{}", r#"{"type": "VerifiableCredential"}"#, r#"{"type": 3}"#, "\u{1f}"]
        {
            assert_eq!(OpenBadge::of(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(OpenBadge::of(&vec![b' '; OPEN_BADGE_LEN_MAX + 1]), None);
        let deep = format!(r#"{{"type": "OpenBadgeCredential", "x": {}"#, "[".repeat(100_000));
        assert_eq!(OpenBadge::of(deep.as_bytes()), None);
        let long =
            format!(r#"{{"type": "OpenBadgeCredential", "issuer": "\u001b[2J\n{}"}}"#, "x".repeat(1000));
        let issuer = OpenBadge::of(long.as_bytes()).unwrap().issuer.unwrap();
        assert!(issuer.chars().count() == 200 && issuer.starts_with("[2Jx"));
    }

    /// Damaged badges are told or refused, and never more than this.
    #[test]
    fn whatever_is_in_it() {
        fuzzing::fuzz(|random| {
            let bytes = random.damaged(&[BADGE.as_bytes().to_vec()]);
            let Some(badge) = OpenBadge::of(&bytes) else { return };
            let texts = [badge.achievement, badge.subject, badge.issuer, badge.valid_from, badge.valid_until];
            for text in texts.into_iter().flatten() {
                assert!(
                    !text.is_empty()
                        && text.chars().count() <= SHOWN_CHARS_MAX
                        && !text.contains(char::is_control)
                );
            }
        });
    }
}
