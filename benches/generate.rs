//! Writes a made profile from a seed: the input of `compare.py`. The same arguments always give the same bytes.
//!
//! `random` stacks walk a call graph in which every function has a few frequent callees and a long tail of rare ones;
//! nearly every stack is new and nothing is shared, which is the worst case for tables of stacks and edges. `tree` stacks
//! leave an earlier stack a few frames above its leaf, as those of a real program do.
//!
//! `cargo bench --bench generate -- --samples 200000 --depth 40 --out FILE`

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use kubeprof::model::{Label, Line, LocationId, Mapping, MappingId, Profile, Samples, StringId, ValueType};
use kubeprof::pprof::{Compression, encode_gzip};

const USAGE: &str = "\
--out FILE          where to write the profile (gzip)
--seed N            1
--samples N         200000
--depth N           40, frames of a stack
--functions N       30000
--locations N       90000
--shape random|tree random
--kind cpu|heap     cpu: samples/count, cpu/nanoseconds; heap: alloc_objects, alloc_space, inuse_objects, inuse_space
--labelled PERCENT  20, samples with labels (heap samples have their size besides)
--labels N          2, labels of a labelled sample
";

/// SplitMix64: small, seeded, the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// Between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

struct Options {
    out: String,
    seed: u64,
    samples: usize,
    depth: usize,
    functions: usize,
    locations: usize,
    tree: bool,
    heap: bool,
    labelled: usize,
    labels: usize,
}

fn options(args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut o = Options {
        out: String::new(),
        seed: 1,
        samples: 200_000,
        depth: 40,
        functions: 30_000,
        locations: 90_000,
        tree: false,
        heap: false,
        labelled: 20,
        labels: 2,
    };
    // `cargo bench` adds --bench.
    let mut args = args.filter(|a| a != "--bench");
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|e| format!("{name} {value}: {e}"));
        match name.as_str() {
            "--out" => o.out = value,
            "--seed" => o.seed = number()? as u64,
            "--samples" => o.samples = number()?,
            "--depth" => o.depth = number()?.max(1),
            "--functions" => o.functions = number()?.max(1),
            "--locations" => o.locations = number()?.max(1),
            "--labelled" => o.labelled = number()?,
            "--labels" => o.labels = number()?,
            "--shape" if value == "random" || value == "tree" => o.tree = value == "tree",
            "--kind" if value == "cpu" || value == "heap" => o.heap = value == "heap",
            _ => return Err(format!("{name} {value}: not an option")),
        }
    }
    o.locations = o.locations.max(o.functions);
    if o.out.is_empty() {
        return Err("--out is missing".to_owned());
    }
    Ok(o)
}

/// How thin the tail of rare callees is.
const TAIL: f64 = 1.2;

/// The functions and their call graph.
struct Program {
    functions: usize,
    locations: usize,
}

impl Program {
    /// Some callee of `function`: the n-th with a probability that falls as a power of n, so that the number of
    /// different edges grows with the number of calls looked at, but slower. A few functions are called by many.
    fn callee(&self, r: &mut Random, function: usize) -> usize {
        let rank = r.unit().max(1e-9).powf(-1.0 / TAIL).min(1e12) as u64;
        let mut mix = Random((function as u64) << 32 ^ rank);
        let skewed = mix.unit() * mix.unit();
        ((skewed * self.functions as f64) as usize).min(self.functions - 1)
    }

    /// Some place in `function`. Location n is in function n modulo the number of functions.
    fn location(&self, r: &mut Random, function: usize) -> usize {
        let places = (self.locations - function).div_ceil(self.functions);
        function + r.below(places) * self.functions
    }

    fn function_of(&self, location: usize) -> usize {
        location % self.functions
    }
}

fn tables(o: &Options, p: &mut Profile) {
    const VERBS: [&str; 8] = [
        "Sync",
        "Get",
        "List",
        "Update",
        "reconcile",
        "watch",
        "decode",
        "handle",
    ];
    p.mappings.push(Mapping {
        id: 1,
        start: 0x40_0000,
        limit: 0x40_0000 + 64 * o.locations as u64,
        file: p.strings.intern("/usr/local/bin/kubelet"),
        build_id: p.strings.intern("6d616465206279206b75626570726f66"),
        has_functions: true,
        ..Mapping::default()
    });
    for i in 0..o.functions {
        let package = i / 40;
        let name = format!(
            "k8s.io/kubernetes/pkg/kubelet/part{package}.(*Type{}).{}Method{i}",
            i / 8,
            VERBS[i % VERBS.len()]
        );
        let file = format!("k8s.io/kubernetes/pkg/kubelet/part{package}/file{}.go", i / 10);
        p.add_function(&name, &name, &file, 1 + (i % 10) as i64 * 60);
    }
    for i in 0..o.locations {
        let function = i % o.functions;
        let line = |function: usize, n: usize| Line {
            function: kubeprof::model::FunctionId::new(function),
            line: (function % 10 * 60 + 5 + n) as i64,
            column: 0,
        };
        let site = i / o.functions;
        let address = 0x40_0000 + 64 * (function * o.locations.div_ceil(o.functions) + site) as u64;
        // Every eighth place holds an inlined call of the function's neighbour.
        let inlined = [line((function + 1) % o.functions, 0), line(function, 7 * site)];
        let lines = if i % 8 == 3 { &inlined[..] } else { &inlined[1..] };
        p.add_location(address, Some(MappingId::new(0)), lines);
    }
}

