//! Where a report goes: stdout, a file, a file of its own instead of a terminal, Graphviz, a viewer.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What becomes of a report once it is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    /// It is text, for anybody.
    Nothing,
    /// It is no text: a terminal gets a file with this extension instead.
    AwayFromTerminal(&'static str),
    /// It is shown by the first of these programs that there is, from a file with this extension.
    Viewer(&'static str, &'static [&'static str]),
}

const BROWSERS: &[&str] = &[
    "chrome",
    "google-chrome",
    "chromium",
    "firefox",
    "sensible-browser",
    "xdg-open",
];

/// How a command's report is written: the format that Graphviz makes of it, and where it goes.
pub(super) fn plan(command: &str) -> (Option<&'static str>, After) {
    use After::{AwayFromTerminal, Nothing, Viewer};
    match command {
        "callgrind" => (None, AwayFromTerminal("callgraph.out")),
        "proto" | "topproto" => (None, AwayFromTerminal("pb.gz")),
        "gif" => (Some("gif"), AwayFromTerminal("gif")),
        "pdf" => (Some("pdf"), AwayFromTerminal("pdf")),
        "png" => (Some("png"), AwayFromTerminal("png")),
        "ps" => (Some("ps"), AwayFromTerminal("ps")),
        "svg" => (Some("svg"), AwayFromTerminal("svg")),
        "eog" => (Some("svg"), Viewer("svg", &["eog"])),
        "evince" => (Some("pdf"), Viewer("pdf", &["evince"])),
        "gv" => (Some("ps"), Viewer("ps", &["gv --noantialias"])),
        "web" => (Some("svg"), Viewer("svg", BROWSERS)),
        "kcachegrind" => (None, Viewer("grind", &["kcachegrind"])),
        "weblist" => (None, Viewer("html", BROWSERS)),
        _ => (None, Nothing),
    }
}

/// A file that comes into being with its first byte, so that a report that fails leaves none.
pub(super) struct LateFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl LateFile {
    /// Will write to `path`.
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: PathBuf::from(path),
            file: None,
        }
    }

    /// Creates the file if nothing was written, and ends it.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write_all(b"")?;
        self.flush()
    }

    fn file(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.file.is_none() {
            let name = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", self.path.display()));
            let file = File::create(&self.path).map_err(name)?;
            say!("Generating report in {}", self.path.display());
            self.file = Some(BufWriter::with_capacity(1 << 16, file));
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl Write for LateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Whether stdout should not get this report.
pub(super) fn is_for_a_file(after: After, from_prompt: bool) -> Option<&'static str> {
    match after {
        After::AwayFromTerminal(extension) if from_prompt || io::stdout().is_terminal() => Some(extension),
        _ => None,
    }
}

/// Creates `profile001.pb.gz` or the first such name that is free.
pub(super) fn numbered_file(folder: &Path, prefix: &str, extension: &str) -> io::Result<(PathBuf, File)> {
    for n in 1..10_000 {
        let path = folder.join(format!("{prefix}{n:03}.{extension}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("could not create file of the form {prefix}NNN.{extension}"),
    ))
}

/// Lets Graphviz draw.
///
/// # Errors
/// A text for stderr, with what to do.
pub(in crate::cli) fn graphviz(format: &str, drawing: &[u8]) -> Result<Vec<u8>, String> {
    let fail = |reason: String| {
        format!("failed to execute dot: {reason}\nhint: install Graphviz, or write dot and draw it elsewhere")
    };
    let mut child = Command::new("dot")
        .arg(format!("-T{format}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| fail(e.to_string()))?;
    let stdin = child.stdin.take();
    // Written from a thread of its own: dot may answer before it has read all.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(drawing)));
        child.wait_with_output()
    })
    .map_err(|e| fail(e.to_string()))?;
    if !output.status.success() {
        return Err(fail(output.status.to_string()));
    }
    Ok(output.stdout)
}

/// Opens an address in the first browser that starts. Where there is none, the address was printed.
#[cfg(feature = "web")]
pub(in crate::cli) fn open_browser(url: &str) {
    let own = std::env::var("BROWSER").ok().filter(|b| !b.is_empty());
    for program in own.as_deref().into_iter().chain(BROWSERS.iter().copied()) {
        let mut words = program.split(' ');
        let Some(name) = words.next() else { continue };
        let mut command = Command::new(name);
        command
            .args(words)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Ok(mut child) = command.spawn() {
            // Waited for, so that it does not stay behind as a zombie.
            std::thread::spawn(move || child.wait());
            return;
        }
    }
}

/// Shows a report in the first program that starts, and waits for it.
///
/// # Errors
/// A text for stderr.
pub(super) fn show(report: &[u8], extension: &str, programs: &[&str]) -> Result<(), String> {
    let folder = std::env::temp_dir();
    let (path, mut file) = numbered_file(&folder, "pprof", extension).map_err(|e| e.to_string())?;
    file.write_all(report).map_err(|e| format!("{}: {e}", path.display()))?;
    drop(file);
    let browser = std::env::var("BROWSER")
        .ok()
        .filter(|b| !b.is_empty() && programs == BROWSERS);
    let mut result = Err("no viewer was found".to_owned());
    for program in browser.as_deref().into_iter().chain(programs.iter().copied()) {
        let mut words = program.split(' ');
        let Some(name) = words.next() else { continue };
        match Command::new(name).args(words).arg(&path).spawn() {
            Ok(mut child) => {
                result = child.wait().map(drop).map_err(|e| e.to_string());
                break;
            }
            Err(e) => result = Err(format!("{name}: {e}\nhint: -output=FILE writes the report to a file")),
        }
    }
    let _ = std::fs::remove_file(&path);
    result
}
