import type {Digest} from './digest.ts';
import type {ExecutionReason} from './execution-reason.ts';

/*
What a build tells about itself while it runs: the four kinds of BuildKit's solve status, one event each, and one of our own. Renderers (plain, tty, rawjson, quiet) read these and nothing else.

Times are milliseconds since the epoch, with a fraction.
*/

/** A vertex began, ended, or was found in the cache. Later events of the same digest replace earlier ones. */
export type VertexEvent = {
	readonly type: 'vertex';
	readonly digest: Digest;
	readonly name: string;
	readonly inputs: readonly Digest[];
	readonly started?: number;
	readonly completed?: number;
	readonly cached?: boolean;
	/** The message with which the vertex failed. */
	readonly error?: string;
	/** The vertex did not fail itself, it was ended because of another. */
	readonly canceled?: boolean;
	/** Of a step that ran in a container and has ended, well or not. */
	readonly usage?: StepUsage | undefined;
};

/** What the processes of a step have used. */
export type StepUsage = {
	/** Bytes of memory at the highest. */
	readonly peakMemory: number;
	/** Microseconds of CPU time. */
	readonly userTime: number;
	readonly systemTime: number;
	/** Bytes that were read from disks, and that were written to be put there. */
	readonly bytesRead: number;
	readonly bytesWritten: number;
	/** Processes and threads at the most, if a cgroup could tell. */
	readonly peakProcesses?: number;
};

/** A part of a vertex's work with an amount, such as `transferring context: 1.2MB`. */
export type StatusEvent = {
	readonly type: 'status';
	readonly vertex: Digest;
	readonly id: string;
	/** Bytes done. */
	readonly current: number;
	/** Bytes in all; 0 when not known. */
	readonly total: number;
	readonly timestamp: number;
	readonly started?: number;
	readonly completed?: number;
};

/** Output of a step. */
export type LogEvent = {
	readonly type: 'log';
	readonly vertex: Digest;
	readonly stream: 'stdout' | 'stderr';
	readonly data: Uint8Array;
	readonly timestamp: number;
};

/** A warning that belongs to a vertex, such as a check of the Dockerfile. */
export type WarningEvent = {
	readonly type: 'warning';
	readonly vertex: Digest;
	/** `RuleName: text (line N)`. */
	readonly short: string;
	readonly detail: readonly string[];
	readonly url?: string;
	readonly file?: string;
	/** What is in the file. */
	readonly content?: Uint8Array;
	/** Lines from 1; the end is included. */
	readonly lines?: ReadonlyArray<{readonly start: number; readonly end: number}>;
};

/** Why a vertex was executed. It comes when the build is over, for who asked for it. */
export type ExplanationEvent = {
	readonly type: 'explanation';
	readonly vertex: Digest;
	/** Of the vertex. */
	readonly name: string;
	/** At least one. */
	readonly reasons: readonly ExecutionReason[];
};

export type ProgressEvent = VertexEvent | StatusEvent | LogEvent | WarningEvent | ExplanationEvent;

/** Takes every event of a build, in order. It must not throw. */
export type ProgressSink = (event: ProgressEvent) => void;
