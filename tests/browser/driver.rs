//! A browser of the tests' own: chromedriver, spoken to over HTTP as WebDriver says. No crate: requests are small and
//! the server is ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// A running chromedriver with one window. Ends with the test.
pub(crate) struct Browser {
    /// One browser at a time: several only slow each other down.
    _turn: MutexGuard<'static, ()>,
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

/// What the window looks like.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

/// As the issue names it.
pub(crate) const DESKTOP: Look = Look {
    width: 1280,
    height: 800,
    dark: false,
};
/// A phone.
pub(crate) const PHONE: Look = Look {
    width: 390,
    height: 844,
    dark: false,
};

fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(given) = std::env::var_os(variable) {
        return Some(given.into());
    }
    let path = std::env::var_os("PATH")?;
    let places = || std::env::split_paths(&path);
    names
        .iter()
        .find_map(|name| places().map(|p| p.join(name)).find(|p| p.is_file()))
}

impl Browser {
    /// Starts a browser, or says loudly that there is none. `KUBEPROF_BROWSER=required` makes that a failure.
    pub(crate) fn start(look: Look) -> Option<Self> {
        let chromium = program("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]);
        let driver = program("CHROMEDRIVER", &["chromedriver"]);
        let (Some(chromium), Some(driver)) = (chromium, driver) else {
            let missing = "SKIPPED: no chromium and chromedriver; apt-get install chromium chromium-driver";
            assert!(
                std::env::var("KUBEPROF_BROWSER").as_deref() != Ok("required"),
                "{missing}"
            );
            // Not eprintln: the test harness would swallow it.
            let _ = writeln!(std::io::stderr(), "\n{missing}\n");
            return None;
        };
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut out = BufReader::new(driver.stdout.take().expect("its output"));
        let port = loop {
            let mut line = String::new();
            assert!(
                out.read_line(&mut line).expect("its output") > 0,
                "chromedriver says no port"
            );
            if let Some((_, rest)) = line.split_once("successfully on port ") {
                break rest.trim().trim_end_matches('.').parse().expect("a port");
            }
        };
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let profile = tempfile::tempdir().expect("temporary folder");
        let mut browser = Self {
            _turn: turn,
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &folder,
        ];
        let options = json!({"binary": chromium, "args": args});
        let logs = json!({"browser": "ALL", "performance": "ALL"});
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs});
        let session = browser.call("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser.resize(look);
        Some(browser)
    }

