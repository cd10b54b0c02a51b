import type {ProgressEvent, StatusEvent} from '../kernel/progress-event.ts';
import {totalSeconds} from './intervals.ts';
import {LogLines} from './log-lines.ts';
import {formatStatus, isWorthShowing} from './status-line.ts';
import {endOf, startOf, type TracedVertex} from './trace.ts';

/** How many lines of a failed step are repeated at the end of the build. */
const repeatedLogLines = 10;

/** A vertex in plain progress: what of it was shown, and what was not. */
export class PlainVertex {
	readonly #log: LogLines;
	readonly #changedStatuses = new Set<string>();
	readonly #shownStatuses = new Map<string, StatusEvent>();
	#shownWarnings = 0;
	/** The part of the open line that stands at the end of the output. */
	#shownOpenLine = '';
	/** The last lines, for the summary of a failure. */
	readonly lastLines: string[] = [];
	readonly traced: TracedVertex;
	/** Updates since the vertex came out of view, and when the first came: the busiest is shown when several run at once. */
	updateCount = 0;
	updatedSince = 0;
	/** The number it is shown with; 0 until it is shown for the first time. */
	index = 0;

	constructor(traced: TracedVertex, {colors}: {readonly colors: boolean}) {
		this.traced = traced;
		this.#log = new LogLines({colors});
	}

	#takeStatuses(): readonly StatusEvent[] {
		const news = this.traced.statuses.entries()
			.filter(([id, status]) => this.#changedStatuses.has(id) && isWorthShowing(status, this.#shownStatuses.get(id)))
			.toArray();
		for (const [id, status] of news) {
			this.#shownStatuses.set(id, status);
		}

		this.#changedStatuses.clear();
		return news.map(([, status]) => status);
	}

	#takeLog(): string {
		if (this.isDone) {
			this.#log.endLine();
		}

		const lines = this.#log.take();
		this.lastLines.push(...lines.slice(-repeatedLogLines));
		this.lastLines.splice(0, this.lastLines.length - repeatedLogLines);
		return lines.map(line => `${this.#continueLine(line)}\n`).join('') + this.#takeOpenLine();
	}

	/** Writes a line to its end; a part of it may have been shown. */
	#continueLine(line: string): string {
		const shown = this.#shownOpenLine;
		this.#shownOpenLine = '';
		return shown !== '' && line.startsWith(shown) ? line.slice(shown.length) : `${shown === '' ? '' : '\n'}#${this.index} ${line}`;
	}

	/** Shows the start of a line as long as nothing can change it: a prompt, or dots for what is done. */
	#takeOpenLine(): string {
		const line = this.#log.settledLine;
		if (line === '' || line === this.#shownOpenLine) {
			return '';
		}

		const text = this.#continueLine(line);
		this.#shownOpenLine = line;
		return text;
	}

	/** How much output waits to be shown, in UTF-16 units. */
	get pendingSize(): number {
		return this.#log.size;
	}

	get isDone(): boolean {
		return endOf(this.traced) !== undefined;
	}

	get isRunning(): boolean {
		return startOf(this.traced) !== undefined && !this.isDone;
	}

	get hasOpenLine(): boolean {
		return this.#shownOpenLine !== '';
	}

	/** Takes an event of this vertex. */
	update(event: ProgressEvent, now: number): void {
		if (this.updateCount === 0) {
			this.updatedSince = now;
		}

		this.updateCount++;
		if (event.type === 'status') {
			this.#changedStatuses.add(event.id);
		} else if (event.type === 'log') {
			this.#log.append(event, startOf(this.traced) ?? event.timestamp);
		}
	}

	/** What is new, without the end: whole lines, and perhaps the start of one. */
	takeNews(): string {
		const prefix = `#${this.index}`;
		const statuses = this.#takeStatuses().map(status => `${prefix} ${formatStatus(status)}\n`);
		const warnings = this.traced.warnings.slice(this.#shownWarnings).map(({short}) => `${prefix} WARN: ${short}\n`);
		this.#shownWarnings = this.traced.warnings.length;
		const notes = [...statuses, ...warnings].join('');
		return notes === '' ? this.#takeLog() : this.leaveOpenLine() + notes + this.#takeLog();
	}

	/** Ends the line that stands at the end of the output. It is repeated when the vertex comes back. */
	leaveOpenLine(): string {
		const text = this.hasOpenLine ? '\n' : '';
		this.#shownOpenLine = '';
		return text;
	}

	/** The last line of the vertex. */
	formatOutcome(): string {
		const {canceled, error, cached, intervals} = this.traced;
		if (canceled) {
			return 'CANCELED';
		}

		if (error !== undefined) {
			return `ERROR: ${error}`;
		}

		return cached ? 'CACHED' : `DONE ${totalSeconds(intervals, 0).toFixed(1)}s`;
	}
}
