//! Writes `profile.proto` byte by byte, so that a test knows where everything stands.

/// A number as protobuf writes it.
pub(super) fn varint(mut v: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while v >= 0x80 {
        bytes.push(v as u8 | 0x80);
        v >>= 7;
    }
    bytes.push(v as u8);
    bytes
}

/// A field that is a number.
pub(super) fn number(field: u64, v: u64) -> Vec<u8> {
    let mut bytes = varint(field << 3);
    bytes.extend(varint(v));
    bytes
}

/// A field that is bytes.
pub(super) fn bytes(field: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = varint(field << 3 | 2);
    bytes.extend(varint(payload.len() as u64));
    bytes.extend_from_slice(payload);
    bytes
}

/// A field that is a record of numbers.
pub(super) fn record(field: u64, fields: &[(u64, u64)]) -> Vec<u8> {
    let payload: Vec<u8> = fields.iter().flat_map(|&(field, v)| number(field, v)).collect();
    bytes(field, &payload)
}

/// A table of strings; the first is empty.
pub(super) fn strings(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|t| bytes(6, t.as_bytes())).collect()
}
