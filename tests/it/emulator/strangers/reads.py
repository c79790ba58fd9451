"""Microsoft's Python SDK reads everything that the emulator holds, with tokens of its login, over TLS.

Never: a setting of the SDK that its users would not have. It is told a host and an authority, and nothing else.
"""

import asyncio
import datetime
import json
import os
import ssl
import sys
import urllib.request
from base64 import b64encode

import httpx
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import CertificateCredential, ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.delegated_admin_access_assignment import DelegatedAdminAccessAssignment
from msgraph.generated.models.delegated_admin_access_container import DelegatedAdminAccessContainer
from msgraph.generated.models.delegated_admin_access_container_type import (
    DelegatedAdminAccessContainerType,
)
from msgraph.generated.models.delegated_admin_access_details import DelegatedAdminAccessDetails
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.reseller_delegated_admin_relationship import (
    ResellerDelegatedAdminRelationship,
)
from msgraph.generated.models.unified_role import UnifiedRole
from msgraph.generated.tenant_relationships.delegated_admin_relationships.delegated_admin_relationships_request_builder import (
    DelegatedAdminRelationshipsRequestBuilder as Relationships,
)
from msgraph_core import GraphClientFactory

URL, FOLDER, TENANT = os.environ["EMULATOR"], sys.argv[1], sys.argv[2]
CA = f"{FOLDER}/ca.pem"
READER = "11111111-aaaa-4bbb-8ccc-111111111111"
WRITER = "22222222-aaaa-4bbb-8ccc-222222222222"
SCOPE = "https://graph.microsoft.com/.default"
GROUP = "0c0c0c0c-1111-4222-8333-444444444444"


def secret(name):
    with open(f"{FOLDER}/{name}.secret", encoding="utf-8") as file:
        return file.read()


def with_secret(client, name):
    return ClientSecretCredential(
        TENANT, client, secret(name), authority=URL, disable_instance_discovery=True, connection_verify=CA
    )


def graph(credential):
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[SCOPE], allowed_hosts=["localhost"])
    client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=CA), timeout=30)
    client = GraphClientFactory.create_with_default_middleware(client=client)
    adapter = GraphRequestAdapter(provider, client=client)
    adapter.base_url = f"{URL}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def control(path, body):
    request = urllib.request.Request(
        f"{URL}/_emulator/{path}", data=json.dumps(body).encode(), headers={"Content-Type": "application/json", "X-Emulator-Token": os.environ["CONTROL"]}
    )
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=CA)) as answer:
        return json.load(answer)


