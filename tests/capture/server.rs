//! A TLS server that plays an API server with one or more kubelets behind it, or a kubelet; with a script for every path.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path at the server, without parameters.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// Whether it came with a client certificate of the servers' CA.
    pub(crate) certified: bool,
}

impl Request {
    /// The value of a parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .find_map(|p| p.strip_prefix(name)?.strip_prefix('='))
    }

    /// Node and path at its kubelet.
    pub(crate) fn at_kubelet(&self) -> (&str, &str) {
        match self
            .path
            .strip_prefix("/api/v1/nodes/")
            .and_then(|p| p.split_once("/proxy"))
        {
            Some((node, path)) => (node, path),
            None => ("", &self.path),
        }
    }
}

/// How the bytes of an answer are sent.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// At once.
    Whole,
    /// A few at a time.
    Drip { chunk: usize, pause: Duration },
    /// So many, then silence.
    StallAfter(usize),
    /// So many, then the connection ends.
    CutAfter(usize),
    /// `Content-Length` says so many.
    Announce(usize),
    /// Without `Content-Length`, and without an end.
    Endless,
    /// Nothing at all, not even a status.
    Silence,
    /// The connection ends at once.
    Close,
    /// After a while, then at once.
    After(Duration),
    /// The body alone, which brings its own head or is none; then the connection ends.
    Raw,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) how: How,
}

impl Reply {
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status,
            headers: vec![("Content-Type".to_owned(), kind.to_owned())],
            body: body.into(),
            how: How::Whole,
        }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Reply::new(status, "text/plain; charset=utf-8", body)
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Reply::new(status, "application/json", body)
    }

    /// What stands in a file of `fixtures/refusals`.
    pub(crate) fn fixture(name: &str) -> Self {
        let (status, headers, body) = parse_fixture(name);
        let keep = |(k, _): &(String, String)| !matches!(k.as_str(), "content-length" | "date");
        Reply {
            status,
            headers: headers.into_iter().filter(keep).collect(),
            body,
            how: How::Whole,
        }
    }

    pub(crate) fn how(self, how: How) -> Self {
        Reply { how, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Status, headers in lowercase and body of a file of `fixtures/refusals`.
pub(crate) fn parse_fixture(name: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let text = std::fs::read_to_string(root().join("fixtures/refusals").join(name)).expect("a fixture");
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").expect("a head and a body");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|l| l.split_whitespace().nth(1))
        .and_then(|s| s.parse().ok());
    let headers = lines
        .filter_map(|l| l.split_once(": "))
        .map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    (status.expect("a status"), headers, body.as_bytes().to_vec())
}

/// Root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `fixtures`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = root().join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

type Script = dyn Fn(&Request) -> Option<Reply> + Send + Sync;

/// A server; ends with the value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    folder: tempfile::TempDir,
    state: Arc<State>,
}

struct State {
    script: Box<Script>,
    kubelet: Kubelet,
    stop: AtomicBool,
    seen: Mutex<Vec<Request>>,
    busy: AtomicUsize,
    most: AtomicUsize,
    profiling: Mutex<HashMap<String, Instant>>,
    tls: Option<Arc<ServerConfig>>,
}

/// What the kubelets behind the server are like.
#[derive(Clone, Debug)]
pub(crate) struct Kubelet {
    /// Start of the process, Unix time.
    pub(crate) start: Arc<Mutex<f64>>,
    /// Goroutines that its metrics name.
    pub(crate) goroutines: Arc<AtomicUsize>,
    /// Resident memory that its metrics name.
    pub(crate) memory: Arc<AtomicUsize>,
}

impl Default for Kubelet {
    fn default() -> Self {
        Kubelet {
            start: Arc::new(Mutex::new(1_795_461_258.13)),
            goroutines: Arc::new(AtomicUsize::new(512)),
            memory: Arc::new(AtomicUsize::new(96 << 20)),
        }
    }
}

/// What all servers of this process share.
struct Certificates {
    /// PEM of the CA.
    ca: String,
    /// PEM of a client's certificate and its key, in one file as kubelets keep theirs.
    client: String,
    /// With a certificate for 127.0.0.1; clients may show theirs.
    config: Arc<ServerConfig>,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

/// A certificate of the CA for these names, and its key.
fn signed(
    issuer: &rcgen::Issuer<'static, rcgen::KeyPair>,
    names: Vec<String>,
    serial: u64,
) -> (rcgen::Certificate, Vec<u8>) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(names).expect("parameters");
    params.serial_number = Some(serial.into());
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    (certificate, key.serialize_der())
}

/// Takes whatever certificate a client shows, as Go's servers take what rustls' do not.
#[derive(Debug)]
struct AnyClient;

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.serial_number = Some(1.into());
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "test-ca");
        let ca = params.self_signed(&key).expect("a CA");
        let issuer = rcgen::Issuer::new(params, key);
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let (leaf, leaf_key) = signed(&issuer, names, 2);
        let (client, client_key) = signed(&issuer, vec!["system:node:worker-03".to_owned()], 3);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key));
        let provider = kubeprof::tls::provider().expect("a processor of the last ten years");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.der().clone()).expect("a CA");
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .expect("a verifier");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a server");
        let client_key = pem::encode(&pem::Pem::new("PRIVATE KEY", client_key));
        Certificates {
            ca: ca.pem(),
            client: client.pem() + &client_key,
            config: Arc::new(config),
            issuer,
        }
    })
}

