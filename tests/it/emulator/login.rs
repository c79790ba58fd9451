//! The login, under its own address and under Microsoft's names, and what a token is good for.
//!
//! Never: a token that is good for longer, or for more, than it says.

use serde_json::{Value, json};

use super::served::{READER, ROOT, Served, TENANT, client, read};

#[tokio::test]
async fn whoever_proves_nothing_gets_the_code_that_says_why() {
    let served = Served::new(&[]).await;
    let cases: [(&str, &str, &str, u64); 5] = [
        (TENANT, "client_secret", "wrong", 7_000_215),
        (TENANT, "client_id", "nobody", 700_016),
        (TENANT, "grant_type", "password", 70_003),
        (TENANT, "scope", "User.Read", 70_011),
        ("bbbbcccc-1111-dddd-2222-eeee3333ffff", "client_id", READER, 90_002),
    ];
    for (tenant, name, value, code) in cases {
        let mut form = served.form(READER);
        form.iter_mut().find(|(own, _)| *own == name).unwrap().1 = value.to_owned();
        let answer = served.token(tenant, &form).await;
        assert_eq!(answer.body["error_codes"], json!([code]), "{name}={value}: {}", answer.body);
        assert!(answer.status == 400 || answer.status == 401);
    }
    let calls = served.control("GET", "calls", &Value::Null).await.to_string();
    assert!(!calls.contains(&served.secret(READER)), "a secret was kept");
}

#[tokio::test]
async fn a_token_ends_by_the_clock_of_the_service_and_a_strange_one_is_none() {
    let mut served = Served::new(&[]).await;
    assert_eq!(served.get(ROOT).await.status, 200);
    served.pass("PT3598S").await;
    assert_eq!(served.get(ROOT).await.status, 200);
    served.pass("PT1S").await;
    let over = served.get(ROOT).await;
    assert_eq!((over.status, over.code()), (401, "InvalidAuthenticationToken"));
    served.log_in(READER).await;
    assert_eq!(served.get(ROOT).await.status, 200);
    let other = Served::new(&[]).await;
    let url = format!("{}/v1.0{ROOT}", other.url);
    let token = served.token(TENANT, &served.form(READER)).await.body["access_token"].clone();
    let request = client(&other.place, |it| it).get(url).bearer_auth(token.as_str().unwrap());
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_token_of_another_tenant_sees_nothing_and_a_federated_one_is_taken() {
    let served = Served::new(&[]).await;
    let other = "12345678-1111-4222-8333-444444444444";
    let app = json!({
        "clientId": READER, "tenant": other, "roles": ["DelegatedAdminRelationship.Read.All"],
        "issuer": "https://issuer.example", "subject": "system:serviceaccount:concordat"
    });
    served.control("POST", "apps", &app).await;
    let part = |value: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let claims = json!({
        "iss": "https://issuer.example", "sub": "system:serviceaccount:concordat",
        "aud": "api://AzureADTokenExchange", "exp": jiff::Timestamp::now().as_second() + 60
    });
    let assertion = format!("{}.{}.x", part(json!({"alg": "RS256"})), part(claims));
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", READER.to_owned()),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
        ),
        ("client_assertion", assertion),
        ("scope", "https://graph.microsoft.com/.default".to_owned()),
    ];
    let token = served.token(other, &form).await;
    let token = token.body["access_token"].as_str().unwrap();
    let request = client(&served.place, |it| it).get(format!("{}/v1.0{ROOT}", served.url));
    let answer = read(request.bearer_auth(token).send().await.unwrap()).await;
    assert_eq!((answer.status, answer.list().len()), (200, 0));
}

#[tokio::test]
async fn it_answers_under_microsofts_names_to_whoever_looks_them_up_here() {
    let served = Served::new(&[]).await;
    let port: u16 = served.url.rsplit(':').next().unwrap().parse().unwrap();
    let here = ([127, 0, 0, 1], port).into();
    for (login, graph) in [
        ("login.microsoftonline.com", "graph.microsoft.com"),
        ("login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"),
    ] {
        let client = client(&served.place, |it| it.resolve(login, here).resolve(graph, here));
        let discovery =
            format!("https://{login}:{port}/{TENANT}/v2.0/.well-known/openid-configuration");
        let discovery = read(client.get(discovery).send().await.unwrap()).await;
        let endpoint = discovery.body["token_endpoint"].as_str().unwrap();
        assert!(endpoint.starts_with(&format!("https://{login}:{port}/{TENANT}/")), "{endpoint}");
        let token =
            read(client.post(endpoint).form(&served.form(READER)).send().await.unwrap()).await;
        let token = token.body["access_token"].as_str().unwrap();
        let request = client.get(format!("https://{graph}:{port}/v1.0{ROOT}?$top=1"));
        let page = read(request.bearer_auth(token).send().await.unwrap()).await;
        let next = page.body["@odata.nextLink"].as_str().unwrap();
        assert!(next.starts_with(&format!("https://{graph}:{port}/v1.0{ROOT}?")), "{next}");
    }
}
