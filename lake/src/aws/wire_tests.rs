//! S3's refusals and lost answers as they come over the wire: the real client and the commit loop before a small S3 in
//! this process, a fault of every kind at every request.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use object_store::path::Path;
use url::Url;
use uuid::Uuid;

use super::*;
use crate::commit::{Commit, TableWriter};
use crate::layout::Table;
use crate::patience::Patience;
use crate::{AsOf, Lake, Snapshot, SourceId, Span};

const CASES_AT_ONCE: usize = 16;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
struct Fault {
    /// Whether it is carried out all the same.
    applied: bool,
    /// The status that is answered; none hangs up instead.
    status: Option<u16>,
}

#[derive(Debug)]
struct S3 {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    fault: Option<(usize, Fault)>,
    requests: AtomicUsize,
}

impl S3 {
    /// Starts it; the lake it holds.
    fn start(fault: Option<(usize, Fault)>) -> (Arc<Self>, Lake) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let s3 = Arc::new(Self { objects: Mutex::default(), fault, requests: AtomicUsize::new(0) });
        let server = Arc::clone(&s3);
        std::thread::spawn(move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(&mut socket));
            }
        });
        let builder = AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_region(DEFAULT_REGION)
            .with_access_key_id("id")
            .with_secret_access_key("secret")
            .with_endpoint(endpoint)
            .with_virtual_hosted_style_request(false);
        let store = Arc::new(limited(builder).build().unwrap());
        (s3, Lake::at(Url::parse("s3://bucket/lake/").unwrap(), store, Path::from("lake"), Patience::default()))
    }

    fn serve(&self, socket: &mut TcpStream) {
        let Some((head, body)) = request(socket) else { return };
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        // Only a write meets another one under way.
        let fault = fault.filter(|fault| fault.status != Some(409) || head.starts_with("PUT"));
        let (mut status, mut answer) = (200, Vec::new());
        if fault.is_none_or(|fault| fault.applied) {
            (status, answer) = self.carry_out(&head, body);
        }
        if let Some(fault) = fault {
            let Some(refusal) = fault.status else { return };
            (status, answer) = (refusal, b"<Error><Code>Injected</Code><Message>told so</Message></Error>".to_vec());
        }
        let head =
            format!("HTTP/1.1 {status} X\r\nETag: \"e\"\r\nLast-Modified: Mon, 20 Nov 2023 00:00:00 GMT\r\nConnection: close");
        // A client that went away needs no answer.
        let _ = write!(socket, "{head}\r\nContent-Length: {}\r\n\r\n", answer.len()).and_then(|()| socket.write_all(&answer));
    }

    fn carry_out(&self, head: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let url = Url::parse(&format!("http://s3{target}")).unwrap();
        let mut objects = self.objects.lock().unwrap();
        if url.path().trim_end_matches('/') == "/bucket" {
            return (200, list(&objects, &url).into_bytes());
        }
        let key = Path::from_url_path(url.path().trim_start_matches("/bucket/")).unwrap().to_string();
        match (method, objects.contains_key(&key)) {
            ("PUT", true) if head.to_lowercase().contains("if-none-match: *") => (412, Vec::new()),
            ("PUT", _) => {
                objects.insert(key, body);
                (200, Vec::new())
            }
            (_, true) => (200, objects[&key].clone()),
            (_, false) => (404, Vec::new()),
        }
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, url: &Url) -> String {
    let query =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default();
    let (prefix, after) = (query("prefix"), query("start-after"));
    let wanted = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let contents: String = wanted
        .map(|(key, body)| {
            let date = "2023-11-20T00:00:00.000Z";
            let size = body.len();
            format!("<Contents><Key>{key}</Key><LastModified>{date}</LastModified><Size>{size}</Size><ETag>e</ETag></Contents>")
        })
        .collect();
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")
}

/// Reads a whole request: its head and its body.
fn request(socket: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        let read = socket.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let lower = head.to_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            return Some((head, bytes.split_off(end + 4)));
        }
    }
}

/// Creates a table, makes three commits, and says how many requests that took.
async fn run(fault: Option<(usize, Fault)>) -> usize {
    const COMMITS: i64 = 3;
    let (s3, lake) = S3::start(fault);
    let (source, label) = (SourceId::new("t"), format!("{fault:?}"));
    let mut writer = TableWriter::open(&lake, Table::StockData, 0).await.unwrap_or_else(|e| panic!("{label}: {e}"));
    for offset in 0..COMMITS {
        let mut span = Span::default();
        span.extend(0, offset, offset + 1).unwrap();
        let commit = Commit { window: Uuid::new_v4(), source: source.clone(), span, files: vec![] };
        let version = writer.commit(&commit, 0).await.unwrap_or_else(|e| panic!("{label}: {e}"));
        assert_eq!(i64::try_from(version).unwrap(), offset + 1, "{label}: committed twice, or not at all");
    }
    let requests = s3.requests.load(Ordering::SeqCst);
    let snapshot = Snapshot::read(&lake, Table::StockData, AsOf::Latest).await.unwrap().unwrap();
    let offsets = Snapshot::offsets(&lake, Table::StockData, AsOf::Latest).await.unwrap();
    assert_eq!((snapshot.version, offsets.next(&source, 0)), (3, Some(COMMITS)), "{label}");
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_and_no_lost_answer_of_s3_is_ever_taken_for_more_than_it_says() {
    let requests = run(None).await;
    let statuses = [Some(500), Some(503), Some(429), None];
    let mut faults: Vec<Fault> =
        statuses.into_iter().flat_map(|status| [false, true].map(|applied| Fault { applied, status })).collect();
    // Of two conditional writes at once S3 may refuse both.
    faults.push(Fault { applied: false, status: Some(409) });
    let cases: Vec<(usize, Fault)> = (0..requests).flat_map(|at| faults.iter().map(move |fault| (at, *fault))).collect();
    assert!(cases.len() > 100, "{}", cases.len());
    let done = futures::stream::iter(cases).map(|case| tokio::spawn(run(Some(case)))).buffer_unordered(CASES_AT_ONCE);
    done.for_each(|case| async { assert!(case.unwrap() > 0) }).await;
}
