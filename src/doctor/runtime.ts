import process from 'node:process';
import type {Finding, Patient} from './finding.ts';

// When this was written: no clock that is right shows less.
const earliestNow = Date.UTC(2026, 0, 1);

/** What tsbuild itself runs on: Node.js, and a clock that certificates and images can be judged by. */
export async function examineRuntime(_patient: Patient): Promise<readonly Finding[]> {
	return [
		{status: 'ok', topic: 'node', summary: `Node.js ${process.versions.node}, ${process.execPath}`},
		examineClock(Date.now()),
	];
}

/**
Whether the time can be right.

@param now milliseconds since the epoch
*/
export function examineClock(now: number): Finding {
	const time = new Date(now).toISOString().replace(/\.\d+Z$/v, 'Z');
	return now >= earliestNow
		? {status: 'ok', topic: 'clock', summary: time}
		: {
			status: 'warning',
			topic: 'clock',
			summary: `${time} is in the past`,
			advice: 'Set the clock: else no registry\'s certificate is valid, and images get times that are wrong.',
		};
}
