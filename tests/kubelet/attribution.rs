//! Who owns a stack and what it waits for: the rules one by one, and the promises on captures of real kubelets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kubeprof::kubelet::{
    Attribution, Clues, CountedStack, DumpStack, Evidence, FrameKey, FrameKeys, FunctionClass, Knowledge, OwnerRule,
    Sense, Started, SubsystemId, adopt, attribute, join,
};
use kubeprof::model::Profile;
use kubeprof::pprof;
use proptest::prelude::*;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/captures")
        .join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    pprof::inflate(&bytes, pprof::Limit::Proportional).unwrap().into_owned()
}

fn profile(name: &str) -> Profile {
    pprof::decode(&fixture(name)).unwrap().0
}

fn classify(knowledge: &Knowledge, leaf_first: &[&str]) -> Vec<FunctionClass> {
    leaf_first
        .iter()
        .map(|name| knowledge.classify_function(name, ""))
        .collect()
}

/// owner, rule, within, blocked in
type Answer<'k> = (Option<&'k str>, OwnerRule, Option<&'k str>, Option<&'k str>);

fn answer<'k>(knowledge: &'k Knowledge, a: &Attribution) -> Answer<'k> {
    let key = |id: Option<SubsystemId>| id.map(|id| knowledge.key(id));
    (key(a.owner), a.how, key(a.within), key(a.blocked_in))
}

const PROBE: [&str; 8] = [
    "runtime.gopark",
    "runtime.selectgo",
    "google.golang.org/grpc/internal/transport.(*recvBufferReader).readClient",
    "google.golang.org/grpc.(*ClientConn).Invoke",
    "k8s.io/cri-api/pkg/apis/runtime/v1.(*runtimeServiceClient).ExecSync",
    "k8s.io/cri-client/pkg.(*remoteRuntimeService).ExecSync",
    "k8s.io/kubernetes/pkg/kubelet/kuberuntime.(*kubeGenericRuntimeManager).RunInContainer",
    "k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run",
];

#[test]
fn the_outermost_owner_owns_and_the_boundary_blocks() {
    let k = Knowledge::builtin();
    let a = attribute(classify(&k, &PROBE), Sense::Waiting, Clues::default());
    assert_eq!(
        answer(&k, &a),
        (
            Some("probes"),
            OwnerRule::OutermostOwner,
            Some("kuberuntime"),
            Some("cri-client")
        )
    );
    assert_eq!(a.owner_frame, Some(7));
    // The same work seen by a CPU profile went into gRPC.
    let a = attribute(classify(&k, &PROBE), Sense::Spending, Clues::default());
    assert_eq!(answer(&k, &a).3, Some("grpc"));
}

#[test]
fn start_up_code_owns_nothing() {
    let k = Knowledge::builtin();
    let stack = [
        "context.withCancel",
        "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).startPodSync",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).HandlePodSyncs",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run",
    ];
    let a = attribute(classify(&k, &stack), Sense::Spending, Clues::default());
    assert_eq!(
        answer(&k, &a),
        (
            Some("sync-loop"),
            OwnerRule::OutermostOwner,
            Some("pod-workers"),
            Some("context")
        )
    );
    assert!(a.below_start);
    // Start-up code alone is below none.
    let a = attribute(classify(&k, &stack[4..]), Sense::Spending, Clues::default());
    assert_eq!(
        (a.how, a.owner_frame, a.below_start),
        (OwnerRule::Wrapper, Some(0), false)
    );
    // The loop that triggered the start does not own what was started.
    let stack = [
        "k8s.io/kubernetes/pkg/kubelet/cm.(*containerManagerImpl).Start",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).initializeRuntimeDependentModules",
        "sync.(*Once).Do",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).updateRuntimeUp",
    ];
    let a = attribute(classify(&k, &stack), Sense::Spending, Clues::default());
    assert_eq!(answer(&k, &a).0, Some("container-manager"));
    // Package initialisation owns whatever it calls.
    let stack = [
        "k8s.io/kubernetes/pkg/kubelet/metrics.init",
        "runtime.doInit1",
        "runtime.doInit",
        "runtime.main",
    ];
    let a = attribute(classify(&k, &stack), Sense::Spending, Clues::default());
    assert_eq!(answer(&k, &a).0, Some("static-init"));
}

