//! The commands that grant a user a right to a kubelet.

/// Commands that let `user` get `resource`, for instance `nodes/proxy`.
pub(in crate::cli) fn grant(user: &str, resource: &str) -> String {
    let subject = match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None => format!("--user='{}'", user.replace('\'', r"'\''")),
    };
    // A name for each right: the hints for several can be followed one after the other.
    let name = format!("kubeprof-{}", resource.rsplit('/').next().unwrap_or("proxy"));
    let warning = match resource {
        "nodes/proxy" => "nodes/proxy is as much as root on the node: remove both afterwards",
        _ => "remove both afterwards",
    };
    format!(
        "for a while: kubectl create clusterrole {name} --verb=get --resource={resource} && kubectl create \
         clusterrolebinding {name} --clusterrole={name} {subject} ({warning})"
    )
}
