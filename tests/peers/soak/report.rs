//! Memory, log lines, and the tables that a run prints.

use std::{collections::BTreeMap, fs, sync::Mutex, time::Duration};

use serde_json::Value;

use super::{
    ledger::{Sums, Target},
    site::Site,
};

/// Bytes of resident memory by process, a sample a second.
#[derive(Default)]
pub struct Memory(Mutex<BTreeMap<(Target, u32), Vec<u64>>>);

impl Memory {
    pub fn sample(&self, site: &Site) {
        for (target, id) in site.processes() {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
            if let Some(kib) = kib {
                self.0.lock().unwrap().entry((target, id)).or_default().push(kib * 1024);
            }
        }
    }

    /// Of the processes that ran all the time: the first sample, the median of the third quarter and of the last one, the highest.
    pub fn of(&self, samples: usize) -> Vec<(Target, [u64; 4])> {
        let median = |part: &[u64]| {
            let mut sorted = part.to_vec();
            sorted.sort_unstable();
            sorted[sorted.len() / 2]
        };
        let memory = self.0.lock().unwrap();
        let whole = memory.iter().filter(|(_, of)| of.len() + 2 >= samples && of.len() >= 4);
        whole
            .map(|((target, _), of)| {
                let (half, last) = (of.len() / 2, of.len() * 3 / 4);
                let highest = *of.iter().max().expect("not empty");
                (*target, [of[0], median(&of[half..last]), median(&of[last..]), highest])
            })
            .collect()
    }
}

/// The window of the limit for log lines, in seconds.
const WINDOW: f64 = 10.0;
const DAY: f64 = 86_400.0;

/// The lines of one message.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines {
    pub all: usize,
    /// The most within [`WINDOW`], of one process.
    pub most: usize,
}

/// How often each message was logged, by replica. Numbers, and what is quoted, do not make another message.
pub fn messages(site: &Site) -> BTreeMap<(Target, String), Lines> {
    let mut counted: BTreeMap<(Target, String), Lines> = BTreeMap::new();
    for (target, log) in site.logs() {
        for (message, times) in times(&log) {
            let lines = counted.entry((target, message)).or_default();
            lines.all += times.len();
            lines.most = lines.most.max(most(&times));
        }
    }
    counted
}

/// When each message of one process was logged, in seconds. A line without a time has that of the line before.
fn times(log: &[String]) -> BTreeMap<String, Vec<f64>> {
    let (mut found, mut last, mut days) = (BTreeMap::<String, Vec<f64>>::new(), 0.0, 0.0);
    for line in log {
        if let Some(time) = time_of_day(line) {
            // Lines of two threads can change places, but not by hours.
            days += if time + days * DAY < last - DAY / 2.0 { 1.0 } else { 0.0 };
            last = time + days * DAY;
        }
        found.entry(message(line)).or_default().push(last);
    }
    found
}

/// Of `2026-11-30T13:09:00.25Z`.
fn time_of_day(line: &str) -> Option<f64> {
    let line: Value = serde_json::from_str(line).ok()?;
    let (_, time) = line["timestamp"].as_str()?.strip_suffix('Z')?.split_once('T')?;
    let parts: Vec<f64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = *parts else { return None };
    Some(hours * 3_600.0 + minutes * 60.0 + seconds)
}

fn most(times: &[f64]) -> usize {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let within = |(at, time): (usize, &f64)| sorted[at..].iter().take_while(|other| **other < time + WINDOW).count();
    sorted.iter().enumerate().map(within).max().unwrap_or_default()
}

fn message(line: &str) -> String {
    let text = match serde_json::from_str::<Value>(line) {
        Ok(line) => {
            let message = line["message"].as_str().or(line["fields"]["message"].as_str()).unwrap_or_default();
            format!("{} {message}", line["level"].as_str().unwrap_or_default())
        }
        Err(_) => line.to_owned(),
    };
    // What differs from line to line are words with a number in them: addresses, kids, counts.
    let words =
        text.split_whitespace().map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
    words.take(16).collect::<Vec<_>>().join(" ")
}

pub fn print(
    seed: u64,
    ran: Duration,
    sums: &Sums,
    memory: &[(Target, [u64; 4])],
    logged: &BTreeMap<(Target, String), Lines>,
) {
    println!("soak: seed {seed}, {} s\n", ran.as_secs());
    println!("| fault | times | requests that got its status | longest recovery |\n|---|---|---|---|");
    for (fault, (times, failures, recovery)) in &sums.faults {
        println!("| {fault} | {times} | {failures} | {:.1} s |", recovery.as_secs_f64());
    }
    println!("\n| honest requests | served |\n|---|---|");
    for (target, served) in &sums.served {
        println!("| {target:?} | {served} |");
    }
    let served: usize = sums.served.values().sum();
    println!("| all | {served} |\n| with the status of a fault | {} |", sums.failed_in_windows);
    println!("| lost | {} |\n| for another user | {} |", sums.lost.len(), sums.wrong.len());
    println!("\n| hostile requests | refused |\n|---|---|");
    for ((kind, when), refused) in &sums.refused {
        println!("| {}, {when} | {refused} |", kind.name());
    }
    println!("| admitted, or another status | {} |", sums.admitted.len());
    println!("| without a response, in a fault | {} |", sums.broken_in_windows);
    println!("| without a response, unexplained | {} |", sums.unexplained.len());
    println!(
        "\n| resident memory, MiB | at the start | third quarter | last quarter | highest |\n|---|---|---|---|---|"
    );
    for (target, of) in memory {
        let [a, b, c, d] = of.map(|bytes| bytes as f64 / 1024.0 / 1024.0);
        println!("| {target:?} | {a:.1} | {b:.1} | {c:.1} | {d:.1} |");
    }
    println!("\n| log lines | within 10 s | replica | message |\n|---|---|---|---|");
    let mut logged: Vec<_> = logged.iter().collect();
    logged.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((target, message), count) in logged {
        println!("| {} | {} | {target:?} | {message} |", count.all, count.most);
    }
}

#[test]
fn lines_of_a_message_are_counted_within_any_ten_seconds() {
    let line =
        |time: &str, text: &str| format!(r#"{{"timestamp":"2026-11-30T{time}Z","level":"WARN","message":"{text}"}}"#);
    let log = [
        line("23:59:50.0", "one"),
        line("23:59:59.5", "one"),
        line("23:59:59.9", "two"),
        line("00:00:00.1", "one"),
        "a line without a time".to_owned(),
        line("00:00:10.0", "one"),
    ];
    let times = times(&log);
    assert_eq!(times["WARN one"].len(), 4);
    assert_eq!((most(&times["WARN one"]), most(&times["WARN two"])), (2, 1));
    let burst: Vec<f64> = (0..30).map(|at| f64::from(at) * 0.1).collect();
    assert_eq!((most(&burst), most(&[])), (30, 0));
}
