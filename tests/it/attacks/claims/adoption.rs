//! `concordat.dev/adopt-from` on the command line: whose row it takes.
//!
//! Never: a row whose owner's object may still stand somewhere.

use serde_json::{Value, json};

use super::{Teams, grant, group_id, offer, relationship, says};

/// A relationship of team b that claims that of team a, with a grant for group 666.
fn thief(adopt_from: &str) -> Vec<Value> {
    vec![
        offer("team-b"),
        relationship("team-b", "thief", "acme", Some(adopt_from)),
        grant("team-b", "g6", "thief", 666),
    ]
}

#[test]
fn a_living_owner_keeps_its_row_whatever_its_files_say_or_where_they_are() {
    Teams::on_each_store("claims_living", |teams| {
        let sound = teams.with_owner("team-a");
        teams.write("team-b", &thief("cli/team-a/r1"));
        let edited = |pointer: &str, value: Value| {
            let mut objects = sound.clone();
            let at = pointer.rsplit_once('/').map(|(object, field)| (object.to_owned(), field));
            let (object, field) = at.unwrap();
            objects[1].pointer_mut(&object).unwrap()[field] = value;
            objects
        };
        let folders: [(&str, Vec<Value>); 6] = [
            ("sound", sound.clone()),
            ("suspended", edited("/spec/suspend", json!(true))),
            ("observed", edited("/spec/managementPolicy", json!("Observe"))),
            ("unsound", edited("/spec/customer/tenantId", json!("nobody"))),
            ("without its offer", sound[1..].to_vec()),
            ("of another name in the store", edited("/spec/displayName", json!("acme two"))),
        ];
        // Nothing tells that the owner is gone where its files were not named.
        for command in [&["diff"][..], &["diff", "--prune"], &["apply"], &["apply", "--prune"]] {
            says(&teams.run(command, &["team-b"]), 1, &["acme"]);
        }
        for (what, folder) in folders {
            teams.write("team-a", &folder);
            for command in [&["diff"][..], &["apply"], &["apply", "--prune"]] {
                let ran = teams.run(command, &["team-a", "team-b"]);
                assert_eq!(ran.code, Some(1), "{what}: {}{}", ran.stdout, ran.stderr);
                assert!(!ran.stdout.contains(&group_id(666)), "{what}: {}", ran.stdout);
                assert_eq!(teams.owner("acme"), "cli/team-a/r1", "{what}");
                assert!(teams.holds(1) && !teams.holds(666), "{what}: {}", teams.grants());
            }
        }
        teams.write("team-a", &sound);
        // What was invited under the other name still waits, and is told.
        says(&teams.run(&["apply"], &["team-a"]), 0, &["Done: nothing", "`acme two`", "C0534"]);
    });
}

#[test]
fn a_relationship_moves_to_another_team_once_the_files_of_both_say_so() {
    Teams::on_each_store("claims_moved", |teams| {
        teams.with_owner("team-a");
        teams.write("team-a", &[offer("team-a")]);
        let mut heir = thief("cli/team-a/r1");
        heir[2] = grant("team-b", "g2", "thief", 2);
        teams.write("team-b", &heir);
        let both = ["team-a", "team-b"];
        let claim = "claim the relationship from `cli/team-a/r1`, whose object is gone";
        says(&teams.run(&["diff"], &both), 1, &[claim, "C0533"]);
        says(&teams.run(&["diff", "--fail-on", "claim"], &both), 1, &["the plan has `claim`"]);
        says(&teams.run(&["diff", "--fail-on", "terminate"], &both), 0, &[claim]);
        says(&teams.run(&["apply", "--fail-on", "claim"], &both), 1, &["the plan has `claim`"]);
        assert_eq!(teams.owner("acme"), "cli/team-a/r1");
        teams.applies(&both);
        assert_eq!(teams.owner("acme"), "cli/team-b/thief");
        assert!(teams.holds(1), "absence takes nothing away: {}", teams.grants());
        assert!(teams.holds(2), "{}", teams.grants());
        says(&teams.run(&["diff", "--fail-on", "claim"], &both), 0, &[]);
        says(&teams.run(&["apply", "--prune"], &both), 0, &["- Message Center Reader", "1 lost"]);
        assert!(!teams.holds(1) && teams.holds(2), "{}", teams.grants());
        says(&teams.run(&["apply"], &both), 0, &["Nothing changes"]);
    });
}

#[test]
fn a_claim_names_exactly_the_owner_in_the_store() {
    Teams::on_each_store("claims_named", |teams| {
        teams.with_owner("team-a");
        teams.write("team-a", &[offer("team-a")]);
        let wrong = ["cli/team-a/r2", "cli/team-b/r1", "cluster/team-a/r1", "CLI/team-a/r1"];
        for owner in wrong {
            teams.write("team-b", &thief(owner));
            says(&teams.run(&["apply"], &["team-a", "team-b"]), 1, &["C0501"]);
        }
        let malformed = [
            "r1",
            "team-a/r1",
            "cli//team-a/r1",
            "/cli/team-a/r1",
            "cli/team-a/r1/",
            "cli/team-a/r1/x",
            " cli/team-a/r1",
            "cli/team-a/r1 ",
            "cli/ team-a/r1",
            "cli/Team-A/r1",
        ];
        for owner in malformed {
            teams.write("team-b", &thief(owner));
            says(&teams.run(&["apply"], &["team-a", "team-b"]), 1, &["C0318"]);
        }
        assert_eq!(teams.owner("acme"), "cli/team-a/r1");
        assert!(!teams.holds(666), "{}", teams.grants());
    });
}