#[test]
fn fallbacks_in_their_order() {
    let k = Knowledge::builtin();
    let waits = [
        "k8s.io/apimachinery/pkg/util/wait.BackoffUntil",
        "k8s.io/apimachinery/pkg/util/wait.Until",
    ];
    let class = |name: &str| Some(k.classify_function(name, ""));
    let with = |stack: &[&str], creator: Option<&str>, state: &str| {
        let clues = Clues {
            created_by: creator.and_then(class),
            wait: k.classify_wait(state),
        };
        let a = attribute(classify(&k, stack), Sense::Waiting, clues);
        answer(&k, &a)
    };
    let stats = "k8s.io/kubernetes/pkg/kubelet/server/stats.(*volumeStatCalculator).StartOnce.func1";
    assert_eq!(
        with(&waits, Some(stats), "select"),
        (Some("summary-stats"), OwnerRule::CreatedBy, None, Some("select"))
    );
    let rest = "k8s.io/client-go/transport.(*dynamicClientCert).run";
    assert_eq!(with(&waits, Some(rest), "select").0, Some("api-client"));
    assert_eq!(with(&waits, Some(rest), "select").1, OwnerRule::CreatedByLibrary);
    assert_eq!(
        with(&waits, None, "select"),
        (Some("loop-wrapper"), OwnerRule::Wrapper, None, Some("select"))
    );
    let reader = [
        "internal/poll.runtime_pollWait",
        "net.(*conn).Read",
        "golang.org/x/net/http2.(*ClientConn).readLoop",
    ];
    assert_eq!(
        with(&reader, None, "IO wait"),
        (Some("http"), OwnerRule::OutermostLibrary, None, Some("io-wait"))
    );
    let gc = [
        "runtime.futex",
        "runtime.gcDrain",
        "runtime.systemstack",
        "runtime.gcBgMarkWorker",
    ];
    assert_eq!(with(&gc, None, "running"), (Some("gc"), OwnerRule::Runtime, None, None));
    let idle = [
        "runtime.futex",
        "runtime.notesleep",
        "runtime.findRunnable",
        "runtime.schedule",
        "runtime.mcall",
    ];
    assert_eq!(with(&idle, None, "running").0, Some("scheduler"));
    let foreign = ["net/http.(*Client).Do", "example.com/acme.(*T).Poll", "runtime.goexit"];
    assert_eq!(
        with(&foreign, None, ""),
        (None, OwnerRule::UnknownPackage, None, Some("http"))
    );
    assert_eq!(with(&[], None, ""), (None, OwnerRule::NoFrames, None, None));
    let stripped = ["net/http.(*Client).Do", "", ""];
    assert_eq!(
        with(&stripped, None, ""),
        (None, OwnerRule::Unsymbolized, None, Some("http"))
    );
    // An unknown main around a known kubelet takes nothing away.
    let wrapped = [
        "k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist",
        "example.com/k3s/agent.Run",
    ];
    assert_eq!(with(&wrapped, None, "").0, Some("pleg"));
}

/// A goroutine that is in no part of the kubelet counts for the owner of its parent; one that is keeps its own.
#[test]
fn a_parent_answers_where_the_stack_names_nobody() {
    let k = Knowledge::builtin();
    let id = |key: &str| k.by_key(key).unwrap_or_else(|| panic!("{key} is in the table"));
    let (pleg, grpc) = (id("pleg"), id("grpc"));
    let library = Attribution {
        owner: Some(grpc),
        how: OwnerRule::OutermostLibrary,
        owner_frame: Some(3),
        below_start: false,
        within: Some(pleg),
        blocked_in: Some(grpc),
    };
    assert_eq!(library.or_parent(None), library);
    let adopted = Attribution {
        owner: Some(pleg),
        how: OwnerRule::ParentGoroutine,
        owner_frame: None,
        within: None,
        ..library
    };
    assert_eq!(library.or_parent(Some(pleg)), adopted);
    // What it waits in is told only where that is not its owner.
    let same = library.or_parent(Some(grpc));
    assert_eq!(
        (same.owner, same.within, same.blocked_in),
        (Some(grpc), Some(pleg), None)
    );
    let own = attribute(classify(&k, &PROBE), Sense::Waiting, Clues::default());
    assert_eq!(own.or_parent(Some(pleg)), own);
    assert_eq!(own.how.as_str(), "outermost owner");
}

