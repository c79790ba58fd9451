//! Words of other tools, typed out of habit, and what they are called here.
//!
//! Never: a word of our own, or the nearest by spelling where another is meant.

use clap::{
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

const DIFF: &str = "`concordat diff` shows what `concordat apply` would do, and writes nothing";
const NOT_ASKED: &str =
    "nothing is asked: what a person must approve waits for `concordat apply --approve HASH`";

/// Commands of other tools.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["plan", "preview", "dry-run", "dryrun", "what-if", "whatif", "changes", "compare"], DIFF),
    (
        &[
            "up",
            "deploy",
            "sync",
            "install",
            "upgrade",
            "create",
            "update",
            "run",
            "push",
            "reconcile",
        ],
        "`concordat apply` makes the store hold what the manifests say",
    ),
    (
        &["lint", "check", "test", "vet", "build", "template"],
        "`concordat validate` tells every problem of the manifests, and looks at no store",
    ),
    (
        &["verify", "fsck"],
        "`concordat ledger verify` checks the ledger, `concordat validate` the manifests",
    ),
    (
        &["destroy", "delete", "remove", "rm", "revoke", "prune", "down", "uninstall", "terminate"],
        "take it out of the manifests, look with `concordat diff --prune`, and run `concordat apply --prune`",
    ),
    (
        &["list", "ls", "show", "state", "describe", "status", "output"],
        "`concordat get` lists what the store holds",
    ),
    (
        &["init", "migrate", "login", "auth", "configure"],
        "nothing is set up first: `concordat apply` makes the store that `--store` names",
    ),
    (&["log", "logs", "events", "audit"], "`concordat history` tells what happened, in order"),
    (
        &["export", "dump", "backup"],
        "`concordat ledger export` writes the ledger, `concordat get -o json` what holds",
    ),
    (
        &["can-i", "whoami", "who"],
        "`concordat who-can` tells who can do a task, `concordat why` why",
    ),
    (
        &["approve", "confirm"],
        "`concordat apply --approve HASH` approves what waits, `concordat accept` writes a customer's answer",
    ),
    (&["invite", "request", "propose"], "`concordat offer` prints the request to a customer"),
    (&["adopt"], "declare what is there: `concordat diff` then says what of it is adopted"),
    (&["rollback", "undo", "revert"], "`concordat apply` the manifests as they were before"),
    (
        &["schema", "schemas", "crds"],
        "`concordat crd` prints the definitions, `concordat crd -o json-schema` their schema",
    ),
    (&["completion"], "`concordat completions` prints them"),
    (
        &["docs", "doc", "man"],
        "`concordat explain` tells what a code means, `concordat help` the rest",
    ),
    (&["role", "task", "tasks", "permissions"], "`concordat roles` looks at roles and tasks"),
];

/// Flags of other tools.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["--dry-run", "--dryrun", "--preview", "--what-if", "--whatif", "--noop", "--plan-only"],
        DIFF,
    ),
    (&["--auto-approve", "--yes", "-y", "--force", "--assume-yes", "--non-interactive"], NOT_ASKED),
    (&["--recursive", "-R", "-r"], "a folder is read with everything in it: `-f FOLDER`"),
    (&["--file", "--files", "--path", "--dir", "--input"], "manifests are named with `-f PATH`"),
    (
        &["--out", "--save", "--save-plan"],
        "a plan is saved with `concordat diff -o json > plan.json`",
    ),
    (&["--format", "--output-format"], "the form of an answer is named with `-o`"),
    (&["--json"], "an answer is JSON with `-o json`"),
    (&["--yaml"], "an answer is YAML with `-o yaml`"),
    (&["--no-color", "--no-colour", "--colour"], "no colour is `--color never`, or `NO_COLOR=1`"),
    (
        &["--quiet", "-q", "--silent"],
        "the answer is on standard output and all else on standard error: `2> /dev/null`",
    ),
    (&["--debug", "--trace"], "more is told with `-v`, everything with `-vv`"),
    (
        &["--detailed-exitcode", "--exit-code"],
        "that is always so: 0 as desired, 1 the answer is no, 2 it could not be told",
    ),
    (
        &["--db", "--database", "--dsn", "--url", "--connection", "--backend"],
        "the store is named with `--store URL`",
    ),
];

/// The same complaint with the way out, where the word is known from another tool.
pub fn with_way_out(mut error: clap::Error) -> clap::Error {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(_) | None => None,
    };
    let command = word(ContextKind::InvalidSubcommand);
    let flag = word(ContextKind::InvalidArg);
    let help = command
        .and_then(|word| known(COMMANDS, &word))
        .or_else(|| flag.and_then(|word| known(FLAGS, word.split(['=', ' ']).next()?)));
    if let Some(help) = help {
        for other in [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg] {
            error.remove(other);
        }
        let help = ContextValue::StyledStrs(vec![StyledStr::from(help)]);
        error.insert(ContextKind::Suggested, help);
    }
    error
}

fn known(words: &[(&[&str], &'static str)], word: &str) -> Option<&'static str> {
    words.iter().find(|(others, _)| others.contains(&word)).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{super::Cli, *};

    #[test]
    fn no_word_of_another_tool_is_a_word_of_ours() {
        let ours = Cli::command();
        for (words, help) in COMMANDS {
            for word in *words {
                assert!(ours.find_subcommand(word).is_none(), "{word}: {help}");
            }
        }
    }

    #[test]
    fn each_way_out_names_a_command_that_there_is() {
        let ours = Cli::command();
        for (_, help) in COMMANDS.iter().chain(FLAGS) {
            for named in help.split("`concordat ").skip(1) {
                let word = named.split([' ', '`']).next().unwrap();
                assert!(word == "help" || ours.find_subcommand(word).is_some(), "{help}");
            }
        }
    }
}
