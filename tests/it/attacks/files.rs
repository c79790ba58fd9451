//! Files and words that somebody else chose: what they say of deletions, where their links lead, what runners of CI
//! would obey in them, and what `kustomize` would fetch for them.
//!
//! Never: a refusal that is not tried beside something like it that goes on working.

use std::{fs, io::Write as _, net::TcpListener, os::unix::fs::symlink, process::Command, thread};

use serde_json::{Value, json};

use crate::{
    cluster::go::KUSTOMIZE,
    program::{Place, Ran, finished, root},
};

const KINDS: [&str; 4] = ["offer.yaml", "relationship.yaml", "grants.yaml", "acceptance.yaml"];

const BOUNDARY: &str = "apiVersion: concordat.dev/v1alpha1\nkind: PartnerBoundary\nmetadata:\n  name: msp\nspec:\n  \
    namespaces: [elsewhere]\n  customers: {any: true}\n  grantees: {any: true}\n  roles: {any: true}\n  \
    partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, certifiedFor: [GranularDelegatedAdmin]}\n";

/// The manifests of the quickstart in `m`.
fn team() -> Place {
    let place = Place::new();
    for name in KINDS {
        place.write(&format!("m/{name}"), quickstart(name));
    }
    place
}

fn quickstart(name: &str) -> String {
    fs::read_to_string(root().join("examples/quickstart").join(name)).unwrap()
}

fn held(place: &Place) -> String {
    ["grants", "relationships"].map(|what| place.run(&["get", what, "--wide"]).stdout).concat()
}

