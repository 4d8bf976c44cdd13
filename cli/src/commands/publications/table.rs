//! A list of publications: a table for people, what the gateway said for programs.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::said::{self, NOTHING};

/// Publications as the gateway lists them.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Table(pub(super) Vec<Value>);

/// Characters of a title and of a name, at most: a row with an id in it fits on a wide screen.
const TITLE_CHARS_MAX: usize = 40;
const NAME_CHARS_MAX: usize = 20;

const COLUMNS: usize = 6;
const HEAD: [&str; COLUMNS] = ["DATE", "LENGTH", "KIND", "TITLE", "BY", "ID"];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let head = HEAD.map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.0.iter().map(row)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for row in &rows {
            let [date, length, kind, title, by, id] = row;
            write!(f, "{date:0$}  {length:>1$}  {kind:2$}  ", widths[0], widths[1], widths[2])?;
            writeln!(f, "{title:0$}  {by:1$}  {id}", widths[3], widths[4])?;
        }
        Ok(())
    }
}

fn row(one: &Value) -> [String; COLUMNS] {
    let title = said::text(&one["title"]).map(|title| said::cut(&title, TITLE_CHARS_MAX));
    let by = said::text(&one["by"]).map(|name| said::cut(&name, NAME_CHARS_MAX));
    let (kind, id) = (said::text(&one["kind"]), said::text(&one["id"]));
    let cells = [said::day(&one["created"]), said::length(&one["duration_ms"]), kind, title, by, id];
    cells.map(|cell| cell.unwrap_or_else(|| NOTHING.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let film = json!({"id": "bafy1", "kind": "film", "title": "Flüsse", "by": "Ada", "created": 1_798_675_200, "duration_ms": 61_000});
        let album = json!({"id": "bafy2", "kind": "collection", "title": "x".repeat(50), "by": null, "created": 0, "duration_ms": 0});
        let table = Table(vec![film, album]).to_string();
        let lines: Vec<_> = table.lines().collect();
        let place = |line: &str, word: &str| line.find(word).map(|at| line[..at].chars().count());
        assert_eq!(lines.len(), 3, "{table}");
        for (word, in_film, in_album) in
            [("TITLE", "Flüsse", "xxx"), ("ID", "bafy1", "bafy2"), ("KIND", "film", "coll")]
        {
            let at = place(lines[0], word);
            assert_eq!((at, at), (place(lines[1], in_film), place(lines[2], in_album)), "{table}");
        }
        assert!(lines[1].contains("  1:01  ") && lines[2].contains("xxx…  -  "), "{table}");
        assert_eq!(Table(Vec::new()).to_string(), "");
    }
}
