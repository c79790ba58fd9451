//! Grants that many relationships have in common.
//!
//! Never: one of them changed for a relationship that was not meant.

use std::collections::BTreeSet;

use super::*;
use crate::{
    api::GrantDeletionPolicy,
    domain::state::{Asked, Grantee, GranteeKind, Uid, Window},
};

fn name(number: usize) -> ObjectName {
    ObjectName { namespace: "msp".into(), name: format!("grant-{number}").into() }
}

fn grant(number: usize) -> DesiredGrant {
    let id = GranteeId::from_u128(u128::try_from(number % 2).unwrap());
    DesiredGrant {
        uid: Uid::of_file(),
        standing: Standing::Suspended,
        grantee: Grantee { id, kind: GranteeKind::SecurityGroup, name: None },
        roles: BTreeSet::new(),
        asked: Asked { words: BTreeSet::new(), catalogue: String::new() },
        window: Window::default(),
        deletion: GrantDeletionPolicy::Revoke,
        justification: None,
    }
}

fn part(numbers: &[usize]) -> Arc<Part> {
    Arc::new(numbers.iter().map(|number| (name(*number), grant(*number))).collect())
}

fn shared(parts: &[&Arc<Part>]) -> Grants {
    let mut grants = Grants::default();
    for part in parts {
        grants.share(Arc::clone(part));
    }
    grants
}

#[test]
fn grants_are_in_the_order_of_their_names_however_they_are_shared() {
    let (odd, even) = (part(&[1, 3, 5]), part(&[2, 4]));
    let one = shared(&[&odd, &even]);
    let all: Grants = (1..6).map(|number| (name(number), grant(number))).collect();
    assert_eq!(one, all);
    assert_eq!(one.len(), 5);
    let names: Vec<_> = one.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, (1..6).map(name).collect::<Vec<_>>());
    let given: Vec<_> = one.given_to(grant(2).grantee.id).map(|(name, _)| name.clone()).collect();
    assert_eq!(given, [name(2), name(4)]);
    assert_eq!(one.get(&name(4)), Some(&grant(4)));
    assert_ne!(one, shared(&[&odd]));
}

#[test]
fn what_is_put_in_for_one_relationship_is_not_seen_by_another() {
    let common = part(&[1, 2]);
    let (mut one, other) = (shared(&[&common]), shared(&[&common]));
    one.insert(name(3), grant(3));
    one.insert(name(1), DesiredGrant { standing: Standing::Live, ..grant(1) });
    assert_eq!((one.len(), other.len()), (3, 2));
    assert!(one.any(|grant| grant.standing == Standing::Live));
    assert!(!other.any(|grant| grant.standing == Standing::Live));
}

#[test]
fn what_several_have_in_common_is_changed_once_and_stays_common() {
    let (common, own) = (part(&[1, 2]), part(&[3]));
    let mut all = [shared(&[&common]), shared(&[&common, &own])];
    stand(
        all.iter_mut(),
        |object, standing| {
            if *object == name(1) { Standing::Live } else { standing }
        },
    );
    for grants in &all {
        assert_eq!(grants.get(&name(1)).unwrap().standing, Standing::Live);
        assert_eq!(grants.get(&name(2)).unwrap().standing, Standing::Suspended);
    }
    assert!(Arc::ptr_eq(&all[0].parts[0], &all[1].parts[0]));
    // Nothing changes there, and so nothing is copied.
    assert!(Arc::ptr_eq(&all[1].parts[1], &own));
    assert_eq!(common[&name(1)].standing, Standing::Suspended);
}
