//! One call over one line: what is sent, how long is waited, and how much is taken of the answer.
//!
//! Never: a redirect that is followed, a certificate that is not looked at, or more of a body than allowed.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use reqwest::{
    Client, Method, RequestBuilder, Response, Url,
    header::{DATE, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::harmless;
use crate::store::StoreError;

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a call may take, to the last byte of its answer.
pub const CALL_LIMIT: Duration = Duration::from_secs(20);
/// The most bytes of an answer: 16 MiB.
pub const BODY_LIMIT: usize = 16 << 20;

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// The service's clock, where it told it.
    pub date: Option<Timestamp>,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// Under which id it knows the call.
    pub request_id: Option<String>,
    /// Where it points to. Nobody goes there by itself.
    pub location: Option<String>,
    /// What more it wants to see of the app.
    pub challenge: Option<String>,
}

/// The body may be a token.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There was no connection, so nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// The line was cut or was silent for too long: it may have been done.
    #[error("{0}")]
    Cut(String),
    /// The answer is larger than [`BODY_LIMIT`].
    #[error("the answer holds more than {} MiB", BODY_LIMIT >> 20)]
    TooLarge,
}

/// A client of TLS for Graph and the login.
#[derive(Debug, Clone)]
pub struct Transport {
    client: Client,
}