class Raw:
    """The same objects as they go over the line, for comparing."""

    def __init__(self, token):
        self.token = token

    def get(self, path):
        request = urllib.request.Request(f"{URL}/v1.0/{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=CA)) as answer:
            return json.load(answer)


def canonical(value, key=None):
    """A value as two ways to write the same thing have in common."""
    if isinstance(value, dict):
        return {
            name: canonical(inner, name)
            for name, inner in value.items()
            if not name.startswith("@odata") and inner is not None
        }
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    if isinstance(value, str) and key and key.endswith("DateTime"):
        when = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        return when.replace(microsecond=0).isoformat()
    if isinstance(value, str) and key and key.lower().endswith("duration"):
        # The SDK writes `730 days, 0:00:00` for P730D, and `0:00:00` for both ways to write nothing: known, and told upstream.
        value = "P0D" if value == "PT0S" else value
        return value.removeprefix("P").removesuffix("D").split(" ")[0].removesuffix(":00:00")
    return value


def same(model, raw):
    writer = JsonSerializationWriter()
    model.serialize(writer)
    written = json.loads(writer.get_serialized_content())
    left = {name for name in (model.additional_data or {}) if not name.startswith("@odata")}
    assert not left, f"nobody understood {left}"
    assert canonical(written) == canonical(raw), f"\n{canonical(written)}\n{canonical(raw)}"


async def pages(client, top):
    parameters = Relationships.DelegatedAdminRelationshipsRequestBuilderGetQueryParameters(top=top)
    builder = client.tenant_relationships.delegated_admin_relationships
    page = await builder.get(RequestConfiguration(query_parameters=parameters))
    found = list(page.value)
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        found += page.value
    return found


async def reads(client, raw):
    expected = {it["id"]: it for it in raw.get("tenantRelationships/delegatedAdminRelationships")["value"]}
    assert len(expected) >= 7, expected
    for top in (1, 2, 300):
        found = await pages(client, top)
        assert [it.id for it in found] == list(expected), top
        for it in found:
            same(it, expected[it.id])
    assert sum(isinstance(it, ResellerDelegatedAdminRelationship) for it in found) == 1
    for own in expected:
        builder = client.tenant_relationships.delegated_admin_relationships.by_delegated_admin_relationship_id(own)
        path = f"tenantRelationships/delegatedAdminRelationships/{own}"
        same(await builder.get(), raw.get(path))
        for name, below in (
            ("accessAssignments", builder.access_assignments),
            ("requests", builder.requests),
            ("operations", builder.operations),
        ):
            for model, value in zip((await below.get()).value, raw.get(f"{path}/{name}")["value"], strict=True):
                same(model, value)
    customers = (await client.tenant_relationships.delegated_admin_customers.get()).value
    for model, value in zip(customers, raw.get("tenantRelationships/delegatedAdminCustomers")["value"], strict=True):
        same(model, value)
        builder = client.tenant_relationships.delegated_admin_customers.by_delegated_admin_customer_id(model.id)
        same(await builder.get(), value)
        details = (await builder.service_management_details.get()).value
        path = f"tenantRelationships/delegatedAdminCustomers/{model.id}/serviceManagementDetails"
        for detail, value in zip(details, raw.get(path)["value"], strict=True):
            same(detail, value)
    group = await client.groups.by_group_id(GROUP).get()
    assert (group.display_name, group.security_enabled) == ("Engineers", True), group
    return len(expected), len(customers)


async def assigns(client, raw):
    """Gives roles, changes them and takes them away, with the etags that the SDK keeps."""
    everything = await pages(client, 300)
    active = next(it for it in everything if it.display_name == "northwind-helpdesk")
    roles = active.access_details.unified_roles
    builder = client.tenant_relationships.delegated_admin_relationships.by_delegated_admin_relationship_id(active.id)
    made = await builder.access_assignments.post(
        DelegatedAdminAccessAssignment(
            access_container=DelegatedAdminAccessContainer(
                access_container_id=GROUP, access_container_type=DelegatedAdminAccessContainerType.SecurityGroup
            ),
            access_details=DelegatedAdminAccessDetails(unified_roles=roles[:1]),
        )
    )
    assert made.status.value == "pending", made.status
    control("clock", {"by": "PT1M"})
    own = builder.access_assignments.by_delegated_admin_access_assignment_id(made.id)
    is_now = await own.get()
    assert is_now.status.value == "active", is_now.status

    def given(etag):
        configuration = RequestConfiguration()
        configuration.headers.add("If-Match", etag)
        return configuration

    wish = DelegatedAdminAccessAssignment(
        access_details=DelegatedAdminAccessDetails(
            unified_roles=[UnifiedRole(role_definition_id=it.role_definition_id) for it in roles[1:]]
        )
    )
    etag = is_now.additional_data["@odata.etag"]
    await own.patch(wish, given(etag))
    control("clock", {"by": "PT1M"})
    path = f"tenantRelationships/delegatedAdminRelationships/{active.id}/operations"
    operations = raw.get(path)["value"]
    assert [it["status"] for it in operations] == ["succeeded"], operations
    for model, value in zip((await builder.operations.get()).value, operations, strict=True):
        same(model, value)
    try:
        await own.delete(given(etag))
        raise AssertionError("an old etag was taken")
    except ODataError as error:
        assert error.response_status_code == 412 and error.error.code == "preconditionFailed", error
    is_now = await own.get()
    assert len(is_now.access_details.unified_roles) == len(roles) - 1
    await own.delete(given(is_now.additional_data["@odata.etag"]))
    control("clock", {"by": "PT1M"})
    assert (await own.get()).status.value == "deleted"


def certificate(key):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an app")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now)
    return builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())


async def certificates():
    """A certificate is as good as a secret, and another one of the same app is not."""
    client = "33333333-aaaa-4bbb-8ccc-333333333333"
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    own, other = map(certificate, keys)
    der = own.public_bytes(serialization.Encoding.DER)
    roles = ["DelegatedAdminRelationship.Read.All"]
    control("apps", {"clientId": client, "roles": roles, "certificates": [b64encode(der).decode()]})
    for key, shown, good in ((keys[0], own, True), (keys[1], other, False)):
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + shown.public_bytes(serialization.Encoding.PEM)
        async with CertificateCredential(
            TENANT, client, certificate_data=pem, authority=URL, disable_instance_discovery=True, connection_verify=CA
        ) as credential:
            try:
                token = (await credential.get_token(SCOPE)).token
                assert good and token.startswith("emulator-"), "another certificate was taken"
            except ClientAuthenticationError as error:
                assert not good and "AADSTS700027" in str(error), error


async def refused():
    async with ClientSecretCredential(
        TENANT, READER, "wrong", authority=URL, disable_instance_discovery=True, connection_verify=CA
    ) as credential:
        try:
            await credential.get_token(SCOPE)
            raise AssertionError("a wrong secret was taken")
        except ClientAuthenticationError as error:
            assert "AADSTS7000215" in str(error), error


async def main():
    async with with_secret(READER, "reader") as reader, with_secret(WRITER, "writer") as writer:
        raw = Raw((await reader.get_token(SCOPE)).token)
        read, customers = await reads(graph(reader), raw)
        await assigns(graph(writer), raw)
        await reads(graph(reader), raw)
    await certificates()
    await refused()
    print(f"{read} relationships and {customers} customers were read")


asyncio.run(main())
