//! A host whose disk is full.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready};

const KIT: &str = "kits/acme/shop";
const FILE: &str = "kits/acme/shop/config.yaml";

/// A platform on a disk of its own, with one kit that is live.
fn started(size: &'static str) -> Platform {
    let mut platform = Platform::new(&[]);
    platform.disk = Some(size);
    let first = platform.start_with(&[(FILE, &config_map("shop", "a"))]);
    platform.until_kit(KIT, "Applied", &first);
    platform
}

/// Takes all the room that there is, to the last byte.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).unwrap();
    for piece in [[0; 4096].as_slice(), &[0]] {
        while file.write_all(piece).is_ok() {}
    }
    path
}

/// Bytes that no compression makes fewer.
fn noise(count: usize) -> Vec<u8> {
    let mut state: u64 = 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn change_by_hand(platform: &Platform) {
    let patch = r#"{"data": {"key": "by hand"}}"#;
    let namespace = platform.namespace("acme");
    let arguments = [
        "patch",
        "configmap",
        "shop",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

fn until_put_right(platform: &Platform) {
    wait_for(
        "what was changed by hand is put right",
        SOON,
        || match platform.get("acme", "configmap/shop").unwrap()["data"]["key"].clone() {
            found if found == "a" => Ok(()),
            found => Err(found.to_string()),
        },
    );
}

/// What of a pack is left under a name that is not its last.
fn unfinished(folder: &Path, platform: &Platform) -> Vec<String> {
    let mirror = folder.join("mirrors").join(&platform.name).join("platform");
    let names = std::fs::read_dir(mirror.join("objects/pack")).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with("pack-"))
        .collect()
}

#[test]
fn a_full_disk_is_told_and_what_is_live_is_kept_right_until_there_is_room() {
    let platform = started("1m");
    let folder = platform.disk_folder();
    let filler = fill(&folder);
    platform.git.edit(FILE, "key: a", "key: b").unwrap();
    let second = platform.git.commit("second").unwrap();
    let repository = platform.until_repository("DiskFull");
    let message = ready(&repository)["message"].as_str().unwrap().to_owned();
    for words in ["mirrors", "No space left on device", "make room", "live: "] {
        assert!(message.contains(words), "{words}: {message}");
    }
    change_by_hand(&platform);
    until_put_right(&platform);
    assert_eq!(unfinished(&folder, &platform), [""; 0]);
    // The same news at each poll is told once.
    let changed = ready(&platform.repository())["lastTransitionTime"].clone();
    assert_eq!(changed, ready(&repository)["lastTransitionTime"]);
    std::fs::remove_file(filler).unwrap();
    platform.until_kit(KIT, "Applied", &second);
    platform.until_repository("Applied");
}

#[test]
fn a_commit_that_does_not_fit_on_the_disk_is_left_for_one_that_does() {
    let platform = started("1m");
    let before = platform.git.git(&["rev-parse", "HEAD"]).unwrap();
    platform.git.write("film.bin", noise(4 << 20)).unwrap();
    platform.git.edit(FILE, "key: a", "key: b").unwrap();
    platform.git.commit("too large").unwrap();
    platform.until_repository("DiskFull");
    change_by_hand(&platform);
    until_put_right(&platform);
    platform
        .git
        .git(&["reset", "--hard", "--quiet", &before])
        .unwrap();
    platform.git.edit(FILE, "key: a", "key: c").unwrap();
    let instead = platform.git.commit("instead").unwrap();
    platform.until_kit(KIT, "Applied", &instead);
    platform.until_repository("Applied");
    assert_eq!(
        unfinished(&platform.disk_folder(), &platform),
        [""; 0],
        "what did not fit takes no room"
    );
}

#[test]
fn a_host_whose_log_cannot_be_written_goes_on() {
    let mut platform = Platform::new(&[]);
    platform.log = Some("/dev/full".into());
    let first = platform.start_with(&[(FILE, &config_map("shop", "a"))]);
    platform.until_kit(KIT, "Applied", &first);
    platform.git.edit(FILE, "key: a", "key: b").unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit(KIT, "Applied", &second);
}

#[test]
fn a_disk_that_is_too_small_from_the_beginning_is_used_as_soon_as_it_has_grown() {
    let mut platform = Platform::new(&[]);
    // Room for the host's own name, and for the beginning of a mirror.
    platform.disk = Some("12k");
    let first = platform.start_with(&[(FILE, &config_map("shop", "a"))]);
    let repository = platform.until_repository("DiskFull");
    let message = ready(&repository)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("mirrors"), "{message}");
    platform.resize_disk("1m");
    platform.until_kit(KIT, "Applied", &first);
}

#[test]
fn a_host_that_has_no_room_for_its_own_name_ends_and_is_no_wrong_usage() {
    let mut platform = Platform::new(&[]);
    platform.disk = Some("4k,nr_inodes=1");
    platform.start();
    assert_eq!(platform.ended(), Some(3));
}
