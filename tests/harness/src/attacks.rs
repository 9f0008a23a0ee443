//! Components that attack their host in ways that no compiler of an honest language makes: written
//! as WebAssembly text around the contract's own interfaces.

use anyhow::{Context as _, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::root;

/// Where the text of the description is, and how long its parts are.
const TEXTS: [(u32, &str); 5] = [
    (4096, "attack"),
    (4112, "0.1.0"),
    (4128, "Attacks."),
    (4144, "told"),
    (4160, r#"{"type":"object"}"#),
];
/// The description, its rule, an answer, one finding, tags.
const DESCRIPTION: u32 = 1024;
const RULE: u32 = 1088;
const ANSWER: u32 = 1152;
const FINDINGS: u32 = 65_536;
const TAGS: u32 = 1 << 20;
/// What `validate` takes, as the canonical ABI flattens it, and which of these is where the
/// settings are.
pub const PARAMETERS: usize = 15;
const SETTINGS: usize = 9;
/// 64 KiB of `x`.
const LONG: u32 = 131_072;

/// One of them: a component that has the contract's shape.
pub struct Attack {
    pub name: &'static str,
    pub component: Vec<u8>,
}

/// What a core module does when it is asked to validate, and what it has besides.
#[derive(Default)]
struct Module {
    imports: String,
    /// Memories, tables, globals, functions, a start function.
    parts: String,
    /// Ends with the address of the answer.
    validate: String,
    realloc: Option<&'static str>,
    /// After the answer was read.
    after: Option<&'static str>,
    findings: Vec<Finding>,
    /// How many findings the answer claims to have.
    claimed: Option<u32>,
}

struct Finding {
    message: (u32, u32),
    tags: (u32, u32),
}

impl Default for Finding {
    fn default() -> Self {
        Self {
            message: (4128, 8),
            tags: (0, 0),
        }
    }
}

fn words(words: &[u32]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    bytes.map(|byte| format!("\\{byte:02x}")).collect()
}

impl Module {
    fn text(&self) -> String {
        let place = |index: usize| [TEXTS[index].0, TEXTS[index].1.len() as u32];
        let (name, version, summary) = (place(0), place(1), place(2));
        let (rule, schema) = (place(3), place(4));
        let description = [&name[..], &version, &summary, &[RULE, 1], &schema, &[0, 0]].concat();
        let findings: String = self
            .findings
            .iter()
            .map(|finding| {
                let message = [finding.message.0, finding.message.1];
                let tags = [finding.tags.0, finding.tags.1];
                // Rule, severity, message, no object, no field, no proposal, tags.
                words(&[&rule[..], &[1], &message, &[0; 8], &tags].concat())
            })
            .collect();
        let count = self.claimed.unwrap_or(self.findings.len() as u32);
        let mut data = format!(
            "(data (i32.const {DESCRIPTION}) \"{}\")\n(data (i32.const {RULE}) \"{}\")\n(data (i32.const {ANSWER}) \"{}\")\n(data (i32.const {FINDINGS}) \"{findings}\")\n",
            words(&description),
            words(&[rule, summary].concat()),
            words(&[0, FINDINGS, count]),
        );
        for (at, text) in TEXTS {
            let text = text.replace('"', "\\22");
            data.push_str(&format!("(data (i32.const {at}) \"{text}\")\n"));
        }
        let parameters = "i32 ".repeat(PARAMETERS);
        let Self {
            imports,
            parts,
            validate,
            ..
        } = self;
        let realloc = self.realloc.unwrap_or(
            "(local.set 0 (global.get $free))
            (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 7)) (i32.const -8)))
            (local.get 0)",
        );
        let after = self.after.map_or(String::new(), |body| {
            format!(
                "(func (export \"cabi_post_trimtab:plugin/validate@0.1.0#validate\") (param i32) {body})"
            )
        });
        format!(
            "(module {imports}
            (memory (export \"memory\") 160)
            (global $free (mut i32) (i32.const 8388608))
            {parts}
            {data}
            (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) {realloc})
            (func (export \"trimtab:plugin/describe@0.1.0#describe\") (result i32) (i32.const {DESCRIPTION}))
            (func (export \"trimtab:plugin/validate@0.1.0#validate\") (param {parameters}) (result i32)
                (local $n i32)
                {validate})
            {after})"
        )
    }

    fn component(&self) -> Result<Vec<u8>> {
        let wit = std::fs::read_to_string(root().join("wit/plugin.wit"))?;
        encoded(&self.text(), &wit, "validator")
    }
}

/// A core module's text as a component of one of the worlds of a contract.
pub(crate) fn encoded(text: &str, wit: &str, world: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("plugin.wit", wit)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut module = wat::parse_str(text).context("the module's own text")?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .module(&module)?
        .validate(true)
        .encode()
}

/// An honest component that is built for a version of the contract: it has one finding, and does
/// the same on every machine, to the unit of fuel. `parameters` are those of its `validate`, as
/// the canonical ABI flattens them.
pub fn built_for(version: &str, wit: &str, parameters: usize) -> Result<Vec<u8>> {
    let module = answering(vec![Finding::default()]).text();
    let module = module
        .replace("@0.1.0", &format!("@{version}"))
        .replace(&"i32 ".repeat(PARAMETERS), &"i32 ".repeat(parameters));
    encoded(&module, wit, "validator")
}

/// A component that answers with bytes which the text at the beginning of its settings decides:
/// sixteen digits or so, for as many answers as one likes.
pub fn arbitrary() -> Result<Vec<u8>> {
    // An xorshift, whose words are cut to all sizes: small ones are lengths and addresses.
    let word = "(local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (i32.store (local.get $n) (i32.shr_u (i32.wrap_i64 (local.get $x))
            (i32.wrap_i64 (i64.shr_u (local.get $x) (i64.const 59)))))
        (local.set $n (i32.add (local.get $n) (i32.const 4)))";
    let fill = |name: &str, from: u32, to: u32| {
        format!(
            "(local.set $n (i32.const {from}))
            (loop ${name} {word} (br_if ${name} (i32.lt_u (local.get $n) (i32.const {to}))))"
        )
    };
    let module = Module {
        validate: format!(
            "(local $x i64)
            (local.set $x (i64.or (i64.const 1) (i64.load (i32.add (local.get {SETTINGS}) (i32.const 6)))))
            {} {}
            (i32.store8 (i32.const {ANSWER}) (i32.and (i32.wrap_i64 (local.get $x)) (i32.const 1)))
            (if (i64.gt_u (local.get $x) (i64.const 0x4000000000000000)) (then
                (i32.store (i32.const {}) (i32.const {FINDINGS}))
                (i32.store (i32.const {}) (i32.and (i32.wrap_i64 (local.get $x)) (i32.const 15)))))
            (i32.const {ANSWER})",
            fill("answer", ANSWER, ANSWER + 64),
            fill("findings", FINDINGS, FINDINGS + 4096),
            ANSWER + 4,
            ANSWER + 8,
        ),
        ..Module::default()
    };
    module.component()
}

