//! Go symbol names, as profiles, goroutine dumps and symbol tables of kubelets from 1.2 to 1.37 spell them.

use kubeprof::kubelet::{GoName, NameKind};
use proptest::prelude::*;

/// name, package, receiver (`*` in front for a pointer), function, what is inside
#[test]
fn names_come_apart() {
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        ("main.main", "main", "", "main", ""),
        ("runtime.gopark", "runtime", "", "gopark", ""),
        (
            "net/http.(*persistConn).readLoop",
            "net/http",
            "*persistConn",
            "readLoop",
            "",
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).UpdatePod.func1",
            "k8s.io/kubernetes/pkg/kubelet",
            "*podWorkers",
            "UpdatePod",
            ".func1",
        ),
        ("k8s.io/klog/v2.Verbose.Infof", "k8s.io/klog/v2", "Verbose", "Infof", ""),
        ("time.Time.Format", "time", "Time", "Format", ""),
        (
            "net/http.HandlerFunc.ServeHTTP-fm",
            "net/http",
            "HandlerFunc",
            "ServeHTTP",
            "-fm",
        ),
        ("net/http.(*conn).serve-fm", "net/http", "*conn", "serve", "-fm"),
        (
            "net/http.(*connReader).startRead.gowrap2",
            "net/http",
            "*connReader",
            "startRead",
            ".gowrap2",
        ),
        ("a/b.Do.func1.2.deferwrap1", "a/b", "", "Do", ".func1.2.deferwrap1"),
        (
            "a/pod.VisitContainers-range1",
            "a/pod",
            "",
            "VisitContainers",
            "-range1",
        ),
        ("a.F.func1-range2", "a", "", "F", ".func1-range2"),
        ("k8s.io/x/sets.New[go.shape.string]", "k8s.io/x/sets", "", "New", ""),
        (
            "k8s.io/x/sets.Set[go.shape.string].Insert",
            "k8s.io/x/sets",
            "Set",
            "Insert",
            "",
        ),
        (
            "k8s.io/x/workqueue.(*Typed[...]).Get",
            "k8s.io/x/workqueue",
            "*Typed",
            "Get",
            "",
        ),
        (
            "slices.SortFunc[go.shape.[]k8s.io/api/core/v1.Pod,go.shape.struct { a/b.X; Y func() int }].func1",
            "slices",
            "",
            "SortFunc",
            ".func1",
        ),
        (
            "hash/crc32.init.OnceFunc.func4.1",
            "hash/crc32",
            "",
            "init",
            ".OnceFunc.func4.1",
        ),
        (
            "golang.org/x/net/html.map.init.1",
            "golang.org/x/net/html",
            "",
            "map.init.1",
            "",
        ),
        ("flag.init.0", "flag", "", "init.0", ""),
        ("io.init.func1", "io", "", "init", ".func1"),
        ("net/http.glob..func5", "net/http", "", "glob.", ".func5"),
        (
            "github.com/emicklei/go-restful/v3.(*Container).HandleWithFilter.(*Container).Handle.func2",
            "github.com/emicklei/go-restful/v3",
            "*Container",
            "HandleWithFilter",
            ".(*Container).Handle.func2",
        ),
        (
            "a/app.NewCommand.func1.PrintFlags.1",
            "a/app",
            "",
            "NewCommand",
            ".func1.PrintFlags.1",
        ),
        ("runtime.asmcgocall.abi0", "runtime", "", "asmcgocall", ".abi0"),
        (
            "a/pleg.(*Generic).(k8s.io/a-b/pleg.relist)-fm",
            "a/pleg",
            "*Generic",
            "relist",
            "-fm",
        ),
        ("a/kubelet.func\u{b7}001", "a/kubelet", "", "func\u{b7}001", ""),
    ];
    for &(name, package, receiver, function, inner) in cases {
        let parsed = GoName::parse(name);
        assert_eq!(parsed.kind(), NameKind::Function, "{name}");
        assert_eq!(parsed.package(), package, "{name}");
        assert_eq!(parsed.original(), name);
        assert_eq!(parsed.qualified(), name, "nothing to normalise");
        let parts = parsed.parts();
        let spelled = parts
            .receiver
            .map(|r| format!("{}{}", if r.pointer { "*" } else { "" }, r.name));
        let spelled = spelled.unwrap_or_default();
        assert_eq!(
            (spelled.as_str(), parts.function, parts.inner),
            (receiver, function, inner),
            "{name}"
        );
    }
}

