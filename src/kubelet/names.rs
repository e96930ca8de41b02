//! What a Go linker symbol says: package, receiver, function, the closures inside it and its type arguments.
//!
//! Knows: how the compiler and the linker build names (`%2e` escapes, `.func1.2`, `.gowrap1`, `-range1`, `-fm`,
//! `[go.shape...]`, `type:.eq.`), and which parts of an import path say where the code was built instead of what it is
//! (`vendor/`, `Godeps/_workspace/src/`, `staging/src/`, `_/path`, `@v1.36.1`). These are removed, so that one package
//! has one spelling over all releases of Kubernetes. The name as it was written stays available.
//!
//! Decides nothing about the kubelet: that is `knowledge`. File paths are `paths`.
//!
//! Parsing is total (every string is a name of some kind), keeps offsets into its input and allocates only when an
//! import path holds an escape or a version, at most once.

use std::borrow::Cow;

use super::paths;

/// What sort of symbol a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A Go function or method.
    Function,
    /// Compiler-made equality or hash function of a type (`type:.eq.k8s.io/api/core/v1.Pod`).
    TypeAlgorithm,
    /// No package: C, or Go assembler without one (`memeqbody`, `pthread_cond_wait`).
    Unqualified,
    /// No name at all.
    Empty,
}

/// A method's receiver type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receiver<'a> {
    /// Type name without its type arguments, `podWorkers`.
    pub name: &'a str,
    /// Whether the method has a pointer receiver, `(*podWorkers)`.
    pub pointer: bool,
}

/// A name taken apart.
///
/// The normalised form is `package.symbol`; [`GoName::package`] and [`GoName::symbol`] are its two halves.
#[derive(Debug, Clone)]
pub struct GoName<'a> {
    original: &'a str,
    qualified: Cow<'a, str>,
    package_len: usize,
    symbol_start: usize,
    kind: NameKind,
    std_vendored: bool,
}

impl<'a> GoName<'a> {
    /// Takes a function name as a profile, a goroutine dump or a symbol table has it.
    pub fn parse(name: &'a str) -> Self {
        if name.is_empty() {
            return Self::plain(name, NameKind::Empty);
        }
        let (body, kind) = match strip_type_algorithm(name) {
            Some(rest) => (rest, NameKind::TypeAlgorithm),
            None => (name, NameKind::Function),
        };
        let Some(dot) = package_end(body) else {
            return match kind {
                NameKind::TypeAlgorithm => Self::plain(name, kind),
                _ => Self::plain(name, NameKind::Unqualified),
            };
        };
        let (start, std_vendored) = paths::build_prefix_len(&body[..dot]);
        let package = &body[start..dot];
        if package.bytes().any(|b| b == b'%' || b == b'@') {
            let mut qualified = String::with_capacity(body.len() - start);
            push_import_path(&mut qualified, package);
            let package_len = qualified.len();
            qualified.push_str(&body[dot..]);
            Self {
                original: name,
                qualified: Cow::Owned(qualified),
                package_len,
                symbol_start: package_len + 1,
                kind,
                std_vendored,
            }
        } else {
            Self {
                original: name,
                qualified: Cow::Borrowed(&body[start..]),
                package_len: dot - start,
                symbol_start: dot - start + 1,
                kind,
                std_vendored,
            }
        }
    }

    /// Like [`GoName::parse`], and lets the source file decide where the name does not: the package of `main`
    /// (`k8s.io/kubernetes/cmd/kubelet`) and of assembler functions. An empty or unhelpful `file` changes nothing.
    pub fn parse_in(name: &'a str, file: &str) -> Self {
        let parsed = Self::parse(name);
        let package = match parsed.kind {
            NameKind::Function if parsed.package() == "main" => paths::package_of_file(file),
            NameKind::Unqualified if file.ends_with(".s") || file.ends_with(".go") => {
                paths::package_of_file(file).filter(|p| paths::is_std(p))
            }
            _ => None,
        };
        let Some(package) = package.filter(|p| !p.is_empty()) else {
            return parsed;
        };
        let qualified = format!("{package}.{}", parsed.symbol());
        Self {
            package_len: package.len(),
            symbol_start: package.len() + 1,
            qualified: Cow::Owned(qualified),
            kind: NameKind::Function,
            ..parsed
        }
    }

