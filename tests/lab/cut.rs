//! A network that is cut in the middle of a series, and `--resume` afterwards: what came late stands last, under the time
//! when the kubelet answered, whichever way the answer is looked at.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{KUBELET, Lab, NODE, Ran};

/// How a network is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    /// Connections end, and new ones are refused.
    Refused,
    /// Nothing arrives any more, and nobody says so.
    Silent,
}

/// A way to the API server that can be cut.
struct Line {
    port: u16,
    ends: Arc<Mutex<Vec<TcpStream>>>,
    closed: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Line {
    fn open(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let (closed, silent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let (is_closed, is_silent, all) = (closed.clone(), silent.clone(), ends.clone());
        let accept = move || {
            while !is_closed.load(Ordering::Relaxed) {
                let Ok((here, _)) = listener.accept() else {
                    sleep(Duration::from_millis(10));
                    continue;
                };
                here.set_nonblocking(false).expect("a socket");
                let there = TcpStream::connect(("127.0.0.1", 6443)).expect("the API server");
                for (from, to) in [(&here, &there), (&there, &here)] {
                    let clone = |s: &TcpStream| s.try_clone().expect("a socket");
                    let (from, to, is_silent) = (clone(from), clone(to), is_silent.clone());
                    all.lock().unwrap_or_else(PoisonError::into_inner).push(clone(&from));
                    thread::spawn(move || drop(carry(from, to, &is_silent)));
                }
            }
        };
        Self {
            port,
            ends,
            closed,
            silent,
            listener: Some(thread::spawn(accept)),
        }
    }

    fn cut(&mut self, how: Cut) {
        match how {
            Cut::Silent => self.silent.store(true, Ordering::Relaxed),
            Cut::Refused => {
                self.closed.store(true, Ordering::Relaxed);
                drop(self.listener.take().map(JoinHandle::join));
                for end in self.ends.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                    drop(end.shutdown(Shutdown::Both));
                }
            }
        }
    }

    fn mend(&mut self) {
        self.cut(Cut::Refused);
        *self = Self::open(self.port);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_silent: &AtomicBool) -> io::Result<()> {
    let mut buffer = [0; 1 << 14];
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return to.shutdown(Shutdown::Write);
        }
        // What was on its way is lost.
        if !is_silent.load(Ordering::Relaxed) {
            to.write_all(&buffer[..n])?;
        }
    }
}

/// Cuts the network in the middle of a series and for the rest of one, lets the kubelet have more goroutines, and goes on.
pub(crate) fn in_a_series(lab: &mut Lab) {
    for (how, comes_back, name) in [
        (Cut::Refused, true, "cut-middle"),
        (Cut::Refused, false, "cut-rest"),
        (Cut::Silent, false, "cut-silent"),
    ] {
        lab.title(&format!(
            "the network is cut in a series, and --resume ({how:?}, {name})"
        ));
        let mut line = Line::open(0);
        let config = std::fs::read_to_string(lab.file("admin.kubeconfig")).expect("a kubeconfig");
        let config = config.replace(":6443", &format!(":{}", line.port));
        std::fs::write(lab.file("line.kubeconfig"), config).expect("room");
        let (line_config, admin) = (lab.file("line.kubeconfig"), lab.file("admin.kubeconfig"));
        let args = [
            "capture",
            NODE,
            "--out",
            name,
            "--profiles",
            "goroutine,heap",
            "--series",
            "6",
            "--every",
            "4s",
        ];
        let child = lab
            .command(&args)
            .env("KUBECONFIG", &line_config)
            .spawn()
            .expect("kubeprof starts");
        let began = Instant::now();
        // Snapshots begin at 0, 4, 8, ... s: two are whole, the third is not.
        sleep(Duration::from_millis(6500));
        line.cut(how);
        if comes_back {
            sleep(Duration::from_millis(15_000).saturating_sub(began.elapsed()));
            line.mend();
        }
        let ran = lab.ended(name, &args, child);
        ran.is(3, &["--resume"]);
        lab.verifies(&ran, 3);
        let before = heaps(lab, name);
        assert!((2..6).contains(&before.len()), "{before:#?}");
        // Connections that nothing is said on: the kubelet has a goroutine for each.
        let idle: Vec<TcpStream> = (0..60)
            .map(|_| TcpStream::connect(KUBELET).expect("the kubelet"))
            .collect();
        line.mend();
        let way = if how == Cut::Silent { &admin } else { &line_config };
        let resume = ["capture", "--resume", name];
        let refused = lab.kubeprof(name, &resume, &[("KUBECONFIG", way)]);
        // Another address of the same API server is another server until --force says that it is not.
        let ran = match how {
            Cut::Silent => {
                refused.is(2, &["captured through", "--force"]);
                let resume = ["capture", "--resume", name, "--force"];
                lab.kubeprof(name, &resume, &[("KUBECONFIG", way)])
            }
            Cut::Refused => refused,
        };
        drop(idle);
        ran.is(0, &[]);
        lab.verifies(&ran, 0);
        in_order(lab, &ran, name, &before);
        line.cut(Cut::Refused);
    }
}

