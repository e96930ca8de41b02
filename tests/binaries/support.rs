//! A folder with a shipped binary in it, and kubeprof run there.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kubeprof::model::{Line, Mapping, MappingId, Profile, Samples, ValueType};
use kubeprof::pprof::{Compression, encode_gzip};
use kubeprof::symbolize::Binary;
use tempfile::TempDir;

pub(super) fn unpack(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binaries")
        .join(name);
    let packed = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(&packed[..])
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// A folder with a binary, unpacked, as `kubelet`.
pub(crate) struct Place {
    pub(super) folder: TempDir,
    name: &'static str,
}

impl Place {
    pub(crate) fn new(name: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("kubelet"), unpack(&format!("{name}.zst"))).unwrap();
        Place { folder, name }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn binary(&self) -> String {
        self.path("kubelet").display().to_string()
    }

    pub(super) fn run(&self, args: &[&str], input: &str) -> Output {
        self.run_bytes(args, input.as_bytes())
    }

    pub(super) fn run_bytes(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .args(args)
            .env("KUBEPROF_ARCHIVE", self.path("archive"))
            .env("HOME", self.folder.path())
            .env_remove("PPROF_BINARY_PATH")
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_DATA_HOME")
            .env_remove("DEBUGINFOD_CACHE_PATH")
            .env("no_proxy", "127.0.0.1")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    pub(super) fn oracle(&self) -> Vec<(u64, Vec<[String; 4]>)> {
        let text = String::from_utf8(unpack(&format!("{}.oracle.zst", self.name))).unwrap();
        let frame = |f: &str| {
            let mut parts = f.rsplitn(4, '|').map(str::to_owned);
            let mut next = || parts.next().unwrap();
            let (start, line, file, function) = (next(), next(), next(), next());
            [function, file, line, start]
        };
        let line = |l: &str| {
            let mut fields = l.split('\t');
            let pc = u64::from_str_radix(fields.next().unwrap(), 16).unwrap();
            (pc, fields.skip(1).map(frame).collect::<Vec<_>>())
        };
        let known = |(_, frames): &(u64, Vec<[String; 4]>)| frames.iter().all(|f| f[1] != "?" && !f[0].is_empty());
        text.lines().map(line).filter(known).collect()
    }

    /// A CPU profile of the binary without any names: one sample for each PC of the oracle.
    pub(crate) fn profile(&self, file: &str, build_id: Option<&str>) -> String {
        let data = fs::read(self.path("kubelet")).unwrap();
        let binary = Binary::parse(&data).unwrap();
        let id = binary.build_ids().gnu.map(|i| i.to_string()).unwrap_or_default();
        let code = *binary.elf().segments().iter().find(|s| s.executable).unwrap();
        let mut p = Profile::default();
        p.sample_types = vec![ValueType {
            kind: p.strings.intern("samples"),
            unit: p.strings.intern("count"),
        }];
        p.samples = Samples::new(1);
        p.mappings.push(Mapping {
            id: 1,
            start: code.address & !0xfff,
            limit: ((code.address + code.size) | 0xfff) + 1,
            offset: code.offset & !0xfff,
            file: p.strings.intern("/usr/bin/kubelet"),
            build_id: p.strings.intern(build_id.unwrap_or(&id)),
            ..Mapping::default()
        });
        for (pc, _) in self.oracle() {
            let leaf = p.add_location(pc, Some(MappingId::new(0)), &[] as &[Line]);
            let stack = p.stacks.intern(&[leaf]).unwrap();
            p.samples.push(stack, &[1], &[]);
        }
        let path = self.path(file);
        encode_gzip(&p, fs::File::create(&path).unwrap(), Compression(1)).unwrap();
        path.display().to_string()
    }

    /// A profile of one sample in one function, whose file, first line and line are as told.
    pub(super) fn profile_of_line(&self, file: &str, function: &str, source: &str, start: i64, line: i64) -> String {
        let mut p = Profile::default();
        p.sample_types = vec![ValueType {
            kind: p.strings.intern("samples"),
            unit: p.strings.intern("count"),
        }];
        p.samples = Samples::new(1);
        let line = Line {
            function: p.add_function(function, function, source, start),
            line,
            column: 0,
        };
        let leaf = p.add_location(0x1000, None, &[line]);
        let stack = p.stacks.intern(&[leaf]).unwrap();
        p.samples.push(stack, &[1], &[]);
        let path = self.path(file);
        encode_gzip(&p, fs::File::create(&path).unwrap(), Compression(1)).unwrap();
        path.display().to_string()
    }
}

pub(super) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
