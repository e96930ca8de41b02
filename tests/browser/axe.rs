//! What axe-core says of the pages, where `axe.sh` gives it (`KUBEPROF_AXE`): nothing serious.

use super::driver::{Browser, DESKTOP, Look, PHONE};
use super::{fixture, page};

#[test]
fn axe_finds_nothing_serious() {
    let Some(program) = std::env::var_os("KUBEPROF_AXE") else {
        return;
    };
    let axe = std::fs::read_to_string(program).expect("axe.min.js");
    let Some(browser) = Browser::start(DESKTOP) else { return };
    let folder = tempfile::tempdir().unwrap();
    let frozen = fixture("frozen-runtime");
    let heap = fixture("ctx-leak-1.36.1/s10-heap.pb.gz");
    for args in [["report", frozen.to_str().unwrap()], ["flame", heap.to_str().unwrap()]] {
        let url = page(folder.path(), &args);
        for look in [
            DESKTOP,
            Look { dark: true, ..DESKTOP },
            PHONE,
            Look { dark: true, ..PHONE },
        ] {
            for hash in [
                "",
                "#sandwich=context.withCancel&change=1",
                "#filter=fn:sync&only=hide:main.main&search=sync",
            ] {
                browser.resize(look);
                browser.leave();
                browser.open(&format!("{url}{hash}"));
                browser.run(&format!("{axe}; return 1;"));
                let found = browser.run_async(
                    "axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations \
                       .filter((v) => ['serious', 'critical'].includes(v.impact)) \
                       .map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 5).join(', ')}`)));",
                );
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
