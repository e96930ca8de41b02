//! What axe-core says of the pages, where `axe.sh` gives it (`KUBEPROF_AXE`): nothing serious.

#[cfg(feature = "web")]
use super::Server;
use super::driver::{Browser, DESKTOP, Look, PHONE};
use super::{fixture, page};

/// What of axe-core is worth a failure, where it is given.
fn program() -> Option<String> {
    let program = std::env::var_os("KUBEPROF_AXE")?;
    Some(std::fs::read_to_string(program).expect("axe.min.js"))
}

fn serious(browser: &Browser, axe: &str) -> serde_json::Value {
    browser.run(&format!("{axe}; return 1;"));
    browser.run_async(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations \
           .filter((v) => ['serious', 'critical'].includes(v.impact)) \
           .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 5).join(', ')}`)));",
    )
}

const LOOKS: [Look; 4] = [
    DESKTOP,
    Look { dark: true, ..DESKTOP },
    PHONE,
    Look { dark: true, ..PHONE },
];

#[cfg(feature = "web")]
#[test]
fn axe_finds_nothing_serious_on_served_pages() {
    let Some(axe) = program() else { return };
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let heap = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    let captures = heap.parent().unwrap().parent().unwrap().to_owned();
    let pprof = Server::start(&["pprof", "-http=127.0.0.1:0", "-no_browser", heap.to_str().unwrap()]);
    let shelf = Server::start(&["web", "--no-browser", captures.to_str().unwrap()]);
    // Instructions and the source below them need the binary.
    let place = super::binaries::Place::new("1.26.8-cgo-external-sw");
    let (binary, profile) = (place.binary(), place.profile("cpu.pb.gz", None));
    let code = Server::start(&["pprof", "-http=127.0.0.1:0", "-no_browser", &binary, &profile]);
    let of_code = ["disasm?f=main", "source?f=main"].map(|page| format!("{}{page}", code.url));
    let pages = [
        "top",
        "graph",
        "peek?f=startPodSync",
        "source?f=startPodSync",
        "flamegraph",
    ];
    let pages = pages.iter().map(|page| format!("{}{page}", pprof.url));
    for url in pages.chain(of_code).chain([shelf.url.clone()]) {
        for look in LOOKS {
            browser.resize(look);
            browser.visit(&url);
            let found = serious(&browser, &axe);
            assert_eq!(
                found,
                serde_json::json!([]),
                "{url} {}x{} dark {}",
                look.width,
                look.height,
                look.dark
            );
        }
    }
}

#[test]
fn axe_finds_nothing_serious() {
    let Some(axe) = program() else { return };
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let frozen = fixture("frozen-runtime");
    let heap = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for args in [["report", frozen.to_str().unwrap()], ["flame", heap.to_str().unwrap()]] {
        let url = page(folder.path(), &args);
        for look in LOOKS {
            for hash in [
                "",
                "#sandwich=context.withCancel&change=1",
                "#filter=fn:sync&only=hide:main.main&search=sync",
            ] {
                browser.resize(look);
                browser.leave();
                browser.open(&format!("{url}{hash}"));
                let found = serious(&browser, &axe);
                assert_eq!(
                    found,
                    serde_json::json!([]),
                    "{} {hash} {}x{} dark {}",
                    args[0],
                    look.width,
                    look.height,
                    look.dark
                );
            }
        }
    }
}
