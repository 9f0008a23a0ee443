//! Components that answer every question with bytes that they are told, for fuzzing: whatever the
//! canonical ABI can be handed comes to the host, texts that are no UTF-8 and addresses outside the
//! memory with it.

use anyhow::Result;

use crate::attacks::encoded;
use crate::root;

/// Where the answer is in the component's memory: its bytes from the first on.
pub const ANSWER: u32 = 65_536;
/// Most bytes of an answer that are told.
pub const MOST: usize = 8_192;
/// The text of the one rule that it declares, and its length: answers that name it are heard.
pub const RULE: (u32, u32) = (4_144, 4);

/// What the worlds of these components export besides `describe`.
const JUDGE: &str = "export validate; export validate-change; export referential;";
const TRANSFORMER: &str = "export transform; export validate;";

/// The name of each export's function, what it takes as the canonical ABI flattens it, and which
/// of these is where its settings are.
type Function = (&'static str, usize, usize);
const VALIDATE: Function = ("validate@0.1.0#validate", 15, 9);
const VALIDATE_CHANGE: Function = ("validate-change@0.1.0#validate-change", 15, 9);
const TRANSFORM: Function = ("transform@0.1.0#transform", 15, 9);
const VALIDATE_ALL: Function = ("referential@0.1.0#validate-all", 8, 2);

/// The settings that have it answer so.
pub fn settings(answer: &[u8]) -> String {
    let answer = &answer[..answer.len().min(MOST)];
    let hex: String = answer.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{\"answer\":\"{hex}\"}}")
}

/// Validates objects, changes, and several kits.
pub fn judge() -> Result<Vec<u8>> {
    component(JUDGE, &[VALIDATE, VALIDATE_CHANGE, VALIDATE_ALL])
}

/// Transforms, and validates then.
pub fn transformer() -> Result<Vec<u8>> {
    component(TRANSFORMER, &[TRANSFORM, VALIDATE])
}

fn component(exports: &str, functions: &[Function]) -> Result<Vec<u8>> {
    let wit = std::fs::read_to_string(root().join("wit/plugin.wit"))?;
    let wit = format!("{wit}\nworld mirror {{ import log; export describe; {exports} }}\n");
    encoded(&module(functions), &wit, "mirror")
}

fn module(functions: &[Function]) -> String {
    let functions: String = functions.iter().map(function).collect();
    let word = |word: u32| {
        let bytes = word.to_le_bytes();
        bytes.map(|byte| format!("\\{byte:02x}")).concat()
    };
    let words = |words: &[u32]| words.iter().map(|it| word(*it)).collect::<String>();
    // Name, version, summary, rules, schema, kinds.
    let description = words(&[4_096, 6, 4_112, 5, 4_128, 8, 1_088, 1, 4_160, 17, 4_180, 1]);
    let rule = words(&[RULE.0, RULE.1, 4_128, 8]);
    let kind = words(&[4_200, 6]);
    format!(
        r#"(module
        (memory (export "memory") 160)
        (global $free (mut i32) (i32.const 8388608))
        (data (i32.const 1024) "{description}")
        (data (i32.const 1088) "{rule}")
        (data (i32.const 4096) "mirror")
        (data (i32.const 4112) "0.1.0")
        (data (i32.const 4128) "Mirrors.")
        (data (i32.const 4144) "told")
        (data (i32.const 4160) "{{\22type\22:\22object\22}}")
        (data (i32.const 4180) "{kind}")
        (data (i32.const 4200) "Secret")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local.set 0 (global.get $free))
            (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 7)) (i32.const -8)))
            (local.get 0))
        (func $digit (param $at i32) (result i32)
            (local.set $at (i32.load8_u (local.get $at)))
            (i32.sub (local.get $at) (select (i32.const 87) (i32.const 48)
                (i32.gt_u (local.get $at) (i32.const 96)))))
        ;; The digits between `{{"answer":"` and `"}}`, as bytes.
        (func $answer (param $from i32) (param $length i32) (result i32)
            (local $to i32) (local $end i32)
            (local.set $to (i32.const {ANSWER}))
            (local.set $end (i32.sub (i32.add (local.get $from) (local.get $length)) (i32.const 2)))
            (local.set $from (i32.add (local.get $from) (i32.const 11)))
            (block $done (loop $next
                (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
                (i32.store8 (local.get $to) (i32.or
                    (i32.shl (call $digit (local.get $from)) (i32.const 4))
                    (call $digit (i32.add (local.get $from) (i32.const 1)))))
                (local.set $from (i32.add (local.get $from) (i32.const 2)))
                (local.set $to (i32.add (local.get $to) (i32.const 1)))
                (br $next)))
            (i32.const {ANSWER}))
        (func (export "trimtab:plugin/describe@0.1.0#describe") (result i32) (i32.const 1024))
        {functions})"#
    )
}

fn function((name, parameters, settings): &Function) -> String {
    let parameters = "i32 ".repeat(*parameters);
    let length = settings + 1;
    format!(
        r#"(func (export "trimtab:plugin/{name}") (param {parameters}) (result i32)
            (call $answer (local.get {settings}) (local.get {length})))
        "#
    )
}

/// Answers to begin with: findings with all that a finding has, settings that are refused, objects
/// that are made anew, and texts from where the host has put the objects.
pub fn answers() -> Vec<Vec<u8>> {
    const TEXT: u32 = ANSWER + 512;
    const LIST: u32 = ANSWER + 64;
    let object = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#;
    let field = "/data/word";
    let texts = format!("{field}{object}");
    let made = (TEXT + field.len() as u32, object.len() as u32);
    // What the canonical ABI's allocator hands out first.
    let given = 8_388_608;
    let finding = |message: (u32, u32)| {
        let message = [message.0, message.1];
        let field = [1, TEXT, field.len() as u32];
        // Rule, severity, message, the first object, its field, no proposal, a tag.
        [
            &[RULE.0, RULE.1, 1][..],
            &message,
            &[1, 0],
            &field,
            &[0; 3],
            &[LIST + 128, 1],
        ]
        .concat()
    };
    let tag = [TEXT, 10, TEXT, 10];
    let image = |answer: &[u32], list: &[u32]| {
        let mut image = vec![0; 1024];
        let mut put = |at: u32, bytes: &[u8]| {
            let at = (at - ANSWER) as usize;
            image[at..at + bytes.len()].copy_from_slice(bytes);
        };
        let bytes = |words: &[u32]| {
            words
                .iter()
                .flat_map(|it| it.to_le_bytes())
                .collect::<Vec<_>>()
        };
        put(ANSWER, &bytes(answer));
        put(LIST, &bytes(list));
        put(LIST + 128, &bytes(&tag));
        put(TEXT, texts.as_bytes());
        image
    };
    let judged = |message| image(&[0, LIST, 1], &finding(message));
    let refused = |case: u32| image(&[1, case, TEXT, 10, TEXT, 10], &[]);
    // One object from the first, and one finding.
    let transformed = image(
        &[0, LIST + 160, 1, LIST, 1],
        &[&finding((4_128, 8))[..], &[0; 25], &[made.0, made.1, 1, 0]].concat(),
    );
    let with = |who: u8, image: Vec<u8>| [&[who][..], &image].concat();
    let judges = [
        judged((4_128, 8)),
        judged((given, 256)),
        judged((given + 64, 1 << 13)),
    ];
    let judges = judges.into_iter().chain((0..3).map(refused));
    let judges: Vec<Vec<u8>> = judges.map(|image| with(0, image)).collect();
    let transformers = [with(1, transformed), with(1, refused(0))];
    judges.into_iter().chain(transformers).collect()
}
