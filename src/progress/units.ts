const steps = ['B', 'kB', 'MB', 'GB', 'TB'];

/**
An amount of bytes for people, in powers of 1000: `62B`, `1.06kB`, `80.02MB`.

@see https://pkg.go.dev/github.com/tonistiigi/units
*/
export function formatBytes(bytes: number): string {
	let amount = bytes;
	let step = 0;
	while (amount >= 1000 && step < steps.length - 1) {
		amount /= 1000;
		step++;
	}

	return `${step === 0 ? amount : amount.toFixed(2)}${steps[step]!}`;
}

/** Seconds with as many digits as a log line has: three below 10 s, two below 100 s, else one. */
export function formatLogTime(milliseconds: number): string {
	const seconds = milliseconds / 1000;
	return seconds < 10 ? seconds.toFixed(3) : seconds.toFixed(seconds < 100 ? 2 : 1);
}
