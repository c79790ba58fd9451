//! Entries that are not of the chain, and columns beside the chain that say something else than it.
//!
//! Never: a plan, an approval or a limit that rests on one of them.

use jiff::Timestamp;

use super::{HELPDESK, Team};
use crate::postgres::Database;

on_both! {
    a_row_is_not_put_back_to_what_it_was_by_an_entry_or_column_beside_the_chain
    an_entry_after_the_end_is_refused_by_whatever_reads_to_plan
    no_approval_but_one_of_the_chain_lets_anything_run
    what_was_made_under_an_approval_is_not_made_again_when_its_columns_are_changed
    a_boundary_is_what_an_entry_of_the_chain_says
    each_column_beside_the_payload_is_compared_with_it
    what_the_program_itself_writes_is_all_of_one_chain
}

/// One hash that is in no ledger.
fn nowhere(digit: char) -> String {
    digit.to_string().repeat(64)
}

impl Team {
    /// Whoever may do anything lets entries be changed.
    async fn unguard(&self) {
        let guards = if self.database.is_some() {
            "ALTER TABLE ledger DISABLE TRIGGER USER"
        } else {
            "DROP TRIGGER ledger_is_not_changed; DROP TRIGGER ledger_is_not_shortened"
        };
        self.sql(guards).await;
    }

    /// An entry far after the end, with a digest of the row besides, if there is one.
    async fn insert(&self, kind: &str, subject: &str, payload: &str, state: Option<&str>) {
        let now = Timestamp::now().as_millisecond();
        let row = state.map_or("NULL, NULL".to_owned(), |state| format!("1, '{state}'"));
        let payload = payload.replace('\'', "''");
        self.sql(&format!(
            "INSERT INTO ledger (sequence, time_ms, kind, subject, actor, intent, payload, previous, \
             hash, row_id, row_state) VALUES (1000000000, {now}, '{kind}', '{subject}', '{{}}', '{{}}', \
             '{payload}', '{}', '{}', {row})",
            nowhere('0'),
            nowhere('1')
        ))
        .await;
    }

    async fn text(&self, query: &str) -> String {
        self.texts(query).await.into_iter().next().unwrap_or_else(|| panic!("{query}"))
    }

    /// Nothing is planned or done, and the reason is told.
    async fn refuses(&self, case: &str, commands: &[&[&str]]) {
        let entries = "SELECT hash FROM ledger ORDER BY sequence";
        let before = self.texts(entries).await;
        for words in commands {
            let ran = self.run(words);
            assert_eq!(ran.code, Some(2), "{case}: {words:?} {ran:?}");
            let told = format!("{ran:?}");
            assert!(told.contains("C0608"), "{case}: {words:?} {ran:?}");
            assert!(told.contains("ledger verify"), "{case}: {words:?} {ran:?}");
        }
        assert_eq!(self.texts(entries).await, before, "{case}: nothing was done");
        let ran = self.verify();
        assert_eq!(ran.code, Some(1), "{case}: {ran:?}");
    }

    async fn holds_helpdesk(&self) -> usize {
        let held = format!("SELECT role_id FROM assignment_roles WHERE role_id = '{HELPDESK}'");
        self.texts(&held).await.len()
    }
}

/// What reads to plan, and what plans and writes.
const PLANS: &[&[&str]] =
    &[&["diff", "-f", "m"], &["apply", "-f", "m"], &["get", "relationships"], &["get", "grants"]];

