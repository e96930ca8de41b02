//! Machine code as text. Function bounds come from the Go table (or DWARF's absence: from symbols), so that stripped
//! binaries work; targets of direct calls and jumps are given as addresses for the caller to name.

use iced_x86::{Decoder, DecoderOptions, Formatter as _, GasFormatter, OpKind};
use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

use super::Binary;
use super::elf::Machine;

/// One instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// ELF address.
    pub address: u64,
    /// Bytes.
    pub length: u32,
    /// In GNU syntax; `(bad)` for bytes that are no instruction.
    pub text: String,
    /// Target of a direct call or jump.
    pub target: Option<u64>,
}

/// A function that can be disassembled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Linker name.
    pub name: String,
    /// ELF address of the first instruction.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// No function is longer than this; a table that says so is damaged.
const MAX_FUNCTION: u64 = 16 << 20;

/// The functions whose names `wanted` accepts, by address: those of the Go table, then those that only symbols know.
pub fn functions(binary: &Binary<'_>, wanted: impl Fn(&str) -> bool) -> Vec<Extent> {
    let mut found: Vec<Extent> = Vec::new();
    if let Ok(go) = binary.go() {
        let fits = go.functions().filter(|f| wanted(f.name));
        found.extend(fits.map(|f| Extent {
            name: f.name.to_owned(),
            start: f.start,
            end: f.end,
        }));
    }
    let outside = |start: u64| binary.go().map_or(true, |go| !go.range().contains(&start));
    let symbols = binary
        .symbols()
        .all()
        .filter(|(start, _, name)| outside(*start) && wanted(name));
    found.extend(symbols.map(|(start, end, name)| Extent {
        name: name.to_owned(),
        start,
        end,
    }));
    found.retain(|f| f.start < f.end && f.end - f.start <= MAX_FUNCTION);
    found
}

/// The instructions of a function. Empty when its bytes are not in the file or the machine is unknown.
#[must_use]
pub fn disassemble(binary: &Binary<'_>, extent: &Extent) -> Vec<Instruction> {
    let bytes = binary.elf().bytes_at(extent.start).unwrap_or_default();
    let length = extent
        .end
        .saturating_sub(extent.start)
        .min(MAX_FUNCTION)
        .min(bytes.len() as u64);
    let bytes = bytes.get(..length as usize).unwrap_or_default();
    match binary.elf().machine() {
        Machine::Amd64 => amd64(bytes, extent.start),
        Machine::Arm64 => arm64(bytes, extent.start),
        Machine::Other(_) => Vec::new(),
    }
}

fn amd64(bytes: &[u8], start: u64) -> Vec<Instruction> {
    let mut decoder = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE);
    let mut formatter = GasFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_branch_leading_zeros(false);
    options.set_uppercase_hex(false);
    let mut instructions = Vec::new();
    let mut instruction = iced_x86::Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        let near = instruction.op_count() > 0 && instruction.op0_kind() == OpKind::NearBranch64;
        instructions.push(Instruction {
            address: instruction.ip(),
            length: instruction.len() as u32,
            text,
            target: near.then(|| instruction.near_branch_target()),
        });
    }
    instructions
}

fn arm64(bytes: &[u8], start: u64) -> Vec<Instruction> {
    let decoder = InstDecoder::default();
    let words = bytes.chunks_exact(4).enumerate();
    let decode = |(n, word): (usize, &[u8])| {
        let address = start.wrapping_add(n as u64 * 4);
        let target = word
            .try_into()
            .ok()
            .map(u32::from_le_bytes)
            .and_then(|w| arm64_target(w, address));
        let text = match decoder.decode(&mut U8Reader::new(word)) {
            Ok(instruction) => instruction.to_string(),
            Err(_) => "(bad)".to_owned(),
        };
        // The operand of a branch is a distance; the address says more.
        let text = match target {
            Some(target) => with_target(&text, target),
            None => text,
        };
        Instruction {
            address,
            length: 4,
            text,
            target,
        }
    };
    words.map(decode).collect()
}

fn with_target(text: &str, target: u64) -> String {
    match text.rsplit_once([' ', ',']) {
        Some((front, _)) => format!(
            "{}{}{target:#x}",
            front.trim_end(),
            if front.contains(' ') { ", " } else { " " }
        ),
        None => text.to_owned(),
    }
}

/// Target of B, BL, B.cond, CBZ, CBNZ, TBZ and TBNZ.
fn arm64_target(word: u32, address: u64) -> Option<u64> {
    let (bits, shift) = if word & 0x7c00_0000 == 0x1400_0000 {
        (26, 0)
    } else if word & 0xff00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
        (19, 5)
    } else if word & 0x7e00_0000 == 0x3600_0000 {
        (14, 5)
    } else {
        return None;
    };
    let field = i64::from((word >> shift) & ((1 << bits) - 1));
    let distance = (field << (64 - bits) >> (64 - bits)) * 4;
    Some(address.wrapping_add_signed(distance))
}

#[cfg(test)]
mod tests {
    use super::{amd64, arm64};

    #[test]
    fn amd64_calls_and_bad_bytes() {
        // call +0x10; ret; an invalid byte.
        let code = [0xe8, 0x10, 0, 0, 0, 0xc3, 0x06];
        let found = amd64(&code, 0x1000);
        assert_eq!(found[0].target, Some(0x1015));
        assert_eq!((found[0].length, found[1].text.as_str(), found.len()), (5, "ret", 3));
        assert_eq!(found[2].text, "(bad)");
        assert_eq!(found.iter().map(|i| u64::from(i.length)).sum::<u64>(), 7);
    }

    #[test]
    fn arm64_targets() {
        let words: [u32; 4] = [0x9400_0004, 0x17ff_ffff, 0x5400_0040, 0xd65f_03c0];
        let code: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let found = arm64(&code, 0x2000);
        let targets: Vec<Option<u64>> = found.iter().map(|i| i.target).collect();
        assert_eq!(targets, [Some(0x2010), Some(0x2000), Some(0x2010), None]);
        assert_eq!(found[0].text, "bl 0x2010");
        assert_eq!(found[3].text, "ret");
    }
}
