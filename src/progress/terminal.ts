import type {Digest} from '../kernel/digest.ts';
import type {ProgressEvent, WarningEvent} from '../kernel/progress-event.ts';
import type {Clock, Ticker} from './clock.ts';
import {
	idleDisplayInterval,
	minimumDisplayInterval,
	type DisplayOptions,
	type ProgressDisplay,
} from './display.ts';
import type {TerminalColors} from './terminal-colors.ts';
import {
	alignRight,
	fitRows,
	formatRow,
	rowsOf,
	type Row,
} from './terminal-rows.ts';
import {TerminalVertex} from './terminal-vertex.ts';
import {cutToWidth, padToWidth} from './text-width.ts';
import {endOf, hasFailed, Trace} from './trace.ts';

/** The size of a terminal; it may change at any time. 0 is not known. */
export type TerminalSize = {readonly columns: number; readonly rows: number};

export type TerminalOptions = DisplayOptions & {
	readonly size: () => TerminalSize;
	readonly terminalColors: TerminalColors;
	/** How many rows of its output a running step shows at most. */
	readonly logRows: number;
	/** What stands at the right end of the first row. */
	readonly description?: string;
};

// https://en.wikipedia.org/wiki/ANSI_escape_code
const escape = String.fromCodePoint(0x1B);
const hideCursor = `${escape}[?25l`;
const showCursor = `${escape}[?25h`;
const eraseToEndOfLine = `${escape}[K`;
const eraseBelow = `${escape}[J`;
const faint = '2';

// https://github.com/moby/buildkit/blob/master/util/progress/progressui/display.go (ttyDisplay, setupTerminals)
const defaultSize: TerminalSize = {columns: 80, rows: 10};
const logMargin = 10;
const leastLogRows = 6;
const rowsAroundLog = 3;

/**
The progress of a build as a view that is drawn again and again in place, in the form of `docker buildx build --progress tty`:

	[+] Building 4.2s (5/9)
	 => [1/3] FROM docker.io/library/busybox      0.0s
	 => [2/3] RUN make                            1.2s
	 => => # cc -c main.c

@see https://github.com/moby/buildkit/blob/master/util/progress/progressui/display.go
*/
export class TerminalDisplay implements ProgressDisplay {
	readonly #options: TerminalOptions;
	readonly #clock: Clock;
	readonly #ticker: Ticker;
	readonly #trace = new Trace();
	readonly #vertexes = new Map<Digest, TerminalVertex>();
	/** How many rows of the terminal the last frame took. */
	#drawnRows = 0;
	#lastDisplay = -Infinity;

