//! What of a gateway's answer about a link enters the trail, and what is refused (spec §29).

use protocol::{Digest, PublicKey, UnixSeconds};

use super::{Facts, Trail, TrailText, TrailWhat};
use crate::{LinkEvent, LinkEventKind, LinkId, Reader};

/// What stands between the name of a reader and the reason in an emergency (spec §31).
const REASON_FOLLOWS: &str = ": ";

/// Events that an answer has at most (spec §28).
pub const EVENTS_OF_ANSWER_MAX: usize = 200;
/// How far the clock of a gateway may be from the owner's, in seconds.
pub const GATEWAY_CLOCK_SLACK_S: u64 = 3600;
/// How long a gateway keeps a link that has expired, in seconds (spec §28).
pub const LINK_KEPT_S: u64 = 90 * 86_400;

/// A link whose gateway is asked what happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedLink {
    /// Which link.
    pub id: LinkId,
    /// What every entry about it says.
    pub facts: Facts,
    /// When it was made.
    pub made: UnixSeconds,
    /// When it ends by itself.
    pub expires: Option<UnixSeconds>,
    /// To whom it was granted, where it was.
    pub holders: Vec<AskedHolder>,
}

/// Somebody to whom the link of a share for emergencies was granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskedHolder {
    /// By what they show that.
    pub shows: PublicKey,
    /// The key that signs for them.
    pub signs: PublicKey,
    /// How the owner calls them.
    pub known_as: Option<TrailText>,
}

/// What of an answer enters the trail.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TakenEvents {
    /// The entries.
    pub entries: Vec<Facts>,
    /// Why the rest of the answer was not believed.
    pub refused: Option<String>,
}

/// What of an answer, in which events stand with their numbers, enters this trail. Numbers follow each other from the one on that is
/// due; an answer that leaves some out ends there, unless the owner wants to `skip` what is missing. What the owner has caused is
/// noted already, but for an end that was sent from another machine.
pub fn take_events(
    trail: &Trail,
    link: &AskedLink,
    events: &[(u64, LinkEvent)],
    now: UnixSeconds,
    skip: bool,
) -> TakenEvents {
    let mut taken = TakenEvents::default();
    if events.len() > EVENTS_OF_ANSWER_MAX {
        let why =
            format!("an answer with {} events, at most {EVENTS_OF_ANSWER_MAX} are allowed", events.len());
        taken.refuse(trail, link, now, why);
        return taken;
    }
    let before = trail.fetched(link.id);
    let mut last = before;
    for (number, event) in events.iter().filter(|(number, _)| *number > before) {
        let due = last.saturating_add(1);
        if *number < due || (*number > due && !skip) {
            taken.refuse(trail, link, now, format!("event {number} where event {due} was due"));
            return taken;
        }
        if *number > due {
            let about = TrailText::cut(&format!("events {due} to {}", number - 1));
            taken.entries.push(link.not_told(about, now, Some(number - 1)));
        }
        last = *number;
        let entry = link.entry(trail, *number, event, now);
        taken.entries.extend(entry.map(|entry| taken.named_once(trail, entry)));
    }
    let is_full = events.len() == EVENTS_OF_ANSWER_MAX;
    if is_full && taken.entries.is_empty() && last > before {
        // Nothing but the owner's own changes: one of them says where to go on.
        let at = events.last().map_or(now, |(_, event)| event.at);
        taken.entries.push(Facts { number: Some(last), ..link.happened(TrailWhat::LinkChanged, at) });
    }
    taken
}

impl AskedLink {
    /// Whether its gateway has to know it, so that "there is no such link" is no answer.
    pub fn is_kept(&self, now: UnixSeconds) -> bool {
        self.expires.is_none_or(|expires| !expires.plus(LINK_KEPT_S).has_passed(now))
    }

    /// An entry that says why a gateway's word is missing; none where the last entry about the link says the same.
    pub fn complaint(&self, trail: &Trail, now: UnixSeconds, why: &str) -> Option<Facts> {
        let about = TrailText::cut(why);
        let last = trail.of_link(self.id).next_back();
        let is_known = last.is_some_and(|last| last.what == TrailWhat::NotTold && last.about == about);
        (!is_known).then(|| self.not_told(about, now, None))
    }

