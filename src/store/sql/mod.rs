//! The SQL stores: SQLite and PostgreSQL.
//!
//! Never: a statement for each row.
