//! Content encodings: the one that a client prefers of those on offer, at each codec's fastest level.

use std::io::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Zstd,
    Gzip,
    Brotli,
}

impl Encoding {
    /// The one that an `Accept-Encoding` prefers; of equal ones the cheapest.
    pub fn negotiated(accept: &str) -> Encoding {
        let weight_of = |encoding: &Encoding| {
            let named = |wanted: &str| accept.split(',').find_map(|part| weight(part, wanted));
            encoding.name().and_then(named).or_else(|| named("*")).unwrap_or(0)
        };
        // `max_by_key` takes the last of equal ones.
        let best = [Encoding::Brotli, Encoding::Gzip, Encoding::Zstd]
            .into_iter()
            .max_by_key(weight_of);
        best.filter(|best| weight_of(best) > 0).unwrap_or(Encoding::Identity)
    }

    /// Its value of `Content-Encoding`; none for the identity.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Zstd => Some("zstd"),
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        }
    }

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

/// The weight, in thousandths, that a part of `Accept-Encoding` gives to a coding, if it is about that.
fn weight(part: &str, name: &str) -> Option<u32> {
    let mut parameters = part.split(';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case(name) {
        return None;
    }
    let quality = parameters.find_map(|parameter| parameter.strip_prefix("q=").or(parameter.strip_prefix("Q=")));
    let quality = quality.map_or(Ok(1.0), str::parse::<f32>);
    Some((quality.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32)
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
        assert_eq!(Encoding::negotiated("*;q=0, GZIP"), Encoding::Gzip);
        assert_eq!(Encoding::negotiated("gzip;foo=1;Q=0"), Encoding::Identity);
        assert_eq!(Encoding::negotiated("*, zstd;q=0"), Encoding::Gzip);
        assert_eq!(Encoding::negotiated("zstd;q=0, identity"), Encoding::Identity);
    }
}
