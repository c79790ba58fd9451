#!/usr/bin/env python3
"""Measures Concordat beside its peers, on the same work in the same run, and prints ratios.

    benches/peers/run.py [--objects 10000] [--runs 5] [--scale 1000,10000,100000]

Needs: cargo, go (it builds kubeconform and OpenTofu from their Go modules into target/peers, a few minutes once), and
the programs of PostgreSQL, which it starts itself in a temporary folder.

Each figure is the median of the runs, as whole processes that take turns with their peer; memory is the largest
resident set. The parts by themselves: `cargo bench --bench parse`, `validate`, `plan`, `solve`, `ledger`.
"""

import argparse
import json
import os
import pathlib
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "target" / "peers"
CONCORDAT = ROOT / "target" / "dist" / "concordat"
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
    if listed.returncode == 2:
        sys.exit(f"the invitations cannot be listed:\n{listed.stderr}")
    awaited = json.loads(listed.stdout)["awaited"]
    digests = {one["relationship"]: one["invitation"] for one in awaited}
    texts = [acceptance(number, digests[f"customer-{number}"]) for number in range(relationships)]
    (folder / "acceptances.yaml").write_text("---\n".join(texts))


def write_manifests(folder, work, each):
    """The same without acceptances, as whole files or with a file for each object."""
    folder.mkdir()
    for name in ["boundary.yaml", "offer.yaml", "relationships.yaml", "grants.yaml"]:
        if not each:
            shutil.copy(work / name, folder)
            continue
        for number, text in enumerate((work / name).read_text().split("---\n")):
            (folder / f"{name.removesuffix('.yaml')}-{number}.yaml").write_text(text)


def write_schemas(folder):
    """The same schemas that Concordat uses, in the form that kubeconform reads."""
    folder.mkdir()
    listed = subprocess.run([CONCORDAT, "crd", "-o", "json"], capture_output=True, text=True, check=True)
    for definition in json.loads(listed.stdout):
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        kind = definition["spec"]["names"]["kind"].lower()
        (folder / f"{kind}.json").write_text(json.dumps(schema))


def write_tofu(folder, resources):
    """A block for each resource, as grants are objects by themselves. One block with `count` is ten times slower to plan."""
    folder.mkdir()
    blocks = (
        f'resource "terraform_data" "grant-{number}" {{\n'
        f'  input = {{ relationship = "customer-{number // GRANTS_IN_EACH}", group = "{guid("group", number % GROUPS)}",'
        f' roles = ["{ROLES[number % len(ROLES)]}"], notAfter = "2028-06-30T22:00:00Z" }}\n}}\n'
        for number in range(resources)
    )
    (folder / "main.tf").write_text("".join(blocks))
    subprocess.run([BUILD / "tofu", "init", "-input=false"], cwd=folder, check=True, capture_output=True)


