/**
Does several things at once. When one of them fails, the others are ended, and waited for.

@throws the first failure; the reason of `signal`
*/
export async function together(works: ReadonlyArray<(signal: AbortSignal) => Promise<unknown>>, signal: AbortSignal): Promise<void> {
	const others = new AbortController();
	const either = AbortSignal.any([signal, others.signal]);
	const failures: unknown[] = [];
	await Promise.all(works.map(async work => {
		try {
			await work(either);
		} catch (error) {
			failures.push(error);
			others.abort(error);
		}
	}));
	if (failures.length > 0) {
		throw failures[0];
	}
}