fn applied() -> Place {
    let place = team();
    let ran = place.run(&["apply", "-f", "m"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    place
}

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    for word in words {
        let found = ran.stdout.contains(word) || ran.stderr.contains(word);
        assert!(found, "no `{word}` in\n{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn no_file_takes_access_away_by_saying_that_an_object_is_being_deleted() {
    let place = applied();
    let before = held(&place);
    assert!(before.contains("fabrikam-helpdesk"), "{before}");
    let spellings = [
        "deletionTimestamp: \"2026-01-31T12:00:00Z\"",
        "deletionTimestamp: 2099-01-31T12:00:00Z",
        "\"deletionTimestamp\": \"\"",
        "? deletionTimestamp\n  : 0",
        "'deletionTimestamp': 5",
        "<<: {deletionTimestamp: yesterday}",
    ];
    for name in [&KINDS[..], &["boundary.yaml"]].concat() {
        let sound = if name == "boundary.yaml" { BOUNDARY.to_owned() } else { quickstart(name) };
        for spelling in spellings {
            let text = sound.replace("metadata:\n", &format!("metadata:\n  {spelling}\n"));
            place.write(&format!("m/{name}"), text);
            for command in ["validate", "diff", "apply"] {
                let ran = place.run(&[command, "-f", "m"]);
                says(&ran, 1, &["C0020", "metadata.deletionTimestamp", "apply --prune"]);
            }
        }
        // A null is no instant: it says nothing.
        let null = sound.replace("metadata:\n", "metadata:\n  deletionTimestamp: null\n");
        place.write(&format!("m/{name}"), null);
        says(&place.run(&["apply", "-f", "m"]), 0, &["Nothing changes"]);
        place.write(&format!("m/{name}"), sound);
    }
    assert_eq!(held(&place), before);
    let ran = place.run(&["apply", "-f", "m"]);
    says(&ran, 0, &["Nothing changes"]);
}

#[test]
fn a_deletion_in_a_file_is_refused_by_whatever_way_it_comes_and_hides_nothing() {
    let place = applied();
    let before = held(&place);
    let grant = |name: &str| {
        json!({"apiVersion": "concordat.dev/v1alpha1", "kind": "RoleGrant",
        "metadata": {"name": name, "namespace": "msp-helpdesk", "deletionTimestamp": "2026-11-01T00:00:00Z"},
        "spec": {"relationshipRef": {"name": "fabrikam"}, "roles": ["No Such Role"],
            "grantee": {"securityGroup": {"id": "0a0a0a0a-1111-4222-8333-444444444444", "displayName": "A"}}},
        "status": {"observedGeneration": 3}})
    };
    let list = |kind: &str, version: &str| json!({"apiVersion": version, "kind": kind, "items": [grant("first-line"), grant("second-line")]});
    let inputs = [
        grant("first-line").to_string(),
        format!("{}\n{}", grant("first-line"), grant("second-line")),
        list("List", "v1").to_string(),
        list("RoleGrantList", "concordat.dev/v1alpha1").to_string(),
        json!({"apiVersion": "v1", "kind": "List", "items": [list("List", "v1")]}).to_string(),
    ];
    place.write("m/grants.yaml", "");
    for input in &inputs {
        let others = KINDS.map(|name| format!("m/{name}"));
        let files: Vec<&str> = others.iter().flat_map(|file| ["-f", file]).collect();
        for command in ["validate", "diff", "apply"] {
            let words = [&[command], &files[..], &["-f", "-"]].concat();
            let ran = place.run_with(&words, input.as_bytes());
            says(&ran, 1, &["C0020", "no role is called `No Such Role`"]);
        }
    }
    assert_eq!(held(&place), before);
}

#[test]
fn what_kubectl_prints_of_a_living_object_is_valid_input() {
    let place = team();
    let printed = "metadata:\n  creationTimestamp: \"2026-11-01T00:00:00Z\"\n  generation: 2\n  resourceVersion: \"12\"\n  uid: 7d3f\n  finalizers: [concordat.dev/access]\n  managedFields:\n  - {manager: kubectl, operation: Update, fieldsV1: {f:metadata: {f:deletionTimestamp: {}}}}\n";
    for name in KINDS {
        let text = quickstart(name).replace("metadata:\n", printed);
        place.write(
            &format!("m/{name}"),
            text.replace("\n---\n", "\nstatus: {observedGeneration: 2}\n---\n"),
        );
    }
    says(&place.run(&["validate", "-f", "m"]), 0, &["no problems"]);
}

#[test]
fn an_object_that_is_taken_out_of_the_files_still_goes_with_prune() {
    let place = applied();
    let first = quickstart("grants.yaml").split("---\n").next().unwrap().to_owned();
    place.write("m/grants.yaml", first);
    says(&place.run(&["apply", "-f", "m", "--prune"]), 0, &["- Helpdesk Administrator"]);
}

#[test]
fn a_lock_is_written_over_nothing_but_a_lock() {
    let place = applied();
    let locks = || {
        let files = fs::read_dir(place.path()).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.to_string_lossy().contains("-lock-")).collect::<Vec<_>>()
    };
    let lock = locks().remove(0);
    let victim = place.write("victim", "process 1 of another\n");
    let text = fs::read_to_string(&victim).unwrap();
    let untouched = |what: &str| {
        let ran = place.run(&["apply", "-f", "m"]);
        says(&ran, 2, &["its lock file", "take it away"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), text, "{what}");
        fs::remove_file(&lock).unwrap();
    };
    fs::remove_file(&lock).unwrap();
    symlink(&victim, &lock).unwrap();
    untouched("a link");
    symlink("victim", &lock).unwrap();
    untouched("a relative link");
    fs::hard_link(&victim, &lock).unwrap();
    untouched("a second name");
    symlink("nowhere", &lock).unwrap();
    untouched("a link to nothing");
    assert!(!place.path().join("nowhere").exists());
    fs::write(&lock, "somebody's notes\n").unwrap();
    let ran = place.run(&["apply", "-f", "m"]);
    says(&ran, 2, &["its lock file", "take it away"]);
    assert_eq!(fs::read_to_string(&lock).unwrap(), "somebody's notes\n");
    for ours in ["", "process 1 of `ada`, since 2026-11-01T00:00:00Z, and a longer line than any"] {
        fs::write(&lock, ours).unwrap();
        says(&place.run(&["apply", "-f", "m"]), 0, &["Nothing changes"]);
    }
    fs::remove_file(&lock).unwrap();
    says(&place.run(&["apply", "-f", "m"]), 0, &["Nothing changes"]);
}

/// Contents of files that are secrets, each with what must not be printed of it.
const SECRETS: [&str; 14] = [
    "hunter2\n",
    "!hunter2 x\n",
    "!!int hunter2\n",
    "!!float \"hunter2\"\n",
    "a: !!bool hunter2\n",
    "hunter2: 1\nhunter2: 2\n",
    "hunter2: [\n",
    "\"hunter2",
    "{\"hunter2\": tru}",
    "{\"a\": 1, \"hunter2\": 1, \"hunter2\": 2}",
    "- hunter2\n",
    "apiVersion: [hunter2]\nkind: hunter2\n",
    "kind: List\napiVersion: v1\nitems: hunter2\n",
    "apiVersion: hunter2\nother: *hunter2\n",
];

fn keeps_the_secret(ran: &Ran, what: &str) {
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!all.contains("hunter2"), "{what}\n{all}");
    assert_ne!(ran.code, Some(0), "{what}\n{all}");
}

const FORMS: [&str; 7] = ["text", "json", "yaml", "markdown", "sarif", "junit", "github"];

#[test]
fn no_answer_holds_anything_of_a_file_behind_a_link_that_leaves_the_folder() {
    let place = team();
    let at = |name: &str| place.path().join(name);
    place.write("outside/kustomization.yaml", "resources: [s.yaml]\n");
    symlink(at("m"), at("outside/back")).unwrap();
    let object = quickstart("grants.yaml").replace("first-line", "hunter2-first");
    for secret in SECRETS.iter().copied().chain([object.as_str(), "7hunter2\n"]) {
        place.write("outside/s.yaml", secret);
        symlink(at("outside"), at("m/.chain")).unwrap();
        let links = [
            (at("outside/s.yaml"), "z.yaml"),
            ("../outside/s.yaml".into(), "z.json"),
            (".chain/s.yaml".into(), "z.yml"),
            (at("outside"), "folder"),
            ("../outside".into(), "folder.yaml"),
            (at("outside/back/../outside/s.yaml"), "round.yaml"),
        ];
        for (to, name) in links {
            symlink(&to, at("m").join(name)).unwrap();
            let ran = place.run(&["validate", "-f", "m"]);
            keeps_the_secret(&ran, name);
            says(&ran, 2, &["it is a link that leads out of the folder"]);
            fs::remove_file(at("m").join(name)).unwrap();
        }
        fs::remove_file(at("m/.chain")).unwrap();
    }
    symlink(at("outside/s.yaml"), at("m/z.yaml")).unwrap();
    for form in FORMS {
        for command in ["validate", "diff", "apply"] {
            keeps_the_secret(&place.run(&[command, "-f", "m", "-o", form]), form);
        }
    }
    fs::remove_file(at("m/z.yaml")).unwrap();
    place.write("m/.git/config", "[hunter2]\n");
    for to in
        ["/proc/self/environ", "/dev/zero", "/proc/self/fd/0", "/nowhere", "z.yaml", ".git/config"]
    {
        symlink(to, at("m/z.yaml")).unwrap();
        let mut command = place.command(&["validate", "-f", "m"]);
        command.env("SECRET", "hunter2");
        keeps_the_secret(&finished(command, b"hunter2"), to);
        fs::remove_file(at("m/z.yaml")).unwrap();
    }
    says(&place.run(&["validate", "-f", "m"]), 0, &["no problems"]);
}

#[test]
fn links_that_stay_in_the_folder_and_a_link_that_was_named_are_followed() {
    let place = Place::new();
    let at = |name: &str| place.path().join(name);
    for name in KINDS {
        place.write(&format!("mount/..2026_11_29/{name}"), quickstart(name));
        symlink(format!("..data/{name}"), at("mount").join(name)).unwrap();
    }
    symlink("..2026_11_29", at("mount/..data")).unwrap();
    says(&place.run(&["validate", "-f", "mount"]), 0, &["no problems"]);
    symlink("mount", at("named")).unwrap();
    says(&place.run(&["validate", "-f", "named"]), 0, &["no problems"]);
    place.write("deep/a/offer.yaml", quickstart("offer.yaml"));
    symlink(at("deep/a"), at("deep/b")).unwrap();
    symlink("../b/offer.yaml", at("deep/a/again.yaml")).unwrap();
    symlink("deep/b/offer.yaml", at("one.txt")).unwrap();
    says(&place.run(&["validate", "-f", "deep"]), 0, &["no problems"]);
    says(&place.run(&["validate", "-f", "one.txt"]), 0, &["no problems"]);
}

#[test]
fn what_is_not_understood_is_never_quoted() {
    let place = Place::new();
    for secret in SECRETS {
        place.write("m/secret.yaml", secret);
        place.write("secret.json", secret);
        symlink("m/secret.yaml", place.path().join("named.yaml")).unwrap();
        for form in FORMS {
            keeps_the_secret(&place.run(&["validate", "-f", "m", "-o", form]), secret);
        }
        keeps_the_secret(&place.run(&["diff", "-f", "named.yaml"]), secret);
        keeps_the_secret(&place.run_with(&["apply", "-f", "-"], secret.as_bytes()), secret);
        keeps_the_secret(&place.run(&["apply", "-f", "m", "--plan", "secret.json"]), secret);
        keeps_the_secret(&place.run(&["ledger", "verify", "--file", "secret.json"]), secret);
        fs::remove_file(place.path().join("named.yaml")).unwrap();
    }
}

/// Words that a runner would obey.
const COMMANDS: [&str; 9] = [
    "##vso[task.prependpath]/tmp/x",
    "##[add-mask]mask",
    "::add-mask::mask",
    "  ::set-env name=PATH::mask",
    "#\u{1}#[add-mask]mask",
    "mask\r::stop-commands::mask",
    "##teamcity[buildStop comment='mask']",
    "#\u{34f}#[add-mask]mask",
    "##\u{fe0f}vs\u{180b}o[task.setvariable]mask",
];

/// What the runners of GitHub and Azure would obey in what a program has printed.
fn obeyed(printed: &str, ours: bool) -> Vec<&str> {
    let unseen = |letter: char| "\u{34f}\u{fe0f}\u{180b}".contains(letter);
    let commands = |line: &&str| {
        let compared: String = line
            .chars()
            .filter(|letter| !letter.is_control() && !unseen(*letter) || *letter == '\t')
            .collect();
        let small = compared.to_lowercase();
        let begin = compared.trim_start();
        let known =
            ["::error ", "::warning ", "::notice "].iter().any(|known| begin.starts_with(known));
        small.contains("##[")
            || small.contains("##vso[")
            || small.contains("##teamcity[")
            || begin.starts_with("::") && !(ours && known)
    };
    printed.split(['\n', '\r']).filter(commands).collect()
}

/// Runs it, and gives whether the words were shown.
fn obeys_nobody(place: &Place, words: &[&str]) -> bool {
    let ran = place.run(words);
    let github = words.contains(&"github");
    let found = [obeyed(&ran.stdout, github), obeyed(&ran.stderr, false)].concat();
    assert!(found.is_empty(), "{words:?}: {found:?}");
    assert!(!ran.stderr.contains("panicked"), "{words:?}: {}", ran.stderr);
    let all = format!("{}{}", ran.stdout, ran.stderr);
    all.contains("mask") || all.contains("prependpath")
}

#[test]
fn a_runner_of_ci_finds_no_command_in_an_argument_whichever_command_quotes_it() {
    let place = applied();
    let mut shown = 0;
    for words in COMMANDS {
        let lines: [&[&str]; 34] = [
            &[words],
            &["validate", words],
            &["validate", "-f", words],
            &["validate", "-f", "m", "-o", words],
            &["validate", "-f", "m", "-n", words],
            &["validate", "-k", words],
            &["validate", "-f", "m", "--color", words],
            &["diff", "-f", "m", "--fail-on", words],
            &["diff", "-f", "m", "--store", words],
            &["diff", "-f", "m", "--store", &format!("sqlite:{words}/x/y.db")],
            &["diff", "-f", "m", "--max-age", words],
            &["apply", "-f", "m", "--approve", words],
            &["apply", "-f", "m", "--plan", words],
            &["get", words],
            &["get", "grants", "--store", words],
            &["offer", words, "-f", "m"],
            &["offer", "helpdesk", "-f", "m", "--relationship", words],
            &["accept", words, "-f", "m"],
            &["accept", "fabrikam", "-f", "m", "--role", words],
            &["roles", "show", words],
            &["roles", "compare", words, words],
            &["roles", "solve", words],
            &["roles", "list", "--containing", words],
            &["roles", "tasks", "--containing", words],
            &["why", words, words],
            &["who-can", words],
            &["history", words],
            &["ledger", "verify", "--file", words],
            &["ledger", "verify", "--head", words],
            &["ledger", "erase", words, "--yes"],
            &["explain", words],
            &["crd", "-o", words],
            &["completions", words],
            &["operator", "--settle", words],
        ];
        shown += lines.iter().filter(|line| obeys_nobody(&place, line)).count();
    }
    assert!(shown > 100, "only {shown} of them are shown, so little was tried");
}

#[test]
fn a_runner_of_ci_finds_no_command_in_words_of_a_manifest_in_any_form() {
    let mut shown = 0;
    for words in COMMANDS.into_iter().filter(|words| !words.contains(['\u{1}', '\r'])) {
        let place = team();
        let text = |text: &str| serde_json::to_string(text).unwrap();
        let lines = text(&format!("first\n{words}\n\n   {words}"));
        let edit = |name: &str, from: &str, to: &str| {
            let path = place.path().join("m").join(name);
            let before = fs::read_to_string(&path).unwrap();
            assert!(before.contains(from), "{from}");
            fs::write(&path, before.replace(from, to)).unwrap();
        };
        let name = text(words.trim());
        edit("grants.yaml", "First line", &name);
        edit("grants.yaml", "displayName: Second line", &format!("displayName: {name}"));
        edit("grants.yaml", "Fabrikam's own helpdesk is closed at night.", &lines);
        edit("relationship.yaml", "displayName: Fabrikam", &format!("displayName: {name}"));
        edit("acceptance.yaml", "Lovelace", &name);
        edit("offer.yaml", "Contoso Helpdesk", &name);
        says(&place.run(&["validate", "-f", "m"]), 0, &["no problems"]);
        for form in FORMS {
            for command in ["validate", "diff"] {
                shown += usize::from(obeys_nobody(&place, &[command, "-f", "m", "-o", form]));
            }
        }
        for form in ["text", "markdown"] {
            let offer = ["offer", "helpdesk", "-f", "m", "--relationship", "fabrikam", "-o", form];
            assert!(obeys_nobody(&place, &offer), "{form}");
        }
        obeys_nobody(&place, &["apply", "-f", "m", "-o", FORMS[words.len() % 7]]);
        for what in ["grants", "relationships"] {
            for form in ["text", "json", "yaml", "markdown"] {
                obeys_nobody(&place, &["get", what, "-o", form]);
            }
        }
        for form in ["text", "json", "yaml"] {
            obeys_nobody(&place, &["history", "-o", form]);
            obeys_nobody(&place, &["ledger", "verify", "-o", form]);
        }
        for line in [&["ledger", "show"][..], &["ledger", "export"]] {
            obeys_nobody(&place, line);
        }
        // What is wrong with them.
        place.write("m/wrong.yaml", format!("apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\nmetadata:\n  name: {0}\n  {0}: 1\n  annotations: {{concordat.dev/adopt-from: {0}}}\nspec:\n  {0}: 1\n  roles: [{0}, {1}]\n", text(words), lines));
        place.write(
            "m/kind.yaml",
            format!(
                "apiVersion: concordat.dev/v1alpha1\nkind: {}\n---\napiVersion: {0}\nkind: {0}\n",
                text(words)
            ),
        );
        place.write(&format!("m/{}.yaml", words.replace('/', "-")), "a: [");
        for form in FORMS {
            for command in ["validate", "diff", "apply"] {
                let line = [command, "-f", "m", "-o", form];
                assert!(obeys_nobody(&place, &line), "{line:?}");
            }
        }
    }
    assert!(shown >= 20, "only {shown} of them are shown, so little was tried");
}

#[test]
fn a_document_means_the_same_although_no_runner_obeys_it() {
    let place = team();
    let name = "##[add-mask]x ##vso[y]z";
    let path = place.path().join("m/grants.yaml");
    let quoted = serde_json::to_string(name).unwrap();
    fs::write(&path, quickstart("grants.yaml").replace("First line", &quoted)).unwrap();
    let json = place.run(&["diff", "-f", "m", "-o", "json"]).stdout;
    let document: Value = serde_json::from_str(&json).unwrap();
    let yaml = place.run(&["diff", "-f", "m", "-o", "yaml"]).stdout;
    let again: Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(document["access"], again["access"]);
    assert!(document.to_string().contains(&quoted), "{document}");
    place.write("plan.json", json);
    says(&place.run(&["apply", "-f", "m", "--plan", "plan.json"]), 0, &[]);
    let unanswered = team();
    fs::remove_file(unanswered.path().join("m/acceptance.yaml")).unwrap();
    let words = [
        "accept",
        "fabrikam",
        "-f",
        "m",
        "--first-name",
        "##[x]",
        "--last-name",
        "::y::z",
        "--email",
        "a@b.example",
        "--role",
        "GlobalAdministrator",
        "--read-confirmed",
        "--name",
        "again",
    ];
    let written = unanswered.run(&words);
    let manifest: Value = serde_yaml::from_str(&written.stdout).unwrap();
    assert_eq!(manifest["spec"]["acceptedBy"]["firstName"], "##[x]");
    assert_eq!(manifest["spec"]["acceptedBy"]["lastName"], "::y::z");
    place.write("ledger.ndjson", place.run(&["ledger", "export"]).stdout);
    says(&place.run(&["ledger", "verify", "--file", "ledger.ndjson"]), 0, &[]);
}

fn with_kustomize(place: &Place, words: &[&str]) -> Ran {
    let mut command = place.command(words);
    command.env("PATH", format!("{}:/usr/bin:/bin", KUSTOMIZE.built().display()));
    finished(command, b"")
}

/// A server that counts who comes, and answers each with the quickstart's grants.
fn server() -> (u16, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let body = quickstart("grants.yaml");
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ =
                stream.and_then(|mut stream| stream.write_all(format!("{head}{body}").as_bytes()));
        }
    });
    (port, count)
}

