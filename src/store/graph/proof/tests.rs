//! Proofs as people keep them in files: good ones, and those that are told to be others.
//!
//! Never: a key of anybody.

use std::fs;

use secrecy::ExposeSecret as _;

use super::*;

impl Shown {
    fn expose(&self) -> &str {
        match self {
            Self::Secret(text) | Self::Assertion(text) => text.expose_secret(),
        }
    }
}

/// A new pair of this machine: certificate and key, in PEM, each by itself.
fn pair(kind: &[&str]) -> Option<(tempfile::TempDir, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (key, certificate) = (at("key.pem"), at("cert.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=concordat"])
        .args(kind)
        .args(["-keyout", &key, "-out", &certificate])
        .output();
    let text = |name: &str| fs::read_to_string(at(name)).ok();
    let (certificate, key) = (text("cert.pem"), text("key.pem"));
    made.ok()
        .filter(|made| made.status.success())
        .and(certificate.zip(key))
        .map(|(c, k)| (folder, c, k))
}

fn credential(file: &Path) -> Credential {
    let proof = Proof::Certificate { file: file.to_owned() };
    Credential { client_id: Uuid::from_u128(7), proof }
}

fn said(folder: &Path, bytes: &[u8]) -> String {
    let file = folder.join("app.pem");
    fs::write(&file, bytes).unwrap();
    let shown = shown(&credential(&file), "aud", Timestamp::UNIX_EPOCH);
    shown.err().unwrap_or_else(|| "good".to_owned())
}

#[test]
fn a_pem_file_has_a_certificate_and_its_rsa_key() {
    let (folder, certificate, key) = pair(&["-newkey", "rsa:2048"]).expect("openssl is there");
    let (_, other, _) = pair(&["-newkey", "rsa:2048"]).expect("openssl is there");
    let (_, _, curve) =
        pair(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]).expect("openssl is there");
    let (_, _, edwards) = pair(&["-newkey", "ed25519"]).expect("openssl is there");
    let (_, small, small_key) = pair(&["-newkey", "rsa:1024"]).expect("openssl is there");
    let old = openssl(&["rsa", "-traditional"], key.as_bytes());
    let old = String::from_utf8(old).unwrap();
    assert!(old.contains("BEGIN RSA PRIVATE KEY"), "{old}");
    let sec1 = String::from_utf8(openssl(&["ec"], curve.as_bytes())).unwrap();
    let locked = openssl(&["pkcs8", "-topk8", "-passout", "pass:x"], key.as_bytes());
    let locked = String::from_utf8(locked).unwrap();
    let both = format!("{key}{certificate}");
    let packed = openssl(&["pkcs12", "-export", "-passout", "pass:x"], both.as_bytes());
    let cases: [(Vec<u8>, &str); 13] = [
        (format!("{certificate}{key}").into(), "good"),
        (both.into(), "good"),
        (format!("Bag Attributes\n{certificate}{old}").into(), "good"),
        (format!("{other}{certificate}{key}").into(), "good"),
        (format!("{other}{key}").into(), "do not belong together"),
        (certificate.clone().into(), "holds no private key"),
        (key.clone().into(), "holds no certificate"),
        (format!("{certificate}{curve}").into(), "holds an EC key"),
        (format!("{certificate}{sec1}").into(), "holds an EC key"),
        (format!("{certificate}{edwards}").into(), "Ed25519"),
        (format!("{small}{small_key}").into(), "RSA key of 2048 bits"),
        (format!("{certificate}{locked}").into(), "is encrypted"),
        (packed, "openssl pkcs12 -in FILE"),
    ];
    for (bytes, expected) in cases {
        let said = said(folder.path(), &bytes);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("BEGIN RSA") && !said.contains("MII"), "{said}");
    }
    let file = folder.path().join("app.pem");
    fs::write(&file, format!("{certificate}{key}")).unwrap();
    let now = Timestamp::from_second(1_000_000).unwrap();
    let one = shown(&credential(&file), "https://login/t", now).unwrap();
    let two = shown(&credential(&file), "https://login/t", now).unwrap();
    assert_ne!(one.expose(), two.expose());
    assert_eq!(format!("{one:?}"), "Assertion(…)");
    let [header, claims, _] = one.expose().split('.').collect::<Vec<_>>()[..] else { panic!() };
    let part = |text| -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let (header, claims) = (part(header), part(claims));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("PS256"), &json!("JWT")));
    assert_eq!(header["x5t#S256"].as_str().unwrap().len(), 43);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 600);
    assert_eq!(claims["aud"], "https://login/t");
    assert_eq!(claims["iss"], claims["sub"]);
}

