//! JSON objects that are written member by member, with a comma after each. Reading and larger documents are serde_json's.

use std::fmt::Arguments;
use std::io::Write;

/// Appends a member that is an object, whose own members `write` appends.
pub(super) fn write_object(name: &str, json: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    push(json, format_args!("\"{name}\":{{"));
    write(json);
    close(json);
    json.push(b',');
}

/// Ends an object, in the place of the comma after its last member if it has one.
pub(super) fn close(json: &mut Vec<u8>) {
    match json.last_mut() {
        Some(last) if *last == b',' => *last = b'}',
        _ => json.push(b'}'),
    }
}

/// Appends a member whose value is JSON.
pub(super) fn write_member(name: &str, value: &str, json: &mut Vec<u8>) {
    write_text(name, json);
    json.push(b':');
    json.extend_from_slice(value.as_bytes());
    json.push(b',');
}

/// Appends a name that needs no escapes.
pub(super) fn write_name(name: &'static str, json: &mut Vec<u8>) {
    json.push(b'"');
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
}

pub(super) fn write_text(text: &str, json: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
        return;
    }
    serde_json::to_writer(json, text).expect("a text is JSON, and memory can be written to");
}

pub(super) fn push(json: &mut Vec<u8>, text: Arguments) {
    json.write_fmt(text).expect("memory can be written to");
}
