//! Functions of URLs.
//!
//! Owns: their parts, by RFC 2396 as `java.net.URI` reads it; the escapes of forms.
//! Does not own: other texts (`text`).
//! Invariant: a text that is no URL has no parts: NULL; a URL that lacks a part has an empty one, a port or parameter NULL.

use std::borrow::Cow;

use super::binary::repaired;
use super::{Call, Compute, Result, Text};
use arrow::array::ArrayRef;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "url_extract_protocol" => |call| part(call, |url| url.scheme.into()),
        "url_extract_host" => |call| part(call, |url| url.server.map_or("", |(host, _)| host).into()),
        "url_extract_path" => |call| part(call, |url| unescaped(url.path)),
        "url_extract_query" => |call| part(call, |url| unescaped(url.query.unwrap_or(""))),
        "url_extract_fragment" => |call| part(call, |url| unescaped(url.fragment)),
        "url_extract_port" => {
            |call| call.try1::<Text, _>(|text| Ok(Url::parse(text).and_then(|url| url.server).and_then(|(_, port)| port)))
        }
        "url_extract_parameter" => parameter,
        "url_encode" => |call| call.map1::<Text, _>(encode),
        "url_decode" => |call| call.try1::<Text, _>(|text| decode(text).map(Some).map_err(|why| call.invalid(why))),
        _ => return None,
    })
}

/// A URL's parts as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Url<'t> {
    scheme: &'t str,
    /// Host and port; `None` when who is in charge is named otherwise, or not at all.
    server: Option<(&'t str, Option<i64>)>,
    path: &'t str,
    query: Option<&'t str>,
    fragment: &'t str,
}

impl<'t> Url<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        if !has_only(fragment, ";/?:@&=+$,[]") {
            return None;
        }
        let (scheme, rest) = match rest.find(['/', '?', ':']).filter(|at| rest[*at..].starts_with(':')) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => ("", rest),
        };
        let has_scheme = rest.len() < text.len() && text.as_bytes().get(scheme.len()) == Some(&b':');
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if has_scheme && (!is_scheme || rest.is_empty()) {
            return None;
        }
        if has_scheme && !rest.starts_with('/') {
            // Opaque: `mailto:…` has neither path nor query.
            let opaque = Self { scheme, server: None, path: "", query: None, fragment };
            return has_only(rest, ";/?:@&=+$,[]").then_some(opaque);
        }
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
            None => ("", rest),
        };
        let lacks_all = rest == "//" && query.is_none() && !text.contains('#');
        let is_right = !lacks_all && has_only(path, "/;:@&=+$,") && has_only(query.unwrap_or(""), ";/?:@&=+$,[]");
        let server = server(authority);
        (is_right && (server.is_some() || has_only(authority, "$,;:@&=+"))).then_some(Self {
            scheme,
            server,
            path,
            query,
            fragment,
        })
    }
}

/// `user@host:port`, where the host is a name, four numbers or, in brackets, IPv6.
fn server(authority: &str) -> Option<(&str, Option<i64>)> {
    let (user, rest) = authority.split_once('@').unwrap_or(("", authority));
    let end = if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find(':').unwrap_or(rest.len()) };
    let (host, port) = rest.split_at(end);
    let port = match port.strip_prefix(':') {
        Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(i64::from(digits.parse::<i32>().ok()?)),
        None if port.is_empty() => None,
        _ => return None,
    };
    let is_host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => host.parse::<std::net::Ipv4Addr>().is_ok() || is_name(host),
    };
    (is_host && has_only(user, ";:&=+$,")).then_some((host, port))
}

/// Labels of letters, digits and inner hyphens, the last beginning with a letter.
fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = labels.rsplit('.').next().unwrap_or("");
    labels.split('.').all(is_label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Whether a part has no other letters than the unreserved ones, these, escapes, and what is beyond ASCII and no blank.
fn has_only(part: &str, reserved: &str) -> bool {
    let escapes = part.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let is_right = |c: char| match c {
        '%' | '-' | '_' | '.' | '!' | '~' | '*' | '\'' | '(' | ')' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric() || reserved.contains(c),
        c => !c.is_whitespace() && !c.is_control(),
    };
    escapes && part.chars().all(is_right)
}

fn part(call: &Call<'_>, f: impl for<'t> Fn(Url<'t>) -> Cow<'t, str>) -> Result<ArrayRef> {
    call.try1::<Text, _>(|text| Ok(Url::parse(text).map(|url| f(url).into_owned())))
}

/// Escapes resolved, `+` left alone.
fn unescaped(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return part.into();
    }
    bytes(part, false).map_or(part.into(), |bytes| repaired(&bytes, Some('\u{fffd}')).into_owned().into())
}

/// The first value of a name among the query's.
fn parameter(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Text, Text, _>(|text, name| {
        let Some(query) = Url::parse(text).and_then(|url| url.query) else { return Ok(None) };
        for pair in query.split('&') {
            let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
            if own == name {
                return Ok(decode(value).ok());
            }
        }
        Ok(None)
    })
}

fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' | b'*' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

fn decode(text: &str) -> std::result::Result<String, String> {
    Ok(repaired(&bytes(text, true)?, Some('\u{fffd}')).into_owned())
}

/// A text's bytes with its escapes resolved.
fn bytes(text: &str, plus_is_blank: bool) -> std::result::Result<Vec<u8>, String> {
    let (mut bytes, mut all) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = all.next() {
        bytes.push(match byte {
            b'+' if plus_is_blank => b' ',
            b'%' => {
                let (Some(high), Some(low)) = (all.next(), all.next()) else {
                    return Err("URLDecoder: Incomplete trailing escape (%) pattern".to_owned());
                };
                digit(high)? * 16 + digit(low)?
            }
            byte => byte,
        });
    }
    Ok(bytes)
}

fn digit(byte: u8) -> std::result::Result<u8, String> {
    let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or_else(|| {
        let c = char::from(byte);
        format!("URLDecoder: Illegal hex characters in escape (%) pattern - not a hexadecimal digit: \"{c}\" = {byte}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_taken_of_what_is_no_url() {
        let url = Url::parse("https://user@x.com:80/p/q?a=1&b#f").unwrap();
        assert_eq!((url.scheme, url.server), ("https", Some(("x.com", Some(80)))));
        assert_eq!((url.path, url.query, url.fragment), ("/p/q", Some("a=1&b"), "f"));
        assert_eq!(Url::parse("http://my_bucket/a").map(|url| url.server), Some(None));
        for wrong in ["http://x y", "http://x/a|b", "http://x/%zz", "1http://x", "http:", "//", "http://[::1", "http://x/#a#b"] {
            assert_eq!(Url::parse(wrong), None, "{wrong}");
        }
        assert_eq!(decode(&encode("a b&é~*")).as_deref(), Ok("a b&é~*"));
        assert!(decode("%2").is_err() && decode("%zz").is_err());
    }
}