    fn plain(name: &'a str, kind: NameKind) -> Self {
        Self {
            original: name,
            qualified: Cow::Borrowed(name),
            package_len: 0,
            symbol_start: 0,
            kind,
            std_vendored: false,
        }
    }

    /// The name as it was given.
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// The sort of symbol.
    pub fn kind(&self) -> NameKind {
        self.kind
    }

    /// Normalised `package.symbol`; the symbol alone when there is no package.
    pub fn qualified(&self) -> &str {
        &self.qualified
    }

    /// Normalised import path, `k8s.io/klog/v2`; empty when the name has none.
    pub fn package(&self) -> &str {
        &self.qualified[..self.package_len]
    }

    /// Everything behind the package: `(*podWorkers).UpdatePod.func1`.
    pub fn symbol(&self) -> &str {
        &self.qualified[self.symbol_start..]
    }

    /// Whether the package is the standard library's own copy of `golang.org/x` (`vendor/golang.org/x/crypto/...`).
    pub fn is_std_vendored(&self) -> bool {
        self.std_vendored
    }

    /// Whether the package is of the standard library.
    pub fn is_std(&self) -> bool {
        self.std_vendored || paths::is_std(self.package())
    }

    /// Module the package belongs to: `k8s.io/kubernetes`, `k8s.io/client-go`, `github.com/godbus/dbus/v5`, `std`, or
    /// `""` when nothing tells. `file` is the source file, or empty; a file of a module build names its module exactly,
    /// without it the module's length is known by the host's rules.
    pub fn module(&self, file: &str) -> Cow<'_, str> {
        if self.is_std() {
            return Cow::Borrowed("std");
        }
        let package = self.package();
        if let Some(module) = paths::module_of_file(file) {
            // Generic code instantiated elsewhere carries another package's file: believe the file only about itself.
            if paths::is_at_or_below(package, &module) {
                return Cow::Owned(module.into_owned());
            }
        }
        Cow::Borrowed(paths::module_of_package(package))
    }

    /// Receiver, function and what is inside it.
    pub fn parts(&self) -> SymbolParts<'_> {
        SymbolParts::of(self.symbol())
    }

    /// The name with every type argument list as `[...]`, as Go's own texts print it: makes a profile's names and a
    /// goroutine dump's comparable. Allocates only for generic functions.
    pub fn elided(&self) -> Cow<'_, str> {
        match self.qualified.find('[') {
            None => Cow::Borrowed(&self.qualified),
            Some(_) => Cow::Owned(elide_type_args(&self.qualified)),
        }
    }

    /// Spelling for comparison between builds: without type arguments, major version elements and the numbers of
    /// closures (which Go 1.27 counts otherwise than 1.26). Several closures of one function share a key.
    pub fn comparison_key(&self) -> String {
        let package = self.package();
        let parts = self.parts();
        let mut key = String::with_capacity(self.qualified.len());
        paths::push_without_major_version(&mut key, package);
        if !key.is_empty() {
            key.push('.');
        }
        if let Some(receiver) = parts.receiver {
            key.push_str(if receiver.pointer { "(*" } else { "" });
            key.push_str(receiver.name);
            key.push_str(if receiver.pointer { ")." } else { "." });
        }
        key.push_str(parts.function);
        if !parts.inner.is_empty() {
            key.push_str(".func");
        }
        key
    }
}