/// A kustomization with a transformation that is written out in it.
fn plugin(kind: &str, fields: &str) -> String {
    let text = format!("apiVersion: builtin\nkind: {kind}\nmetadata: {{name: x}}\n{fields}\n");
    format!("transformers: [{}]", serde_json::to_string(&text).unwrap())
}

#[test]
fn no_spelling_of_a_field_takes_in_a_file_of_git() {
    let place = team();
    let git = Command::new("git").args(["init", "-q"]).current_dir(place.path()).status();
    assert!(git.unwrap().success());
    place.write(".git/config", "hunter2\n");
    let rest = "generatorOptions: {disableNameSuffixHash: true}\nreplacements:\n- source: {kind: ConfigMap, name: c, fieldPath: data.c}\n  targets:\n  - {select: {kind: PartnerRelationship}, fieldPaths: [spec.displayName]}\n";
    let resources = KINDS.map(|name| format!("m/{name}")).join(", ");
    for field in ["files", "file\u{17f}", "Files", "FILE\u{17f}"] {
        let generated = format!("configMapGenerator: [{{name: c, {field}: ['c=.git/config']}}]");
        let text = format!("resources: [{resources}]\n{generated}\n{rest}");
        place.write("kustomization.yaml", text);
        for form in FORMS {
            let ran = with_kustomize(&place, &["diff", "-k", ".", "-o", form]);
            keeps_the_secret(&ran, field);
            assert!(ran.stderr.contains("C0820"), "{field}: {}", ran.stderr);
        }
    }
}