#[test]
fn type_arguments_hold_dots_slashes_and_brackets() {
    let name =
        GoName::parse("crypto/x.extract[go.shape.interface { Sum([]uint8) []uint8; Write([]uint8) (int, error) }]");
    assert_eq!(name.package(), "crypto/x");
    let args = "go.shape.interface { Sum([]uint8) []uint8; Write([]uint8) (int, error) }";
    assert_eq!(name.parts().type_args, Some(args));
    assert_eq!(name.elided(), "crypto/x.extract[...]");
    let method = GoName::parse("internal/sync.(*HashTrieMap[go.shape.interface {},go.shape.[]a/b.C]).LoadOrStore");
    assert_eq!(method.parts().type_args, Some("go.shape.interface {},go.shape.[]a/b.C"));
    assert_eq!(method.elided(), "internal/sync.(*HashTrieMap[...]).LoadOrStore");
}

#[test]
fn where_it_was_built_is_no_part_of_the_name() {
    for (name, qualified) in [
        (
            "k8s.io/kubernetes/vendor/github.com/spf13/cobra.(*Command).execute",
            "github.com/spf13/cobra.(*Command).execute",
        ),
        (
            "k8s.io/kubernetes/vendor/k8s.io/apimachinery/pkg/util/wait.Until",
            "k8s.io/apimachinery/pkg/util/wait.Until",
        ),
        (
            "k8s.io/kubernetes/Godeps/_workspace/src/github.com/golang/glog.Infof",
            "github.com/golang/glog.Infof",
        ),
        (
            "k8s.io/kubernetes/staging/src/k8s.io/api/core/v1.(*Pod).Size",
            "k8s.io/api/core/v1.(*Pod).Size",
        ),
        (
            "k8s.io/kubernetes@v1.36.1/pkg/kubelet.(*Kubelet).Run",
            "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run",
        ),
        ("k8s.io/klog/v2@v2.130.1.Infof", "k8s.io/klog/v2.Infof"),
        (
            "github.com/a/b@v0.0.0-20240101000000-0123456789ab/c.(*T).F.func1",
            "github.com/a/b/c.(*T).F.func1",
        ),
        ("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3.Unmarshal"),
        (
            "vendor/golang.org/x/net/http2/hpack.NewEncoder",
            "golang.org/x/net/http2/hpack.NewEncoder",
        ),
        ("_/home/me/prog.main", "home/me/prog.main"),
        (
            "_/go/src/k8s.io/kubernetes/_output/local/go/src/k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run",
            "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run",
        ),
        ("type:.eq.k8s.io/api/core/v1.Pod", "k8s.io/api/core/v1.Pod"),
        ("type..hash.net/http.connectMethodKey", "net/http.connectMethodKey"),
    ] {
        let parsed = GoName::parse(name);
        assert_eq!(parsed.qualified(), qualified, "{name}");
        assert_eq!(parsed.original(), name);
        assert!(parsed.qualified().starts_with(parsed.package()));
    }
    assert!(GoName::parse("vendor/golang.org/x/crypto/cryptobyte.(*Builder).add").is_std());
    assert!(!GoName::parse("k8s.io/kubernetes/vendor/golang.org/x/crypto/ssh.Dial").is_std());
    assert_eq!(GoName::parse("type:.eq.[2]string").kind(), NameKind::TypeAlgorithm);
    assert_eq!(
        GoName::parse("gopkg.in/yaml%2ev3.Unmarshal").package(),
        "gopkg.in/yaml.v3"
    );
}

#[test]
fn names_without_a_package() {
    for name in [
        "memeqbody",
        "pthread_cond_wait",
        "std::vector<int>::push_back(int&&)",
        "memcpy.constprop.0",
        "x.",
    ] {
        let parsed = GoName::parse(name);
        assert_eq!(
            (parsed.kind(), parsed.package(), parsed.symbol()),
            (NameKind::Unqualified, "", name)
        );
    }
    assert_eq!(GoName::parse("").kind(), NameKind::Empty);
}

