//! What an object says of itself as a hook of Helm's.

use super::GroupKind;

pub const HOOK_ANNOTATION: &str = "helm.sh/hook";
const WEIGHT_ANNOTATION: &str = "helm.sh/hook-weight";

/// An object that has its place before or after the others. Hooks of tests, of deletion and of
/// rollback are none: they have no place in what is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Where it stands when a release is installed.
    install: Option<Side>,
    /// Where it stands when one is upgraded.
    upgrade: Option<Side>,
    /// Those of less weight come first.
    pub weight: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

impl Hook {
    /// By an object's annotations, read as Helm reads them.
    pub fn of<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let events = annotation(HOOK_ANNOTATION)?.split(',');
        let mut hook = Self {
            install: None,
            upgrade: None,
            weight: annotation(WEIGHT_ANNOTATION)
                .and_then(|weight| weight.parse().ok())
                .unwrap_or_default(),
        };
        for event in events {
            let (when, place) = match event.trim().to_ascii_lowercase().as_str() {
                "pre-install" => (&mut hook.install, Side::Before),
                "post-install" => (&mut hook.install, Side::After),
                "pre-upgrade" => (&mut hook.upgrade, Side::Before),
                "post-upgrade" => (&mut hook.upgrade, Side::After),
                _ => continue,
            };
            // One that is named for both runs once.
            if *when != Some(Side::Before) {
                *when = Some(place);
            }
        }
        (hook.install.or(hook.upgrade).is_some()).then_some(hook)
    }

    /// Where it stands. What is not meant for an installation is there as well; whether it runs,
    /// `is_meant_for` says.
    pub fn side(&self, upgrade: bool) -> Side {
        let (first, other) = match upgrade {
            true => (self.upgrade, self.install),
            false => (self.install, self.upgrade),
        };
        first.or(other).unwrap_or(Side::Before)
    }

    pub fn is_meant_for(&self, upgrade: bool) -> bool {
        match upgrade {
            true => self.upgrade.is_some(),
            false => self.install.is_some(),
        }
    }
}

/// Whether objects of a kind run to an end: Helm waits for it.
pub fn runs(kind: &GroupKind) -> bool {
    matches!((&*kind.group, &*kind.kind), ("batch", "Job") | ("", "Pod"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(events: &str, weight: &str) -> Option<Hook> {
        Hook::of(|name| match name {
            HOOK_ANNOTATION => Some(events),
            _ => Some(weight),
        })
    }

    #[test]
    fn annotations_are_read_as_helm_reads_them() {
        let hook = |events, weight| hook(events, weight).expect("a hook");
        let migrate = hook(" Post-Install , pre-upgrade", "-5");
        assert_eq!(migrate.side(false), Side::After);
        assert_eq!(migrate.side(true), Side::Before);
        assert_eq!(migrate.weight, -5);
        assert_eq!(hook("pre-install", "ten").weight, 0);
        assert_eq!(hook("pre-install", " 1").weight, 0);
        assert_eq!(
            hook("post-install,pre-install", "").side(false),
            Side::Before
        );
        let first = hook("pre-install,test", "");
        assert!(first.is_meant_for(false) && !first.is_meant_for(true));
        assert_eq!(first.side(true), Side::Before);
    }

    #[test]
    fn tests_and_hooks_on_the_way_out_have_no_place() {
        for events in [
            "test",
            "test-success,pre-delete",
            "post-rollback",
            "crd-install",
            "",
        ] {
            assert_eq!(hook(events, "1"), None, "{events}");
        }
        assert_eq!(Hook::of(|_| None), None);
    }
}
