-- In SQLite the lock of an instance is a file beside the store. The version is that of the same step in PostgreSQL.
SELECT 1;
