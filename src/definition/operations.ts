import type {Digest} from '../kernel/digest.ts';
import type {Platform} from '../kernel/platform.ts';

/*
What a vertex does, as data. Every operation is plain JSON: its canonical text, with the digests of its inputs, is its identity.

An input is named by its place in the vertex's `inputs`; `null` stands for the empty file system (`FROM scratch`).
*/

export type InputIndex = number;

/** Takes an image. Without inputs. */
export type SourceImageOperation = {
	readonly kind: 'source-image';
	/** Where its layers are. Manifest and config of an image of a registry are in the store. */
	readonly location: {readonly type: 'store'} | {readonly type: 'registry'} | {readonly type: 'oci-layout'; readonly directory: string};
	/** Full reference, with the digest that it was resolved to if it is that of a registry. */
	readonly reference: string;
	/** The manifest that the reference was resolved to. */
	readonly manifestDigest: Digest;
	readonly platform: Platform;
};

/** Takes a directory of the client, such as the build context. Without inputs. */
export type SourceLocalOperation = {
	readonly kind: 'source-local';
	/** `context`, or the name of a named context. */
	readonly name: string;
};

/** Takes a file system that was there before the definition, such as a build context that had to be fetched. Without inputs. */
export type SourceGivenOperation = {
	readonly kind: 'source-given';
	/** `context`, or the name of a named context. */
	readonly name: string;
};

/** Takes a file from the web. Without inputs. */
export type SourceHttpOperation = {
	readonly kind: 'source-http';
	readonly url: string;
	/** What the file is called in the result, whose only one it is. */
	readonly fileName: string;
	/** Of its content, if that is known. */
	readonly checksum?: Digest;
};

/** Takes files of a commit in a git repository. Without inputs. */
export type SourceGitOperation = {
	readonly kind: 'source-git';
	readonly remote: string;
	/** A branch, a tag or a commit; empty for the default branch. */
	readonly name: string;
	/** The first digits at least of the commit that it has to be. */
	readonly checksum?: string;
	/** Inside the repository; empty for all of it. */
	readonly subdirectory: string;
	/** The repository itself is in the result, as `.git`. */
	readonly keepsGitDirectory: boolean;
	readonly hasSubmodules: boolean;
	/** The time that the files get. */
	readonly time: 'checkout' | 'commit';
};

export type NetworkMode = 'default' | 'none' | 'host';
export type SecurityMode = 'sandbox' | 'insecure';

/** Files of an input. What is written to a mount that is not read-only is thrown away. */
export type BindMount = {
	readonly type: 'bind';
	readonly input: InputIndex | null;
	/** Path inside the input. */
	readonly source: string;
	/** Absolute path inside the root. */
	readonly target: string;
	readonly readOnly: boolean;
};

/** How steps that run at the same time share a cache: all use one; each has its own; one waits for the other. */
export type CacheSharing = 'shared' | 'private' | 'locked';

/** A directory that outlives the build. */
export type CacheMount = {
	readonly type: 'cache';
	/** Steps with the same id and first content have the same directory. */
	readonly id: string;
	readonly sharing: CacheSharing;
	/** What is in it when it is made. */
	readonly input: InputIndex | null;
	/** Names that content. */
	readonly content: Digest | null;
	/** Path inside the directory. */
	readonly source: string;
	readonly target: string;
	readonly readOnly: boolean;
};

/** An empty file system in memory. */
export type TmpfsMount = {
	readonly type: 'tmpfs';
	readonly target: string;
	/** Bytes; half of the memory when not given. */
	readonly size?: number;
};

