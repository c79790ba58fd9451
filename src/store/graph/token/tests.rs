//! What is made of the answers of a login.
//!
//! Never: a call.

use super::*;
use crate::{
    api::Cloud,
    domain::connection::{Groups, Hosts, Pace, Proof},
};

#[test]
fn tokens_are_for_the_graph_of_the_cloud_also_at_another_port() {
    let mut connection = Connection {
        file: "graph.yaml".into(),
        partner: TenantId::from_u128(1),
        cloud: Cloud::Global,
        ledger: "sqlite:a.db".to_owned(),
        reader: Credential {
            client_id: uuid::Uuid::nil(),
            proof: Proof::ClientSecret { file: "s".into() },
        },
        writer: None,
        groups: Groups::Off,
        pace: Pace::default(),
        hosts: None,
    };
    for (cloud, graph, expected) in [
        (Cloud::Global, None, "https://graph.microsoft.com/.default"),
        (Cloud::USGovL4, None, "https://graph.microsoft.us/.default"),
        (Cloud::USGovDoD, None, "https://dod-graph.microsoft.us/.default"),
        (Cloud::China21Vianet, None, "https://microsoftgraph.chinacloudapi.cn/.default"),
        (Cloud::USGovL4, Some("graph.microsoft.us:8443"), "https://graph.microsoft.us/.default"),
        (Cloud::USGovL4, Some("localhost:8443"), "https://localhost:8443/.default"),
    ] {
        connection.cloud = cloud;
        connection.hosts =
            graph.map(|graph| Hosts { login: None, graph: Some(graph.to_owned()), ca: None });
        assert_eq!(scope(&connection), expected);
    }
}

#[test]
fn the_tenant_of_a_token_is_read_where_it_says_so() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let token = |claims: &str| format!("{}.{}.{}", part("{}"), part(claims), part("x"));
    let cases = [
        (token("{\"tid\":\"a\"}"), Some("a")),
        (format!("{}=.x", token("{}")), None),
        (token("{\"tid\":1}"), None),
        (token("[]"), None),
        (token("not json"), None),
        ("emulator-abc.def".to_owned(), None),
        (String::new(), None),
        ("..".to_owned(), None),
    ];
    for (token, expected) in cases {
        assert_eq!(tenant(&token).as_deref(), expected, "{token}");
    }
}

#[test]
fn a_token_lives_as_long_as_is_said_and_no_longer_than_any() {
    let cases = [
        ("{\"expires_in\":3599}", Some(3599)),
        ("{\"expires_in\":0}", None),
        ("{\"expires_in\":-1}", None),
        ("{\"expires_in\":9223372036854775807}", None),
        ("{\"expires_in\":\"3599\"}", None),
        ("{}", None),
        ("<html>", None),
    ];
    for (body, expected) in cases {
        assert_eq!(life(body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn a_denial_is_told_in_words_with_the_way_out() {
    let body = |code: u64, text: &str| {
        serde_json::json!({"error": "invalid_client", "error_codes": [code], "error_description": text}).to_string()
    };
    let cases = [
        (
            7_000_215,
            "AADSTS7000215: Invalid client secret provided. Trace ID: a Correlation ID: b",
            "the secret is wrong",
        ),
        (7_000_222, "AADSTS7000222: expired", "the secret is over"),
        (700_016, "AADSTS700016: x", "not registered in the partner's tenant"),
        (700_027, "AADSTS700027: x", "certificate is not registered"),
        (90_002, "AADSTS90002: x", "no such tenant"),
        (700_024, "AADSTS700024: x", "clock"),
        (700_213, "AADSTS700213: x", "federated credential"),
        (53_003, "AADSTS53003: x", "conditional access"),
        (123, "x\ny", "AADSTS123: x"),
    ];
    for (code, text, expected) in cases {
        let said = denial(body(code, text).as_bytes()).unwrap();
        assert!(said.contains(expected), "{said}");
        assert!(said.contains(&format!("AADSTS{code}")), "{said}");
        assert!(!said.contains("Trace") && !said.contains('y') || code != 123, "{said}");
    }
    let long = denial(body(1, &"x".repeat(5000)).as_bytes()).unwrap();
    assert!(long.len() < 400, "{}", long.len());
    let secret =
        denial(body(1, "the secret abc8Q~Zr1SxQkPz7wLmNoPqRsTuVwXyZ0123456 is wrong").as_bytes());
    assert!(!secret.unwrap().contains("Zr1SxQ"));
    assert_eq!(denial(b"<html>"), None);
    assert_eq!(denial(b"{\"error\":{\"code\":\"x\"}}"), None);
}
