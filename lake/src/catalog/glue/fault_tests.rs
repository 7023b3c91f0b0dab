//! Glue's refusals and lost answers as they come over the wire, from a server in this process.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_glue::config::{BehaviorVersion, Builder, Region};

use super::super::spec::{LakeTables, partition};
use super::*;

/// What the server does with a request.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// Carries it out; the text is the answer.
    Done(&'static str),
    /// Refuses it with a code.
    Refused(&'static str),
    /// Fails without a word of Glue's.
    Status(u16),
    /// Reads it, and hangs up.
    Cut,
}

/// The names of the requests that reached the server.
type Requests = Arc<Mutex<Vec<String>>>;

/// A server that answers in this order, and the real client before it, its pauses cut short.
fn glue(answers: &[Answer]) -> (GlueCatalog, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (requests, answers) = (Requests::default(), answers.to_vec());
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        for mut socket in listener.incoming().map_while(Result::ok) {
            let Some(name) = request(&mut socket) else { continue };
            seen.lock().unwrap().push(name);
            let Some(answer) = answers.next() else { return };
            let (status, body) = match answer {
                Answer::Done(body) => (200, body.to_owned()),
                Answer::Refused(code) => (400, format!("{{\"__type\":\"{code}\",\"message\":\"told so\"}}")),
                Answer::Status(status) => (status, String::new()),
                Answer::Cut => continue,
            };
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close");
            write!(socket, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .endpoint_url(&endpoint);
    (GlueCatalog::new(config, retries().with_initial_backoff(Duration::from_millis(1)), endpoint), requests)
}

/// Reads a whole request; its operation, such as `GetTable`. `None` for a connection without one.
fn request(socket: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = socket.read(&mut piece).ok().filter(|read| *read > 0)?;
        text.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&text).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(header("x-amz-target")?.trim_start_matches("awsglue.").to_owned());
            }
        }
    }
}

fn tables() -> LakeTables {
    LakeTables::of(&crate::store::parse_location("s3://bucket/lake").unwrap()).unwrap()
}

fn found() -> FoundTable {
    FoundTable { spec: tables().stock_data, version: "7".into(), others: OthersNotes::default() }
}

#[tokio::test]
async fn throttling_is_waited_out_and_never_for_ever() {
    for busy in [Answer::Refused("ThrottlingException"), Answer::Status(503), Answer::Status(500), Answer::Cut] {
        let (glue, requests) = glue(&[busy, busy, Answer::Refused(NOT_FOUND)]);
        assert_eq!(glue.get_table("ticks", "stock_data").await.unwrap(), None, "{busy:?}");
        assert_eq!(requests.lock().unwrap().len(), 3, "{busy:?}");
    }
    let tries_max = 1 + RETRIES_MAX as usize;
    let (glue, requests) = glue(&vec![Answer::Refused("ThrottlingException"); 2 * tries_max]);
    let error = glue.get_table("ticks", "stock_data").await.unwrap_err();
    assert!(matches!(&error, LakeError::Unavailable { why, .. } if why.contains("busy")), "{error}");
    assert_eq!(requests.lock().unwrap().len(), tries_max);
}

#[tokio::test]
async fn an_answer_that_got_lost_is_never_taken_for_a_failure() {
    let (client, _) = glue(&[Answer::Cut, Answer::Refused(EXISTS)]);
    assert_eq!(client.create_table("ticks", &tables().stock_data).await.unwrap(), Created::Already);

    let (client, _) = glue(&[Answer::Refused(NOT_FOUND), Answer::Cut, Answer::Refused(EXISTS)]);
    assert_eq!(client.ensure_database("ticks").await.unwrap(), Created::Already);

    // The repeated update meets the version that the first one made.
    let (client, requests) = glue(&[Answer::Cut, Answer::Refused(OVERTAKEN)]);
    assert_eq!(client.update_table("ticks", &tables().stock_data, &found()).await.unwrap(), Updated::Overtaken);
    assert_eq!(*requests.lock().unwrap(), ["updatetable", "updatetable"]);

    let hour = partition(&tables().stock_data_json, &("2024-05-01".into(), "08".into()));
    let there = r#"{"Errors":[{"PartitionValues":["2024-05-01","08"],"ErrorDetail":{"ErrorCode":"AlreadyExistsException"}}]}"#;
    let (client, _) = glue(&[Answer::Cut, Answer::Done(there)]);
    assert_eq!(client.create_partitions("ticks", &tables().stock_data_json, &[hour]).await.unwrap(), 0);
}

#[tokio::test]
async fn another_writer_of_the_table_is_never_overwritten() {
    let (client, requests) = glue(&[Answer::Refused(OVERTAKEN)]);
    assert_eq!(client.update_table("ticks", &tables().stock_data, &found()).await.unwrap(), Updated::Overtaken);
    assert_eq!(requests.lock().unwrap().len(), 1, "the table is read again first");
    let (client, _) = glue(&[Answer::Refused(OVERTAKEN)]);
    let error = client.create_table("ticks", &tables().stock_data).await.unwrap_err();
    assert!(matches!(&error, LakeError::Unavailable { why, .. } if why.contains("try again later")), "{error}");
}

#[tokio::test]
async fn one_partition_that_is_refused_is_never_passed_over() {
    let hour = partition(&tables().stock_data_json, &("2024-05-01".into(), "08".into()));
    let refused = r#"{"Errors":[{"PartitionValues":["2024-05-01","08"],"ErrorDetail":{"ErrorCode":"InternalServiceException","ErrorMessage":"m"}}]}"#;
    let (client, _) = glue(&[Answer::Done(refused)]);
    let error = client.create_partitions("ticks", &tables().stock_data_json, &[hour]).await.unwrap_err().to_string();
    assert!(error.contains("2024-05-01/08") && error.contains("try again later"), "{error}");
}
