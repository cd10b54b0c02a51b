/**
Waits for what several may wait for: who gives it up does not end it for the others.

@throws what `promise` rejects with; the reason of `signal`, at once
*/
export async function abortable<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
	if (signal === undefined) {
		return promise;
	}

	const aborted = Promise.withResolvers<never>();
	const abort = () => {
		aborted.reject(signal.reason);
	};

	signal.addEventListener('abort', abort);
	if (signal.aborted) {
		abort();
	}

	try {
		return await Promise.race([aborted.promise, promise]);
	} finally {
		signal.removeEventListener('abort', abort);
	}
}