fn openssl(words: &[&str], input: &[u8]) -> Vec<u8> {
    use std::{io::Write as _, process::Stdio};
    let mut child = std::process::Command::new("openssl")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is there");
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[test]
fn secrets_and_tokens_are_read_anew_and_never_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let secret =
        Credential { client_id: Uuid::nil(), proof: Proof::ClientSecret { file: file.clone() } };
    let token = Credential {
        client_id: Uuid::nil(),
        proof: Proof::WorkloadIdentity { token_file: Some(file.clone()) },
    };
    let of = |credential: &Credential| shown(credential, "aud", Timestamp::UNIX_EPOCH);
    assert!(of(&secret).unwrap_err().ends_with("is not there"));
    for (text, expected, trimmed) in
        [("a.Sesame.c\r\n", "a.Sesame.c", "a.Sesame.c"), (" a.b.c \n\n", " a.b.c ", "a.b.c")]
    {
        fs::write(&file, text).unwrap();
        assert_eq!(of(&secret).unwrap().expose(), expected);
        assert_eq!(of(&token).unwrap().expose(), trimmed);
        assert!(!format!("{:?}", of(&secret)).contains(expected));
    }
    for (text, of_secret, of_token) in [
        ("-----BEGIN PRIVATE KEY-----", "named by `certificate`", "holds no token"),
        ("two\nlines", "one line", "holds no token"),
    ] {
        fs::write(&file, text).unwrap();
        assert!(of(&secret).unwrap_err().contains(of_secret), "{text}");
        assert!(of(&token).unwrap_err().contains(of_token), "{text}");
    }
    for empty in ["", "\n", "  \r\n"] {
        fs::write(&file, empty).unwrap();
        assert!(of(&secret).unwrap_err().contains("is empty"));
        assert!(of(&token).unwrap_err().contains("is empty"));
    }
    fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(of(&secret).unwrap_err().contains("is no text"));
    fs::write(&file, vec![b'a'; (1 << 20) + 1]).unwrap();
    assert!(of(&secret).unwrap_err().contains("larger than any proof"));
    let dir = Credential {
        client_id: Uuid::nil(),
        proof: Proof::ClientSecret { file: folder.path().to_owned() },
    };
    assert!(of(&dir).unwrap_err().contains("no plain file"));
}

#[test]
fn bytes_of_pkcs12_are_known_by_their_beginning() {
    let cases: [(&[u8], bool); 7] = [
        (&[0x30, 0x82, 1, 2, 2, 1, 3, 0x30], true),
        (&[0x30, 0x80, 2, 1, 3], true),
        (&[0x30, 0x20, 2, 1, 3], true),
        (&[0x30, 0x82, 1, 2, 2, 1, 0], false),
        (&[0x30], false),
        (&[], false),
        (b"-----BEGIN", false),
    ];
    for (bytes, expected) in cases {
        assert_eq!(is_pkcs12(bytes), expected, "{bytes:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, mode| {
        let file = folder.path().join(name);
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    };
    let (open, closed) = (file("open", 0o640), file("closed", 0o600));
    let mut connection = Connection {
        file: "graph.yaml".into(),
        partner: "aaaabbbb-0000-cccc-1111-dddd2222eeee".parse().unwrap(),
        cloud: crate::api::Cloud::Global,
        ledger: String::new(),
        reader: credential(&open),
        writer: Some(credential(&closed)),
        groups: crate::domain::connection::Groups::Off,
        pace: crate::domain::connection::Pace::default(),
        hosts: None,
    };
    assert_eq!(exposed(&connection), std::slice::from_ref(&open));
    connection.writer = Some(credential(&open));
    assert_eq!(exposed(&connection), [open]);
    connection.reader = credential(&folder.path().join("missing"));
    connection.writer = None;
    assert!(exposed(&connection).is_empty());
}
