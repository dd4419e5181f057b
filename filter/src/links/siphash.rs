//! SipHash-2-4, a short keyed hash: without the key nobody can tell which value a hash stands for.

/// The key of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKey {
    first: u64,
    second: u64,
}

impl HashKey {
    /// A key from its 16 bytes as two little-endian numbers.
    pub const fn new(first: u64, second: u64) -> Self {
        Self { first, second }
    }

    /// Two rounds for each word, four at the end.
    pub fn hash(self, bytes: &[u8]) -> u64 {
        let mut state = State {
            v0: self.first ^ 0x736f_6d65_7073_6575,
            v1: self.second ^ 0x646f_7261_6e64_6f6d,
            v2: self.first ^ 0x6c79_6765_6e65_7261,
            v3: self.second ^ 0x7465_6462_7974_6573,
        };
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        for word in words {
            state.absorb(little_endian(word));
        }
        state.absorb(((bytes.len() as u64) << 56) | little_endian(rest));
        state.v2 ^= 0xff;
        (0..4).for_each(|_| state.round());
        state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.round();
        self.v0 ^= word;
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }
}
