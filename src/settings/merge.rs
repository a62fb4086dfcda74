//! Merging of files.

use super::{Node, Positions, Value};

/// A later file over an earlier one. Objects are merged member by member; any other value replaces the earlier one, except a
/// variable that is not set, which counts as absent.
pub(crate) fn merge(earlier: Node, later: Node) -> Node {
    match (earlier.value, later.value) {
        (Value::Object(mut members), Value::Object(over)) => {
            let mut positions = Positions::<str>::default();
            members.iter().enumerate().for_each(|(position, (name, _))| positions.add(name.clone().into(), position));
            for (name, node) in over {
                match positions.of(&name).and_then(|position| members.get_mut(position)) {
                    Some((_, held)) => {
                        let below = std::mem::replace(held, Node::empty());
                        *held = merge(below, node);
                    }
                    None => {
                        positions.add(name.clone().into(), members.len());
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
