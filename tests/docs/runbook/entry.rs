//! An entry of the runbook in docs/OPERATING.md, as it is printed there.

use crate::pages::page::{blocks, read};

/// Found by its id, so that the page and the test of the entry cannot drift apart.
#[derive(Debug)]
pub struct Entry {
    pub id: String,
    /// `alb_auth_decisions_total{outcome="missing"}`; empty if no metric shows it.
    pub metrics: Vec<String>,
    /// The lines of the log. `...` stands for any text.
    pub lines: Vec<String>,
    pub alerts: Vec<String>,
    pub anchor: String,
    pub text: String,
}

const PARTS: [&str; 4] = ["- **Symptom**: ", "- **Metric**: ", "- **Cause**: ", "- **Do**: "];

/// All entries, in the order of the page.
pub fn entries() -> Vec<Entry> {
    let page = read("docs/OPERATING.md");
    let (_, runbook) = page.split_once("\n## Runbook\n").expect("a section");
    let runbook = runbook.split_once("\n## ").map_or(runbook, |(runbook, _)| runbook);
    runbook.split("\n### ").skip(1).map(Entry::of).collect()
}

/// The entry with this id.
pub fn entry(id: &str) -> Entry {
    entries().into_iter().find(|entry| entry.id == id).unwrap_or_else(|| panic!("docs/OPERATING.md has no entry {id}"))
}

impl Entry {
    fn of(text: &str) -> Self {
        let heading = text.lines().next().expect("a heading");
        let (id, _) = heading.split_once(": ").unwrap_or_else(|| panic!("{heading}: expected an id and a colon"));
        let quoted = |line: &str| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<String>>();
        let metric = text.lines().find(|line| line.starts_with(PARTS[1])).unwrap_or_default();
        let (metrics, alerts) = quoted(metric).into_iter().partition(|name| name.starts_with("alb_auth_"));
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        Self {
            id: id.to_owned(),
            metrics,
            lines: blocks(text, "text").iter().flat_map(|block| block.lines()).map(str::to_owned).collect(),
            alerts,
            anchor: kept.map(|c| if c == ' ' { '-' } else { c }).collect(),
            text: text.to_owned(),
        }
    }

    /// What an entry has to have and this one has not.
    pub fn gaps(&self) -> Vec<&'static str> {
        let missing =
            |part: &&str| !self.text.lines().any(|line| line.starts_with(part.trim_end()) && line.len() > part.len());
        let mut gaps: Vec<&str> = PARTS.into_iter().filter(missing).collect();
        if self.lines.is_empty() {
            gaps.push("a line of the log");
        }
        if self.metrics.is_empty() && !self.text.contains("\n- **Metric**: none") {
            gaps.push("a metric, or none");
        }
        gaps
    }

    /// Whether its lines are logged at a level that is off unless it is set.
    pub fn is_at_debug(&self) -> bool {
        self.lines.iter().any(|line| line.starts_with("DEBUG "))
    }

    /// That the log and the metrics are as the entry has them.
    #[track_caller]
    pub fn assert_seen(&self, log: &str, metrics: &str) {
        for line in &self.lines {
            assert!(self.is_logged(line, log), "{}: expected the line\n{line}\nin the log:\n{log}", self.id);
        }
        for metric in &self.metrics {
            let counted =
                metrics.lines().filter_map(|line| line.strip_prefix(metric.as_str())?.trim().parse::<f64>().ok());
            let counted: Vec<f64> = counted.collect();
            assert!(counted.iter().any(|value| *value >= 1.0), "{}: {metric} is {counted:?} in:\n{metrics}", self.id);
        }
    }

    /// Whether all lines of the entry are in the log.
    pub fn has_logged(&self, log: &str) -> bool {
        self.lines.iter().all(|line| self.is_logged(line, log))
    }

    fn is_logged(&self, line: &str, log: &str) -> bool {
        log.lines().any(|logged| matches(line, &plain(logged)))
    }
}

/// The line without its time and its spans: `2026-11-30T09:21:17.474911Z  WARN request{method=GET}: tower_alb_auth: ...`.
fn plain(line: &str) -> String {
    let (time, rest) = line.split_once(char::is_whitespace).unwrap_or_default();
    let line = if time.ends_with('Z') { rest.trim_start() } else { line };
    let (level, rest) = line.split_once(' ').unwrap_or((line, ""));
    let event = rest
        .find("}: tower_alb_auth")
        .and_then(|end| rest.get(end..))
        .map_or(rest, |rest| rest.trim_start_matches("}: "));
    format!("{level} {event}")
}

/// Whether a line has this form, in which `...` stands for any text.
fn matches(form: &str, line: &str) -> bool {
    let mut parts = form.split("...");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn a_line_of_another_form_is_not_the_line_of_the_entry() {
    assert!(matches("WARN a: ...", "WARN a: b"));
    assert!(matches("WARN a: ... kind=\"x\"", "WARN a: b kind=\"x\""));
    assert!(!matches("WARN a: ... kind=\"x\"", "WARN a: b kind=\"y\""));
    assert!(!matches("WARN a: b", "WARN a: b and more"));
    assert!(!matches("WARN a: b ... c ... d", "WARN a: b d"));
    assert!(!matches("WARN a: ...", "INFO a: b"));
    let spans = "request{method=GET}:alb_auth{cache=\"miss\"}: ";
    for in_front in ["", "2026-11-30T09:21:17.474911Z  "] {
        for spans in ["", spans] {
            assert_eq!(plain(&format!("{in_front}WARN {spans}tower_alb_auth: b")), "WARN tower_alb_auth: b");
        }
    }
}
