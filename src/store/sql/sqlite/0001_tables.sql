-- The tables of a relationship store in SQLite. Times are whole milliseconds since 1970, UTC. `application_id` is
-- the word "Conc".
PRAGMA application_id = 1131376227;

-- A relationship under one name in the store, and the invitation it began with.
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
CREATE INDEX relationships_by_owner ON relationships (owner_instance, owner_namespace);
CREATE INDEX relationships_by_customer ON relationships (customer);
CREATE INDEX relationships_by_scope ON relationships (scope);

-- What Concordat recorded about one grantee under one relationship. The row stays when nothing is held any more, so
-- that its version never goes back.
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

-- What is held: the truth, whoever wrote it.
CREATE TABLE assignment_roles (
    relationship_id INTEGER NOT NULL,
    grantee_id      TEXT    NOT NULL,
    role_id         TEXT    NOT NULL CHECK (length(role_id) = 36 AND role_id NOT GLOB '*[^0-9a-f-]*'),
    until_ms        INTEGER NOT NULL CHECK (until_ms > 0),
    PRIMARY KEY (relationship_id, grantee_id, role_id),
    FOREIGN KEY (relationship_id, grantee_id) REFERENCES assignments (relationship_id, grantee_id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

-- Persons stand here and nowhere else, so that they can be erased: then salt and content are gone and the hash stays.
CREATE TABLE persons (
    hash         TEXT PRIMARY KEY CHECK (length(hash) = 64),
    salt         TEXT CHECK (length(salt) >= 32),
    content      TEXT CHECK (json_valid(content)),
    erased_at_ms INTEGER,
    CHECK ((salt IS NULL) = (content IS NULL) AND (content IS NULL) = (erased_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;

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
    accepted_at_ms  INTEGER NOT NULL,
    recorded_at_ms  INTEGER NOT NULL,
    person          TEXT    NOT NULL REFERENCES persons (hash),
    used_for        INTEGER REFERENCES relationships (id),
    CHECK ((agreement_type IS NULL) = (document_sha256 IS NULL)),
    CHECK (agreement_type IS NOT NULL OR used_for IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX acceptances_by_customer ON acceptances (customer);

-- The chain. Nothing in it is ever changed.
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
CREATE INDEX ledger_by_change ON ledger (change_id) WHERE change_id IS NOT NULL;
CREATE INDEX ledger_by_subject ON ledger (subject, sequence);
CREATE TRIGGER ledger_is_not_changed BEFORE UPDATE ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;
CREATE TRIGGER ledger_is_not_shortened BEFORE DELETE ON ledger BEGIN
    SELECT RAISE(ABORT, 'the ledger is only appended to');
END;

CREATE TABLE ledger_head (
    single   INTEGER PRIMARY KEY CHECK (single = 1),
    sequence INTEGER NOT NULL CHECK (sequence >= 0),
    hash     TEXT    NOT NULL CHECK (length(hash) = 64)
) STRICT;
INSERT INTO ledger_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Who writes. Each session has a higher epoch than the one before; an older one is refused.
CREATE TABLE instances (
    instance TEXT    PRIMARY KEY,
    epoch    INTEGER NOT NULL CHECK (epoch >= 1),
    holder   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Changes that wait for a person, together.
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

-- Each member is made once under one approval.
CREATE TABLE batch_members (
    batch      TEXT NOT NULL REFERENCES batches (hash) ON DELETE CASCADE,
    member     TEXT NOT NULL CHECK (length(member) = 64),
    made_at_ms INTEGER,
    PRIMARY KEY (batch, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_members_by_member ON batch_members (member);

-- What was taken from the budget of a scope.
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
CREATE INDEX spent_by_scope ON spent (scope, at_ms);

-- Who holds which role where, now. What has expired is gone, also when nobody has cleaned up yet.
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
