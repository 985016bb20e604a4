//! The one source of chance here: small, and the same everywhere.

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// What chance says about one thing of an account, whatever was asked before: `salt` is the kind of thing.
    pub(super) fn of(seed: u64, salt: u64, at: u64) -> Random {
        let mut random = Random(seed ^ salt.wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.0 = random.next() ^ at;
        Random(random.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Below a bound, small numbers more often.
    pub(super) fn skewed(&mut self, bound: u64) -> u64 {
        let most = self.below(bound) + 1;
        self.below(most)
    }

    /// Seventeen letters and digits, as Apify's IDs look.
    pub(super) fn id(&mut self) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let (mut high, mut low) = (self.next(), self.next());
        let mut id = String::with_capacity(17);
        for place in 0..17 {
            let bits = if place < 8 { &mut high } else { &mut low };
            id.push(char::from(LETTERS[(*bits % 62) as usize]));
            *bits /= 62;
        }
        id
    }
}
