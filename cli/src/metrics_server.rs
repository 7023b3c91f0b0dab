//! `--metrics ADDR`: the HTTP server that Prometheus and health checks ask.
//!
//! Owns: the address, the paths, the limits on who asks.
//! Does not own: what is answered (`ingest::metrics`).
//! Invariant: whoever asks, and however slowly, never holds the ingester up.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ticklake_ingest::metrics::{self, Metrics};
use ticklake_lake::clock::Clock;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exit::Failure;

/// Those beyond wait in the system's queue.
const CONNECTIONS_MAX: usize = 8;
/// Longest life of a connection.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
const PLAIN: &str = "text/plain; charset=utf-8";

/// Takes the address, so that a wrong one is told before any work is done.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Failure::unavailable(format!(
            "--metrics {address}: another program listens there; end it or give another port"
        )),
        _ => Failure::usage(format!(
            "--metrics {address}: this process cannot listen there ({error}); give an address of this machine and a port above 1023"
        )),
    })
}

/// Answers until the process ends, no connection for longer than `timeout`.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, clock: Arc<dyn Clock>, timeout: Duration) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (metrics, clock) = (Arc::clone(&metrics), Arc::clone(&clock));
                tokio::spawn(async move {
                    if tokio::time::timeout(timeout, converse(stream, metrics, clock)).await.is_err() {
                        tracing::debug!("a connection to --metrics was too slow");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to --metrics was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, one request.
async fn converse(stream: TcpStream, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&metrics), clock.now_ns()));
    let answered = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = answered.await {
        tracing::debug!(%error, "a connection to --metrics broke off");
    }
}

async fn answer(request: Request<Incoming>, metrics: Arc<Metrics>, now_ns: i64) -> Result<Response<Full<Bytes>>, Infallible> {
    // HEAD is a GET whose body hyper keeps to itself.
    let asked = matches!(*request.method(), Method::GET | Method::HEAD).then(|| request.uri().path());
    let (status, kind, body) = match asked {
        Some("/metrics") => match tokio::task::spawn_blocking(move || metrics.text(now_ns)).await {
            Ok(text) => (StatusCode::OK, metrics::CONTENT_TYPE, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n")),
        },
        Some("/healthz") => (StatusCode::OK, PLAIN, "alive\n".to_owned()),
        Some("/readyz") => match metrics.readiness(now_ns) {
            Ok(()) => (StatusCode::OK, PLAIN, "ready\n".to_owned()),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, PLAIN, format!("{why}\n")),
        },
        _ => (StatusCode::NOT_FOUND, PLAIN, "GET /metrics, /healthz or /readyz\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use ticklake_lake::clock::SystemClock;

    use super::*;

    async fn start(timeout: Duration) -> SocketAddr {
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Metrics::new(Arc::default(), Arc::default(), Duration::from_secs(10));
        tokio::spawn(serve(listener, Arc::new(metrics), Arc::new(SystemClock), timeout));
        address
    }

    async fn ask(address: SocketAddr, request_line: &str) -> String {
        let request = format!("{request_line} HTTP/1.1\r\nHost: x\r\n\r\n");
        let asked = move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    #[tokio::test]
    async fn no_path_is_ever_answered_as_another() {
        let address = start(CONNECTION_TIMEOUT).await;
        for (asked, status, part) in [
            ("GET /metrics", "200 OK", "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
            ("GET /metrics?x=1", "200 OK", "# EOF\n"),
            ("GET /healthz", "200 OK", "alive\n"),
            ("GET /readyz", "503 Service Unavailable", "no partition is assigned"),
            ("GET /", "404 Not Found", "/metrics"),
            ("GET /metrics/", "404 Not Found", "/metrics"),
            ("POST /metrics", "404 Not Found", "/metrics"),
            ("HEAD /healthz", "200 OK", "content-length: 6\r\n"),
        ] {
            let answer = ask(address, asked).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")) && answer.contains(part), "{asked}: {answer}");
        }
    }

    #[tokio::test]
    async fn those_who_connect_and_say_nothing_never_shut_others_out() {
        let address = start(Duration::from_millis(50)).await;
        let silent: Vec<_> = (0..CONNECTIONS_MAX).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        assert!(ask(address, "GET /healthz").await.ends_with("alive\n"));
        drop(silent);
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_had_is_never_a_riddle() {
        let taken = start(CONNECTION_TIMEOUT).await;
        let failure = listen(taken).await.unwrap_err();
        assert!(format!("{failure:?}").contains("another program listens there"), "{failure:?}");
        let failure = listen("192.0.2.1:9464".parse().unwrap()).await.unwrap_err();
        assert!(format!("{failure:?}").contains("give an address of this machine"), "{failure:?}");
    }
}
