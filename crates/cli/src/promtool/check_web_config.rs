use std::io::{self, Write};
use std::path::PathBuf;

use narthex_http::WebConfig;

/// Checks web configuration files, and what they name, and writes a line for each to `out`. Returns
/// whether all are good.
///
/// # Errors
///
/// Where nobody takes the lines.
pub fn check_web_config(files: &[PathBuf], out: &mut dyn Write) -> io::Result<bool> {
    let mut good = true;
    for file in files {
        match WebConfig::load(file) {
            Ok(_) => writeln!(out, "{} SUCCESS", file.display())?,
            Err(error) => {
                good = false;
                writeln!(out, "{} FAILED: {error}", file.display())?;
            }
        }
    }
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("good.yml", "basic_auth_users: {}\n"),
            ("bad.yml", "http_server_config: {http3: true}\n"),
        ];
        let files = files.map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let mut out = Vec::new();
        assert!(!check_web_config(&files, &mut out).unwrap());
        let expected = format!(
            "{} SUCCESS\n{} FAILED: line 1, column 22: http_server_config: unknown field `http3`, did you mean \
             `http2`?\n",
            files[0].display(),
            files[1].display()
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert!(check_web_config(&files[..1], &mut Vec::new()).unwrap());
    }
}
