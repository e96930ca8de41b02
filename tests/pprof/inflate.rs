//! Unpacking: every ceiling at n - 1, n and n + 1, and what is cut or damaged.

use std::borrow::Cow;
use std::io::Write as _;

use kubeprof::pprof::{Encoding, InflateError, Limit, encoding, inflate};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(data).expect("memory");
    gz.finish().expect("memory")
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Bytes that do not pack well, so that windows and buffers are really used.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(n).collect()
}

#[test]
fn a_ceiling_holds_to_the_byte() {
    for size in [1, 2, 100, 65_535, 65_536, 65_537, 200_000] {
        for data in [vec![b'a'; size], noise(size)] {
            let (front, back) = data.split_at(size / 2);
            for (name, packed) in [
                ("raw", data.clone()),
                ("gzip", gzip(&data)),
                ("two members", [gzip(front), gzip(back)].concat()),
                ("an empty member last", [gzip(&data), gzip(b"")].concat()),
                ("zstd", zstd(&data)),
                ("two frames", [zstd(front), zstd(back)].concat()),
            ] {
                let n = size as u64;
                for limit in [n, n + 1, u64::MAX] {
                    let out = inflate(&packed, Limit::Bytes(limit));
                    let out = out.unwrap_or_else(|e| panic!("{name} of {size} bytes under {limit}: {e}"));
                    assert!(out == data, "{name} of {size} bytes under {limit}");
                }
                for limit in [n - 1, n / 2, 0] {
                    match inflate(&packed, Limit::Bytes(limit)) {
                        Err(InflateError::TooLarge { limit: said }) => assert_eq!(said, limit),
                        other => panic!("{name} of {size} bytes under {limit}: {other:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn the_usual_ceiling_is_a_part_and_a_multiple() {
    const MIB: u64 = 1 << 20;
    // Where 64 MiB and 64 times the size reach 4 GiB.
    let last = (4096 - 64) * MIB / 64;
    for (packed, ceiling) in [
        (0, 64 * MIB),
        (1, 64 * MIB + 64),
        (2, 64 * MIB + 128),
        (MIB, 128 * MIB),
        (last - 1, 4096 * MIB - 64),
        (last, 4096 * MIB),
        (last + 1, 4096 * MIB),
        (1 << 40, 4096 * MIB),
        (u64::MAX, 4096 * MIB),
    ] {
        assert_eq!(Limit::Proportional.bytes(packed as usize), ceiling, "{packed}");
        for bytes in [0, 1, u64::MAX] {
            assert_eq!(Limit::Bytes(bytes).bytes(packed as usize), bytes);
        }
    }
}

#[test]
fn encodings_are_told_by_their_first_bytes() {
    for (bytes, what) in [
        (&b""[..], Encoding::Raw),
        (b"\x1f", Encoding::Raw),
        (b"\x1f\x8b", Encoding::Gzip),
        (b"\x1f\x8c", Encoding::Raw),
        (b"\x28\xb5\x2f", Encoding::Raw),
        (b"\x28\xb5\x2f\xfd", Encoding::Zstd),
        (b"\x28\xb5\x2f\xfe", Encoding::Raw),
        (b"\x0a\x00", Encoding::Raw),
    ] {
        assert_eq!(encoding(bytes), what, "{bytes:02x?}");
    }
    // What is not packed is not copied.
    assert!(matches!(
        inflate(b"plain", Limit::Bytes(5)),
        Ok(Cow::Borrowed(b"plain"))
    ));
}

#[test]
fn a_stream_that_is_cut_says_how_far_it_came() {
    let data = noise(100_000);
    for (format, packed) in [("gzip", gzip(&data)), ("zstd", zstd(&data))] {
        for cut in [packed.len() - 1, packed.len() / 2, 30] {
            match inflate(&packed[..cut], Limit::Proportional) {
                Err(InflateError::Truncated { format: said, unpacked }) => {
                    assert_eq!(said, format);
                    assert!(unpacked <= 100_000, "{format} cut at {cut}: {unpacked}");
                    // zstd hands out whole blocks, gzip whatever it has.
                    assert!(format == "zstd" || unpacked >= cut as u64 / 2, "{cut}: {unpacked}");
                }
                other => panic!("{format} cut at {cut}: {other:?}"),
            }
        }
    }
    // The second member is cut: what the first had counts.
    let first = gzip(&data);
    let two = [&first[..], &first[..20]].concat();
    match inflate(&two, Limit::Proportional) {
        Err(InflateError::Truncated { unpacked, .. }) => assert!(unpacked >= 100_000, "{unpacked}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stream_that_is_damaged_says_so() {
    let data = noise(100_000);
    for (format, whole) in [("gzip", gzip(&data)), ("zstd", zstd(&data))] {
        // In the header, in the content (which is stored as it is, so that only the checksum tells), in the checksum.
        let n = whole.len();
        for at in [6, n / 2, n - 30, n - if format == "gzip" { 6 } else { 2 }] {
            let mut packed = whole.clone();
            packed[at] ^= 0x55;
            match inflate(&packed, Limit::Proportional) {
                Err(InflateError::Damaged {
                    format: said, reason, ..
                }) => {
                    assert_eq!(said, format);
                    assert!(!reason.is_empty());
                }
                // Six bytes in stands the time in gzip, which nothing depends on.
                Ok(out) => assert!(format == "gzip" && at == 6 && out == data, "{format} at {at}"),
                Err(InflateError::Truncated { .. }) if at == 6 => {}
                Err(other) => panic!("{format} at {at}: {other}"),
            }
        }
        // The second of two.
        let mut packed = [whole.clone(), whole].concat();
        packed[n + n / 2] ^= 0x55;
        assert!(
            matches!(inflate(&packed, Limit::Proportional), Err(InflateError::Damaged { .. })),
            "{format}"
        );
    }
    // Garbage behind a whole member: what came out before it is told.
    for packed in [gzip(b"x"), zstd(b"x")] {
        let error = inflate(&[packed, vec![7; 20]].concat(), Limit::Proportional).expect_err("garbage");
        assert!(matches!(error, InflateError::Damaged { unpacked: 1, .. }), "{error}");
    }
}

/// Frames of zstd that hold nothing of the content, before, between and behind those that do; and cut ones.
#[test]
fn frames_to_be_skipped() {
    let skip = |n: u32| {
        [
            &0x184d_2a50_u32.to_le_bytes()[..],
            &n.to_le_bytes(),
            &vec![7; n as usize],
        ]
        .concat()
    };
    for n in [0, 1, 100_000] {
        let packed = [zstd(b"one"), skip(n), zstd(b"two"), skip(n), skip(0)].concat();
        assert_eq!(
            &*inflate(&packed, Limit::Proportional).expect("whole"),
            b"onetwo",
            "{n}"
        );
        if n > 0 {
            let cut = [zstd(b"one"), skip(n)].concat();
            let error = inflate(&cut[..cut.len() - 1], Limit::Proportional).expect_err("cut");
            assert!(matches!(error, InflateError::Truncated { .. }), "{error}");
        }
    }
}
