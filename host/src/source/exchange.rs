//! One exchange with a remote: look at its refs, and fetch if the followed one moved.

use std::cell::Cell;
use std::path::Path;

use git2::{
    AutotagOption, Direction, ErrorClass, ErrorCode, FetchOptions, ProxyOptions, RemoteRedirect,
    Repository,
};
use serde::{Deserialize, Serialize};

use super::remote::masked;
use super::trust::callbacks;
use super::{Commit, Follow, Poll, RemoteError, RemoteSpec, Revision};
use crate::signature::SignatureState;

/// Where the followed commit is kept in the mirror.
const HEAD: &str = "refs/trimtab/head";

/// The annotated tag that is followed is kept below this, by its name.
pub(super) const TAG: &str = "refs/trimtab/tag/";

/// What the worker is asked.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Request {
    pub folder: std::path::PathBuf,
    pub remote: RemoteSpec,
    pub known: Option<Revision>,
}

/// A ref of the remote's, and the commit that it means.
struct Target {
    /// What is fetched: a ref's name or a commit's id.
    fetch: String,
    commit: git2::Oid,
    tag: Option<String>,
    /// The tag's own object, where it has one: it may be signed.
    annotated: Option<git2::Oid>,
}

pub(super) fn exchange(request: &Request) -> Result<Poll, RemoteError> {
    let spec = &request.remote;
    let url = masked(&spec.url);
    let storage = |error: git2::Error| RemoteError::storage(&url, &request.folder, error.message());
    let store = Repository::open_bare(&request.folder).map_err(storage)?;
    let known = request
        .known
        .as_ref()
        .and_then(|known| git2::Oid::from_str(known.as_str()).ok());
    if let Follow::Commit(commit) | Follow::Files(commit) = &spec.follow
        && let Ok(commit) = git2::Oid::from_str(commit)
        && store.find_commit(commit).is_ok()
    {
        // A commit never changes: the remote need not be asked.
        return found(&store, commit, None, known, &url);
    }
    let mut remote = store
        .remote_anonymous(&spec.url)
        .map_err(|error| failed(spec, &error))?;
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    let mut connection = remote
        .connect_auth(Direction::Fetch, Some(callbacks(spec)), Some(proxy))
        .map_err(|error| failed(spec, &error))?;
    let heads: Vec<(String, git2::Oid)> = connection
        .list()
        .map_err(|error| failed(spec, &error))?
        .iter()
        .map(|head| (head.name().to_owned(), head.oid()))
        .collect();
    tracing::debug!(%url, refs = heads.len(), "asked for refs");
    if heads.is_empty() {
        return Err(RemoteError::Empty { url });
    }
    let target = target(spec, &heads)?;
    let has_tag = |tag| store.find_tag(tag).is_ok();
    let here = store.find_commit(target.commit).is_ok() && target.annotated.is_none_or(has_tag);
    if !here {
        fetch(connection.remote(), request, &target.fetch)?;
    }
    drop(connection);
    keep_tag(&store, &target).map_err(storage)?;
    if known == Some(target.commit) && here {
        return Ok(Poll::Unchanged(Revision::new(target.commit.to_string())));
    }
    let commit = match &spec.follow {
        Follow::Commit(_) | Follow::Files(_) => target.commit,
        // The ref may have moved between the list and the fetch.
        _ => store
            .find_reference(HEAD)
            .and_then(|head| head.peel_to_commit())
            .map_or(target.commit, |head| head.id()),
    };
    let commit = if store.find_commit(target.commit).is_ok() {
        target.commit
    } else {
        commit
    };
    found(&store, commit, target.tag, known, &url)
}

fn fetch(
    remote: &mut git2::Remote<'_>,
    request: &Request,
    wanted: &str,
) -> Result<(), RemoteError> {
    let spec = &request.remote;
    let over = Cell::new(false);
    let options = || {
        let mut options = FetchOptions::new();
        let mut callbacks = callbacks(spec);
        callbacks.transfer_progress(|progress| {
            over.set(over.get() || progress.received_bytes() > spec.limit);
            !over.get()
        });
        options.remote_callbacks(callbacks);
        options.download_tags(AutotagOption::None);
        options.update_fetchhead(false);
        // Credentials would be carried to where it leads.
        options.follow_redirects(RemoteRedirect::None);
        options
    };
    let exact = format!("+{wanted}:{HEAD}");
    let mut result = match &spec.follow {
        // Not every server, and no local one, leaves the history out.
        Follow::Files(_) | Follow::Named(_) => {
            let mut alone = options();
            alone.depth(1);
            let result = remote.fetch(&[exact.as_str()], Some(&mut alone), None);
            match (result, over.get()) {
                (Err(_), false) => remote.fetch(&[exact.as_str()], Some(&mut options()), None),
                (result, _) => result,
            }
        }
        _ => remote.fetch(&[exact.as_str()], Some(&mut options()), None),
    };
    let by_id = matches!(spec.follow, Follow::Commit(_) | Follow::Files(_));
    if let (Err(_), true, false) = (&result, by_id, over.get()) {
        // A server may give out only what its refs reach.
        let all = [
            "+refs/heads/*:refs/trimtab/heads/*",
            "+refs/tags/*:refs/trimtab/tags/*",
        ];
        result = remote.fetch(&all, Some(&mut options()), None);
    }
    if over.get() {
        return Err(RemoteError::TooLarge {
            url: masked(&spec.url),
            limit: spec.limit,
        });
    }
    result.map_err(|error| {
        // To libgit2 it is an error of the system's, like a server that is away.
        RemoteError::no_room(&masked(&spec.url), &request.folder, error.message())
            .unwrap_or_else(|| failed(spec, &error))
    })
}