impl Transport {
    /// One that trusts the authority in this file alone, or whom this machine trusts where none is named: whoever is sent a
    /// secret is vouched for by nobody besides. `within` is the limit of a call.
    ///
    /// # Errors
    /// Where nobody is trusted, or the file holds no certificate.
    pub fn new(authority: Option<&Path>, within: Duration) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = authority {
            add(&mut roots, file)?;
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() {
            return Err("this machine has no certificates that it trusts: install them \
                        (`ca-certificates`), or name a file with SSL_CERT_FILE"
                .to_owned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            // Who asks again knows what is asked.
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .timeout(within)
            .user_agent(concat!("concordat/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| in_words(&error))?;
        Ok(Self { client })
    }

    /// A call, to be filled in.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a call and takes the answer whole.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, Lost> {
        let response = request.send().await.map_err(|error| lost(&error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = body(response).await?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE.as_str()).and_then(http_date);
        Ok(Answer {
            status,
            body,
            date,
            retry_after: text(RETRY_AFTER.as_str()).and_then(|it| retry_after(it, date)),
            request_id: request_id(&headers),
            location: text(LOCATION.as_str()).map(str::to_owned),
            challenge: text(WWW_AUTHENTICATE.as_str()).map(str::to_owned),
        })
    }
}

/// One that reaches and trusts hosts as whoever has made it says.
impl From<Client> for Transport {
    fn from(client: Client) -> Self {
        Self { client }
    }
}

/// Trusts each certificate of a file.
fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let name = super::harmless(&file.display().to_string());
    let bytes = super::proof::bytes(file).map_err(|error| format!("`hosts.ca`: {error}"))?;
    let none = || {
        format!(
            "the file `{name}` of `hosts.ca` holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)"
        )
    };
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|_| none())?;
        roots.add(certificate).map_err(|_| none())?;
        added += 1;
    }
    if added == 0 { Err(none()) } else { Ok(()) }
}

/// Why a file was not read.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors are not ours to list")]
pub(super) fn unread(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "is not there",
        std::io::ErrorKind::PermissionDenied => "may not be read by this user",
        std::io::ErrorKind::IsADirectory => "is a folder",
        std::io::ErrorKind::InvalidData => "is no text",
        _ => "cannot be read",
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, Lost> {
    let said = response.content_length().unwrap_or_default();
    if said > BODY_LIMIT as u64 {
        return Err(Lost::TooLarge);
    }
    let mut body = Vec::with_capacity(usize::try_from(said).unwrap_or_default());
    while let Some(part) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + part.len() > BODY_LIMIT {
            return Err(Lost::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn lost(error: &reqwest::Error) -> Lost {
    let reason = in_words(error);
    if error.is_connect() || error.is_builder() { Lost::NotSent(reason) } else { Lost::Cut(reason) }
}

/// What happened on the line, without the address, which the caller names.
fn in_words(error: &reqwest::Error) -> String {
    if let Some(reason) = of_tls(error) {
        return reason;
    }
    if error.is_timeout() {
        return "it does not answer in time".to_owned();
    }
    let innermost = causes(error).last().map(ToString::to_string);
    let reason = innermost.filter(|_| error.source().is_some());
    match reason {
        Some(reason) if error.is_connect() => format!("no connection: {}", harmless(&reason)),
        Some(reason) => format!("the line was cut: {}", harmless(&reason)),
        None => "the line was cut".to_owned(),
    }
}

type Cause<'e> = &'e (dyn Error + 'static);

/// The causes of an error, from the outside in.
fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |error| inner(*error))
}

/// What an error of I/O holds is no source of it.
fn inner(error: Cause<'_>) -> Option<Cause<'_>> {
    let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    held.map(|held| held as Cause<'_>).or_else(|| error.source())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors are not ours to list")]
fn of_tls(error: &reqwest::Error) -> Option<String> {
    let error = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    let reason = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is signed by nobody who is trusted here: for Microsoft's hosts those count whom this machine \
             trusts, and for a host that `hosts` names the authority in the file of `hosts.ca` alone"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name",
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is over or has not begun: is this machine's clock right?",
        rustls::Error::InvalidCertificate(_) => "its certificate cannot be trusted",
        rustls::Error::InvalidMessage(_) => "what answers there speaks no TLS",
        _ => "no encrypted connection can be made with it",
    };
    Some(reason.to_owned())
}

/// The time of a header, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// Seconds, or a time by the clock of the service. No wait is longer than a year.
fn retry_after(text: &str, date: Option<Timestamp>) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(365 * 86_400);
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let until = http_date(text)?;
        let wait = until.duration_since(date.unwrap_or_else(Timestamp::now));
        Duration::try_from(wait.max(SignedDuration::ZERO)).ok()?
    };
    Some(wait.min(LONGEST))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("request-id").or_else(|| headers.get("x-ms-request-id"))?.to_str().ok()?;
    let is_id = id.len() <= 64 && id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    is_id.then(|| id.to_owned())
}

impl Lost {
    /// As an error about this host.
    pub(super) fn of(self, host: &str) -> StoreError {
        let store = host.to_owned();
        match self {
            Self::NotSent(reason) | Self::Cut(reason) => StoreError::Unreachable { store, reason },
            Self::TooLarge => StoreError::Unexpected { store, reason: Self::TooLarge.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn how_long_to_wait_is_seconds_or_a_date() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date.unwrap().to_string(), "1994-11-06T08:49:37Z");
        let year = 365 * 86_400;
        let cases = [
            ("0", Some(0)),
            (" 17 ", Some(17)),
            ("99999999999999999999", Some(year)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Thu, 30 Dec 9999 20:00:00 GMT", Some(year)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after(text, date), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn an_authority_is_a_file_of_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let said = || Transport::new(Some(&file), CALL_LIMIT).err().unwrap_or_default();
        assert!(said().ends_with("is not there"), "{}", said());
        fs::write(&file, "nothing").unwrap();
        assert!(said().contains("holds no certificate"), "{}", said());
        fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(said().contains("holds no certificate"), "{}", said());
    }

    #[test]
    fn an_answer_shows_nothing_of_its_body() {
        let answer = Answer {
            status: 200,
            body: b"{\"access_token\":\"Sesame\"}".to_vec(),
            date: None,
            retry_after: None,
            request_id: None,
            location: Some("https://Sesame".to_owned()),
            challenge: Some("Sesame".to_owned()),
        };
        assert!(!format!("{answer:?}").contains("Sesame"));
    }
}
