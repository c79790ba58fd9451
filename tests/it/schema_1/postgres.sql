-- A store as the program wrote it that knew schema 1: one relationship, three grants of which one waits for a person.
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA concordat;
CREATE FUNCTION concordat.ledger_is_only_appended_to() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only appended to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TABLE concordat._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);
CREATE TABLE concordat.acceptances (
    content text NOT NULL,
    namespace text NOT NULL,
    object text NOT NULL,
    decision text NOT NULL,
    customer text NOT NULL,
    partner text NOT NULL,
    agreement_type text,
    template_id text,
    country text,
    language text,
    document_sha256 text,
    accepted_at_ms bigint NOT NULL,
    recorded_at_ms bigint NOT NULL,
    person text NOT NULL,
    used_for bigint,
    CONSTRAINT acceptances_check CHECK (((agreement_type IS NULL) = (document_sha256 IS NULL))),
    CONSTRAINT acceptances_check1 CHECK (((agreement_type IS NOT NULL) OR (used_for IS NOT NULL))),
    CONSTRAINT acceptances_content_check CHECK ((length(content) = 64)),
    CONSTRAINT acceptances_decision_check CHECK ((decision = ANY (ARRAY['Accept'::text, 'Decline'::text]))),
    CONSTRAINT acceptances_document_sha256_check CHECK ((length(document_sha256) = 64))
);
CREATE TABLE concordat.assignment_roles (
    relationship_id bigint NOT NULL,
    grantee_id text NOT NULL,
    role_id text NOT NULL,
    until_ms bigint NOT NULL,
    CONSTRAINT assignment_roles_role_id_check CHECK ((role_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text)),
    CONSTRAINT assignment_roles_until_ms_check CHECK ((until_ms > 0))
);
CREATE TABLE concordat.assignments (
    relationship_id bigint NOT NULL,
    grantee_id text NOT NULL,
    grantee_kind text NOT NULL,
    grantee_name text,
    version bigint DEFAULT 1 NOT NULL,
    last_change text,
    recorded text DEFAULT '{}'::text NOT NULL,
    contributions text DEFAULT '{}'::text NOT NULL,
    CONSTRAINT assignments_contributions_check CHECK (((contributions)::json IS NOT NULL)),
    CONSTRAINT assignments_grantee_id_check CHECK ((grantee_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text)),
    CONSTRAINT assignments_grantee_kind_check CHECK ((grantee_kind = ANY (ARRAY['SecurityGroup'::text, 'CustomerUser'::text]))),
    CONSTRAINT assignments_recorded_check CHECK (((recorded)::json IS NOT NULL)),
    CONSTRAINT assignments_version_check CHECK ((version >= 1))
);
CREATE TABLE concordat.batch_members (
    batch text NOT NULL,
    member text NOT NULL,
    made_at_ms bigint,
    CONSTRAINT batch_members_member_check CHECK ((length(member) = 64))
);
CREATE TABLE concordat.batches (
    hash text NOT NULL,
    scope text NOT NULL,
    exceeded text NOT NULL,
    blocked_at_ms bigint NOT NULL,
    blocked_by text NOT NULL,
    approved_at_ms bigint,
    approved_by text,
    CONSTRAINT batches_check CHECK (((approved_at_ms IS NULL) = (approved_by IS NULL))),
    CONSTRAINT batches_exceeded_check CHECK (((exceeded)::json IS NOT NULL)),
    CONSTRAINT batches_hash_check CHECK ((length(hash) = 64))
);
CREATE TABLE concordat.relationships (
    id bigint NOT NULL,
    cloud text NOT NULL,
    partner text NOT NULL,
    name text NOT NULL,
    first_name text NOT NULL,
    number bigint NOT NULL,
    owner_instance text NOT NULL,
    owner_namespace text NOT NULL,
    owner_name text NOT NULL,
    owner_uid text NOT NULL,
    scope text NOT NULL,
    revision bigint NOT NULL,
    last_change text NOT NULL,
    customer text NOT NULL,
    customer_name text,
    partner_name text,
    type text NOT NULL,
    lifecycle text NOT NULL,
    invitation text NOT NULL,
    digest text NOT NULL,
    asked text NOT NULL,
    invited_at_ms bigint NOT NULL,
    activated_at_ms bigint,
    ends_at_ms bigint,
    auto_extend text NOT NULL,
    ceiling text NOT NULL,
    ended_at_ms bigint,
    end_reason text,
    policies text NOT NULL,
    CONSTRAINT relationships_asked_check CHECK (((asked)::json IS NOT NULL)),
    CONSTRAINT relationships_ceiling_check CHECK (((ceiling)::json IS NOT NULL)),
    CONSTRAINT relationships_check CHECK (((ended_at_ms IS NULL) = (end_reason IS NULL))),
    CONSTRAINT relationships_cloud_check CHECK ((cloud <> ''::text)),
    CONSTRAINT relationships_customer_check CHECK ((customer ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text)),
    CONSTRAINT relationships_digest_check CHECK ((length(digest) = 64)),
    CONSTRAINT relationships_ends_at_ms_check CHECK ((ends_at_ms > 0)),
    CONSTRAINT relationships_first_name_check CHECK ((first_name <> ''::text)),
    CONSTRAINT relationships_invitation_check CHECK (((invitation)::json IS NOT NULL)),
    CONSTRAINT relationships_invited_at_ms_check CHECK ((invited_at_ms > 0)),
    CONSTRAINT relationships_last_change_check CHECK ((length(last_change) = 64)),
    CONSTRAINT relationships_lifecycle_check CHECK ((lifecycle <> ''::text)),
    CONSTRAINT relationships_name_check CHECK ((name <> ''::text)),
    CONSTRAINT relationships_number_check CHECK ((number >= 1)),
    CONSTRAINT relationships_owner_instance_check CHECK ((owner_instance <> ''::text)),
    CONSTRAINT relationships_owner_name_check CHECK ((owner_name <> ''::text)),
    CONSTRAINT relationships_partner_check CHECK ((partner ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text)),
    CONSTRAINT relationships_policies_check CHECK (((policies)::json IS NOT NULL)),
    CONSTRAINT relationships_revision_check CHECK ((revision >= 1)),
    CONSTRAINT relationships_type_check CHECK ((type <> ''::text))
);
CREATE VIEW concordat.effective_assignments AS
 SELECT r.cloud,
    r.customer,
    r.customer_name,
    r.partner,
    r.partner_name,
    r.name AS relationship,
    a.grantee_id,
    a.grantee_kind,
    a.grantee_name,
    h.role_id,
    to_timestamp((((LEAST(h.until_ms, r.ends_at_ms))::numeric / 1000.0))::double precision) AS until,
    LEAST(h.until_ms, r.ends_at_ms) AS until_ms
   FROM ((concordat.relationships r
     JOIN concordat.assignments a ON ((a.relationship_id = r.id)))
     JOIN concordat.assignment_roles h ON (((h.relationship_id = a.relationship_id) AND (h.grantee_id = a.grantee_id))))
  WHERE ((r.lifecycle = 'Active'::text) AND ((LEAST(h.until_ms, r.ends_at_ms))::numeric > (EXTRACT(epoch FROM clock_timestamp()) * (1000)::numeric)));
