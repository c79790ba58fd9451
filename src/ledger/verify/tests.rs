//! Tampering: whatever is done to a chain, the first bad entry is named.
//!
//! Never: a way of tampering that is tried at one place only.

use proptest::prelude::*;

use super::*;
use crate::ledger::{
    fault::HEAD_NOT_FOUND,
    persons::Persons,
    samples::{self, ada_recorded, chain, tampered},
};

fn head(entries: &[Entry]) -> Head {
    entries.last().map_or_else(Head::empty, Entry::head)
}

fn first_bad(entries: &[Entry], stored: Head) -> Option<i64> {
    verify(entries, Some(stored), []).fault.map(|fault| fault.sequence.unwrap())
}

/// Computes every hash from `from` on anew, as somebody would who can write the whole table.
fn rewritten(entries: &[Entry], from: usize) -> Vec<Entry> {
    let mut rewritten = entries[..from].to_vec();
    for (position, entry) in entries.iter().enumerate().skip(from) {
        let mut entry = if position == from { tampered(entry, "x") } else { entry.clone() };
        entry.previous = head(&rewritten).hash;
        entry.hash = entry.computed_hash();
        rewritten.push(entry);
    }
    rewritten
}

fn a_chain_and_two_places() -> impl Strategy<Value = (Vec<Entry>, usize, usize)> {
    (2_usize..30).prop_flat_map(|length| (Just(chain(length)), 0..length, 0..length))
}

fn sequence(position: usize) -> i64 {
    i64::try_from(position).unwrap() + 1
}

