//! Joins the data segments of a module. Go's linker makes as many as a module may have, and a
//! snapshot needs some more.

use anyhow::{Result, bail};
use wasm_encoder::{DataCountSection, DataSection, Module, RawSection};
use wasmparser::{ConstExpr, DataKind, DataSectionReader, Operator, Parser, Payload};

/// Zeros between two segments that are written out rather than left. What is made here is only
/// run once, to be snapshotted: its size does not matter.
const GAP: usize = 4096;

/// The same module with few data segments.
pub fn join(module: &[u8]) -> Result<Vec<u8>> {
    let mut segments = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::DataSection(reader) = payload? {
            segments = joined(reader)?;
        }
    }
    let mut written = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match payload {
            Payload::DataSection(_) => {
                let mut section = DataSection::new();
                for (offset, bytes) in &segments {
                    let offset = i32::from_ne_bytes(u32::try_from(*offset)?.to_ne_bytes());
                    section.active(
                        0,
                        &wasm_encoder::ConstExpr::i32_const(offset),
                        bytes.iter().copied(),
                    );
                }
                written.section(&section);
            }
            Payload::DataCountSection { .. } => {
                let count = u32::try_from(segments.len())?;
                written.section(&DataCountSection { count });
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    let data = &module[range];
                    written.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(written.finish())
}

fn joined(reader: DataSectionReader<'_>) -> Result<Vec<(usize, Vec<u8>)>> {
    let mut joined: Vec<(usize, Vec<u8>)> = Vec::new();
    for segment in reader {
        let segment = segment?;
        let DataKind::Active {
            memory_index: 0,
            offset_expr,
        } = segment.kind
        else {
            bail!("a data segment that is not of the first memory");
        };
        let offset = constant(&offset_expr)?;
        match joined.last_mut() {
            // Go's linker writes them in the order of their addresses.
            Some((start, bytes))
                if (*start + bytes.len()..=*start + bytes.len() + GAP).contains(&offset) =>
            {
                bytes.resize(offset - *start, 0);
                bytes.extend_from_slice(segment.data);
            }
            _ => joined.push((offset, segment.data.to_vec())),
        }
    }
    Ok(joined)
}

fn constant(expression: &ConstExpr<'_>) -> Result<usize> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => {
            Ok(usize::try_from(u32::from_ne_bytes(value.to_ne_bytes()))?)
        }
        other => bail!("a data segment at {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_joined_where_few_zeros_lie_between() {
        let mut section = DataSection::new();
        for (offset, bytes) in [(8, "ab"), (12, "c"), (100_000, "d")] {
            section.active(
                0,
                &wasm_encoder::ConstExpr::i32_const(offset),
                bytes.bytes(),
            );
        }
        let mut module = Module::new();
        module.section(&section);
        let module = join(&module.finish()).unwrap();
        let sections: Vec<_> = Parser::new(0)
            .parse_all(&module)
            .filter_map(|payload| match payload.unwrap() {
                Payload::DataSection(reader) => Some(joined(reader).unwrap()),
                _ => None,
            })
            .collect();
        assert_eq!(
            sections,
            [[(8, b"ab\0\0c".to_vec()), (100_000, b"d".to_vec())]]
        );
    }
}
