//! Expressions of CEL: parsed by the cel crate, which only this folder names, and made a tree that
//! the API server's compiler would take as well: no function and no variable that it does not know.

mod macros;

use std::rc::Rc;

use cel::common::ast::operators as op;
use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SelectExpr, StructExpr,
};
use cel::parser::PrattParser;

use crate::functions;
use crate::node::{Node, Operator, Sort};
use crate::value::Value;

/// Levels of an expression. The API server takes 250; a guest's stack is smaller.
const DEPTH: u16 = 120;

/// Whether brackets and signs nest so deep that reading them would take too much of the stack.
fn too_deep(text: &str) -> bool {
    let (mut open, mut signs) = (0u16, 0u16);
    text.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'!' | b'-' | b'?' => signs += 1,
            _ => {}
        }
        open > DEPTH || signs > 10 * DEPTH
    })
}

/// Types that an expression may name.
const TYPES: [&str; 19] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "optional_type",
    "net.IP",
    "net.CIDR",
    "kubernetes.URL",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "kubernetes.NamedFormat",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
];

/// What an expression may name.
pub struct Scope<'s> {
    /// `object`, `request` and their like.
    pub names: &'s [&'s str],
    /// What may stand after `variables.`; none where the API server has no `variables`.
    pub variables: Option<&'s [String]>,
    /// Whether there are `Object{…}` and `JSONPatch{…}`.
    pub patches: bool,
}

/// Parses a text.
///
/// # Errors
/// What is wrong with it, in words that can stand after its place.
pub fn parse(text: &str, scope: &Scope<'_>) -> Result<Node, String> {
    if too_deep(text) {
        return Err(format!("the expression has more than {DEPTH} levels"));
    }
    let parser = PrattParser::new()
        .max_recursion_depth(DEPTH)
        .error_recovery_limit(1)
        .error_reporting_limit(1)
        .enable_optional_syntax(true)
        .enable_ident_escape_syntax(true);
    let tree = parser.parse(text).map_err(|errors| {
        // Those without a place are about the reading itself.
        let placed = errors.errors.iter().find(|it| it.pos.0 > 0);
        let first = placed.or(errors.errors.first());
        let words = first.map_or("it cannot be read", |it| it.msg.as_str());
        let (line, column) = first.map_or((1, 1), |it| it.pos);
        format!("this is no CEL, at line {line}, character {column}: {words}")
    })?;
    let mut reader = Reader {
        scope,
        around: Vec::new(),
        depth: 0,
    };
    reader.node(tree)
}

struct Reader<'s> {
    scope: &'s Scope<'s>,
    /// Variables of the loops around.
    around: Vec<Rc<str>>,
    depth: u16,
}

type Read = Result<Node, String>;

