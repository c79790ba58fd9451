-- A store as a program wrote it for which an empty map was an empty list: one grant revoked, one waiting for a person.
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
INSERT INTO _sqlx_migrations VALUES(1,'tables','2026-11-30 03:47:25',1,X'a8f273e3496c0c4882f4a4ddc01659821abc3b295e94b98c4e831ff8d1c479016dc385790ff56e45d56158d521e1405b',2657375);
INSERT INTO _sqlx_migrations VALUES(2,'waiting','2026-11-30 03:47:25',1,X'832bd740fe1f24da22dd4255a4cbc64772037cd844e71d8b6b6fe24432861d4c5e7d619a17a298487ca282df12a5e300',219588);
INSERT INTO _sqlx_migrations VALUES(3,'ends_and_shares','2026-11-30 03:47:25',1,X'fed90537b3e0a173f082a0c0ab4679c3855615b114e7601b15cd5b2c66480ceacca948844381554e8052b091826ee30a',2403622);
INSERT INTO _sqlx_migrations VALUES(4,'boundaries','2026-11-30 03:47:25',1,X'880b958e24347d60481231f60a658ba6fd04bb805a9f76a11b60055e74b3366461505b9239dc3671f9ed33dcca74cc2e',220034);
INSERT INTO _sqlx_migrations VALUES(5,'askers','2026-11-30 03:47:25',1,X'cf61e557e676a144882bd7a6d80459b92bcda25511c8a57ab3ccc14341a35af9b98c4a6d09f23fcd85695bca5f5b5eac',2213776);
INSERT INTO _sqlx_migrations VALUES(6,'rows','2026-11-30 03:47:25',1,X'3aee6db4d249bb81b5ad02bd789a879097691eb4c45b9caf0dff2695774babc4f71d803400cc032c40a3c55aa3c0e157',3780109);
INSERT INTO _sqlx_migrations VALUES(8,'locks','2026-11-30 03:47:25',1,X'b257baf7810e117bda8c8a59a459466cca2f2492f1eb0645418167583cbf3848700d7b5a01d4a8eb5dd6bde70eb65380',183029);
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
    policies        TEXT    NOT NULL CHECK (json_valid(policies)), came_at_ms INTEGER,
    UNIQUE (cloud, partner, name),
    UNIQUE (cloud, partner, first_name, number),
    CHECK ((ended_at_ms IS NULL) = (end_reason IS NULL))
) STRICT;
INSERT INTO relationships VALUES(1,'Global','aaaabbbb-0000-cccc-1111-dddd2222eeee','fabrikam-helpdesk','fabrikam-helpdesk',1,'cli','msp-helpdesk','fabrikam','-','helpdesk',2,'58966a4d75529131cc4ff68fbbc9b1bd063ba01778e66767b15df7945c5afc35','bbbbcccc-1111-dddd-2222-eeee3333ffff','Fabrikam','Contoso Helpdesk','GranularDelegatedAdmin','Active','{"agreement":null,"auto_extend":"PT0S","cloud":"Global","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","duration":"P730D","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee","roles":["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"terms":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","url":"https://contoso.example/terms"},"type":"GranularDelegatedAdmin"}','220a90e59589a07b13544a7dc99104e628853a5b5f2df9cd37cfda5b36b1900b','{"catalogue":"2026-11-21+510b5e75","words":["Helpdesk Administrator","Message Center Reader","Service Support Administrator"]}',1796010445303,1796010445303,1857891600000,'PT0S','["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"]',NULL,NULL,'{"deletion":"Revoke","management":"Manage","unmanaged":"Keep"}',1796010445303);
CREATE TABLE assignments (
    relationship_id INTEGER NOT NULL REFERENCES relationships (id) ON DELETE RESTRICT,
    grantee_id      TEXT    NOT NULL CHECK (length(grantee_id) = 36 AND grantee_id NOT GLOB '*[^0-9a-f-]*'),
    grantee_kind    TEXT    NOT NULL CHECK (grantee_kind IN ('SecurityGroup', 'CustomerUser')),
    grantee_name    TEXT,
    version         INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1),
    last_change     TEXT,
    recorded        TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(recorded)),
    contributions   TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(contributions)), came_at_ms INTEGER,
    PRIMARY KEY (relationship_id, grantee_id)
) STRICT, WITHOUT ROWID;
INSERT INTO assignments VALUES(1,'0a0a0a0a-1111-4222-8333-444444444444','SecurityGroup','First line',2,'d52f09e68e934e8a8763fdbbb116ecb184974d678c0707ceaf7043713269c952','[]','[]',1796010445303);
CREATE TABLE assignment_roles (
    relationship_id INTEGER NOT NULL,
    grantee_id      TEXT    NOT NULL,
    role_id         TEXT    NOT NULL CHECK (length(role_id) = 36 AND role_id NOT GLOB '*[^0-9a-f-]*'),
    until_ms        INTEGER NOT NULL CHECK (until_ms > 0),
    PRIMARY KEY (relationship_id, grantee_id, role_id),
    FOREIGN KEY (relationship_id, grantee_id) REFERENCES assignments (relationship_id, grantee_id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE TABLE persons (
    hash         TEXT PRIMARY KEY CHECK (length(hash) = 64),
    salt         TEXT CHECK (length(salt) >= 32),
    content      TEXT CHECK (json_valid(content)),
    erased_at_ms INTEGER,
    CHECK ((salt IS NULL) = (content IS NULL) AND (content IS NULL) = (erased_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO persons VALUES('c70e67fbd697cee23ce966e75ef116e0edebb90445007b98921ba1581153ff35','cb627c94e9399a217c38db8a093f0ae2','{"email":"ada@fabrikam.example","first_name":"Ada","last_name":"Lovelace","phone_number":null,"role":"GlobalAdministrator"}',NULL);
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
INSERT INTO acceptances VALUES('b3e7b9ea5b6bcdf75a2bcdc7021c6b464cf8d916d59d5be21c79b99e6a06e6c0','msp-helpdesk','fabrikam','Accept','bbbbcccc-1111-dddd-2222-eeee3333ffff','aaaabbbb-0000-cccc-1111-dddd2222eeee',NULL,NULL,NULL,NULL,NULL,1794819600000,1796010445303,'c70e67fbd697cee23ce966e75ef116e0edebb90445007b98921ba1581153ff35',1);
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
, row_id INTEGER, row_state TEXT, batch TEXT, member TEXT) STRICT;
INSERT INTO ledger VALUES(1,1796010445300,'Blocked','2f8771cf0da26b12c9f6e573f953056ef0c33b8819ebe9afa9c88170ff3c92d2','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"761c902cdabf17396daa73bc87b857941e28e82ef8984be8d15b8c451ad9f729","uid":null}','{"askers":[],"batch":"2f8771cf0da26b12c9f6e573f953056ef0c33b8819ebe9afa9c88170ff3c92d2","changes":[{"after":{"729827e3-9c14-49f7-bb1b-9608f156bbb8":"2028-06-30T22:00:00Z"},"before":{},"grantee":"0b0b0b0b-1111-4222-8333-444444444444","kind":"RolesSet","matter":"4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a","member":"cafb841b09365f0458ea25b139c358eea9976f14bf38c0fe80d0e10f981066d3","relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"}}],"exceeded":[["privilegedGains",1,0]],"limits":{"new_grantees":100,"privileged_gains":0,"replacements":10,"revocations":{"count":25,"percent":30},"terminations":{"count":3,"percent":10},"window":"PT1H"},"members":["cafb841b09365f0458ea25b139c358eea9976f14bf38c0fe80d0e10f981066d3"],"scope":"helpdesk","stored":[{"asked_by":"","matter":"4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a","member":"cafb841b09365f0458ea25b139c358eea9976f14bf38c0fe80d0e10f981066d3","subject":"615d8dd3399515f28e692c5afc51091fec2aac4691295ce1c5e363760bd4d254"}]}','0000000000000000000000000000000000000000000000000000000000000000','6ffb56b4e956d1a13f51639ffd50da63ab620219cfba0f74d2f328461db67c34',NULL,NULL,NULL,NULL);
INSERT INTO ledger VALUES(2,1796010445303,'BoundarySet','boundary of msp-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"761c902cdabf17396daa73bc87b857941e28e82ef8984be8d15b8c451ad9f729","uid":null}','{"cause":"Declared","change":"edc3c3d2003751542558b9a47dd79e114b5983f5ef01efb9855f7fdfb641f042","effect":{"SetBoundary":{"after":{"bounds":{"customers":"Any","grantees":"Any","limits":{"new_grantees":100,"privileged_gains":0,"replacements":10,"revocations":{"count":25,"percent":30},"terminations":{"count":3,"percent":10},"window":"PT1H"},"partners":{"Listed":[["aaaabbbb-0000-cccc-1111-dddd2222eeee","Global"]]},"privileged_at_most":null,"roles":"Any","types":{"Listed":["GranularDelegatedAdmin"]}},"name":"helpdesk"},"before":null,"namespace":"msp-helpdesk"}},"made":{"epoch":1,"scope":"helpdesk"},"subject":{"customer":{"id":"00000000-0000-0000-0000-000000000000","name":null},"owner":{"instance":"cli","object":"msp-helpdesk/helpdesk"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":null},"relationship":null,"type":null}}','6ffb56b4e956d1a13f51639ffd50da63ab620219cfba0f74d2f328461db67c34','780350a170aac40cdcc280ae1f98bcddf80dd9a4a2061bc4fa882f1434655f81',NULL,NULL,NULL,NULL);
INSERT INTO ledger VALUES(3,1796010445303,'Invited','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"761c902cdabf17396daa73bc87b857941e28e82ef8984be8d15b8c451ad9f729","uid":"-"}','{"cause":"Declared","change":"6b9c757d1647b854eb2f4c1ca8205ba70dbaa9e415d92afd3faf60a3d544965a","effect":{"Invite":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Helpdesk Administrator","Message Center Reader","Service Support Administrator"]},"first":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"invitation":{"agreement":null,"auto_extend":"PT0S","cloud":"Global","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","duration":"P730D","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee","roles":["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"terms":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","url":"https://contoso.example/terms"},"type":"GranularDelegatedAdmin"},"number":1,"policies":{"deletion":"Revoke","management":"Manage","unmanaged":"Keep"},"uid":"-"}},"made":{"epoch":1,"row":1,"scope":"helpdesk"},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','780350a170aac40cdcc280ae1f98bcddf80dd9a4a2061bc4fa882f1434655f81','c2910d914c0998dfa1726439ee6ece9f295dc1cf6b85c137d799cb0757743166',NULL,NULL,NULL,NULL);
INSERT INTO ledger VALUES(4,1796010445303,'Authorised','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"761c902cdabf17396daa73bc87b857941e28e82ef8984be8d15b8c451ad9f729","uid":"-"}','{"cause":"Answered","change":"58966a4d75529131cc4ff68fbbc9b1bd063ba01778e66767b15df7945c5afc35","effect":{"Authorise":{"acceptance":{"accepted_at":"2026-11-16T09:00:00Z","accepted_by":{"person":"c70e67fbd697cee23ce966e75ef116e0edebb90445007b98921ba1581153ff35","role":"GlobalAdministrator"},"agreement":null,"content":"b3e7b9ea5b6bcdf75a2bcdc7021c6b464cf8d916d59d5be21c79b99e6a06e6c0","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","decision":"Accept","invitation":"220a90e59589a07b13544a7dc99104e628853a5b5f2df9cd37cfda5b36b1900b","object":"msp-helpdesk/fabrikam","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"ends_at":"2028-11-15T09:00:00Z"}},"made":{"came":1796010445303,"epoch":1,"row":1,"scope":"helpdesk"},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','c2910d914c0998dfa1726439ee6ece9f295dc1cf6b85c137d799cb0757743166','49d8a01063e13b0227bae77d124779b9acf86b83e74fa2264b8796e66c26d3c8',NULL,NULL,NULL,NULL);
INSERT INTO ledger VALUES(5,1796010445303,'RolesSet','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"761c902cdabf17396daa73bc87b857941e28e82ef8984be8d15b8c451ad9f729","uid":"-"}','{"cause":"Declared","change":"dbf09796ba79d43a11a049ec7b0c3aad144654cc8745566855c9008225ac95fc","effect":{"SetRoles":{"after":{"contributions":{"msp-helpdesk/first-line":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Message Center Reader","Service Support Administrator"]},"deletion":"Revoke","justification":null,"roles":["790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"uid":"-","window":{"not_after":null,"not_before":null}}},"recorded":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"},"roles":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"}},"before":{"contributions":[],"recorded":[],"roles":[]},"grantee":{"id":"0a0a0a0a-1111-4222-8333-444444444444","kind":"SecurityGroup","name":"First line"}}},"made":{"came":1796010445303,"cost":{"new_grantees":1,"privileged_gains":0,"replacements":0,"revocations":0,"terminations":0},"epoch":1,"row":1,"scope":"helpdesk","state":"b8adcb13064d2b11b74d3d8ac4be61c6aa499dea23e95071f6eabc4188895299","version":1},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','49d8a01063e13b0227bae77d124779b9acf86b83e74fa2264b8796e66c26d3c8','d28e24f20b88323df3d7a2e9c6c5d115be601d7b352d7084cb9cbaa001707914',1,'b8adcb13064d2b11b74d3d8ac4be61c6aa499dea23e95071f6eabc4188895299',NULL,NULL);
INSERT INTO ledger VALUES(6,1796010445685,'RolesSet','fabrikam-helpdesk','{"kind":"Person","name":"ada","standing":"Claimed"}','{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"8c491ab531232edf32432c6b82eb760593c44e0acd0bbaf2228dcf82365c93b8","uid":"-"}','{"cause":"Deleted","change":"d52f09e68e934e8a8763fdbbb116ecb184974d678c0707ceaf7043713269c952","effect":{"SetRoles":{"after":{"contributions":[],"recorded":[],"roles":[]},"before":{"contributions":{"msp-helpdesk/first-line":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Message Center Reader","Service Support Administrator"]},"deletion":"Revoke","justification":null,"roles":["790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"uid":"-","window":{"not_after":null,"not_before":null}}},"recorded":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"},"roles":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"}},"grantee":{"id":"0a0a0a0a-1111-4222-8333-444444444444","kind":"SecurityGroup","name":"First line"}}},"made":{"cost":{"new_grantees":0,"privileged_gains":0,"replacements":0,"revocations":1,"terminations":0},"epoch":2,"row":1,"scope":"helpdesk","state":"85f1d01b8252cff58fffbf0396ecf39034f65c437f5d95ca31b4c8f4f0fece52","version":2},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}','d28e24f20b88323df3d7a2e9c6c5d115be601d7b352d7084cb9cbaa001707914','4c385ed42fd825ebc7335b79e0f72c3d1f6a661be1779504750ec52c548327c4',1,'85f1d01b8252cff58fffbf0396ecf39034f65c437f5d95ca31b4c8f4f0fece52',NULL,NULL);
CREATE TABLE ledger_head (
    single   INTEGER PRIMARY KEY CHECK (single = 1),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    hash     TEXT    NOT NULL CHECK (length(hash) = 64)
) STRICT;
INSERT INTO ledger_head VALUES(1,6,'4c385ed42fd825ebc7335b79e0f72c3d1f6a661be1779504750ec52c548327c4');
CREATE TABLE instances (
    instance TEXT    PRIMARY KEY,
    epoch    INTEGER NOT NULL CHECK (epoch >= 1),
    holder   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO instances VALUES('cli',2,'process 29500 of `ada`, since 2026-11-30T03:47:26Z');
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
INSERT INTO batches VALUES('2f8771cf0da26b12c9f6e573f953056ef0c33b8819ebe9afa9c88170ff3c92d2','helpdesk','[["privilegedGains",1,0]]',1796010445300,'ada',NULL,NULL);
CREATE TABLE batch_members (
    batch      TEXT NOT NULL REFERENCES batches (hash) ON DELETE CASCADE,
    member     TEXT NOT NULL CHECK (length(member) = 64),
    made_at_ms INTEGER, matter TEXT CHECK (length(matter) = 64), asked_by TEXT, subject TEXT CHECK (length(subject) = 64), approved_at_ms INTEGER,
    PRIMARY KEY (batch, member)
) STRICT, WITHOUT ROWID;
INSERT INTO batch_members VALUES('2f8771cf0da26b12c9f6e573f953056ef0c33b8819ebe9afa9c88170ff3c92d2','cafb841b09365f0458ea25b139c358eea9976f14bf38c0fe80d0e10f981066d3',NULL,'4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a','','615d8dd3399515f28e692c5afc51091fec2aac4691295ce1c5e363760bd4d254',NULL);
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
INSERT INTO spent VALUES(1,'helpdesk',1796010445303,0,0,0,1,0);
INSERT INTO spent VALUES(2,'helpdesk',1796010445685,1,0,0,0,0);
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
CREATE INDEX batch_members_waiting ON batch_members (batch) WHERE made_at_ms IS NULL;
CREATE INDEX ledger_by_boundary ON ledger (subject, sequence) WHERE kind = 'BoundarySet';
CREATE INDEX batch_members_by_subject ON batch_members (subject) WHERE made_at_ms IS NULL;
CREATE INDEX ledger_by_row ON ledger (row_id, sequence, row_state) WHERE row_state IS NOT NULL;
CREATE INDEX ledger_by_approval ON ledger (batch, sequence, member) WHERE batch IS NOT NULL;
CREATE INDEX ledger_by_batch ON ledger (subject) WHERE kind IN ('Blocked', 'Approved');
CREATE INDEX acceptances_by_use ON acceptances (used_for) WHERE used_for IS NOT NULL;
CREATE VIEW effective_assignments AS
SELECT r.cloud, r.customer, r.customer_name, r.partner, r.partner_name, r.name AS relationship,
       a.grantee_id, a.grantee_kind, a.grantee_name, h.role_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) / 1000.0, 'unixepoch') AS until,
       min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) AS until_ms
FROM relationships r
JOIN assignments a ON a.relationship_id = r.id
JOIN assignment_roles h ON h.relationship_id = a.relationship_id AND h.grantee_id = a.grantee_id
WHERE r.lifecycle = 'Active'
  AND min(h.until_ms, coalesce(r.ends_at_ms, h.until_ms)) > (julianday('now') - 2440587.5) * 86400000.0
  AND r.ended_at_ms IS NULL
  AND r.activated_at_ms IS NOT NULL
  AND r.customer = r.invitation ->> '$.customer'
  AND r.partner = r.invitation ->> '$.partner'
  AND r.cloud = r.invitation ->> '$.cloud'
  AND r.type = r.invitation ->> '$.type'
  AND r.name = r.invitation ->> '$.name'
  AND (r.ends_at_ms IS NOT NULL OR r.invitation ->> '$.duration' IS NULL)
  AND h.role_id IN (SELECT value FROM json_each(r.ceiling))
  AND h.role_id IN (SELECT value FROM json_each(r.invitation, '$.roles'))
  AND EXISTS (SELECT 1 FROM acceptances c WHERE c.used_for = r.id AND c.decision = 'Accept'
              AND c.customer = r.customer AND c.partner = r.partner);
COMMIT;
