use crate::BlockError;
use crate::block::{SymbolScanner, SymbolTable};

/// Returns all texts of several blocks.
pub(crate) fn merge_symbols(mut blocks: Vec<SymbolScanner<'_>>) -> Result<SymbolTable, BlockError> {
    let mut table = SymbolTable::default();
    let mut heads = Vec::with_capacity(blocks.len());
    for block in &mut blocks {
        let mut text = String::new();
        heads.push(block.next(&mut text)?.then_some(text));
    }
    while let Some(first) = heads.iter().flatten().min().cloned() {
        table.push(&first);
        for (head, block) in heads.iter_mut().zip(&mut blocks) {
            if let Some(text) = head.as_mut().filter(|text| **text == first)
                && !block.next(text)?
            {
                *head = None;
            }
        }
    }
    Ok(table)
}
