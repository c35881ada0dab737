//! The policy file's text. What it means is the core's business.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A policy is a few kilobytes; what is longer is another file, such as an archive that was put into the layer unpacked.
const LONGEST: u64 = 1024 * 1024;

/// Why the policy file has no text.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// There is none.
    #[error(
        "there is no policy file at {}: attach the layer that holds it to the function, or let LOCKSTEP_POLICY name its path",
        .0.display()
    )]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("the policy file {} cannot be read: make it readable for everyone before it is packed into the layer", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is too long.
    #[error("the policy file {} is longer than 1 MiB: it is no policy", .0.display())]
    TooLong(PathBuf),
    /// It is no text.
    #[error("the policy file {} is no UTF-8 text: save it as UTF-8", .0.display())]
    NotText(PathBuf),
}

/// Reads the policy file.
///
/// # Errors
/// [`PolicyFileError`] names the path and what to do.
pub fn read(path: &Path) -> Result<String, PolicyFileError> {
    let bytes = read_bytes(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            PolicyFileError::Missing(path.to_owned())
        } else {
            PolicyFileError::Unreadable(path.to_owned(), error)
        }
    })?;
    if bytes.len() as u64 > LONGEST {
        return Err(PolicyFileError::TooLong(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| PolicyFileError::NotText(path.to_owned()))
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_policy_says_where_it_was_looked_for_and_what_to_do() {
        let error = read(Path::new("/nowhere/policy.toml")).unwrap_err();
        assert!(matches!(error, PolicyFileError::Missing(_)));
        let text = error.to_string();
        assert!(text.contains("/nowhere/policy.toml") && text.contains("LOCKSTEP_POLICY"), "{text}");
    }

    #[test]
    fn a_folder_a_long_file_and_bytes_are_told_apart_from_a_policy() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(PolicyFileError::Unreadable(..))));
        let file = folder.path().join("policy.toml");
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&file), Err(PolicyFileError::NotText(_))));
        std::fs::write(&file, vec![b'#'; 1024 * 1024 + 1]).unwrap();
        assert!(matches!(read(&file), Err(PolicyFileError::TooLong(_))));
        std::fs::write(&file, "[okta]\n").unwrap();
        assert_eq!(read(&file).unwrap(), "[okta]\n");
    }
}
