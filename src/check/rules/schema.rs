//! The published schema of rules (`docs/schema/rules.json`), for editors: written by schemars from the shapes here, which a
//! test holds against what the parser knows.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::words::{Assemble, Inconclusive, Level, Measure, Per, ProfileKind, Signal};

/// A text that is one of several words.
macro_rules! word {
    ($($name:ident = $words:expr;)+) => {
        $(struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "enum": $words})
            }
        })+
    };
}

word! {
    LevelWord = Level::WORDS;
    AssembleWord = Assemble::WORDS;
    InconclusiveWord = Inconclusive::WORDS;
    MeasureWord = Measure::WORDS;
    PerWord = Per::WORDS;
    ProfileWord = ProfileKind::WORDS;
    SignalWord = Signal::WORDS;
    ConfidenceWord = ["none", "suspect", "likely", "certain"];
    Star = ["*"];
}

/// A number, or one with its unit: `64MiB`, `20%`, `10m`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a shape, of which only the schema is used")]
enum Amount {
    Number(f64),
    Text(String),
}

/// One or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a shape, of which only the schema is used")]
enum Several<T> {
    One(T),
    Many(Vec<T>),
}

/// What holds for all rules.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape, of which only the schema is used")]
struct SettingsTable {
    /// How several captures, and moments of one, become one number.
    assemble: Option<AssembleWord>,
    /// What a rule that cannot be decided does to the whole.
    inconclusive: Option<InconclusiveWord>,
    /// Probability with which a healthy kubelet may fail the whole check by the chance of sampling.
    alpha: Option<Amount>,
}

/// What is measured and shown, and does not count.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape, of which only the schema is used")]
struct IgnoreTable {
    /// Rules whose id matches; * stands for any text.
    rule: Option<String>,
    /// Subjects that match; * stands for any text.
    subject: Option<String>,
    /// Why.
    reason: String,
}

