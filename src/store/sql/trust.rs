//! What a server holds under our name, and whether it is somebody else's: asked before anything in it is used.
//!
//! Never: a name that somebody else may have given a meaning, before this is answered.

use sqlx::{PgConnection, Row, postgres::PgRow};

/// What stands in the schema `concordat`.
pub(super) enum Found {
    /// Nothing, or no schema.
    Nothing,
    /// A store of ours; its version is still to be read.
    Store,
    /// Something else.
    Other,
    /// Something that somebody else may have made, or may yet make. What, and whose.
    Strange(String),
}

/// Only names of `pg_catalog`, which nobody but a superuser can add to.
///
/// Trusted is who is asked for, who may do everything in this database anyway, and who was made a member of
/// `concordat_owner`; see `roles.sql`. What counts is whatever a name can be resolved to, who may add to it, and the
/// triggers on our tables, whose functions may stand anywhere.
macro_rules! look {
    ($before:literal, $after:literal) => {
        concat!($before, "; SET LOCAL search_path = pg_catalog, pg_temp; ", "\
WITH trusted (role) AS MATERIALIZED (
    SELECT r.oid FROM pg_roles r
    WHERE r.rolsuper OR r.rolname IN (current_user, 'pg_database_owner')
    OR r.oid = (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database())
    OR EXISTS (SELECT FROM pg_roles o
               WHERE o.rolname = 'concordat_owner' AND pg_has_role(r.oid, o.oid, 'MEMBER'))
), ours (id, owner, rights) AS MATERIALIZED (
    SELECT n.oid, n.nspowner, n.nspacl FROM pg_namespace n WHERE n.nspname = 'concordat'
), things (rank, what, role) AS (
    SELECT 0, 'the schema `concordat` belongs to', s.owner FROM ours s
    UNION ALL
    SELECT 1, format('in the schema `concordat`, %s `%s` belongs to', t.what, t.name), t.owner FROM ours s JOIN (
        SELECT 'the relation' AS what, relname AS name, relowner AS owner, relnamespace AS place FROM pg_class
        UNION ALL SELECT 'the function', proname, proowner, pronamespace FROM pg_proc
        UNION ALL SELECT 'the type', typname, typowner, typnamespace FROM pg_type
        UNION ALL SELECT 'the operator', oprname, oprowner, oprnamespace FROM pg_operator
        UNION ALL SELECT 'the collation', collname, collowner, collnamespace FROM pg_collation
        UNION ALL SELECT 'the operator class', opcname, opcowner, opcnamespace FROM pg_opclass
    ) t ON t.place = s.id
    UNION ALL
    SELECT 2, format('the function of the trigger `%s` on `concordat.%s` belongs to', t.tgname, c.relname), p.proowner
    FROM ours s JOIN pg_class c ON c.relnamespace = s.id JOIN pg_trigger t ON t.tgrelid = c.oid
    JOIN pg_proc p ON p.oid = t.tgfoid
    UNION ALL
    SELECT 3, 'whatever is in the schema `concordat` can be added to by', a.grantee
    FROM ours s CROSS JOIN LATERAL aclexplode(s.rights) a WHERE a.privilege_type = 'CREATE'
    UNION ALL
    SELECT 4, format('triggers on `concordat.%s` can be made by', c.relname), a.grantee
    FROM ours s JOIN pg_class c ON c.relnamespace = s.id CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE a.privilege_type = 'TRIGGER'
), strange (place, what) AS (
    SELECT row_number() OVER (ORDER BY t.rank, t.what), t.what || ' '
        || CASE t.role WHEN 0 THEN 'everybody' ELSE format('`%s`', pg_get_userbyid(t.role)) END
    FROM things t WHERE t.role NOT IN (SELECT role FROM trusted)
)
SELECT CASE
    WHEN EXISTS (SELECT FROM strange) THEN 'strange'
    WHEN NOT EXISTS (SELECT FROM pg_class c JOIN ours s ON c.relnamespace = s.id) THEN 'nothing'
    WHEN (SELECT count(*) FROM pg_class c JOIN ours s ON c.relnamespace = s.id
          WHERE c.relname IN ('ledger_head', '_sqlx_migrations')) = 2 THEN 'store'
    ELSE 'other' END,
    (SELECT s.what FROM strange s WHERE s.place = 1);
", $after)
    };
}

/// What stands in the schema `concordat`. The connection is in no transaction.
pub(super) async fn look(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    let look = look!("BEGIN READ ONLY; SET LOCAL statement_timeout = '15s'", "COMMIT");
    let rows = sqlx::raw_sql(look).fetch_all(&mut *connection).await;
    if rows.is_err() {
        sqlx::raw_sql("ROLLBACK").execute(connection).await?;
    }
    found(&rows?)
}

/// The same within a transaction in which tables are to be made.
pub(super) async fn look_again(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    let look = look!("SELECT WHERE false", "SET LOCAL search_path = concordat, pg_temp");
    found(&sqlx::raw_sql(look).fetch_all(connection).await?)
}

fn found(rows: &[PgRow]) -> Result<Found, sqlx::Error> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let strange: Option<String> = row.try_get(1)?;
    Ok(match (strange, row.try_get(0)?) {
        (Some(strange), _) => Found::Strange(strange),
        (None, "nothing") => Found::Nothing,
        (None, "store") => Found::Store,
        (None, _) => Found::Other,
    })
}
