import type {GitReference} from '../kernel/git-reference.ts';

/** Bytes that can be read once, such as those of standard input. */
export type ByteStream = {
	readonly type: 'stream';
	readonly read: () => AsyncIterable<Uint8Array>;
};

/** Where the files of a build are. A stream is an archive of them, or a Dockerfile without any. */
export type ContextSource =
	ByteStream | {readonly type: 'directory'; readonly path: string} | {readonly type: 'git'; readonly reference: GitReference} | {readonly type: 'http'; readonly url: string};

/** Where the Dockerfile is. A path is one inside of a context that is no directory of this machine. */
export type DockerfileSource = ByteStream | {readonly type: 'path'; readonly path: string} | {readonly type: 'http'; readonly url: string};
