#!/usr/bin/env python3
"""Measures Concordat beside its peers, on the same work in the same run, and prints ratios.

    benches/peers/run.py [--objects 10000] [--runs 5] [--postgres URL]

Needs: cargo, go (it builds kubeconform and OpenTofu from their Go modules into target/peers, a few minutes once).
Each figure is the median of the runs, as whole processes; memory is the largest resident set.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "target" / "peers"
CONCORDAT = ROOT / "target" / "release" / "concordat"
TOFU = "v1.12.6"
KUBECONFORM = "v0.8.0"
GRANTS_IN_EACH = 5
PARTNER = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
GROUPS = 50
ROLES = ["Message Center Reader", "Service Support Administrator", "Reports Reader", "Usage Summary Reports Reader"]


def guid(kind, number):
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}-{number}"))


def build_peers():
    BUILD.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, GOBIN=str(BUILD), CGO_ENABLED="0")
    if not (BUILD / "kubeconform").exists():
        print("building kubeconform", file=sys.stderr)
        module = f"github.com/yannh/kubeconform/cmd/kubeconform@{KUBECONFORM}"
        subprocess.run(["go", "install", module], env=environment, check=True)
    if not (BUILD / "tofu").exists():
        print("building OpenTofu, which takes minutes", file=sys.stderr)
        module = BUILD / "opentofu"
        module.mkdir(exist_ok=True)
        (module / "go.mod").unlink(missing_ok=True)
        run = lambda *words: subprocess.run(words, cwd=module, env=environment, check=True)
        run("go", "mod", "init", "peers")
        origin = subprocess.run(
            ["go", "mod", "download", "-json", f"github.com/opentofu/opentofu@{TOFU}"],
            cwd=module, env=environment, check=True, capture_output=True, text=True,
        )
        theirs = json.loads(origin.stdout)["GoMod"]
        listed = subprocess.run(
            ["go", "mod", "edit", "-json", theirs], cwd=module, check=True, capture_output=True, text=True
        )
        for replace in json.loads(listed.stdout).get("Replace") or []:
            new = replace["New"]
            if "Version" in new:
                run("go", "mod", "edit", f"-replace={replace['Old']['Path']}={new['Path']}@{new['Version']}")
        run("go", "get", f"github.com/opentofu/opentofu/cmd/tofu@{TOFU}")
        run("go", "build", "-o", str(BUILD / "tofu"), "github.com/opentofu/opentofu/cmd/tofu")


def offer(name, roles):
    lines = "".join(f"  - {role}\n" for role in roles)
    return f"""apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata:
  name: {name}
  namespace: bench
spec:
  partner:
    tenantId: {PARTNER}
    displayName: Contoso
  type: GranularDelegatedAdmin
  duration: P730D
  roles:
{lines}"""


def relationship(number):
    return f"""apiVersion: concordat.dev/v1alpha1
kind: PartnerRelationship
metadata:
  name: customer-{number}
  namespace: bench
spec:
  customer:
    tenantId: {guid('customer', number)}
    displayName: Customer {number}
  displayName: customer-{number}
  offerRef:
    name: bench
"""


def grant(number, customer):
    return f"""apiVersion: concordat.dev/v1alpha1
kind: RoleGrant
metadata:
  name: grant-{number}
  namespace: bench
spec:
  relationshipRef:
    name: customer-{customer}
  grantee:
    securityGroup:
      id: {guid('group', number % GROUPS)}
      displayName: Group {number % GROUPS}
  roles:
  - {ROLES[number % len(ROLES)]}
  notAfter: "2028-06-30T22:00:00Z"
"""


def acceptance(number, digest):
    return f"""apiVersion: concordat.dev/v1alpha1
kind: AgreementAcceptance
metadata:
  name: customer-{number}
  namespace: bench
spec:
  decision: Accept
  customer:
    tenantId: {guid('customer', number)}
  partner:
    tenantId: {PARTNER}
  agreement:
    type: MicrosoftCustomerAgreement
    templateId: 117a77b0-9360-443b-8795-c6dedc750cf9
    country: US
    language: en-US
    documentSha256: {'ab' * 32}
  acceptedBy:
    firstName: Ada
    lastName: Lovelace
    email: ada@customer-{number}.example
    role: GlobalAdministrator
  acceptedAt: "2026-11-16T09:00:00Z"
  readConfirmed: true
  relationshipRef:
    name: customer-{number}
  invitation: {digest}
"""


BOUNDARY = f"""apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata:
  name: bench
spec:
  namespaces: [bench]
  partner:
    tenantId: {PARTNER}
    cloud: Global
    certifiedFor: [GranularDelegatedAdmin]
  customers: {{any: true}}
  grantees: {{any: true}}
  roles: {{any: true}}
  limits:
    newGrantees: 1000000
    revocations: {{count: 1000000, share: 100}}
