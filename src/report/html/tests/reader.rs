//! A strict reader of pages: stricter than browsers, which mend what they are given. No parser of HTML in general.

/// The page's text, a line a piece, once it has been found to be sound: tags that close, attributes in quotes, none of its own
/// style, no address but the ones that are meant.
#[track_caller]
pub fn text_of(page: &str) -> Vec<String> {
    const EMPTY: [&str; 3] = ["!DOCTYPE", "meta", "input"];
    // What stands in them is no text.
    const RAW: [&str; 2] = ["style", "script"];
    let mut text = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        let before = if open.last().is_some_and(|tag| RAW.contains(tag)) {
            ""
        } else {
            before
        };
        assert!(!before.contains('>'), "a stray > in {before:?}");
        text.push(unescaped(before));
        let end = end_of_tag(tag);
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        let name = tag.split([' ', '\n', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in the wrong order");
        } else if !EMPTY.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
        check_tag(name, tag);
        if RAW.contains(&name) && !tag.starts_with('/') {
            let end = rest.find(&format!("</{name}>")).unwrap();
            rest = &rest[end..];
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "left open");
    text.retain(|piece| !piece.trim().is_empty());
    text.iter().map(|piece| piece.trim().to_string()).collect()
}

/// Where a tag ends: at the first `>` that isn't in quotes.
fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in tag.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at,
            b'<' => panic!("a < within a tag: {}", &tag[..at]),
            _ => {}
        }
    }
    panic!("a tag without an end: {tag}");
}

fn check_tag(name: &str, tag: &str) {
    assert!(
        !["img", "iframe", "object", "embed", "link", "form", "base"].contains(&name),
        "{tag}"
    );
    let is_script = ["script", "script type=\"application/json\" id=\"cube\"", "/script"].contains(&tag);
    assert!(name != "script" || is_script, "{tag}");
    // What stands outside of quotes: names of attributes alone.
    let outside: String = tag.split('"').step_by(2).collect();
    assert!(!outside.contains('\''), "{tag}");
    for attribute in outside.split_whitespace().skip(1) {
        let attribute = attribute.trim_end_matches(['=', '/']);
        assert!(attribute != "style" && !attribute.starts_with("on"), "{tag}");
    }
    if let Some(href) = tag
        .split_once("href=\"")
        .map(|(_, href)| href.split('"').next().unwrap())
    {
        let href = unescaped(href);
        let id = href.strip_prefix("https://console.apify.com/actors/runs/");
        let is_address = |id: &str| {
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte))
        };
        assert!(href.starts_with('#') || id.is_some_and(is_address), "{href}");
    }
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_string(), |text, (entity, letter)| text.replace(entity, letter))
}
