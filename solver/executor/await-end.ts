import {TsbuildError} from '../../src/kernel/errors.ts';
import type {ProgramEnd, StartedProgram} from '../../src/linux/child-process.ts';

/** When a program is killed. */
export type EndOptions = {
	readonly signal?: AbortSignal | undefined;
	/** Milliseconds from now. */
	readonly time?: number | undefined;
	/** Milliseconds that it may take to end when it was killed. */
	readonly patience?: number;
};

// A process that waits for a disk or a network file system ends when that answers, which mostly takes less.
const defaultPatience = 10_000;

// https://nodejs.org/api/timers.html#settimeoutcallback-delay-args: 25 days; more would be taken for 1.
const longestTimer = (2 ** 31) - 1;

/**
Waits for the end of a program, which is killed (SIGKILL) when its time is over or the signal is aborted.

@throws {TsbuildError} `ERR_TSBUILD_PROCESS_STUCK` when it does not even end then: it is left to the kernel, which ends it as soon as it can
*/
export async function awaitEnd(program: StartedProgram, {signal, time, patience = defaultPatience}: EndOptions): Promise<ProgramEnd & {readonly outOfTime: boolean}> {
	const {promise: stuck, reject} = Promise.withResolvers<never>();
	using timers = new DisposableStack();
	let isOutOfTime = false;
	const kill = () => {
		program.kill();
		timers.use(setTimeout(() => {
			reject(stuckError(patience));
		}, patience));
	};

	if (time !== undefined) {
		timers.use(setTimeout(() => {
			isOutOfTime = true;
			kill();
		}, Math.min(time, longestTimer)));
	}

	signal?.addEventListener('abort', kill);
	try {
		const end = await Promise.race([program.ended, stuck]);
		return {...end, outOfTime: isOutOfTime};
	} finally {
		signal?.removeEventListener('abort', kill);
		program.abandon();
	}
}

function stuckError(patience: number): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_PROCESS_STUCK', `failed to end the step: its process has not ended ${patience / 1000} s after SIGKILL`, {
		hint: 'It waits in the kernel, mostly for a disk or a network file system, and ends when that answers. The next build removes what is left.',
	});
}