CREATE TABLE concordat.instances (
    instance text NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    CONSTRAINT instances_epoch_check CHECK ((epoch >= 1))
);
CREATE TABLE concordat.ledger (
    sequence bigint NOT NULL,
    time_ms bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    actor text NOT NULL,
    intent text NOT NULL,
    payload text NOT NULL,
    previous text NOT NULL,
    hash text NOT NULL,
    change_id text GENERATED ALWAYS AS (
CASE
    WHEN (kind <> 'Refused'::text) THEN ((payload)::json ->> 'change'::text)
    ELSE NULL::text
END) STORED,
    CONSTRAINT ledger_actor_check CHECK (((actor)::json IS NOT NULL)),
    CONSTRAINT ledger_hash_check CHECK ((length(hash) = 64)),
    CONSTRAINT ledger_intent_check CHECK (((intent)::json IS NOT NULL)),
    CONSTRAINT ledger_payload_check CHECK (((payload)::json IS NOT NULL)),
    CONSTRAINT ledger_previous_check CHECK ((length(previous) = 64)),
    CONSTRAINT ledger_sequence_check CHECK ((sequence >= 1))
);
CREATE TABLE concordat.ledger_head (
    single integer NOT NULL,
    sequence bigint NOT NULL,
    hash text NOT NULL,
    CONSTRAINT ledger_head_hash_check CHECK ((length(hash) = 64)),
    CONSTRAINT ledger_head_sequence_check CHECK ((sequence >= 0)),
    CONSTRAINT ledger_head_single_check CHECK ((single = 1))
);
CREATE TABLE concordat.persons (
    hash text NOT NULL,
    salt text,
    content text,
    erased_at_ms bigint,
    CONSTRAINT persons_check CHECK ((((salt IS NULL) = (content IS NULL)) AND ((content IS NULL) = (erased_at_ms IS NOT NULL)))),
    CONSTRAINT persons_content_check CHECK (((content IS NULL) OR ((content)::json IS NOT NULL))),
    CONSTRAINT persons_hash_check CHECK ((length(hash) = 64)),
    CONSTRAINT persons_salt_check CHECK ((length(salt) >= 32))
);
CREATE TABLE concordat.spent (
    id bigint NOT NULL,
    scope text NOT NULL,
    at_ms bigint NOT NULL,
    revocations bigint NOT NULL,
    terminations bigint NOT NULL,
    privileged_gains bigint NOT NULL,
    new_grantees bigint NOT NULL,
    replacements bigint NOT NULL,
    CONSTRAINT spent_new_grantees_check CHECK ((new_grantees >= 0)),
    CONSTRAINT spent_privileged_gains_check CHECK ((privileged_gains >= 0)),
    CONSTRAINT spent_replacements_check CHECK ((replacements >= 0)),
    CONSTRAINT spent_revocations_check CHECK ((revocations >= 0)),
    CONSTRAINT spent_terminations_check CHECK ((terminations >= 0))
);
ALTER TABLE concordat.spent ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME concordat.spent_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO concordat._sqlx_migrations VALUES (1, 'tables', '2026-11-21 13:53:20.862214+00', true, '\x847eee5ebd82267503ed70eed1fbcb47f261d0a4d154effdda38e6dc915b9aaca9f645093c715f1ce29891be5203d6ae', 127742368);
INSERT INTO concordat.acceptances VALUES ('b3e7b9ea5b6bcdf75a2bcdc7021c6b464cf8d916d59d5be21c79b99e6a06e6c0', 'msp-helpdesk', 'fabrikam', 'Accept', 'bbbbcccc-1111-dddd-2222-eeee3333ffff', 'aaaabbbb-0000-cccc-1111-dddd2222eeee', NULL, NULL, NULL, NULL, NULL, 1794819600000, 1795269201021, '7d0f3491388dbb1bd2b6c5ba1e871144a5381ffc369266e97620562916146e13', 1);
INSERT INTO concordat.assignment_roles VALUES (1, '0a0a0a0a-1111-4222-8333-444444444444', '790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b', 1857891600000);
INSERT INTO concordat.assignment_roles VALUES (1, '0a0a0a0a-1111-4222-8333-444444444444', 'f023fd81-a637-4b56-95fd-791ac0226033', 1857891600000);
INSERT INTO concordat.assignments VALUES (1, '0a0a0a0a-1111-4222-8333-444444444444', 'SecurityGroup', 'First line', 1, '29e824078913fff88bf5fcd4be3fb9721dc6968a5baf9382974f161481f6389d', '{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"}', '{"msp-helpdesk/first-line":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Message Center Reader","Service Support Administrator"]},"deletion":"Revoke","justification":null,"roles":["790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"uid":"-","window":{"not_after":null,"not_before":null}}}');
INSERT INTO concordat.batch_members VALUES ('e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe', '4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a', NULL);
INSERT INTO concordat.batches VALUES ('e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe', 'helpdesk', '[["privilegedGains",1,0]]', 1795269201015, 'ada', NULL, NULL);
INSERT INTO concordat.instances VALUES ('cli', 1, 'process 13640 of `ada`, since 2026-11-21T13:53:21Z');
INSERT INTO concordat.ledger VALUES (1, 1795269201015, 'Blocked', 'e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe', '{"kind":"Person","name":"ada","standing":"Claimed"}', '{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":null}', '{"batch":"e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe","changes":[{"after":["729827e3-9c14-49f7-bb1b-9608f156bbb8"],"before":[],"grantee":"0b0b0b0b-1111-4222-8333-444444444444","relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"}}],"exceeded":[["privilegedGains",1,0]],"members":["4281166a028d176f9df837b4c132be21391ed900b278c3c7e5abdd40c7de184a"],"scope":"helpdesk"}', '0000000000000000000000000000000000000000000000000000000000000000', 'f54d08db896109e6667c6a31ac14e47e8562f922bc9a5e0aff745b5d476e99ba', DEFAULT);
INSERT INTO concordat.ledger VALUES (2, 1795269201021, 'Invited', 'fabrikam-helpdesk', '{"kind":"Person","name":"ada","standing":"Claimed"}', '{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":"-"}', '{"cause":"Declared","change":"6b9c757d1647b854eb2f4c1ca8205ba70dbaa9e415d92afd3faf60a3d544965a","effect":{"Invite":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Helpdesk Administrator","Message Center Reader","Service Support Administrator"]},"first":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"invitation":{"agreement":null,"auto_extend":"PT0S","cloud":"Global","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","duration":"P730D","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee","roles":["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"terms":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","url":"https://contoso.example/terms"},"type":"GranularDelegatedAdmin"},"number":1,"policies":{"deletion":"Revoke","management":"Manage","unmanaged":"Keep"},"uid":"-"}},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}', 'f54d08db896109e6667c6a31ac14e47e8562f922bc9a5e0aff745b5d476e99ba', '9cec06ec1497f3877dc8992109f963ca42e056ef42ec23463a773a5cb263ed9b', DEFAULT);
INSERT INTO concordat.ledger VALUES (3, 1795269201021, 'Authorised', 'fabrikam-helpdesk', '{"kind":"Person","name":"ada","standing":"Claimed"}', '{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":"-"}', '{"cause":"Answered","change":"58966a4d75529131cc4ff68fbbc9b1bd063ba01778e66767b15df7945c5afc35","effect":{"Authorise":{"acceptance":{"accepted_at":"2026-11-16T09:00:00Z","accepted_by":{"person":"7d0f3491388dbb1bd2b6c5ba1e871144a5381ffc369266e97620562916146e13","role":"GlobalAdministrator"},"agreement":null,"content":"b3e7b9ea5b6bcdf75a2bcdc7021c6b464cf8d916d59d5be21c79b99e6a06e6c0","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","decision":"Accept","invitation":"220a90e59589a07b13544a7dc99104e628853a5b5f2df9cd37cfda5b36b1900b","object":"msp-helpdesk/fabrikam","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"ends_at":"2028-11-15T09:00:00Z"}},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}', '9cec06ec1497f3877dc8992109f963ca42e056ef42ec23463a773a5cb263ed9b', 'f3e92085aa3187e5b5d3b20fc40e02372005169c3b05dbed10cf6df321a5fbae', DEFAULT);
INSERT INTO concordat.ledger VALUES (4, 1795269201021, 'RolesSet', 'fabrikam-helpdesk', '{"kind":"Person","name":"ada","standing":"Claimed"}', '{"catalogue":"2026-11-21+510b5e75","commit":null,"field_manager":null,"generation":null,"plan":"4dce9351b49a8673d7e1e95c978533a160334696b5e2b1e235b9a68858882556","uid":"-"}', '{"cause":"Declared","change":"29e824078913fff88bf5fcd4be3fb9721dc6968a5baf9382974f161481f6389d","effect":{"SetRoles":{"after":{"contributions":{"msp-helpdesk/first-line":{"asked":{"catalogue":"2026-11-21+510b5e75","words":["Message Center Reader","Service Support Administrator"]},"deletion":"Revoke","justification":null,"roles":["790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"uid":"-","window":{"not_after":null,"not_before":null}}},"recorded":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"},"roles":{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b":"2028-11-15T09:00:00Z","f023fd81-a637-4b56-95fd-791ac0226033":"2028-11-15T09:00:00Z"}},"before":{"contributions":{},"recorded":{},"roles":{}},"grantee":{"id":"0a0a0a0a-1111-4222-8333-444444444444","kind":"SecurityGroup","name":"First line"}}},"subject":{"customer":{"id":"bbbbcccc-1111-dddd-2222-eeee3333ffff","name":"Fabrikam"},"owner":{"instance":"cli","object":"msp-helpdesk/fabrikam"},"partner":{"id":"aaaabbbb-0000-cccc-1111-dddd2222eeee","name":"Contoso Helpdesk"},"relationship":{"cloud":"Global","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee"},"type":"GranularDelegatedAdmin"}}', 'f3e92085aa3187e5b5d3b20fc40e02372005169c3b05dbed10cf6df321a5fbae', '9166ad90f01c84ece40ef9c80868b9fccff3ef5c87a450085c8948c12fd82512', DEFAULT);
INSERT INTO concordat.ledger_head VALUES (1, 4, '9166ad90f01c84ece40ef9c80868b9fccff3ef5c87a450085c8948c12fd82512');
INSERT INTO concordat.persons VALUES ('7d0f3491388dbb1bd2b6c5ba1e871144a5381ffc369266e97620562916146e13', '65f567bd28d3dc27bbdf3cac31cca6f0', '{"email":"ada@fabrikam.example","first_name":"Ada","last_name":"Lovelace","phone_number":null,"role":"GlobalAdministrator"}', NULL);
INSERT INTO concordat.relationships VALUES (1, 'Global', 'aaaabbbb-0000-cccc-1111-dddd2222eeee', 'fabrikam-helpdesk', 'fabrikam-helpdesk', 1, 'cli', 'msp-helpdesk', 'fabrikam', '-', 'helpdesk', 2, '58966a4d75529131cc4ff68fbbc9b1bd063ba01778e66767b15df7945c5afc35', 'bbbbcccc-1111-dddd-2222-eeee3333ffff', 'Fabrikam', 'Contoso Helpdesk', 'GranularDelegatedAdmin', 'Active', '{"agreement":null,"auto_extend":"PT0S","cloud":"Global","customer":"bbbbcccc-1111-dddd-2222-eeee3333ffff","duration":"P730D","name":"fabrikam-helpdesk","partner":"aaaabbbb-0000-cccc-1111-dddd2222eeee","roles":["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"],"terms":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae","url":"https://contoso.example/terms"},"type":"GranularDelegatedAdmin"}', '220a90e59589a07b13544a7dc99104e628853a5b5f2df9cd37cfda5b36b1900b', '{"catalogue":"2026-11-21+510b5e75","words":["Helpdesk Administrator","Message Center Reader","Service Support Administrator"]}', 1795269201021, 1795269201021, 1857891600000, 'PT0S', '["729827e3-9c14-49f7-bb1b-9608f156bbb8","790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b","f023fd81-a637-4b56-95fd-791ac0226033"]', NULL, NULL, '{"deletion":"Revoke","management":"Manage","unmanaged":"Keep"}');
INSERT INTO concordat.spent OVERRIDING SYSTEM VALUE VALUES (1, 'helpdesk', 1795269201021, 0, 0, 0, 1, 0);
SELECT pg_catalog.setval('concordat.spent_id_seq', 1, true);
ALTER TABLE ONLY concordat._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY concordat.acceptances
    ADD CONSTRAINT acceptances_pkey PRIMARY KEY (content);
