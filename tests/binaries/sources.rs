//! `list` on sources: a checkout of kubernetes by every style of path, and sources of another version.

use std::fs;

use super::support::{Place, stderr, stdout};

/// A folder with the tree of a kubernetes checkout: 40 numbered lines in each file, a function on line 3.
fn checkout(place: &Place, functions: &[(&str, &str)]) -> String {
    for (file, function) in functions {
        let path = place.path("checkout").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let lines: Vec<String> = (1..=40)
            .map(|n| match n {
                3 => format!("func {function}() {{ // {file}"),
                n => format!("\t_ = {n}"),
            })
            .collect();
        fs::write(path, lines.join("\n")).unwrap();
    }
    place.path("checkout").display().to_string()
}

#[test]
fn every_style_of_path_leads_to_a_checkout() {
    let place = Place::new("1.22.12-exe-sw");
    let files = [
        ("pkg/kubelet/kubelet.go", "own"),
        ("staging/src/k8s.io/apimachinery/pkg/util/wait/wait.go", "staging"),
        ("vendor/github.com/spf13/cobra/command.go", "third"),
    ];
    let source = checkout(&place, &files);
    let styles = [
        // Up to 1.26, as absolute paths and after -trimpath=$PWD.
        ("own", "_output/local/go/src/k8s.io/kubernetes/pkg/kubelet/kubelet.go"),
        (
            "own",
            "/go/src/k8s.io/kubernetes/_output/local/go/src/k8s.io/kubernetes/pkg/kubelet/kubelet.go",
        ),
        (
            "staging",
            "/go/src/k8s.io/kubernetes/vendor/k8s.io/apimachinery/pkg/util/wait/wait.go",
        ),
        (
            "third",
            "_output/local/go/src/k8s.io/kubernetes/vendor/github.com/spf13/cobra/command.go",
        ),
        // 1.27 to 1.29.
        ("own", "k8s.io/kubernetes/pkg/kubelet/kubelet.go"),
        ("staging", "k8s.io/apimachinery@v0.0.0/pkg/util/wait/wait.go"),
        ("third", "github.com/spf13/cobra@v1.6.0/command.go"),
        // From 1.30, and builds of the published modules.
        ("staging", "k8s.io/apimachinery/pkg/util/wait/wait.go"),
        ("own", "k8s.io/kubernetes@v1.36.1/pkg/kubelet/kubelet.go"),
        ("staging", "k8s.io/apimachinery@v0.36.1/pkg/util/wait/wait.go"),
    ];
    for (function, path) in styles {
        let profile = place.profile_of_line("p.pb.gz", &format!("x.{function}"), path, 3, 5);
        let out = place.run(&["list", function, &profile, "--source", &source], "");
        let text = stdout(&out);
        let found = files.iter().find(|f| f.1 == function).unwrap().0;
        assert!(
            text.contains(&format!("func {function}() {{ // {found}")),
            "{path}: {text}{}",
            stderr(&out)
        );
        assert!(text.contains("_ = 5"), "{path}: {text}");
        // Without the sources the lines and their values are there all the same.
        let bare = stdout(&place.run(&["list", function, &profile], ""));
        assert!(bare.contains("is not at hand") && bare.contains(" 5"), "{path}: {bare}");
    }
}

/// Lines of another version would be lies: the function must begin where the profile says.
#[test]
fn sources_of_another_version_are_not_shown() {
    let place = Place::new("1.22.12-exe-sw");
    let source = checkout(&place, &[("pkg/kubelet/kubelet.go", "syncPod")]);
    let path = "k8s.io/kubernetes/pkg/kubelet/kubelet.go";
    for (start, shown) in [(3, true), (4, false), (0, true)] {
        let profile = place.profile_of_line(
            "p.pb.gz",
            "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncPod",
            path,
            start,
            7,
        );
        let text = stdout(&place.run(&["list", "syncPod", &profile, "--source", &source], ""));
        assert_eq!(text.contains("_ = 7"), shown, "{start}: {text}");
        assert_eq!(text.contains("of another version"), !shown, "{start}: {text}");
    }
}
