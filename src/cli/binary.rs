//! `kubeprof binary`: the archive of binaries, and whether a binary is the one that a profile was taken of.

use crate::cli::hints::{self, Failure};
use std::io::{self, BufWriter, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use super::Exit;
use crate::input::Input;
use crate::pprof::Limit;
use crate::symbolize::Binary;
use crate::symbolize::archive::{Added, Adding, Archive, open_image};
use crate::symbolize::facts::Facts;
use crate::symbolize::identity::{Verdict, examine, main_mapping};
use crate::symbolize::locate::{Image, unpack};
use crate::symbolize::names::printable;

// Archive binaries and prove which one a profile was taken of.
#[derive(Parser, Debug)]
#[command(name = "binary")]
pub(super) struct BinaryArgs {
    #[command(flatten)]
    place: ArchiveArgs,
    #[command(subcommand)]
    command: Command,
}

// Where the archive is.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct ArchiveArgs {
    /// Folder of the archive [default: kubeprof/binaries in the user's data directory].
    #[arg(long, value_name = "DIR", env = "KUBEPROF_ARCHIVE", global = true)]
    archive: Option<PathBuf>,
}

impl ArchiveArgs {
    /// The archive that the arguments or the environment name.
    pub(crate) fn open(&self) -> anyhow::Result<Archive> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let default = || Archive::default_root(variable("XDG_DATA_HOME"), variable("HOME"));
        let root = self.archive.clone().or_else(default);
        let missing = || Failure::new("no home directory", "say where the archive is with --archive DIR");
        Ok(Archive::new(root.ok_or_else(missing)?))
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Add binaries, or those inside tars and image layers; - is standard input.
    Add {
        /// Files.
        #[arg(required = true, value_name = "PATH|-")]
        paths: Vec<PathBuf>,
        /// Store them compressed (zstd): kubeprof reads these, debuggers do not.
        #[arg(long)]
        compress: bool,
        /// Add a file although the archive has another file with the same build ID.
        #[arg(long)]
        replace: bool,
        /// File name to look for inside of tars.
        #[arg(long, default_value = "kubelet", value_name = "NAME")]
        name: String,
    },
    /// Fetch binaries by GNU build ID from a debuginfod server into the archive.
    #[cfg(feature = "debuginfod")]
    Fetch {
        /// Build IDs, in hex, as `kubeprof inspect` shows them.
        #[arg(required = true, value_name = "BUILD-ID")]
        ids: Vec<String>,
        /// Server to ask; with several, the first that has the binary answers.
        #[arg(long, required = true, value_name = "URL")]
        debuginfod: Vec<String>,
        /// Store them compressed (zstd).
        #[arg(long)]
        compress: bool,
    },
    /// List the archive.
    Ls {
        /// Output format.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Show the record of a binary in the archive, or of a file.
    Show {
        /// ID or its first digits, or a path.
        id: String,
        /// Output format.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Remove binaries from the archive.
    Rm {
        /// IDs, or the first digits of each.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Say whether PROFILE was taken of BINARY, or check the archive.
    ///
    /// Exit code 0 for match and twin (another file with the same functions), 1 for unproven, 2 for mismatch. Without
    /// arguments everything in the archive is compared with its checksum: 0 when all is intact, 1 when not.
    Verify {
        /// A profile.
        #[arg(requires = "binary")]
        profile: Option<PathBuf>,
        /// A binary.
        binary: Option<PathBuf>,
        /// Output format.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Runs the command.
pub(super) fn answer(args: &BinaryArgs) -> anyhow::Result<Exit> {
    let mut out = BufWriter::new(io::stdout().lock());
    let exit = match &args.command {
        Command::Add {
            paths,
            compress,
            replace,
            name,
        } => {
            let how = Adding {
                compress: *compress,
                replace: *replace,
            };
            add(&args.place.open()?, paths, how, name, &mut out)?
        }
        #[cfg(feature = "debuginfod")]
        Command::Fetch {
            ids,
            debuginfod,
            compress,
        } => fetch(&args.place.open()?, ids, debuginfod, *compress, &mut out)?,
        Command::Ls { output } => list(&args.place.open()?, *output, &mut out)?,
        Command::Show { id, output } => show(args, id, *output, &mut out)?,
        Command::Rm { ids } => {
            let archive = args.place.open()?;
            for id in ids {
                let facts = archive.find(id)?;
                archive.remove(&facts)?;
                writeln!(out, "removed {}", describe(&facts))?;
            }
            Exit::Fine
        }
        Command::Verify {
            profile: Some(profile),
            binary: Some(binary),
            output,
        } => verify(profile, binary, *output, &mut out)?,
        Command::Verify { .. } => check(&args.place.open()?, &mut out)?,
    };
    out.flush()?;
    Ok(exit)
}

/// More than this on standard input is no image.
const MAX_INPUT: u64 = 8 << 30;

fn add(archive: &Archive, paths: &[PathBuf], how: Adding, name: &str, out: &mut impl Write) -> anyhow::Result<Exit> {
    for path in paths {
        let origin = path.display().to_string();
        if path.as_os_str() == "-" {
            let mut data = Vec::new();
            if io::stdin().is_terminal() {
                bail!(Failure::new(
                    "standard input is a terminal",
                    "pipe a binary or a tar into `kubeprof binary add -`"
                ));
            }
            let mut input = io::stdin().lock().take(MAX_INPUT + 1);
            input.read_to_end(&mut data).context("standard input")?;
            if data.len() as u64 > MAX_INPUT {
                bail!(Failure::new(
                    format!("standard input: more than {} GiB", MAX_INPUT >> 30),
                    "give a file"
                ));
            }
            add_bytes(archive, &data, "standard input", how, name, out)?;
        } else {
            // A compressed tar is unpacked as it is read.
            let image = Image::open(path)?;
            add_bytes(archive, &image, &origin, how, name, out)?;
        }
    }
    Ok(Exit::Fine)
}

fn add_bytes(
    archive: &Archive,
    data: &[u8],
    origin: &str,
    how: Adding,
    name: &str,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut found = 0;
    let mut add = |data: &[u8], origin: &str| -> anyhow::Result<()> {
        found += 1;
        match archive.add(data, origin, how)? {
            Added::New(facts) => writeln!(out, "added {}", describe(&facts))?,
            Added::Known(facts) => writeln!(out, "already there: {}", describe(&facts))?,
        }
        Ok(())
    };
    if data.starts_with(b"\x7fELF") || !unpack::may_hold_binaries(data) {
        return add(data, origin);
    }
    let mut member = |m: unpack::Member| {
        let origin = match m.name.as_str() {
            "" => origin.to_owned(),
            name => format!("{origin}!{name}"),
        };
        add(&m.data, &origin)
    };
    match unpack::binaries(data, &|base| base == name, &mut member) {
        Err(unpack::UnpackError::Member(error)) => return Err(error),
        Err(error) => bail!(Failure::new(
            format!("{origin}: {error}"),
            error.hint().unwrap_or_default()
        )),
        Ok(()) => {}
    }
    if found == 0 {
        bail!(Failure::new(
            format!("{origin}: no binary named {name} inside"),
            "name another one with --name"
        ));
    }
    Ok(())
}

#[cfg(feature = "debuginfod")]
fn fetch(
    archive: &Archive,
    ids: &[String],
    servers: &[String],
    compress: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    use crate::symbolize::locate::debuginfod;

    for id in ids {
        if archive.path_of(id).is_some() {
            writeln!(out, "already there: {id}")?;
            continue;
        }
        // Beside the archive, so that nothing big lands in a small /tmp.
        let place = archive.root().join(format!(".fetch-{}", std::process::id()));
        let fetched = servers.iter().map(|s| (s, debuginfod::fetch(s, id, &place)));
        let mut errors = Vec::new();
        let mut done = None;
        for (server, result) in fetched {
            match result {
                Ok(path) => {
                    done = Some((server, path));
                    break;
                }
                Err(error) => errors.push(hints::told(&error)),
            }
        }
        let added = done.map(|(server, path)| -> anyhow::Result<Added> {
            let how = Adding {
                compress,
                replace: false,
            };
            Ok(archive.add(&Image::open(&path)?, server, how)?)
        });
        let _ = std::fs::remove_dir_all(&place);
        match added {
            None => bail!("{}", errors.join("\n")),
            Some(Ok(Added::New(facts) | Added::Known(facts))) => writeln!(out, "added {}", describe(&facts))?,
            Some(Err(error)) => return Err(error),
        }
    }
    Ok(Exit::Fine)
}

fn describe(facts: &Facts) -> String {
    let mut text = facts.id.clone();
    for part in [&facts.path, &facts.kubernetes_version, &facts.go_version, &facts.goarch] {
        if !part.is_empty() {
            text.push_str("  ");
            text.push_str(&printable(part));
        }
    }
    text
}

fn list(archive: &Archive, output: Output, out: &mut impl Write) -> anyhow::Result<Exit> {
    let records = archive.list()?;
    for (id, error) in archive.damaged()? {
        say!("kubeprof: {id}: damaged: {}", hints::told(&error));
    }
    match output {
        Output::Json => json(out, &records)?,
        Output::Text if records.is_empty() => {
            say!("kubeprof: nothing in {} yet", archive.root().display());
        }
        Output::Text => records.iter().try_for_each(|r| writeln!(out, "{}", describe(r)))?,
    }
    Ok(Exit::Fine)
}

fn show(args: &BinaryArgs, id: &str, output: Output, out: &mut impl Write) -> anyhow::Result<Exit> {
    let path = Path::new(id);
    let facts = if path.is_file() {
        let image = open_image(path)?;
        let binary = Binary::parse(&image).with_context(|| id.to_owned())?;
        Facts::of(&binary, id)
    } else {
        args.place.open()?.find(id)?
    };
    match output {
        Output::Json => json(out, &facts)?,
        Output::Text => {
            let size = facts.size.to_string();
            let rows = [
                ("id", &facts.id),
                ("GNU build ID", &facts.gnu_build_id),
                ("Go build ID", &facts.go_build_id),
                ("Go", &facts.go_version),
                ("main package", &facts.path),
                ("module", &facts.module),
                ("module version", &facts.module_version),
                ("Kubernetes", &facts.kubernetes_version),
                ("revision", &facts.revision),
                ("linked", &facts.link_mode),
                ("architecture", &facts.goarch),
                ("size", &size),
                ("sha256", &facts.sha256),
                ("from", &facts.origin),
            ];
            for (name, value) in rows {
                let value = if value.is_empty() { "-" } else { value };
                writeln!(out, "{name:<15} {}", printable(value))?;
            }
            writeln!(out, "{:<15} {}", "DWARF", if facts.dwarf { "yes" } else { "no" })?;
        }
    }
    Ok(Exit::Fine)
}

fn check(archive: &Archive, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut exit = Exit::Fine;
    for (id, error) in archive.damaged()? {
        say!("kubeprof: {id}: {}", hints::told(&error));
        exit = Exit::Findings;
    }
    for facts in archive.list()? {
        match archive.check(&facts) {
            Ok(()) => writeln!(out, "intact  {}", describe(&facts))?,
            Err(error) => {
                say!("kubeprof: {}", hints::told(&error));
                exit = Exit::Findings;
            }
        }
    }
    Ok(exit)
}

#[derive(Serialize)]
struct VerdictJson<'a> {
    verdict: &'a str,
    reason: &'a str,
    build_id_profile: &'a str,
    build_id_binary: &'a str,
    go_build_id_binary: &'a str,
    checked: u64,
    agreed: u64,
    untold: u64,
    other_folders: u64,
    examples: Vec<ExampleJson<'a>>,
}

#[derive(Serialize)]
struct ExampleJson<'a> {
    address: String,
    profile: &'a str,
    binary: &'a str,
}

fn verify(profile: &Path, binary: &Path, output: Output, out: &mut impl Write) -> anyhow::Result<Exit> {
    let image = open_image(binary)?;
    let opened = Binary::parse(&image).with_context(|| binary.display().to_string())?;
    let profile = Input::open(&[profile.to_owned()], Limit::Proportional)?.one(false)?.0;
    let mapping = main_mapping(&profile, &opened);
    let identity = examine(&profile, mapping, &opened);
    match output {
        Output::Json => {
            let example = |e: &'_ crate::symbolize::identity::Example| (format!("{:#x}", e.address), e.clone());
            let examples: Vec<_> = identity.examples.iter().map(example).collect();
            let examples = examples.iter().map(|(address, e)| ExampleJson {
                address: address.clone(),
                profile: &e.profile,
                binary: &e.binary,
            });
            let verdict = VerdictJson {
                verdict: identity.verdict.code(),
                reason: identity.reason.code(),
                build_id_profile: &identity.build_id_profile,
                build_id_binary: &identity.build_id_binary,
                go_build_id_binary: &identity.go_build_id_binary,
                checked: identity.checked,
                agreed: identity.agreed,
                untold: identity.untold,
                other_folders: identity.other_folders,
                examples: examples.collect(),
            };
            json(out, &verdict)?;
        }
        Output::Text => out.write_all(identity.to_string().as_bytes())?,
    }
    Ok(match identity.verdict {
        Verdict::Match | Verdict::Twin => Exit::Fine,
        Verdict::Unproven => Exit::Findings,
        Verdict::Mismatch => Exit::Failed,
    })
}

fn json(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}
