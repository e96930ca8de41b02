//! Completions and manual, made anew: they have every command and every exit code.

use std::fs;

use super::support::{fine, run, run_in};

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = fine(&["--help"]);
    let from = help.find("Commands:").expect("a list of commands");
    let lines = help[from..].lines().skip(1).take_while(|l| !l.trim().is_empty());
    let names = lines.filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    let names: Vec<String> = names
        .filter_map(|l| l.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 15, "{names:?}");
    names
}

#[test]
fn completions_name_every_command_and_flag() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let text = fine(&["completions", shell]);
        for command in commands() {
            assert!(text.contains(&command), "{shell}: {command}");
        }
        for flag in ["tagfocus", "show-from", "no-pager"] {
            assert!(text.contains(flag), "{shell}: {flag}");
        }
        // Values of --by, --sample-index, --owner, --kind.
        for value in ["filefunction", "inuse_objects", "volume-manager", "goroutineleak"] {
            // This one is told no values.
            assert!(shell == "powershell" || text.contains(value), "{shell}: {value}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    assert_eq!(fine(&["man", "--dir", &pages.display().to_string()]), "");
    let main = fs::read_to_string(pages.join("kubeprof.1")).expect("the page of kubeprof");
    for command in commands() {
        let file = pages.join(format!("kubeprof-{command}.1"));
        let page = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for heading in [".TH", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", "EXIT STATUS"] {
            assert!(page.contains(heading), "{command}: {heading}");
        }
        for code in ["0", "1", "2"] {
            assert!(
                page.contains(&format!(".TP\n.B {code}\n")),
                "{command}: exit code {code}"
            );
        }
        // What nobody lays out is plain text.
        let text = fine(&["man", &command]);
        assert!(text.contains("Usage: ") && !text.contains(".SH"), "{command}: {text}");
        assert!(main.contains(&format!("kubeprof\\-{command}(1)")), "{command}");
    }
    assert!(
        fine(&["man"]).contains("Usage: kubeprof"),
        "without a command, the page of kubeprof"
    );
    let nested = fs::read_to_string(pages.join("kubeprof-binary-add.1")).expect("a page of a command's command");
    assert!(nested.contains(".SH NAME"));
    assert!(fine(&["man", "binary", "add"]).contains("Usage: kubeprof binary add"));
    assert!(main.contains(".SH EXAMPLES") && main.contains("kubeprof top heap.pb.gz"));
    // The help and the manual agree on what the codes say.
    let help = fine(&["--help"]);
    for line in ["0 fine", "1 findings", "2 error"] {
        assert!(help.contains(line), "{line}");
        let (code, meaning) = line.split_once(' ').expect("two words");
        assert!(main.contains(&format!(".B {code}\n{meaning}")), "{line}");
    }
}

#[test]
fn a_page_that_there_is_not_is_an_error_and_no_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    for (args, hint) in [
        (["man", "tpo"].as_slice(), "hint: did you mean top?"),
        (&["man", "nonsense"], "hint: commands are "),
        (&["man", "binary", "ad"], "hint: did you mean add?"),
        (&["man", "top", "flat"], "hint: kubeprof top has no commands of its own"),
    ] {
        let answer = run_in(folder.path(), args);
        assert_eq!(answer.code, 2, "{args:?}");
        assert!(answer.stderr.contains("unknown command: kubeprof"), "{}", answer.stderr);
        assert!(answer.stderr.contains(hint), "{}", answer.stderr);
    }
    let top = run_in(folder.path(), &["man", "top"]);
    assert!(top.stdout.contains("Usage: kubeprof top"), "{}", top.stdout);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        0,
        "nothing was written"
    );
}