ALTER TABLE ONLY concordat.assignment_roles
    ADD CONSTRAINT assignment_roles_pkey PRIMARY KEY (relationship_id, grantee_id, role_id);
ALTER TABLE ONLY concordat.assignments
    ADD CONSTRAINT assignments_pkey PRIMARY KEY (relationship_id, grantee_id);
ALTER TABLE ONLY concordat.batch_members
    ADD CONSTRAINT batch_members_pkey PRIMARY KEY (batch, member);
ALTER TABLE ONLY concordat.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY concordat.instances
    ADD CONSTRAINT instances_pkey PRIMARY KEY (instance);
ALTER TABLE ONLY concordat.ledger
    ADD CONSTRAINT ledger_hash_key UNIQUE (hash);
ALTER TABLE ONLY concordat.ledger_head
    ADD CONSTRAINT ledger_head_pkey PRIMARY KEY (single);
ALTER TABLE ONLY concordat.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY concordat.persons
    ADD CONSTRAINT persons_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY concordat.relationships
    ADD CONSTRAINT relationships_cloud_partner_first_name_number_key UNIQUE (cloud, partner, first_name, number);
ALTER TABLE ONLY concordat.relationships
    ADD CONSTRAINT relationships_cloud_partner_name_key UNIQUE (cloud, partner, name);
