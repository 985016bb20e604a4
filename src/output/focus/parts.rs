//! CSV rows in numbered files, each with the header: tools that take files limit their bytes and rows. One file is in memory
//! until it is complete. Not how rows become text.

use crate::error::{Error, Result};
use crate::output::names::focus_part;
use crate::text::thousands;

/// What Vantage takes of one file of custom costs.
const MAX_ROWS: u32 = 10_000;
/// As many as the names of the parts have room for.
const MAX_PARTS: u32 = 9_999;

/// Units of sizes in bytes.
const UNITS: [(&str, u64); 5] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
];
/// A header and some rows; and what memory can be spared.
const SIZES: std::ops::RangeInclusive<u64> = 10_000..=100_000_000;

/// The most bytes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitSize(u64);

impl SplitSize {
    /// Reads a whole number and its unit, as in `2MB`, `500kB`, `1MiB`.
    pub fn parse(text: &str) -> Result<SplitSize> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let Some((_, bytes)) = unit.filter(|_| digits > 0) else {
            return Err(Error::Usage(format!(
                "'{text}' is not a size; expected a whole number and one of B, kB, MB, KiB, MiB, such as 2MB"
            )));
        };
        let number = number.parse().unwrap_or(u64::MAX);
        let size = number.saturating_mul(*bytes);
        if !SIZES.contains(&size) {
            return Err(Error::Usage(format!(
                "'{text}' is out of range; expected 10kB to 100MB"
            )));
        }
        Ok(SplitSize(size))
    }
}

/// Writes a file of this name and these bytes.
pub type PartWriter = dyn FnMut(&str, &[u8]) -> Result<()> + Send;

/// Collects rows until a part is full.
pub(super) struct CsvParts {
    size: SplitSize,
    header: Vec<u8>,
    write: Box<PartWriter>,
    /// What is not written yet: a header, and rows.
    part: Vec<u8>,
    rows: u32,
    /// How many parts were written.
    written: u32,
}

impl CsvParts {
    pub(super) fn new(size: SplitSize, header: Vec<u8>, write: Box<PartWriter>) -> CsvParts {
        CsvParts {
            size,
            part: header.clone(),
            header,
            write,
            rows: 0,
            written: 0,
        }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`Error::Usage`] if the row is larger than a part may be, or if there would be too many parts.
    pub(super) fn add(&mut self, row: &[u8]) -> Result<()> {
        let fits = |part: &[u8]| (part.len() + row.len()) as u64 <= self.size.0;
        if !fits(&self.header) {
            let (row, header, size) = (row.len() as u64, self.header.len() as u64, self.size.0);
            return Err(Error::Usage(format!(
                "a row of FOCUS has {} bytes and the header {}, and --focus-split allows {} for both: give a larger size; nothing was published",
                thousands(row),
                thousands(header),
                thousands(size)
            )));
        }
        if self.rows == MAX_ROWS || !fits(&self.part) {
            self.end_part()?;
            self.part.extend_from_slice(&self.header);
        }
        self.part.extend_from_slice(row);
        self.rows += 1;
        Ok(())
    }

    fn end_part(&mut self) -> Result<()> {
        if self.written == MAX_PARTS {
            return Err(Error::Usage(format!(
                "FOCUS would need more than {} files: give --focus-split a larger size, or report a shorter period or \
                 --focus-grain day; nothing was published",
                thousands(MAX_PARTS)
            )));
        }
        self.written += 1;
        (self.write)(&focus_part(self.written), &self.part)?;
        self.part.clear();
        self.rows = 0;
        Ok(())
    }

    /// Writes the last part; their number. Without rows there is one, of the header alone.
    pub(super) fn finish(mut self) -> Result<u32> {
        self.end_part()?;
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    type Files = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

    fn parts(size: u64) -> (CsvParts, Files) {
        let files = Files::default();
        let written = files.clone();
        let write = move |name: &str, bytes: &[u8]| {
            written.lock().unwrap().push((name.to_string(), bytes.to_vec()));
            Ok(())
        };
        let parts = CsvParts::new(SplitSize(size), b"h\n".to_vec(), Box::new(write));
        (parts, files)
    }

    #[test]
    fn a_part_ends_before_it_is_too_large() {
        let (mut parts, files) = parts(10);
        for row in ["abc\n", "def\n", "g\n", "hijklmn\n", "o\n"] {
            parts.add(row.as_bytes()).unwrap();
        }
        assert_eq!(parts.finish().unwrap(), 4);
        let expected = [
            ("focus-0001.csv", "h\nabc\ndef\n"),
            ("focus-0002.csv", "h\ng\n"),
            ("focus-0003.csv", "h\nhijklmn\n"),
            ("focus-0004.csv", "h\no\n"),
        ];
        let expected = expected.map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
        assert_eq!(*files.lock().unwrap(), expected);
    }

    #[test]
    fn a_part_has_at_most_10_000_rows_and_no_rows_make_one_part() {
        let (mut parts_of_rows, files) = parts(100_000_000);
        (0..20_001).for_each(|_| parts_of_rows.add(b"r\n").unwrap());
        assert_eq!(parts_of_rows.finish().unwrap(), 3);
        let lengths: Vec<usize> = files.lock().unwrap().iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lengths, [20_002, 20_002, 4]);
        let (none, files) = parts(10_000);
        assert_eq!(none.finish().unwrap(), 1);
        assert_eq!(
            *files.lock().unwrap(),
            [("focus-0001.csv".to_string(), b"h\n".to_vec())]
        );
    }

    #[test]
    fn what_can_t_be_split_is_refused() {
        let (mut too_small, files) = parts(10);
        let error = too_small.add(b"12345678\n").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(
            text.starts_with("a row of FOCUS has 9 bytes and the header 2"),
            "{text}"
        );
        let (mut too_many, _) = parts(4);
        let error = (0..11_000).find_map(|_| too_many.add(b"r\n").err());
        let text = error.unwrap().to_string();
        assert!(text.contains("more than 9,999 files"), "{text}");
        assert!(files.lock().unwrap().is_empty());
    }

    #[test]
    fn sizes_have_a_unit_and_bounds() {
        let cases = [
            ("2MB", 2_000_000),
            ("10kB", 10_000),
            ("10KB", 10_000),
            ("1MiB", 1_048_576),
            ("64KiB", 65_536),
            ("10000b", 10_000),
            ("100mb", 100_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(SplitSize::parse(text).unwrap(), SplitSize(bytes), "{text}");
        }
        let refused = |text: &str| {
            let error = SplitSize::parse(text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        for text in ["", "2", "MB", "2 MB", "-2MB", "2.5MB", "2GB"] {
            assert!(refused(text).contains("is not a size"), "{text}");
        }
        for text in [
            "0B",
            "9999B",
            "9kB",
            "101MB",
            "18446744073709551615MiB",
            "99999999999999999999MB",
        ] {
            assert!(refused(text).contains("expected 10kB to 100MB"), "{text}");
        }
    }
}
