-- A store as the program wrote it that knew schema 1: one relationship, three grants of which one waits for a person.
PRAGMA application_id = 1131376227;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'tables','2026-11-21 13:53:20',1,X'a8f273e3496c0c4882f4a4ddc01659821abc3b295e94b98c4e831ff8d1c479016dc385790ff56e45d56158d521e1405b',3072062);
CREATE TABLE relationships (
    id              INTEGER PRIMARY KEY,
    cloud           TEXT    NOT NULL CHECK (cloud <> ''),
    partner         TEXT    NOT NULL CHECK (length(partner) = 36 AND partner NOT GLOB '*[^0-9a-f-]*'),
    name            TEXT    NOT NULL CHECK (name <> ''),
    first_name      TEXT    NOT NULL CHECK (first_name <> ''),
    number          INTEGER NOT NULL CHECK (number >= 1),
    owner_instance  TEXT    NOT NULL CHECK (owner_instance <> ''),
    owner_namespace TEXT    NOT NULL,
    owner_name      TEXT    NOT NULL CHECK (owner_name <> ''),
    owner_uid       TEXT    NOT NULL,
    scope           TEXT    NOT NULL,
    revision        INTEGER NOT NULL CHECK (revision >= 1),
    last_change     TEXT    NOT NULL CHECK (length(last_change) = 64),
    customer        TEXT    NOT NULL CHECK (length(customer) = 36 AND customer NOT GLOB '*[^0-9a-f-]*'),
    customer_name   TEXT,
    partner_name    TEXT,
    type            TEXT    NOT NULL CHECK (type <> ''),
    lifecycle       TEXT    NOT NULL CHECK (lifecycle <> ''),
    invitation      TEXT    NOT NULL CHECK (json_valid(invitation)),
    digest          TEXT    NOT NULL CHECK (length(digest) = 64),
    asked           TEXT    NOT NULL CHECK (json_valid(asked)),
    invited_at_ms   INTEGER NOT NULL CHECK (invited_at_ms > 0),
    activated_at_ms INTEGER,
    ends_at_ms      INTEGER CHECK (ends_at_ms > 0),
    auto_extend     TEXT    NOT NULL,
    ceiling         TEXT    NOT NULL CHECK (json_valid(ceiling)),
    ended_at_ms     INTEGER,
    end_reason      TEXT,
    policies        TEXT    NOT NULL CHECK (json_valid(policies)),
    UNIQUE (cloud, partner, name),
    UNIQUE (cloud, partner, first_name, number),
    CHECK ((ended_at_ms IS NULL) = (end_reason IS NULL))
) STRICT;
INSERT INTO relationships VALUES(1,'Global','aaaabbbb-0000-cccc-1111-dddd2222eeee','fabrikam-helpdesk','fabrikam-helpdesk',1,'cli','msp-helpdesk','fabrikam','-','helpdesk',2,'58966a4d75529131cc4ff68fbbc9b1bd063ba01778e66767b15df7945c5afc35','bbbbcccc-1111-dddd-2222-eeee3333ffff','Fabrikam','Contoso Helpdesk','GranularDelegatedAdmin','Active','{"agreement":null,"auto_extend":"PT0S","cloud":"Global","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","duration":"P730D","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee","roles":["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"terms":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","url":"https://contoso.example/terms"},"type":"GranularDelegatedAdmin"}','220a90e59589a07b13544a7dc99104e628853a5b5f2df9cd37cfda5b36b1900b','{"catalogue":"2026-11-21+510b5e75","words":["Helpdesk Administrator","Message Center Reader","Service Support Administrator"]}',1795269200683,1795269200683,1857891600000,'PT0S','["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"]',NULL,NULL,'{"deletion":"Revoke","management":"Manage","unmanaged":"Keep"}');
CREATE TABLE assignments (
    relationship_id INTEGER NOT NULL REFERENCES relationships (id) ON DELETE RESTRICT,
    grantee_id      TEXT    NOT NULL CHECK (length(grantee_id) = 36 AND grantee_id NOT GLOB '*[^0-9a-f-]*'),
    grantee_kind    TEXT    NOT NULL CHECK (grantee_kind IN ('SecurityGroup', 'CustomerUser')),
    grantee_name    TEXT,
    version         INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1),
    last_change     TEXT,
    recorded        TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(recorded)),
    contributions   TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(contributions)),
    PRIMARY KEY (relationship_id, grantee_id)
) STRICT, WITHOUT ROWID;
INSERT INTO assignments VALUES(1,'0a0a0a0a-1111-4222-8333-444444444444','SecurityGroup','First line',1,'29e824078913fff88bf5fcd4be3fb9721dc6968a5baf9382974f161481f6389d','{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"}','{"msp-helpdesk/first-line":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Message Center Reader","Service Support Administrator"]},"deletion":"Revoke","justification":null,"roles":["790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"uid":"-","window":{"not_after":null,"not_before":null}}}');
CREATE TABLE assignment_roles (
    relationship_id INTEGER NOT NULL,
    grantee_id      TEXT    NOT NULL,
    role_id         TEXT    NOT NULL CHECK (length(role_id) = 36 AND role_id NOT GLOB '*[^0-9a-f-]*'),
    until_ms        INTEGER NOT NULL CHECK (until_ms > 0),
    PRIMARY KEY (relationship_id, grantee_id, role_id),
    FOREIGN KEY (relationship_id, grantee_id) REFERENCES assignments (relationship_id, grantee_id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
INSERT INTO assignment_roles VALUES(1,'0a0a0a0a-1111-4222-8333-444444444444','790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b',1857891600000);
INSERT INTO assignment_roles VALUES(1,'0a0a0a0a-1111-4222-8333-444444444444','f023fd81-a637-4b56-95fd-791ac0226033',1857891600000);
CREATE TABLE persons (
    hash         TEXT PRIMARY KEY CHECK (length(hash) = 64),
    salt         TEXT CHECK (length(salt) >= 32),
    content      TEXT CHECK (json_valid(content)),
    erased_at_ms INTEGER,
    CHECK ((salt IS NULL) = (content IS NULL) AND (content IS NULL) = (erased_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO persons VALUES('705809cf62ec28b892c9da873a27451a59d2e9aa3c321ca91b890a43fa5172a5','65a1b96d753dcfc56196d7c03fe4b284','{"email":"ada@fabrikam.example","first_name":"Ada","last_name":"Lovelace","phone_number":null,"role":"GlobalAdministrator"}',NULL);
CREATE TABLE acceptances (
    content         TEXT    PRIMARY KEY CHECK (length(content) = 64),
    namespace       TEXT    NOT NULL,
    object          TEXT    NOT NULL,
    decision        TEXT    NOT NULL CHECK (decision IN ('Accept', 'Decline')),
    customer        TEXT    NOT NULL,
    partner         TEXT    NOT NULL,
    agreement_type  TEXT,
    template_id     TEXT,
    country         TEXT,
    language        TEXT,
    document_sha256 TEXT CHECK (length(document_sha256) = 64),
    accepted_at_ms  INTEGER NOT NULL,
    recorded_at_ms  INTEGER NOT NULL,
    person          TEXT    NOT NULL REFERENCES persons (hash),
    used_for        INTEGER REFERENCES relationships (id),
    CHECK ((agreement_type IS NULL) = (document_sha256 IS NULL)),
    CHECK (agreement_type IS NOT NULL OR used_for IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO acceptances VALUES('b3e7b9ea5b6bcdf75a2bcdc7021c6b464cf8d916d59d5be21c79b99e6a06e6c0','msp-helpdesk','fabrikam','Accept','bbbbcccc-1111-dddd-2222-eeee3333ffff','aaaabbbb-0000-cccc-1111-dddd2222eeee',NULL,NULL,NULL,NULL,NULL,1794819600000,1795269200683,'705809cf62ec28b892c9da873a27451a59d2e9aa3c321ca91b890a43fa5172a5',1);
CREATE TABLE ledger (
    sequence  INTEGER PRIMARY KEY CHECK (sequence >= 1),
    time_ms   INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    actor     TEXT    NOT NULL CHECK (json_valid(actor)),
    intent    TEXT    NOT NULL CHECK (json_valid(intent)),
    payload   TEXT    NOT NULL CHECK (json_valid(payload)),
    previous  TEXT    NOT NULL CHECK (length(previous) = 64),
    hash      TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
    change_id TEXT    GENERATED ALWAYS AS (CASE WHEN kind <> 'Refused' THEN payload ->> '$.change' END) VIRTUAL
) STRICT;
INSERT INTO ledger VALUES(1,1795269200682,'Blocked','e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":null}','{"batch":"e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe","changes":[{"after":["729827e3-9c14-49f7-bb1b-9608f156bbb8"],"before":[],"grantee":"0b0b0b0b-1111-4222-8333-444444444444","relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"}}],"exceeded":[["privilegedGains",1,0]],"members":["4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a"],"scope":"helpdesk"}','0000000000000000000000000000000000000000000000000000000000000000','cc06d03c4c78b066946c34b5d50113ba1e1654c3dfa2d7b938c6bc4a383bb11e');
INSERT INTO ledger VALUES(2,1795269200683,'Invited','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":"-"}','{"cause":"Declared","change":"6b9c757d1647b854eb2f4c1ca8205ba70dbaa9e415d92afd3faf60a3d544965a","effect":{"Invite":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Helpdesk Administrator","Message Center Reader","Service Support Administrator"]},"first":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"invitation":{"agreement":null,"auto_extend":"PT0S","cloud":"Global","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","duration":"P730D","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee","roles":["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"terms":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","url":"https://contoso.example/terms"},"type":"GranularDelegatedAdmin"},"number":1,"policies":{"deletion":"Revoke","management":"Manage","unmanaged":"Keep"},"uid":"-"}},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','cc06d03c4c78b066946c34b5d50113ba1e1654c3dfa2d7b938c6bc4a383bb11e','59c17c60bbeded4436759377bfa8943cce9120422be090b76f9430c81b5dbb0d');
INSERT INTO ledger VALUES(3,1795269200683,'Authorised','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":"-"}','{"cause":"Answered","change":"58966a4d75529131cc4ff68fbbc9b1bd063ba01778e66767b15df7945c5afc35","effect":{"Authorise":{"acceptance":{"accepted_at":"2026-11-16T09:00:00Z","accepted_by":{"person":"705809cf62ec28b892c9da873a27451a59d2e9aa3c321ca91b890a43fa5172a5","role":"GlobalAdministrator"},"agreement":null,"content":"b3e7b9ea5b6bcdf75a2bcdc7021c6b464cf8d916d59d5be21c79b99e6a06e6c0","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","decision":"Accept","invitation":"220a90e59589a07b13544a7dc99104e628853a5b5f2df9cd37cfda5b36b1900b","object":"msp-helpdesk/fabrikam","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"ends_at":"2028-11-15T09:00:00Z"}},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','59c17c60bbeded4436759377bfa8943cce9120422be090b76f9430c81b5dbb0d','e040c6a55509abb03eefbe4b05eacc98c9e03c3b532ae00a074ebb5551c4b6fc');
INSERT INTO ledger VALUES(4,1795269200683,'RolesSet','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":"-"}','{"cause":"Declared","change":"29e824078913fff88bf5fcd4be3fb9721dc6968a5baf9382974f161481f6389d","effect":{"SetRoles":{"after":{"contributions":{"msp-helpdesk/first-line":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Message Center Reader","Service Support Administrator"]},"deletion":"Revoke","justification":null,"roles":["790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"uid":"-","window":{"not_after":null,"not_before":null}}},"recorded":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"},"roles":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"}},"before":{"contributions":{},"recorded":{},"roles":{}},"grantee":{"id":"0a0a0a0a-1111-4222-8333-444444444444","kind":"SecurityGroup","name":"First line"}}},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','e040c6a55509abb03eefbe4b05eacc98c9e03c3b532ae00a074ebb5551c4b6fc','f6c166cfb39f4dbf700fc1e2f6d9d945598656d5fa1ca500c281060ec6e66219');
CREATE TABLE ledger_head (
    single   INTEGER PRIMARY KEY CHECK (single = 1),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    hash     TEXT    NOT NULL CHECK (length(hash) = 64)
) STRICT;
INSERT INTO ledger_head VALUES(1,4,'f6c166cfb39f4dbf700fc1e2f6d9d945598656d5fa1ca500c281060ec6e66219');
CREATE TABLE instances (
    instance TEXT    PRIMARY KEY,
    epoch    INTEGER NOT NULL CHECK (epoch >= 1),
    holder   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO instances VALUES('cli',1,'process 13635 of `ada`, since 2026-11-21T13:53:21Z');
CREATE TABLE batches (
    hash           TEXT    PRIMARY KEY CHECK (length(hash) = 64),
    scope          TEXT    NOT NULL,
    exceeded       TEXT    NOT NULL CHECK (json_valid(exceeded)),
    blocked_at_ms  INTEGER NOT NULL,
    blocked_by     TEXT    NOT NULL,
    approved_at_ms INTEGER,
    approved_by    TEXT,
    CHECK ((approved_at_ms IS NULL) = (approved_by IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO batches VALUES('e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe','helpdesk','[["privilegedGains",1,0]]',1795269200682,'ada',NULL,NULL);
CREATE TABLE batch_members (
    batch      TEXT NOT NULL REFERENCES batches (hash) ON DELETE CASCADE,
    member     TEXT NOT NULL CHECK (length(member) = 64),
    made_at_ms INTEGER,
    PRIMARY KEY (batch, member)
) STRICT, WITHOUT ROWID;
INSERT INTO batch_members VALUES('e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe','4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a',NULL);
CREATE TABLE spent (
    id               INTEGER PRIMARY KEY,
    scope            TEXT    NOT NULL,
    at_ms            INTEGER NOT NULL,
    revocations      INTEGER NOT NULL CHECK (revocations >= 0),
    terminations     INTEGER NOT NULL CHECK (terminations >= 0),
    privileged_gains INTEGER NOT NULL CHECK (privileged_gains >= 0),
    new_grantees     INTEGER NOT NULL CHECK (new_grantees >= 0),
    replacements     INTEGER NOT NULL CHECK (replacements >= 0)
) STRICT;
INSERT INTO spent VALUES(1,'helpdesk',1795269200683,0,0,0,1,0);
CREATE INDEX relationships_by_owner ON relationships (owner_instance, owner_namespace);
CREATE INDEX relationships_by_customer ON relationships (customer);
CREATE INDEX relationships_by_scope ON relationships (scope);
CREATE INDEX acceptances_by_customer ON acceptances (customer);
CREATE INDEX ledger_by_change ON ledger (change_id) WHERE change_id IS NOT NULL;
CREATE INDEX ledger_by_subject ON ledger (subject, sequence);
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER ledger_is_not_shortened BEFORE DELETE ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;
CREATE INDEX batch_members_by_member ON batch_members (member);
CREATE INDEX spent_by_scope ON spent (scope, at_ms);
CREATE VIEW effective_assignments AS
SELECT r.cloud, r.customer, r.customer_name, r.partner, r.partner_name, r.name AS relationship,
       a.grantee_id, a.grantee_kind, a.grantee_name, h.role_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) / 1000.0, 'unixepoch') AS until,
       min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) AS until_ms
FROM relationships r
JOIN assignments a ON a.relationship_id = r.id
JOIN assignment_roles h ON h.relationship_id = a.relationship_id AND h.grantee_id = a.grantee_id
WHERE r.lifecycle = 'Active'
  AND min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) > (julianday('now') - 2440587.5) * 86400000.0;
COMMIT;