	readonly update = (event: ProgressEvent): void => {
		const traced = this.#trace.update(event);
		if (traced !== undefined) {
			const vertex = this.#vertexes.get(traced.digest) ?? new TerminalVertex(traced, this.#options);
			this.#vertexes.set(traced.digest, vertex);
			if (event.type === 'log') {
				vertex.addLog(event);
			} else if (endOf(traced) !== undefined) {
				vertex.end();
			}
		}

		this.#ticker.restart();
		const now = this.#clock.now();
		if (!(now - this.#lastDisplay >= minimumDisplayInterval)) {
			return;
		}

		this.#lastDisplay = now;
		this.#draw();
	};

	/** Shows text above the view. */
	readonly message = (text: string): void => {
		// Row by row: some terminals keep what is erased at once from their first row on.
		this.#options.write(this.#moveToTop() + text.split('\n').join(`${eraseToEndOfLine}\n`));
		this.#drawnRows = 0;
		this.#draw();
	};

	/** Draws all rows, however many, and the whole output of each step that failed. */
	readonly finish = (): void => {
		this.#draw({isLast: true});
		const failures = this.#trace.started.filter(vertex => hasFailed(vertex));
		for (const {digest, name} of failures) {
			this.#options.write(`------\n > ${name}:\n${this.#vertexes.get(digest)!.formatLog()}------\n`);
		}
	};

	constructor(options: TerminalOptions) {
		this.#options = options;
		this.#clock = options.clock;
		this.#ticker = options.clock.every(idleDisplayInterval, () => {
			this.#draw();
		});
	}

	#moveToTop(): string {
		return this.#drawnRows === 0 ? '' : `${escape}[${this.#drawnRows}A\r`;
	}

	#draw({isLast = false}: {readonly isLast?: boolean} = {}): void {
		// The next view shows all that this one would.
		const isSkipped = !isLast && this.#options.isBehind?.() === true;
		if (isSkipped || this.#trace.vertexes.size === 0) {
			return;
		}

		const size = this.#options.size();
		const {columns, rows: height} = size.columns > 0 && size.rows > 0 ? size : defaultSize;
		const lines = [this.#formatHeader(columns, isLast), ...this.#formatRows({columns, height, isLast})];
		const frame = lines.map(line => `${line}${eraseToEndOfLine}\n`).join('');
		// In one piece, so that the cursor is never left hidden.
		this.#options.write(`${this.#moveToTop()}${hideCursor}${frame}${eraseBelow}${showCursor}`);
		this.#drawnRows = lines.length;
	}

	#formatHeader(columns: number, isLast: boolean): string {
		const [first] = this.#trace.started;
		const seconds = first === undefined ? 0 : (this.#clock.now() - first.intervals[0]!.start) / 1000;
		const total = this.#trace.vertexes.size;
		const completed = this.#trace.started.filter(vertex => endOf(vertex) !== undefined).length;
		const state = isLast && completed === total && total > 0 ? 'FINISHED' : '';
		const text = `[+] Building ${Math.max(seconds, 0).toFixed(1)}s (${completed}/${total}) ${state}`;
		return cutToWidth(alignRight(text, this.#options.description ?? '', columns - 1), columns - 1);
	}

	#formatRows({columns, height, isLast}: {readonly columns: number; readonly height: number; readonly isLast: boolean}): readonly string[] {
		const now = this.#clock.now();
		const rows = this.#trace.started.flatMap(({digest}) => rowsOf(this.#vertexes.get(digest)!, now));
		const logs = this.#chooseLogs(rows, {columns, height});
		const hiddenRows = logs.values().reduce((count, log) => count + log.length, 0);
		const fitting = isLast ? rows : fitRows(rows, height - 2 - hiddenRows);
		return fitting.flatMap(row => {
			const text = formatRow(row, columns);
			const log = (row.vertex === undefined ? undefined : logs.get(row.vertex)) ?? [];
			return text === '' ? [] : [this.#color(text, row.state === undefined ? undefined : this.#options.terminalColors[row.state]), ...log];
		});
	}

	/** The output of those running steps that there is room for, those with most output first. */
	#chooseLogs(rows: readonly Row[], {columns, height}: {readonly columns: number; readonly height: number}): ReadonlyMap<TerminalVertex, readonly string[]> {
		const logs = new Map<TerminalVertex, readonly string[]>();
		const logRows = Math.min(this.#options.logRows, Math.max(leastLogRows, height - leastLogRows - 1));
		let freeRows = height - 2 - rows.filter(row => row.isRunning).length;
		const candidates = rows.flatMap(({vertex, isRunning}) => isRunning && vertex?.hasOutput === true ? [vertex] : []);
		for (const vertex of candidates.toSorted((left, right) => right.weight - left.weight)) {
			if (freeRows <= logRows + rowsAroundLog) {
				break;
			}

			freeRows -= logRows + rowsAroundLog;
			vertex.shownFrames++;
			const width = Math.max(columns - logMargin, 1);
			logs.set(vertex, vertex.lastRows({width, height: logRows}).map(row => this.#color(` => => # ${padToWidth(row, width)}`, faint)));
		}

		return logs;
	}

	#color(text: string, attributes: string | undefined): string {
		return attributes === undefined ? text : `${escape}[${attributes}m${text}${escape}[0m`;
	}

	get warnings(): readonly WarningEvent[] {
		return this.#trace.warnings;
	}

	[Symbol.dispose](): void {
		this.#ticker[Symbol.dispose]();
	}
}
