//! The findings, and the commands that fix them.

use std::fmt::{self, Display};

use bson::{Bson, Document};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    /// Worth knowing; the dashboard needs no action.
    Note,
    Warning,
    Problem,
}

/// One thing that was examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub level: Level,
    pub what: &'static str,
    pub text: String,
    /// Commands that fix it, one a line.
    pub mend: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub items: Vec<Item>,
    /// Lines for `Leptos.toml` that would make fields readable that are not read now.
    pub mapping: String,
}

impl CheckReport {
    pub fn ok(&mut self, what: &'static str, text: impl Into<String>) {
        self.add(Level::Ok, what, text, Vec::new());
    }

    pub fn warning(&mut self, what: &'static str, text: impl Into<String>) {
        self.add(Level::Warning, what, text, Vec::new());
    }

    pub fn add(&mut self, level: Level, what: &'static str, text: impl Into<String>, mend: Vec<String>) {
        self.items.push(Item { level, what, text: text.into(), mend });
    }

    /// Whether something must be fixed.
    pub fn is_problem(&self) -> bool {
        self.items.iter().any(|item| item.level == Level::Problem)
    }
}

impl Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Item { level, what, text, .. } in &self.items {
            let level = match level {
                Level::Ok => "ok",
                Level::Note => "note",
                Level::Warning => "warning",
                Level::Problem => "problem",
            };
            writeln!(f, "{level:<8} {what}: {text}")?;
        }
        let mended: Vec<_> = self.items.iter().filter(|item| !item.mend.is_empty()).collect();
        if !mended.is_empty() {
            writeln!(f, "\nWhat mends it (`db.…` in mongosh):")?;
        }
        for item in mended {
            writeln!(f, "\n  {}: {}", item.what, item.text)?;
            item.mend.iter().try_for_each(|command| writeln!(f, "    {command}"))?;
        }
        if !self.mapping.is_empty() {
            writeln!(f, "\nFor Leptos.toml, to read what is not read now; look through it first:\n\n{}", self.mapping)?;
        }
        Ok(())
    }
}

/// A command in mongosh's syntax: its name first, the keys in their order.
pub fn command(db: &str, command: Document) -> String {
    format!("db.getSiblingDB({}).runCommand({})", literal(&db.into()), literal(&command.into()))
}

fn literal(value: &Bson) -> String {
    match value {
        Bson::Document(document) => {
            let pairs: Vec<_> =
                document.iter().map(|(key, v)| format!("{}: {}", literal(&key.into()), literal(v))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Bson::Array(list) => format!("[{}]", list.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.clone().into_relaxed_extjson().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn a_command_begins_with_its_name() {
        let images = doc! {"collMod": "stations", "changeStreamPreAndPostImages": {"enabled": true}};
        assert_eq!(
            command("a\"b", images),
            r#"db.getSiblingDB("a\"b").runCommand({"collMod": "stations", "changeStreamPreAndPostImages": {"enabled": true}})"#
        );
    }
}