class Postgres:
    """A server of our own on a free port, durable as it comes."""

    def __init__(self, folder):
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        self.programs, self.folder = pathlib.Path(found.stdout.strip()), folder
        self.user = {}
        folder.mkdir()
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(folder, user.pw_uid, user.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        secret = uuid.uuid4().hex
        (folder / "password").write_text(secret)
        (folder / "password").chmod(0o644)
        self.run("initdb", "-D", folder / "data", "-U", "bench", "-A", "scram-sha-256", "--no-sync",
                 "--pwfile", folder / "password", "--locale=C", "--encoding=UTF8")
        options = f"-p {self.port} -k {folder} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
        self.url = f"postgres://bench:{secret}@127.0.0.1:{self.port}"
        self.environment = dict(os.environ, PGPASSWORD=secret)

    def run(self, program, *words):
        subprocess.run(
            [self.programs / program, *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, **self.user
        )

    def database(self, name):
        """The address of an empty database."""
        for statement in [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}"]:
            subprocess.run(
                [self.programs / "psql", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench",
                 "-d", "postgres", "-c", statement],
                env=self.environment, check=True, stderr=subprocess.DEVNULL,
            )
        return f"{self.url}/{name}?sslmode=disable"

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")


def once(words, expect=0, cwd=None):
    """Seconds, and the largest resident set in MB."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in words], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expect:
        sys.exit(f"{' '.join(map(str, words))}: exit {process.returncode}\n{complaint.decode()[-4000:]}")
    return seconds, usage.ru_maxrss / 1024


def median(figures):
    return statistics.median(seconds for seconds, _ in figures), max(memory for _, memory in figures)


def turns(runs, *works):
    """The median of each work, which take turns."""
    figures = [[work() for work in works] for _ in range(runs)]
    return [median(column) for column in zip(*figures)]


def row(name, ours, theirs, wanted, peer, memory=None):
    ratio = theirs[0] / ours[0]
    met = ratio >= wanted and (memory is None or ours[1] < memory)
    within = "" if memory is None else f" and {memory} MB"
    print(
        f"{name:36} {ours[0]:8.3f} s {ours[1]:5.0f} MB   {peer:11} {theirs[0]:8.3f} s {theirs[1]:5.0f} MB"
        f"   {ratio:6.1f} times faster, wanted {wanted}{within}: {'met' if met else 'missed'}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", default="1000,10000,100000", help="numbers of grants; empty for none")
    arguments = parser.parse_args()
    build_peers()
    subprocess.run(["cargo", "build", "--profile", "dist", "--locked"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        temporary.chmod(0o755)
        postgres = Postgres(temporary / "postgres")
        try:
            compare(temporary, postgres, arguments)
            scale(temporary, postgres, [int(grants) for grants in arguments.scale.split(",") if grants])
        finally:
            postgres.stop()


def compare(temporary, postgres, arguments):
    runs, objects = arguments.runs, arguments.objects
    print(f"{objects} objects, median of {runs} runs, {os.cpu_count()} cores\n")
    work, schemas, tofu = temporary / "work", temporary / "schemas", temporary / "tofu"
    write_work(work, objects)
    write_schemas(schemas)
    write_tofu(tofu, objects)
    location = str(schemas) + "/{{ .ResourceKind }}.json"
    for name, each in [("validate, a file for each kind", False), ("validate, a file for each object", True)]:
        folder = temporary / f"each-{each}"
        write_manifests(folder, work, each)
        ours, theirs = turns(
            runs,
            lambda: once([CONCORDAT, "validate", "-f", folder]),
            lambda: once([BUILD / "kubeconform", "-schema-location", location, folder]),
        )
        row(name, ours, theirs, 2, "kubeconform")

    store = temporary / "concordat.db"

    def apply_sqlite():
        for path in temporary.glob("concordat.db*"):
            path.unlink()
        return once([CONCORDAT, "apply", "-f", work, "--store", f"sqlite:{store}"])

    def apply_postgres():
        return once([CONCORDAT, "apply", "-f", work, "--store", postgres.database("concordat")])

    def apply_tofu():
        for path in tofu.glob("terraform.tfstate*"):
            path.unlink()
        return once([BUILD / "tofu", "apply", "-input=false", "-auto-approve"], cwd=tofu)

    sqlite, postgresql, theirs = turns(min(runs, 3), apply_sqlite, apply_postgres, apply_tofu)
    row("apply from empty, SQLite", sqlite, theirs, 10, "tofu apply")
    row("apply from empty, PostgreSQL", postgresql, theirs, 10, "tofu apply")

    changed = temporary / "changed"
    shutil.copytree(work, changed)
    text = (changed / "grants.yaml").read_text()
    (changed / "grants.yaml").write_text(text.replace("2028-06-30", "2028-06-29", 1))
    url = f"{postgres.url}/concordat?sslmode=disable"
    sqlite, postgresql, one, theirs = turns(
        min(runs, 5),
        lambda: once([CONCORDAT, "diff", "-f", work, "--store", f"sqlite:{store}"]),
        lambda: once([CONCORDAT, "diff", "-f", work, "--store", url]),
        lambda: once([CONCORDAT, "diff", "-f", changed, "--store", f"sqlite:{store}"], expect=1),
        lambda: once([BUILD / "tofu", "plan", "-input=false"], cwd=tofu),
    )
    row("diff with nothing to do, SQLite", sqlite, theirs, 50, "tofu plan", memory=100)
    row("diff with nothing to do, PostgreSQL", postgresql, theirs, 50, "tofu plan", memory=100)
    more = 100 * (one[0] / sqlite[0] - 1)
    print(f"{'diff with one changed grant, SQLite':36} {one[0]:8.3f} s {one[1]:5.0f} MB   {more:+.0f} % beside nothing to do")


def scale(temporary, postgres, sizes):
    """Whole processes again, with nothing to do: time and memory are to grow with the grants and no faster."""
    for grants in sizes:
        work, store = temporary / f"work-{grants}", temporary / f"store-{grants}.db"
        write_work(work, grants)
        once([CONCORDAT, "apply", "-f", work, "--store", f"sqlite:{store}"])
        once([CONCORDAT, "apply", "-f", work, "--store", postgres.database(f"scale_{grants}")])
        url = f"{postgres.url}/scale_{grants}?sslmode=disable"
        for name, address in [("SQLite", f"sqlite:{store}"), ("PostgreSQL", url)]:
            [(seconds, memory)] = turns(3, lambda: once([CONCORDAT, "diff", "-f", work, "--store", address]))
            print(
                f"{f'diff of {grants} grants, {name}':36} {seconds:8.3f} s {memory:5.0f} MB"
                f"   {1e6 * seconds / grants:.0f} µs and {1024 * memory / grants:.1f} KB a grant",
                flush=True,
            )


if __name__ == "__main__":
    main()
