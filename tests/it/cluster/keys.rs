//! The certificates of a cluster: an authority of its own and the server's certificate.
//!
//! Never: a key that anything outside the tests trusts.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

/// What a server shows, and by whom it is signed; as PEM.
pub struct Keys {
    /// The authority's certificate.
    pub authority: String,
    /// The certificate of a server on this machine.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The key that signs the tokens of service accounts.
    pub signing: String,
    /// The other half, which verifies them.
    pub verifying: String,
}

impl Keys {
    /// New ones.
    pub fn new() -> Self {
        let mut of_authority = CertificateParams::default();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        of_authority.distinguished_name.push(DnType::CommonName, "the tests' own");
        let issuer = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(of_authority, issuer).unwrap();

        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut of_server = CertificateParams::new(names).unwrap();
        of_server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = of_server.signed_by(&key, &issuer).unwrap().pem();
        let of_tokens = KeyPair::generate().unwrap();
        let (signing, verifying) = (of_tokens.serialize_pem(), of_tokens.public_key_pem());
        Self { authority: issuer.pem(), certificate, key: key.serialize_pem(), signing, verifying }
    }
}
