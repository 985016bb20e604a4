//! The items of a page as the API writes them: without white space, each with the members of the one before, in their order. It
//! takes half the time that reading any JSON takes. What is written in another way is no error here: it is read again by whoever
//! reads any JSON, to the same columns.

use memchr::memchr2;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::item::PageBuilder;
use super::members::{ItemMembers, Member, meta_position, position, unescaped};

/// How many of the keys that came before, in their order, are looked at for the next one: an item may lack some.
const LOOK_AHEAD: usize = 4;
/// Keys that are remembered; an account whose items have more of them is read all the same.
const MAX_KEYS: usize = 64;

/// Appends the items of an array to columns, from behind its `[`: the place behind its `]`. None where something is written in
/// another way, or an item is to be rejected: then the columns are of no use.
pub(super) fn scan_items(text: &str, from: usize, columns: &mut PageBuilder) -> Option<usize> {
    let mut scanner = Scanner { text, at: from };
    if scanner.takes(b']') {
        return Some(scanner.at);
    }
    let (mut keys, mut meta_keys) = (Keys::default(), Keys::default());
    let mut item = ItemMembers::default();
    loop {
        scanner.item(&mut keys, &mut meta_keys, &mut item)?;
        if !columns.append_valid(&mut item) {
            return None;
        }
        if scanner.takes(b']') {
            return Some(scanner.at);
        }
        if !scanner.takes(b',') {
            return None;
        }
    }
}

/// What becomes of a member, by its key.
#[derive(Clone, Copy)]
enum Place {
    /// A column of the decoded schema.
    Known(usize),
    Meta,
    Unknown,
}

impl Place {
    fn in_item(name: &str) -> Place {
        match position(name) {
            Some(at) => Place::Known(at),
            None if name == "meta" => Place::Meta,
            None => Place::Unknown,
        }
    }

    fn in_meta(name: &str) -> Place {
        meta_position(name).map_or(Place::Unknown, Place::Known)
    }
}

/// The keys of the items before, in their order, each as it is written: with its quotes, and the colon.
#[derive(Default)]
struct Keys<'a> {
    known: Vec<(&'a str, Place)>,
    /// Where the next one is expected.
    next: usize,
}

