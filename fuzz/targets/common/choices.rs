//! Choices out of the first bytes of an input, so that the fuzzer learns which of them lead somewhere.

pub struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `n`; 0 when the bytes have run out.
    pub fn below(&mut self, n: usize) -> usize {
        self.bytes.next().map_or(0, |&b| usize::from(b) % n)
    }

    pub fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
