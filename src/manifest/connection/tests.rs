//! Connection files, good and bad, in tables.
//!
//! Never: a case without the line, the field and the way out.

use super::*;

const READER: &str =
    "reader: {certificate: {clientId: 11111111-aaaa-4bbb-8ccc-111111111111, file: r.pem}}\n";
const PARTNER: &str = "partner: aaaabbbb-0000-cccc-1111-dddd2222eeee\n";

/// What a text in a file of its own gives, and the folder.
fn read(text: &[u8]) -> (tempfile::TempDir, Result<Connection, BadConnection>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("graph.yaml");
    fs::write(&file, text).unwrap();
    let read = read_connection(&file);
    (folder, read)
}

/// What is wrong with it, without the folder.
fn wrong(text: &str) -> String {
    let (folder, read) = read(text.as_bytes());
    let said = read.expect_err(text).to_string();
    said.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_whole_file_is_read_and_its_paths_are_of_its_folder() {
    let text = "\
partner: AAAABBBB-0000-cccc-1111-dddd2222eeee   # every offer's partner must be this one
cloud: USGovDoD
ledger: sqlite:concordat.db
reader:
  certificate: {clientId: 11111111-aaaa-4bbb-8ccc-111111111111, file: sub/reader.pem}
writer:
  workloadIdentity: {clientId: 22222222-aaaa-4bbb-8ccc-222222222222}
groups: Read
partnerCenter: Off
pace: {inFlight: 64, readsPerSecond: 1000, writesPerSecond: 1}
hosts: {login: LOCALHOST:8443, graph: '[::1]:8443', ca: /etc/ca.pem}
";
    let (folder, read) = read(text.as_bytes());
    let at = |name: &str| folder.path().join(name);
    let expected = Connection {
        file: at("graph.yaml"),
        partner: "aaaabbbb-0000-cccc-1111-dddd2222eeee".parse().unwrap(),
        cloud: Cloud::USGovDoD,
        ledger: format!("sqlite:{}", at("concordat.db").display()),
        reader: Credential {
            client_id: "11111111-aaaa-4bbb-8ccc-111111111111".parse().unwrap(),
            proof: Proof::Certificate { file: at("sub/reader.pem") },
        },
        writer: Some(Credential {
            client_id: "22222222-aaaa-4bbb-8ccc-222222222222".parse().unwrap(),
            proof: Proof::WorkloadIdentity { token_file: None },
        }),
        groups: Groups::Read,
        pace: Pace { in_flight: 64, reads_per_second: 1000, writes_per_second: 1 },
        hosts: Some(Hosts {
            login: Some("localhost:8443".to_owned()),
            graph: Some("[::1]:8443".to_owned()),
            ca: Some("/etc/ca.pem".into()),
        }),
    };
    assert_eq!(read.unwrap(), expected);
}

#[test]
fn what_is_not_said_is_as_usual() {
    let (folder, read) = read(format!("{PARTNER}{READER}").as_bytes());
    let read = read.unwrap();
    assert_eq!((read.cloud, read.groups, read.pace), (Cloud::Global, Groups::Off, Pace::default()));
    assert_eq!((read.writer, read.hosts), (None, None));
    assert_eq!(read.ledger, format!("sqlite:{}", folder.path().join("concordat.db").display()));
}

#[test]
fn ledgers_and_hosts_have_few_forms() {
    let ledgers = [
        ("sqlite:/abs/a.db", Some("sqlite:/abs/a.db")),
        ("sqlite:///abs/a.db", Some("sqlite:/abs/a.db")),
        ("postgres://app@db.example/concordat", Some("postgres://app@db.example/concordat")),
        ("postgresql://db/x?sslmode=require", Some("postgresql://db/x?sslmode=require")),
        ("postgres://app:Sesame9!x@db.example/concordat", None),
        ("postgres://db.example/concordat?password=Sesame9", None),
        ("postgres://app%3aSesame@db.example/concordat", None),
        ("sqlite:", None),
        ("sqlite::memory:", None),
        ("sqlite:~/a.db", None),
        ("sqlite:a.db?mode=ro", None),
        ("cluster:", None),
        ("graph:graph.yaml", None),
        ("mysql://db/x", None),
    ];
    for (ledger, expected) in ledgers {
        let (_folder, read) = read(format!("{PARTNER}{READER}ledger: '{ledger}'\n").as_bytes());
        let said = read.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!(read.ok().map(|it| it.ledger).as_deref(), expected, "{ledger}");
        assert!(!said.contains("Sesame"), "{said}");
    }
    let hosts = [
        ("graph.microsoft.com", Some("graph.microsoft.com")),
        ("Graph.Microsoft.com:443", Some("graph.microsoft.com")),
        ("localhost:1", Some("localhost:1")),
        ("127.0.0.1:65535", Some("127.0.0.1:65535")),
        ("[::1]", Some("[::1]")),
        ("https://graph.microsoft.com", None),
        ("graph.microsoft.com/", None),
        ("graph.microsoft.com/v1.0", None),
        ("user@graph.microsoft.com", None),
        ("graph.microsoft.com?x", None),
        ("graph.microsoft.com#x", None),
        ("a..b", None),
        ("a:0", None),
        ("a:65536", None),
        ("a:+1", None),
        ("a:", None),
        ("::1", None),
        ("[::1", None),
        ("-a", None),
        ("gräph", None),
        ("a b", None),
        ("a\\b", None),
    ];
    for (text, expected) in hosts {
        assert_eq!(host(text).as_deref(), expected, "{text}");
    }
    assert_eq!(host(&"a.".repeat(200)), None);
}

#[test]
fn an_authority_vouches_for_the_hosts_that_are_named_beside_it_and_for_no_other() {
    let of = |hosts: &str| {
        let (_folder, read) = read(format!("{PARTNER}{READER}hosts: {{{hosts}}}\n").as_bytes());
        let read = read.unwrap();
        (read.login_authority().is_some(), read.graph_authority().is_some())
    };
    let cases = [
        ("login: a, graph: b, ca: c", (true, true)),
        ("login: a, ca: c", (true, false)),
        ("graph: b, ca: c", (false, true)),
        ("login: a, graph: b", (false, false)),
    ];
    for (hosts, expected) in cases {
        assert_eq!(of(hosts), expected, "{hosts}");
    }
    let said = wrong(&format!("{PARTNER}{READER}hosts: {{ca: c}}\n"));
    assert!(said.contains("hosts.ca: it vouches for no host; name `login` or `graph`"), "{said}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_line_and_the_way_out() {
    let said = wrong(
        "partner: contoso.com
clout: Global
cloud: global
reader:
  certificate: {clientId: 7, file: r.pem}
  clientSecret: {clientId: 11111111-aaaa-4bbb-8ccc-111111111111}
writer:
  workloadIdentity: {tokenfile: t}
groups: true
partnerCenter: Read
pace: {inFlight: 65, readsPerSecond: 0, writes: 1}
hosts: {login: 'https://login.example', partnerCenter: x}
",
    );
    let expected = "\
graph.yaml:1: partner: it is no GUID; it has this form: `729827e3-9c14-49f7-bb1b-9608f156bbb8`
graph.yaml:2: clout: there is no field `clout` here; did you mean `cloud`?
graph.yaml:3: cloud: there is no `global`; did you mean `Global`?
graph.yaml:4: reader: it has several proofs: `certificate`, `clientSecret`; write exactly one of `certificate`, `clientSecret`, `workloadIdentity`
graph.yaml:5: reader.certificate.clientId: it must be text; write the id of the app, a GUID, in quotes
graph.yaml:6: reader.clientSecret.file: it is missing; name the file with the proof
graph.yaml:8: writer.workloadIdentity.clientId: it is missing; write the id of the app, a GUID
graph.yaml:8: writer.workloadIdentity.tokenfile: there is no field `tokenfile` here; did you mean `tokenFile`?
graph.yaml:9: groups: it must be text; write one of `Off`, `Read`, in quotes
graph.yaml:10: partnerCenter: Partner Center is not supported yet; leave it out, or write `Off`
graph.yaml:11: pace.inFlight: it is out of range, or no number; write a whole number from 1 to 64
graph.yaml:11: pace.readsPerSecond: it is out of range, or no number; write a whole number from 1 to 10000
graph.yaml:11: pace.writes: there is no field `writes` here; leave it out; the fields here are `inFlight`, `readsPerSecond`, `writesPerSecond`
graph.yaml:12: hosts.login: it is no host; write `HOST` or `HOST:PORT`, without a scheme and without a path
graph.yaml:12: hosts.partnerCenter: Partner Center is not supported yet; leave it out";
    let mut sorted: Vec<&str> = said.lines().collect();
    let mut wanted: Vec<&str> = expected.lines().collect();
    sorted.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted);
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    let secret = "abc8Q~Zr1SxQkPz7wLmNoPqRsTuVwXyZ0123456";
    let client = "clientId: 11111111-aaaa-4bbb-8ccc-111111111111";
    let cases = [
        format!("reader: {{clientSecret: {{{client}, secret: '{secret}'}}}}"),
        format!("reader: {{clientSecret: {{{client}, password: '{secret}'}}}}"),
        format!("reader: {{clientSecret: {{{client}, client-secret: '{secret}'}}}}"),
        format!("reader: {{clientSecret: {{{client}, value: '{secret}', file: a}}}}"),
        format!("reader: {{clientSecret: '{secret}'}}"),
        format!("reader: {{clientSecret: {{{client}, file: '{secret}'}}}}"),
        format!(
            "reader: {{certificate: {{{client}, file: \"-----BEGIN PRIVATE KEY-----\\n{secret}\"}}}}"
        ),
        format!("reader: {{certificate: {{{client}, file: a, privateKey: '{secret}'}}}}"),
        format!("reader: {{workloadIdentity: {{{client}, token: '{secret}'}}}}"),
    ];
    for case in cases {
        let said = wrong(&format!("{PARTNER}{case}\n"));
        assert!(said.contains("write it to a file"), "{case}: {said}");
        assert!(said.starts_with("graph.yaml:2: reader."), "{said}");
        assert!(!said.contains("Zr1SxQ"), "{said}");
    }
    for case in [
        format!("{PARTNER}{READER}cloud: '{secret}'"),
        format!("partner: '{secret}'\n{READER}"),
        format!("{PARTNER}{READER}ledger: '{secret}'"),
        format!("{PARTNER}{READER}'{secret}': 1"),
        format!("{PARTNER}{READER}password: {secret}: x"),
        format!("{PARTNER}{READER}hosts: {{login: '{secret}'}}"),
    ] {
        let said = wrong(&case);
        assert!(!said.contains("Zr1SxQ"), "{case}: {said}");
    }
}

#[test]
fn hostile_files_are_refused_with_words() {
    let deep = format!("partner: {}", "[".repeat(10_000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c \
                [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e \
                [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let large = format!("# {}\n{PARTNER}{READER}", "x".repeat(64 * 1024));
    let twice = format!("{PARTNER}{READER}---\n{PARTNER}{READER}");
    let hidden = format!("{PARTNER}{READER}ledger: 'sqlite:a\u{202e}b.db'\n");
    let cases = [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("[]", "it must be a mapping"),
        ("partner", "it must be a mapping"),
        ("partner: a\npartner: b\n", "twice"),
        ("partner: !x a\n", "tag"),
        ("1: a\n", "not text"),
        ("partner: {\n", ""),
        ("\tpartner: a\n", ""),
        (&deep, "128 levels"),
        (bomb, "many times larger"),
        (&large, "more than 64 KiB"),
        (&twice, "several documents"),
        (&hidden, ""),
    ];
    for (text, expected) in cases {
        let said = wrong(text);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(said.starts_with("graph.yaml:"), "{said}");
        assert!(!said.contains('\u{202e}'));
    }
    let latin = read(b"partner: \xe4\n").1.unwrap_err().to_string();
    assert!(latin.contains("not UTF-8"), "{latin}");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let missing = read_connection(&folder.path().join("a.yaml")).unwrap_err().to_string();
    assert!(missing.contains("the file is not there"), "{missing}");
    let dir = read_connection(folder.path()).unwrap_err().to_string();
    assert!(dir.contains("it is a folder"), "{dir}");
    let device = read_connection(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(device.contains("no plain file"), "{device}");
}
