import {Buffer} from 'node:buffer';
import type {LogEvent, ProgressSink} from '../kernel/progress-event.ts';

/** How much output of each stream of a step is shown; nothing is cut where there is no limit. */
export type LogLimits = {
	/** Bytes in all. */
	readonly size?: number;
	/** Bytes per second. */
	readonly speed?: number;
};

/**
The limits that `$BUILDKIT_STEP_LOG_MAX_SIZE` and `$BUILDKIT_STEP_LOG_MAX_SPEED` set, in bytes and bytes per second. What is not a whole number is no limit, and -1 is none either.

@see https://docs.docker.com/build/building/variables/
*/
export function readLogLimits({BUILDKIT_STEP_LOG_MAX_SIZE, BUILDKIT_STEP_LOG_MAX_SPEED}: Readonly<Record<string, string | undefined>>): LogLimits {
	const size = readLimit(BUILDKIT_STEP_LOG_MAX_SIZE);
	const speed = readLimit(BUILDKIT_STEP_LOG_MAX_SPEED);
	return {...(size !== undefined && {size}), ...(speed !== undefined && {speed})};
}

function readLimit(text = ''): number | undefined {
	return /^\d{1,15}$/v.test(text) ? Number(text) : undefined;
}

type Stream = {readonly begun: number; size: number; isClipped: boolean};

/**
Cuts the output of steps that exceeds the limits, and says so once, as BuildKit does.

@see https://github.com/moby/buildkit/blob/master/util/progress/logs/logs.go
*/
export function limitLogs(sink: ProgressSink, limits: LogLimits): ProgressSink {
	if (limits.size === undefined && limits.speed === undefined) {
		return sink;
	}

	const streams = new Map<string, Stream>();
	return event => {
		if (event.type !== 'log') {
			sink(event);
			return;
		}

		const key = `${event.vertex} ${event.stream}`;
		const stream = streams.get(key) ?? {begun: event.timestamp, size: 0, isClipped: false};
		streams.set(key, stream);
		const data = clip(event, stream, limits);
		if (data.length > 0) {
			sink({...event, data});
		}
	};
}

function clip({data, timestamp}: LogEvent, stream: Stream, limits: LogLimits): Uint8Array {
	const {bytes, reason} = allowance(limits, timestamp - stream.begun);
	const kept = data.subarray(0, Math.max(bytes - stream.size, 0));
	stream.size += data.length;
	const isClipped = kept.length < data.length;
	const isNew = isClipped && !stream.isClipped;
	stream.isClipped = isClipped;
	return isNew ? Buffer.concat([kept, Buffer.from(`\n[output clipped, log limit ${reason} reached]\n`)]) : kept;
}

/** How many bytes a stream may have had by now, and which limit says so. */
function allowance({size = Infinity, speed = Infinity}: LogLimits, elapsed: number): {readonly bytes: number; readonly reason: string} {
	const begunSeconds = Math.max(Math.ceil(elapsed / 1000), 1);
	const bySpeed = begunSeconds * speed;
	return bySpeed > size ? {bytes: size, reason: formatLimit(size)} : {bytes: bySpeed, reason: `${formatLimit(speed)}/s`};
}

/** `200KiB`: powers of 1024, as many digits as it takes. */
function formatLimit(bytes: number): string {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
	return `${Number((bytes / (1024 ** power)).toPrecision(6))}${units[power]!}`;
}
