//! What the tools of the field read from a status: `kubectl`, Flux and Helm share one library, which is asked here.
//!
//! Never: its answers, imitated.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::Value;

use super::go::KSTATUS;

/// What an object is in the eyes of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Status {
    /// As declared.
    Current,
    /// On the way.
    InProgress,
    /// Will not come without help.
    Failed,
    /// Being deleted.
    Terminating,
    /// Not there.
    NotFound,
    /// It cannot be told.
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    status: Status,
    message: String,
}

/// The status of each object and the reason given. `null` stands for one that is not there.
pub fn kstatus(objects: &[Value]) -> Vec<(Status, String)> {
    let mut command = Command::new(KSTATUS.program());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: Vec<_> = objects.iter().map(Value::to_string).collect();
    let input = lines.join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "kstatus failed: its error stands above");
    let answers = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Answer>();
    let answers: Vec<_> =
        answers.map(|answer| answer.map(|it| (it.status, it.message)).unwrap()).collect();
    assert_eq!(answers.len(), objects.len());
    answers
}
