//! Merging of files.

use super::{Node, Positions, Value};

/// A later file over an earlier one, as Backstage's reader finds values in a chain of files:
///
/// | later | earlier | result |
/// |---|---|---|
/// | object | object | merged member by member |
/// | object | null, or another value | the object; the other value is kept as [`Node::below`], since Backstage fails at it |
/// | a variable that is not set | any | the earlier value |
/// | null | any | null, which counts as absent and hides what stands below, except from an object of a still later file |
/// | another value | any | the later value |
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
            let below = earlier.below.or(later.below);
            Node { value: Value::Object(members), origin: later.origin, below, unset: later.unset.or(earlier.unset) }
        }
        (value @ Value::Unset(_), Value::Unset(_)) => Node { value, origin: earlier.origin, below: None, unset: None },
        (value, Value::Unset(variable)) => {
            Node { value, origin: earlier.origin, below: earlier.below, unset: Some((variable, later.origin)) }
        }
        (Value::Null, value @ Value::Object(_)) => {
            Node { value, origin: later.origin, below: earlier.below, unset: later.unset }
        }
        (Value::Null | Value::Object(_), Value::Null) => {
            Node { value: Value::Null, origin: later.origin, below: earlier.below, unset: None }
        }
        (Value::Null | Value::Unset(_) | Value::Object(_), value) => Node::new(value, later.origin),
        (value, Value::Null) => {
            let kind = Node::new(value, earlier.origin.clone()).kind();
            Node { value: Value::Null, origin: later.origin, below: Some((kind, earlier.origin)), unset: None }
        }
        (value, over @ Value::Object(_)) => {
            let kind = Node::new(value, earlier.origin.clone()).kind();
            Node { value: over, origin: later.origin, below: Some((kind, earlier.origin)), unset: later.unset }
        }
        (_, value) => Node::new(value, later.origin),
    }
}
