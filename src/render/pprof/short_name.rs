//! Function names as drawings show them: the path in front of a Go name, the packages of a Java name and the namespaces of a
//! C++ name are left out. Which name belongs to which language is guessed by its shape, in pprof's order.

/// The short form of a function name.
pub(super) fn short_name(name: &str) -> String {
    let name = name.strip_prefix("(anonymous namespace)::").unwrap_or(name);
    let name = without_module_version(name);
    let short = go(&name).or_else(|| java(&name)).or_else(|| cpp(&name));
    short.map_or_else(|| name.clone(), str::to_owned)
}

/// Removes the first `/v2` (or higher) that ends a path element.
fn without_module_version(name: &str) -> String {
    for (at, _) in name.match_indices("/v") {
        let digits = &name[at + 2..];
        let len = digits.bytes().take_while(u8::is_ascii_digit).count();
        let number = &digits[..len];
        let is_version = match len {
            0 => false,
            1 => number >= "2",
            _ => !number.starts_with('0'),
        };
        if is_version && digits[len..].starts_with(['.', '/']) {
            return format!("{}{}", &name[..at], &digits[len..]);
        }
    }
    name.to_owned()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// Go: what stands behind the last slash before the first dot that is no part of a path.
fn go(name: &str) -> Option<&str> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(len) = name[at..].find('/') {
        let element = &name[at..at + len];
        if element.is_empty() || !element.bytes().all(|b| is_word(b) || b == b'-' || b == b'.') {
            break;
        }
        at += len + 1;
        starts.push(at);
    }
    let fits = |rest: &str| rest.find('.').is_some_and(|dot| dot > 0 && dot + 1 < rest.len());
    starts.iter().rev().map(|&at| &name[at..]).find(|rest| fits(rest))
}

/// Java: class and method of `package.Class.method(...)`.
fn java(name: &str) -> Option<&str> {
    let bytes = name.as_bytes();
    let mut at = 0;
    while bytes.get(at).is_some_and(u8::is_ascii_lowercase) {
        let len = bytes[at..].iter().take_while(|&&b| is_word(b)).count();
        if bytes.get(at + len) != Some(&b'.') {
            return None;
        }
        at += len + 1;
    }
    let is_part = |b: &u8| is_word(*b) || *b == b'$';
    let run = |at: usize| bytes[at..].iter().take_while(|b| is_part(b)).count();
    if !bytes.get(at)?.is_ascii_uppercase() {
        return None;
    }
    let method = at + run(at) + 1;
    if bytes.get(method - 1) != Some(&b'.') {
        return None;
    }
    let end = if name[method..].starts_with("<init>") {
        method + "<init>".len()
    } else if bytes.get(method)?.is_ascii_lowercase() {
        method + run(method)
    } else {
        return None;
    };
    matches!(bytes.get(end), None | Some(b'(')).then(|| &name[at..end])
}

/// C++: class and method of `namespace::Class::method`, with template parameters.
fn cpp(name: &str) -> Option<&str> {
    let bytes = name.as_bytes();
    let word = |at: usize| bytes[at..].iter().take_while(|&&b| is_word(b)).count();
    let starts_name = |at: usize| bytes.get(at).is_some_and(|&b| b == b'_' || b.is_ascii_alphabetic());
    let mut starts = Vec::new();
    let mut at = 0;
    while starts_name(at) {
        at += word(at);
        if !name[at..].starts_with("::") {
            break;
        }
        at += 2;
        starts.push(at);
    }
    starts.iter().rev().find_map(|&start| {
        let class = &bytes[start..start + word(start)];
        let first = class.iter().find(|&&b| b != b'_')?;
        if !first.is_ascii_uppercase() || !name[start + class.len()..].starts_with("::") {
            return None;
        }
        let mut end = start + class.len() + 2;
        end += usize::from(bytes.get(end) == Some(&b'~'));
        if !starts_name(end) {
            return None;
        }
        end += word(end);
        if bytes.get(end) == Some(&b'<') {
            end = name[end..].rfind('>').map_or(end, |close| end + close + 1);
        }
        Some(&name[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn names_of_all_languages() {
        for (name, want) in [
            (
                "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncPod",
                "kubelet.(*Kubelet).syncPod",
            ),
            ("k8s.io/klog/v2.(*loggingT).flushDaemon", "klog.(*loggingT).flushDaemon"),
            ("go.etcd.io/etcd/client/v3/internal.f", "internal.f"),
            ("google.golang.org/grpc/v1.Serve", "v1.Serve"),
            ("main.main", "main.main"),
            ("main.Foo.bar", "Foo.bar"),
            ("java.util.concurrent.Executor$Worker.run(int)", "Executor$Worker.run"),
            ("foo.Bar.<init>", "Bar.<init>"),
            ("a::B::C::d", "C::d"),
            (
                "(anonymous namespace)::ns::Klass::~Klass<int, (x)>(y)",
                "Klass::~Klass<int, (x)>",
            ),
            ("std::sort", "std::sort"),
            ("runtime.mallocgc", "runtime.mallocgc"),
            ("a/b/c", "a/b/c"),
            ("x/y.Map[go.shape.int,a/b.C]", "y.Map[go.shape.int,a/b.C]"),
            ("", ""),
        ] {
            assert_eq!(short_name(name), want, "{name}");
        }
    }
}
