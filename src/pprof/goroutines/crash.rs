//! Lines that say why a Go process printed its goroutines.

use crate::model::evidence::{Crash, CrashCause};
use crate::pprof::carrier;
use crate::pprof::gotext::unquote;

/// Longer messages are cut.
const LONGEST: usize = 500;

/// What a line says about a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    /// It begins one.
    Begins(Box<Crash>),
    /// It says more about one that has begun.
    Adds(More),
}

/// More about a crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum More {
    /// `[signal SIGSEGV: segmentation violation ...]`
    Signal(String),
    /// `runtime: program exceeds 10000-thread limit`
    Threads(u64),
}

/// Reads a line that is none of a goroutine.
pub(super) fn read(line: &[u8]) -> Option<Sign> {
    let line = line.trim_ascii();
    let begins = |cause| {
        Some(Sign::Begins(Box::new(Crash {
            cause,
            message: shortened(line),
            recovered: false,
            goroutine: None,
            signal: None,
            at: None,
        })))
    };
    match line.first()? {
        b'p' if line.starts_with(b"panic: ") => begins(CrashCause::Panic),
        b'F' | b'E' if let Some(message) = last_words(line) => Some(Sign::Begins(Box::new(Crash {
            cause: CrashCause::Log,
            message: shortened(message),
            recovered: false,
            goroutine: None,
            signal: None,
            at: carrier::stamp_of(line),
        }))),
        b'E' if let Some(code) = exception(line) => begins(CrashCause::Exception(code)),
        b'f' => {
            let error = line.strip_prefix(b"fatal error: ")?;
            begins(fatal(error))
        }
        b'u' if line.starts_with(b"unexpected fault address ") => begins(CrashCause::Fatal),
        b'S' => {
            let colon = memchr::memchr(b':', line)?;
            let name = &line[..colon];
            let is_signal =
                name.starts_with(b"SIG") && (6..=9).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase);
            is_signal.then_some(())?;
            begins(CrashCause::Signal(String::from_utf8_lossy(name).into_owned()))
        }
        b'[' => {
            let rest = line.strip_prefix(b"[signal ")?;
            let end = rest.iter().position(|b| !b.is_ascii_uppercase()).unwrap_or(rest.len());
            let name = String::from_utf8_lossy(&rest[..end]).into_owned();
            (!name.is_empty()).then_some(Sign::Adds(More::Signal(name)))
        }
        // A C library or the kernel gives no more threads.
        b'r' if line.starts_with(b"runtime/cgo: pthread_create failed: ")
            || line.starts_with(b"runtime: failed to create new OS thread (") =>
        {
            begins(CrashCause::Threads(None))
        }
        b'r' => {
            let rest = line.strip_prefix(b"runtime: program exceeds ")?;
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let limit = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
            rest[digits..]
                .starts_with(b"-thread limit")
                .then_some(Sign::Adds(More::Threads(limit)))
        }
        _ => None,
    }
    .or_else(|| {
        // What apimachinery, net/http and controllers say when they go on after a panic.
        const RECOVERED: [&[u8]; 5] = [
            b"Observed a ",
            b"http: ",
            b"Recovered from ",
            b"recovered from ",
            b"apiserver ",
        ];
        let (panic, start) = memchr::memmem::find_iter(line, b"panic").find_map(|panic| {
            let before = RECOVERED.iter().find(|s| line[..panic].ends_with(s))?;
            Some((panic, before.len()))
        })?;
        let mut crash = Crash {
            cause: CrashCause::Panic,
            message: shortened(&line[panic - start..]),
            recovered: true,
            goroutine: None,
            signal: None,
            at: carrier::stamp_of(&line[..panic]),
        };
        // `"Observed a panic" panic="..." stacktrace=<`
        if let Some(at) = memchr::memmem::find(&line[panic..], b" panic=") {
            let value = &line[panic + at + b" panic=".len()..];
            if let Some((text, _)) = unquote(value) {
                crash.message = format!("panic: {}", shortened(&text));
            }
        }
        Some(Sign::Begins(Box::new(crash)))
    })
}

/// What a program logged before it ended itself: klog's fatal message, and that of a command of Kubernetes.
fn last_words(line: &[u8]) -> Option<&[u8]> {
    let message = klog(line)?;
    (line[0] == b'F' || message.starts_with(b"\"command failed\" err=")).then_some(message)
}

/// The code of an exception of Windows that nothing handles: `Exception 0xc0000005 0x0 0x18 0x7ff6a1b2c3d4`.
fn exception(line: &[u8]) -> Option<String> {
    let numbers = line.strip_prefix(b"Exception ")?;
    let is_hex = |n: &[u8]| {
        n.strip_prefix(b"0x")
            .is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_hexdigit))
    };
    let mut words = numbers.split(|b| *b == b' ');
    let code = words.next().filter(|code| is_hex(code))?;
    words.all(is_hex).then(|| String::from_utf8_lossy(code).into_owned())
}

