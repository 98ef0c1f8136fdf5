use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

use super::FetchError;

/// Decompresses a gzip file into `out`, which the caller cleared.
///
/// # Errors
///
/// [`FetchError::BodySizeLimit`] where the content has `size_max` bytes or more: at most twice as
/// many are allocated for it, whatever the file promises. [`FetchError::Body`] where the file is
/// damaged, in the words of Go's reader.
pub(crate) fn gunzip(file: &[u8], size_max: usize, out: &mut Vec<u8>) -> Result<(), FetchError> {
    if file.is_empty() {
        return Err(FetchError::Body("EOF".into()));
    }
    let size_max = u64::try_from(size_max).unwrap_or(u64::MAX);
    match MultiGzDecoder::new(file).take(size_max).read_to_end(out) {
        Ok(size) if size as u64 >= size_max => Err(FetchError::BodySizeLimit),
        Ok(_) => Ok(()),
        Err(error) => Err(FetchError::Body(describe(&error).into())),
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
        _ if error.to_string().contains("checksum") => "gzip: invalid checksum".to_owned(),
        _ if error.to_string().contains("header") => "gzip: invalid header".to_owned(),
        _ => format!("gzip: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn check(file: &[u8], size_max: usize, expected: Result<&str, &str>) {
        let mut out = Vec::new();
        let result = gunzip(file, size_max, &mut out).map(|()| String::from_utf8(out).unwrap());
        assert_eq!(
            result.as_deref().map_err(ToString::to_string),
            expected.map_err(ToString::to_string)
        );
    }

    #[test]
    fn whole_and_damaged_files() {
        let file = gzip(b"up 1\n");
        check(&file, 100, Ok("up 1\n"));
        check(&[file.clone(), file.clone()].concat(), 100, Ok("up 1\nup 1\n"));
        check(&gzip(b""), 100, Ok(""));
        check(b"", 100, Err("EOF"));
        check(&file[..5], 100, Err("unexpected EOF"));
        check(&file[..file.len() - 6], 100, Err("unexpected EOF"));
        check(&[&file[..], b"abc"].concat(), 100, Err("unexpected EOF"));
        check(b"up 1\nup 1\nup 1\n", 100, Err("gzip: invalid header"));
    }

    #[test]
    fn the_limit_holds_before_memory_is_taken() {
        check(&gzip(b"123456789"), 10, Ok("123456789"));
        check(&gzip(b"1234567890"), 10, Err("body size limit exceeded"));
        let bomb = gzip(&vec![b'#'; 64 << 20]);
        let mut out = Vec::new();
        assert_eq!(gunzip(&bomb, 1 << 20, &mut out), Err(FetchError::BodySizeLimit));
        assert!(out.capacity() <= 2 << 20, "{} bytes", out.capacity());
    }

    proptest! {
        #[test]
        fn no_file_panics(file in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut framed = vec![0x1f, 0x8b, 8];
            framed.extend_from_slice(&file);
            let _ = gunzip(&framed, 1 << 16, &mut Vec::new());
        }
    }
}