#[test]
fn locks_and_throttles_are_told_apart() {
    let k = Knowledge::builtin();
    let blocked = |stack: &[&str], state: &str| {
        let clues = Clues {
            created_by: None,
            wait: k.classify_wait(state),
        };
        let a = attribute(classify(&k, stack), Sense::Waiting, clues);
        answer(&k, &a).3
    };
    let sync_pod = "k8s.io/kubernetes/pkg/kubelet.(*podWorkers).podWorkerLoop";
    assert_eq!(
        blocked(&["sync.(*Mutex).Lock", sync_pod], "sync.Mutex.Lock"),
        Some("mutex")
    );
    assert_eq!(blocked(&["sync.(*Mutex).Lock", sync_pod], "semacquire"), Some("mutex"));
    assert_eq!(
        blocked(
            &["sync.(*Mutex).Lock", "k8s.io/klog/v2.(*loggingT).output", sync_pod],
            ""
        ),
        Some("logging")
    );
    assert_eq!(blocked(&[sync_pod], "chan receive"), Some("channel"));
    // What lies outside of the waiting code is not what it waits in.
    let outside = [
        "k8s.io/apimachinery/pkg/util/wait.Until",
        "sync.(*RWMutex).RLock",
        sync_pod,
    ];
    assert_eq!(blocked(&outside, "chan receive"), Some("channel"));
    let throttled = [
        "time.Sleep",
        "k8s.io/client-go/rest.(*Request).tryThrottle",
        "k8s.io/client-go/rest.(*Request).Do",
    ];
    let throttled: Vec<&str> = throttled.into_iter().chain([sync_pod]).collect();
    assert_eq!(blocked(&throttled, "sleep"), Some("api-throttle"));
    let mount = [
        "syscall.Syscall6",
        "os.Stat",
        "k8s.io/mount-utils.IsLikelyNotMountPoint",
        "k8s.io/kubernetes/pkg/volume.X",
    ];
    assert_eq!(blocked(&mount, "syscall"), Some("mounts"));
    // A hung mount below a thin layer over `os` is a file that hangs, whatever the layer.
    for layer in [
        "k8s.io/utils/path.Exists",
        "k8s.io/kubernetes/pkg/util/filesystem.(*DefaultFs).Stat",
        "k8s.io/kubernetes/pkg/util/removeall.RemoveAllOneFilesystem",
    ] {
        let stat = [
            "syscall.fstatat",
            "os.Stat",
            layer,
            "k8s.io/kubernetes/pkg/volume/util.X",
            sync_pod,
        ];
        assert_eq!(blocked(&stat, "syscall"), Some("files"), "{layer}");
    }
    let plugin = [
        "google.golang.org/grpc.(*ClientConn).Invoke",
        "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1.(*devicePluginClient).Allocate",
        "k8s.io/kubernetes/pkg/kubelet/cm/devicemanager.(*ManagerImpl).Allocate",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).HandlePodAdditions",
    ];
    assert_eq!(blocked(&plugin, "select"), Some("device-plugin-grpc"));
}

#[test]
fn children_are_adopted_over_generations_but_not_from_start_up() {
    let k = Knowledge::builtin();
    let attribute = |name: &str| attribute(classify(&k, &[name]), Sense::Waiting, Clues::default());
    let library = attribute("golang.org/x/net/http2.(*clientStream).doRequest");
    let mut all = [
        library,
        attribute("k8s.io/kubernetes/pkg/kubelet/config.NewSourceApiserver.func1"),
        library,
        library,
        library,
        library,
    ];
    // 3 is in a circle with 5, 4 has a parent that is gone.
    let tree = [
        (10, Some(30)),
        (20, None),
        (30, Some(20)),
        (40, Some(60)),
        (50, Some(99)),
        (60, Some(40)),
    ];
    let tree = tree.map(|(id, parent)| Started { id, parent });
    adopt(&tree, &mut all);
    let owner = |i: usize| (all[i].owner.map(|id| k.key(id)), all[i].how);
    assert_eq!(owner(0), (Some("pod-sources"), OwnerRule::ParentGoroutine));
    assert_eq!(owner(2), (Some("pod-sources"), OwnerRule::ParentGoroutine));
    for orphan in [3, 4, 5] {
        assert_eq!(owner(orphan), (Some("http"), OwnerRule::OutermostLibrary));
    }
    let main_loop = [
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoop",
        "k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run",
    ];
    let main_loop = kubeprof::kubelet::attribute(classify(&k, &main_loop), Sense::Waiting, Clues::default());
    let mut pair = [main_loop, library];
    adopt(
        &[Started { id: 1, parent: None }, Started { id: 2, parent: Some(1) }],
        &mut pair,
    );
    assert_eq!(
        pair[1].how,
        OwnerRule::OutermostLibrary,
        "created before the loop began, for all we know"
    );
}