    /// What an event is in the trail.
    fn entry(&self, trail: &Trail, number: u64, event: &LinkEvent, now: UnixSeconds) -> Option<Facts> {
        let what = match event.what {
            LinkEventKind::Ended if !trail.has(self.id, TrailWhat::LinkEnded) => TrailWhat::LinkEnded,
            other => TrailWhat::of(other)?,
        };
        let at = event.at;
        if !self.could_be(what, at, now) {
            let about = TrailText::cut(&format!(
                "event {number}, {} at {at}: the link was not there then",
                what.as_str()
            ));
            return Some(self.not_told(about, now, Some(number)));
        }
        let (who, reason) = said_of(event);
        let facts = Facts { reason, who, number: Some(number), ..self.happened(what, at) };
        Some(match self.reader(trail, event) {
            Some((holder, shown)) => {
                let (by, known_as) = (Some(holder.signs), holder.known_as.clone());
                Facts { by, known_as, shown: Some(shown), ..facts }
            }
            None => facts,
        })
    }

    /// Who read, when what they showed is theirs, and says what the gateway says of it; and the hash of what they showed.
    fn reader(&self, trail: &Trail, event: &LinkEvent) -> Option<(&AskedHolder, Digest)> {
        let record = event.shown.as_ref()?;
        let shown = record.verify(&trail.network()).ok()?;
        let says = shown.body();
        let is_this = says.id == self.id
            && Some(&says.who) == event.who.as_ref()
            && says.issued.plus(GATEWAY_CLOCK_SLACK_S) >= event.at
            && says.issued <= event.at.plus(GATEWAY_CLOCK_SLACK_S);
        let holder = self.holders.iter().find(|holder| holder.shows == shown.by()).filter(|_| is_this)?;
        Some((holder, Digest::of(record.as_bytes())))
    }

    /// Whether something can have happened to it then.
    fn could_be(&self, what: TrailWhat, at: UnixSeconds, now: UnixSeconds) -> bool {
        let end = match (what, self.expires) {
            (TrailWhat::LinkEnded, _) | (_, None) => now,
            (_, Some(expires)) => expires.min(now),
        };
        at.plus(GATEWAY_CLOCK_SLACK_S) >= self.made && at <= end.plus(GATEWAY_CLOCK_SLACK_S)
    }

    fn happened(&self, what: TrailWhat, at: UnixSeconds) -> Facts {
        Facts { what, at, link: Some(self.id), ..self.facts.clone() }
    }

    fn not_told(&self, about: Option<TrailText>, now: UnixSeconds, number: Option<u64>) -> Facts {
        Facts { about, by: None, number, who: None, ..self.happened(TrailWhat::NotTold, now) }
    }
}

/// Who a reader says they are, and in an emergency why they read (spec §31).
fn said_of(event: &LinkEvent) -> (Option<TrailText>, Option<TrailText>) {
    let Some(who) = event.who.as_ref().map(Reader::as_str) else { return (None, None) };
    match who.split_once(REASON_FOLLOWS) {
        Some((name, reason)) if event.what == LinkEventKind::BreakGlass => {
            (TrailText::cut(name), TrailText::cut(reason))
        }
        _ => (TrailText::cut(who), None),
    }
}

impl TakenEvents {
    /// The entry without the name of its reader, where what they showed has named the reader of another event: a gateway that has it could
    /// show it again.
    fn named_once(&self, trail: &Trail, entry: Facts) -> Facts {
        let Some(shown) = entry.shown else { return entry };
        let link = entry.link.into_iter();
        let mut before = link.flat_map(|link| trail.of_link(link)).chain(&self.entries);
        if before.any(|other| other.shown == Some(shown)) {
            return Facts { by: None, known_as: None, shown: None, ..entry };
        }
        entry
    }

