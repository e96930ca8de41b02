//! What a call into the kernel or a child process is about, as far as frames tell: the command that was started, the type of
//! the volume. Frames have no paths, so the mount itself is for the node to name.

use super::super::report::About;
use super::{Cohort, Scene};

/// Commands that the kubelet starts, by functions that only wait for them.
const COMMANDS: &[(&str, &str)] = &[
    ("k8s.io/mount-utils.(*SafeFormatAndMount)", "fsck/mkfs"),
    ("k8s.io/mount-utils.(*ResizeFs)", "a resize of the file system"),
    ("k8s.io/mount-utils.(*Mounter).doMount", "mount"),
    ("k8s.io/mount-utils.(*Mounter).Mount", "mount"),
    ("k8s.io/mount-utils.(*Mounter).Unmount", "umount"),
    ("k8s.io/mount-utils.(*Mounter).forceUmount", "umount"),
    ("k8s.io/mount-utils.forceUmount", "umount"),
    ("k8s.io/mount-utils.tryUnmount", "umount"),
    ("k8s.io/kubernetes/pkg/util/mount.(*Mounter).doMount", "mount"),
    ("k8s.io/kubernetes/pkg/util/mount.(*Mounter).Mount", "mount"),
    ("k8s.io/kubernetes/pkg/util/mount.(*Mounter).Unmount", "umount"),
    ("k8s.io/kubernetes/pkg/util/iptables.", "iptables"),
    ("k8s.io/kubernetes/pkg/volume/util/fsquota", "a quota command"),
    (
        "k8s.io/kubernetes/pkg/volume/flexvolume.(*DriverCall)",
        "a FlexVolume driver",
    ),
    ("github.com/google/cadvisor/fs.", "du"),
];

/// Packages of volume plugins, and the field of a pod's volume that means them.
const VOLUMES: &[(&str, &str)] = &[
    ("nfs", "nfs"),
    ("hostpath", "hostPath"),
    ("csi", "csi"),
    ("iscsi", "iscsi"),
    ("fc", "fc"),
    ("local", "local"),
    ("configmap", "configMap"),
    ("secret", "secret"),
    ("projected", "projected"),
    ("downwardapi", "downwardAPI"),
    ("emptydir", "emptyDir"),
    ("flexvolume", "flexVolume"),
    ("image", "image"),
    ("portworx", "portworxVolume"),
    ("cephfs", "cephfs"),
    ("rbd", "rbd"),
    ("glusterfs", "glusterfs"),
    ("vsphere_volume", "vsphereVolume"),
    ("awsebs", "awsElasticBlockStore"),
    ("gcepd", "gcePersistentDisk"),
    ("azure_file", "azureFile"),
    ("azuredd", "azureDisk"),
    ("git_repo", "gitRepo"),
    ("quobyte", "quobyte"),
];

/// What all members of a cohort are about, where it is the same for all.
pub(super) fn about(scene: &Scene<'_>, cohort: &Cohort<'_>) -> About {
    let keys = |stack| {
        let frames = scene.seen.stacks.get(stack).iter();
        frames.map(|&f| scene.seen.book.key(f)).collect::<Vec<&str>>()
    };
    let each: Vec<Vec<&str>> = cohort.members.iter().map(|(g, _)| keys(g.stack)).collect();
    let same = |of: fn(&[&str]) -> Option<&'static str>| {
        let first = each.first().and_then(|keys| of(keys))?;
        each.iter().all(|keys| of(keys) == Some(first)).then_some(first)
    };
    About {
        command: same(command),
        volume: same(volume),
    }
}

/// The innermost function that stands for a command.
fn command(keys: &[&str]) -> Option<&'static str> {
    keys.iter()
        .find_map(|key| COMMANDS.iter().find(|(start, _)| key.starts_with(start)))
        .map(|(_, command)| *command)
}

/// The innermost volume plugin.
fn volume(keys: &[&str]) -> Option<&'static str> {
    keys.iter().find_map(|key| {
        let name = key.strip_prefix("k8s.io/kubernetes/pkg/volume/")?;
        let package = name.split(['.', '/']).next()?;
        VOLUMES.iter().find(|(p, _)| *p == package).map(|(_, field)| *field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_volumes_by_the_innermost_frame() {
        let nfs = [
            "os/exec.(*Cmd).Wait",
            "k8s.io/mount-utils.(*Mounter).doMount",
            "k8s.io/mount-utils.(*SafeFormatAndMount).formatAndMountSensitive",
            "k8s.io/kubernetes/pkg/volume/nfs.(*nfsMounter).SetUpAt",
            "k8s.io/kubernetes/pkg/volume/util/operationexecutor.(*operationGenerator).GenerateMountVolumeFunc.func",
        ];
        assert_eq!(command(&nfs), Some("mount"));
        assert_eq!(volume(&nfs), Some("nfs"));
        assert_eq!(command(&["os/exec.(*Cmd).Wait"]), None);
        // Not a plugin, and not a prefix of one.
        assert_eq!(
            volume(&["k8s.io/kubernetes/pkg/volume/util.IsLocalEphemeralVolume"]),
            None
        );
        assert_eq!(volume(&["k8s.io/kubernetes/pkg/volume/csimigration.Manager"]), None);
    }
}
