//! Where a file of `externaldata` is, in a form that can be compared with what is allowed: no
//! way around by `..`, links, user names or spellings of the host.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

/// A file or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Absolute, without links.
    File(PathBuf),
    /// HTTPS.
    Address(Box<Url>),
}

impl Place {
    /// The place that a query names, or what is wrong with it.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let written = written.trim();
        if let Ok(url) = Url::parse(written) {
            return match url.scheme() {
                "https" => Self::address(url),
                "file" => match url.to_file_path() {
                    Ok(path) => Self::file(&path),
                    Err(()) => Err("externaldata reads local files only".to_owned()),
                },
                scheme => Err(format!(
                    "externaldata reads files and `https` addresses, not `{scheme}`"
                )),
            };
        }
        Self::file(Path::new(written))
    }

    /// The place that a redirect leads to.
    pub(super) fn redirected(&self, target: &str) -> Result<Self, String> {
        let Self::Address(address) = self else {
            return Err("a file does not redirect".to_owned());
        };
        match address.join(target) {
            Ok(url) if url.scheme() == "https" => Self::address(url),
            _ => Err(format!(
                "`{self}` of externaldata redirects to no `https` address"
            )),
        }
    }

    fn address(url: Url) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address of externaldata has no user name".to_owned());
        }
        Ok(Self::Address(Box::new(url)))
    }

    fn file(path: &Path) -> Result<Self, String> {
        if !path.is_absolute() {
            return Err(format!(
                "`{}` is neither an `https` address nor the full path of a file",
                path.display()
            ));
        }
        // A file that is not there is told from one that is not allowed when it is read.
        let resolved = path.canonicalize().or_else(|_| resolved_parent(path));
        resolved.map(Self::File).map_err(|_| {
            format!(
                "the folder of `{}` of externaldata is not there",
                path.display()
            )
        })
    }

    /// Whether it is the place that `prefix` says, or one below.
    pub(super) fn is_within(&self, prefix: &str) -> bool {
        match (self, Self::parse(prefix)) {
            (Self::File(path), Ok(Self::File(folder))) => path.starts_with(folder),
            (Self::Address(address), Ok(Self::Address(allowed))) => {
                address.host_str() == allowed.host_str()
                    && address.port_or_known_default() == allowed.port_or_known_default()
                    && is_path_within(address.path(), allowed.path())
            }
            _ => false,
        }
    }
}

/// The path of a file that is not there, in a folder that is.
fn resolved_parent(path: &Path) -> std::io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    }
}

/// Whether a path is another or below it. A server may take an escaped slash or dot for a plain
/// one, so a path that has them is not within anything but all of the host.
fn is_path_within(path: &str, allowed: &str) -> bool {
    let folder = allowed.strip_suffix('/').unwrap_or(allowed);
    if folder.is_empty() {
        return true;
    }
    let lower = path.to_ascii_lowercase();
    let is_plain = !["%2e", "%2f", "%5c", "\\"]
        .iter()
        .any(|odd| lower.contains(odd));
    let rest = path.strip_prefix(folder);
    is_plain && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for Place {
    /// Without what follows the path of an address, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Address(url) => {
                let host = url.host_str().unwrap_or("");
                match url.port() {
                    Some(port) => write!(f, "https://{host}:{port}{}", url.path()),
                    None => write!(f, "https://{host}{}", url.path()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(written: &str, prefix: &str) -> bool {
        Place::parse(written).is_ok_and(|place| place.is_within(prefix))
    }

    #[test]
    fn addresses_below_an_allowed_one_are_allowed() {
        let prefix = "https://example.org/feeds/";
        assert!(is_allowed("https://example.org/feeds/a.csv?sig=x", prefix));
        assert!(is_allowed("https://EXAMPLE.org:443/feeds/b/c.txt", prefix));
        assert!(is_allowed(
            "https://example.org/a%2Fb",
            "https://example.org"
        ));
    }

    #[test]
    fn there_is_no_way_around_a_prefix() {
        let prefix = "https://example.org/feeds";
        for written in [
            "https://example.org/feeds/../secret",
            "https://example.org/feeds/%2e%2e/secret",
            "https://example.org/feeds/..%2fsecret",
            "https://example.org/feeds/..%5Csecret",
            "https://example.org/feedsecret",
            "https://example.org.evil.com/feeds/a",
            "https://example.org@evil.com/feeds/a",
            "https://user@example.org/feeds/a",
            "https://example.org:8443/feeds/a",
            "http://example.org/feeds/a",
            "ftp://example.org/feeds/a",
        ] {
            assert!(!is_allowed(written, prefix), "{written}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_and_dots_do_not_leave_a_folder() {
        let outer = std::env::temp_dir().join(format!("kql-place-{}", std::process::id()));
        let folder = outer.join("lists");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(outer.join("secret"), "x").unwrap();
        std::fs::write(folder.join("a.txt"), "x").unwrap();
        std::os::unix::fs::symlink(outer.join("secret"), folder.join("link")).unwrap();
        let prefix = folder.display().to_string();
        assert!(is_allowed(&format!("{prefix}/a.txt"), &prefix));
        assert!(is_allowed(&format!("file://{prefix}/a.txt"), &prefix));
        assert!(!is_allowed(&format!("{prefix}/link"), &prefix));
        assert!(!is_allowed(&format!("{prefix}/../secret"), &prefix));
        assert!(!is_allowed("a.txt", &prefix));
        std::fs::remove_dir_all(outer).unwrap();
    }

    #[test]
    fn messages_hide_what_may_be_secret() {
        let place = Place::parse("https://example.org/a.csv?sig=secret").unwrap();
        assert_eq!(place.to_string(), "https://example.org/a.csv");
    }
}
