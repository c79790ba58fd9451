//! Where a token may go, and what is said of refusals.
//!
//! Never: a call.

use super::*;
use crate::domain::connection::{Credential, Groups, Hosts, Pace as Set, Proof};

fn connection(host: &str) -> Connection {
    let credential = Credential {
        client_id: uuid::Uuid::nil(),
        proof: Proof::ClientSecret { file: "s".into() },
    };
    Connection {
        file: "graph.yaml".into(),
        partner: "aaaabbbb-0000-cccc-1111-dddd2222eeee".parse().unwrap(),
        cloud: crate::api::Cloud::Global,
        ledger: "sqlite:a.db".to_owned(),
        reader: credential,
        writer: None,
        groups: Groups::Off,
        pace: Set::default(),
        hosts: Some(Hosts { login: None, graph: Some(host.to_owned()), ca: None }),
    }
}

fn graph(host: &str) -> Graph {
    Graph::open(&connection(host), As::Reader).unwrap()
}

#[test]
fn without_a_writer_nobody_writes() {
    let error = Graph::open(&connection("graph.example"), As::Writer).unwrap_err();
    assert!(error.to_string().contains("it has no `writer`"), "{error}");
}

#[test]
fn a_token_goes_to_one_host_and_below_one_path() {
    let own = graph("graph.example:8443");
    let cases = [
        ("https://graph.example:8443/v1.0/a?$skiptoken=x", true),
        ("https://GRAPH.example:8443/v1.0/a", true),
        ("https://graph.example:8443/v1.0/a%2Fb", true),
        ("http://graph.example:8443/v1.0/a", false),
        ("https://graph.example/v1.0/a", false),
        ("https://graph.example:8444/v1.0/a", false),
        ("https://graph.example.evil:8443/v1.0/a", false),
        ("https://evil.example:8443/v1.0/a", false),
        ("https://graph.example:8443@evil.example/v1.0/a", false),
        ("https://user@graph.example:8443/v1.0/a", false),
        ("https://evil.example\\@graph.example:8443/v1.0/a", false),
        ("https://graph.example:8443/v1.0/../beta/a", false),
        ("https://graph.example:8443/v1.0/%2e%2e/beta/a", false),
        ("https://graph.example:8443/beta/a", false),
        ("https://graph.example:8443/v1.0", false),
        ("//graph.example:8443/v1.0/a", false),
        ("/v1.0/a", false),
        ("", false),
    ];
    for (link, expected) in cases {
        let is_own = Url::parse(link).is_ok_and(|url| own.is_own(&url));
        assert_eq!(is_own, expected, "{link}");
    }
    assert!(own.below("/tenantRelationships?$top=1").is_ok());
    for path in ["/../beta/x", "/a/../../x", "/%2e%2e/%2e%2e/x"] {
        assert!(own.below(path).is_err(), "{path}");
    }
    let plain = graph("graph.microsoft.com");
    assert!(plain.is_own(&Url::parse("https://graph.microsoft.com:443/v1.0/a").unwrap()));
}

fn refused(status: u16, body: &str, challenge: Option<&str>) -> Answer {
    Answer {
        status,
        body: body.as_bytes().to_vec(),
        date: None,
        retry_after: None,
        request_id: Some("1-2".to_owned()),
        location: None,
        challenge: challenge.map(str::to_owned),
    }
}

#[test]
fn a_refusal_names_what_is_missing() {
    let own = graph("graph.example");
    let ask = |path: &str| Ask {
        method: Method::GET,
        url: own.below(path).unwrap(),
        body: None,
        requests: 1,
    };
    let body =
        r#"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges."}}"#;
    let relationships = own.forbidden(&ask("/tenantRelationships"), &refused(403, body, None));
    assert_eq!(
        relationships.to_string(),
        "`graph.example` does not allow it: the app needs the application permission \
         `DelegatedAdminRelationship.Read.All`, and an administrator's consent to it in the partner's tenant \
         (Authorization_RequestDenied: Insufficient privileges.; request-id 1-2)"
    );
    let groups = own.forbidden(&ask("/groups/x"), &refused(403, "nothing", None)).to_string();
    assert!(groups.contains("`Group.Read.All`"), "{groups}");
    let challenge = Some("Bearer error=\"insufficient_claims\", claims=\"eyJ\"");
    let claims = own.forbidden(&ask("/a"), &refused(403, body, challenge)).to_string();
    assert!(claims.contains("conditional access") && !claims.contains("eyJ"), "{claims}");
    let claims = own.not_let_in(&refused(401, body, challenge)).to_string();
    assert!(claims.contains("conditional access"), "{claims}");
}

#[test]
fn waits_grow_and_differ() {
    for tries in 1..40 {
        let whole = FIRST_WAIT * 2_u32.saturating_pow(tries - 1).min(64);
        let wait = backoff(tries);
        assert!(wait >= whole / 2 && wait <= whole, "{tries}: {wait:?}");
    }
}
