//! Random bytes, random YAML and mutated manifests: whatever they hold, the reader answers.
//!
//! Never: a problem without its place.

use concordat::domain::problem::FieldPath;
use proptest::prelude::*;

use super::{OFFER, input};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let input = input(bytes);
        prop_assert!(input.problems.iter().all(|problem| problem.place.is_some()));
    }

    #[test]
    fn random_yaml_never_makes_the_reader_panic(text in "([-?:,\\[\\]{}#&*!|>'\"%@` \n\ta0é\u{410}]|<<|---\n|apiVersion: concordat.dev/v1alpha1\n){0,60}") {
        let input = input(text);
        prop_assert!(input.problems.iter().all(|problem| problem.place.is_some()));
    }

    #[test]
    fn a_mutated_manifest_never_makes_the_reader_panic(edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..6)) {
        let mut bytes = format!("{OFFER}---\n{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{{\"a\": &a 1}}, *a]}}\n").into_bytes();
        for (index, what, byte) in edits {
            let at = index.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..(at + usize::from(byte % 16)).min(bytes.len()))),
                _ => bytes.extend_from_within(at.saturating_sub(usize::from(byte))..at),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let input = input(bytes);
        prop_assert!(input.problems.iter().all(|problem| problem.place.is_some()));
        for document in &input.documents {
            prop_assert!(input.place(document.source, &FieldPath::spec()).is_some());
        }
    }
}
