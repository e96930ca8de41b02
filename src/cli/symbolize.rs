//! `kubeprof symbolize`: addresses from standard input to names on standard output.

use crate::cli::hints::{self, Failure};
use std::borrow::Cow;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};

use super::Exit;
use crate::bundle::{BundledBinary, Want};
use crate::input;
use crate::pprof::Limit;
use crate::symbolize::BinaryError;
use crate::symbolize::locate::MappedBinary;
use crate::symbolize::names::{printable, readable};
use crate::symbolize::pclntab::GoTable;
use crate::symbolize::stack::{Entry, from_return_addresses};
use crate::symbolize::{Binary, Frame, Miss, Source};

// Turn addresses into functions, files and lines: one address a line in, one answer a line out.
//
// Addresses are hexadecimal, with or without 0x, as the ELF file has them; for a position-independent binary subtract
// the load address with --bias. Several addresses on one line are a stack.
#[derive(Parser, Debug)]
#[command(name = "symbolize")]
pub(super) struct SymbolizeArgs {
    /// A bundle that holds the binary that the addresses are of.
    #[arg(value_name = "BUNDLE", required_unless_present = "binary", conflicts_with = "binary")]
    bundle: Option<PathBuf>,
    /// The binary that the addresses are of.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// The addresses are return addresses: of raw stacks, panics and debug=1 texts, but not of profiles. Virtual
    /// addresses of inlined calls are merged into the frame that they belong to.
    #[arg(long)]
    return_pcs: bool,
    /// Copy a text from standard input and put a name after every address of the binary's code. Stacks in panics and
    /// logs need --return-pcs as well.
    #[arg(long, conflicts_with = "output")]
    filter: bool,
    /// Subtracted from every address: where the kernel loaded a position-independent binary.
    #[arg(long, value_name = "HEX", value_parser = address_argument, default_value = "0")]
    bias: u64,
    /// Format of the answers.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Show type arguments in full; jsonl always does.
    #[arg(long)]
    full_names: bool,
    /// Exit with 2 when an address has no name.
    #[arg(long)]
    require_symbols: bool,
    /// Debug file with DWARF for the binary.
    #[arg(long, value_name = "FILE")]
    debug_file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Output {
    /// A line for each frame.
    Text,
    /// A JSON object for each address.
    Jsonl,
}

fn address_argument(text: &str) -> Result<u64, String> {
    parse_address(text).ok_or_else(|| "not a hexadecimal number".to_owned())
}

fn parse_address(text: &str) -> Option<u64> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    // from_str_radix would take a sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

/// Runs the command.
pub(super) fn answer(args: &SymbolizeArgs) -> anyhow::Result<Exit> {
    // Held until the end: a binary taken out of an archive goes with it.
    let bundled = match &args.bundle {
        Some(path) => Some(bundled(path)?),
        None => None,
    };
    let taken_out = match (&bundled, &args.bundle) {
        (Some(binary), Some(path)) => binary
            .file()
            .with_context(|| format!("{}: its binary cannot be taken out", path.display()))?,
        _ => PathBuf::new(),
    };
    let path = args.binary.as_ref().unwrap_or(&taken_out);
    let mut opened = MappedBinary::here(path)?;
    if let Some(path) = &args.debug_file {
        opened = opened.with_debug_file(path)?;
    }
    let binary = opened.binary()?;
    if let Err(error) = binary.go() {
        say!(
            "kubeprof: {}: {}",
            path.display(),
            hints::told(&BinaryError::clone(error))
        );
    }
    let stdin = io::stdin().lock();
    let mut out = BufWriter::with_capacity(1 << 17, io::stdout().lock());
    let mut answers = Answers {
        args,
        binary: &binary,
        missed: 0,
        line: Vec::new(),
    };
    let done = if args.filter {
        answers.filter(stdin, &mut out)
    } else {
        answers.lines(stdin, &mut out)
    };
    match done.and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Fine),
        other => other?,
    }
    Ok(if args.require_symbols && answers.missed > 0 {
        Exit::Failed
    } else {
        Exit::Fine
    })
}

/// The one binary of a bundle.
fn bundled(path: &Path) -> anyhow::Result<BundledBinary> {
    let Some((contents, record)) = input::open_bundle(path, Limit::Proportional, Want::Executables)? else {
        bail!(Failure::new(
            format!("{}: not a bundle", path.display()),
            "name a bundle of `kubeprof capture`, or the binary with --binary FILE"
        ));
    };
    let mut binaries = Arc::new(contents).binaries(&record);
    binaries.dedup_by(|a, b| !a.build_id.is_empty() && a.build_id == b.build_id);
    match (binaries.len(), binaries.pop()) {
        (1, Some(binary)) => Ok(binary),
        (0, _) => bail!(Failure::new(
            format!("{}: no binary in the bundle", path.display()),
            "`kubeprof capture --binary` puts it there; else name it with --binary FILE"
        )),
        (n, _) => bail!(Failure::new(
            format!("{}: {n} different binaries in the bundle", path.display()),
            "`kubeprof bundle ls` lists them; name one with --binary FILE"
        )),
    }
}

