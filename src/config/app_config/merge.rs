//! A later file over an earlier one.

use super::node::{Node, Value};

/// Objects are merged member by member; anything else replaces what was there, but for a variable that is not set, which
/// counts as not there.
pub(super) fn merge(earlier: Node, later: Node) -> Node {
    match (earlier.value, later.value) {
        (Value::Object(mut members), Value::Object(over)) => {
            for (name, node) in over {
                match members.iter_mut().find(|(held, _)| *held == name) {
                    Some((_, held)) => {
                        let below = std::mem::replace(held, Node::empty());
                        *held = merge(below, node);
                    }
                    None => members.push((name, node)),
                }
            }
            Node { value: Value::Object(members), origin: later.origin }
        }
        (value, Value::Unset(_)) => Node { value, origin: earlier.origin },
        (_, value) => Node { value, origin: later.origin },
    }
}
