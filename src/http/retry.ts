import {setTimeout as delay} from 'node:timers/promises';
import {errorCode, errorMessage} from '../kernel/errors.ts';
import {StatusError} from './status-error.ts';

/** A server is left alone for a while, and then asked again. */
export type RetryNotice = {
	/** As users call it: `docker.io`. */
	readonly domain: string;
	/** The message of what went wrong. */
	readonly reason: string;
	readonly seconds: number;
};

/** How long and how often is waited. */
export type RetryPolicy = {
	/** Attempts at the same thing, the first included; two at most at what is answered by silence. What has made progress begins to count anew. */
	readonly attempts: number;
	/** Before the second attempt; twice as long before each later one. */
	readonly firstMilliseconds: number;
	/** Longest wait, also when the server asks for more: then the error is told at once. */
	readonly maximumMilliseconds: number;
};

export type RetryOptions = {
	readonly domain: string;
	readonly policy: RetryPolicy;
	readonly onRetry: (notice: RetryNotice) => void;
	readonly signal?: AbortSignal | undefined;
};

// What passes by itself. 500 is among them for containerd too.
// https://github.com/containerd/containerd/blob/v2.1.0/core/remotes/docker/resolver.go
const passingStatuses: ReadonlySet<number | undefined> = new Set([408, 429, 500, 502, 503, 504]);

// Who keeps silent has cost a minute already. Another connection may be better than one that was kept too long; if not, that is the answer.
const maximumSilences = 2;

/**
Does something until it succeeds, fails for good, or has failed too often.

@throws the last error; the reason of `signal`
*/
export async function withRetries<Result>(action: () => Promise<Result>, options: RetryOptions): Promise<Result> {
	const attempts = new Attempts(options);
	for (;;) {
		try {
			return await action();
		} catch (error) {
			await attempts.waitAfter(error);
		}
	}
}

/** The count of attempts at one thing. */
export class Attempts {
	readonly #options: RetryOptions;
	#failures = 0;

	constructor(options: RetryOptions) {
		this.#options = options;
	}

	/** Exponential, and not the same for all who were cut off at once; longer if the server says so. */
	#waitingTime(error: unknown): number {
		const {firstMilliseconds, maximumMilliseconds} = this.#options.policy;
		const {retryAfterSeconds = 0} = error instanceof StatusError ? error : {};
		const own = Math.min(firstMilliseconds * (2 ** this.#failures), maximumMilliseconds) * (0.75 + (Math.random() / 4));
		return Math.max(retryAfterSeconds * 1000, own);
	}

	/** Something was achieved: what fails from now on fails for the first time. */
	reset(): void {
		this.#failures = 0;
	}

	/**
	Returns when it is time for the next attempt.

	@param error - what ended the last one
	@param isWorthwhile - may another succeed? By default after what passes by itself
	@throws the error itself when there is to be none; the reason of `signal`
	*/
	async waitAfter(error: unknown, isWorthwhile = isPassing(error)): Promise<void> {
		const {domain, policy, onRetry, signal} = this.#options;
		signal?.throwIfAborted();
		const milliseconds = this.#waitingTime(error);
		this.#failures++;
		const attempts = errorCode(error) === 'ERR_TSBUILD_NETWORK_TIMEOUT' ? Math.min(policy.attempts, maximumSilences) : policy.attempts;
		if (!isWorthwhile || this.#failures >= attempts || milliseconds > policy.maximumMilliseconds) {
			throw error;
		}

		onRetry({domain, reason: errorMessage(error), seconds: milliseconds / 1000});
		await waitFor(milliseconds, signal);
	}
}

/** Is it a failure that may pass by itself? */
export function isPassing(error: unknown): boolean {
	const code = errorCode(error);
	return code === 'ERR_TSBUILD_NETWORK_CUT'
		|| code === 'ERR_TSBUILD_NETWORK_TIMEOUT'
		|| (error instanceof StatusError && passingStatuses.has(error.status));
}

async function waitFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	try {
		await delay(milliseconds, undefined, {signal});
	} catch (error) {
		signal?.throwIfAborted();
		throw error;
	}
}

/**
The value of `Retry-After`: seconds, or a date.

@returns seconds from now; `undefined` when there is none or it means nothing
@see https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
*/
export function parseRetryAfter(header: string | undefined): number | undefined {
	if (header === undefined || header.trim() === '') {
		return undefined;
	}

	if (/^\d+$/v.test(header.trim())) {
		return Number(header);
	}

	const time = Date.parse(header);
	return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1000);
}
