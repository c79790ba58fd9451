//! How an app proves who it is: a secret, a certificate's signature, or a token that somebody else gave it.
//!
//! Never: a secret in a message, or one that is kept longer than it takes to ask.

use std::{
    env, fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::{
    digest,
    rand::SystemRandom,
    signature::{RSA_PSS_SHA256, RsaKeyPair},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use secrecy::{SecretString, zeroize::Zeroizing};
use serde_json::json;
use uuid::Uuid;

use super::http::unread;
use crate::{
    api::without_secret,
    domain::{
        connection::{Connection, Credential, Proof},
        visible::visible,
    },
};

/// The variable by which a cluster names the file of a token.
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
/// No proof is larger.
const LIMIT: u64 = 1 << 20;
/// How long a signature of ours counts, in seconds.
const SIGNATURE_LASTS: i64 = 600;

/// What is shown to the login.
pub(super) enum Shown {
    /// A secret.
    Secret(SecretString),
    /// A signed statement.
    Assertion(SecretString),
}

/// Neither is for anybody else.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(…)",
            Self::Assertion(_) => "Assertion(…)",
        })
    }
}

/// The files with a secret of a connection that others than their owner can read.
pub fn exposed(connection: &Connection) -> Vec<PathBuf> {
    let all = [Some(&connection.reader), connection.writer.as_ref()].into_iter().flatten();
    let files = all.filter_map(|credential| match &credential.proof {
        Proof::Certificate { file } | Proof::ClientSecret { file } => Some(file),
        // It is given anew all the time, with the rights that a cluster gives it.
        Proof::WorkloadIdentity { .. } => None,
    });
    let mut exposed: Vec<PathBuf> = files.filter(|file| is_exposed(file)).cloned().collect();
    exposed.dedup();
    exposed
}

#[cfg(unix)]
fn is_exposed(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &Path) -> bool {
    false
}

/// What an app shows to the login now. The files are read anew each time, so that what was rolled counts.
///
/// # Errors
/// With what is wrong with a file, and the way out.
pub(super) fn shown(
    credential: &Credential,
    audience: &str,
    now: Timestamp,
) -> Result<Shown, String> {
    match &credential.proof {
        Proof::ClientSecret { file } => {
            let text = text(file)?;
            let secret = text.trim_end_matches(['\r', '\n']);
            if secret.trim().is_empty() {
                return Err(format!("{} is empty: write the secret of the app to it", named(file)));
            }
            if secret.contains("-----BEGIN") || secret.contains(['\n', '\r']) {
                return Err(format!(
                    "{} holds no secret of an app, which is one line: a certificate with its key is named by \
                     `certificate`",
                    named(file)
                ));
            }
            Ok(Shown::Secret(secret.into()))
        }
        Proof::WorkloadIdentity { token_file } => {
            let file = match token_file {
                Some(file) => file.clone(),
                None => env::var_os(TOKEN_FILE).map(PathBuf::from).ok_or_else(|| {
                    format!(
                        "nothing names the file of the token: set {TOKEN_FILE}, as \
                         `azure.workload.identity/use: \"true\"` on the pod does, or write `tokenFile: FILE`"
                    )
                })?,
            };
            let text = text(&file)?;
            let token = text.trim();
            if token.is_empty() {
                return Err(format!("{} is empty: it should hold a token", named(&file)));
            }
            if token.split('.').count() != 3 || token.contains(char::is_whitespace) {
                return Err(format!(
                    "{} holds no token, which is three parts with dots",
                    named(&file)
                ));
            }
            Ok(Shown::Assertion(token.into()))
        }
        Proof::Certificate { file } => {
            let pair = Pair::read(file)?;
            pair.assertion(credential.client_id, audience, now).map(Shown::Assertion)
        }
    }
}

/// A file, as it may be named.
fn named(file: &Path) -> String {
    format!("the file `{}`", visible(&without_secret(&file.display().to_string())))
}

pub(super) fn bytes(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |error: &std::io::Error| format!("{} {}", named(file), unread(error));
    let about = fs::metadata(file).map_err(|error| failed(&error))?;
    if !about.is_file() {
        return Err(format!("{} is no plain file", named(file)));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = fs::File::open(file).map_err(|error| failed(&error))?;
    opened.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(format!("{} is larger than any proof", named(file)));
    }
    Ok(bytes)
}

fn text(file: &Path) -> Result<Zeroizing<String>, String> {
    let text = std::str::from_utf8(&bytes(file)?).map(str::to_owned);
    text.map(Zeroizing::new).map_err(|_| format!("{} is no text", named(file)))
}

