//! The page in a browser: `flame` and `report` on captures of real kubelets, driven by keys and pointer.
//!
//! Chromium and chromedriver are Debian's packages; where there are none the tests say so and pass
//! (`KUBEPROF_BROWSER=required` makes that a failure). `KUBEPROF_SCREENSHOTS=FOLDER` keeps pictures.

mod axe;
#[cfg(feature = "web")]
#[path = "../binaries/support.rs"]
#[expect(dead_code, reason = "the tests of binaries need more of it")]
mod binaries;
mod driver;
mod flame;
mod hostile;
mod report;

#[cfg(feature = "web")]
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
#[cfg(feature = "web")]
use std::process::{Child, Stdio};
use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/captures")
        .join(name)
}

fn kubeprof(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .args(args)
        .env("TZ", "UTC")
        .output();
    output.expect("the program starts")
}

/// Makes a page and gives its address.
fn page(folder: &Path, args: &[&str]) -> String {
    let path = folder.join("page.html");
    let path = path.to_str().expect("UTF-8");
    let output = kubeprof(&[args, &["--out", path]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    format!("file://{path}")
}

/// A server that ends with the test.
#[cfg(feature = "web")]
struct Server {
    child: Child,
    /// Its address, with a slash at the end.
    url: String,
}

#[cfg(feature = "web")]
impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
            .args(args)
            .env("TZ", "UTC")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines();
        let found = lines.find_map(|line| {
            let line = line.expect("UTF-8");
            let start = line.find("http://")?;
            line[start..].split_whitespace().next().map(str::to_owned)
        });
        std::thread::spawn(move || lines.for_each(drop));
        let url = found.expect("an address");
        Self {
            child,
            url: format!("{}/", url.trim_end_matches('/')),
        }
    }
}

#[cfg(feature = "web")]
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command says as JSON.
fn json(args: &[&str]) -> Value {
    let output = kubeprof(&[args, &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Rows of the table in the page: name and the raw numbers by the key of their column.
fn rows(browser: &driver::Browser) -> Vec<(String, Value)> {
    let script = "const heads = [...document.querySelectorAll('#rows-table thead th')].map(th => th.dataset.key); \
        return [...document.querySelectorAll('#rows-table tbody tr')].map(tr => [tr.dataset.name, Object.fromEntries( \
          [...tr.children].map((td, i) => [heads[i], td.dataset.value === undefined ? null : Number(td.dataset.value)]))]);";
    let rows = browser.run(script);
    (rows.as_array().into_iter().flatten())
        .map(|row| (row[0].as_str().unwrap_or_default().to_owned(), row[1].clone()))
        .collect()
}

/// Equal to a part in a million.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
}
