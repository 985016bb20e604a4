//! How an answer is packed: what the client prefers of what is on offer, at each codec's fastest level.

use std::io::Write;

/// An encoding on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// zstd.
    Zstd,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

impl Encoding {
    /// The best that an `Accept-Encoding` allows; of equal ones the cheapest.
    pub fn negotiated(accept: &str) -> Encoding {
        let mut best = (0u32, Encoding::Identity);
        for (name, encoding) in [
            ("zstd", Encoding::Zstd),
            ("gzip", Encoding::Gzip),
            ("br", Encoding::Brotli),
        ] {
            let weight = accept
                .split(',')
                .filter_map(|part| weight(part, name))
                .next()
                .unwrap_or(0);
            if weight > best.0 {
                best = (weight, encoding);
            }
        }
        best.1
    }

    /// Its name in `Content-Encoding`.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Zstd => Some("zstd"),
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        }
    }

    /// Packs a body.
    pub fn pack(self, body: Vec<u8>) -> Vec<u8> {
        let packed = Vec::with_capacity(body.len() / 4);
        match self {
            Encoding::Identity => return body,
            Encoding::Zstd => zstd::encode_all(&*body, 1),
            Encoding::Gzip => {
                let mut gzip = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
                gzip.write_all(&body).and_then(|()| gzip.finish())
            }
            Encoding::Brotli => {
                let mut brotli = brotli::CompressorWriter::new(packed, 64 << 10, 1, 18);
                brotli.write_all(&body).map(|()| brotli.into_inner())
            }
        }
        .expect("packing into memory can't fail")
    }
}

/// The weight, in thousandths, that a part of `Accept-Encoding` gives to an encoding.
fn weight(part: &str, name: &str) -> Option<u32> {
    let (coding, parameters) = part.split_once(';').unwrap_or((part, ""));
    if coding.trim() != name && coding.trim() != "*" {
        return None;
    }
    let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
    Some((weight.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_weights_decide() {
        assert_eq!(Encoding::negotiated("gzip"), Encoding::Gzip);
        assert_eq!(Encoding::negotiated("zstd, gzip, br"), Encoding::Zstd);
        assert_eq!(Encoding::negotiated("zstd;q=0.5, br;q=0.9, gzip;q=0"), Encoding::Brotli);
        assert_eq!(Encoding::negotiated(""), Encoding::Identity);
        assert_eq!(Encoding::negotiated("zstd;q=0, identity"), Encoding::Identity);
    }
}