#[test]
fn kustomize_takes_in_nothing_from_elsewhere() {
    let (port, count) = server();
    let place = team();
    let url = format!("http://127.0.0.1:{port}/grants.yaml");
    let secret = place.write("outside/s.yaml", quickstart("grants.yaml"));
    place.write("outside/kustomization.yaml", "resources: [s.yaml]\n");
    symlink("../outside", place.path().join("m/linked")).unwrap();
    symlink("../outside/s.yaml", place.path().join("m/linked.yaml")).unwrap();
    place.write("m/nested/kustomization.yaml", format!("resources: ['{url}']\n"));
    place.write(
        "m/plugin.yaml",
        "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\n",
    );
    place.write("m/exec.yaml", "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations: {config.kubernetes.io/function: 'exec: {path: ./x.sh}'}\n");
    place.write(
        "m/patch.yaml",
        format!(
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {{name: x}}\npath: {url}\n"
        ),
    );
    let fields = [
        format!("resources: ['{url}']"),
        format!("Resources: ['{url}']"),
        format!("resources: &a ['{url}']\nnamespace: x"),
        format!("<<: {{resources: ['{url}']}}"),
        "resources: [github.com/acme/grants]".to_owned(),
        "resources: ['GitHub.com/acme/grants?ref=main']".to_owned(),
        "resources: ['git::https://example.com/acme/grants.git']".to_owned(),
        "resources: ['git@example.com:acme/grants']".to_owned(),
        "resources: ['ssh://git@example.com/acme/grants']".to_owned(),
        "resources: ['file:///tmp/grants']".to_owned(),
        "resources: ['gh:acme/grants']".to_owned(),
        format!("resources: ['{}']", secret.display()),
        "resources: [nested]".to_owned(),
        "resources: [linked]".to_owned(),
        "resources: [linked.yaml]".to_owned(),
        format!("bases: ['{url}']"),
        "components: ['https://example.com/c?ref=v1']".to_owned(),
        format!("crds: ['{url}']"),
        format!("configurations: ['{url}']"),
        format!("openapi: {{path: '{url}'}}"),
        format!("patches: [{{path: '{url}'}}]"),
        format!("patches: [{{Path: '{url}?a=offer.yaml'}}]"),
        format!("patchesStrategicMerge: ['{url}']"),
        format!("patchesJson6902: [{{target: {{kind: X, name: x}}, path: '{url}'}}]"),
        format!("replacements: [{{path: '{url}'}}]"),
        format!("generators: ['{url}']"),
        format!("transformers: ['{url}']"),
        format!("validators: ['{url}']"),
        format!("configMapGenerator: [{{name: x, files: ['a={url}']}}]"),
        format!("secretGenerator: [{{name: x, envs: ['{url}']}}]"),
        "helmCharts: [{name: x, repo: 'oci://example.com/charts'}]".to_owned(),
        "helmChartInflationGenerator: [{chartName: x}]".to_owned(),
        "helmGlobals: {chartHome: x}".to_owned(),
        "generators: [plugin.yaml]".to_owned(),
        "generators: [\"apiVersion: builtin\\nkind: HelmChartInflationGenerator\\nmetadata: {name: x}\\n\"]".to_owned(),
        "transformers: [exec.yaml]".to_owned(),
        "transformers: [patch.yaml]".to_owned(),
        "resources: [!!binary aHR0cDovLzEyNy4wLjAuMS9h]".to_owned(),
        format!("resources: [!x '{url}']"),
        "somethingNew: x".to_owned(),
        "resources: [".to_owned(),
        format!("re\u{17f}ources: ['{url}']"),
        format!("configMapGenerator: [{{name: x, file\u{17f}: ['a={url}']}}]"),
        format!("configMapGenerator: [{{name: x, env\u{17f}: ['{url}']}}]"),
        format!("ConfigMapGenerator: [{{name: x, files: ['a={url}']}}]"),
        format!("configMapGenerator: [{{name: x, FILES: ['a={url}']}}]"),
        format!("secretGenerator: [{{name: x, Envs: ['{url}']}}]"),
        format!("secretGenerator: [{{name: x, new: {{files: ['{url}']}}}}]"),
        format!("secretGenerator: [[{{name: x, file\u{17f}: ['{url}']}}]]"),
        format!("patche\u{17f}: [{{path: '{url}'}}]"),
        format!("replacements: [{{source: {{kind: X, Path: '{url}'}}}}]"),
        format!("openapi: {{Path: '{url}'}}"),
        "\u{212a}ind: Kustomization".to_owned(),
        "namePrefix: {a: b}".to_owned(),
        plugin("ConfigMapGenerator", &format!("file\u{17f}: ['a={url}']")),
        plugin("SecretGenerator", &format!("Envs: ['{url}']")),
        plugin("PatchTransformer", &format!("Path: '{url}'")),
        plugin("PatchStrategicMergeTransformer", &format!("path\u{17f}: ['{url}']")),
        plugin("ReplacementTransformer", &format!("replacements: [{{PATH: '{url}'}}]")),
        plugin("SomethingNew", "a: b"),
        plugin("HelmChartInflationGenerator", "repo: x"),
    ];
    for field in fields {
        place.write("m/kustomization.yaml", format!("{field}\n"));
        for command in ["validate", "diff", "apply"] {
            let ran = with_kustomize(&place, &[command, "-k", "m"]);
            assert_eq!(ran.code, Some(2), "{field}: {}{}", ran.stdout, ran.stderr);
            assert!(ran.stderr.contains("C0820"), "{field}: {}", ran.stderr);
        }
    }
    for folder in [
        url.as_str(),
        "github.com/acme/grants",
        "--enable-helm",
        "git::https://u:hunter2@example.com/x",
    ] {
        let ran = with_kustomize(&place, &["validate", "-k", folder]);
        assert_eq!(ran.code, Some(2), "{folder}: {}", ran.stderr);
    }
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 0, "somebody came to the server");
}