impl Server {
    /// A TLS server; what `script` does not answer, a healthy kubelet of Go 1.26 does.
    pub(crate) fn start(script: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> Self {
        Self::with(Kubelet::default(), true, script)
    }

    /// A TLS server whose certificate holds these names only, and that takes any certificate of a client.
    pub(crate) fn named(names: &[&str], script: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        let (leaf, key) = signed(&certificates().issuer, names, 4);
        let config = ServerConfig::builder_with_provider(kubeprof::tls::provider().expect("a processor"))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(Arc::new(AnyClient))
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
            )
            .expect("a server");
        Self::speaking(Kubelet::default(), Some(Arc::new(config)), script)
    }

    /// A healthy kubelet's server with a certificate of this key, signed by a CA of the same key, that speaks this version of
    /// TLS only.
    pub(crate) fn of_key(key: &rcgen::KeyPair, version: &'static rustls::SupportedProtocolVersion) -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.serial_number = Some(1.into());
        params.distinguished_name.push(rcgen::DnType::CommonName, "test-ca");
        let ca = params.self_signed(key).expect("a CA");
        let issuer = rcgen::Issuer::new(params, key);
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        params.serial_number = Some(2.into());
        let leaf = params.signed_by(key, &issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(kubeprof::tls::provider().expect("a processor"))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("a server");
        let server = Self::speaking(Kubelet::default(), Some(Arc::new(config)), |_| None);
        std::fs::write(server.ca(), ca.pem()).expect("the CA");
        server
    }

    pub(crate) fn with(
        kubelet: Kubelet,
        tls: bool,
        script: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::speaking(kubelet, tls.then(|| Arc::clone(&certificates().config)), script)
    }

    fn speaking(
        kubelet: Kubelet,
        config: Option<Arc<ServerConfig>>,
        script: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let tls = config.is_some();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            script: Box::new(script),
            kubelet,
            stop: AtomicBool::new(false),
            seen: Mutex::default(),
            busy: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            profiling: Mutex::default(),
            tls: config,
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.stop.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(connection) = connection else { continue };
                let state = Arc::clone(&shared);
                std::thread::spawn(move || drop(state.serve(connection)));
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.crt"), &certificates().ca).expect("the CA");
        std::fs::write(folder.path().join("client.pem"), &certificates().client).expect("a client's certificate");
        let server = Server {
            address,
            tls,
            folder,
            state,
        };
        std::fs::write(server.kubeconfig(), server.config("token: abc")).expect("a kubeconfig");
        server
    }

    /// The CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// A place for bundles.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A kubeconfig with this user.
    pub(crate) fn config(&self, user: &str) -> String {
        let ca = self.ca();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: t\nclusters: [{{name: c, cluster: {{server: \"{}\", \
             certificate-authority: \"{}\"}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n\
             contexts: [{{name: t, context: {{cluster: c, user: u}}}}]\n",
            self.url(),
            ca.display()
        )
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().expect("requests").clone()
    }

    /// How many requests there were at the same time at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.most.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

trait Stream: Read + Write {
    /// Whether the client showed a certificate.
    fn certified(&self) -> bool;
}

impl Stream for TcpStream {
    fn certified(&self) -> bool {
        false
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn certified(&self) -> bool {
        self.conn.peer_certificates().is_some_and(|c| !c.is_empty())
    }
}

impl State {
    fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        let mut stream: BufReader<Box<dyn Stream>> = BufReader::new(match &self.tls {
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
                Box::new(StreamOwned::new(session, socket))
            }
            None => Box::new(socket),
        });
        loop {
            let request = match read_request(&mut stream) {
                Ok(Some(request)) => Request {
                    certified: stream.get_ref().certified(),
                    ..request
                },
                Ok(None) => break,
                // As Go's server says it.
                Err(e) => {
                    return stream
                        .get_mut()
                        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                        .and(Err(e));
                }
            };
            self.seen.lock().expect("requests").push(request.clone());
            let busy = self.busy.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(busy, Ordering::Relaxed);
            let reply = (self.script)(&request).unwrap_or_else(|| self.healthy(&request));
            // Which process of the kubelet answered, in a header that manifests keep.
            let process = self.kubelet.start.lock().expect("a time").to_string();
            let reply = reply.header("Audit-Id", &process);
            let goes_on = self.send(stream.get_mut(), &reply);
            self.busy.fetch_sub(1, Ordering::Relaxed);
            if !goes_on? {
                break;
            }
        }
        Ok(())
    }

    /// Sends an answer; says whether the connection can be used again.
    fn send(&self, stream: &mut Box<dyn Stream>, reply: &Reply) -> std::io::Result<bool> {
        let wait = |time: Duration| {
            let until = Instant::now() + time;
            while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())));
            }
        };
        let forever = Duration::from_secs(600);
        match reply.how {
            How::Silence => {
                wait(forever);
                return Ok(false);
            }
            How::Close => return Ok(false),
            How::Raw => {
                stream.write_all(&reply.body)?;
                stream.flush()?;
                return Ok(false);
            }
            How::After(time) => wait(time),
            _ => {}
        }
        let mut head = format!("HTTP/1.1 {} X\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match reply.how {
            How::Endless => head.push_str("Connection: close\r\n"),
            How::Announce(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            _ => head.push_str(&format!("Content-Length: {}\r\n", reply.body.len())),
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.flush()?;
        match reply.how {
            How::Drip { chunk, pause } => {
                for part in reply.body.chunks(chunk) {
                    stream.write_all(part)?;
                    stream.flush()?;
                    if self.stop.load(Ordering::Relaxed) {
                        return Ok(false);
                    }
                    std::thread::sleep(pause);
                }
            }
            How::StallAfter(bytes) => {
                stream.write_all(&reply.body[..bytes.min(reply.body.len())])?;
                stream.flush()?;
                wait(forever);
                return Ok(false);
            }
            How::CutAfter(bytes) => {
                stream.write_all(&reply.body[..bytes.min(reply.body.len())])?;
                stream.flush()?;
                return Ok(false);
            }
            How::Announce(length) => {
                stream.write_all(&reply.body)?;
                stream.flush()?;
                return Ok(length == reply.body.len());
            }
            How::Endless => {
                while !self.stop.load(Ordering::Relaxed) {
                    stream.write_all(&reply.body)?;
                }
                return Ok(false);
            }
            _ => stream.write_all(&reply.body)?,
        }
        stream.flush()?;
        Ok(true)
    }

    /// What a healthy kubelet of Go 1.26 answers, and the API server in front of it.
    fn healthy(&self, r: &Request) -> Reply {
        let (node, path) = r.at_kubelet();
        let octets = |name: &str| {
            Reply::new(200, "application/octet-stream", fixture(name)).header("X-Content-Type-Options", "nosniff")
        };
        let dump = r.param("debug") == Some("2");
        match path {
            "/healthz" => Reply::text(200, "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n"),
            "/metrics" => Reply::text(200, &self.metrics()),
            "/debug/pprof/goroutine" if dump => Reply::new(200, "text/plain", fixture("gotext/goroutine.debug2.txt")),
            "/debug/pprof/goroutine" => octets("gotext/goroutine.pb.gz"),
            "/debug/pprof/heap" => octets("gotext/heap.pb.gz"),
            "/debug/pprof/allocs" => octets("gotext/allocs.pb.gz"),
            "/debug/pprof/threadcreate" => octets("gotext/threadcreate.pb.gz"),
            "/debug/pprof/mutex" if r.param("debug") == Some("1") => {
                Reply::text(200, "--- mutex:\ncycles/second=2100000000\nsampling period=0\n")
            }
            "/debug/pprof/mutex" => octets("gotext/mutex.pb.gz"),
            "/debug/pprof/block" => octets("gotext/block.pb.gz"),
            "/debug/pprof/profile" => self.cpu(node, r),
            "/debug/pprof/goroutineleak" => Reply::fixture("kubelet-404-goroutineleak-old-go.http"),
            "/debug/pprof/cmdline" => Reply::text(200, "kubelet\0--v=2\0--token=hunter2\0"),
            "/configz" => Reply::json(200, r#"{"kubeletconfig":{"maxPods":110}}"#),
            "/flagz" => Reply::text(
                200,
                "\nkubelet flagz\nWarning: This endpoint is not meant to be machine parseable.\nv=2\n",
            ),
            "/statusz" => Reply::text(
                200,
                "\nkubelet statusz\nWarning: This endpoint is not meant to be machine parseable.\n\nGo version= go1.26.8\n",
            ),
            "/version" => Reply::json(200, r#"{"gitVersion":"v1.36.3"}"#),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => Reply::fixture("ssar-allowed.http"),
            _ => match r.path.strip_prefix("/api/v1/nodes/") {
                Some(name) if !name.contains('/') => Reply::json(200, &node_object(name)),
                _ => Reply::text(404, "404 page not found\n"),
            },
        }
    }

    /// One CPU profile at a time, as long as it is asked for.
    fn cpu(&self, node: &str, r: &Request) -> Reply {
        let seconds = r.param("seconds").and_then(|s| s.parse().ok()).unwrap_or(30);
        let now = Instant::now();
        let mut running = self.profiling.lock().expect("profiles");
        if running.get(node).is_some_and(|until| *until > now) {
            return Reply::fixture("kubelet-500-cpu-profile-in-use.http");
        }
        let time = Duration::from_secs(seconds);
        running.insert(node.to_owned(), now + time);
        Reply::new(
            200,
            "application/octet-stream",
            fixture("captures/ctx-leak-1.36.1/last-cpu.pb.gz"),
        )
        .how(How::After(time))
    }

    fn metrics(&self) -> String {
        format!(
            "# TYPE go_goroutines gauge\ngo_goroutines {}\nprocess_start_time_seconds {}\n\
             process_resident_memory_bytes {}\nkubelet_running_pods 3\n\
             kubernetes_build_info{{git_version=\"v1.36.1\",go_version=\"go1.26.8\"}} 1\n",
            self.kubelet.goroutines.load(Ordering::Relaxed),
            self.kubelet.start.lock().expect("a time"),
            self.kubelet.memory.load(Ordering::Relaxed),
        )
    }
}

pub(crate) fn node_object(name: &str) -> String {
    serde_json::json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": name, "labels": {"pool": "a"}},
        "status": {"nodeInfo": {"bootID": "boot-1", "kubeletVersion": "v1.36.1", "osImage": "Debian", "architecture": "amd64"},
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}})
    .to_string()
}

fn read_request(stream: &mut BufReader<Box<dyn Stream>>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: HashMap::new(),
        body: Vec::new(),
        certified: false,
    };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            request
                .headers
                .insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = request
        .headers
        .get("content-length")
        .and_then(|l| l.parse().ok())
        .unwrap_or(0);
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body)?;
    Ok(Some(request))
}