/// A heap profile: snapshot, when it was taken by the listing, and by the kubelet's own clock.
type Heap = (u64, String, i64);

fn json(lab: &mut Lab, args: &[&str]) -> Value {
    let ran = lab.kubeprof("", args, &[]);
    let at = ran.out.find('{').unwrap_or_else(|| panic!("{}", ran.out));
    let mut values = serde_json::Deserializer::from_str(&ran.out[at..]).into_iter();
    values
        .next()
        .and_then(Result::ok)
        .unwrap_or_else(|| panic!("{}", ran.out))
}

fn heaps(lab: &mut Lab, name: &str) -> Vec<Heap> {
    let listed = json(lab, &["bundle", "ls", name, "-o", "json"]);
    let rows = listed["rows"].as_array().expect("rows");
    let is = |r: &&Value| r["artifact"] == "heap" && r["state"] == "there";
    let of = |r: &Value| {
        let path = r["path"].as_str().expect("a path");
        let bytes = std::fs::read(lab.bundle(name).join(path)).expect("a file");
        let profile = kubeprof::pprof::read(bytes, kubeprof::pprof::Limit::Proportional, false).expect("a profile");
        let taken = r["taken"].as_str().expect("a time").to_owned();
        (
            r["snapshot"].as_u64().expect("a number"),
            taken,
            profile.profile.time_nanos,
        )
    };
    rows.iter().filter(is).map(of).collect()
}

/// Listing, folders, times and the sides of a comparison are in the order in which the kubelet answered.
fn in_order(lab: &mut Lab, ran: &Ran, name: &str, before: &[Heap]) {
    let all = heaps(lab, name);
    assert_eq!(all.len(), 6, "{all:#?}");
    assert_eq!(all[..before.len()], *before, "what was there stays where it is");
    // Times are listed to the second, and a resumption may begin in that of the last snapshot.
    assert!(
        all.windows(2)
            .all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1 && w[0].2 < w[1].2),
        "{all:#?}"
    );
    let ended = ran.events("finished").swap_remove(0)["at"]
        .as_str()
        .expect("a time")
        .to_owned();
    for (number, taken, nanos) in &all {
        let shown = jiff::Timestamp::from_nanosecond(i128::from(*nanos)).expect("a time");
        let taken: jiff::Timestamp = taken.parse().expect("a time");
        let apart = (shown.as_millisecond() - taken.as_millisecond()).abs();
        assert!(
            apart < 15_000,
            "snapshot {number} of {taken}: the kubelet answered at {shown}"
        );
    }
    for (number, taken, _) in &all[before.len()..] {
        assert!(*number > 6 || before.iter().all(|b| b.0 < *number), "{all:#?}");
        assert!(
            taken[..19] >= ended[..19],
            "{taken}, and the first capture ended at {ended}"
        );
    }
    // Inspect lists them in this order, too.
    let listed = lab.kubeprof(name, &["inspect", name], &[]);
    let at: Vec<usize> = all
        .iter()
        .map(|(_, taken, _)| {
            listed
                .out
                .find(&taken[..19])
                .unwrap_or_else(|| panic!("{taken}: {}", listed.out))
        })
        .collect();
    assert!(at.is_sorted(), "{}", listed.out);
    // The first is the old side, the late one the new.
    let heap = json(lab, &["diff", name, "--kind", "heap", "-o", "json"]);
    assert_eq!(heap["elapsed_nanos"], all[5].2 - all[0].2, "{heap:#}");
    let goroutines = json(lab, &["diff", name, "--kind", "goroutine", "-o", "json"]);
    let total = |side: &str| goroutines[side].as_i64().expect("a total");
    assert!(
        total("new_total") >= total("old_total") + 50,
        "60 connections came before the resumption: {} -> {}",
        total("old_total"),
        total("new_total")
    );
}
