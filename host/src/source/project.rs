//! What a repository's URL says of the host that has it.

/// Where a Git host has a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Without user and port.
    pub host: String,
    /// Where the host's pages are. SSH has a port of its own, which says nothing of theirs.
    pub web: String,
    /// `owner/name`.
    pub project: String,
}

/// `None` for what is on no host, as `file://`.
pub fn project_of(url: &str) -> Option<Project> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme @ ("https" | "http" | "ssh"), rest)) => (scheme, rest),
        Some(_) => return None,
        // scp's way: user@host:path
        None => {
            let (authority, path) = url.split_once(':')?;
            return found("ssh", authority, path);
        }
    };
    let (authority, path) = rest.split_once('/')?;
    found(scheme, authority, path)
}

fn found(scheme: &str, authority: &str, path: &str) -> Option<Project> {
    let place = authority.rsplit('@').next()?;
    let host = match place.strip_prefix('[') {
        Some(rest) => format!("[{}]", rest.split_once(']')?.0),
        None => place.split(':').next()?.to_owned(),
    };
    let web = match scheme {
        "ssh" => format!("https://{host}"),
        _ => format!("{scheme}://{place}"),
    };
    let path = path.trim_matches('/');
    let project = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !project.is_empty()).then(|| Project {
        host: host.to_ascii_lowercase(),
        web,
        project: project.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_url_leads_to_the_same_project() {
        for (url, web) in [
            ("https://github.com/acme/platform.git", "https://github.com"),
            (
                "https://user:word@github.com/acme/platform/",
                "https://github.com",
            ),
            (
                "ssh://git@github.com:22/acme/platform.git",
                "https://github.com",
            ),
            ("git@github.com:acme/platform.git", "https://github.com"),
            (
                "http://github.com:3000/acme/platform",
                "http://github.com:3000",
            ),
        ] {
            let project = project_of(url).expect(url);
            let Project {
                host,
                web: found,
                project,
            } = project;
            assert_eq!(
                (&*host, &*found, &*project),
                ("github.com", web, "acme/platform")
            );
        }
        for url in [
            "file:///srv/git",
            "/srv/git",
            "https://github.com/",
            "git://x/y",
        ] {
            assert_eq!(project_of(url), None, "{url}");
        }
    }
}
