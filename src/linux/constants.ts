import {constants as nodeConstants} from 'node:fs';

// Values of the kernel's interface to programs (uapi), under the names that the man pages use. They are the same on x86_64 and arm64, except for those that are taken from Node.

// `unshare` and `setns`. https://man7.org/linux/man-pages/man7/namespaces.7.html
export const CLONE_NEWNS = 0x00_02_00_00;
export const CLONE_NEWCGROUP = 0x02_00_00_00;
export const CLONE_NEWUTS = 0x04_00_00_00;
export const CLONE_NEWIPC = 0x08_00_00_00;
export const CLONE_NEWPID = 0x20_00_00_00;
export const CLONE_NEWNET = 0x40_00_00_00;

// `open`. The first four have other values on arm64. https://man7.org/linux/man-pages/man2/open.2.html
export const {O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK} = nodeConstants;
export const O_CLOEXEC = 0o200_0000;
export const O_PATH = 0o1000_0000;
export const O_TMPFILE = 0o2000_0000 | O_DIRECTORY;

// The `...at` calls. https://man7.org/linux/man-pages/man2/open_tree.2.html
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x01_00;
export const AT_REMOVEDIR = 0x02_00;
export const AT_EMPTY_PATH = 0x10_00;
export const AT_RECURSIVE = 0x80_00;

// `openat2`. https://man7.org/linux/man-pages/man2/openat2.2.html
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_IN_ROOT = 0x10;

// `renameat2`. https://man7.org/linux/man-pages/man2/rename.2.html
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

// `lseek`. https://man7.org/linux/man-pages/man2/lseek.2.html
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

// `utimensat`. https://man7.org/linux/man-pages/man2/utimensat.2.html
export const UTIME_OMIT = 0x3F_FF_FF_FE;

// `mount` and `umount2`. https://man7.org/linux/man-pages/man2/mount.2.html
export const MS_RDONLY = 0x01;
export const MS_NOSUID = 0x02;
export const MS_NODEV = 0x04;
export const MS_NOEXEC = 0x08;
export const MS_REMOUNT = 0x20;
export const MS_BIND = 0x10_00;
export const MS_REC = 0x40_00;
export const MS_PRIVATE = 0x04_00_00;
export const MS_STRICTATIME = 0x01_00_00_00;
export const MNT_DETACH = 2;

// `fsopen`, `fsconfig` and `fsmount`. https://man7.org/linux/man-pages/man2/fsconfig.2.html
export const FSOPEN_CLOEXEC = 1;
export const FSCONFIG_SET_FLAG = 0;
export const FSCONFIG_SET_STRING = 1;
export const FSCONFIG_CMD_CREATE = 6;
export const FSMOUNT_CLOEXEC = 1;

// `open_tree` and `move_mount`. https://man7.org/linux/man-pages/man2/open_tree.2.html
export const OPEN_TREE_CLONE = 1;
export const OPEN_TREE_CLOEXEC = O_CLOEXEC;
export const MOVE_MOUNT_F_EMPTY_PATH = 0x04;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;

// `mount_setattr` and `fsmount`. https://man7.org/linux/man-pages/man2/mount_setattr.2.html
export const MOUNT_ATTR_RDONLY = 0x01;
export const MOUNT_ATTR_NOSUID = 0x02;
export const MOUNT_ATTR_NODEV = 0x04;
export const MOUNT_ATTR_NOEXEC = 0x08;

// `memfd_create`. https://man7.org/linux/man-pages/man2/memfd_create.2.html
export const MFD_CLOEXEC = 0x01;
export const MFD_ALLOW_SEALING = 0x02;
export const MFD_EXEC = 0x10;

// File seals. https://man7.org/linux/man-pages/man2/F_GET_SEALS.2const.html
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 0x01;
export const F_SEAL_SHRINK = 0x02;
export const F_SEAL_GROW = 0x04;
export const F_SEAL_WRITE = 0x08;

// `ioctl`. https://man7.org/linux/man-pages/man2/ioctl_ficlone.2.html
export const FICLONE = 0x40_04_94_09;

// `socket`. https://man7.org/linux/man-pages/man2/socket.2.html
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o200_0000;

// `flock`. https://man7.org/linux/man-pages/man2/flock.2.html
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

// `bpf`. https://man7.org/linux/man-pages/man2/bpf.2.html and include/uapi/linux/bpf.h
export const BPF_PROG_LOAD = 5;
export const BPF_PROG_ATTACH = 8;
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
export const BPF_CGROUP_DEVICE = 6;
export const BPF_F_ALLOW_MULTI = 2;
