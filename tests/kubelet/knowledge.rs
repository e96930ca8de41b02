//! The table of subsystems: the built-in one knows the kubelet, own ones are checked with their line.

use std::time::Instant;

use kubeprof::kubelet::{GoName, Knowledge, Role};

fn key_of<'k>(knowledge: &'k Knowledge, name: &str) -> Option<&'k str> {
    knowledge
        .classify_function(name, "")
        .subsystem()
        .map(|id| knowledge.key(id))
}

#[test]
fn the_builtin_table_knows_the_kubelet() {
    let knowledge = Knowledge::builtin();
    for (name, key) in [
        (
            "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop.func1",
            "pod-workers",
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration",
            "sync-loop",
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).HandlePodCleanups",
            "sync-loop",
        ),
        ("k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run", "startup"),
        ("k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run.func2", "startup"),
        // A longer word is another function.
        ("k8s.io/kubernetes/pkg/kubelet.(*Kubelet).RunPodContainers", "kubelet"),
        (
            "k8s.io/kubernetes/pkg/kubelet/pod.(*basicManager).GetPods",
            "pod-manager",
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet/podcertificate.(*IssuingManager).Run",
            "pod-certificates",
        ),
        ("k8s.io/kubernetes/pkg/kubelet/sysctl.NewAllowlist", "kubelet"),
        (
            "k8s.io/kubernetes/vendor/github.com/google/cadvisor/manager.(*containerData).hk",
            "cadvisor-housekeeping",
        ),
        (
            "github.com/google/cadvisor/lib/manager.(*containerData).housekeeping",
            "cadvisor-housekeeping",
        ),
        ("github.com/google/cadvisor/lib/manager.New", "cadvisor"),
        ("github.com/docker/spdystream.(*Connection).Serve", "streaming"),
        ("net/http/internal/http2.(*clientConnReadLoop).run", "http"),
        ("golang.org/x/net/http2.(*clientConnReadLoop).run", "http"),
        (
            "github.com/opencontainers/runc/libcontainer/cgroups/fs.(*Manager).GetStats",
            "cgroup-reads",
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet/cri/remote.(*remoteRuntimeService).ExecSync",
            "cri-client",
        ),
        (
            "k8s.io/kubernetes/pkg/kubelet/kuberuntime/logs.ReadLogs",
            "container-logs",
        ),
        ("k8s.io/kubelet/pkg/cri/streaming.(*server).serveExec", "streaming"),
        ("k8s.io/cri-streaming/pkg/streaming.(*server).serveExec", "streaming"),
        ("k8s.io/apiserver/pkg/util/wsstream.(*Conn).Open", "streaming"),
        (
            "k8s.io/kubernetes/pkg/kubelet.(*kubeletVolumeHost).WaitForCacheSync",
            "volume-plugins",
        ),
        ("k8s.io/client-go/tools/watch.(*RetryWatcher).receive", "watch"),
        ("github.com/Microsoft/hcsshim.(*HNSEndpoint).Update", "windows"),
        ("github.com/Microsoft/go-winio.DialPipeContext", "small-libs"),
        ("k8s.io/utils/path.Exists", "files"),
        ("k8s.io/utils/pathological.F", "kubernetes"),
        ("gopkg.in/yaml%2ev3.Unmarshal", "yaml"),
        ("runtime.gcBgMarkWorker.func2", "gc"),
        ("runtime.gcDrainN", "gc"),
        ("runtime.schedule", "scheduler"),
        ("runtime.mallocgcSmallScanNoHeader", "allocator"),
        ("runtime.futex", "go-runtime"),
        ("runtime.chanrecv1", "channel"),
        ("sync.(*RWMutex).RLock", "mutex"),
        ("sync.(*Once).Do", "go-std"),
        ("slices.SortFunc[go.shape.[]k8s.io/api/core/v1.Pod]", "go-std"),
        ("vendor/golang.org/x/crypto/cryptobyte.(*Builder).add", "crypto"),
    ] {
        assert_eq!(key_of(&knowledge, name), Some(key), "{name}");
    }
    let main = knowledge.classify_function("main.main", "k8s.io/kubernetes@v1.36.1/cmd/kubelet/kubelet.go");
    assert_eq!(main.role(), Some(Role::Start));
    let main = knowledge.classify_function("main.main", "example.com/distribution/cmd/all/main.go");
    assert_eq!(
        main.role(),
        Some(Role::Start),
        "a main package the table has no line for"
    );
    assert_eq!(
        key_of(&knowledge, "example.com/acme/widget.(*T).Do"),
        None,
        "unknown is unknown"
    );
    assert_eq!(key_of(&knowledge, "pthread_cond_wait"), None);
    assert_eq!(key_of(&knowledge, ""), None);
}

#[test]
fn every_part_of_the_standard_library_is_known() {
    let knowledge = Knowledge::builtin();
    let packages = "archive/tar bufio cmp container/heap crypto/tls database/sql encoding/gob errors expvar go/ast \
        hash/fnv html/template image/png index/suffixarray internal/abi iter log/slog maps mime/multipart net/netip \
        os/exec plugin regexp/syntax runtime/metrics strings structs syscall testing text/tabwriter time unicode/utf8 \
        unique uuid weak";
    for package in packages.split_ascii_whitespace() {
        assert!(key_of(&knowledge, &format!("{package}.F")).is_some(), "{package}");
    }
}