/// A certificate and its key.
struct Pair {
    certificate: CertificateDer<'static>,
    key: RsaKeyPair,
}

impl Pair {
    fn read(file: &Path) -> Result<Self, String> {
        let bytes = bytes(file)?;
        let file = named(file);
        if is_pkcs12(&bytes) {
            return Err(format!(
                "{file} is PKCS#12, and PEM is needed: convert it with \
                 `openssl pkcs12 -in FILE -nodes -out FILE.pem`, and let nobody else read that"
            ));
        }
        let key = key(&bytes).map_err(|why| format!("{file} {why}"))?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let all =
            all.map_err(|_| format!("{file} holds a certificate that cannot be understood"))?;
        if all.is_empty() {
            return Err(format!(
                "{file} holds no certificate (`-----BEGIN CERTIFICATE-----`): it has to hold the certificate and its key"
            ));
        }
        let certificate = all.into_iter().find(|certificate| belongs(certificate, &key));
        let certificate = certificate.ok_or_else(|| {
            format!("the certificate and the key in {file} do not belong together")
        })?;
        Ok(Self { certificate, key })
    }

    /// A statement that the app itself asks, signed with its key.
    fn assertion(
        &self,
        client: Uuid,
        audience: &str,
        now: Timestamp,
    ) -> Result<SecretString, String> {
        let thumbprint = digest::digest(&digest::SHA256, &self.certificate);
        let header = json!({
            "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint),
        });
        let second = now.as_second();
        let claims = json!({
            "aud": audience, "iss": client, "sub": client, "jti": random_id()?,
            "iat": second, "nbf": second, "exp": second + SIGNATURE_LASTS,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = sign(&self.key, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

fn sign(key: &RsaKeyPair, text: &[u8]) -> Result<Vec<u8>, String> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text, &mut signature)
        .map_err(|_| "the key of the certificate cannot sign".to_owned())?;
    Ok(signature)
}

/// Whether a certificate is for this key.
fn belongs(certificate: &CertificateDer<'_>, key: &RsaKeyPair) -> bool {
    let Ok(signature) = sign(key, b"whose") else { return false };
    let algorithm = webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY;
    webpki::EndEntityCert::try_from(certificate)
        .is_ok_and(|it| it.verify_signature(algorithm, b"whose", &signature).is_ok())
}

/// An id that nobody guesses.
pub(super) fn random_id() -> Result<Uuid, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| "the machine gives no random numbers".to_owned())?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// The private key of a PEM file.
fn key(bytes: &[u8]) -> Result<RsaKeyPair, String> {
    const RSA: &str =
        "make an RSA key of 2048 bits or more, such as with `openssl req -x509 -newkey rsa:3072`";
    let holds = |what: &str| bytes.windows(what.len()).any(|part| part == what.as_bytes());
    if holds("ENCRYPTED") {
        return Err(
            "is encrypted: write the key without a passphrase, in a file that nobody else may read"
                .to_owned(),
        );
    }
    let other = |sort: &str| format!("holds {sort} key, and the login takes RSA: {RSA}");
    let found = PrivateKeyDer::from_pem_slice(bytes).map_err(|_| {
        "holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`): it has to hold the certificate and its key"
            .to_owned()
    })?;
    let pair = match &found {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => {
            let key = key.secret_pkcs8_der();
            let has = |oid: &[u8]| key.windows(oid.len()).take(24).any(|part| part == oid);
            // The object ids of elliptic curves, and of the curves of Edwards.
            if has(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]) {
                return Err(other("an EC"));
            }
            if has(&[0x2b, 0x65, 0x70]) || has(&[0x2b, 0x65, 0x71]) {
                return Err(other("an Ed25519 or Ed448"));
            }
            RsaKeyPair::from_pkcs8(key)
        }
        PrivateKeyDer::Sec1(_) => return Err(other("an EC")),
        _ => return Err(other("another sort of")),
    };
    pair.map_err(|rejected| format!("holds a key that cannot be used ({rejected}): {RSA}"))
}

/// Whether these bytes are PKCS#12: a sequence that begins with version 3.
fn is_pkcs12(bytes: &[u8]) -> bool {
    let length = match bytes {
        [0x30, short, ..] if *short <= 0x80 => 0,
        [0x30, long, ..] => usize::from(long & 0x7f),
        _ => return false,
    };
    bytes.get(2 + length..).is_some_and(|rest| rest.starts_with(&[2, 1, 3]))
}

#[cfg(test)]
mod tests;