async fn a_row_is_not_put_back_to_what_it_was_by_an_entry_or_column_beside_the_chain(
    database: Option<Database>,
) {
    let mut team = Team::applied(database);
    let quoted = |column: &str| format!("SELECT '''' || {column} || '''' FROM relationships");
    let mut back = Vec::new();
    for column in ["policies", "last_change"] {
        back.push(format!("{column} = {}", team.text(&quoted(column)).await));
    }
    let state = "SELECT row_state FROM ledger WHERE row_state IS NOT NULL ORDER BY sequence DESC";
    let old = team.text(state).await;
    let manifest = std::fs::read_to_string(team.place.path().join("m/relationship.yaml")).unwrap();
    team.place.write("m/relationship.yaml", format!("{manifest}  deletionPolicy: Terminate\n"));
    let ran = team.run(&["apply", "-f", "m"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_ne!(team.text(state).await, old);
    let back = format!("UPDATE relationships SET revision = revision - 1, {}", back.join(", "));
    let kept = team.keep().await;

    team.sql(&back).await;
    team.insert("Refused", "x", "{}", Some(&old)).await;
    team.refuses("after the end", PLANS).await;

    let other = nowhere('7');
    for change in [
        "row_state = NULL".to_owned(),
        format!("row_state = '{old}'"),
        "row_id = NULL".to_owned(),
        "row_id = 99".to_owned(),
        "row_id = NULL, row_state = NULL".to_owned(),
        "subject = 'x'".to_owned(),
        "kind = 'Refused'".to_owned(),
        "kind = 'Difference'".to_owned(),
        "time_ms = time_ms - 1".to_owned(),
        "payload = '{}'".to_owned(),
        format!("payload = replace(payload, row_state, '{old}'), row_state = '{old}'"),
        format!("previous = '{other}'"),
        format!("hash = '{other}'"),
        "sequence = sequence + 100".to_owned(),
    ] {
        team.put_back(&kept);
        team.unguard().await;
        team.sql(&back).await;
        team.sql(&format!(
            "UPDATE ledger SET {change} WHERE sequence = (SELECT max(sequence) FROM ledger)"
        ))
        .await;
        // All are read by the same door: on a server, where each takes longer, the one that writes is enough.
        let commands = if team.database.is_some() { &PLANS[1..2] } else { PLANS };
        team.refuses(&change, commands).await;
    }
}

async fn an_entry_after_the_end_is_refused_by_whatever_reads_to_plan(database: Option<Database>) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    team.insert("Difference", "nobody", "{}", None).await;
    team.refuses("after the end", PLANS).await;
    // The head is moved to it as well.
    team.sql(&format!("UPDATE ledger_head SET sequence = 1000000000, hash = '{}'", nowhere('1')))
        .await;
    team.refuses("a moved head", PLANS).await;
    team.put_back(&kept);
    team.sql("UPDATE ledger_head SET sequence = sequence - 1").await;
    team.refuses("a head that is behind", PLANS).await;
    team.put_back(&kept);
    team.sql(&format!("UPDATE ledger_head SET hash = '{}'", nowhere('1'))).await;
    team.refuses("a head of another hash", PLANS).await;
    team.put_back(&kept);
    team.unguard().await;
    team.sql("DELETE FROM ledger WHERE sequence = (SELECT max(sequence) FROM ledger)").await;
    team.refuses("a tail that is cut", PLANS).await;
}

async fn no_approval_but_one_of_the_chain_lets_anything_run(database: Option<Database>) {
    let (mut team, hash) = Team::blocked(database);
    let kept = team.keep().await;
    let apply: &[&[&str]] = &[&["apply", "-f", "m"]];
    let now = Timestamp::now().as_millisecond();
    let approved = format!(
        "UPDATE batches SET approved_at_ms = {now}, approved_by = 'bob'; \
         UPDATE batch_members SET approved_at_ms = {now}"
    );
    let members = team.texts("SELECT member FROM batch_members").await;
    team.sql(&approved).await;
    let payload = serde_json::json!({ "members": members }).to_string();
    team.insert("Approved", &hash, &payload, None).await;
    team.refuses("after the end", apply).await;
    assert_eq!(team.holds_helpdesk().await, 0);
    // The entry that says that it waits becomes one that says that it may run.
    team.put_back(&kept);
    team.unguard().await;
    team.sql(&approved).await;
    team.sql(&format!(
        "UPDATE ledger SET kind = 'Approved', time_ms = {now} WHERE kind = 'Blocked'"
    ))
    .await;
    team.refuses("in place", apply).await;
    assert_eq!(team.holds_helpdesk().await, 0);
}

async fn what_was_made_under_an_approval_is_not_made_again_when_its_columns_are_changed(
    database: Option<Database>,
) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    assert_eq!(team.holds_helpdesk().await, 1);
    let other = nowhere('7');
    for change in [
        "batch = NULL".to_owned(),
        "member = NULL".to_owned(),
        "batch = NULL, member = NULL".to_owned(),
        format!("batch = '{other}'"),
        format!("member = '{other}'"),
    ] {
        team.put_back(&kept);
        team.unguard().await;
        team.sql(&format!("UPDATE ledger SET {change} WHERE batch IS NOT NULL")).await;
        team.sql(&format!(
            "UPDATE batch_members SET made_at_ms = NULL; \
             DELETE FROM assignment_roles WHERE role_id = '{HELPDESK}'"
        ))
        .await;
        team.refuses(&change, &[&["apply", "-f", "m"]]).await;
        assert_eq!(team.holds_helpdesk().await, 0, "{change}");
    }
}

