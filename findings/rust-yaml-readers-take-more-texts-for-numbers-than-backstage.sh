#!/usr/bin/env bash
# A value of Backstage's app-config.yaml that is a text to Backstage is a number to YAML readers of Rust: 0b101101, -0x1F.
#
# Backstage reads its files with `yaml` of npm, by the core schema of YAML 1.2. There an integer is decimal, 0o17 or 0x1F, the latter two
# without a sign (YAML 1.2.2, section 10.3.2), and everything else is a text. serde-saphyr and serde_yaml_ng take binary numbers and a sign
# before 0x as well, as YAML 1.1 did. A service in Rust beside Backstage that reads the same file so has another value for an
# unquoted name, id or token of that form: 45 for 0b101101.
#
# Versions:  yaml 2.9.1 on Node.js 20; serde-saphyr 2.2.0, serde_yaml_ng 0.10.0 on Rust 1.95, into serde_json's Value.
# Behaviour seen:
#
#                       0b101101      -0x1F      0X1F      0o17    0x1F
#   yaml                "0b101101"    "-0x1F"    "0X1F"    15      31
#   serde-saphyr        45            -31        "0X1F"    15      31
#   serde_yaml_ng       45            -31        "0X1F"    15      31
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs cargo, Node.js and npm; writes into a temporary folder alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >app-config.yaml <<'YAML'
binary: 0b101101
signed: -0x1F
capital: 0X1F
octal: 0o17
hex: 0x1F
YAML
cat >Cargo.toml <<'TOML'
[package]
name = "numbers-of-yaml"
version = "0.0.0"
edition = "2024"

[dependencies]
serde_json = "1"
serde-saphyr = "=2.2.0"
serde_yaml_ng = "=0.10.0"
TOML
cat >src/main.rs <<'RUST'
use std::collections::BTreeMap;

use serde_json::{Value, json};

type Members = BTreeMap<String, Value>;

fn show(name: &str, of: &Members) {
    let values = ["binary", "signed", "capital", "octal", "hex"].map(|key| &of[key]);
    println!("{name} {}", json!(values));
}

fn main() {
    let text = std::fs::read_to_string("app-config.yaml").expect("a file");
    show("serde-saphyr", &serde_saphyr::from_str(&text).expect("YAML"));
    show("serde_yaml_ng", &serde_yaml_ng::from_str(&text).expect("YAML"));
}
RUST
npm install --silent --no-audit --no-fund --no-save yaml@2.9.1
cat >read.cjs <<'JS'
const { readFileSync } = require('node:fs');
const of = require('yaml').parse(readFileSync('app-config.yaml', 'utf8'));
console.log('yaml', JSON.stringify(['binary', 'signed', 'capital', 'octal', 'hex'].map(key => of[key])));
JS
seen=$(node read.cjs && cargo run --quiet)
echo "$seen"
expected='yaml ["0b101101","-0x1F","0X1F",15,31]
serde-saphyr [45,-31,"0X1F",15,31]
serde_yaml_ng [45,-31,"0X1F",15,31]'
[ "$seen" = "$expected" ] || {
    echo "expected:"
    echo "$expected"
    exit 1
}
