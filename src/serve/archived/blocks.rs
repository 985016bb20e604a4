//! Runs out of files: in blocks that are kept for a while, since pages follow each other, or alone where few of a block are
//! wanted.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::error::{Error, Result};
use crate::runs::random_access::RandomAccessRuns;

use super::items::listed_columns;

pub(super) const BLOCK_RUNS: u32 = 4096;
const KEPT_BYTES: usize = 16 << 20;
/// What a block is taken to need before it is read.
const SOME_BYTES: usize = 1 << 20;
/// As many runs that lie alone are worth a thread of their own.
const MANY: usize = 50;
/// A block is read whole for a fourth of its runs, or for all between the first and the last that are wanted.
const FEW: u32 = BLOCK_RUNS / 4;

/// A run: a batch, and which of its rows.
pub type Run = (Arc<RecordBatch>, usize);

/// The number of a file in its archive, and of a block in that.
type Block = (usize, u32);

/// The blocks that were used last, the latest at the end.
#[derive(Debug, Default)]
pub(super) struct BlockCache {
    kept: Mutex<VecDeque<(Block, Arc<OnceBlock>)>>,
}

/// A block that one thread reads, for all that want it.
#[derive(Debug, Default)]
struct OnceBlock(Mutex<Option<Arc<RecordBatch>>>);

impl OnceBlock {
    /// What it needs; one that is being read is not waited for.
    fn bytes(&self) -> usize {
        let read = self.0.try_lock();
        let batch = read.as_ref().ok().and_then(|read| read.as_ref());
        batch.map_or(SOME_BYTES, |batch| batch.get_array_memory_size())
    }
}

impl BlockCache {
    /// What lists tell of the runs at some rows of a file, which ascend; `number` tells it from the archive's others.
    pub(super) fn runs(&self, file: &dyn RandomAccessRuns, number: usize, rows: &[u32]) -> Result<Vec<Run>> {
        let columns = listed_columns();
        let mut by_block: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for row in rows {
            by_block.entry(row / BLOCK_RUNS).or_default().push(*row);
        }
        let mut runs = Vec::with_capacity(rows.len());
        let mut alone: Vec<u32> = Vec::new();
        for (block, rows) in by_block {
            let is_wanted = rows.len() as u32 >= FEW.min(1 + rows[rows.len() - 1] - rows[0]);
            if is_wanted && rows.len() > 1 {
                read_alone(file, &mut alone, &columns, &mut runs)?;
                let batch = self.block(file, (number, block))?;
                runs.extend(rows.iter().map(|row| (batch.clone(), (row % BLOCK_RUNS) as usize)));
            } else {
                alone.extend(rows);
            }
        }
        read_alone(file, &mut alone, &columns, &mut runs)?;
        Ok(runs)
    }

    fn block(&self, file: &dyn RandomAccessRuns, block: Block) -> Result<Arc<RecordBatch>> {
        let once = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let found = kept.iter().position(|(of, _)| *of == block);
            let found = found.and_then(|at| kept.remove(at));
            let (_, once) = found.unwrap_or_else(|| (block, Arc::default()));
            kept.push_back((block, once.clone()));
            let mut bytes = 0;
            let mut fits = |(_, once): &(Block, Arc<OnceBlock>)| {
                bytes += once.bytes();
                bytes <= KEPT_BYTES
            };
            let fitting = kept.iter().rev().take_while(|kept| fits(kept)).count().max(1);
            let too_many = kept.len() - fitting;
            kept.drain(..too_many);
            once
        };
        let mut batch = once.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = &*batch {
            return Ok(batch.clone());
        }
        let first = block.1 as usize * BLOCK_RUNS as usize;
        let rows = first..file.rows().min(first + BLOCK_RUNS as usize);
        let batches = read_places(file, std::slice::from_ref(&rows), Some(&listed_columns()))?;
        let read = concat_batches(&batches[0].schema(), &batches);
        let read = read.map_err(|error| Error::Untrusted(format!("{}: {error}", file.name())))?;
        Ok(batch.insert(Arc::new(read)).clone())
    }
}

/// Reads rows that no block was read for, and leaves none of them. Where they are many, each core reads its part: they lie
/// far from each other, and of each much has to be unpacked.
fn read_alone(file: &dyn RandomAccessRuns, rows: &mut Vec<u32>, columns: &[&str], runs: &mut Vec<Run>) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let many = rows.len().div_ceil(cores).max(MANY);
    let parts: Vec<&[u32]> = rows.chunks(many).collect();
    let read = |rows: &[u32]| -> Result<Vec<RecordBatch>> {
        let places: Vec<Range<usize>> = rows.iter().map(|row| *row as usize..*row as usize + 1).collect();
        read_places(file, &places, Some(columns))
    };
    let read: Vec<Result<Vec<RecordBatch>>> = match parts.as_slice() {
        [all] => vec![read(all)],
        parts => thread::scope(|scope| {
            let reading: Vec<_> = parts.iter().map(|part| scope.spawn(|| read(part))).collect();
            let failed = || Err(anyhow::anyhow!("a thread that read {} failed", file.name()).into());
            let read = reading.into_iter().map(|part| part.join().unwrap_or_else(|_| failed()));
            read.collect()
        }),
    };
    for batch in read.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        let batch = Arc::new(batch);
        runs.extend((0..batch.num_rows()).map(|row| (batch.clone(), row)));
    }
    rows.clear();
    Ok(())
}

/// The run at a row of a file, with all its columns.
pub(super) fn whole(file: &dyn RandomAccessRuns, row: u32) -> Result<Run> {
    let rows = row as usize..row as usize + 1;
    let batches = read_places(file, std::slice::from_ref(&rows), None)?;
    let batch = batches.into_iter().find(|batch| batch.num_rows() > 0);
    Ok((Arc::new(batch.expect("it was counted")), 0))
}

/// The runs at some places of a file, all of them.
fn read_places(
    file: &dyn RandomAccessRuns,
    places: &[Range<usize>],
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>> {
    let batches = file.read(places, columns)?;
    let wanted: usize = places.iter().map(ExactSizeIterator::len).sum();
    let read: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if wanted != read {
        let name = file.name();
        return Err(Error::Untrusted(format!(
            "{name}: only {read} of its {wanted} runs could be read"
        )));
    }
    Ok(batches)
}