async fn a_boundary_is_what_an_entry_of_the_chain_says(database: Option<Database>) {
    let (mut team, _) = Team::blocked(database);
    let kept = team.keep().await;
    let plans = &PLANS[..2];
    let payload = team.text("SELECT payload FROM ledger WHERE kind = 'BoundarySet'").await;
    let subject = team.text("SELECT subject FROM ledger WHERE kind = 'BoundarySet'").await;
    let wider = payload.replace("\"privileged_gains\":0", "\"privileged_gains\":1000");
    assert_ne!(wider, payload);
    team.insert("BoundarySet", &subject, &wider, None).await;
    team.refuses("after the end", plans).await;
    for change in [
        format!("payload = '{wider}'"),
        "kind = 'Difference'".to_owned(),
        "subject = 'boundary of somewhere'".to_owned(),
        "time_ms = time_ms + 1".to_owned(),
    ] {
        team.put_back(&kept);
        team.unguard().await;
        team.sql(&format!("UPDATE ledger SET {change} WHERE kind = 'BoundarySet'")).await;
        team.refuses(&change, plans).await;
        assert_eq!(team.holds_helpdesk().await, 0, "{change}");
    }
}

async fn each_column_beside_the_payload_is_compared_with_it(database: Option<Database>) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    let hash = format!("'{}'", nowhere('7'));
    for (column, value) in
        [("row_id", "99"), ("row_state", &hash), ("batch", &hash), ("member", &hash)]
    {
        for (value, rows) in [(value, "IS NOT NULL"), ("NULL", "IS NOT NULL"), (value, "IS NULL")] {
            team.put_back(&kept);
            team.unguard().await;
            let change = format!("UPDATE ledger SET {column} = {value} WHERE {column} {rows}");
            team.sql(&change).await;
            let ran = team.verify();
            assert_eq!(ran.code, Some(1), "{change}: {ran:?}");
            assert!(ran.stdout.contains("[C0710]"), "{change}: {ran:?}");
            let named = ran.stdout.contains("of `ledger`") && ran.stdout.contains(column);
            assert!(named, "{change}: {ran:?}");
        }
    }
}

async fn what_the_program_itself_writes_is_all_of_one_chain(database: Option<Database>) {
    let (team, hash) = Team::blocked(database);
    let ran = team.run(&["apply", "-f", "m", "--approve", &hash]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in PLANS {
        assert_eq!(team.run(words).code, Some(0), "{words:?}");
    }
    assert_eq!(team.verify().code, Some(0), "{}", team.verify().stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_or_trigger_that_somebody_has_changed_is_named() {
    let mut team = Team::applied(None);
    let kept = team.keep().await;
    for (change, named) in [
        (
            "DROP VIEW effective_assignments; \
             CREATE VIEW effective_assignments AS SELECT 'x' AS customer",
            "the view `effective_assignments` is not",
        ),
        ("DROP VIEW effective_assignments", "the view `effective_assignments` is gone"),
        ("DROP TRIGGER ledger_is_not_changed", "the trigger `ledger_is_not_changed` is gone"),
        (
            "CREATE TRIGGER mine AFTER INSERT ON assignment_roles BEGIN SELECT 1; END",
            "the trigger `mine` is none",
        ),
        ("DROP INDEX ledger_by_row", "the index `ledger_by_row` is gone"),
    ] {
        team.put_back(&kept);
        team.sql(change).await;
        let ran = team.verify();
        assert_eq!(ran.code, Some(1), "{change}: {ran:?}");
        assert!(ran.stdout.contains(named) && ran.stdout.contains("[C0710]"), "{change}: {ran:?}");
    }
    // Somebody's own view of what is there, and what SQLite keeps for itself, are no fault.
    team.put_back(&kept);
    team.sql("CREATE VIEW mine AS SELECT * FROM effective_assignments; ANALYZE").await;
    assert_eq!(team.verify().code, Some(0), "{}", team.verify().stdout);
}
