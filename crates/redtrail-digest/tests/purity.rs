//! The verifier can be depended on by anyone: no AWS SDK, no async runtime.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::process::Command;

#[test]
fn ok_no_aws_and_no_runtime() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tree.stderr).into_owned();
    assert!(tree.status.success(), "{said}");
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("redtrail-core") && tree.contains("ring"));
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(
            !name.starts_with("aws") && !name.starts_with("tokio"),
            "{line}"
        );
    }
}
