//! Whether bytes are a text that a person can read, and texts in UTF-16 and UTF-32.

/// Whether the bytes are text: UTF-8 nearly everywhere, and no control characters that texts do not have.
pub(super) fn is_text(data: &[u8]) -> bool {
    let head = &data[..data.len().min(64 << 10)];
    if head.is_empty() {
        return false;
    }
    let odd = head
        .iter()
        .filter(|b| matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
        .count();
    // A log may hold a stray byte; what is binary has many.
    let mut invalid = 0;
    let mut rest = head;
    while let Err(e) = std::str::from_utf8(rest) {
        let Some(bad) = e.error_len() else { break };
        invalid += 1;
        rest = &rest[e.valid_up_to() + bad..];
    }
    (odd + invalid) * 200 <= head.len()
}

/// The text in UTF-16 as UTF-8; `None` where it is none. A mark at the start tells it, or a zero in every other byte.
pub(super) fn utf16(data: &[u8]) -> Option<String> {
    let (big, body) = match data {
        [0xff, 0xfe, body @ ..] => (false, body),
        [0xfe, 0xff, body @ ..] => (true, body),
        _ => {
            let head = &data[..data.len().min(512) & !1];
            let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
            let most = |n: usize| head.len() >= 16 && n * 20 >= head.len() * 9;
            match (most(zeros(0)), most(zeros(1))) {
                (false, true) => (false, data),
                (true, false) => (true, data),
                _ => return None,
            }
        }
    };
    let units = body.chunks_exact(2).map(|pair| match big {
        true => u16::from_be_bytes([pair[0], pair[1]]),
        false => u16::from_le_bytes([pair[0], pair[1]]),
    });
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    is_text(text.as_bytes()).then_some(text)
}

/// The text in UTF-32 as UTF-8; `None` where it is none. Of every four bytes, the highest is zero and so is the next in
/// nearly all texts.
pub(super) fn utf32(data: &[u8]) -> Option<String> {
    let (big, body) = match data {
        [0xff, 0xfe, 0, 0, body @ ..] => (false, body),
        [0, 0, 0xfe, 0xff, body @ ..] => (true, body),
        _ => {
            let head = &data[..data.len().min(512) & !3];
            let zeros = |at: usize| head.iter().skip(at).step_by(4).filter(|b| **b == 0).count();
            let most = |n: usize| head.len() >= 32 && n * 40 >= head.len() * 9;
            match (most(zeros(0)), most(zeros(1)), most(zeros(2)), most(zeros(3))) {
                (false, _, true, true) => (false, data),
                (true, true, _, false) => (true, data),
                _ => return None,
            }
        }
    };
    let unit = |four: &[u8; 4]| match big {
        true => u32::from_be_bytes(*four),
        false => u32::from_le_bytes(*four),
    };
    let text: String = (body.as_chunks::<4>().0.iter())
        .map(|four| char::from_u32(unit(four)).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    is_text(text.as_bytes()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert!(is_text("a line\nünï \u{1b}[1m\n".as_bytes()));
        assert!(!is_text(b"\x1f\x8b\x08\0\0\0\0\0\0\xff"));
        assert!(!is_text(b""));
        let wide_text = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let wide = wide_text;
        let text = "goroutine 1 [running]:\r\n";
        assert_eq!(utf16(&wide(text)).as_deref(), Some(text));
        assert_eq!(utf16(&[&[0xff, 0xfe][..], &wide(text)].concat()).as_deref(), Some(text));
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(utf16(&[&[0xfe, 0xff][..], &big].concat()).as_deref(), Some(text));
        assert_eq!(utf16(text.as_bytes()), None);
        let units = || text.chars().map(u32::from);
        let little: Vec<u8> = units().flat_map(u32::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u32::to_be_bytes).collect();
        for wide in [&little, &big, &[&[0xff, 0xfe, 0, 0][..], &little].concat()] {
            assert_eq!(utf32(wide).as_deref(), Some(text));
        }
        assert_eq!((utf32(text.as_bytes()), utf32(&wide_text(text))), (None, None));
    }
}
