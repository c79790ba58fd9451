// Microsoft's JavaScript client makes, sends and follows relationships in the emulator, over TLS, and waits as it is told.
//
// Never: a call that the client does not make itself, but those to the emulator's own paths.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The modules are where they were installed, and this file is not.
const { Client, PageIterator } = createRequire(`${process.env.MODULES}/`)("@microsoft/microsoft-graph-client");

const [folder, tenant] = process.argv.slice(2);
const url = process.env.EMULATOR;
const root = "/tenantRelationships/delegatedAdminRelationships";
const HELPDESK = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
const GROUP = "0a0a0a0a-1111-4222-8333-444444444444";

async function control(path, body) {
  const answer = await fetch(`${url}/_emulator/${path}`, {
    method: body ? "POST" : "GET",
    headers: { "Content-Type": "application/json", "X-Emulator-Token": process.env.CONTROL },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}

async function token() {
  const answer = await fetch(`${url}/${tenant}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: "22222222-aaaa-4bbb-8ccc-222222222222",
      client_secret: readFileSync(`${folder}/writer.secret`, "utf8"),
      scope: "https://graph.microsoft.com/.default",
    }),
  });
  return (await answer.json()).access_token;
}

const client = Client.initWithMiddleware({
  authProvider: { getAccessToken: token },
  baseUrl: url,
  customHosts: new Set(["localhost"]),
});

const wish = (name) => ({
  displayName: name,
  duration: "P730D",
  autoExtendDuration: "P180D",
  customer: { tenantId: "bbbbcccc-1111-dddd-2222-eeee3333ffff" },
  accessDetails: { unifiedRoles: [{ roleDefinitionId: HELPDESK }] },
});

const until = async (path, status) => {
  for (let tries = 0; tries < 20; tries += 1) {
    const it = await client.api(path).get();
    if (it.status === status) return it;
    await control("clock", { by: "PT10S" });
  }
  throw new Error(`${path} never became ${status}`);
};

// It is made, sent, approved, and used.
const made = await client.api(root).post(wish("made-by-javascript"));
const path = `${root}/${made.id}`;
await until(path, "created");
const patched = await client.api(path).header("If-Match", made["@odata.etag"]).patch({ displayName: "sent-by-javascript" })
  .catch((error) => error);
assert.equal(patched.statusCode, 412, "the etag of before it was created");
const created = await client.api(path).get();
await client.api(path).header("If-Match", created["@odata.etag"]).patch({ displayName: "sent-by-javascript" });
const request = await client.api(`${path}/requests`).post({ action: "lockForApproval" });
await until(`${path}/requests/${request.id}`, "succeeded");
await until(path, "approvalPending");
await control("people", { kind: "approve", relationship: "sent-by-javascript" });
await until(path, "active");
const assignment = await client.api(`${path}/accessAssignments`).post({
  accessContainer: { accessContainerId: GROUP, accessContainerType: "securityGroup" },
  accessDetails: { unifiedRoles: [{ roleDefinitionId: HELPDESK }] },
});
const own = await until(`${path}/accessAssignments/${assignment.id}`, "active");
await client.api(`${path}/accessAssignments/${assignment.id}`).header("If-Match", own["@odata.etag"]).delete();
await until(`${path}/accessAssignments/${assignment.id}`, "deleted");

// What is refused comes as an error with Microsoft's code.
const refused = await client.api(root).post(wish("sent-by-javascript")).catch((error) => error);
assert.deepEqual([refused.statusCode, refused.code], [409, "conflict"]);

// Pages are followed to the end.
for (let number = 0; number < 25; number += 1) await client.api(root).post(wish(`page ${number}`));
const first = await client.api(root).top(7).get();
const names = [];
const iterator = new PageIterator(client, first, (it) => names.push(it.displayName));
await iterator.iterate();
const { relationships } = await control("status");
assert.deepEqual(names.toSorted(), relationships.map((it) => it.name).toSorted());

// A batch of two, of which one fails.
const batch = await client.api("/$batch").post({
  requests: [
    { id: "1", method: "GET", url: path },
    { id: "2", method: "GET", url: `${root}/nothing` },
  ],
});
assert.deepEqual(batch.responses.map((it) => [it.id, it.status]), [["1", 200], ["2", 400]]);

// It waits as long as it is told to, and then goes on.
await control("faults", {
  path: "/tenantRelationships/**",
  method: "GET",
  times: 2,
  fault: { kind: "refuse", status: 429, retryAfter: "1" },
});
const began = Date.now();
const again = await client.api(path).get();
assert.equal(again.id, made.id);
assert.ok(Date.now() - began >= 2000, `it waited for ${Date.now() - began} ms only`);
console.log(`${names.length} relationships were followed`);