/// A rule of one kind, with the keys that all rules have.
macro_rules! kinds {
    ($($kind:ident $word:literal $(#[$doc:meta])* $table:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => {
        $(#[derive(JsonSchema)]
        #[expect(dead_code, reason = "a shape, of which only the schema is used")]
        enum $kind {
            #[schemars(rename = $word)]
            It,
        }

        $(#[$doc])*
        #[derive(JsonSchema)]
        #[schemars(deny_unknown_fields)]
        #[expect(dead_code, reason = "a shape, of which only the schema is used")]
        struct $table {
            /// Name of the rule: unique in the file, part of every fingerprint.
            id: String,
            kind: $kind,
            /// What a violation does; error where it is not said.
            level: Option<LevelWord>,
            /// What the rule is for.
            description: Option<String>,
            /// How several captures become one number, where it is not as for all rules.
            assemble: Option<AssembleWord>,
            /// A rule that matches nothing in the sources passes.
            allow_empty: Option<bool>,
            $($(#[$field_doc])* $field: $type,)*
        })+

        /// A rule.
        #[derive(JsonSchema)]
        #[schemars(untagged)]
        #[expect(dead_code, reason = "a shape, of which only the schema is used")]
        #[expect(clippy::enum_variant_names, reason = "the variants are the names of the tables")]
        enum RuleTable {
            $($kind($table),)+
        }
    };
}

kinds! {
    KindBudget "budget"
    /// A number against limits.
    BudgetTable {
        /// What is counted.
        measure: MeasureWord,
        /// Name of the metric, where that is the measure.
        metric: Option<String>,
        /// What these subsystems own, each by itself; * for each that is there.
        owner: Option<Several<String>>,
        /// Stacks with a frame of these subsystems.
        subsystem: Option<Several<String>>,
        /// Stacks with a frame of packages that match.
        package: Option<Several<String>>,
        /// Stacks with a function that matches.
        function: Option<Several<String>>,
        /// Goroutines by owner and what they wait for.
        wait: Option<Star>,
        /// Only goroutines that wait for these subsystems.
        blocked_in: Option<Several<String>>,
        /// Only goroutines in a state that begins so.
        state: Option<String>,
        /// At most this.
        max: Option<Amount>,
        /// At least this.
        min: Option<Amount>,
        /// The limit is for one of these.
        per: Option<PerWord>,
        /// And this much besides.
        base: Option<Amount>,
    }
    KindDiagnose "diagnose"
    /// Findings of diagnose.
    DiagnoseTable {
        /// The surest finding that is allowed; suspect where it is not said.
        at_most: Option<ConfidenceWord>,
        /// Only findings of these kinds.
        kinds: Option<Several<String>>,
        /// Only findings of these subsystems.
        subsystems: Option<Several<String>>,
    }
    KindNoGrowth "no-growth"
    /// Growth inside of a series.
    NoGrowthTable {
        /// Of what: goroutines, objects or files.
        measure: Option<MeasureWord>,
        /// Only these subsystems.
        subsystems: Option<Several<String>>,
        /// Growth up to this many an hour is allowed.
        max_per_hour: Option<Amount>,
    }
    KindGuide "guide"
    /// The signals that guides watch, judged on this node.
    GuideTable {
        /// Which; all that can be judged where it is not said.
        signals: Option<Several<SignalWord>>,
        /// Memory that the kubelet may use; the node's where it is not said.
        rss_limit: Option<Amount>,
        /// Share of it that is allowed; 0.8 where it is not said.
        rss_share: Option<Amount>,
        /// Goroutines of a node without pods; 500 where it is not said.
        goroutines: Option<Amount>,
        /// Goroutines for each pod; 10 where it is not said.
        goroutines_per_pod: Option<Amount>,
        /// 99th percentile of PLEG relists; 10 s where it is not said.
        pleg_seconds: Option<Amount>,
        /// Cores; by the number of pods where it is not said.
        cpu_cores: Option<Amount>,
    }
    KindCoverage "coverage"
    /// How much has names and owners.
    CoverageTable {
        /// Kinds of profile; all that there are where it is not said.
        profiles: Option<Several<ProfileWord>>,
        /// Share of frames that must have names.
        symbols: Option<Amount>,
        /// Share of values that must have an owner.
        owners: Option<Amount>,
    }
    KindFrames "frames"
    /// Functions and states that must be there, or must not.
    FramesTable {
        /// In profiles of this kind; goroutine where it is not said.
        profile: Option<ProfileWord>,
        /// Functions (regular expressions) that must not be there.
        forbid: Option<Several<String>>,
        /// Functions (regular expressions) that must be there.
        require: Option<Several<String>>,
        /// States that no goroutine may be in.
        forbid_states: Option<Several<String>>,
        /// Only goroutines that wait at least so long.
        min_wait: Option<Amount>,
        /// This many are allowed of what is forbidden.
        max: Option<Amount>,
    }
    KindBuilds "builds"
    /// Builds that are allowed.
    BuildsTable {
        /// Build IDs, or how they begin.
        allow: Several<String>,
    }
    KindNoRegression "no-regression"
    /// Nothing is larger than in the baseline.
    NoRegressionTable {
        /// What is compared.
        measure: MeasureWord,
        /// By what these subsystems own; * for each that is there.
        owner: Option<Several<String>>,
        /// By stacks with a frame of these subsystems.
        subsystem: Option<Several<String>>,
        /// By packages that match.
        package: Option<Several<String>>,
        /// By functions that match.
        function: Option<Several<String>>,
        /// By owner and what goroutines wait for.
        wait: Option<Star>,
        /// Only goroutines that wait for these subsystems.
        blocked_in: Option<Several<String>>,
        /// Only goroutines in a state that begins so.
        state: Option<String>,
        /// Growth below this share of the baseline is allowed; 10 % where it is not said.
        min_change: Option<Amount>,
        /// Growth by less than this is allowed.
        min_units: Option<Amount>,
    }
}

/// Rules of `kubeprof check`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Rules of kubeprof check")]
#[expect(dead_code, reason = "a shape, of which only the schema is used")]
struct RulesTable {
    /// Version of the format: 1.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    settings: Option<SettingsTable>,
    rule: Vec<RuleTable>,
    ignore: Option<Vec<IgnoreTable>>,
}

fn written() -> String {
    let schema = schemars::schema_for!(RulesTable);
    serde_json::to_string_pretty(&schema).expect("JSON") + "\n"
}

#[test]
fn the_published_schema_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/rules.json");
    if std::env::var_os("KUBEPROF_WRITE_SCHEMA").is_some() {
        std::fs::write(path, written()).expect("written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == written(),
        "docs/schema/rules.json is not what the shapes say: KUBEPROF_WRITE_SCHEMA=1 cargo test the_published_schema"
    );
}

/// Keys of every table of the schema, against those that the parser asks for.
#[test]
fn the_schema_has_the_keys_of_the_parser() {
    use std::collections::BTreeSet;

    use super::{Check, Problem, Rules};
    let schema: serde_json::Value = serde_json::from_str(&written()).expect("JSON");
    let tables = schema["$defs"].as_object().expect("tables");
    let mut seen = 0;
    for kind in Check::KINDS {
        let is_of = |t: &&serde_json::Value| {
            let name = t["properties"]["kind"]["$ref"]
                .as_str()
                .and_then(|r| r.rsplit('/').next());
            name.is_some_and(|n| tables[n]["enum"][0] == *kind || tables[n]["const"] == *kind)
        };
        let table = tables
            .values()
            .find(is_of)
            .unwrap_or_else(|| panic!("no table of {kind}"));
        let published: BTreeSet<&str> = table["properties"]
            .as_object()
            .expect("keys")
            .keys()
            .map(String::as_str)
            .collect();
        let text = format!("version = 1\n[[rule]]\nid = \"x\"\nkind = \"{kind}\"\nzzzzzzzzzzzz = 1\n");
        let mistakes = Rules::parse(&text, "x", &crate::kubelet::Knowledge::builtin()).expect_err("an unknown key");
        let known = mistakes.0.iter().find_map(|e| match &e.problem {
            Problem::UnknownKey { known, .. } => Some(known.iter().copied().collect::<BTreeSet<&str>>()),
            _ => None,
        });
        assert_eq!(Some(published), known, "{kind}");
        seen += 1;
    }
    assert_eq!(seen, 8);
}
