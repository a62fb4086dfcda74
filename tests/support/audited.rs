//! Audit events, each checked against deploy/monitoring/audit.schema.json.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// The schema of a line.
pub struct Schema(Schemas, SchemaIndex);

impl Schema {
    pub fn read() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring/audit.schema.json");
        let schema: Value = serde_json::from_str(&fs::read_to_string(path).expect("the schema")).expect("JSON");
        compiler.add_resource("audit.schema.json", schema).expect("a resource");
        let index = compiler.compile("audit.schema.json", &mut schemas).expect("a sound schema");
        Self(schemas, index)
    }

    pub fn allows(&self, event: &Value) -> Result<(), String> {
        self.0.validate(event, self.1).map_err(|error| format!("{error:#}\n{event:#}"))
    }
}

/// An audit file in a folder of the test.
pub struct AuditFile {
    pub folder: tempfile::TempDir,
    schema: Schema,
}

impl AuditFile {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), schema: Schema::read() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// The events so far. Each of them is as the schema wants it.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let events: Vec<Value> =
            whole.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
        events.iter().for_each(|event| self.schema.allows(event).unwrap_or_else(|error| panic!("{error}")));
        events
    }

    /// The events of this name so far.
    #[track_caller]
    pub fn of(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["unmapped"]["event"] == name).collect()
    }

    /// Waits for an event of this name, and gives the first one.
    #[track_caller]
    pub fn first(&self, name: &str) -> Value {
        self.first_where(name, |_| true)
    }

    /// The same, of those events of which this is true.
    #[track_caller]
    pub fn first_where(&self, name: &str, is_meant: impl Fn(&Value) -> bool) -> Value {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            if let Some(event) = self.of(name).into_iter().find(&is_meant) {
                return event;
            }
            assert!(std::time::Instant::now() < until, "no {name} in {:#?}", self.events());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
