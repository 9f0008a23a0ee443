//! Why the cluster did not do as it was asked.

use kube::core::Status;

use crate::manifest::causes;

/// One of the reasons that the API server gives for a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// As the API server writes paths: `spec.ports[1].name`. Empty if it names none.
    pub field: String,
    pub message: String,
}

/// What was asked, and why it failed, in words for people.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("no cluster to talk to: {0}")]
    NoConfig(String),
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the API server did not answer within {0} s")]
    TimedOut(u64),
    #[error(
        "the API server does not accept the credentials: they may have expired, or were taken back; put valid ones where they come from (the kubeconfig, a file that it names, or the Pod's service account); a host that runs reads them anew"
    )]
    NotAccepted,
    /// An answer of the API server's; `code` is HTTP's.
    #[error("{message}")]
    Refused {
        code: u16,
        reason: String,
        message: String,
        causes: Vec<Cause>,
    },
    #[error(
        "objects of kind {0} cannot be listed: the host's account may not, or their conversion webhook fails"
    )]
    NotListed(String),
    #[error("the API server's answer cannot be read: {0}")]
    Unreadable(String),
}

impl ClusterError {
    /// Whether the same request may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Refused { code, .. } => *code == 429 || *code >= 500,
            Self::NotAccepted | Self::NoConfig(_) | Self::Unreadable(_) | Self::NotListed(_) => {
                false
            }
        }
    }

    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    /// Whether the object would not be valid.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Refused { code: 422, .. })
    }

    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// The fields that the API server names.
    pub fn fields(&self) -> impl Iterator<Item = &str> + Clone {
        let causes = match self {
            Self::Refused { causes, .. } => &causes[..],
            _ => &[],
        };
        causes.iter().map(|cause| &*cause.field)
    }

    fn of_status(status: &Status) -> Self {
        if status.code == 401 {
            return Self::NotAccepted;
        }
        let causes = status
            .details
            .as_ref()
            .map(|details| &details.causes[..])
            .unwrap_or_default();
        Self::Refused {
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
            causes: causes
                .iter()
                .map(|cause| Cause {
                    field: cause.field.clone(),
                    message: cause.message.clone(),
                })
                .collect(),
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => Self::of_status(status),
            kube::Error::SerdeError(reason) => Self::Unreadable(reason.to_string()),
            kube::Error::InferConfig(reason) => Self::NoConfig(reason.to_string()),
            _ => Self::Unreachable(causes(&error)),
        }
    }
}
