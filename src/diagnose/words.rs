//! Short forms of names, for reports.

/// A Go function without the path of its package: `kubelet.(*podWorkers).startPodSync`.
pub(crate) fn short(name: &str) -> String {
    let head = name.find(['[', '(', '{', ' ']).unwrap_or(name.len());
    match name[..head].rfind('/') {
        Some(slash) => name[slash + 1..].to_owned(),
        None => name.to_owned(),
    }
}
