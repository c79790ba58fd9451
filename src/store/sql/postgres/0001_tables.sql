-- The tables of a relationship store in PostgreSQL, in the schema `concordat`. Times are whole milliseconds since
-- 1970, UTC. JSON stands as text, so that what is hashed stays as it was written.

-- A relationship under one name in the store, and the invitation it began with.
CREATE TABLE relationships (
    id              BIGINT PRIMARY KEY,
    cloud           TEXT    NOT NULL CHECK (cloud <> ''),
    partner         TEXT    NOT NULL CHECK (partner ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    name            TEXT    NOT NULL CHECK (name <> ''),
    first_name      TEXT    NOT NULL CHECK (first_name <> ''),
    number          BIGINT NOT NULL CHECK (number >= 1),
    owner_instance  TEXT    NOT NULL CHECK (owner_instance <> ''),
    owner_namespace TEXT    NOT NULL,
    owner_name      TEXT    NOT NULL CHECK (owner_name <> ''),
    owner_uid       TEXT    NOT NULL,
    scope           TEXT    NOT NULL,
    revision        BIGINT NOT NULL CHECK (revision >= 1),
    last_change     TEXT    NOT NULL CHECK (length(last_change) = 64),
    customer        TEXT    NOT NULL CHECK (customer ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    customer_name   TEXT,
    partner_name    TEXT,
    type            TEXT    NOT NULL CHECK (type <> ''),
    lifecycle       TEXT    NOT NULL CHECK (lifecycle <> ''),
    invitation      TEXT    NOT NULL CHECK (invitation::json IS NOT NULL),
    digest          TEXT    NOT NULL CHECK (length(digest) = 64),
    asked           TEXT    NOT NULL CHECK (asked::json IS NOT NULL),
    invited_at_ms   BIGINT NOT NULL CHECK (invited_at_ms > 0),
    activated_at_ms BIGINT,
    ends_at_ms      BIGINT CHECK (ends_at_ms > 0),
    auto_extend     TEXT    NOT NULL,
    ceiling         TEXT    NOT NULL CHECK (ceiling::json IS NOT NULL),
    ended_at_ms     BIGINT,
    end_reason      TEXT,
    policies        TEXT    NOT NULL CHECK (policies::json IS NOT NULL),
    UNIQUE (cloud, partner, name),
    UNIQUE (cloud, partner, first_name, number),
    CHECK ((ended_at_ms IS NULL) = (end_reason IS NULL))
);
CREATE INDEX relationships_by_owner ON relationships (owner_instance, owner_namespace);
CREATE INDEX relationships_by_customer ON relationships (customer);
CREATE INDEX relationships_by_scope ON relationships (scope);

-- What Concordat recorded about one grantee under one relationship. The row stays when nothing is held any more, so
-- that its version never goes back.
CREATE TABLE assignments (
    relationship_id BIGINT NOT NULL REFERENCES relationships (id) ON DELETE RESTRICT,
    grantee_id      TEXT    NOT NULL CHECK (grantee_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    grantee_kind    TEXT    NOT NULL CHECK (grantee_kind IN ('SecurityGroup', 'CustomerUser')),
    grantee_name    TEXT,
    version         BIGINT NOT NULL DEFAULT 1 CHECK (version >= 1),
    last_change     TEXT,
    recorded        TEXT    NOT NULL DEFAULT '{}' CHECK (recorded::json IS NOT NULL),
    contributions   TEXT    NOT NULL DEFAULT '{}' CHECK (contributions::json IS NOT NULL),
    PRIMARY KEY (relationship_id, grantee_id)
);

-- What is held: the truth, whoever wrote it.
CREATE TABLE assignment_roles (
    relationship_id BIGINT NOT NULL,
    grantee_id      TEXT    NOT NULL,
    role_id         TEXT    NOT NULL CHECK (role_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    until_ms        BIGINT NOT NULL CHECK (until_ms > 0),
    PRIMARY KEY (relationship_id, grantee_id, role_id),
    FOREIGN KEY (relationship_id, grantee_id) REFERENCES assignments (relationship_id, grantee_id) ON DELETE RESTRICT
);

-- Persons stand here and nowhere else, so that they can be erased: then salt and content are gone and the hash stays.
CREATE TABLE persons (
    hash         TEXT PRIMARY KEY CHECK (length(hash) = 64),
    salt         TEXT CHECK (length(salt) >= 32),
    content      TEXT CHECK (content IS NULL OR content::json IS NOT NULL),
    erased_at_ms BIGINT,
    CHECK ((salt IS NULL) = (content IS NULL) AND (content IS NULL) = (erased_at_ms IS NOT NULL))
);

-- Each acceptance counts once, by its content.
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
    accepted_at_ms  BIGINT NOT NULL,
    recorded_at_ms  BIGINT NOT NULL,
    person          TEXT    NOT NULL REFERENCES persons (hash),
    used_for        BIGINT REFERENCES relationships (id),
    CHECK ((agreement_type IS NULL) = (document_sha256 IS NULL)),
    CHECK (agreement_type IS NOT NULL OR used_for IS NOT NULL)
);
CREATE INDEX acceptances_by_customer ON acceptances (customer);

-- The chain. Nothing in it is ever changed.
CREATE TABLE ledger (
    sequence  BIGINT PRIMARY KEY CHECK (sequence >= 1),
    time_ms   BIGINT NOT NULL,
    kind      TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    actor     TEXT    NOT NULL CHECK (actor::json IS NOT NULL),
    intent    TEXT    NOT NULL CHECK (intent::json IS NOT NULL),
    payload   TEXT    NOT NULL CHECK (payload::json IS NOT NULL),
    previous  TEXT    NOT NULL CHECK (length(previous) = 64),
    hash      TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
    change_id TEXT    GENERATED ALWAYS AS (CASE WHEN kind <> 'Refused' THEN payload::json ->> 'change' END) STORED
);
CREATE INDEX ledger_by_change ON ledger (change_id) WHERE change_id IS NOT NULL;
CREATE INDEX ledger_by_subject ON ledger (subject, sequence);
CREATE FUNCTION ledger_is_only_appended_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only appended to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_only_appended_to();

CREATE TABLE ledger_head (
    single   INTEGER PRIMARY KEY CHECK (single = 1),
    sequence BIGINT NOT NULL CHECK (sequence >= 0),
    hash     TEXT    NOT NULL CHECK (length(hash) = 64)
);
INSERT INTO ledger_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Who writes. Each session has a higher epoch than the one before; an older one is refused.
CREATE TABLE instances (
    instance TEXT    PRIMARY KEY,
    epoch    BIGINT NOT NULL CHECK (epoch >= 1),
    holder   TEXT    NOT NULL
);

-- Changes that wait for a person, together.
CREATE TABLE batches (
    hash           TEXT    PRIMARY KEY CHECK (length(hash) = 64),
    scope          TEXT    NOT NULL,
    exceeded       TEXT    NOT NULL CHECK (exceeded::json IS NOT NULL),
    blocked_at_ms  BIGINT NOT NULL,
    blocked_by     TEXT    NOT NULL,
    approved_at_ms BIGINT,
    approved_by    TEXT,
    CHECK ((approved_at_ms IS NULL) = (approved_by IS NULL))
);

-- Each member is made once under one approval.
CREATE TABLE batch_members (
    batch      TEXT NOT NULL REFERENCES batches (hash) ON DELETE CASCADE,
    member     TEXT NOT NULL CHECK (length(member) = 64),
    made_at_ms BIGINT,
    PRIMARY KEY (batch, member)
);
CREATE INDEX batch_members_by_member ON batch_members (member);

-- What was taken from the budget of a scope.
CREATE TABLE spent (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope            TEXT    NOT NULL,
    at_ms            BIGINT NOT NULL,
    revocations      BIGINT NOT NULL CHECK (revocations >= 0),
    terminations     BIGINT NOT NULL CHECK (terminations >= 0),
    privileged_gains BIGINT NOT NULL CHECK (privileged_gains >= 0),
    new_grantees     BIGINT NOT NULL CHECK (new_grantees >= 0),
    replacements     BIGINT NOT NULL CHECK (replacements >= 0)
);
CREATE INDEX spent_by_scope ON spent (scope, at_ms);

-- Who holds which role where, now. What has expired is gone, also when nobody has cleaned up yet.
CREATE VIEW effective_assignments AS
SELECT r.cloud, r.customer, r.customer_name, r.partner, r.partner_name, r.name AS relationship,
       a.grantee_id, a.grantee_kind, a.grantee_name, h.role_id,
       to_timestamp(least(h.until_ms, r.ends_at_ms) / 1000.0) AS until,
       least(h.until_ms, r.ends_at_ms) AS until_ms
FROM relationships r
JOIN assignments a ON a.relationship_id = r.id
JOIN assignment_roles h ON h.relationship_id = a.relationship_id AND h.grantee_id = a.grantee_id
WHERE r.lifecycle = 'Active'
  AND least(h.until_ms, r.ends_at_ms) > extract(epoch FROM clock_timestamp()) * 1000;