    fn refuse(&mut self, trail: &Trail, link: &AskedLink, now: UnixSeconds, why: String) {
        self.entries.extend(link.complaint(trail, now, &why));
        self.refused = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use chunker::AccountSecret;
    use protocol::{NetworkId, SecretKey, Signed, Unverified};

    use super::*;
    use crate::{ShareReader, TrailKeys};

    const MADE: UnixSeconds = UnixSeconds::new(1_000_000);
    const NOW: UnixSeconds = UnixSeconds::new(1_100_000);

    fn keys() -> TrailKeys {
        TrailKeys::derive(&AccountSecret::from_bytes([1; 32]))
    }

    fn trail() -> Trail {
        Trail::begin(keys().signer().public(), NetworkId::from_bytes([2; 32]))
    }

    fn link() -> AskedLink {
        let facts = Facts::new(TrailWhat::Opened, MADE);
        let expires = Some(MADE.plus(50_000));
        AskedLink { id: LinkId::from_bytes([3; 32]), facts, made: MADE, expires, holders: Vec::new() }
    }

    fn event(what: LinkEventKind, at: u64) -> LinkEvent {
        LinkEvent { at: UnixSeconds::new(at), shown: None, what, who: Reader::stated("Dr. Ng") }
    }

    fn opened(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, LinkEvent)> {
        numbers.into_iter().map(|number| (number, event(LinkEventKind::Opened, 1_000_500))).collect()
    }

    /// Puts into the trail what an answer brings.
    fn append(trail: &mut Trail, taken: &TakenEvents) {
        for facts in &taken.entries {
            let record = trail.next(&keys(), facts.clone());
            trail.take(&record).unwrap();
        }
    }

    fn take(trail: &mut Trail, events: &[(u64, LinkEvent)], skip: bool) -> TakenEvents {
        let taken = take_events(trail, &link(), events, NOW, skip);
        append(trail, &taken);
        taken
    }

    #[test]
    fn events_that_follow_each_other_enter_once() {
        let mut trail = trail();
        assert_eq!(take(&mut trail, &opened(1..=3), false).entries.len(), 3);
        assert_eq!(take(&mut trail, &opened(2..=5), false).entries.len(), 2);
        assert_eq!(take(&mut trail, &opened(1..=5), false), TakenEvents::default());
        assert_eq!((trail.fetched(link().id), trail.entries().len()), (5, 5));
    }

    #[test]
    fn who_has_shown_that_it_was_granted_to_them_is_named_and_nobody_else() {
        let trail = trail();
        let holder = SecretKey::from_bytes(&[5; 32]);
        let identity = SecretKey::from_bytes(&[6; 32]).public();
        let known_as = TrailText::cut("Dr. Ng of ward 3");
        let holders = vec![AskedHolder { shows: holder.public(), signs: identity, known_as }];
        let link = AskedLink { holders, ..link() };
        let at = UnixSeconds::new(1_000_500);
        let who = Reader::stated("Dr. Ng").unwrap();
        let says = ShareReader { id: link.id, issued: at, who };
        let named = |by: &SecretKey, network: NetworkId, says: ShareReader| {
            let shown = Some(Unverified::from(&Signed::sign(by, &network, says)));
            let event = LinkEvent { shown, ..event(LinkEventKind::BreakGlass, 1_000_500) };
            let taken = take_events(&trail, &link, &[(1, event)], NOW, false);
            assert_eq!(taken.entries.len(), 1, "it was read, whoever it was");
            assert_eq!(taken.entries[0].by.is_some(), taken.entries[0].known_as.is_some());
            taken.entries[0].by
        };
        assert_eq!(named(&holder, trail.network(), says.clone()), Some(identity));
        let stranger = SecretKey::from_bytes(&[7; 32]);
        assert_eq!(named(&stranger, trail.network(), says.clone()), None);
        assert_eq!(named(&holder, NetworkId::from_bytes([9; 32]), says.clone()), None);
        for other in [
            ShareReader { id: LinkId::from_bytes([4; 32]), ..says.clone() },
            ShareReader { who: Reader::stated("Dr. No").unwrap(), ..says.clone() },
            ShareReader { issued: at.plus(2 * GATEWAY_CLOCK_SLACK_S), ..says.clone() },
            ShareReader { issued: UnixSeconds::new(1), ..says },
        ] {
            assert_eq!(named(&holder, trail.network(), other.clone()), None, "{other}");
        }
    }

    #[test]
    fn what_a_reader_has_shown_names_them_once() {
        let mut trail = trail();
        let holder = SecretKey::from_bytes(&[5; 32]);
        let identity = SecretKey::from_bytes(&[6; 32]).public();
        let holders = vec![AskedHolder { shows: holder.public(), signs: identity, known_as: None }];
        let link = AskedLink { holders, ..link() };
        let who = Reader::stated("Dr. Ng: no papers").unwrap();
        let mut asked = |numbers: std::ops::Range<u64>, issued: u64| {
            let says = ShareReader { id: link.id, issued: UnixSeconds::new(issued), who: who.clone() };
            let shown = Unverified::from(&Signed::sign(&holder, &trail.network(), says));
            let event = |at| LinkEvent {
                shown: Some(shown.clone()),
                who: Some(who.clone()),
                ..event(LinkEventKind::BreakGlass, at)
            };
            let events: Vec<_> = numbers.map(|number| (number, event(issued + number))).collect();
            let taken = take_events(&trail, &link, &events, NOW, false);
            append(&mut trail, &taken);
            taken.entries.iter().map(|entry| entry.by).collect::<Vec<_>>()
        };
        assert_eq!(asked(1..4, 1_000_500), [Some(identity), None, None], "of one answer");
        assert_eq!(asked(4..6, 1_000_500), [None, None], "nor of a later one");
        assert_eq!(asked(6..8, 1_000_900), [Some(identity), None], "who reads again shows something new");
    }

    #[test]
    fn the_reason_of_an_emergency_stands_apart_from_the_name() {
        for (what, said, name, reason) in [
            (
                LinkEventKind::BreakGlass,
                "Dr. Ng: no papers: at all",
                Some("Dr. Ng"),
                Some("no papers: at all"),
            ),
            (LinkEventKind::BreakGlass, "Dr. Ng", Some("Dr. Ng"), None),
            (LinkEventKind::BreakGlass, ": no papers", None, Some("no papers")),
            (LinkEventKind::Opened, "Dr. Ng: no papers", Some("Dr. Ng: no papers"), None),
        ] {
            let event = LinkEvent { who: Reader::stated(said), ..event(what, 1_000_500) };
            let facts = take_events(&trail(), &link(), &[(1, event)], NOW, false).entries.remove(0);
            assert_eq!(facts.who.as_ref().map(TrailText::as_str), name, "{said}");
            assert_eq!(facts.reason.as_ref().map(TrailText::as_str), reason, "{said}");
        }
    }

    #[test]
    fn a_jump_is_noted_once_and_blinds_nobody() {
        let mut trail = trail();
        take(&mut trail, &opened([1]), false);
        for _ in 0..3 {
            let taken = take(&mut trail, &opened([(1 << 53) - 1]), false);
            assert!(taken.refused.is_some());
        }
        assert_eq!((trail.fetched(link().id), trail.entries().len()), (1, 2));
        assert_eq!(trail.entries()[1].facts.what, TrailWhat::NotTold);
        assert_eq!(take(&mut trail, &opened(2..=3), false).entries.len(), 2);
        // The owner may go on behind what is missing: that it is, is noted.
        let taken = take(&mut trail, &opened([7]), true);
        let about = taken.entries[0].about.as_ref().map(TrailText::as_str);
        assert_eq!((about, taken.entries[0].number), (Some("events 4 to 6"), Some(6)));
        assert_eq!(trail.fetched(link().id), 7);
    }

    #[test]
    fn of_an_answer_that_is_too_long_or_goes_backwards_no_more_enters() {
        let mut trail = trail();
        let taken = take(&mut trail, &opened(1..=201), false);
        assert_eq!((taken.refused.is_some(), trail.fetched(link().id)), (true, 0));
        let taken = take(&mut trail, &opened([1, 2, 2, 3]), true);
        assert_eq!((taken.refused.is_some(), trail.fetched(link().id)), (true, 2));
    }

    #[test]
    fn what_was_before_the_link_or_after_it_is_no_read() {
        let (first, end) = (MADE.get() - GATEWAY_CLOCK_SLACK_S, MADE.get() + 50_000 + GATEWAY_CLOCK_SLACK_S);
        for (at, is_read) in [(first, true), (first - 1, false), (end, true), (end + 1, false)] {
            let mut trail = trail();
            let taken = take(&mut trail, &[(1, event(LinkEventKind::Opened, at))], false);
            assert_eq!(taken.entries[0].is_disclosure(), is_read, "{at}");
            assert_eq!((taken.entries.len(), trail.fetched(link().id)), (1, 1), "{at}");
        }
    }

    #[test]
    fn an_end_by_another_machine_enters_once_and_the_owners_changes_do_not() {
        let mut trail = trail();
        let at = NOW.get();
        let events = [(1, event(LinkEventKind::Changed, at)), (2, event(LinkEventKind::Ended, at))];
        assert_eq!(take(&mut trail, &events, false).entries[0].what, TrailWhat::LinkEnded);
        assert!(take(&mut trail, &[(3, event(LinkEventKind::Ended, at))], false).entries.is_empty());
        let changed = |number| (number, event(LinkEventKind::Changed, at));
        let page: Vec<_> = (3..203).map(changed).collect();
        take(&mut trail, &page, false);
        assert_eq!(trail.fetched(link().id), 202, "a page of the owner's changes does not stand in the way");
    }

    #[test]
    fn a_gateway_has_to_know_a_link_until_long_after_its_end() {
        let link = link();
        let last = link.made.plus(50_000 + LINK_KEPT_S);
        assert!(link.is_kept(NOW) && !link.is_kept(last.plus(1)));
        assert!(AskedLink { expires: None, ..link }.is_kept(last.plus(1)));
    }
}
