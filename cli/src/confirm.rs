//! Questions that a person answers, and a program with `--yes`.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::bail;

use crate::failure::Usage;
use crate::output::Output;

/// Asks whether so much may be spent; an error unless it may. `is_data` says that standard input is no place for an answer.
pub(crate) async fn spend(what: impl Display, is_data: bool, output: Output) -> anyhow::Result<()> {
    if output.is_json() || is_data || !io::stdin().is_terminal() {
        return Err(Usage::because(format!("{what}: say --yes to pay for it")));
    }
    let question = format!("{what}. Go on? [y/N] ");
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        io::stderr().write_all(question.as_bytes())?;
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    match answer.await??.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => bail!("nothing was paid"),
    }
}