/// A symbol (package removed) taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolParts<'s> {
    /// Receiver of a method. A value receiver's closure (`Handler.Serve.func1`) cannot be told from a closure of a
    /// function inlined into another (`Serve.Once.func1`); the former is assumed.
    pub receiver: Option<Receiver<'s>>,
    /// Function or method, without type arguments: `UpdatePod`, `init.0`, `glob.`.
    pub function: &'s str,
    /// Type arguments of the function or else of its receiver, without the brackets.
    pub type_args: Option<&'s str>,
    /// Closures, wrappers and range bodies inside it, as written: `.func1.2`, `.gowrap1`, `-range1`, `-fm`; or empty.
    /// Holds the inlined function as well, where the compiler names one: `.(*Group).StartWithContext.func3`.
    pub inner: &'s str,
}

impl<'s> SymbolParts<'s> {
    /// Takes what stands behind the package.
    pub fn of(symbol: &'s str) -> Self {
        let (first, first_end) = segment(symbol, 0);
        if let Some(inside) = first.strip_prefix('(') {
            let inside = inside.strip_suffix(')').unwrap_or(inside);
            let pointer = inside.starts_with('*');
            let (name, args) = split_type_args(inside.strip_prefix('*').unwrap_or(inside));
            let method_start = (first_end + 1).min(symbol.len());
            let (method, end) = segment(symbol, method_start);
            return Self::finish(symbol, Some(Receiver { name, pointer }), args, method, end);
        }
        // `init.0` and `map.init.0` are functions, `glob..func1` is a closure of no function.
        if first == "glob" && symbol[first_end..].starts_with("..") {
            return Self::finish(symbol, None, None, &symbol[..=first_end], first_end + 1);
        }
        let mut first_end = first_end;
        if first == "map" && symbol.starts_with("map.init") {
            first_end = segment(symbol, first_end + 1).1;
        }
        if symbol[..first_end].ends_with("init") {
            let (next, end) = segment(symbol, (first_end + 1).min(symbol.len()));
            let end = if is_number(next) { end } else { first_end };
            return Self::finish(symbol, None, None, &symbol[..end], end);
        }
        let (second, second_end) = segment(symbol, (first_end + 1).min(symbol.len()));
        if second.is_empty() || is_inner_segment(second) || symbol[..first_end].contains('-') {
            return Self::finish(symbol, None, None, &symbol[..first_end], first_end);
        }
        let (name, args) = split_type_args(first);
        Self::finish(
            symbol,
            Some(Receiver { name, pointer: false }),
            args,
            second,
            second_end,
        )
    }

    fn finish(
        symbol: &'s str,
        receiver: Option<Receiver<'s>>,
        receiver_args: Option<&'s str>,
        function: &'s str,
        end: usize,
    ) -> Self {
        let start = end - function.len();
        // To Go 1.9 a method value was `(*T).(path/to/package.method)-fm`.
        if let Some((quoted, _)) = function.strip_prefix('(').and_then(|f| f.split_once(')')) {
            let name = quoted.rsplit(['.', '/']).next().unwrap_or(quoted);
            let inner_start = start + quoted.len() + 2;
            return Self {
                receiver,
                function: name,
                type_args: receiver_args,
                inner: &symbol[inner_start..],
            };
        }
        let (bare, args) = split_type_args(function);
        // `Run-fm`, `Visit-range1`: the suffix stands in the function's own segment.
        let suffix = if bare.len() == function.len() {
            function.find('-')
        } else {
            function.rfind("]-").map(|at| at + 1)
        };
        let inner_start = suffix.map_or(end, |at| start + at);
        let bare = if args.is_none() {
            &function[..inner_start - start]
        } else {
            bare
        };
        Self {
            receiver,
            function: bare,
            type_args: args.or(receiver_args),
            inner: &symbol[inner_start..],
        }
    }
}

/// The segment that begins at `start` and where it ends: at the next dot outside of brackets.
fn segment(symbol: &str, start: usize) -> (&str, usize) {
    let mut depth = 0usize;
    for (at, byte) in symbol.bytes().enumerate().skip(start) {
        match byte {
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => depth = depth.saturating_sub(1),
            b'.' if depth == 0 => return (&symbol[start..at], at),
            _ => {}
        }
    }
    (&symbol[start.min(symbol.len())..], symbol.len())
}