#[test]
fn joining_counts_and_gaps() {
    let k = Knowledge::builtin();
    let owned = |name: &str| attribute(classify(&k, &[name]), Sense::Waiting, Clues::default());
    let (pleg, probes) = (
        owned("k8s.io/kubernetes/pkg/kubelet/pleg.F"),
        owned("k8s.io/kubernetes/pkg/kubelet/prober.F"),
    );
    let keys = |ids: &[u32]| ids.iter().map(|&id| FrameKey(id)).collect::<Vec<_>>();
    let dumped = |ids: &[u32], attribution| DumpStack {
        frames: keys(ids),
        gap: None,
        attribution,
    };
    let counted = |ids: &[u32], count| CountedStack {
        frames: keys(ids),
        count,
    };
    let mut dump = vec![
        dumped(&[1, 2], pleg),
        dumped(&[1, 2], probes),
        dumped(&[1, 2], probes),
        dumped(&[3], pleg),
    ];
    dump.push(DumpStack {
        frames: keys(&[7, 8]),
        gap: Some(1),
        attribution: pleg,
    });
    // The first stack stands on two lines of the profile, as it does when source lines differ.
    let lines = [
        counted(&[1, 2], 1),
        counted(&[1, 2], 2),
        counted(&[3], 5),
        counted(&[4], 1),
        counted(&[7, 9, 9, 8], 1),
    ];
    let joined = join(&dump, &lines);
    assert_eq!(joined[0].evidence, Evidence::SameCount);
    assert_eq!(joined[0].owners, vec![(probes, 2), (pleg, 1)]);
    assert_eq!(joined[0].agreed(), None);
    assert_eq!(joined[1], joined[0]);
    assert_eq!(joined[2].evidence, Evidence::OtherCount { dump: 1, profile: 5 });
    assert_eq!(joined[2].agreed(), Some(pleg));
    assert_eq!((joined[3].evidence, joined[3].agreed()), (Evidence::Missing, None));
    assert_eq!(
        (joined[4].evidence, joined[4].agreed()),
        (Evidence::SameCount, Some(pleg))
    );
}

proptest! {
    /// Laws that hold for any stack of any classes.
    #[test]
    fn laws(stack in prop::collection::vec(0usize..10, 0..30), creator in 0usize..9, waiting in any::<bool>()) {
        let table = "o.o/a\ta\towner\tA\no.o/b\tb\towner\tB\no.o/l\tl\tlibrary\tL\no.o/c\tc\tboundary\tC\n\
            o.o/s\ts\tstart\tS\no.o/w\tw\twrapper\tW\no.o/r\tr\truntime\tR\no.o/p\tp\tplain\tP\n";
        let k = Knowledge::parse(table, "laws").unwrap();
        let names = ["o.o/a.F", "o.o/b.F", "o.o/l.F", "o.o/c.F", "o.o/s.F", "o.o/w.F", "o.o/r.F", "o.o/p.F", "x.y/z.F", ""];
        let stack: Vec<&str> = stack.iter().map(|&i| names[i]).collect();
        let classes = classify(&k, &stack);
        let sense = if waiting { Sense::Waiting } else { Sense::Spending };
        let clues = Clues { created_by: Some(k.classify_function(names[creator], "")), wait: None };
        let a = attribute(classes.iter().copied(), sense, clues);

        let has_owner = stack.iter().any(|n| matches!(*n, "o.o/a.F" | "o.o/b.F"));
        prop_assert_eq!(a.how == OwnerRule::OutermostOwner, has_owner);
        prop_assert_eq!(a.owner.is_none(), a.how >= OwnerRule::UnknownPackage);
        if let Some(frame) = a.owner_frame {
            prop_assert_eq!(classes[frame as usize].subsystem(), a.owner);
        }
        prop_assert!(a.blocked_in.is_none() || a.blocked_in != a.owner);
        prop_assert!(a.within.is_none() || a.within != a.owner);
        // Wrappers around a stack, and plain Go inside of it, change nothing but the frame's number.
        let mut more = vec![k.classify_function("o.o/p.G", "")];
        more.extend(&classes);
        let wrapped = attribute(more, sense, clues);
        if !matches!(a.how, OwnerRule::Runtime | OwnerRule::NoFrames) {
            prop_assert_eq!((wrapped.owner, wrapped.how, wrapped.blocked_in), (a.owner, a.how, a.blocked_in));
        }
        if has_owner {
            let wrapper = k.classify_function("o.o/w.G", "");
            prop_assert_eq!(attribute(classes.into_iter().chain([wrapper]), sense, clues), a);
        }
    }
}

