//! Every path of Graph's delegated administration, with every status of success that the metadata names.
//!
//! Never: a path of the metadata that nobody calls.

use serde_json::json;

use super::{
    metadata::Metadata,
    served::{READER, ROOT, Served, assignment, details, wish},
};

pub const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
pub const MESSAGES: &str = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const FIRST_LINE: &str = "0a0a0a0a-1111-4222-8333-444444444444";
const FABRIKAM: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";

/// A relationship that is active, by its path.
pub async fn active(served: &Served, name: &str, roles: &[&str]) -> String {
    let made = served.post(ROOT, &wish(name, roles)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("{ROOT}/{}", made.id());
    assert_eq!(made.header("location"), format!("{}/v1.0{path}", served.url));
    assert!(made.body["status"].is_null());
    served.pass("PT1S").await;
    let asked =
        served.post(&format!("{path}/requests"), &json!({"action": "lockForApproval"})).await;
    assert_eq!((asked.status, asked.body["status"].as_str()), (201, Some("created")));
    served.pass("PT3S").await;
    served.control("POST", "people", &json!({"kind": "approve", "relationship": name})).await;
    served.pass("PT5M").await;
    assert_eq!(served.get(&path).await.body["status"], "active");
    path
}

async fn relationships(served: &Served) {
    let made = served.post(ROOT, &wish("a draft", &[HELPDESK])).await;
    let path = format!("{ROOT}/{}", made.id());
    served.pass("PT1S").await;
    let etag = served.get(&path).await.etag();
    assert_ne!(etag, made.etag());
    let change = json!({"displayName": "another draft"});
    let old = [("If-Match", made.etag())];
    let old: Vec<_> = old.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(served.call("PATCH", &path, &old, Some(&change)).await.status, 412);
    assert_eq!(served.call("PATCH", &path, &[], Some(&change)).await.status, 400);
    let new = [("If-Match", etag.as_str())];
    let patched = served.call("PATCH", &path, &new, Some(&change)).await;
    assert_eq!(patched.body["displayName"], "another draft");
    let etag = patched.etag();
    let deleted = served.call("DELETE", &path, &[("If-Match", &etag)], None).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(served.get(&path).await.code(), "notFound");
}

async fn assignments(served: &Served, path: &str) {
    let all = format!("{path}/accessAssignments");
    let made = served.post(&all, &assignment(FIRST_LINE, &[HELPDESK])).await;
    assert_eq!((made.status, made.body["status"].as_str()), (201, Some("pending")));
    let again = served.post(&all, &assignment(FIRST_LINE, &[MESSAGES])).await;
    assert_eq!((again.status, again.code()), (409, "conflict"));
    served.pass("PT1M").await;
    let own = format!("{all}/{}", made.id());
    let is = served.get(&own).await;
    let given = [("If-Match", is.etag())];
    let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let same = json!({"accessDetails": details(&[HELPDESK])});
    assert_eq!(served.call("PATCH", &own, &given, Some(&same)).await.status, 200);
    let both = json!({"accessDetails": details(&[HELPDESK, MESSAGES])});
    let changed = served.call("PATCH", &own, &given, Some(&both)).await;
    assert_eq!((changed.status, changed.header("retry-after")), (202, "10"));
    let operation = changed.header("location").to_owned();
    assert_eq!(served.get(&operation).await.body["status"], "notStarted");
    served.pass("PT1M").await;
    assert_eq!(served.get(&operation).await.body["status"], "succeeded");
    let etag = served.get(&own).await.etag();
    let deleted = served.call("DELETE", &own, &[("If-Match", &etag)], None).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(served.get(&all).await.list()[0]["status"], "deleting");
    served.pass("PT1M").await;
    assert_eq!(served.get(&all).await.list()[0]["status"], "deleted");
}

async fn removal(served: &Served, path: &str) {
    let etag = served.get(path).await.etag();
    let given = [("If-Match", etag.as_str())];
    let rest = json!({"accessDetails": details(&[HELPDESK, MESSAGES])});
    let removed = served.call("PATCH", path, &given, Some(&rest)).await;
    assert_eq!(removed.status, 202);
    let operation = removed.header("location").to_owned();
    assert_eq!(served.get(&operation).await.body["operationType"], "unknownFutureValue");
    let prefer = [("Prefer", "include-unknown-enum-members")];
    let newer = served.call("GET", &operation, &prefer, None).await;
    assert_eq!(newer.body["operationType"], "delegatedAdminRelationshipUpdate");
    assert_eq!(newer.header("preference-applied"), "include-unknown-enum-members");
    served.pass("PT1M").await;
    let roles = served.get(path).await.body["accessDetails"]["unifiedRoles"].clone();
    assert_eq!(roles.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_path_of_the_metadata_answers_as_the_metadata_says() {
    let served = Served::new(&[]).await;
    relationships(&served).await;
    let path = active(&served, "active", &[HELPDESK, MESSAGES, GLOBAL_ADMINISTRATOR]).await;
    removal(&served, &path).await;
    assignments(&served, &path).await;
    let requests = served.get(&format!("{path}/requests")).await;
    assert_eq!(requests.list()[0]["status"], "succeeded");
    let own = requests.list()[0]["id"].as_str().unwrap();
    served.get(&format!("{path}/requests/{own}")).await;
    assert_eq!(served.get(&format!("{path}/operations")).await.list().len(), 2);
    let customers = "/tenantRelationships/delegatedAdminCustomers";
    assert!(served.get(customers).await.list().iter().any(|it| it["displayName"] == "Fabrikam"));
    served.get(&format!("{customers}/{FABRIKAM}")).await;
    served.get(&format!("{customers}/{FABRIKAM}/serviceManagementDetails")).await;
    assert_eq!(
        served.get(&format!("/groups/{FIRST_LINE}")).await.body["displayName"],
        "First line"
    );
    let list = served
        .get(&format!("{ROOT}?$select=id,status&$filter=status eq 'active'&$count=true"))
        .await;
    assert_eq!(list.body["@odata.count"], 3);
    let batch = json!({"requests": [{"id": "1", "method": "GET", "url": path}]});
    let batch = served.post("/$batch", &batch).await;
    assert_eq!(batch.body["responses"][0]["body"]["displayName"], "active");
    let listed = served.get(&format!("{ROOT}?$top=300")).await;
    let reseller = "#microsoft.graph.resellerDelegatedAdminRelationship";
    assert!(listed.list().iter().any(|it| it["@odata.type"] == reseller));
    let missing: Vec<_> =
        Metadata::new().paths().difference(&served.seen.borrow()).cloned().collect();
    assert_eq!(missing, [""; 0], "nobody has called these");
}

#[tokio::test]
async fn what_is_refused_has_no_effect_and_says_why() {
    let served = Served::new(&["--empty"]).await;
    let path = active(&served, "active", &[HELPDESK]).await;
    let taken = served.post(ROOT, &wish("ACTIVE", &[HELPDESK])).await;
    assert_eq!((taken.status, taken.code()), (409, "conflict"));
    let mut long = wish(&"n".repeat(51), &[HELPDESK]);
    assert_eq!(served.post(ROOT, &long).await.status, 400);
    long["displayName"] = json!("two");
    long["duration"] = json!("P731D");
    assert_eq!(served.post(ROOT, &long).await.status, 400);
    let beyond = assignment(FIRST_LINE, &[MESSAGES]);
    assert_eq!(served.post(&format!("{path}/accessAssignments"), &beyond).await.status, 400);
    assert_eq!(
        served
            .post(&format!("{path}/requests"), &json!({"action": "lockForApproval"}))
            .await
            .status,
        400
    );
    for (path, status) in [
        (format!("{ROOT}/nothing"), 400),
        (format!("{ROOT}/{FABRIKAM}-{FABRIKAM}"), 404),
        (format!("{ROOT}?$filter=displayName eq 'active'"), 400),
        (format!("{ROOT}?$top=301"), 400),
        (format!("{path}/nothing"), 400),
        ("/users".to_owned(), 400),
    ] {
        assert_eq!(served.get(&path).await.status, status, "{path}");
    }
    assert_eq!(served.get(ROOT).await.list().len(), 1);
}

#[tokio::test]
async fn the_reader_reads_and_does_not_write() {
    let mut served = Served::new(&[]).await;
    served.log_in(READER).await;
    assert_eq!(served.get(ROOT).await.status, 200);
    let refused = served.post(ROOT, &wish("two", &[HELPDESK])).await;
    assert_eq!((refused.status, refused.code()), (403, "Authorization_RequestDenied"));
}

#[tokio::test]
async fn pages_and_batches_are_counted_as_they_are_asked_for() {
    let served = Served::new(&["--empty"]).await;
    for number in 0..7 {
        served.post(ROOT, &wish(&format!("number {number}"), &[HELPDESK])).await;
    }
    served.control("DELETE", "calls", &serde_json::Value::Null).await;
    let mut path = format!("{ROOT}?$top=3");
    let mut ids = Vec::new();
    loop {
        let page = served.get(&path).await;
        ids.extend(page.list().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let Some(next) = page.body["@odata.nextLink"].as_str() else { break };
        next.clone_into(&mut path);
    }
    assert_eq!(ids.len(), 7);
    assert_eq!(served.count("calls", &format!("GET {ROOT}")).await, 3);
    let requests: Vec<_> = ids
        .iter()
        .map(|id| json!({"id": id, "method": "GET", "url": format!("{ROOT}/{id}/accessAssignments")}))
        .collect();
    let batch = served.post("/$batch", &json!({"requests": requests})).await;
    let all = batch.body["responses"].as_array().unwrap();
    assert!(all.iter().all(|it| it["status"] == 200 && it["body"]["value"] == json!([])));
    assert_eq!(served.count("calls", "POST /$batch").await, 1);
    assert_eq!(served.count("batched", &format!("GET {ROOT}/{{id}}/accessAssignments")).await, 7);
}