    /// One request of WebDriver; panics on an error of the browser.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver listens");
        let body = if method == "GET" {
            String::new()
        } else {
            body.to_string()
        };
        let path = match self.session.as_str() {
            "" => path.to_owned(),
            session => format!("/session/{session}{path}"),
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("sent");
        // The connection stays open whatever is asked for: the length says where the answer ends.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                answer.read_line(&mut line).expect("answered") > 0,
                "{method} {path}: no answer"
            );
            if let Some((name, value)) = line.trim_end().split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let mut text = vec![0; length];
        answer.read_exact(&mut text).expect("answered");
        let json = std::str::from_utf8(&text).expect("UTF-8");
        let value: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
        let value = value["value"].clone();
        assert!(value.get("error").is_none(), "{method} {path}: {value}");
        value
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.call("POST", path, &body)
    }

    /// A command of the browser's own protocol.
    pub(crate) fn cdp(&self, command: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": params}))
    }

    pub(crate) fn resize(&self, look: Look) {
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width < 500}),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Opens an address and waits until the page has shown everything.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", json!({"url": url}));
        self.settle();
    }

    /// Opens an address of a page without a program.
    pub(crate) fn visit(&self, url: &str) {
        self.post("/url", json!({"url": url}));
    }

    /// Leaves the page, so that the next address loads it anew.
    pub(crate) fn leave(&self) {
        self.post("/url", json!({"url": "about:blank"}));
    }

    /// Waits until the page has shown what follows from the last change. The page counts; no clock is looked at but to
    /// give up.
    pub(crate) fn settle(&self) {
        let script = "const done = arguments[0]; const d = () => document.documentElement.dataset; \
            const look = () => d().ready !== undefined && d().ready === d().round \
              ? requestAnimationFrame(() => requestAnimationFrame(() => done(true))) : setTimeout(look, 10); look();";
        let done = self.post("/execute/async", json!({"script": script, "args": []}));
        assert_eq!(done, json!(true));
    }

    /// Runs a script in the page and gives what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []}))
    }

    /// Runs a script that calls `done` with what it found.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0]; {script}");
        self.post("/execute/async", json!({"script": script, "args": []}))
    }

    /// Runs a script, waits for the page, then gives what `look` returns.
    pub(crate) fn after(&self, script: &str, look: &str) -> Value {
        self.run(script);
        self.settle();
        self.run(&format!("return {look};"))
    }

    /// Text of the first element that a selector finds, as it is laid out.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({}).innerText;", json!(selector));
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub(crate) fn keys(&self, keys: &[&str]) {
        let name = |k: &&str| match *k {
            "Enter" => "\u{e007}".to_owned(),
            "Escape" => "\u{e00c}".to_owned(),
            "Tab" => "\u{e004}".to_owned(),
            "Backspace" => "\u{e003}".to_owned(),
            "Left" => "\u{e012}".to_owned(),
            "Up" => "\u{e013}".to_owned(),
            "Right" => "\u{e014}".to_owned(),
            "Down" => "\u{e015}".to_owned(),
            "Shift" => "\u{e008}".to_owned(),
            other => other.to_owned(),
        };
        let mut actions: Vec<Value> = Vec::new();
        for key in keys {
            let value = match key.strip_prefix("Shift+") {
                Some(plain) => {
                    actions.push(json!({"type": "keyDown", "value": name(&"Shift")}));
                    name(&plain)
                }
                None => name(key),
            };
            actions.push(json!({"type": "keyDown", "value": value}));
            actions.push(json!({"type": "keyUp", "value": value}));
            if key.starts_with("Shift+") {
                actions.push(json!({"type": "keyUp", "value": name(&"Shift")}));
            }
        }
        self.post(
            "/actions",
            json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}),
        );
        self.settle();
    }

    /// The pointer goes along these points of the window; `press` holds its button from the first to the last.
    pub(crate) fn pointer(&self, points: &[(f64, f64)], press: bool) {
        let to = |(x, y): &(f64, f64)| json!({"type": "pointerMove", "duration": 0, "x": x.round() as i64, "y": y.round() as i64});
        let mut actions = vec![to(&points[0])];
        if press {
            actions.push(json!({"type": "pointerDown", "button": 0}));
        }
        actions.extend(points[1..].iter().map(to));
        if press {
            actions.push(json!({"type": "pointerUp", "button": 0}));
        }
        let mouse =
            json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions});
        self.post("/actions", json!({"actions": [mouse]}));
        self.settle();
    }

    pub(crate) fn back(&self) {
        self.post("/back", json!({}));
        self.settle();
    }

    /// What the console said at level warning or above, and every request that left the page.
    pub(crate) fn complaints(&self, page: &str) -> Vec<String> {
        let mut found = Vec::new();
        let log = self.post("/se/log", json!({"type": "browser"}));
        for entry in log.as_array().into_iter().flatten() {
            if entry["level"] != "INFO" && entry["level"] != "DEBUG" {
                found.push(entry["message"].as_str().unwrap_or_default().to_owned());
            }
        }
        let log = self.post("/se/log", json!({"type": "performance"}));
        for entry in log.as_array().into_iter().flatten() {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap_or("{}")).unwrap_or_default();
            let message = &message["message"];
            if message["method"] == "Network.requestWillBeSent" {
                let url = message["params"]["request"]["url"].as_str().unwrap_or_default();
                let inside = ["data:", "about:", "chrome:", page];
                if !inside.iter().any(|known| url.starts_with(known)) {
                    found.push(format!("request: {url}"));
                }
            }
        }
        found
    }

    /// A picture of the window, written where `KUBEPROF_SCREENSHOTS` says.
    pub(crate) fn screenshot(&self, name: &str) {
        use base64::Engine;
        let Some(folder) = std::env::var_os("KUBEPROF_SCREENSHOTS") else {
            return;
        };
        let picture = self.call("GET", "/screenshot", &Value::Null);
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap_or_default());
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        std::fs::write(path, bytes.expect("base64")).expect("written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let quit = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.call("DELETE", "", &json!({}))));
            drop(quit);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
