//! Who may read what is published: what `--mode` says, else the owner alone of personal data, else whom the umask lets.

use anyhow::ensure;

/// What the owner needs to replace an export again.
const OWNER: u32 = 0o600;

/// Modes of files, and of the folders that they are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    pub files: u32,
    pub folders: u32,
}

impl Modes {
    /// Of files that hold personal data or none, where the user has chosen no mode.
    pub fn new(chosen: Option<u32>, umask: u32, is_personal: bool) -> Modes {
        match chosen {
            // Whoever may read a folder's files may go into it.
            Some(files) => Modes {
                files,
                folders: files | (files & 0o444) >> 2,
            },
            None => Modes {
                files: if is_personal { OWNER } else { 0o666 & !umask | OWNER },
                folders: 0o777 & !umask,
            },
        }
    }
}

/// Reads `--mode`: three octal digits.
pub fn parse_mode(text: &str) -> anyhow::Result<u32> {
    let digits = match text.strip_prefix("0o").unwrap_or(text) {
        digits if digits.len() == 4 => digits.strip_prefix('0').unwrap_or(digits),
        digits => digits,
    };
    let is_octal = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    ensure!(is_octal, "expected three octal digits, such as 640 or 600");
    let mode = u32::from_str_radix(digits, 8)?;
    ensure!(
        mode & OWNER == OWNER,
        "the owner must be able to read and write: use 6 or 7 as the first digit, as in 640"
    );
    Ok(mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_has_three_octal_digits_and_lets_the_owner_read_and_write() {
        for (text, mode) in [
            ("640", 0o640),
            ("0640", 0o640),
            ("0o640", 0o640),
            ("600", 0o600),
            ("755", 0o755),
        ] {
            assert_eq!(parse_mode(text).unwrap(), mode, "{text}");
        }
        for wrong in [
            "", "64", "648", "440", "200", "046", "4640", "2750", "06400", "-640", "+64", "u=rw",
        ] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn folders_can_be_entered_by_whoever_may_read_and_the_umask_decides_where_nobody_else_does() {
        let modes = |chosen, umask, is_personal| {
            let Modes { files, folders } = Modes::new(chosen, umask, is_personal);
            (files, folders)
        };
        assert_eq!(modes(Some(0o640), 0o077, true), (0o640, 0o750));
        assert_eq!(modes(Some(0o600), 0o022, false), (0o600, 0o700));
        assert_eq!(modes(Some(0o664), 0o022, true), (0o664, 0o775));
        assert_eq!(modes(None, 0o022, true), (0o600, 0o755));
        assert_eq!(modes(None, 0o022, false), (0o644, 0o755));
        assert_eq!(modes(None, 0o027, false), (0o640, 0o750));
        assert_eq!(modes(None, 0o777, false), (0o600, 0));
    }
}
