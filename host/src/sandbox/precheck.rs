//! What is refused before it is compiled: compile bombs, which no limit at run time holds.

use wasmparser::{Parser, Payload};

use super::LoadError;

/// Locals times bytes of one function. Honest guests have at most 9.0e6; bombs begin at 3.6e7.
const WEIGHT: u64 = 20_000_000;
/// Functions of all modules together.
const FUNCTIONS: usize = 200_000;
/// Modules and components within a component.
const PARTS: usize = 64;

pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let broken =
        |error: wasmparser::BinaryReaderError| LoadError::NotAComponent(error.message().to_owned());
    if !Parser::is_component(bytes) {
        return Err(LoadError::NotAComponent(
            "its first bytes are not a component's".into(),
        ));
    }
    let (mut functions, mut parts) = (0, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => parts += 1,
            Payload::CodeSectionEntry(body) => {
                functions += 1;
                let mut locals: u64 = 0;
                for local in body.get_locals_reader().map_err(broken)? {
                    locals = locals.saturating_add(u64::from(local.map_err(broken)?.0));
                }
                let size = body.range().len() as u64;
                if locals.saturating_mul(size) > WEIGHT {
                    let message = format!(
                        "a function of {size} bytes has {locals} locals, which would take too long to compile"
                    );
                    return Err(LoadError::TooComplex(message));
                }
            }
            _ => {}
        }
        if functions > FUNCTIONS || parts > PARTS {
            return Err(LoadError::TooComplex(format!(
                "it has more than {FUNCTIONS} functions or {PARTS} modules"
            )));
        }
    }
    Ok(())
}