/** A secret as a file, a variable or both. Its content is no part of what the RUN is. */
export type SecretMount = {
	readonly type: 'secret';
	readonly id: string;
	/** Absolute path of the file. */
	readonly target?: string;
	/** Name of the variable. */
	readonly environmentName?: string;
	/** A missing secret is an error. */
	readonly isRequired: boolean;
	/** Permission bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
};

/** A socket on which an agent of the user signs with SSH keys. */
export type SshMount = {
	readonly type: 'ssh';
	/** Of the agent. */
	readonly id: string;
	/** Absolute path of the socket. */
	readonly target: string;
	/** A missing agent is an error. */
	readonly isRequired: boolean;
	/** Permission bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
};

/** What a RUN mounts into its root besides the system's own mounts. A later mount lies over an earlier one. */
export type ExecMount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;

/** A line of /etc/hosts. The address `host-gateway` is that of the machine that builds, as the step sees it. */
export type ExtraHost = {readonly name: string; readonly address: string};

/** A resource limit by its name in getrlimit(2), for example `nofile`. Decimal numbers, as they may be larger than those of JSON; -1 is no limit. */
export type Ulimit = {readonly name: string; readonly soft: string; readonly hard: string};

/** What the user decides for every RUN, and what makes it another one. */
export type StepOptions = {
	/** The cache counts their names, and not their addresses. */
	readonly extraHosts?: readonly ExtraHost[];
	readonly ulimits?: readonly Ulimit[];
	/** Bytes of /dev/shm. */
	readonly sharedMemory?: number;
};

/** Runs a process in a container; the result is its root file system afterwards. */
export type ExecOperation = StepOptions & {
	readonly kind: 'exec';
	readonly root: InputIndex | null;
	readonly args: readonly string[];
	/** `NAME=value`, in order, without duplicates. */
	readonly env: readonly string[];
	readonly cwd: string;
	/** As in the Dockerfile: `name`, `uid`, `user:group`; empty for root. */
	readonly user: string;
	readonly network: NetworkMode;
	readonly security: SecurityMode;
	readonly mounts: readonly ExecMount[];
	readonly platform: Platform;
};

/** `user[:group]` by name or number, looked up in the files of the file system that is written to. */
export type OwnerExpression = string;

/** One file or directory tree copied into the root. */
export type CopyAction = {
	readonly action: 'copy';
	readonly input: InputIndex | null;
	/** Cleaned absolute path inside the input, with wildcards if `allowWildcard`. */
	readonly source: string;
	/** Absolute path inside the root. A trailing `/` means: into that directory. */
	readonly destination: string;
	readonly allowWildcard: boolean;
	/** No match for a wildcard is no error. */
	readonly allowEmptyWildcard: boolean;
	/** A directory's entries are copied, not the directory itself. */
	readonly directoryContentsOnly: boolean;
	readonly createDestinationPath: boolean;
	/** The last component of the source is followed when it is a symbolic link. */
	readonly followSymlinks: boolean;
	readonly owner?: OwnerExpression;
	/** Octal digits such as `0755`, or symbolic such as `u=rwX,go=rX`. */
	readonly mode?: string;
	/** Tar archives are unpacked (ADD). */
	readonly attemptUnpack: boolean;
	/** Keeps the source's parent directories, from the pivot `/./` on (`--parents`). */
	readonly keepParents: boolean;
	/** Patterns in the manner of .dockerignore, relative to the source. */
	readonly include: readonly string[];
	readonly exclude: readonly string[];
};

/** Makes a directory with its parents (WORKDIR). An existing one is left as it is. */
export type MakeDirectoryAction = {
	readonly action: 'make-directory';
	readonly path: string;
	/** Permission bits. */
	readonly mode: number;
	readonly owner?: OwnerExpression;
};

/** Makes a file with the given content (COPY of a heredoc). */
export type MakeFileAction = {
	readonly action: 'make-file';
	readonly path: string;
	readonly content: string;
	readonly mode: number;
	readonly owner?: OwnerExpression;
};

export type FileAction = CopyAction | MakeDirectoryAction | MakeFileAction;

/** Changes files of a root without running anything; the result is the changed root. */
export type FileOperation = {
	readonly kind: 'file';
	readonly root: InputIndex | null;
	readonly actions: readonly FileAction[];
	readonly platform: Platform;
};

/** Puts the layer that another vertex made on the empty file system onto a root, as it is (`COPY --link`). What the root has does not change what the layer is. */
export type MergeOperation = {
	readonly kind: 'merge';
	readonly root: InputIndex;
	readonly layer: InputIndex;
};

/** Any operation of a definition. */
export type Operation = SourceImageOperation | SourceLocalOperation | SourceGivenOperation | SourceHttpOperation | SourceGitOperation | ExecOperation | FileOperation | MergeOperation;