// ---- real captures ----

struct Goroutine {
    started: Started,
    state: String,
    frames: Vec<String>,
    created_by: Option<String>,
}

/// The little of a `debug=2` dump that is needed here.
fn dump(name: &str) -> Vec<Goroutine> {
    let text = String::from_utf8(fixture(name)).unwrap();
    let mut all: Vec<Goroutine> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("goroutine ") {
            let (id, rest) = head.split_once(" [").unwrap();
            let state = rest.split([',', ']']).next().unwrap().to_owned();
            let started = Started {
                id: id.parse().unwrap(),
                parent: None,
            };
            all.push(Goroutine {
                started,
                state,
                frames: Vec::new(),
                created_by: None,
            });
        } else if let Some(creator) = line.strip_prefix("created by ") {
            let (function, parent) = creator.rsplit_once(" in goroutine ").unwrap();
            let last = all.last_mut().unwrap();
            last.started.parent = Some(parent.parse().unwrap());
            last.created_by = Some(function.to_owned());
        } else if !line.starts_with('\t') && !line.is_empty() {
            // Arguments are flat: `{0x1, 0x2}` and `...`, never a parenthesis.
            let function = &line[..line.rfind('(').unwrap()];
            all.last_mut().unwrap().frames.push(function.to_owned());
        }
    }
    all
}

fn attribute_dump(knowledge: &Knowledge, goroutines: &[Goroutine]) -> Vec<Attribution> {
    let one = |g: &Goroutine| {
        let created_by = g
            .created_by
            .as_deref()
            .map(|name| knowledge.classify_function(name, ""));
        let clues = Clues {
            created_by,
            wait: knowledge.classify_wait(&g.state),
        };
        attribute(
            g.frames.iter().map(|name| knowledge.classify_function(name, "")),
            Sense::Waiting,
            clues,
        )
    };
    let mut all: Vec<Attribution> = goroutines.iter().map(one).collect();
    adopt(&goroutines.iter().map(|g| g.started).collect::<Vec<_>>(), &mut all);
    all
}

fn names(profile: &Profile, sample: usize) -> impl Iterator<Item = &str> {
    let stack = profile.stack(profile.samples.stack(sample));
    stack
        .iter()
        .flat_map(|&l| profile.lines_of(l))
        .map(|line| profile.function_name(line.function))
}

/// One attribution per sample, through classes by function, as an analysis does it.
fn attribute_profile(knowledge: &Knowledge, profile: &Profile, sense: Sense) -> Vec<Attribution> {
    let class =
        |f: &kubeprof::model::Function| knowledge.classify_function(profile.text(f.name), profile.text(f.filename));
    let classes: Vec<FunctionClass> = profile.functions.iter().map(class).collect();
    let one = |sample| {
        let stack = profile.stack(profile.samples.stack(sample));
        let lines = stack.iter().flat_map(|&l| profile.lines_of(l));
        attribute(
            lines.map(|line| classes[line.function.index()]),
            sense,
            Clues::default(),
        )
    };
    (0..profile.samples.len()).map(one).collect()
}

/// How many goroutines have this owner and are blocked in this.
fn count(knowledge: &Knowledge, all: &[Attribution], owner: &str, blocked_in: &str) -> usize {
    let is = |id: Option<SubsystemId>, key: &str| id.is_some_and(|id| knowledge.key(id) == key);
    all.iter()
        .filter(|a| is(a.owner, owner) && is(a.blocked_in, blocked_in))
        .count()
}