#[test]
fn no_line_of_the_builtin_table_is_shadowed() {
    let knowledge = Knowledge::builtin();
    let mut lines = 0;
    for line in Knowledge::builtin_text()
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let columns: Vec<&str> = line.split('\t').collect();
        let prefix = columns[0].trim_end_matches('*');
        lines += 1;
        if columns[1] == "->" {
            assert_eq!(key_of(&knowledge, prefix), key_of(&knowledge, columns[2]), "{prefix}");
            assert_eq!(knowledge.canonical(prefix), columns[2]);
        } else {
            assert_eq!(key_of(&knowledge, prefix), Some(columns[1]), "{prefix}");
        }
    }
    assert!(lines > 500);
    for subsystem in knowledge.subsystems() {
        assert!(
            subsystem.title.len() <= 50,
            "{} is too long for a column",
            subsystem.title
        );
    }
}

#[test]
fn moved_packages_have_one_spelling() {
    let knowledge = Knowledge::builtin();
    for (new, old) in [
        (
            "github.com/google/cadvisor/lib/manager.New",
            "github.com/google/cadvisor/manager.New",
        ),
        (
            "net/http/internal/http2.init.func2",
            "golang.org/x/net/http2.init.func2",
        ),
        ("net/http/internal/http2x.F", "net/http/internal/http2x.F"),
        ("k8s.io/kubernetes/pkg/kubelet.New", "k8s.io/kubernetes/pkg/kubelet.New"),
    ] {
        assert_eq!(knowledge.canonical(new), old);
    }
}

#[test]
fn own_tables() {
    let text = "# mine\nexample.com/acme\tacme\towner\tAcme agent\n\
        example.com/acme/db.(*Pool)\tacme-db\tboundary\tAcme database\r\n\
        example.com/acme/x\tacme\nexample.com/late\tacme-late\n\
        example.com/later\tacme-late\tlibrary\tAcme later\nexample.org/new\t->\texample.com/acme\n";
    let knowledge = Knowledge::parse(text, "mine.tsv").unwrap();
    assert_eq!(knowledge.origin(), "mine.tsv");
    assert_eq!(knowledge.subsystems().len(), 3);
    assert_eq!(
        key_of(&knowledge, "example.com/late.F"),
        Some("acme-late"),
        "lines stand in any order"
    );
    assert_eq!(key_of(&knowledge, "example.com/acme/db.(*Pool).Get"), Some("acme-db"));
    assert_eq!(key_of(&knowledge, "example.com/acme/db.(*PoolStats).Get"), Some("acme"));
    assert_eq!(key_of(&knowledge, "example.org/new/db.(*Pool).Get"), Some("acme-db"));
    assert_eq!(key_of(&knowledge, "example.org/newer.F"), None);
    assert_eq!(
        key_of(&knowledge, "runtime.gopark"),
        None,
        "an own table replaces the built-in one"
    );
    let id = knowledge.by_key("acme-db").unwrap();
    assert_eq!(
        (knowledge.title(id), knowledge.get(id).unwrap().role),
        ("Acme database", Role::Boundary)
    );
}

#[test]
fn mistakes_name_file_line_and_remedy() {
    for (text, expected) in [
        ("", "t.tsv: holds no prefix"),
        ("a.b/c\n", "t.tsv:1: the key is missing"),
        ("a.b/c\tk\n", "t.tsv:1: the role is missing"),
        ("a.b/c\tk\towner\n", "t.tsv:1: the title is missing"),
        ("\n#\na.b/c\tk\tboss\tK\n", "t.tsv:3: unknown role \"boss\""),
        ("a.b/c\tK k\towner\tK\n", "t.tsv:1: \"K k\" is not a key"),
        (
            "a.b/c\tk\towner\tK\na.b/c\tk\n",
            "t.tsv:2: prefix \"a.b/c\" is already on line 1",
        ),
        (
            "a.b/c\tk\towner\tK\na.b/d\tk\tlibrary\n",
            "t.tsv:2: role of \"k\" differs from line 1",
        ),
        (
            "a.b/c\tk\towner\tK\na.b/d\tk\towner\tL\n",
            "t.tsv:2: title of \"k\" differs from line 1",
        ),
        ("a.b/c\tk\towner\tK\tmore\n", "t.tsv:1: too many columns"),
        (
            "a.b/c\tk\towner\tK\nx.y\t->\tz.z\n",
            "t.tsv:2: nothing is known below \"z.z\"",
        ),
        ("a.b/c\t->\n", "t.tsv:1: the place it moved from is missing"),
    ] {
        let error = Knowledge::parse(text, "t.tsv").unwrap_err();
        assert!(!error.hint().is_empty(), "{error}");
        let error = error.to_string();
        assert!(
            error.starts_with(expected) && !error.contains('\n'),
            "{text:?} gave {error}"
        );
    }
}

#[test]
fn thirty_thousand_names_are_classified() {
    let knowledge = Knowledge::builtin();
    let seeds = [
        "k8s.io/kubernetes/pkg/kubelet/volumemanager/reconciler.(*reconciler).reconcile",
        "k8s.io/client-go/tools/cache.(*Reflector).list.func1.SimplePageFunc.3",
        "github.com/google/cadvisor/lib/manager.(*containerData).housekeepingTick",
        "runtime.findRunnable",
        "slices.SortFunc[go.shape.[]k8s.io/api/core/v1.Pod,go.shape.struct { A k8s.io/api/core/v1.Pod }]",
        "example.com/unknown/package/of/somebody.(*Thing).Method",
    ];
    let names: Vec<String> = (0..30_000).map(|i| format!("{}{i}", seeds[i % seeds.len()])).collect();
    let start = Instant::now();
    let known = names
        .iter()
        .filter(|n| knowledge.classify(&GoName::parse(n)).known.is_some())
        .count();
    // 30 ms is the promise for an optimised build.
    eprintln!("30,000 names: {:?}", start.elapsed());
    assert_eq!(known, 25_000);
}
