//! Addresses.

use super::FAILSAFE;

/// Returns whether an address has a harmless scheme, or none.
fn is_safe(url: &[u8]) -> bool {
    let Some(colon) = url.iter().position(|&byte| byte == b':') else { return true };
    let scheme = &url[..colon];
    scheme.contains(&b'/')
        || [&b"http"[..], b"https", b"mailto"].iter().any(|safe| scheme.eq_ignore_ascii_case(safe))
}

/// Returns an address that leads nowhere.
fn nowhere() -> Vec<u8> {
    [b"#", FAILSAFE].concat()
}

/// Returns `url` where it is harmless.
pub(super) fn filter(url: &[u8]) -> Vec<u8> {
    if is_safe(url) { url.to_vec() } else { nowhere() }
}

/// Returns `url` with all that needs it escaped; where `normalizes` says so, what means something in
/// an address stays.
pub(super) fn escape(url: &[u8], normalizes: bool) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(url.len());
    for (at, &byte) in url.iter().enumerate() {
        let stays = match byte {
            b'!' | b'#' | b'$' | b'&' | b'*' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?'
            | b'@' | b'[' | b']' => normalizes,
            b'-' | b'.' | b'_' | b'~' => true,
            b'%' => {
                let digits = url.get(at + 1..at + 3);
                normalizes && digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            }
            _ => byte.is_ascii_alphanumeric(),
        };
        if stays {
            escaped.push(byte);
        } else {
            escaped.extend_from_slice(format!("%{byte:02x}").as_bytes());
        }
    }
    escaped
}

/// Returns the addresses of images, and for what each is, where they are harmless.
pub(super) fn filter_srcset(text: &[u8]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = text.split(|&byte| byte == b',').map(filter_source).collect();
    parts.join(&b","[..])
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r')
}

fn filter_source(part: &[u8]) -> Vec<u8> {
    let start = part.iter().position(|&byte| !is_space(byte)).unwrap_or(part.len());
    let size = part[start..].iter().position(|&byte| is_space(byte));
    let end = size.map_or(part.len(), |size| start + size);
    let (url, rest) = (&part[start..end], &part[end..]);
    let rest_fits = rest.iter().all(|&byte| is_space(byte) || byte.is_ascii_alphanumeric());
    if !is_safe(url) || !rest_fits {
        return nowhere();
    }
    [&part[..start], &escape(url, true), rest].concat()
}