impl Reader<'_> {
    fn node(&mut self, tree: IdedExpr) -> Read {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(format!("the expression has more than {DEPTH} levels"));
        }
        let node = match tree.expr {
            Expr::Literal(literal) => Ok(Node::Literal(value(literal))),
            Expr::Ident(name) => self.name(&name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Struct(structure) => self.structure(structure),
            Expr::Comprehension(it) => self.comprehension(*it),
            Expr::Unspecified => Err("there is an empty place in the expression".into()),
        };
        self.depth -= 1;
        node
    }

    fn boxed(&mut self, tree: IdedExpr) -> Result<Box<Node>, String> {
        self.node(tree).map(Box::new)
    }

    fn nodes(&mut self, trees: Vec<IdedExpr>) -> Result<Vec<Node>, String> {
        trees.into_iter().map(|it| self.node(it)).collect()
    }

    fn name(&self, name: &str) -> Read {
        let name = name.trim_start_matches('.');
        if self.bound(name) || self.scope.names.contains(&name) {
            return Ok(Node::Name(name.into()));
        }
        if TYPES.contains(&name) {
            return Ok(Node::Literal(Value::Type(name.into())));
        }
        Err(format!(
            "undeclared reference to {name:?}; there are {}",
            self.scope.names.join(", ")
        ))
    }

    fn bound(&self, name: &str) -> bool {
        self.around.iter().any(|it| &**it == name)
    }

    fn select(&mut self, select: SelectExpr) -> Read {
        if let Some(name) = dotted(&select)
            && TYPES.contains(&name.as_str())
        {
            return Ok(Node::Literal(Value::Type(name.into())));
        }
        let field: Rc<str> = select.field.into();
        if let Some(variables) = self.of_variables(&select.operand) {
            if !variables.iter().any(|it| **it == *field) {
                return Err(format!(
                    "undefined field {field:?}: variables has none of that name before this place"
                ));
            }
            // What is declared is there.
            return Ok(match select.test {
                true => Node::Literal(Value::Bool(true)),
                false => Node::Variable(field),
            });
        }
        let operand = self.boxed(*select.operand)?;
        Ok(match select.test {
            true => Node::Has(operand, field),
            false => Node::Select(operand, field),
        })
    }

    fn of_variables(&self, operand: &IdedExpr) -> Option<&[String]> {
        match &operand.expr {
            Expr::Ident(name) if name == "variables" && !self.bound(name) => self.scope.variables,
            _ => None,
        }
    }

    fn list(&mut self, list: ListExpr) -> Read {
        let optional = list.optional_indices;
        let items = list.elements.into_iter().enumerate();
        let items = items.map(|(index, it)| Ok((self.node(it)?, optional.contains(&index))));
        Ok(Node::List(items.collect::<Result<_, String>>()?))
    }

    fn map(&mut self, map: MapExpr) -> Read {
        let mut entries = Vec::new();
        for entry in map.entries {
            if let EntryExpr::MapEntry(it) = entry.expr {
                entries.push((self.node(it.key)?, self.node(it.value)?, it.optional));
            }
        }
        Ok(Node::Map(entries))
    }

    fn structure(&mut self, structure: StructExpr) -> Read {
        let name = structure.type_name.trim_start_matches('.');
        let known = name == "JSONPatch" || name == "Object" || name.starts_with("Object.");
        if !known || !self.scope.patches {
            return Err(format!("undeclared reference to {name:?}"));
        }
        let mut fields = Vec::new();
        for entry in structure.entries {
            if let EntryExpr::StructField(it) = entry.expr {
                fields.push((it.field.into(), self.node(it.value)?, it.optional));
            }
        }
        let wrong =
            |it: &&(Rc<str>, Node, bool)| !["op", "path", "from", "value"].contains(&&*it.0);
        if name == "JSONPatch"
            && let Some((field, ..)) = fields.iter().find(wrong)
        {
            return Err(format!("undefined field {field:?} of JSONPatch"));
        }
        Ok(Node::Structure(name.into(), fields))
    }

    fn call(&mut self, call: CallExpr) -> Read {
        let name = call.func_name;
        if let Some(operator) = operator(&name) {
            let (one, other) = two(self.nodes(call.args)?)?;
            return Ok(Node::Binary(operator, Box::new(one), Box::new(other)));
        }
        match name.as_str() {
            op::LOGICAL_AND | op::LOGICAL_OR => {
                let mut parts = Vec::new();
                flat(&name, call.args, &mut parts);
                let parts = self.nodes(parts)?;
                return Ok(match name == op::LOGICAL_AND {
                    true => Node::And(parts),
                    false => Node::Or(parts),
                });
            }
            op::LOGICAL_NOT => return Ok(Node::Not(Box::new(one(self.nodes(call.args)?)?))),
            op::NEGATE => return Ok(Node::Negate(Box::new(one(self.nodes(call.args)?)?))),
            op::CONDITIONAL => {
                let parts: [Node; 3] = self
                    .nodes(call.args)?
                    .try_into()
                    .map_err(|_| "a conditional has three parts".to_owned())?;
                return Ok(Node::Conditional(Box::new(parts)));
            }
            op::INDEX | op::OPT_INDEX | op::OPT_SELECT => {
                let (of, at) = two(self.nodes(call.args)?)?;
                let (of, at) = (Box::new(of), Box::new(at));
                return Ok(match name == op::INDEX {
                    true => Node::Index(of, at),
                    false => Node::OptionalIndex(of, at),
                });
            }
            _ => {}
        }
        let count = call.args.len();
        let Some(target) = call.target else {
            functions::check(&name, false, count)?;
            return Ok(Node::Call(name.into(), self.nodes(call.args)?));
        };
        if let Expr::Ident(space) = &target.expr {
            let full = format!("{space}.{name}");
            if full == "jsonpatch.escapeKey" && !self.scope.patches {
                return Err(format!(
                    "undeclared reference to {full:?}: only mutations have it"
                ));
            }
            if functions::known(&full) {
                functions::check(&full, false, count)?;
                return Ok(Node::Call(full.into(), self.nodes(call.args)?));
            }
        }
        if let Some(sort) = Sort::of_macro(&name, count) {
            return self.looped(sort, *target, call.args);
        }
        functions::check(&name, true, count).map_err(|words| match &target.expr {
            // Such as a library that the API server has not.
            Expr::Ident(space) if self.name(space).is_err() => format!(
                "undeclared reference to {:?}: the API server has no such function",
                format!("{space}.{name}")
            ),
            _ => words,
        })?;
        let mut arguments = vec![self.node(*target)?];
        arguments.extend(self.nodes(call.args)?);
        Ok(Node::Call(name.into(), arguments))
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        op::ADD => Operator::Add,
        op::SUBSTRACT => Operator::Subtract,
        op::MULTIPLY => Operator::Multiply,
        op::DIVIDE => Operator::Divide,
        op::MODULO => Operator::Modulo,
        op::EQUALS => Operator::Equal,
        op::NOT_EQUALS => Operator::NotEqual,
        op::LESS => Operator::Less,
        op::LESS_EQUALS => Operator::LessOrEqual,
        op::GREATER => Operator::Greater,
        op::GREATER_EQUALS => Operator::GreaterOrEqual,
        op::IN => Operator::In,
        _ => return None,
    })
}

/// `a && (b && c)` as three parts: long chains are not deep.
fn flat(name: &str, parts: Vec<IdedExpr>, into: &mut Vec<IdedExpr>) {
    for part in parts {
        match part.expr {
            Expr::Call(call) if call.func_name == name => flat(name, call.args, into),
            expr => into.push(IdedExpr { id: part.id, expr }),
        }
    }
}

fn one(nodes: Vec<Node>) -> Read {
    nodes
        .into_iter()
        .next()
        .ok_or("an operand is missing".into())
}

fn two(nodes: Vec<Node>) -> Result<(Node, Node), String> {
    let pair: [Node; 2] = nodes
        .try_into()
        .map_err(|_| "an operand is missing".to_owned())?;
    Ok(pair.into())
}

fn dotted(select: &SelectExpr) -> Option<String> {
    let before = match &select.operand.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) => dotted(select)?,
        _ => return None,
    };
    (!select.test).then(|| format!("{before}.{}", select.field))
}

fn value(literal: LiteralValue) -> Value {
    match literal {
        LiteralValue::Boolean(it) => Value::Bool(*it),
        LiteralValue::Bytes(it) => Value::Bytes(it.inner().into()),
        LiteralValue::Double(it) => Value::Double(*it),
        LiteralValue::Int(it) => Value::Int(*it),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(it) => Value::text(it.inner()),
        LiteralValue::UInt(it) => Value::Uint(*it),
    }
}
