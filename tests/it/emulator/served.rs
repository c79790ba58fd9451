//! An emulator that runs as a program of its own, and a plain HTTP client that trusts it.
//!
//! Never: an answer of Graph that is not compared with Microsoft's metadata.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    io::{BufRead, BufReader, Read as _},
    process::{Child, Stdio},
};

use reqwest::{Client, Method, Response, header::HeaderMap};
use serde_json::{Value, json};

use super::metadata::Metadata;
use crate::program::{Place, Ran};

pub const TENANT: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub const READER: &str = "11111111-aaaa-4bbb-8ccc-111111111111";
pub const WRITER: &str = "22222222-aaaa-4bbb-8ccc-222222222222";
pub const ROOT: &str = "/tenantRelationships/delegatedAdminRelationships";

/// An emulator, in a folder of its own.
pub struct Served {
    pub place: Place,
    pub url: String,
    child: Child,
    client: Client,
    token: String,
    metadata: Metadata,
    /// Each path of the metadata that was called, with the status.
    pub seen: RefCell<BTreeSet<String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answered {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    pub fn etag(&self) -> String {
        self.body["@odata.etag"].as_str().unwrap().to_owned()
    }

    pub fn list(&self) -> &[Value] {
        self.body["value"].as_array().unwrap()
    }
}

impl Served {
    /// One whose clock stands still until it is moved, with the writer's token.
    pub async fn new(more: &[&str]) -> Self {
        Self::at(Place::new(), more).await
    }

    /// Stops this one, and starts another in its place.
    pub async fn again(mut self) -> Self {
        self.end("-TERM");
        let place = std::mem::replace(&mut self.place, Place::new());
        Self::at(place, &[]).await
    }

    async fn at(place: Place, more: &[&str]) -> Self {
        let words = [
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--dir",
            "emulator",
            "--clock",
            "0",
            "--seed",
            "7",
        ];
        let (child, url) = started(&place, &[&words, more].concat());
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = client(&place, |builder| builder);
        let metadata = Metadata::new();
        let token = String::new();
        let seen = RefCell::default();
        let mut served = Self { place, url, child, client, token, metadata, seen };
        served.log_in(WRITER).await;
        served
    }

    /// From now on as this app.
    pub async fn log_in(&mut self, app: &str) {
        let answer = self.token(TENANT, &self.form(app)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    /// What an app sends to the login.
    pub fn form(&self, app: &str) -> Vec<(&'static str, String)> {
        vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", app.to_owned()),
            ("client_secret", self.secret(app)),
            ("scope", "https://graph.microsoft.com/.default".to_owned()),
        ]
    }

    pub fn secret(&self, app: &str) -> String {
        let name = if app == READER { "reader" } else { "writer" };
        let path = self.place.path().join(format!("emulator/{name}.secret"));
        std::fs::read_to_string(path).unwrap()
    }

    /// What the login answers.
    pub async fn token(&self, tenant: &str, form: &[(&'static str, String)]) -> Answered {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.url);
        read(self.client.post(url).form(form).send().await.unwrap()).await
    }

    /// Any call, as it is.
    pub fn request(&self, method: &str, url: &str) -> reqwest::RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.client.request(method, url).bearer_auth(&self.token)
    }

    /// A call of Graph.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answered {
        let url = if path.starts_with("https:") {
            path.to_owned()
        } else {
            format!("{}/v1.0{path}", self.url)
        };
        let mut request = self.request(method, &url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = read(request.send().await.unwrap()).await;
        self.fits(method, &url, headers, body, &answer);
        answer
    }

    /// Compares a call and its answer with Microsoft's metadata.
    fn fits(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
        answer: &Answered,
    ) {
        assert!(!answer.header("request-id").is_empty() && !answer.header("date").is_empty());
        if answer.status >= 400 {
            assert!(
                answer.body["error"]["innerError"]["request-id"].is_string(),
                "{}",
                answer.body
            );
            return;
        }
        let path = url.strip_prefix(&format!("{}/v1.0", self.url)).unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let prefers = headers.iter().any(|(name, _)| *name == "Prefer");
        let selects = query.contains("$select");
        let key =
            self.metadata.fits(method, path, answer.status, body, &answer.body, prefers, selects);
        self.seen.borrow_mut().insert(key);
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.call("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answered {
        self.call("POST", path, &[], Some(body)).await
    }

    /// What opens the emulator's own paths.
    pub fn control_token(&self) -> String {
        let path = self.place.path().join("emulator/emulator.json");
        let running: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        running["token"].as_str().unwrap().to_owned()
    }

    /// The emulator's own paths.
    pub async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_control(method, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The same, where it may be refused.
    pub async fn try_control(&self, method: &str, path: &str, body: &Value) -> Answered {
        let method: Method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}/_emulator/{path}", self.url));
        let mut request = request.bearer_auth(self.control_token());
        request = request.header("content-type", "application/json");
        if !body.is_null() {
            request = request.json(body);
        }
        read(request.send().await.unwrap()).await
    }

    pub async fn pass(&self, time: &str) {
        self.control("POST", "clock", &json!({"by": time})).await;
    }

    pub async fn fault(&self, rule: &Value) {
        self.control("POST", "faults", rule).await;
    }

    /// The program beside the one that serves.
    pub fn run(&self, words: &[&str]) -> Ran {
        self.place.run(&[&["emulate"], words, &["--dir", "emulator"]].concat())
    }

    /// How many answers there were to calls of this pattern.
    pub async fn count(&self, kind: &str, pattern: &str) -> u64 {
        let counts = self.control("GET", "counts", &Value::Null).await;
        counts[kind][pattern].as_u64().unwrap_or_default()
    }

    /// Ends it as a person would, and gives what it said.
    pub fn stop(self) -> (Option<i32>, String) {
        let ((code, ()), said) = self.stop_keeping(|| ());
        (code, said)
    }

    /// The same, and what there is then in its place.
    pub fn stop_keeping<T>(mut self, look: impl FnOnce() -> T) -> ((Option<i32>, T), String) {
        let code = self.end("-INT");
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        ((code, look()), said)
    }

    fn end(&mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An emulator that listens, and where.
pub fn started(place: &Place, words: &[&str]) -> (Child, String) {
    let mut command = place.command(words);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let url = url.trim().to_owned();
    if url.is_empty() {
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        panic!("it did not start: {said}");
    }
    (child, url)
}

/// A client that trusts the emulator of this folder and nobody else.
pub fn client(
    place: &Place,
    change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Client {
    let authority = std::fs::read(place.path().join("emulator/ca.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    let builder = Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        // Between two calls of a test the program may run for long, and the emulator closes a line that is idle.
        .pool_max_idle_per_host(0)
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none());
    change(builder).build().unwrap()
}

pub async fn read(response: Response) -> Answered {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    Answered { status, headers, body }
}

/// What a partner sends to make a relationship.
pub fn wish(name: &str, roles: &[&str]) -> Value {
    json!({
        "displayName": name,
        "duration": "P730D",
        "customer": {"tenantId": "bbbbcccc-1111-dddd-2222-eeee3333ffff"},
        "accessDetails": details(roles),
    })
}

pub fn details(roles: &[&str]) -> Value {
    let roles: Vec<Value> = roles.iter().map(|role| json!({"roleDefinitionId": role})).collect();
    json!({"unifiedRoles": roles})
}

pub fn assignment(group: &str, roles: &[&str]) -> Value {
    json!({
        "accessContainer": {"accessContainerId": group, "accessContainerType": "securityGroup"},
        "accessDetails": details(roles),
    })
}