/// Longest line of input that is kept at a time; longer ones are cut there.
const MAX_LINE: u64 = 1 << 20;

struct Answers<'b, 'd> {
    args: &'b SymbolizeArgs,
    binary: &'b Binary<'d>,
    missed: u64,
    line: Vec<u8>,
}

impl<'b> Answers<'b, '_> {
    fn lines(&mut self, mut input: impl BufRead, out: &mut impl Write) -> io::Result<()> {
        let mut frames = Vec::new();
        let mut line = std::mem::take(&mut self.line);
        loop {
            line.clear();
            if io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            let mut words = text.split_whitespace();
            let Some(first) = words.next() else { continue };
            let rest: Vec<&str> = words.collect();
            if rest.is_empty() {
                self.one(first, &mut frames, out)?;
            } else {
                self.stack(std::iter::once(first).chain(rest), &mut frames, out)?;
            }
        }
    }

    /// The instruction that an address of the input stands for.
    fn instruction(&self, address: u64) -> u64 {
        let address = address.wrapping_sub(self.args.bias);
        match self.binary.go() {
            _ if !self.args.return_pcs => address,
            Ok(table) => table.instruction_of(address),
            Err(_) => address.wrapping_sub(1),
        }
    }

    fn one(&mut self, text: &str, frames: &mut Vec<Frame<'b>>, out: &mut impl Write) -> io::Result<()> {
        frames.clear();
        let Some(address) = parse_address(text) else {
            self.missed += 1;
            return self.put_missing(out, &printable(text), Miss::NotAnAddress);
        };
        let result = self.binary.lookup(self.instruction(address), frames);
        self.put(out, address, result.map(|()| frames.as_slice()))
    }

    fn stack<'w>(
        &mut self,
        words: impl Iterator<Item = &'w str>,
        frames: &mut Vec<Frame<'b>>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let words: Vec<&str> = words.collect();
        let addresses: Option<Vec<u64>> = words.iter().map(|w| parse_address(w)).collect();
        let (Some(addresses), Ok(table), true) = (addresses, self.binary.go(), self.args.return_pcs) else {
            return words.iter().try_for_each(|word| self.one(word, frames, out));
        };
        let moved: Vec<u64> = addresses.iter().map(|a| a.wrapping_sub(self.args.bias)).collect();
        for (address, entry) in addresses.iter().zip(from_return_addresses(table, &moved)) {
            match entry {
                Entry::Virtual => {}
                Entry::Frames(found) => {
                    let found: Vec<Frame<'_>> = found.into_iter().map(Frame::from).collect();
                    self.put(out, *address, Ok(&found))?;
                }
                // C frames are not in the Go table.
                Entry::Missing(_) => {
                    frames.clear();
                    let result = self.binary.lookup(self.instruction(*address), frames);
                    self.put(out, *address, result.map(|()| frames.as_slice()))?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, out: &mut impl Write, address: u64, found: Result<&[Frame<'_>], Miss>) -> io::Result<()> {
        match found {
            Err(miss) => {
                self.missed += 1;
                self.put_missing(out, &format!("{address:#x}"), miss)
            }
            Ok(frames) if self.args.output == Output::Jsonl => {
                write!(out, "{{\"address\":\"{address:#x}\",\"frames\":[")?;
                for (n, frame) in frames.iter().enumerate() {
                    out.write_all(if n == 0 { b"{\"function\":" } else { b",{\"function\":" })?;
                    json_text(out, &frame.function)?;
                    out.write_all(b",\"file\":")?;
                    json_text(out, &frame.file)?;
                    write!(out, ",\"line\":{},\"inlined\":{}", frame.line, frame.inlined)?;
                    out.write_all(if frame.source == Source::SymbolTable {
                        b",\"source\":\"symtab\"}"
                    } else {
                        b"}"
                    })?;
                }
                out.write_all(b"]}\n")
            }
            Ok(frames) => {
                for (n, frame) in frames.iter().enumerate() {
                    if n == 0 {
                        write!(out, "{address:#x}")?;
                    } else {
                        write!(out, "{:1$}", "", 2 + hex_width(address))?;
                    }
                    let inlined = if frame.inlined { " (inlined)" } else { "" };
                    writeln!(out, "  {}  {}{inlined}", self.name(frame), place(frame))?;
                }
                Ok(())
            }
        }
    }

    fn put_missing(&self, out: &mut impl Write, address: &str, miss: Miss) -> io::Result<()> {
        match self.args.output {
            Output::Text => writeln!(out, "{address}  ?  {}: {}", miss.code(), miss.explanation()),
            Output::Jsonl => {
                out.write_all(b"{\"address\":")?;
                json_text(out, address)?;
                writeln!(out, ",\"reason\":\"{}\"}}", miss.code())
            }
        }
    }

    fn name<'f>(&self, frame: &'f Frame<'_>) -> Cow<'f, str> {
        if self.args.full_names {
            return printable(&frame.function);
        }
        match readable(&frame.function) {
            Cow::Borrowed(name) => printable(name),
            Cow::Owned(name) => Cow::Owned(printable(&name).into_owned()),
        }
    }

    /// Copies the input, naming the hexadecimal numbers that are addresses of code.
    fn filter(&mut self, mut input: impl BufRead, out: &mut impl Write) -> io::Result<()> {
        let mut frames = Vec::new();
        let mut line = std::mem::take(&mut self.line);
        let mut context = Context::default();
        loop {
            line.clear();
            if io::Read::take(&mut input, MAX_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let mut copied = 0;
            for (start, end) in numbers(&line) {
                let text = std::str::from_utf8(&line[start + 2..end]).unwrap_or_default();
                let Ok(address) = u64::from_str_radix(text, 16) else {
                    continue;
                };
                frames.clear();
                let exact = !self.args.return_pcs || context.is_exact(&line[..start], address);
                let instruction = match exact {
                    true => address.wrapping_sub(self.args.bias),
                    false => self.instruction(address),
                };
                if self.binary.lookup(instruction, &mut frames).is_err() {
                    continue;
                }
                out.write_all(&line[copied..end])?;
                copied = end;
                if context.is_virtual(instruction) {
                    out.write_all(b" (inlined: named before)")?;
                    continue;
                }
                if self.args.return_pcs
                    && let Ok(table) = self.binary.go()
                {
                    context.named(table, instruction);
                }
                out.write_all(b" (")?;
                for (n, frame) in frames.iter().enumerate() {
                    let separator = if n == 0 { "" } else { " <- " };
                    write!(out, "{separator}{} {}", self.name(frame), place(frame))?;
                }
                out.write_all(b")")?;
            }
            out.write_all(&line[copied..])?;
        }
    }
}

/// Where a frame is; a name that only the symbol table has says so instead.
fn place(frame: &Frame<'_>) -> String {
    match frame.source {
        Source::SymbolTable => "(symbol table only)".to_owned(),
        Source::GoTable | Source::Dwarf => format!("{}:{}", printable(&frame.file), frame.line),
    }
}

/// What the addresses of a trace before one say of it.
#[derive(Default)]
struct Context {
    /// The made-up addresses that may follow the last one named.
    virtuals: Vec<u64>,
    /// Where a signal came: such an address is no return address, wherever the trace repeats it.
    exact: Vec<u64>,
    /// The last one named was the runtime's entry from a signal.
    after_trap: bool,
}

/// As many addresses of signals are remembered.
const MAX_SIGNALS: usize = 64;

impl Context {
    /// Whether an address stands for itself: the program counter of a signal, or what it interrupted.
    fn is_exact(&mut self, before: &[u8], address: u64) -> bool {
        let label: &[&[u8]] = &[
            b"PC=",
            b"rip    ",
            b"rip=",
            b"RIP: 0010:",
            b"RIP: 0033:",
            b"RIP: ",
            b"ip:",
        ];
        let of_signal = before.starts_with(b"[signal ") && before.ends_with(b" pc=");
        if (of_signal || label.iter().any(|l| before.ends_with(l))) && self.exact.len() < MAX_SIGNALS {
            self.exact.push(address);
        }
        std::mem::take(&mut self.after_trap) || self.exact.contains(&address)
    }

    /// Whether an address repeats an outer call of the one named before.
    fn is_virtual(&mut self, instruction: u64) -> bool {
        let at = self.virtuals.iter().position(|v| *v == instruction);
        at.map(|at| self.virtuals.drain(..=at)).is_some()
    }

    fn named(&mut self, table: &GoTable<'_>, instruction: u64) {
        let mut chain = Vec::new();
        let _ = table.lookup(instruction, &mut chain);
        self.virtuals.clear();
        self.virtuals.extend(chain.iter().skip(1).map(|f| f.pc));
        let outermost = chain.last().map_or("", |f| f.function);
        self.after_trap = matches!(
            outermost,
            "runtime.sigpanic" | "runtime.asyncPreempt" | "runtime.debugCallV2"
        );
    }
}

fn hex_width(address: u64) -> usize {
    (64 - (address | 1).leading_zeros() as usize).div_ceil(4)
}

/// Where the hexadecimal numbers of a line are, `0x` included. Those in the middle of a word or of a longer number are
/// none.
fn numbers(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = line[at..].windows(2).position(|w| w == b"0x").map(|p| p + at) {
        let digits = line[start + 2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let end = start + 2 + digits;
        let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let alone = !start.checked_sub(1).is_some_and(|p| word(&line[p]) || line[p] == b'+')
            && !line.get(end).is_some_and(word);
        if alone && (4..=16).contains(&digits) {
            found.push((start, end));
        }
        at = end;
    }
    found
}

fn json_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}