/// The message of a line of klog: `F0312 07:41:30.123456    4711 server.go:274] cannot go on`.
fn klog(line: &[u8]) -> Option<&[u8]> {
    let end = memchr::memmem::find(line.get(..200.min(line.len()))?, b"] ")?;
    let mut words = line[1..end].split(|b| *b == b' ').filter(|w| !w.is_empty());
    let (date, clock, thread, place) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let digits = |w: &[u8]| w.iter().all(u8::is_ascii_digit);
    let is_head = words.next().is_none()
        && date.len() == 4
        && digits(date)
        && clock.len() >= 8
        && clock.iter().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'))
        && digits(thread)
        && memchr::memchr(b':', place).is_some();
    is_head.then_some(&line[end + 2..])
}

fn shortened(line: &[u8]) -> String {
    let end = (0..=line.len().min(LONGEST))
        .rev()
        .find(|&i| i == line.len() || line[i] & 0xc0 != 0x80);
    String::from_utf8_lossy(&line[..end.unwrap_or(0)]).trim_end().to_owned()
}

fn fatal(error: &[u8]) -> CrashCause {
    let has = |words: &[u8]| memchr::memmem::find(error, words).is_some();
    if has(b"thread exhaustion") {
        CrashCause::Threads(None)
    } else if has(b"out of memory") || has(b"cannot allocate memory") {
        CrashCause::OutOfMemory
    } else if has(b"stack overflow") {
        CrashCause::StackOverflow
    } else if has(b"concurrent map") {
        CrashCause::ConcurrentMap
    } else if has(b"all goroutines are asleep") {
        CrashCause::Deadlock
    } else {
        CrashCause::Fatal
    }
}

/// Takes up what another line says.
pub(super) fn add(crash: &mut Crash, more: &More) {
    match more {
        More::Signal(name) => {
            crash.signal.get_or_insert_with(|| name.clone());
        }
        More::Threads(limit) => {
            if matches!(crash.cause, CrashCause::Threads(None)) {
                crash.cause = CrashCause::Threads(Some(*limit));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs() {
        for (line, cause, recovered) in [
            (
                "panic: runtime error: index out of range [1] with length 1",
                CrashCause::Panic,
                false,
            ),
            ("fatal error: thread exhaustion", CrashCause::Threads(None), false),
            ("fatal error: runtime: out of memory", CrashCause::OutOfMemory, false),
            (
                "fatal error: runtime: cannot allocate memory",
                CrashCause::OutOfMemory,
                false,
            ),
            ("fatal error: stack overflow", CrashCause::StackOverflow, false),
            ("fatal error: concurrent map writes", CrashCause::ConcurrentMap, false),
            (
                "fatal error: all goroutines are asleep - deadlock!",
                CrashCause::Deadlock,
                false,
            ),
            (
                "F0312 07:41:30.123456    4711 server.go:274] failed to run Kubelet: x",
                CrashCause::Log,
                false,
            ),
            (
                "E0312 07:41:30.123456    4711 run.go:74] \"command failed\" err=\"x\"",
                CrashCause::Log,
                false,
            ),
            (
                "Exception 0xc0000005 0x0 0x18 0x7ff6a1b2c3d4",
                CrashCause::Exception("0xc0000005".to_owned()),
                false,
            ),
            ("SIGABRT: abort", CrashCause::Signal("SIGABRT".to_owned()), false),
            ("SIGQUIT: quit", CrashCause::Signal("SIGQUIT".to_owned()), false),
            ("Observed a panic: runtime.boundsError{x:1}", CrashCause::Panic, true),
            (
                r#"E0312 07:41:30.1 7 panic.go:115] "Observed a panic" panic="x""#,
                CrashCause::Panic,
                true,
            ),
            (
                "2026/03/12 07:41:30 http: panic serving 10.0.0.7:1: x",
                CrashCause::Panic,
                true,
            ),
        ] {
            let Some(Sign::Begins(crash)) = read(line.as_bytes()) else {
                panic!("{line}");
            };
            assert_eq!((&crash.cause, crash.recovered), (&cause, recovered), "{line}");
        }
        assert_eq!(
            read(b"[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]"),
            Some(Sign::Adds(More::Signal("SIGSEGV".to_owned())))
        );
        assert_eq!(
            read(b"runtime: program exceeds 10000-thread limit"),
            Some(Sign::Adds(More::Threads(10000)))
        );
        for line in [
            "E0312 07:41:30.123456 4711 a.go:1] no end",
            "F0312 it was",
            "Exception 0xc0000005 was thrown",
            "",
            "a panic: x",
            "SIGHT: x",
            "runtime: x",
            "panicking",
            "[signal ]",
        ] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }
}
