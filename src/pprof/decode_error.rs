//! What makes bytes no `profile.proto`, and at which byte.

/// Why bytes are not a profile, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {kind}")]
pub struct DecodeError {
    /// Offset in the uncompressed bytes.
    pub offset: u64,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end inside a record.
    #[error("the record is longer than the file")]
    Truncated,
    /// A number of more than ten bytes.
    #[error("a number that does not end")]
    Varint,
    /// A wire type that profiles do not have.
    #[error("wire type {0} does not occur in profiles")]
    WireType(u8),
    /// A field whose wire type is not that of the format.
    #[error("field {0} has the wrong wire type")]
    FieldType(u64),
    /// A record that does not parse.
    #[error("malformed {0} record")]
    Record(&'static str),
    /// A string index beyond the table.
    #[error("string {0} does not exist")]
    StringIndex(i64),
    /// The first string must be empty.
    #[error("the first string is not empty")]
    FirstString,
    /// Two profiles in one file.
    #[error("two profiles one after the other in one file")]
    Concatenated,
    /// A sample with another number of values than there are sample types.
    #[error("a sample has {got} values, the profile has {want} sample types")]
    Values {
        /// Sample types of the profile.
        want: usize,
        /// Values of the sample.
        got: usize,
    },
    /// There are samples, but nothing says what they measure.
    #[error("samples without any sample type")]
    NoSampleTypes,
    /// A sample refers to a location that is not there.
    #[error("location {0} does not exist")]
    Location(u64),
    /// A line refers to a function that is not there.
    #[error("function {0} does not exist")]
    Function(u64),
    /// A record with id 0.
    #[error("{0} with id 0")]
    ZeroId(&'static str),
    /// Two records with one id.
    #[error("duplicate {0} id {1}")]
    DuplicateId(&'static str, u64),
    /// More rows than kubeprof can count.
    #[error("more than 4294967295 {0}")]
    TooMany(&'static str),
    /// No field of a profile at all.
    #[error("no sample type, no sample and no string: not a profile")]
    Empty,
}

/// What reading gives.
pub(super) type Result<T> = std::result::Result<T, DecodeError>;

/// An error at a byte.
pub(super) fn fail<T>(offset: usize, kind: DecodeErrorKind) -> Result<T> {
    Err(DecodeError {
        offset: offset as u64,
        kind,
    })
}