#[test]
fn kustomize_builds_what_stands_in_the_checkout() {
    let place = team();
    place.write(
        "m/kustomization.yaml",
        "resources: [offer.yaml, relationship.yaml, grants.yaml, acceptance.yaml]\n",
    );
    place.write("component/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonLabels: {tier: gold}\nlabels: [{pairs: {files: x}, fields: [{path: metadata/labels, create: true}]}]\nconfigMapGenerator: [{name: c, files: [own.txt, key=own.txt], literals: [a=b], options: {labels: {Path: x}}}]\ngeneratorOptions: {disableNameSuffixHash: true}\nreplacements: [{source: {kind: ConfigMap, name: c, fieldPath: data.a}, targets: [{select: {kind: PartnerOffer}, fieldPaths: [metadata.labels.tier], options: {delimiter: '-', index: 1}}]}]\n");
    place.write("component/own.txt", "x\n");
    place.write("over/customer/patch.yaml", "apiVersion: concordat.dev/v1alpha1\nkind: PartnerOffer\nmetadata: {name: helpdesk, namespace: msp-helpdesk}\nspec: {terms: {url: 'https://contoso.example/terms?ref=2'}}\n");
    place.write("over/customer/labels.yaml", "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\nlabels: {team: msp}\nfieldSpecs: [{path: metadata/labels, create: true}]\n");
    place.write(
        "over/customer/kustomization.yaml",
        "resources: [../../m]\ncomponents: [../../component]\ntransformers: [labels.yaml]\npatches:\n- path: patch.yaml\n- target: {kind: PartnerOffer}\n  patch: |-\n    - {op: replace, path: /spec/terms/url, value: 'https://contoso.example/terms'}\n",
    );
    let git = Command::new("git").args(["init", "-q"]).current_dir(place.path()).status();
    assert!(git.unwrap().success());
    says(&with_kustomize(&place, &["validate", "-k", "over/customer"]), 0, &["no problems"]);
    let answer = with_kustomize(&place, &["apply", "-k", "over/customer"]);
    says(&answer, 0, &["Helpdesk Administrator"]);
    let outside = Place::new();
    outside.write("kustomization.yaml", "resources: []\n");
    let away = format!("resources: [../../../..{}]\n", outside.path().display());
    place.write("over/customer/kustomization.yaml", away);
    let ran = with_kustomize(&place, &["validate", "-k", "over/customer"]);
    says(&ran, 2, &["it lies outside of the checkout", "C0820"]);
}
