import {formatAmount} from './status-line.ts';
import {mergeIntervals, totalSeconds} from './intervals.ts';
import type {ColoredState} from './terminal-colors.ts';
import type {TerminalVertex} from './terminal-vertex.ts';
import {cutToWidth, padToWidth, widthOf} from './text-width.ts';
import {endOf, type TracedVertex} from './trace.ts';

/** One row of the terminal display. */
export type Row = {
	readonly name: string;
	/** How far it is, such as `1.05MB / 3.20MB`. */
	readonly amount: string;
	readonly seconds: number;
	readonly isRunning: boolean;
	/** What colour it has, if any. */
	readonly state: ColoredState | undefined;
	/** The vertex whose output may follow. */
	readonly vertex?: TerminalVertex;
};

// Shorter times are shown as none, in seconds.
const shortestTime = 0.05;

// A row has to have room for so many columns of its name, and the amount is shown where so many are left for both.
// https://github.com/moby/buildkit/blob/master/util/progress/progressui/display.go (ttyDisplay.print)
const minimumNameWidth = 12;
const minimumAmountRoom = 20;

/** The rows of a vertex: its own, one for each status and one for each warning. */
export function rowsOf(vertex: TerminalVertex, now: number): readonly Row[] {
	const {traced} = vertex;
	const seconds = totalSeconds(traced.intervals, now);
	const isRunning = endOf(traced) === undefined;
	return [
		{
			name: markedName(traced).replaceAll('\t', ' '), amount: '', seconds, isRunning, state: isRunning ? undefined : stateOf(traced), vertex,
		},
		...traced.statuses.values().map(status => ({
			name: `=> ${status.id}`,
			amount: formatAmount(status),
			seconds: totalSeconds(mergeIntervals(new Map([[status.started ?? status.timestamp, status.completed]])), now),
			isRunning: status.completed === undefined && isRunning,
			state: status.completed === undefined ? undefined : 'run' as const,
		})),
		...traced.warnings.map(({short}) => ({
			name: `WARN: ${short}`, amount: '', seconds: totalSeconds(traced.intervals.slice(-1), now), isRunning: false, state: undefined,
		})),
	];
}

/** A row as text, one column narrower than the terminal, or nothing when there is too little room. */
export function formatRow({name, amount, seconds}: Pick<Row, 'name' | 'amount' | 'seconds'>, width: number): string {
	const prefix = ' => ';
	const timer = ` ${(seconds < shortestTime ? 0 : seconds).toFixed(1)}s`;
	const room = width - prefix.length - timer.length - 2;
	const hasAmount = amount !== '' && room + amount.length > minimumAmountRoom;
	const nameWidth = hasAmount ? room - amount.length - 1 : room;
	if (nameWidth < minimumNameWidth) {
		return '';
	}

	const text = prefix + cutToWidth(name, nameWidth) + (hasAmount ? ` ${amount}` : '');
	return alignRight(text, timer, width - 1);
}

/** Two texts at the left and right end of some columns, at least one space apart. */
export function alignRight(left: string, right: string, width: number): string {
	return `${padToWidth(left, width - widthOf(right) - 1)} ${right}`;
}

/**
Chooses the rows for a terminal that has room for some: the last ones, and in their place those that still run.
*/
export function fitRows(rows: readonly Row[], limit: number): readonly Row[] {
	if (rows.length <= limit) {
		return rows;
	}

	const visible = rows.slice(rows.length - Math.max(limit, 0));
	const hidden = rows.slice(0, rows.length - visible.length).filter(row => row.isRunning);
	const replaced = new Set(visible.filter(row => !row.isRunning).slice(0, hidden.length));
	const kept = visible.filter(row => !replaced.has(row));
	return [...hidden.slice(hidden.length - replaced.size), ...kept];
}

function markedName(vertex: TracedVertex): string {
	const {name, cached, error, canceled} = vertex;
	const marks = [
		...(cached ? ['CACHED'] : []),
		...(canceled ? ['CANCELED'] : []),
		...(error !== undefined && !canceled ? ['ERROR'] : []),
	];
	return [...marks, name].join(' ');
}

function stateOf({canceled, error}: TracedVertex): ColoredState {
	if (canceled) {
		return 'cancel';
	}

	return error === undefined ? 'run' : 'error';
}
