//! The field that a validation is about, where the expression leaves no doubt.

use serde_json::Value as Json;

use crate::node::Node;
use crate::value::Value;

/// RFC 6901: the one field of the object that an expression asks for, as far as it is there;
/// empty if it asks for several.
pub fn field(node: &Node, object: &Json) -> String {
    let mut asked = Vec::new();
    collect(node, &mut asked);
    let longest = asked.iter().max_by_key(|it| it.len());
    let Some(longest) = longest.filter(|longest| asked.iter().all(|it| longest.starts_with(it)))
    else {
        return String::new();
    };
    let mut pointer = String::new();
    for name in longest {
        let name = name.replace('~', "~0").replace('/', "~1");
        let deeper = format!("{pointer}/{name}");
        if object.pointer(&deeper).is_none() {
            break;
        }
        pointer = deeper;
    }
    pointer
}

/// Fields of `object`, each as the names on the way to it.
fn collect(node: &Node, into: &mut Vec<Vec<String>>) {
    if let Some(path) = path(node) {
        into.push(path);
        return;
    }
    match node {
        Node::Literal(_) | Node::Name(_) => {}
        // Which fields a variable asks for is not looked into.
        Node::Variable(name) => into.push(vec![format!("\0{name}")]),
        Node::Select(of, _) | Node::Has(of, _) | Node::Not(of) | Node::Negate(of) => {
            collect(of, into);
        }
        Node::Index(of, at) | Node::OptionalIndex(of, at) | Node::Binary(_, of, at) => {
            collect(of, into);
            collect(at, into);
        }
        Node::And(parts) | Node::Or(parts) | Node::Call(_, parts) => {
            parts.iter().for_each(|it| collect(it, into));
        }
        Node::Conditional(parts) => parts.iter().for_each(|it| collect(it, into)),
        Node::List(items) => items.iter().for_each(|(it, _)| collect(it, into)),
        Node::Map(entries) => entries.iter().for_each(|(key, value, _)| {
            collect(key, into);
            collect(value, into);
        }),
        Node::Structure(_, fields) => fields.iter().for_each(|(_, it, _)| collect(it, into)),
        Node::Loop(it) => {
            collect(&it.range, into);
            it.condition.iter().for_each(|it| collect(it, into));
            collect(&it.body, into);
        }
    }
}

fn path(node: &Node) -> Option<Vec<String>> {
    let deeper = |of: &Node, name: String| {
        let mut path = path(of)?;
        path.push(name);
        Some(path)
    };
    match node {
        Node::Name(name) if &**name == "object" => Some(Vec::new()),
        Node::Select(of, name) | Node::Has(of, name) => deeper(of, name.to_string()),
        Node::Index(of, at) | Node::OptionalIndex(of, at) => match &**at {
            Node::Literal(Value::String(name)) => deeper(of, name.to_string()),
            Node::Literal(Value::Int(index)) => deeper(of, index.to_string()),
            _ => None,
        },
        _ => None,
    }
}
