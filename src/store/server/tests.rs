//! What hosters print, what people type, and what is said where that cannot be.
//!
//! Never: a part of a password in what is said.

use super::*;

fn read(rest: &str) -> Server {
    Server::read(rest).unwrap_or_else(|fault| panic!("{rest}: {fault}"))
}

/// Everything that was understood, password and all.
fn told(rest: &str) -> String {
    let server = read(rest);
    let password = server.password.as_ref().map(ExposeSecret::expose_secret);
    let port = server.port.map(|port| port.to_string());
    let own = [
        ("user", server.user.as_deref()),
        ("password", password),
        ("host", server.host.as_deref()),
        ("port", port.as_deref()),
        ("dbname", server.database.as_deref()),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    let settings = server.settings.iter().map(|(name, value)| format!("{name}={value}"));
    own.chain(settings).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_hosters_print_is_understood() {
    let cases = [
        // Heroku, Aiven, DigitalOcean, Crunchy Bridge.
        (
            "u:p@ec2-1.compute.example:5432/d1",
            "user=u password=p host=ec2-1.compute.example port=5432 dbname=d1",
        ),
        (
            "avnadmin:p@pg-1.aiven.example:12345/defaultdb?sslmode=require",
            "user=avnadmin password=p host=pg-1.aiven.example port=12345 dbname=defaultdb sslmode=require",
        ),
        // Neon.
        (
            "u:p@ep-cool-1.eu.neon.example/neondb?sslmode=require&options=endpoint%3Dep-cool-1",
            "user=u password=p host=ep-cool-1.eu.neon.example dbname=neondb options=endpoint=ep-cool-1 sslmode=require",
        ),
        (
            "u:p@h/d?options=project%3Dcool-1",
            "user=u password=p host=h dbname=d options=project=cool-1",
        ),
        // Supabase.
        (
            "postgres.abcd:p@aws-0-eu.pooler.example:6543/postgres?pgbouncer=true",
            "user=postgres.abcd password=p host=aws-0-eu.pooler.example port=6543 dbname=postgres",
        ),
        // Azure, whose users once had an `@`.
        (
            "ada%40srv:p@srv.postgres.example:5432/postgres?sslmode=require",
            "user=ada@srv password=p host=srv.postgres.example port=5432 dbname=postgres sslmode=require",
        ),
        (
            "ada@srv:p@srv.postgres.example/postgres",
            "user=ada@srv password=p host=srv.postgres.example dbname=postgres",
        ),
        // AWS RDS.
        (
            "u:p@db-1.rds.example:5432/d?sslmode=verify-full&sslrootcert=/etc/global-bundle.pem",
            "user=u password=p host=db-1.rds.example port=5432 dbname=d sslmode=verify-full sslrootcert=/etc/global-bundle.pem",
        ),
        (
            "u@h/d?sslmode=verify-full&sslrootcert=system",
            "user=u host=h dbname=d sslmode=verify-full sslrootcert=system",
        ),
        // Cloud SQL.
        (
            "u:p@/d?host=/cloudsql/project:europe-west1:one",
            "user=u password=p host=/cloudsql/project:europe-west1:one dbname=d",
        ),
        (
            "u:p@/d?host=/cloudsql/project:europe-west1:one/.s.PGSQL.5432",
            "user=u password=p host=/cloudsql/project:europe-west1:one dbname=d",
        ),
        (
            "u:p@localhost/d?host=%2Fcloudsql%2Fproject%3Aeurope-west1%3Aone",
            "user=u password=p host=/cloudsql/project:europe-west1:one dbname=d",
        ),
        ("%2Fvar%2Frun%2Fpostgresql/d", "host=/var/run/postgresql dbname=d"),
    ];
    for (rest, expected) in cases {
        assert_eq!(told(rest), expected, "{rest}");
    }
}

#[test]
fn every_part_may_be_left_out_and_may_stand_among_the_settings() {
    let cases = [
        ("", ""),
        ("/", ""),
        ("h", "host=h"),
        ("h/", "host=h"),
        ("h:/d/", "host=h dbname=d"),
        ("/d", "dbname=d"),
        (":5433/d", "port=5433 dbname=d"),
        ("u@", "user=u"),
        ("u:@h", "user=u host=h"),
        (
            "h?user=u&password=p%26q&port=5433&dbname=d",
            "user=u password=p&q host=h port=5433 dbname=d",
        ),
        (
            "h:1/d?port=2&host=g&dbname=e&user=ada@example.com",
            "user=ada@example.com host=g port=2 dbname=e",
        ),
        ("[::1]:5432/d", "host=::1 port=5432 dbname=d"),
        ("u:p@[2001:db8::1]/d", "user=u password=p host=2001:db8::1 dbname=d"),
        ("[fe80::1%25eth0]/d", "host=fe80::1%eth0 dbname=d"),
        ("/d?hostaddr=192.0.2.1", "host=192.0.2.1 dbname=d"),
        (
            "h/d?sslmode=&ssl=true&application_name=ci&connect_timeout=10&keepalives_idle=30",
            "host=h dbname=d sslmode=require",
        ),
        (
            "h/d?sslmode=verify-full&ssl=true&channel_binding=prefer&target_session_attrs=read-write",
            "host=h dbname=d sslmode=verify-full target_session_attrs=read-write",
        ),
    ];
    for (rest, expected) in cases {
        assert_eq!(told(rest), expected, "{rest}");
    }
}

#[test]
fn a_password_may_be_anything_that_leaves_no_doubt_where_it_ends() {
    let cases = [
        ("p%40q%23%2F%3F%25", "p@q#/?%"),
        ("p@q", "p@q"),
        ("p#q", "p#q"),
        ("p:q", "p:q"),
        ("p q+r&s=t", "p q+r&s=t"),
        ("100%", "100%"),
        ("%C3%BC", "ü"),
    ];
    for (typed, meant) in cases {
        let server = read(&format!("u:{typed}@h/d"));
        assert_eq!(server.password.unwrap().expose_secret(), meant, "{typed}");
        assert_eq!((server.host.as_deref(), server.database.as_deref()), (Some("h"), Some("d")));
    }
    for typed in ["p/q", "p?q", "p/q@r", "1/q", "1?q", "p?q=r"] {
        let fault = Server::read(&format!("u:{typed}@h/d")).unwrap_err();
        assert_eq!(fault, ServerFault::Unescaped, "{typed}");
    }
}

#[test]
fn what_is_not_supported_is_named_with_what_to_write_instead() {
    let cases = [
        (
            "h/d?channel_binding=require",
            "`channel_binding=require` is not supported: leave it out; `sslmode=verify-full`",
        ),
        ("h/d?sslmode=verify", "`sslmode` is one of `disable`"),
        ("h/d?sslmode=no-verify", "`sslmode` is one of `disable`"),
        ("h/d?sslmod=require", "nobody knows: `sslmod`; did you mean `sslmode`?"),
        ("h/d?wibble=1", "nobody knows: `wibble`; leave it out"),
        ("h/d?target_session_attrs=standby", "leave it out: a store is read where it is written"),
        ("h/d?schema=public", "the tables stand in the schema `concordat`"),
        ("h/d?connection_limit=1", "`connection_limit` is not supported"),
        ("h/d?require_auth=scram-sha-256", "proves who answers"),
        ("h/d?sslpassword=hunter2", "a key that is not encrypted"),
        ("h/d?service=prod", "write what the service file says"),
        ("h/d?sslnegotiation=direct", "`sslnegotiation` is not supported: leave it out"),
        ("h/d?options[search_path]=x", "write `options=-c%20NAME%3DVALUE`"),
        ("h1,h2/d", "several hosts"),
        ("h1:5432,h2:5433/d", "several hosts"),
        ("/d?host=h1,h2", "several hosts"),
        ("h/d?port=1,2", "several hosts"),
        ("::1/d", "in brackets"),
        ("u:p@2001:db8::1/d", "in brackets"),
        ("[db]/d", "in brackets"),
        ("h:0/d", "its port is no number"),
        ("h:65536/d", "its port is no number"),
        ("h:hunter2/d", "its port is no number"),
        ("h/d?port=x", "its port is no number"),
        ("h/d;password=hunter2", "leaves open where a part of it ends"),
        ("h/d#hunter2", "leaves open where a part of it ends"),
        ("h/d e", "leaves open where a part of it ends"),
        ("u:%ff@h/d", "leaves open where a part of it ends"),
        ("postgres:[YOUR-PASSWORD]@db.example/postgres", "still a placeholder"),
        ("h/d?hostaddr=192.0.2.1&sslmode=verify-full", "leave it out where `sslmode=verify-full`"),
    ];
    for (rest, expected) in cases {
        let fault = Server::read(rest).unwrap_err();
        assert!(fault.to_string().contains(expected), "{rest}: {fault}");
        assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{rest}: {fault}");
    }
}

#[test]
fn a_url_of_settings_alone_says_the_same() {
    let url =
        read("ü:p%40%20+&x@[::1]:5433/d%2Fe?options=-c%20a%3Db").url(&[("sslmode", "prefer")]);
    let again = read(url.expose_secret().strip_prefix("postgres://").unwrap());
    assert_eq!(again.password.unwrap().expose_secret(), "p@ +&x");
    assert_eq!((again.user.as_deref(), again.host.as_deref()), (Some("ü"), Some("::1")));
    assert_eq!((again.port, again.database.as_deref()), (Some(5433), Some("d/e")));
    assert_eq!(again.settings["options"], "-c a=b");
}

#[test]
fn what_debug_prints_has_no_password() {
    assert!(!format!("{:?}", read("u:hunter2@h/d")).contains("hunter2"));
}