/// Keeps the tag that is followed, and no other. That it is signed anew changes no commit.
fn keep_tag(store: &Repository, target: &Target) -> Result<(), git2::Error> {
    // It may have moved between the list and the fetch.
    let fetched = || store.find_reference(HEAD).ok()?.target();
    let mut annotated = target.annotated.into_iter().chain(fetched());
    let tag = annotated.find(|it| store.find_tag(*it).is_ok());
    let wanted = target.annotated.and(target.tag.as_ref()).zip(tag);
    let name = wanted.map(|(name, _)| format!("{TAG}{name}"));
    for kept in store.references_glob(&format!("{TAG}*"))? {
        let mut kept = kept?;
        if kept.name().ok() != name.as_deref() {
            kept.delete()?;
        }
    }
    if let (Some(name), Some((_, tag))) = (name, wanted) {
        store.reference(&name, tag, true, "followed")?;
    }
    Ok(())
}

fn target(spec: &RemoteSpec, heads: &[(String, git2::Oid)]) -> Result<Target, RemoteError> {
    let url = masked(&spec.url);
    let find = |name: &str| {
        heads
            .iter()
            .find(|(head, _)| head == name)
            .map(|(_, oid)| *oid)
    };
    let missing = |wanted: String| RemoteError::RefNotFound {
        url: url.clone(),
        wanted,
    };
    match &spec.follow {
        Follow::Branch(branch) => {
            let name = format!("refs/heads/{branch}");
            let commit = find(&name).ok_or_else(|| missing(format!("branch {branch}")))?;
            Ok(Target {
                fetch: name,
                commit,
                tag: None,
                annotated: None,
            })
        }
        Follow::Tag(tag) => tagged(tag, &find).ok_or_else(|| missing(format!("tag {tag}"))),
        Follow::Semver(range) => {
            let wanted =
                semver::VersionReq::parse(range).map_err(|error| RemoteError::InvalidUrl {
                    url: url.clone(),
                    reason: format!("{range:?} is no SemVer range: {error}"),
                })?;
            let tags = heads
                .iter()
                .filter_map(|(name, _)| name.strip_prefix("refs/tags/"));
            let newest = tags
                .filter_map(|tag| {
                    Some((
                        semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()?,
                        tag,
                    ))
                })
                .filter(|(version, _)| wanted.matches(version))
                .max();
            newest
                .and_then(|(_, tag)| tagged(tag, &find))
                .ok_or_else(|| missing(format!("tag in the range {range}")))
        }
        Follow::Named(name) => named(name, &find).ok_or_else(|| missing(name.clone())),
        Follow::Commit(commit) | Follow::Files(commit) => match git2::Oid::from_str(commit) {
            Ok(oid) if commit.len() == 40 => Ok(Target {
                fetch: commit.clone(),
                commit: oid,
                tag: None,
                annotated: None,
            }),
            _ => Err(RemoteError::InvalidUrl {
                url,
                reason: format!("{commit:?} is no full commit id"),
            }),
        },
    }
}

/// In the order in which Git looks for a name (gitrevisions(7)).
fn named(name: &str, find: &impl Fn(&str) -> Option<git2::Oid>) -> Option<Target> {
    let branch = |reference: String| {
        Some(Target {
            commit: find(&reference)?,
            fetch: reference,
            tag: None,
            annotated: None,
        })
    };
    if name == "HEAD" {
        return branch(name.to_owned());
    }
    let full = name.strip_prefix("refs/tags/").unwrap_or(name);
    let below = name.strip_prefix("refs/heads/").unwrap_or(name);
    tagged(full, find).or_else(|| branch(format!("refs/heads/{below}")))
}