const DUMPS: [&str; 6] = [
    "ctx-leak-1.36.1/last-goroutine.debug2.txt.gz",
    "frozen-runtime/a-before-goroutine.debug2.txt.gz",
    "frozen-runtime/b-70s-goroutine.debug2.txt.gz",
    "frozen-runtime/c-3min-goroutine.debug2.txt.gz",
    "frozen-runtime/d-6min-goroutine.debug2.txt.gz",
    "healthy-1.37.2/last-goroutine.debug2.txt.gz",
];

#[test]
fn dumps_98_percent_have_a_subsystem_and_80_percent_a_part_of_the_kubelet() {
    let k = Knowledge::builtin();
    for name in DUMPS {
        let goroutines = dump(name);
        let all = attribute_dump(&k, &goroutines);
        assert!(goroutines.len() >= 400, "{name}");
        let known = all.iter().filter(|a| a.owner.is_some()).count();
        assert!(known * 100 >= all.len() * 98, "{name}: {known} of {}", all.len());
        let kubelet = all.iter().filter(|a| a.how.is_kubelet()).count();
        assert!(kubelet * 100 >= all.len() * 79, "{name}: {kubelet} of {}", all.len());
        assert_eq!(
            all.iter()
                .filter(|a| a.how == OwnerRule::OutermostOwner && a.owner == k.by_key("sync-loop"))
                .count(),
            1
        );
    }
}

#[test]
fn heap_and_cpu_95_percent_have_a_subsystem() {
    let k = Knowledge::builtin();
    for (name, kind) in [
        ("ctx-leak-1.36.1/s01-heap.pb.gz", "inuse_space"),
        ("ctx-leak-1.36.1/s10-heap.pb.gz", "inuse_space"),
        ("ctx-leak-1.36.1/s10-heap.pb.gz", "alloc_space"),
        ("frozen-runtime/a-before-heap.pb.gz", "inuse_space"),
        ("frozen-runtime/d-6min-heap.pb.gz", "inuse_space"),
        ("healthy-1.37.2/s01-heap.pb.gz", "inuse_space"),
        ("healthy-1.37.2/s06-heap.pb.gz", "inuse_space"),
        ("healthy-1.37.2/s06-heap.pb.gz", "alloc_space"),
        ("ctx-leak-1.36.1/last-cpu.pb.gz", "cpu"),
        ("frozen-runtime/d-6min-cpu.pb.gz", "cpu"),
        ("healthy-1.37.2/last-cpu.pb.gz", "cpu"),
    ] {
        let profile = profile(name);
        let column = (0..profile.sample_types.len())
            .find(|&i| profile.sample_type(i).0 == kind)
            .unwrap();
        let (mut known, mut kubelet, mut total) = (0, 0, 0);
        for (sample, a) in attribute_profile(&k, &profile, Sense::Spending).iter().enumerate() {
            let value = profile.samples.values(sample)[column];
            total += value;
            known += if a.owner.is_some() { value } else { 0 };
            kubelet += if a.how.is_kubelet() { value } else { 0 };
        }
        assert!(total > 0 && known * 100 >= total * 95, "{name}: {known} of {total}");
        assert!(
            kubelet * 100 >= total * 70,
            "{name}: only {kubelet} of {total} belong to the kubelet"
        );
    }
}

#[test]
fn ctx_leak_belongs_to_the_pod_workers() {
    let k = Knowledge::builtin();
    let profile = profile("ctx-leak-1.36.1/s10-heap.pb.gz");
    let objects = (0..profile.sample_types.len())
        .find(|&i| profile.sample_type(i).0 == "inuse_objects")
        .unwrap();
    let mut by_owner: BTreeMap<&str, i64> = BTreeMap::new();
    let mut leak = Vec::new();
    for (sample, a) in attribute_profile(&k, &profile, Sense::Spending).iter().enumerate() {
        *by_owner.entry(k.key(a.owner.unwrap())).or_default() += profile.samples.values(sample)[objects];
        let mut frames = names(&profile, sample);
        let from_context = frames.next().is_some_and(|leaf| leaf.starts_with("context."));
        if from_context && frames.any(|f| f.ends_with(".startPodSync")) {
            leak.push(*a);
        }
    }
    assert!(!leak.is_empty());
    for a in leak {
        assert_eq!(
            answer(&k, &a),
            (Some("pod-workers"), OwnerRule::OutermostOwner, None, Some("context"))
        );
    }
    let most = by_owner.iter().max_by_key(|(_, objects)| **objects).unwrap();
    assert_eq!(*most.0, "pod-workers", "{by_owner:?}");
}

