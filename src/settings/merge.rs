//! A later file over an earlier one.

use super::{Node, Positions, Value};

/// Objects are merged member by member; anything else replaces what was there, but for a variable that is not set, which
/// counts as not there.
pub(crate) fn merge(earlier: Node, later: Node) -> Node {
    match (earlier.value, later.value) {
        (Value::Object(mut members), Value::Object(over)) => {
            let mut positions = Positions::default();
            members.iter().enumerate().for_each(|(position, (name, _))| positions.add(name.clone(), position));
            for (name, node) in over {
                match positions.of(&name).and_then(|position| members.get_mut(position)) {
                    Some((_, held)) => {
                        let below = std::mem::replace(held, Node::empty());
                        *held = merge(below, node);
                    }
                    None => {
                        positions.add(name.clone(), members.len());
                        members.push((name, node));
                    }
                }
            }
            Node { value: Value::Object(members), origin: later.origin }
        }
        (value, Value::Unset(_)) => Node { value, origin: earlier.origin },
        (_, value) => Node { value, origin: later.origin },
    }
}