fn answering(findings: Vec<Finding>) -> Module {
    Module {
        validate: format!("(i32.const {ANSWER})"),
        findings,
        ..Module::default()
    }
}

fn doing(validate: &str) -> Module {
    Module {
        validate: format!("{validate} (i32.const {ANSWER})"),
        ..Module::default()
    }
}

fn with(parts: &str) -> Module {
    Module {
        parts: parts.into(),
        ..answering(Vec::new())
    }
}

fn filled(at: u32, bytes: u32, with: u8) -> String {
    format!("(memory.fill (i32.const {at}) (i32.const {with}) (i32.const {bytes}))")
}

/// All of them.
pub fn all() -> Result<Vec<Attack>> {
    // Findings whose tags are all the same list, whose texts are all the same text: 131 GB that
    // take 2 MB of the guest's memory.
    let aliased = |_| Finding {
        tags: (TAGS, 1_000),
        ..Finding::default()
    };
    let aliased = Module {
        validate: format!(
            "{} (loop $next
                (i32.store (i32.add (i32.const {TAGS}) (i32.mul (local.get $n) (i32.const 8))) (i32.const {LONG}))
                (i32.store (i32.add (i32.const {}) (i32.mul (local.get $n) (i32.const 8))) (i32.const 65536))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $n) (i32.const 2000))))
            (i32.const {ANSWER})",
            filled(LONG, 65_536, b'x'),
            TAGS + 4,
        ),
        ..answering((0..1_000).map(aliased).collect())
    };
    let message = |at, length| {
        let message = (at, length);
        answering(vec![Finding {
            message,
            ..Finding::default()
        }])
    };
    let not_utf8 = Module {
        validate: format!("{} (i32.const {ANSWER})", filled(LONG, 16, 0xff)),
        ..message(LONG, 16)
    };
    // Says `Attacks.` if a NaN has the bits that the specification calls canonical, else nothing.
    let nan = "(i32.store (i32.const 65552) (select (i32.const 8) (i32.const 0) (i64.eq
        (i64.reinterpret_f64 (f64.mul (f64.reinterpret_i64 (i64.const 0xfff4000000000007)) (f64.const 1)))
        (i64.const 0x7ff8000000000000))))";
    let nan = Module {
        validate: format!("{nan} (i32.const {ANSWER})"),
        ..answering(vec![Finding::default()])
    };
    let flood = Module {
        imports: "(import \"trimtab:plugin/log@0.1.0\" \"log\" (func $log (param i32 i32 i32)))"
            .into(),
        ..doing(&format!(
            "{} (loop $again (call $log (i32.const 0) (i32.const {LONG}) (i32.const 65536)) (br $again))",
            filled(LONG, 65_536, b'x')
        ))
    };
    let spin = "(loop $again (br $again))";
    let attacks = [
        ("aliased-lists", aliased),
        ("huge-string", message(LONG, 0x7fff_fff0)),
        ("string-over-the-edge", message(160 * 65_536 - 4, 8)),
        ("bad-utf-8", not_utf8),
        (
            "many-findings-claimed",
            Module {
                claimed: Some(0x0fff_ffff),
                ..answering(Vec::new())
            },
        ),
        (
            "answer-out-of-memory",
            Module {
                validate: "(i32.const -16)".into(),
                ..Module::default()
            },
        ),
        (
            "answer-askew",
            Module {
                validate: "(i32.const 1153)".into(),
                ..Module::default()
            },
        ),
        ("nan", nan),
        ("log-flood", flood),
        ("many-tables", with(&"(table 10 funcref)".repeat(64))),
        ("large-table", with("(table 10000000 funcref)")),
        (
            "growing-table",
            Module {
                parts: "(table $t 1 funcref)".into(),
                ..doing(
                    "(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 1000))))) (unreachable)",
                )
            },
        ),
        (
            "start-spins",
            with("(func $spin (loop $again (br $again))) (start $spin)"),
        ),
        (
            "realloc-spins",
            Module {
                realloc: Some("(loop $again (br $again)) (i32.const 0)"),
                ..answering(Vec::new())
            },
        ),
        (
            "realloc-out-of-memory",
            Module {
                realloc: Some("(i32.const 0x7ffffff0)"),
                ..answering(Vec::new())
            },
        ),
        (
            "realloc-askew",
            Module {
                realloc: Some("(i32.const 8388609)"),
                ..answering(Vec::new())
            },
        ),
        (
            "after-spins",
            Module {
                after: Some(spin),
                ..answering(Vec::new())
            },
        ),
        (
            "memory-filled-over-and-over",
            doing(&format!(
                "(loop $again {} (br $again))",
                filled(0, 160 * 65_536, 1)
            )),
        ),
    ];
    attacks
        .into_iter()
        .map(|(name, module)| {
            let component = module
                .component()
                .with_context(|| format!("the attack {name}"))?;
            Ok(Attack { name, component })
        })
        .collect()
}
