//! Documents that are YAML and still no object of ours: what they are, what they are called, what stands in `metadata`.
//!
//! Never: a refusal that looks into `spec`.

use super::{OFFER, input, refused, said};

#[test]
fn a_document_that_is_no_object_is_refused() {
    let help = "  help: every object begins with `apiVersion:` and `kind:`\n";
    for (text, found) in [("- a\n", "a list"), ("text\n", "text"), ("17\n", "a number")] {
        refused(
            text,
            &format!(
                "-:1:1 C0014 : a document must be a mapping, not {found}\n  \
                 help: begin with `apiVersion: concordat.dev/v1alpha1` and `kind:`\n"
            ),
        );
    }
    refused(
        "replicas: 3\n",
        &format!(
            "-:1:1 C0014 apiVersion: the document has no `apiVersion`, so it is no Kubernetes object\n{help}"
        ),
    );
    refused(
        "apiVersion: v1\n",
        &format!(
            "-:1:1 C0014 kind: the document has no `kind`, so it is no Kubernetes object\n{help}"
        ),
    );
    refused(
        "apiVersion: v1\nkind: 1\n",
        &format!("-:2:7 C0014 kind: `kind` must be text, not a number\n{help}"),
    );
    refused(
        "apiVersion: v1\nkind: List\nitems: {}\n",
        "-:3:1 C0014 items: `items` must be a list, not a mapping\n  help: begin each item with `- `\n",
    );
}

#[test]
fn an_unknown_version_or_kind_of_our_group_is_refused_with_a_suggestion() {
    refused(
        OFFER.replace("v1alpha1", "v1"),
        "-:1:13 C0016 apiVersion: no version of `concordat.dev` is called `v1`\n  help: write `apiVersion: concordat.dev/v1alpha1`\n",
    );
    for other in [
        "concordat.io/v1",
        "v1alpha1",
        "concordat.dev",
        "Concordat.dev/v1alpha1",
        "concordt.dev/v1alpha1",
    ] {
        refused(
            OFFER.replace("concordat.dev/v1alpha1", other),
            &format!(
                "-:1:13 C0016 apiVersion: `{other}` is not the API version of a PartnerOffer\n  \
                 help: write `apiVersion: concordat.dev/v1alpha1`\n"
            ),
        );
    }
    refused(
        OFFER.replace("PartnerOffer", "partneroffers"),
        "-:2:7 C0017 kind: no kind of `concordat.dev` is called `partneroffers`\n  help: did you mean `PartnerOffer`?\n",
    );
    refused(
        OFFER.replace("PartnerOffer", "Zebra"),
        "-:2:7 C0017 kind: no kind of `concordat.dev` is called `Zebra`\n  help: the kinds are `PartnerOffer`, \
         `PartnerRelationship`, `RoleGrant`, `AgreementAcceptance`, `PartnerBoundary`\n",
    );
    assert_eq!(
        input(OFFER.replace("concordat.dev/v1alpha1", "rbac.example.com/v1")).skipped.len(),
        1
    );
}

#[test]
fn the_same_object_in_two_documents_is_refused_with_both_places() {
    refused(
        format!("{OFFER}---\n{OFFER}"),
        "-:11:18 C0015 metadata.name: `PartnerOffer/msp/helpdesk` is described twice, first at -:3:18\n  \
         help: keep one of the two, or give one of them another name\n",
    );
    let defaulted = OFFER.replace(", namespace: msp", "");
    let explicit = OFFER.replace("msp", "default");
    assert_eq!(input(format!("{defaulted}---\n{explicit}")).problems.len(), 1);
}

#[test]
fn metadata_of_the_wrong_form_is_refused_all_at_once() {
    refused(
        "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\nmetadata:\n  name: 123\n  namespace: My_Space\n  labels:\n    on-call: true\n    since: 2026-01-01\n    count: 1_000\n  annotations: text\n  generation: x\n  deletionTimestamp: yesterday\n",
        "-:4:9 C0018 metadata.name: `name` must be text, not the number `123`\n  help: put it in quotes: `\"123\"`\n\
         -:5:14 C0019 metadata.namespace: `My_Space` is not a namespace that Kubernetes accepts\n  \
         help: use at most 63 of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit\n\
         -:7:14 C0018 metadata.labels.on-call: `on-call` must be text, not the truth value `true`\n  help: put it in quotes: `\"true\"`\n\
         -:10:16 C0018 metadata.annotations: `annotations` must be a mapping of texts, not the text `text`\n  help: write a mapping of texts\n\
         -:11:15 C0018 metadata.generation: `generation` must be a whole number, not the text `x`\n  help: write a whole number\n\
         -:12:22 C0020 metadata.deletionTimestamp: a file cannot say that the RoleGrant is being deleted\n  \
         help: remove the field; what is to go is taken out of the files, and `apply --prune` takes it away\n\
         -:9:12 C0013 metadata.labels.count: `1_000` is text in YAML 1.2 but a number for kubectl, which reads YAML 1.1\n  \
         help: put it in quotes: `\"1_000\"`\n",
    );
    let named = |metadata: &str| OFFER.replace("{name: helpdesk, namespace: msp}", metadata);
    refused(
        named("{}"),
        "-:3:1 C0018 metadata.name: the PartnerOffer has no `metadata.name`\n  help: write `name:` below `metadata:`\n",
    );
    refused(
        named("{generateName: a-}"),
        "-:3:1 C0018 metadata.name: the PartnerOffer has no `metadata.name`\n  \
         help: write `name:`; a generated name would make a new object each time\n",
    );
    refused(
        named("[]"),
        "-:3:1 C0018 metadata: `metadata` must be a mapping, not a list\n  help: begin with `name:`\n",
    );
    refused(
        named("{name: Acme Helpdesk}"),
        "-:3:18 C0019 metadata.name: `Acme Helpdesk` is not a name that Kubernetes accepts\n  \
         help: write it as `acme-helpdesk`: only `a-z`, `0-9`, `-` and `.`\n",
    );
    for name in ["a..b", "-a", "a-", "é", "a/b"] {
        assert_eq!(input(named(&format!("{{name: {name}}}"))).problems.len(), 1, "{name}");
    }
    for name in ["a", "a.b", "0-0", &"x".repeat(253)] {
        assert_eq!(said(&input(named(&format!("{{name: {name:?}}}"))).problems), "", "{name}");
    }
}

#[test]
fn a_boundary_belongs_to_the_whole_cluster_whatever_namespace_kustomize_writes() {
    let input = input(OFFER.replace("PartnerOffer", "PartnerBoundary"));
    assert_eq!(said(&input.problems), "");
    assert_eq!(input.documents[0].key.namespace, "");
}