#[test]
fn an_empty_ledger_is_whole() {
    let verdict = verify(&[], Some(Head::empty()), [Head::empty().into()]);
    assert_eq!(verdict.fault, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn an_untouched_ledger_is_whole_and_each_of_its_heads_is_found(
        (entries, at, _) in a_chain_and_two_places(),
    ) {
        let expected = Expected { sequence: None, hash: entries[at].hash };
        let verdict = verify(&entries, Some(head(&entries)), [expected]);
        prop_assert_eq!(&verdict.fault, &None);
        let followed_by = i64::try_from(entries.len() - at - 1).unwrap();
        prop_assert_eq!(verdict.found, vec![FoundHead { head: entries[at].head(), followed_by }]);
    }

    #[test]
    fn a_changed_entry_is_named((entries, at, field) in a_chain_and_two_places()) {
        let (kept, mut entries) = (head(&entries), entries);
        let entry = &mut entries[at];
        match field % 7 {
            0 => entry.time += jiff::SignedDuration::from_millis(1),
            1 => entry.subject.push('x'),
            2 => entry.kind = crate::domain::entry::EntryKind::Refused,
            3 => entry.actor.name.push('x'),
            4 => entry.payload["cause"] = "Expired".into(),
            5 => entry.hash = Digest::of(&"x"),
            _ => entry.intent.generation = Some(7),
        }
        prop_assert_eq!(first_bad(&entries, kept), Some(sequence(at)));
    }

    #[test]
    fn an_entry_changed_with_its_hash_is_named_or_else_the_next(
        (entries, at, _) in a_chain_and_two_places(),
    ) {
        let (kept, mut entries) = (head(&entries), entries);
        entries[at] = tampered(&entries[at], "x");
        entries[at].hash = entries[at].computed_hash();
        let named = if at + 1 == entries.len() { at } else { at + 1 };
        prop_assert_eq!(first_bad(&entries, kept), Some(sequence(named)));
    }

    #[test]
    fn a_removed_entry_is_named((entries, at, _) in a_chain_and_two_places()) {
        let (kept, mut entries) = (head(&entries), entries);
        entries.remove(at);
        prop_assert_eq!(first_bad(&entries, kept), Some(sequence(at)));
    }

    #[test]
    fn entries_that_changed_places_are_named((entries, a, b) in a_chain_and_two_places()) {
        prop_assume!(a != b);
        let (kept, mut entries) = (head(&entries), entries);
        entries.swap(a, b);
        let fault = verify(&entries, Some(kept), []).fault.unwrap();
        prop_assert_eq!(fault.sequence, Some(sequence(a.min(b))));
        prop_assert!(matches!(fault.reason, Reason::Reordered { .. }), "{:?}", fault);
    }

    #[test]
    fn an_inserted_entry_is_named_or_else_the_next(
        (entries, at, from) in a_chain_and_two_places(),
    ) {
        let (kept, mut entries) = (head(&entries), entries);
        entries.insert(at, entries[from].clone());
        let fault = verify(&entries, Some(kept), []).fault.unwrap();
        let first = if from < at { from } else { at };
        prop_assert_eq!(fault.sequence, Some(sequence(first)), "{}", fault);
    }

    #[test]
    fn a_forged_entry_that_fits_makes_its_number_stand_twice(
        (entries, at, _) in a_chain_and_two_places(),
    ) {
        let (kept, mut entries) = (head(&entries), entries);
        let mut forged = tampered(&entries[at], "x");
        forged.hash = forged.computed_hash();
        entries.insert(at, forged);
        let fault = verify(&entries, Some(kept), []).fault.unwrap();
        prop_assert_eq!(fault, Fault { sequence: Some(sequence(at)), reason: Reason::Repeated });
    }

    #[test]
    fn a_cut_tail_shows_against_the_stored_head((entries, at, _) in a_chain_and_two_places()) {
        prop_assert_eq!(first_bad(&entries[..at], head(&entries)), Some(sequence(at)));
    }

    #[test]
    fn a_cut_tail_shows_against_a_head_kept_elsewhere_though_the_stored_one_fits(
        (entries, at, _) in a_chain_and_two_places(),
    ) {
        let cut = &entries[..at];
        let elsewhere = Expected { sequence: None, hash: head(&entries).hash };
        let fault = verify(cut, Some(head(cut)), [elsewhere]).fault.unwrap();
        prop_assert_eq!(fault.code(), HEAD_NOT_FOUND);
        let fault = verify(cut, Some(head(cut)), [head(&entries).into()]).fault.unwrap();
        prop_assert_eq!(fault.sequence, Some(sequence(at)));
    }

    #[test]
    fn entries_written_anew_show_only_against_a_head_kept_elsewhere(
        (entries, from, kept) in a_chain_and_two_places(),
    ) {
        let forged = rewritten(&entries, from);
        prop_assert_eq!(verify(&forged, Some(head(&forged)), []).fault, None);
        let elsewhere = entries[kept].head();
        for expected in [elsewhere.into(), Expected { sequence: None, hash: elsewhere.hash }] {
            let verdict = verify(&forged, Some(head(&forged)), [expected]);
            prop_assert_eq!(verdict.fault.is_some(), kept >= from);
            if kept >= from && expected.sequence.is_some() {
                prop_assert_eq!(verdict.fault.unwrap().sequence, Some(sequence(kept)));
            }
        }
    }
}

#[test]
fn a_stored_head_that_lags_behind_or_has_another_hash_is_named() {
    let entries = chain(5);
    assert_eq!(first_bad(&entries, entries[2].head()), Some(4));
    assert_eq!(first_bad(&entries, Head { sequence: 5, hash: Digest::of(&"x") }), Some(5));
}

#[test]
fn heads_kept_elsewhere_narrow_down_where_entries_were_written_anew() {
    let entries = chain(9);
    let forged = rewritten(&entries, 5);
    let kept = [3, 8].map(|at: usize| Expected { sequence: None, hash: entries[at].hash });
    let verdict = verify(&forged, None, kept);
    let Some(Fault { reason: Reason::HeadNotFound { after, last, .. }, .. }) = verdict.fault else {
        panic!("{verdict}")
    };
    assert_eq!((after, last), (Some(4), 9));
}

#[test]
fn an_entry_that_cannot_be_read_is_the_first_bad_one() {
    let entries = chain(3);
    let mut verifier = Verifier::new([]);
    verifier.push(&entries[0]);
    verifier.push_unreadable("no such kind");
    verifier.push(&entries[2]);
    let fault = verifier.finish(Some(head(&entries))).fault.unwrap();
    assert_eq!(fault.to_string(), "entry 2: it cannot be read: no such kind");
}

#[test]
fn erasing_a_person_leaves_the_record_true_and_changing_one_does_not() {
    let ada = ada_recorded();
    let mut persons = Persons::default();
    persons.push(ada.hash, Some((&ada.salt, &ada.content)));
    persons.push(ada.hash, None);
    assert_eq!((persons.present, persons.erased, persons.problems().len()), (1, 1, 0));
    let forged = ada.content.replace("Ada", "Eva");
    persons.push(ada.hash, Some((&ada.salt, &forged)));
    let known = |content| Persons::known(ada.hash, &ada.salt, content);
    assert_eq!((known(&ada.content), known(&forged)), (Some(samples::ada()), None));
    assert_eq!(persons.changed, [ada.hash]);
}

#[test]
fn a_head_is_read_with_and_without_its_number() {
    let hash = Digest::of(&"x");
    assert_eq!(hash.to_string().parse(), Ok(Expected { sequence: None, hash }));
    assert_eq!(format!("42:{hash}").parse(), Ok(Expected { sequence: Some(42), hash }));
    assert!(format!("x:{hash}").parse::<Expected>().is_err());
}

#[test]
fn a_verdict_says_what_is_proven() {
    let mut entries = chain(3);
    entries[1].subject = "other".to_owned();
    let text = verify(&entries, Some(head(&entries)), [entries[0].head().into()]).to_string();
    insta::with_settings!({filters => vec![("[0-9a-f]{64}", "HASH")]}, {
        insta::assert_snapshot!(text, @r"
        entry 2: it was changed: its content gives the hash HASH, and it says HASH
        entries 1 to 1 are a chain; head HASH
        the head HASH is entry 1; 0 follow it
        ");
    });
}
