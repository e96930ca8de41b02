//! What `go tool pprof` does to names unless `-symbolize=none`: it takes every name with brackets for C++ and cuts text in
//! parentheses and angle brackets, which falsifies some Go generics (D10). Only the compatible command does this.
//!
//! Mangled C++ names (`_Z…`) are left as they are: kubelets have none.

use crate::model::Profile;

/// Which parts are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Parameters and template parameters.
    Simplified,
    /// Parameters.
    Templates,
    /// Nothing.
    Full,
    /// Names are not looked at.
    None,
}

/// Rewrites the names of all functions. With `force`, names that differ from the system name are replaced as well.
pub(super) fn demangle(p: &mut Profile, force: bool, mode: Mode) {
    for i in 0..p.functions.len() {
        let mut f = p.functions[i];
        if force && !f.name.is_empty() && !f.system_name.is_empty() {
            f.name = f.system_name;
        }
        if mode != Mode::None && (f.name.is_empty() || f.name == f.system_name) {
            f.name = f.system_name;
            let system = p.text(f.system_name);
            if mode != Mode::Full && looks_like_cpp(system) {
                let mut name = cut(system.to_owned(), b'(', b')');
                if mode == Mode::Simplified {
                    name = cut(name, b'<', b'>');
                }
                f.name = p.strings.intern(&name);
            }
        }
        p.functions[i] = f;
    }
}

fn looks_like_cpp(name: &str) -> bool {
    // Nearly all names have none of these.
    let bytes = name.as_bytes();
    let any = memchr::memchr2(b'[', b']', bytes).is_some() || memchr::memchr3(b'<', b'>', b':', bytes).is_some();
    any && !name.contains(".<") && !name.contains("]).") && (name.contains(['<', '>', '[', ']']) || name.contains("::"))
}

/// Removes nested runs from `open` to `close`; a name in which they do not match is left from there on.
fn cut(mut name: String, open: u8, close: u8) -> String {
    let (mut nesting, mut first, mut at) = (0, 0, 0);
    while let Some(i) = name.as_bytes()[at..].iter().position(|&b| b == open || b == close) {
        at += i;
        if name.as_bytes()[at] == open {
            nesting += 1;
            if nesting == 1 {
                first = at;
            }
        } else {
            nesting -= 1;
            if nesting < 0 {
                return name;
            }
            if nesting == 0 {
                name.replace_range(first..=at, "");
                at = first;
                continue;
            }
        }
        at += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_generics_are_falsified_as_pprof_does() {
        let mut p = Profile::default();
        p.add_function(
            "main.Sort[go.shape.func(int) bool]",
            "main.Sort[go.shape.func(int) bool]",
            "",
            0,
        );
        p.add_function(
            "main.(*Set[go.shape.int]).Insert",
            "main.(*Set[go.shape.int]).Insert",
            "",
            0,
        );
        p.add_function("a::b<c<d>>(e)", "a::b<c<d>>(e)", "", 0);
        demangle(&mut p, false, Mode::Simplified);
        let names: Vec<&str> = p.functions.iter().map(|f| p.text(f.name)).collect();
        assert_eq!(
            names,
            [
                "main.Sort[go.shape.func bool]",
                "main.(*Set[go.shape.int]).Insert",
                "a::b"
            ]
        );
    }
}