#[test]
fn the_file_decides_where_the_name_cannot() {
    let main = GoName::parse_in(
        "main.main",
        "/root/go/pkg/mod/k8s.io/kubernetes@v1.36.1/cmd/kubelet/kubelet.go",
    );
    assert_eq!(main.qualified(), "k8s.io/kubernetes/cmd/kubelet.main");
    assert_eq!(
        main.module("k8s.io/kubernetes@v1.36.1/cmd/kubelet/kubelet.go"),
        "k8s.io/kubernetes"
    );
    assert_eq!(GoName::parse_in("main.main", "kubelet.go").qualified(), "main.main");
    let body = GoName::parse_in("expandAVX512_60", "internal/runtime/gc/scan/expand_amd64.s");
    assert_eq!(
        (body.package(), body.symbol()),
        ("internal/runtime/gc/scan", "expandAVX512_60")
    );
    assert_eq!(
        GoName::parse_in("futex_wait", "/build/glibc/src/nptl/futex.c").package(),
        ""
    );
}

#[test]
fn modules() {
    for (name, file, module) in [
        ("k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run", "", "k8s.io/kubernetes"),
        (
            "k8s.io/apimachinery/pkg/util/wait.Until",
            "k8s.io/apimachinery@v0.36.1/pkg/x.go",
            "k8s.io/apimachinery",
        ),
        (
            "github.com/godbus/dbus/v5.(*Conn).inWorker",
            "",
            "github.com/godbus/dbus/v5",
        ),
        // Only the file knows that this module lies two directories down.
        (
            "google.golang.org/genproto/googleapis/api/expr/v1alpha1.init.0",
            "google.golang.org/genproto/googleapis/api@v0.0.0-20260101000000-0123456789ab/expr/v1alpha1/value.pb.go",
            "google.golang.org/genproto/googleapis/api",
        ),
        // Inlined or instantiated from elsewhere: the file is not the function's own.
        (
            "k8s.io/api/core/v1.(*Pod).Size",
            "github.com/a/b@v1.0.0/x.go",
            "k8s.io/api",
        ),
        ("net/http.Get", "net/http/client.go", "std"),
        ("vendor/golang.org/x/net/idna.ToASCII", "", "std"),
        ("main.main", "", ""),
        ("memeqbody", "", ""),
    ] {
        assert_eq!(GoName::parse(name).module(file), module, "{name}");
    }
}

#[test]
fn releases_compare_equal() {
    let key = |name| GoName::parse(name).comparison_key();
    for (old, new) in [
        (
            "k8s.io/kubernetes/vendor/k8s.io/klog.(*loggingT).flushDaemon",
            "k8s.io/klog/v2.(*loggingT).flushDaemon",
        ),
        (
            "k8s.io/client-go/rest.(*Request).Watch.func2",
            "k8s.io/client-go/rest.(*Request).Watch.func1",
        ),
        ("k8s.io/x/sets.New[go.shape.string]", "k8s.io/x/sets.New[...]"),
        ("gopkg.in/yaml%2ev2.Unmarshal", "gopkg.in/yaml%2ev3.Unmarshal"),
    ] {
        assert_eq!(key(old), key(new));
    }
    assert_ne!(
        key("k8s.io/api/autoscaling/v2.(*X).Y"),
        key("k8s.io/api/autoscaling/v1.(*X).Y")
    );
    assert_ne!(key("a/b.(*T).F"), key("a/b.(*T).F.func1"));
    assert_ne!(key("a/b.(*T).F"), key("a/b.T.F"));
}

proptest! {
    /// Any string is a name of some kind; its halves put together are its normalised form.
    #[test]
    fn parsing_is_total(name in "\\PC{0,60}", file in "\\PC{0,30}") {
        let parsed = GoName::parse_in(&name, &file);
        prop_assert!(parsed.qualified().ends_with(parsed.symbol()));
        prop_assert!(parsed.qualified().starts_with(parsed.package()));
        let _ = (parsed.parts(), parsed.elided(), parsed.comparison_key(), parsed.module(&file));
    }

    /// The same with the characters that mean something.
    #[test]
    fn parsing_is_total_on_near_names(name in "[a/.%@v1\\[\\](*){} \u{b7}-]{0,40}", file in "[a/.@!v1]{0,20}") {
        let parsed = GoName::parse_in(&name, &file);
        prop_assert!(parsed.qualified().starts_with(parsed.package()));
        let _ = (parsed.parts(), parsed.elided(), parsed.comparison_key(), parsed.module(&file));
    }
}
