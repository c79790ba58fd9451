//! A certificate of the webhook: made, read, and judged by its time.
//!
//! Never: a key in an error, in a log or in `Debug`.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::validity::{self, Validity};

/// How long one of our own lasts.
pub const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// It counts from a little earlier, for clocks that are behind; less for one that lasts less than a day.
const EARLIER: SignedDuration = SignedDuration::from_hours(1);

/// A certificate, its key, and who vouches for it.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The authorities that a client must trust, in PEM; empty where somebody else tells the clients.
    pub authorities: String,
    /// The certificate and what stands between it and an authority, in PEM.
    pub chain: String,
    /// Its key, in PEM.
    pub key: SecretString,
    /// The last part of the path by which the API server calls whoever shows it; empty where nobody is answered.
    pub word: SecretString,
    /// Its time.
    pub validity: Validity,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be made.
    #[error("the certificate cannot be made")]
    Made(#[from] rcgen::Error),
    /// It is not PEM, or none of what it should be.
    #[error("`{0}` holds no certificate that can be read")]
    Chain(&'static str),
    /// The key is not one.
    #[error("the key of the certificate cannot be read")]
    Key,
    /// The key is of another certificate, or the like.
    #[error("the certificate cannot be used")]
    Unusable(#[from] rustls::Error),
}

impl Certificate {
    /// A new certificate for a name in the cluster's DNS, with an authority of its own whose key is forgotten at once.
    /// `earlier` are authorities that clients have to go on trusting while somebody still shows the certificate before.
    ///
    /// # Errors
    /// Where a name is none.
    pub fn issue(
        names: &[String],
        now: Timestamp,
        life: SignedDuration,
        earlier: &str,
    ) -> Result<Self, CertificateError> {
        let from = now.saturating_sub(EARLIER.min(life / 24)).expect("an hour is a span of time");
        let until = now.saturating_add(life).expect("a life is a span of time");
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name = common_name(&format!("concordat webhook {now}"));
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
        authority.not_after = date_time_ymd(1970, 1, 1) + since_epoch(until);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name = common_name("concordat");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        leaf.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
        leaf.not_after = date_time_ymd(1970, 1, 1) + since_epoch(until);
        let key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&key, &authority)?;

        let mut authorities = authority.pem();
        for older in still_good(earlier, now) {
            authorities.push_str(&older);
        }
        Self::read(authorities, leaf.pem(), SecretString::from(key.serialize_pem()))
    }

    /// A certificate that was made before.
    ///
    /// # Errors
    /// Where something is not what it should be.
    pub fn read(
        authorities: String,
        chain: String,
        key: SecretString,
    ) -> Result<Self, CertificateError> {
        let first = ders(&chain).into_iter().next().ok_or(CertificateError::Chain("tls.crt"))?;
        let validity = validity::of(&first).ok_or(CertificateError::Chain("tls.crt"))?;
        let word = SecretString::default();
        let certificate = Self { authorities, chain, key, word, validity };
        certificate.server_config()?;
        Ok(certificate)
    }

    /// When another one is due: after two thirds of its time.
    pub fn renew_at(&self) -> Timestamp {
        let Validity { from, until } = self.validity;
        let third = until.duration_since(from) / 3;
        until.saturating_sub(third).expect("a third of a span is a span")
    }

    /// Whether a client that trusts the authorities would take it for `name` at `now`.
    pub fn convinces(&self, name: &str, now: Timestamp) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(ders(&self.authorities));
        let chain = ders(&self.chain);
        let (Some((leaf, between)), Ok(name), Ok(seconds)) = (
            chain.split_first(),
            ServerName::try_from(name.to_owned()),
            u64::try_from(now.as_second()),
        ) else {
            return false;
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        verifier.build().is_ok_and(|verifier| {
            verifier.verify_server_cert(leaf, between, &name, &[], at).is_ok()
        })
    }

    /// What a server needs to show it.
    ///
    /// # Errors
    /// Where certificate and key do not belong together.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret().as_bytes())
            .map_err(|_| CertificateError::Key)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(ders(&self.chain), key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// An instant in whole seconds.
fn since_epoch(instant: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(instant.as_second()).unwrap_or_default())
}

/// The certificates of a PEM text that can be read.
fn ders(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect()
}

/// Those of some authorities that are not over, each in PEM.
fn still_good(authorities: &str, now: Timestamp) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let pieces = authorities.split_inclusive(END).filter(|piece| piece.contains(END));
    let good = pieces.filter(|piece| {
        let validity = ders(piece).first().and_then(|der| validity::of(der));
        validity.is_some_and(|validity| validity.until > now)
    });
    good.map(|piece| format!("{}\n", piece.trim())).collect()
}
