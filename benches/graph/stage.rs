//! The emulator of Microsoft Graph that is measured against, and the program that is run beside it.
//!
//! Never: a figure; the benchmarks know what is measured.

#![allow(dead_code, reason = "each benchmark uses what it needs")]

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use concordat::{
    api::Cloud,
    domain::connection::{Connection, Credential, Groups, Hosts, Pace, Proof},
    emulator::{Content, Emulator, Options, READER, WRITER},
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub const ROOT: &str = "/tenantRelationships/delegatedAdminRelationships";
pub const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
pub const GROUPS: usize = 6;
pub const GRAPH: [&str; 2] = ["--store", "graph:graph.yaml"];
/// The most that the file of a connection admits.
pub const READS_PER_SECOND: u16 = 10_000;

/// A run of the program: how long it took, the most memory that it had, and what it printed.
pub struct Ran {
    pub took: Duration,
    pub megabytes: u64,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the program in a folder, beside the emulator.
pub async fn run(place: &Path, words: &[&str]) -> Ran {
    let place = place.to_owned();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    tokio::task::spawn_blocking(move || ran(&place, &words)).await.unwrap()
}

/// What it prints goes to a file, so that it never waits for a reader.
fn ran(place: &Path, words: &[String]) -> Ran {
    let answer = place.join("stdout");
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_concordat"))
        .args(words)
        .current_dir(place)
        .env_remove("CONCORDAT_STORE")
        .stdout(File::create(&answer).unwrap())
        .stderr(File::create(place.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut megabytes = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let peak = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        megabytes = megabytes.max(peak.unwrap_or(0) / 1_000);
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = began.elapsed();
    let stdout = std::fs::read_to_string(answer).unwrap();
    let stderr = std::fs::read_to_string(place.join("stderr")).unwrap();
    Ran { took, megabytes, code: ended.code().unwrap(), stdout, stderr }
}

pub struct Stage {
    pub client: reqwest::Client,
    pub url: String,
    control: String,
    pub token: String,
    pub connection: Connection,
}

impl Stage {
    pub async fn new(place: PathBuf) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = Options { content: Content::Empty, factor: 0, ..Options::default() };
        let emulator = Emulator::listen(&options).await.unwrap();
        let host = format!("localhost:{}", emulator.address.port());
        std::fs::write(place.join("ca.pem"), &emulator.authority).unwrap();
        for (file, secret) in [("secret", &emulator.reader), ("writer", &emulator.writer)] {
            std::fs::write(place.join(file), secret.expose_secret()).unwrap();
        }
        let authority = reqwest::Certificate::from_pem(emulator.authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
        let control = emulator.control.expose_secret().to_owned();
        let writer = emulator.writer.expose_secret().to_owned();
        let connection = Connection {
            file: place.join("graph.yaml"),
            partner: emulator.partner.parse().unwrap(),
            cloud: Cloud::Global,
            ledger: "sqlite:none.db".to_owned(),
            reader: Credential {
                client_id: READER.parse().unwrap(),
                proof: Proof::ClientSecret { file: place.join("secret") },
            },
            writer: None,
            groups: Groups::Off,
            pace: Pace { in_flight: 8, reads_per_second: u16::MAX, writes_per_second: 10 },
            hosts: Some(Hosts {
                login: Some(host.clone()),
                graph: Some(host.clone()),
                ca: Some(place.join("ca.pem")),
            }),
        };
        let partner = emulator.partner.clone();
        // It has a thread of its own, as the service has a machine of its own.
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.unwrap().block_on(emulator.serve(CancellationToken::new()));
        });
        let url = format!("https://{host}");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", WRITER),
            ("client_secret", &writer),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let login = format!("{url}/{partner}/oauth2/v2.0/token");
        let answer: Value =
            client.post(login).form(&form).send().await.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { client, url, control, token, connection }
    }

    pub async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}/_emulator/{path}", self.url));
        let mut request = request.bearer_auth(&self.control);
        if !body.is_null() {
            request = request.json(body);
        }
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    pub async fn get(&self, url: &str) -> Value {
        let request = self.client.get(url).bearer_auth(&self.token);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// The answers to requests, in their order.
    pub async fn batch(&self, requests: Vec<(&str, String, Value)>) -> Vec<Value> {
        let numbered = (0..).zip(requests).map(|(number, (method, url, body)): (usize, _)| {
            let mut request = json!({"id": number.to_string(), "method": method, "url": url});
            if !body.is_null() {
                request["body"] = body;
                request["headers"] = json!({"Content-Type": "application/json"});
            }
            request
        });
        let body = json!({"requests": numbered.collect::<Vec<_>>()});
        let request = self.client.post(format!("{}/v1.0/$batch", self.url));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        let answer: Value = answer.error_for_status().unwrap().json().await.unwrap();
        let all = answer["responses"].as_array().unwrap();
        assert!(all.iter().all(|one| one["status"].as_u64() < Some(300)), "{answer:#}");
        all.iter().map(|one| one["body"].clone()).collect()
    }

    /// Writes the connection for the program.
    pub fn write_connection(&self) {
        let hosts = self.connection.hosts.as_ref().unwrap();
        let host = hosts.graph.as_ref().unwrap();
        let file = json!({
            "partner": self.connection.partner, "cloud": "Global", "ledger": "sqlite:graph.db",
            "reader": {"clientSecret": {"clientId": READER, "file": "secret"}},
            "writer": {"clientSecret": {"clientId": WRITER, "file": "writer"}},
            "pace": {
                "inFlight": 8, "readsPerSecond": READS_PER_SECOND,
                "writesPerSecond": READS_PER_SECOND,
            },
            "hosts": {"login": host, "graph": host, "ca": "ca.pem"},
        });
        std::fs::write(&self.connection.file, file.to_string()).unwrap();
    }

    /// Calls of Graph since the counts were forgotten.
    pub async fn calls(&self) -> usize {
        let counts = self.control("GET", "counts", &Value::Null).await;
        let calls = counts["calls"].as_object().unwrap().iter();
        let calls = calls.filter(|(name, _)| !name.contains("token"));
        calls.map(|(_, count)| usize::try_from(count.as_u64().unwrap()).unwrap()).sum()
    }
}
