//! References as a command is given them: as arguments, or as lines of standard input, which
//! may be another command's answer in JSON.

use std::{
    fmt::Display,
    io::{self, BufRead, IsTerminal},
};

use serde::Deserialize;

use crate::failure::Failure;

/// What `parse` makes of the arguments; `-` stands for the lines of standard input.
pub(crate) fn references<T, E: Display>(
    arguments: &[String],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Failure> {
    if arguments.iter().filter(|text| *text == "-").count() > 1 {
        return Err(Failure::usage(
            "`-` stands twice",
            "Standard input can be read once only.",
        ));
    }
    let mut found = Vec::new();
    for argument in arguments {
        if argument == "-" {
            from_standard_input(&parse, &mut found)?;
        } else {
            found.push(reference(argument, "", &parse)?);
        }
    }
    Ok(found)
}

fn from_standard_input<T, E: Display>(
    parse: &impl Fn(&str) -> Result<T, E>,
    found: &mut Vec<T>,
) -> Result<(), Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(
            "`-` reads from standard input, which is a terminal",
            "Give the reference itself, or a file of references as in: redtrail raw - < FILE",
        ));
    }
    for (number, line) in (1..).zip(stdin.lock().lines()) {
        let line = line.map_err(|error| {
            Failure::usage(
                format!("could not read line {number} of standard input: {error}"),
                "Give references, one a line.",
            )
        })?;
        if !line.trim().is_empty() {
            found.push(reference(&line, &format!(" in line {number}"), parse)?);
        }
    }
    Ok(())
}

/// A line of an answer in JSON.
#[derive(Deserialize)]
struct AnswerLine {
    reference: String,
}

fn reference<T, E: Display>(
    text: &str,
    whereabouts: &str,
    parse: &impl Fn(&str) -> Result<T, E>,
) -> Result<T, Failure> {
    let text = text.trim();
    let of_answer = serde_json::from_str::<AnswerLine>(text).ok();
    let text = of_answer.map_or_else(|| text.to_owned(), |line| line.reference);
    parse(&text).map_err(|error| {
        Failure::usage(
            format!("`{text}`{whereabouts} is no reference: {error}"),
            "An answer with --output jsonl has one in each line: the member `reference`.",
        )
    })
}
