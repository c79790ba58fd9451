//! Asks an emulator that runs, over its own paths.
//!
//! Never: an address that its folder does not name, or an answer of somebody whom its authority does not vouch for.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::folder::{self, Reached};

/// How long an answer may take.
const LONGEST: Duration = Duration::from_secs(20);
const LARGEST: usize = 64 << 20;

/// The answer of the emulator whose folder this is; what it refuses comes back in words.
///
/// # Errors
/// Where none can be asked.
pub async fn ask(
    dir: &Path,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Result<Value, String>> {
    let asking = asked(dir, method, path, body);
    timeout(LONGEST, asking).await.map_err(|_| anyhow!("the emulator does not answer"))?
}

async fn asked(
    dir: &Path,
    method: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Result<Value, String>> {
    let Reached { address, authority, token } = folder::running(dir)?;
    let socket = TcpStream::connect(address).await.with_context(|| {
        let dir = dir.display();
        format!("no emulator listens on `{address}` any more: start one with `concordat emulate --dir {dir}`")
    })?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost")?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .context("whoever listens there is not the emulator of this folder")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method)
        .uri(format!("/_emulator/{path}"))
        .header("host", "localhost")
        .header("x-emulator-token", token.expose_secret())
        .header("content-type", "application/json")
        .header("connection", "close")
        .body(Full::new(Bytes::from(text)))?;
    let answering = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| anyhow!("{error}"))?.to_bytes();
        let body: Value = serde_json::from_slice(&body)?;
        anyhow::Ok((status, body))
    };
    let (answered, _) = tokio::join!(answering, connection);
    let (status, body) = answered?;
    if status.is_success() {
        return Ok(Ok(body));
    }
    Ok(Err(body["error"]["message"].as_str().unwrap_or("it gave no reason").to_owned()))
}
