//! The clouds of Microsoft, each under the names of its own hosts, which lead to the emulator here.
//!
//! Never: a call to Microsoft.

use std::net::SocketAddr;

use concordat::{
    domain::connection::{Connection, hosts},
    manifest::read_connection,
    store::{
        StoreError,
        graph::{As, Graph, everything},
    },
};
use serde_json::{Value, json};

use super::{LOGIN, folder, reader, rule, stage};
use crate::emulator::served::{ROOT, Served, client};

/// A connection to a cloud that names no hosts.
fn plain(served: &Served, cloud: &str) -> Connection {
    let file = folder(served).join("cloud.yaml");
    let text = format!(
        "partner: aaaabbbb-0000-cccc-1111-dddd2222eeee\ncloud: {cloud}\n\
         reader: {{clientSecret: {{clientId: 11111111-aaaa-4bbb-8ccc-111111111111, file: reader.secret}}}}\n"
    );
    std::fs::write(&file, text).unwrap();
    read_connection(&file).unwrap()
}

/// Its reader, over a line on which the two hosts of the cloud are the emulator, and no other is anywhere.
fn led_here(served: &Served, connection: &Connection) -> Graph {
    let (_, port) = served.url.rsplit_once(':').unwrap();
    let here = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let cloud = hosts(connection.cloud);
    let line = |host: &str| client(&served.place, |line| line.resolve(host, here)).into();
    Graph::over(connection, As::Reader, line(cloud.login), line(cloud.graph)).unwrap()
}

#[tokio::test]
async fn each_cloud_is_asked_under_the_names_of_its_own_hosts_and_lists_go_on_there() {
    let (served, _) = stage().await;
    for (cloud, login, host) in [
        ("Global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("USGovL4", "login.microsoftonline.us", "graph.microsoft.us"),
        ("USGovDoD", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("China21Vianet", "login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"),
    ] {
        let connection = plain(&served, cloud);
        assert_eq!((connection.login_host(), connection.graph_host()), (login, host), "{cloud}");
        assert_eq!((connection.elsewhere(), connection.graph_authority()), (None, None), "{cloud}");
        served.control("DELETE", "calls", &Value::Null).await;
        let graph = led_here(&served, &connection);
        let page = graph.get(&format!("{ROOT}?$top=4")).await.unwrap();
        let page: Value = serde_json::from_slice(&page.body).unwrap();
        let next = page["@odata.nextLink"].as_str().unwrap();
        assert!(next.starts_with(&format!("https://{host}/v1.0{ROOT}?")), "{next}");
        assert_eq!(graph.get_next(next).await.unwrap().status, 200, "{cloud}");
        assert_eq!(served.count("calls", LOGIN).await, 1, "{cloud}");
        assert_eq!(everything(&graph).await.unwrap().relationships.len(), 7, "{cloud}");
    }
}

#[tokio::test]
async fn a_cloud_without_delegated_administration_is_told_after_one_call() {
    let (served, local) = stage().await;
    let none = "BadRequest: Resource not found for the segment 'tenantRelationships'.";
    let fault = json!({"kind": "refuse", "status": 400, "code": none});
    served.fault(&rule("GET", ROOT, None, &fault)).await;
    for graph in [led_here(&served, &plain(&served, "China21Vianet")), reader(&local)] {
        served.control("DELETE", "calls", &Value::Null).await;
        let error = everything(&graph).await.unwrap_err();
        assert!(matches!(error, StoreError::NotOffered { .. }), "{error}");
        assert_eq!(error.code().to_string(), "C0635");
        assert!(error.to_string().contains("not part of this cloud's Graph"), "{error}");
        assert_eq!(served.count("calls", &format!("GET {ROOT}")).await, 1);
    }
    let ran = served.place.run(&["doctor", "--store", "graph:emulator/graph.yaml"]);
    assert!(ran.code == Some(1) && ran.stdout.contains("[C0635]"), "{}", ran.stdout);
}