#[test]
fn frozen_runtime_shows_who_waits_for_cri() {
    let k = Knowledge::builtin();
    let before = attribute_dump(&k, &dump("frozen-runtime/a-before-goroutine.debug2.txt.gz"));
    let after = attribute_dump(&k, &dump("frozen-runtime/c-3min-goroutine.debug2.txt.gz"));
    assert!(count(&k, &before, "probes", "cri-client") <= 3);
    assert_eq!(count(&k, &after, "probes", "cri-client"), 60);
    assert_eq!(count(&k, &before, "pleg", "cri-client"), 0);
    assert_eq!(count(&k, &after, "pleg", "cri-client"), 1);
    assert!(count(&k, &after, "garbage-collection", "cri-client") >= 1);
    assert!(count(&k, &after, "images", "cri-client") >= 1);
    // The pod workers wait for a newer runtime cache, not for the runtime itself.
    let cache = k.by_key("runtime-cache");
    assert!(
        after
            .iter()
            .filter(|a| a.owner == k.by_key("pod-workers") && a.within == cache)
            .count()
            >= 50
    );
}

#[test]
fn the_profile_learns_creators_from_the_dump() {
    let k = Knowledge::builtin();
    for (dump_name, profile_name, pods) in [
        (
            "frozen-runtime/c-3min-goroutine.debug2.txt.gz",
            "frozen-runtime/c-3min-goroutine.pb.gz",
            60,
        ),
        (
            "frozen-runtime/d-6min-goroutine.debug2.txt.gz",
            "frozen-runtime/d-6min-goroutine.pb.gz",
            60,
        ),
        // Taken a little later than its profile.
        (
            "ctx-leak-1.36.1/last-goroutine.debug2.txt.gz",
            "ctx-leak-1.36.1/s10-goroutine.pb.gz",
            60,
        ),
        (
            "healthy-1.37.2/last-goroutine.debug2.txt.gz",
            "healthy-1.37.2/s06-goroutine.pb.gz",
            40,
        ),
    ] {
        let goroutines = dump(dump_name);
        let all = attribute_dump(&k, &goroutines);
        let profile = profile(profile_name);
        let mut keys = FrameKeys::new();
        let mut dumped = Vec::new();
        for (g, &attribution) in goroutines.iter().zip(&all) {
            let frames = g.frames.iter().filter_map(|name| keys.key(name)).collect();
            dumped.push(DumpStack {
                frames,
                gap: None,
                attribution,
            });
        }
        let mut counted = Vec::new();
        for sample in 0..profile.samples.len() {
            let frames = names(&profile, sample).filter_map(|name| keys.key(name)).collect();
            counted.push(CountedStack {
                frames,
                count: profile.samples.values(sample)[0].unsigned_abs(),
            });
        }
        let joined = join(&dumped, &counted);
        let total: u64 = counted.iter().map(|c| c.count).sum();
        let found = |j: &kubeprof::kubelet::Joined| j.evidence != Evidence::Missing;
        let found: u64 = counted
            .iter()
            .zip(&joined)
            .filter(|(_, j)| found(j))
            .map(|(c, _)| c.count)
            .sum();
        assert!(found * 100 >= total * 98, "{dump_name}: {found} of {total}");

        let alone = attribute_profile(&k, &profile, Sense::Waiting);
        let stats = k.by_key("summary-stats");
        assert!(
            alone
                .iter()
                .all(|a| a.owner != stats || a.how == OwnerRule::OutermostOwner)
        );
        let mut learnt = 0;
        let mut seen = Vec::new();
        for (j, c) in joined.iter().zip(&counted) {
            // Lines with one stack share one answer.
            if !seen.contains(&&c.frames) {
                seen.push(&c.frames);
                learnt += j
                    .owners
                    .iter()
                    .filter(|(a, _)| a.owner == stats)
                    .map(|(_, n)| n)
                    .sum::<u64>();
            }
        }
        assert!(learnt >= pods, "{dump_name}: {learnt} volume statistics loops");
    }
}
