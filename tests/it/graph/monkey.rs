//! A person who changes his mind, others who meddle, and a service that fails in every way at once: what comes of it when
//! they rest.
//!
//! Never: access that nobody declared, or a ledger that grows at rest.

use serde_json::{Value, json};

use super::{
    planning::{HELPDESK, head, run, tells},
    rule,
    writing::{CONTOSO, active, held, write},
};
use crate::emulator::served::{ROOT, Served};

const GROUP: &str = "0a0a0a0a-1111-4222-8333-444444444444";

/// The same numbers for the same seed (xorshift64*; Vigna, "An experimental exploration of Marsaglia's xorshift generators").
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit
    }
}

/// What the manifests say: nothing for the group, one role, or two.
fn manifests(roles: usize) -> String {
    let text = CONTOSO.replace(
        "  displayName: fabrikam-help\n",
        "  displayName: fabrikam-help\n  unmanagedAssignments: Revoke\n",
    );
    match roles {
        0 => text.rsplit_once("---\n").unwrap().0.to_owned(),
        1 => text,
        _ => text.replace(
            "roles: [Helpdesk Administrator]\n",
            "roles: [Helpdesk Administrator, Message Center Reader]\n",
        ),
    }
}

async fn something_goes_wrong(served: &Served, chance: &mut Chance) {
    let assignments = format!("{ROOT}/*/accessAssignments");
    let paths = [format!("{assignments}/*"), assignments, "/$batch".to_owned()];
    let faults = [
        json!({"kind": "cut", "at": "before"}),
        json!({"kind": "cut", "at": "after"}),
        json!({"kind": "late", "seconds": 40}),
        json!({"kind": "refuse", "status": 429, "retryAfter": "0"}),
        json!({"kind": "refuse", "status": 429, "retryAfter": "0", "effect": true}),
        json!({"kind": "refuse", "status": 500}),
        json!({"kind": "refuse", "status": 500, "effect": true}),
        json!({"kind": "refuse", "status": 412}),
        json!({"kind": "refuse", "status": 403}),
    ];
    let path = &paths[chance.below(paths.len())];
    let fault = &faults[chance.below(faults.len())];
    let mut one = rule("POST", path, Some(1), fault);
    if path == "/$batch" {
        one["containing"] = json!("accessDetails");
    } else {
        one["method"] = json!(["POST", "PATCH", "DELETE"][chance.below(3)]);
    }
    served.fault(&one).await;
}

async fn somebody_meddles(served: &Served, chance: &mut Chance) {
    let deed = match chance.below(2) {
        0 => json!({"kind": "delete", "relationship": "fabrikam-help", "group": GROUP}),
        _ => json!({
            "kind": "assign", "relationship": "fabrikam-help", "group": GROUP, "roles": [HELPDESK],
        }),
    };
    // Whoever assigns what is there already is refused.
    let _ = served.try_control("POST", "people", &deed).await;
}

async fn walks(seed: u64) {
    let mut chance = Chance(seed);
    let mut served = active().await;
    for _ in 0..25 {
        match chance.below(6) {
            0 | 1 => write(&served, &manifests(chance.below(3))),
            2 | 3 => something_goes_wrong(&served, &mut chance).await,
            4 => somebody_meddles(&served, &mut chance).await,
            _ => served.pass(["PT5S", "PT30S", "PT5M"][chance.below(3)]).await,
        }
        run(&served, &["apply", "-f", "out", "--prune", "--wait", "PT0S"]);
    }
    // Now they rest. What got no answer is given up, and what others took away stays away.
    served.control("DELETE", "faults", &Value::Null).await;
    super::writing::some_minutes_pass(&served).await;
    served.pass("PT1H").await;
    write(&served, &manifests(0));
    let mut last = run(&served, &["diff", "-f", "out"]);
    for _ in 0..6 {
        last = run(&served, &["apply", "-f", "out", "--prune", "--wait", "PT0S"]);
        served.pass("PT10M").await;
        super::writing::some_minutes_pass(&served).await;
    }
    assert_eq!(last.code, Some(0), "seed {seed}: {}{}", last.stdout, last.stderr);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0], "seed {seed}");
    let entries = head(&served);
    run(&served, &["apply", "-f", "out", "--prune", "--wait", "PT0S"]);
    assert_eq!(head(&served), entries, "seed {seed}: a run with nothing to do writes nothing");
    let verified = run(&served, &["ledger", "verify"]);
    assert_eq!(verified.code, Some(0), "seed {seed}: {}", verified.stdout);
    tells(&verified, &["the ledger is whole"]);
}

#[tokio::test]
async fn whatever_fails_and_whoever_meddles_it_ends_as_declared_and_then_rests() {
    for seed in [11, 12, 13] {
        walks(seed).await;
    }
}