ALTER TABLE ONLY concordat.relationships
    ADD CONSTRAINT relationships_pkey PRIMARY KEY (id);
ALTER TABLE ONLY concordat.spent
    ADD CONSTRAINT spent_pkey PRIMARY KEY (id);
CREATE INDEX acceptances_by_customer ON concordat.acceptances USING btree (customer);
CREATE INDEX batch_members_by_member ON concordat.batch_members USING btree (member);
CREATE INDEX ledger_by_change ON concordat.ledger USING btree (change_id) WHERE (change_id IS NOT NULL);
CREATE INDEX ledger_by_subject ON concordat.ledger USING btree (subject, sequence);
CREATE INDEX relationships_by_customer ON concordat.relationships USING btree (customer);
CREATE INDEX relationships_by_owner ON concordat.relationships USING btree (owner_instance, owner_namespace);
CREATE INDEX relationships_by_scope ON concordat.relationships USING btree (scope);
CREATE INDEX spent_by_scope ON concordat.spent USING btree (scope, at_ms);
CREATE TRIGGER ledger_is_not_changed BEFORE DELETE OR UPDATE OR TRUNCATE ON concordat.ledger FOR EACH STATEMENT EXECUTE FUNCTION concordat.ledger_is_only_appended_to();
ALTER TABLE ONLY concordat.acceptances
    ADD CONSTRAINT acceptances_person_fkey FOREIGN KEY (person) REFERENCES concordat.persons(hash);
ALTER TABLE ONLY concordat.acceptances
    ADD CONSTRAINT acceptances_used_for_fkey FOREIGN KEY (used_for) REFERENCES concordat.relationships(id);
ALTER TABLE ONLY concordat.assignment_roles
    ADD CONSTRAINT assignment_roles_relationship_id_grantee_id_fkey FOREIGN KEY (relationship_id, grantee_id) REFERENCES concordat.assignments(relationship_id, grantee_id) ON DELETE RESTRICT;
ALTER TABLE ONLY concordat.assignments
    ADD CONSTRAINT assignments_relationship_id_fkey FOREIGN KEY (relationship_id) REFERENCES concordat.relationships(id) ON DELETE RESTRICT;
ALTER TABLE ONLY concordat.batch_members
    ADD CONSTRAINT batch_members_batch_fkey FOREIGN KEY (batch) REFERENCES concordat.batches(hash) ON DELETE CASCADE;
