//! A body from the bytes on the wire to the bytes that were meant: unpacked, up to a bound. Runs off the fetching task.

use std::io::{self, Read};

use super::bad_body::BadBody;

/// The most that a body may hold, packed or unpacked.
pub const MAX_BODY_BYTES: usize = 64 << 20;

/// zstd first: it unpacks in half the time of the others.
pub const ACCEPT_ENCODING: &str = "zstd, gzip, br";

#[derive(Debug, PartialEq, Eq)]
pub enum BodyProblem {
    /// It holds more than [`MAX_BODY_BYTES`]: another attempt would get the same.
    TooLarge,
    /// Another attempt may bring a good one.
    Unreadable(String),
    /// It was unpacked, and isn't what was asked for; with the decoder's words.
    Other(BadBody, String),
}

pub fn unpack(encoding: Option<&str>, packed: Vec<u8>) -> Result<Vec<u8>, BodyProblem> {
    let encoding = encoding.unwrap_or("identity").trim().to_ascii_lowercase();
    let unpacked = match encoding.as_str() {
        "" | "identity" => return Ok(packed),
        "gzip" | "x-gzip" => read_bounded(flate2::read::MultiGzDecoder::new(&*packed), packed.len()),
        "br" => read_bounded(brotli::Decompressor::new(&*packed, 64 << 10), packed.len()),
        "zstd" => match unpack_at_once(&packed) {
            Some(unpacked) => return Ok(unpacked),
            None => {
                zstd::stream::read::Decoder::with_buffer(&*packed).and_then(|zstd| read_bounded(zstd, packed.len()))
            }
        },
        other => {
            let problem = format!("the body has the encoding {other:?}, which was not requested");
            return Err(BodyProblem::Unreadable(problem));
        }
    };
    let unpacked = unpacked
        .map_err(|error| BodyProblem::Unreadable(format!("the {encoding} body cannot be unpacked: {error}")))?;
    if unpacked.len() > MAX_BODY_BYTES {
        return Err(BodyProblem::TooLarge);
    }
    Ok(unpacked)
}

/// A body of an ordinary size, without the copies that a stream makes; none for a larger one, and for one that is broken.
fn unpack_at_once(packed: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::decompress(packed, room(packed.len())).ok()
}

/// The bytes that most bodies of this size unpack to at most.
fn room(packed_bytes: usize) -> usize {
    (packed_bytes * 8).min(1 << 20)
}

fn read_bounded(unpacked: impl Read, packed_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(room(packed_bytes));
    unpacked.take(MAX_BODY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn every_encoding_that_is_asked_for_is_unpacked() {
        let text = b"one body, four ways".repeat(100);
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4096, 3, 20)
            .write_all(&text)
            .unwrap();
        assert_eq!(unpack(None, text.clone()).unwrap(), text);
        assert_eq!(unpack(Some("GZIP"), gzip(&text)).unwrap(), text);
        assert_eq!(unpack(Some("br"), br).unwrap(), text);
        assert_eq!(
            unpack(Some("zstd"), zstd::encode_all(&*text, 1).unwrap()).unwrap(),
            text
        );
        assert!(
            matches!(unpack(Some("compress"), text), Err(BodyProblem::Unreadable(problem)) if problem.contains("compress"))
        );
    }

    #[test]
    fn a_body_that_was_cut_off_is_an_error_and_not_a_shorter_body() {
        let packed = gzip(&b"0123456789".repeat(10_000));
        let half = packed[..packed.len() / 2].to_vec();
        assert!(unpack(Some("gzip"), half).is_err());
        let packed = zstd::encode_all(&b"0123456789".repeat(10_000)[..], 1).unwrap();
        assert!(unpack(Some("zstd"), packed[..packed.len() - 3].to_vec()).is_err());
    }

    #[test]
    fn a_bomb_is_refused_at_the_bound() {
        let bomb = zstd::encode_all(io::repeat(0).take(MAX_BODY_BYTES as u64 + 1), 1).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack(Some("zstd"), bomb), Err(BodyProblem::TooLarge));
    }
}
