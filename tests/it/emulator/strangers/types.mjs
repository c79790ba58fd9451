// Writes a TypeScript file in which every body that went over the line has the type that Microsoft gives it.
//
// Never: a body that is left out because nobody knows its type.

import { writeFileSync } from "node:fs";

const root = "/tenantRelationships/delegatedAdminRelationships";
const customers = "/tenantRelationships/delegatedAdminCustomers";
const TYPES = {
  [root]: "DelegatedAdminRelationship",
  [`${root}/{id}`]: "DelegatedAdminRelationship",
  [`${root}/{id}/requests`]: "DelegatedAdminRelationshipRequest",
  [`${root}/{id}/requests/{id}`]: "DelegatedAdminRelationshipRequest",
  [`${root}/{id}/accessAssignments`]: "DelegatedAdminAccessAssignment",
  [`${root}/{id}/accessAssignments/{id}`]: "DelegatedAdminAccessAssignment",
  [`${root}/{id}/operations`]: "DelegatedAdminRelationshipOperation",
  [`${root}/{id}/operations/{id}`]: "DelegatedAdminRelationshipOperation",
  [customers]: "DelegatedAdminCustomer",
  [`${customers}/{id}`]: "DelegatedAdminCustomer",
  [`${customers}/{id}/serviceManagementDetails`]: "DelegatedAdminServiceManagementDetail",
  "/groups/{id}": "Group",
};

const answer = await fetch(`${process.env.EMULATOR}/_emulator/calls`, {
  headers: { "X-Emulator-Token": process.env.CONTROL },
});
const { value } = await answer.json();
const lines = ['import type * as Graph from "@microsoft/microsoft-graph-types";'];
const plain = (body) => {
  if (Array.isArray(body)) return body.map(plain);
  if (body === null || typeof body !== "object") return body;
  const entries = Object.entries(body).filter(([name]) => !name.includes("@"));
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner)]));
};
const kinds = new Set();
const typed = (type, body) => {
  const reseller = body["@odata.type"] === "#microsoft.graph.resellerDelegatedAdminRelationship";
  const kind = reseller ? "ResellerDelegatedAdminRelationship" : type;
  kinds.add(kind);
  lines.push(`export const b${lines.length}: Graph.${kind} = ${JSON.stringify(plain(body))};`);
};
for (const call of value) {
  if (call.pattern === "/$batch" || !call.pattern.match(/^\/(tenantRelationships|groups)/)) continue;
  const known = call.status < 300;
  const type = TYPES[call.pattern];
  if (!type && known) throw new Error(`nobody knows the type of ${call.pattern}`);
  if (!known) continue;
  if (call.body) typed(type, call.body);
  if (Array.isArray(call.answer?.value)) for (const it of call.answer.value) typed(type, it);
  else if (call.answer) typed(type, call.answer);
}
writeFileSync(process.argv[2], `${lines.join("\n")}\n`);
console.log(`${lines.length - 1} bodies of ${kinds.size} types: ${[...kinds].sort().join(", ")}`);