fn split_type_args(name: &str) -> (&str, Option<&str>) {
    match name.find('[') {
        Some(open) => {
            let args = &name[open + 1..];
            (
                &name[..open],
                Some(args.rfind(']').map_or(args, |close| &args[..close])),
            )
        }
        None => (name, None),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a segment is one the compiler adds: `func1`, `2`, `gowrap1`, `deferwrap1`, `func1-range2`, `abi0`.
fn is_inner_segment(segment: &str) -> bool {
    let segment = segment.split('-').next().unwrap_or(segment);
    if segment == "abi0" || segment == "abiinternal" {
        return true;
    }
    let digits = ["func\u{b7}", "func", "gowrap", "deferwrap", ""]
        .iter()
        .find_map(|p| segment.strip_prefix(p));
    digits.is_some_and(is_number)
}

/// What stands behind `type:.eq.` (and its other spellings), if the name is of that sort.
fn strip_type_algorithm(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("type:.").or_else(|| name.strip_prefix("type.."))?;
    rest.strip_prefix("eq.").or_else(|| rest.strip_prefix("hash."))
}

/// What C compilers append to the name of a specialised copy of a function.
const C_CLONES: &[&str] = &["constprop", "isra", "part", "cold", "llvm", "lto_priv"];

/// Offset of the dot between package and symbol.
fn package_end(name: &str) -> Option<usize> {
    let bytes = name.as_bytes();
    // Type arguments and receivers hold dots and slashes of their own.
    let head = bytes
        .iter()
        .position(|b| matches!(b, b'[' | b'(' | b'{' | b' '))
        .unwrap_or(bytes.len());
    let last = bytes[..head]
        .iter()
        .rposition(|&b| b == b'/')
        .map_or(0, |slash| slash + 1);
    let mut from = last;
    if let Some(at) = bytes[last..head].iter().position(|&b| b == b'@') {
        from = last + at + 1 + version_len(&bytes[last + at + 1..head]);
    }
    let dot = from + bytes[from..head].iter().position(|&b| b == b'.')?;
    // ".x" and "x." hold no package, "memcpy.constprop.0" is what a C compiler makes of "memcpy".
    let symbol = &name[dot + 1..];
    let c_clone = last == 0
        && C_CLONES.iter().any(|c| {
            symbol
                .strip_prefix(c)
                .is_some_and(|r| !r.starts_with(char::is_alphanumeric))
        });
    (dot > last && !symbol.is_empty() && !c_clone).then_some(dot)
}

/// Length of the module version (`v1.36.1`, `v0.0.0-2024-abc`, `v2.0.0+incompatible`) at the head of `text`, which
/// may go on with `.Symbol`.
fn version_len(text: &[u8]) -> usize {
    if text.first() != Some(&b'v') {
        return text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    }
    let mut at = 1;
    loop {
        while text
            .get(at)
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+'))
        {
            at += 1;
        }
        if text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit) {
            at += 1;
        } else {
            return at;
        }
    }
}

/// Appends an import path without its `@version`s and with `%xx` undone.
fn push_import_path(out: &mut String, package: &str) {
    let mut rest = package;
    while let Some(at) = rest.find(['%', '@']) {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        if rest.as_bytes()[at] == b'@' {
            rest = tail.find('/').map_or("", |slash| &tail[slash..]);
            continue;
        }
        let byte = tail
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(u8::is_ascii);
        match byte {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &tail[2..];
            }
            None => {
                out.push('%');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
}

/// Replaces every outermost `[...]` list by the three dots.
fn elide_type_args(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut depth = 0usize;
    for c in name.chars() {
        match c {
            '[' => {
                if depth == 0 {
                    out.push_str("[...]");
                }
                depth += 1;
            }
            ']' if depth > 0 => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}