fn tagged(tag: &str, find: &impl Fn(&str) -> Option<git2::Oid>) -> Option<Target> {
    let name = format!("refs/tags/{tag}");
    // An annotated tag is an object of its own; `^{}` is the commit behind it.
    let (peeled, own) = (find(&format!("{name}^{{}}")), find(&name));
    Some(Target {
        fetch: name,
        commit: peeled.or(own)?,
        tag: Some(tag.to_owned()),
        annotated: own.filter(|_| peeled.is_some()),
    })
}

fn found(
    store: &Repository,
    commit: git2::Oid,
    tag: Option<String>,
    known: Option<git2::Oid>,
    url: &str,
) -> Result<Poll, RemoteError> {
    if known == Some(commit) {
        return Ok(Poll::Unchanged(Revision::new(commit.to_string())));
    }
    let forced = known.is_some_and(|known| {
        store.find_commit(known).is_ok()
            && !store.graph_descendant_of(commit, known).unwrap_or(true)
    });
    let gone = |error: git2::Error| match is_intact(store) {
        true => RemoteError::CommitGone {
            url: url.to_owned(),
            commit: commit.to_string(),
        },
        false => RemoteError::Damaged {
            url: url.to_owned(),
            reason: error.message().to_owned(),
        },
    };
    let commit = store.find_commit(commit).map_err(gone)?;
    Ok(Poll::Moved {
        commit: describe(&commit, tag),
        forced,
    })
}

/// Whether the commits of the mirror's own refs are there.
fn is_intact(store: &Repository) -> bool {
    let refs = store.references_glob("refs/trimtab/*");
    refs.is_ok_and(|mut refs| refs.all(|it| it.is_ok_and(|it| it.peel_to_commit().is_ok())))
}

pub(super) fn describe(commit: &git2::Commit<'_>, tag: Option<String>) -> Commit {
    let person = |signature: &git2::Signature<'_>| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{} <{}>",
            text(signature.name_bytes()),
            text(signature.email_bytes())
        )
    };
    let subject = commit
        .summary_bytes()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let signature = match commit.header_field_bytes("gpgsig") {
        Ok(_) => SignatureState::NotJudged,
        Err(_) => SignatureState::Unsigned,
    };
    Commit {
        signature,
        revision: Revision::new(commit.id().to_string()),
        author: person(&commit.author()),
        committer: person(&commit.committer()),
        time: commit.time().seconds(),
        subject: subject.unwrap_or_default(),
        tag,
    }
}

/// libgit2's error in words for people.
fn failed(spec: &RemoteSpec, error: &git2::Error) -> RemoteError {
    let url = masked(&spec.url);
    let mut reason = error.message().to_owned();
    if let Some(password) = spec
        .auth
        .password
        .as_deref()
        .filter(|password| !password.is_empty())
    {
        reason = reason.replace(password, "***");
    }
    reason = reason.replace(&spec.url, &url);
    match (error.code(), error.class()) {
        (_, ErrorClass::Net) if reason.contains("redirect") => RemoteError::HostNotTrusted {
            reason: format!("it redirects to another host ({reason}); put that one into spec.url"),
            url,
        },
        (ErrorCode::Auth, _) => RemoteError::AuthenticationFailed { url, reason },
        (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => {
            RemoteError::HostNotTrusted { url, reason }
        }
        (_, ErrorClass::Http) if reason.contains("40") => {
            let reason =
                format!("there is no repository at this URL, or it may not be seen ({reason})");
            RemoteError::Unreachable { url, reason }
        }
        // What libgit2 says of lines that are not Git's.
        (_, ErrorClass::Net) if reason.contains("packet") || reason.contains("pkt") => {
            RemoteError::Protocol { url, reason }
        }
        (_, ErrorClass::Net | ErrorClass::Os) => RemoteError::Unreachable { url, reason },
        (ErrorCode::NotFound, ErrorClass::Repository) => RemoteError::Unreachable { url, reason },
        (_, ErrorClass::Odb | ErrorClass::Zlib | ErrorClass::Object) => {
            RemoteError::Damaged { url, reason }
        }
        (_, ErrorClass::Filesystem) => RemoteError::Storage { url, reason },
        (_, ErrorClass::Config) => RemoteError::InvalidUrl { url, reason },
        (_, ErrorClass::Ssh) if reason.contains("connect") || reason.contains("resolve") => {
            RemoteError::Unreachable { url, reason }
        }
        _ => RemoteError::Protocol { url, reason },
    }
}

/// Whether an exchange touches no network.
pub(super) fn is_local(url: &str) -> bool {
    url.starts_with("file://") || Path::new(url).is_absolute()
}
