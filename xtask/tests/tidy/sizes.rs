//! Files stay small. One that is over 400 lines is listed here with the reason that it is one thing, and may not grow.

use crate::tree::{files, read};

const LIMIT: usize = 400;

/// (file, its most lines, why it is one thing).
const LARGE: &[(&str, usize, &str)] = &[("proto/src/gen/boxoffice.payment.v1.rs", 600, "generated")];

#[test]
fn files_over_the_limit_are_known_and_do_not_grow() {
    let mut wrong = Vec::new();
    for file in files(&[".rs", ".ts", ".mjs", ".css"]) {
        let lines = read(&file).lines().count();
        let known = LARGE.iter().find(|(name, ..)| *name == file);
        match known {
            None if lines > LIMIT => wrong.push(format!("{file} has {lines} lines; of what two things is it?")),
            Some((_, most, _)) if lines > *most => wrong.push(format!("{file} has grown to {lines} lines from {most}")),
            Some(_) if lines <= LIMIT => wrong.push(format!("{file} is down to {lines} lines: take it off the list")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_names_files_that_exist() {
    let files = files(&[".rs", ".ts", ".mjs", ".css"]);
    for (name, _, reason) in LARGE {
        assert!(files.iter().any(|file| file == name), "{name} is gone: take it off the list");
        assert!(!reason.is_empty());
    }
}