"""


def write_work(folder, grants):
    """`grants` grants in a fifth as many relationships, each accepted. One file for each kind."""
    relationships = max(1, grants // GRANTS_IN_EACH)
    folder.mkdir()
    (folder / "boundary.yaml").write_text(BOUNDARY)
    (folder / "offer.yaml").write_text(offer("bench", ROLES))
    texts = [relationship(number) for number in range(relationships)]
    (folder / "relationships.yaml").write_text("---\n".join(texts))
    texts = [grant(number, number // GRANTS_IN_EACH) for number in range(grants)]
    (folder / "grants.yaml").write_text("---\n".join(texts))
    listed = subprocess.run(
        [CONCORDAT, "diff", "-f", folder, "--store", f"sqlite:{folder.parent}/none.db", "-o", "json"],
        capture_output=True, text=True,
    )
    awaited = json.loads(listed.stdout)["awaited"]
    digests = {one["relationship"]: one["invitation"] for one in awaited}
    texts = [acceptance(number, digests[f"customer-{number}"]) for number in range(relationships)]
    (folder / "acceptances.yaml").write_text("---\n".join(texts))


def write_schemas(folder):
    """The same schemas that Concordat uses, in the form that kubeconform reads."""
    folder.mkdir()
    listed = subprocess.run([CONCORDAT, "crd", "-o", "json"], capture_output=True, text=True, check=True)
    for definition in json.loads(listed.stdout):
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        kind = definition["spec"]["names"]["kind"].lower()
        (folder / f"{kind}.json").write_text(json.dumps(schema))


def write_tofu(folder, resources):
    folder.mkdir()
    (folder / "main.tf").write_text(
        f'resource "terraform_data" "grant" {{\n  count = {resources}\n'
        '  input = { relationship = "customer-${count.index % 2000}", group = "group-${count.index % 50}",'
        ' roles = ["Message Center Reader"], notAfter = "2028-06-30T22:00:00Z" }\n}\n'
    )
    subprocess.run([BUILD / "tofu", "init", "-input=false"], cwd=folder, check=True, capture_output=True)


def measure(words, runs, expect=0, cwd=None, before=None):
    """Median seconds and the largest resident set in MB."""
    seconds, memory = [], 0
    for _ in range(runs):
        if before:
            before()
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        complaint = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - begin)
        memory = max(memory, usage.ru_maxrss / 1024)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != expect:
            sys.exit(f"{' '.join(map(str, words))}: exit {process.returncode}\n{complaint.decode()}")
    return statistics.median(seconds), memory


def row(name, ours, theirs, wanted, peer):
    ratio = theirs[0] / ours[0]
    verdict = "met" if ratio >= wanted else "missed"
    print(
        f"{name:34} {ours[0]:8.3f} s {ours[1]:6.0f} MB   {peer} {theirs[0]:8.3f} s {theirs[1]:6.0f} MB"
        f"   {ratio:6.1f} times faster, wanted {wanted}: {verdict}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--postgres", help="an empty database to measure `diff` on, too")
    arguments = parser.parse_args()
    build_peers()
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as temporary:
        compare(pathlib.Path(temporary), arguments)


def compare(temporary, arguments):
    runs, objects = arguments.runs, arguments.objects
    print(f"{objects} objects, median of {runs} runs, {os.cpu_count()} cores\n")
    work, schemas, tofu = temporary / "work", temporary / "schemas", temporary / "tofu"
    write_work(work, objects)
    write_schemas(schemas)
    write_tofu(tofu, objects)

    grants = temporary / "grants"
    grants.mkdir()
    for name in ["boundary.yaml", "offer.yaml", "relationships.yaml", "grants.yaml"]:
        shutil.copy(work / name, grants)
    ours = measure([CONCORDAT, "validate", "-f", grants], runs)
    location = str(schemas) + "/{{ .ResourceKind }}.json"
    theirs = measure([BUILD / "kubeconform", "-schema-location", location, grants], runs)
    row("validate", ours, theirs, 2, "kubeconform")

    store = temporary / "concordat.db"

    def fresh():
        for path in temporary.glob("concordat.db*"):
            path.unlink()

    def fresh_tofu():
        for path in tofu.glob("terraform.tfstate*"):
            path.unlink()

    apply_tofu = [BUILD / "tofu", "apply", "-input=false", "-auto-approve"]
    ours = measure([CONCORDAT, "apply", "-f", work, "--store", f"sqlite:{store}"], runs, before=fresh)
    theirs = measure(apply_tofu, min(runs, 2), cwd=tofu, before=fresh_tofu)
    row("apply from empty, SQLite", ours, theirs, 10, "tofu apply")

    plan_tofu = [BUILD / "tofu", "plan", "-input=false"]
    theirs = measure(plan_tofu, min(runs, 3), cwd=tofu)
    ours = measure([CONCORDAT, "diff", "-f", work, "--store", f"sqlite:{store}"], runs)
    row("diff with nothing to do, SQLite", ours, theirs, 50, "tofu plan ")
    if arguments.postgres:
        subprocess.run(
            [CONCORDAT, "apply", "-f", work, "--store", arguments.postgres], check=True, stdout=subprocess.DEVNULL
        )
        ours = measure([CONCORDAT, "diff", "-f", work, "--store", arguments.postgres], runs)
        row("diff with nothing to do, PostgreSQL", ours, theirs, 50, "tofu plan ")


if __name__ == "__main__":
    main()
