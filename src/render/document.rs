//! What a page of any report is made of: facts, one table, notes. Cells keep their raw value beside their wording, so
//! that machine formats never have to parse text.

use serde_json::{Map, Value, json};

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number of the report's unit and how it is written.
    Value(i64, String),
    /// A share in percent, with its sign, and how it is written.
    Percent(f64, String),
    /// A count.
    Count(i64),
    /// Several things or a thing with parts, and how they are written.
    Parts(Value, String),
    /// A standard error in the report's unit and how it is written.
    Error(f64, String),
    /// Nothing to say.
    None,
}

impl Cell {
    /// The wording for people.
    pub fn text(&self) -> String {
        match self {
            Cell::Text(t) | Cell::Value(_, t) | Cell::Percent(_, t) | Cell::Error(_, t) | Cell::Parts(_, t) => {
                t.clone()
            }
            Cell::Count(n) => n.to_string(),
            Cell::None => String::new(),
        }
    }

    /// The raw value.
    pub fn json(&self) -> Value {
        match self {
            Cell::Text(t) => json!(t),
            Cell::Value(v, _) | Cell::Count(v) => json!(v),
            Cell::Percent(p, _) => json!((p * 1e4).round() / 1e4),
            Cell::Error(e, _) => json!(e.round()),
            Cell::Parts(parts, _) => parts.clone(),
            Cell::None => Value::Null,
        }
    }

    /// The raw value as CSV writes it.
    pub fn csv(&self) -> String {
        match self.json() {
            Value::Null => String::new(),
            Value::String(s) => s,
            other => other.to_string(),
        }
    }
}

/// Which renderers show a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// All.
    Always,
    /// Everywhere but in the narrow text form.
    Wide,
    /// Machine formats only.
    Machine,
    /// People only.
    People,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name in machine formats, snake case.
    pub key: &'static str,
    /// Heading for people.
    pub title: String,
    /// Whether it is a number, which stands right.
    pub numeric: bool,
    /// Who sees it.
    pub shown: Shown,
    /// Of two alike it is the one that rows are not sorted by, and goes first where there is little room.
    pub second: bool,
}

impl Column {
    /// A column of numbers.
    pub fn number(key: &'static str, title: &str, shown: Shown) -> Self {
        Self {
            key,
            title: title.to_owned(),
            numeric: true,
            shown,
            second: false,
        }
    }

    /// A column of words.
    pub fn words(key: &'static str, title: &str, shown: Shown) -> Self {
        Self {
            key,
            title: title.to_owned(),
            numeric: false,
            shown,
            second: false,
        }
    }

    /// Whether people see it, in the narrow or the wide form.
    pub fn for_people(&self, wide: bool) -> bool {
        match self.shown {
            Shown::Always | Shown::People => true,
            Shown::Wide => wide,
            Shown::Machine => false,
        }
    }

    /// Whether machines see it.
    pub fn for_machines(&self) -> bool {
        self.shown != Shown::People
    }
}

/// How a row stands out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Emphasis {
    /// Not at all.
    #[default]
    Plain,
    /// It is of the kubelet itself.
    Kubelet,
    /// Runtime and libraries, less interesting.
    Faint,
    /// It belongs to the row above or below.
    Neighbour,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Row {
    /// One cell a column.
    pub cells: Vec<Cell>,
    /// How it stands out.
    pub emphasis: Emphasis,
    /// A rule is drawn above it.
    pub rule_above: bool,
    /// Lines under it, for people.
    pub below: Vec<(String, Emphasis)>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Document {
    /// `kubeprof/top/1`.
    pub schema: String,
    /// Facts of the profile, for machines.
    pub profile: Map<String, Value>,
    /// What was asked, for machines.
    pub query: Map<String, Value>,
    /// Further top-level facts, for machines (`total`, `unit`, `hidden`).
    pub facts: Map<String, Value>,
    /// The lines above the table, for people.
    pub heading: Vec<String>,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// The lines below the table, for people: what was hidden, what it means.
    pub notes: Vec<String>,
    /// What dim rows are, where bold ones are the kubelet's own.
    pub dim: Option<&'static str>,
    /// A second page below this one, for people.
    pub below: Option<Box<Document>>,
    /// Which of these lines a setting would change.
    pub settings: Vec<(usize, Setting)>,
}

/// What shows more, or says more. How it is typed is not known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// The number of rows; all of them.
    AllRows,
    /// The number of rows, of which there are this many.
    Rows(usize),
    /// The share below which rows are left out.
    SmallRows,
    /// The share below which edges are left out.
    SmallEdges,
    /// How many frames of a stack are shown.
    Frames,
    /// The kind of profile.
    Kind,
    /// Where source code is.
    SourcePath,
    /// Where the right source code is.
    OtherSourcePath,
    /// Shares in place of values.
    Normalize,
    /// What was weighed and dropped; how many there are.
    Dropped(usize),
    /// All subjects of a rule.
    Subjects,
    /// What rules compare with.
    Baseline,
    /// Rows that are functions.
    ByFunction,
    /// Goroutines and ticks of loops that wait idle.
    Idle,
}

impl Document {
    /// Adds a line below the table that a setting would change.
    pub fn note(&mut self, text: String, setting: Setting) {
        self.settings.push((self.notes.len(), setting));
        self.notes.push(text);
    }

    /// The lines below the table, with what is typed to change them.
    pub fn worded(&self, word: impl Fn(Setting) -> String) -> Vec<String> {
        let mut notes = self.notes.clone();
        for &(line, setting) in &self.settings {
            if let Some(note) = notes.get_mut(line) {
                note.push_str(&word(setting));
            }
        }
        notes
    }
}