fn value_types(o: &Options, p: &mut Profile) {
    let mut value_type = |kind: &str, unit: &str| ValueType {
        kind: p.strings.intern(kind),
        unit: p.strings.intern(unit),
    };
    if o.heap {
        p.sample_types = vec![
            value_type("alloc_objects", "count"),
            value_type("alloc_space", "bytes"),
            value_type("inuse_objects", "count"),
            value_type("inuse_space", "bytes"),
        ];
        p.period_type = Some(value_type("space", "bytes"));
        p.period = 512 << 10;
        p.default_sample_type = p.strings.intern("inuse_space");
    } else {
        p.sample_types = vec![value_type("samples", "count"), value_type("cpu", "nanoseconds")];
        p.period_type = Some(value_type("cpu", "nanoseconds"));
        p.period = 10_000_000;
        p.duration_nanos = 30_000_000_000;
    }
    p.time_nanos = 1_763_900_000_000_000_000;
}

fn labels(o: &Options, p: &mut Profile, r: &mut Random, keys: &[StringId], bytes: StringId, size: i64) -> Vec<Label> {
    let mut labels = Vec::new();
    if r.below(100) < o.labelled {
        for &key in keys {
            let value = p.strings.intern(&format!("pod-{}", r.below(200)));
            labels.push(Label::text(key, value));
        }
    }
    if o.heap {
        labels.push(Label::number(bytes, size, StringId::EMPTY));
    }
    labels
}

fn generate(o: &Options) -> Result<Profile, String> {
    let mut p = Profile::default();
    let mut r = Random(o.seed);
    value_types(o, &mut p);
    tables(o, &mut p);
    let program = Program {
        functions: o.functions,
        locations: o.locations,
    };
    let keys: Vec<StringId> = (0..o.labels).map(|i| p.strings.intern(&format!("key{i}"))).collect();
    let bytes = p.strings.intern("bytes");
    let mut samples = Samples::new(p.sample_types.len());
    // Stacks root first; those that later ones branch off.
    let mut recent: Vec<Vec<u32>> = Vec::new();
    let mut frames: Vec<LocationId> = Vec::new();
    for i in 0..o.samples {
        let mut stack: Vec<u32> = Vec::new();
        let mut depth = o.depth;
        if o.tree {
            depth = o.depth / 2 + r.below(o.depth + 1);
            if !recent.is_empty() {
                stack.clone_from(&recent[r.below(recent.len())]);
                // Mostly near the leaf, at times near the root.
                let cut = 1 + (r.unit().max(1e-6).powf(-0.7) as usize).min(stack.len() - 1);
                stack.truncate((stack.len() - cut.min(stack.len() - 1)).min(depth));
            }
        }
        while stack.len() < depth.max(1) {
            let function = match stack.last() {
                None => r.below(if o.tree { 20.min(o.functions) } else { o.functions }),
                Some(&l) => program.callee(&mut r, program.function_of(l as usize)),
            };
            stack.push(program.location(&mut r, function) as u32);
        }
        frames.clear();
        frames.extend(stack.iter().rev().map(|&l| LocationId::new(l as usize)));
        let id = p.stacks.intern(&frames).ok_or("more frames than a profile can hold")?;
        if o.tree {
            if recent.len() < 8192 {
                recent.push(stack);
            } else {
                let at = i % recent.len();
                recent[at] = stack;
            }
        }
        let size = 16i64 << r.below(12);
        let labels = labels(o, &mut p, &mut r, &keys, bytes, size);
        if o.heap {
            let objects = 1 + r.below(4000) as i64;
            let alive = if r.below(3) == 0 {
                r.below(objects as usize) as i64
            } else {
                0
            };
            samples.push(id, &[objects, objects * size, alive, alive * size], &labels);
        } else {
            let ticks = 1 + r.below(20) as i64 / 10 * r.below(8) as i64;
            samples.push(id, &[ticks, ticks * p.period], &labels);
        }
    }
    p.samples = samples;
    Ok(p)
}

fn run(o: &Options) -> Result<(), String> {
    let profile = generate(o)?;
    let file = File::create(&o.out).map_err(|e| format!("{}: {e}", o.out))?;
    // 6 is what runtime/pprof uses.
    encode_gzip(&profile, BufWriter::new(file), Compression(6)).map_err(|e| format!("{}: {e}", o.out))
}

fn main() -> ExitCode {
    if std::env::args().skip(1).all(|a| a == "--bench") {
        eprintln!("generate: nothing to do; options behind `--`:\n{USAGE}");
        return ExitCode::SUCCESS;
    }
    match options(std::env::args().skip(1)).and_then(|o| run(&o)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("generate: {message}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
