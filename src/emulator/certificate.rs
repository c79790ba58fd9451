//! The certificate of the emulator, and the authority that vouches for it: made at each start.
//!
//! Never: a key that outlives the start. That of the authority is gone before anybody can connect.

use std::{sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::NotStarted;

/// The names under which it can be called: the machine's own, and those of Microsoft's hosts for whoever looks them up
/// here.
const NAMES: [&str; 12] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "api.partnercenter.microsoft.com",
];

/// Whether a header `Host` is one of these names, with or without a port: a page that has its own name lead here has
/// another one.
pub fn is_named(host: &str) -> bool {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && !name.ends_with(':') => name,
        Some(_) | None => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// How long it is good, from a day before the start.
const LIFE: Duration = Duration::from_secs(60 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// What the server shows, and what clients must trust.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The authority, in PEM.
    pub authority: String,
    /// For the server.
    pub config: Arc<ServerConfig>,
}

/// A new one, good around this second since 1970.
pub fn issue(now: Duration) -> Result<Certificate, NotStarted> {
    let from = date_time_ymd(1970, 1, 1) + now.saturating_sub(DAY);
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name = named("concordat emulator, none of Microsoft's");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.not_before = from;
    authority.not_after = from + LIFE;
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut leaf = CertificateParams::new(NAMES.map(str::to_owned))?;
    leaf.distinguished_name = named("concordat emulator");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    leaf.not_before = from;
    leaf.not_after = from + LIFE;
    let key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&key, &authority)?;

    let chain = vec![CertificateDer::from(leaf)];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())
        .expect("a key that was just written can be read");
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificate { authority: authority.pem(), config: Arc::new(config) })
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_the_certificate_are_its_names() {
        for host in [
            "localhost",
            "LOCALHOST:8443",
            "127.0.0.1:1",
            "[::1]:8443",
            "[::1]",
            "graph.microsoft.com",
        ] {
            assert!(is_named(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:8443",
            "localhost:",
            "localhost:x",
            "127.0.0.2:1",
        ] {
            assert!(!is_named(host), "{host}");
        }
    }
}
