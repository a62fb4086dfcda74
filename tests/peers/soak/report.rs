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

/// How often each message was logged, by replica. Numbers, and what is quoted, do not make another message.
pub fn messages(site: &Site) -> BTreeMap<(Target, String), usize> {
    let mut counted = BTreeMap::new();
    for (target, lines) in site.logs() {
        for line in lines {
            *counted.entry((target, message(&line))).or_default() += 1;
        }
    }
    counted
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
    logged: &BTreeMap<(Target, String), usize>,
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
    for (kind, refused) in &sums.refused {
        println!("| {kind} | {refused} |");
    }
    println!("| admitted, or another status | {} |", sums.admitted.len());
    println!(
        "\n| resident memory, MiB | at the start | third quarter | last quarter | highest |\n|---|---|---|---|---|"
    );
    for (target, of) in memory {
        let [a, b, c, d] = of.map(|bytes| bytes as f64 / 1024.0 / 1024.0);
        println!("| {target:?} | {a:.1} | {b:.1} | {c:.1} | {d:.1} |");
    }
    println!("\n| log lines | replica | message |\n|---|---|---|");
    let mut logged: Vec<_> = logged.iter().collect();
    logged.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for ((target, message), count) in logged {
        println!("| {count} | {target:?} | {message} |");
    }
}
