//! A server that the binary runs, and a client of a few lines that shares nothing with the tool's own.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::command::{Done, Place, wait};

/// A server, ended with the value.
pub struct Served {
    child: Option<Child>,
    address: String,
    /// What goes with every authorised request.
    authorization: String,
    /// Its folder, if nobody else's.
    place: Option<Place>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Served {
    /// The made-up account.
    pub fn demo(more: &[&str]) -> Served {
        let place = Place::new();
        let mut served = Served::start(&place, &[&["--demo"], more].concat(), None);
        served.authorization = "Authorization: Bearer demo\r\n".into();
        served.place = Some(place);
        served
    }

    /// `serve` with these arguments, in a folder, with a token or none.
    pub fn start(place: &Place, args: &[&str], token: Option<&str>) -> Served {
        Served::from(&mut place.command(&[&["serve"], args].concat()), token)
    }

    /// What a command serves that is to be started.
    pub fn from(command: &mut Command, token: Option<&str>) -> Served {
        command
            .env_remove("APIFY_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        token.map(|token| command.env("APIFY_TOKEN", token));
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        let Some(address) = first.trim().strip_prefix("http://") else {
            panic!("expected a URL in the first line, found {first:?}\n{}", wait(child));
        };
        Served {
            address: address.to_string(),
            authorization: token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n")),
            child: Some(child),
            place: None,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Bytes on a connection of their own, and all that comes back.
    pub fn exchange(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(request)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A request with these headers and no others but those that have to be there.
    pub fn ask(&self, method: &str, target: &str, headers: &str) -> Answer {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        Answer::of(&self.exchange(request.as_bytes()).unwrap())
    }

    /// What an authorised GET is answered.
    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &self.authorization)
    }

    /// The `data` of an answer that must be there.
    pub fn data(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}");
        answer.json()["data"].clone()
    }

    /// All items of a list, page by page, and how many pages that took.
    pub fn all(&self, list: &str) -> (Vec<Value>, usize) {
        let (mut all, mut pages) = (Vec::new(), 0);
        let sign = if list.contains('?') { '&' } else { '?' };
        loop {
            let page = self.data(&format!("{list}{sign}offset={}", all.len()));
            all.extend(page["items"].as_array().unwrap().clone());
            pages += 1;
            if all.len() as u64 == page["total"].as_u64().unwrap() {
                return (all, pages);
            }
        }
    }

    /// The `data` of a list of runs.
    pub fn list(&self, query: &str) -> Value {
        self.data(&format!("/v2/actor-runs?{query}"))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits for its end, which somebody else has brought about.
    pub fn wait(mut self) -> Done {
        wait(self.child.take().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        drop(self.place.take());
    }
}

impl Answer {
    /// Splits what came back.
    pub fn of(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status,
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_string()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// Its body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The type of its error.
    pub fn error(&self) -> String {
        self.json()["error"]["type"].as_str().unwrap().to_string()
    }
}
