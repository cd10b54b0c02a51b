import type {StatusEvent} from '../kernel/progress-event.ts';
import {formatBytes} from './units.ts';

// A status that changed is shown again once it went on by this share, or after this time in milliseconds.
// https://github.com/moby/buildkit/blob/master/util/progress/progressui/printer.go
const minimumShare = 0.05;
const minimumInterval = 5000;

// Shorter times are not told, in milliseconds.
const shortestTime = 10;

/** `1.05MB / 3.20MB`, or what is known of it; empty for a status without an amount. */
export function formatAmount({current, total}: StatusEvent): string {
	if (total !== 0) {
		return `${formatBytes(current)} / ${formatBytes(total)}`;
	}

	return current === 0 ? '' : formatBytes(current);
}

/** `sha256:ab… 1.05MB / 3.20MB 0.5s done`, as in BuildKit. */
export function formatStatus(status: StatusEvent): string {
	const {id, started, completed, timestamp} = status;
	const amount = formatAmount(status);
	const time = started === undefined ? 0 : (completed ?? timestamp) - started;
	const words = [id, amount, time > shortestTime ? `${(time / 1000).toFixed(1)}s` : '', completed === undefined ? '' : 'done'];
	return words.filter(word => word !== '').join(' ');
}

/** Whether a status has news since it was last shown. */
export function isWorthShowing(status: StatusEvent, last: StatusEvent | undefined): boolean {
	if (last === undefined || status.completed !== undefined) {
		return true;
	}

	const share = status.total > 0 ? (status.current - last.current) / status.total : 0;
	return share >= minimumShare || status.timestamp - last.timestamp >= minimumInterval;
}