/// As `starts_with`, without a call: keys are short.
#[inline]
fn begins_with(bytes: &[u8], key: &[u8]) -> bool {
    let (words, rest) = key.as_chunks::<8>();
    let Some((begin, tail)) = bytes.split_at_checked(8 * words.len()) else {
        return false;
    };
    let (begin, _) = begin.as_chunks::<8>();
    let same = words
        .iter()
        .zip(begin)
        .all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b));
    same && tail.len() >= rest.len() && rest.iter().zip(tail).all(|(a, b)| a == b)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// Reads an item in place of the one before.
    fn item(&mut self, keys: &mut Keys<'a>, meta_keys: &mut Keys<'a>, item: &mut ItemMembers<'a>) -> Option<()> {
        item.clear();
        let mut has_meta = false;
        self.members(keys, Place::in_item, |scanner, key, place| {
            match place {
                Place::Known(at) => item.known[at] = Some(scanner.member(key)?),
                Place::Unknown => item.extra.push(key, scanner.member(key)?.raw),
                // Of two, the general way tells which counts.
                Place::Meta if has_meta => return None,
                Place::Meta if scanner.peek() == Some(b'{') => {
                    has_meta = true;
                    scanner.members(meta_keys, Place::in_meta, |scanner, key, place| {
                        let member = scanner.member(key)?;
                        match place {
                            Place::Known(at) => item.known[at] = Some(member),
                            _ => item.meta_extra.push(key, member.raw),
                        }
                        Some(())
                    })?;
                }
                Place::Meta => {
                    has_meta = true;
                    let raw = scanner.member(key)?.raw;
                    item.keep_meta(key, raw);
                }
            }
            Some(())
        })
    }

    /// An object, member by member: `take` is called behind each colon, and takes the value.
    fn members(
        &mut self,
        keys: &mut Keys<'a>,
        place_of: fn(&str) -> Place,
        mut take: impl FnMut(&mut Self, &'a str, Place) -> Option<()>,
    ) -> Option<()> {
        if !self.takes(b'{') {
            return None;
        }
        keys.next = 0;
        if self.takes(b'}') {
            return Some(());
        }
        loop {
            let (key, place) = self.key(keys, place_of)?;
            take(self, key, place)?;
            if self.takes(b'}') {
                return Some(());
            }
            if !self.takes(b',') {
                return None;
            }
        }
    }

    /// The next key with its quotes, and what becomes of its value.
    fn key(&mut self, keys: &mut Keys<'a>, place_of: fn(&str) -> Place) -> Option<(&'a str, Place)> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let expected = keys.known.iter().enumerate().skip(keys.next).take(LOOK_AHEAD);
        for (at, (written, place)) in expected {
            if begins_with(rest, written.as_bytes()) {
                keys.next = at + 1;
                self.at += written.len();
                return Some((&written[..written.len() - 1], *place));
            }
        }
        let start = self.at;
        let key = self.string()?.raw;
        if !self.takes(b':') {
            return None;
        }
        let place = place_of(&unescaped(key));
        if keys.known.len() < MAX_KEYS {
            keys.known.insert(keys.next, (&self.text[start..self.at], place));
            keys.next += 1;
        }
        Some((key, place))
    }

    fn member(&mut self, key: &'a str) -> Option<Member<'a>> {
        let value = self.value()?;
        Some(Member { key, ..value })
    }

    /// A value, without a key.
    fn value(&mut self) -> Option<Member<'a>> {
        match self.peek()? {
            b'"' => self.string(),
            b'n' => self.literal("null"),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'{' | b'[' => self.nested(),
            _ => self.number(),
        }
    }

    /// A string as it is written; control characters were looked for before.
    fn string(&mut self) -> Option<Member<'a>> {
        let start = self.at;
        if !self.takes(b'"') {
            return None;
        }
        let mut plain = true;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let found = memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest[found] == b'"' {
                break;
            }
            // What is escaped, be it a quote.
            plain = false;
            self.at += 1;
        }
        let raw = self.text.get(start..self.at)?;
        if !plain {
            serde_json::from_str::<&RawValue>(raw).ok()?;
        }
        Some(Member { key: "", raw, plain })
    }

    fn literal(&mut self, literal: &str) -> Option<Member<'a>> {
        let raw = self.text.get(self.at..self.at + literal.len())?;
        (raw == literal).then(|| self.taken(raw))
    }

    /// A number by JSON's grammar.
    fn number(&mut self) -> Option<Member<'a>> {
        let bytes = self.text.as_bytes();
        let mut end = self.at;
        let digits = |end: &mut usize| {
            let start = *end;
            while bytes.get(*end).is_some_and(u8::is_ascii_digit) {
                *end += 1;
            }
            *end - start
        };
        end += usize::from(bytes.get(end) == Some(&b'-'));
        let first = end;
        let whole = digits(&mut end);
        if whole == 0 || (whole > 1 && bytes[first] == b'0') {
            return None;
        }
        if bytes.get(end) == Some(&b'.') {
            end += 1;
            if digits(&mut end) == 0 {
                return None;
            }
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            end += 1;
            end += usize::from(matches!(bytes.get(end), Some(b'+' | b'-')));
            if digits(&mut end) == 0 {
                return None;
            }
        }
        Some(self.taken(&self.text[self.at..end]))
    }

    /// An object or an array.
    fn nested(&mut self) -> Option<Member<'a>> {
        let mut values = Deserializer::from_str(&self.text[self.at..]).into_iter::<&RawValue>();
        let raw = values.next()?.ok()?.get();
        Some(self.taken(raw))
    }

    fn taken(&mut self, raw: &'a str) -> Member<'a> {
        self.at += raw.len();
        Member {
            key: "",
            raw,
            plain: false,
        }
    }
}
