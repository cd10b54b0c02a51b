import type {Digest} from '../kernel/digest.ts';
import type {ProgressEvent, StatusEvent} from '../kernel/progress-event.ts';
import {endLine, Trace, type TracedVertex} from './trace.ts';
import {formatBytes} from './units.ts';

// BuildKit's rules for when several vertexes run at once: the text stays with one of them, and changes to another when that one was busier for a while.
// https://github.com/moby/buildkit/blob/master/util/progress/progressui/printer.go
const antiFlicker = 5000;
const maximumDelay = 10_000;
const minimumStatusInterval = 5000;
const minimumStatusShare = 0.05;
const printInterval = 150;

/**
The progress of a build as lines of text, in the form of `docker buildx build --progress plain`:

	#5 [2/3] RUN make
	#5 0.212 cc -c main.c
	#5 DONE 0.3s

The lines of vertexes that run at the same time are kept together; `#5 ...` says that others come first.
*/
export class PlainProgress implements Disposable {
	readonly #write: (text: string) => void;
	readonly #printedStatuses = new Map<string, StatusEvent>();
	readonly #timer: NodeJS.Timeout;
	readonly #description: string | undefined;
	#hasPrinted = false;
	#current: Digest | undefined;
	#nextIndex = 1;
	readonly trace = new Trace();

	/** Takes an event. What ends a vertex is shown at once, the rest at the next tick. */
	readonly update = (event: ProgressEvent): void => {
		this.trace.update(event);
		if (event.type === 'vertex' && event.completed !== undefined) {
			this.#print();
		}
	};

	/** `write` takes whole lines; `description` is the line `#0 ...` before the first vertex. */
	constructor(write: (text: string) => void, description?: string) {
		this.#write = write;
		this.#description = description;
		this.#timer = setInterval(() => {
			this.#print();
		}, printInterval);
		this.#timer.unref();
	}

	#print(): void {
		const updated = [...this.trace.updated].map(digest => this.trace.vertexes.get(digest)!);
		const completed = updated.filter(vertex => isDone(vertex)).toSorted((left, right) => left.completed! - right.completed!);
		const running = updated.filter(vertex => !isDone(vertex));
		const shown = this.#current;
		for (const vertex of [...completed.filter(vertex => vertex.digest === shown), ...completed.filter(vertex => vertex.digest !== shown)]) {
			this.#printVertex(vertex);
		}

		if (running.length > 0) {
			this.#printRunning(running, shown !== undefined && completed.some(vertex => vertex.digest === shown));
		} else if (completed.length > 0) {
			this.#returnToRunning(shown);
		}
	}

	/** Of the vertexes that run, shows the current one, or another whose turn it is. */
	#printRunning(running: readonly TracedVertex[], hasCurrentEnded: boolean): void {
		const now = Date.now();
		const current = this.#current === undefined ? undefined : this.trace.vertexes.get(this.#current);
		if (current !== undefined && running.includes(current)) {
			this.#printVertex(current);
		}

		const candidates = current === undefined || running.includes(current) ? running : [...running, current];
		const speeds = candidates.map(vertex => {
			vertex.visibleSince ??= now;
			const visible = now - vertex.visibleSince;
			return {vertex, visible, speed: vertex.updateCount / Math.max(visible, 1)};
		});
		const overdue = speeds.find(({vertex, visible}) => visible > maximumDelay && vertex !== current);
		const busiest = speeds.toSorted((left, right) => right.speed - left.speed)[0]!;
		if (current === undefined || hasCurrentEnded) {
			this.#printVertex((overdue ?? busiest).vertex);
			return;
		}

		if (overdue !== undefined) {
			this.#printVertex(overdue.vertex);
			return;
		}

		const own = speeds.find(({vertex}) => vertex === current)!;
		const share = shareOf(own.speed, speeds.map(({speed}) => speed));
		if (antiFlicker / (1 - Math.min(share, 0.999)) < own.visible) {
			this.#printVertex(busiest.vertex);
		}
	}

	/** After others ended, the view goes back to a vertex that still runs. */
	#returnToRunning(shown: Digest | undefined): void {
		if (shown !== undefined && this.#current === shown) {
			return;
		}

		const open = this.trace.vertexes.values().find(vertex => vertex.started !== undefined && !isDone(vertex));
		if (open !== undefined) {
			this.#printVertex(open);
		}
	}

	#printVertex(vertex: TracedVertex): void {
		this.trace.updated.delete(vertex.digest);
		vertex.index ||= this.#nextIndex++;
		this.#switchTo(vertex);
		const prefix = `#${vertex.index}`;
		const isOpen = this.#printStatuses(vertex, prefix);
		for (const warning of vertex.pendingWarnings.splice(0)) {
			this.#write(`${prefix} WARN: ${warning.short}\n`);
		}

		if (isDone(vertex)) {
			endLine(vertex);
		}

		for (const line of vertex.pendingLines.splice(0)) {
			this.#write(`${prefix} ${line}\n`);
		}

		if (isOpen || !isDone(vertex)) {
			return;
		}

		this.#write(`${prefix} ${outcome(vertex)}\n`);
		this.#current = undefined;
	}

	#switchTo(vertex: TracedVertex): void {
		if (this.#current === vertex.digest) {
			return;
		}

		if (this.#current !== undefined) {
			const previous = this.trace.vertexes.get(this.#current)!;
			previous.updateCount = 0;
			previous.visibleSince = undefined;
			this.#write(`#${previous.index} ...\n`);
		}

		this.#write(`${this.#separator()}#${vertex.index} ${vertex.name}\n`);
		this.#current = vertex.digest;
	}

	/** What stands before a vertex's first line: the description at the very start, then an empty line. */
	#separator(): string {
		if (this.#hasPrinted) {
			return '\n';
		}

		this.#hasPrinted = true;
		return this.#description === undefined ? '' : `#0 ${this.#description}\n\n`;
	}

	/** Shows changed statuses; says whether one is still open. */
	#printStatuses(vertex: TracedVertex, prefix: string): boolean {
		let isOpen = false;
		for (const status of vertex.statuses.values()) {
			if (!vertex.changedStatuses.has(status.id)) {
				continue;
			}

			const key = `${vertex.digest} ${status.id}`;
			if (!isWorthPrinting(status, this.#printedStatuses.get(key))) {
				continue;
			}

			this.#printedStatuses.set(key, status);
			isOpen ||= status.completed === undefined;
			this.#write(`${prefix} ${formatStatus(status)}\n`);
		}

		vertex.changedStatuses.clear();
		return isOpen;
	}

	/** Shows what is left, and the last lines of each step that failed. */
	finish(): void {
		this.#print();
		for (const vertex of this.trace.failures()) {
			const lines = vertex.lastLines.map(line => `${line}\n`).join('');
			this.#write(`------\n > ${vertex.name}:\n${lines}------\n`);
		}
	}

	[Symbol.dispose](): void {
		clearInterval(this.#timer);
	}
}

function shareOf(part: number, parts: readonly number[]): number {
	let total = 0;
	for (const each of parts) {
		total += each;
	}

	return total === 0 ? 0 : part / total;
}

function isDone(vertex: TracedVertex): boolean {
	return vertex.completed !== undefined;
}

function isWorthPrinting(status: StatusEvent, last: StatusEvent | undefined): boolean {
	if (last === undefined || status.completed !== undefined) {
		return true;
	}

	const share = status.total > 0 ? (status.current - last.current) / status.total : 0;
	return share >= minimumStatusShare || status.timestamp - last.timestamp >= minimumStatusInterval;
}

/** `sha256:ab… 1.05MB / 3.20MB 0.5s done`, as in BuildKit. */
export function formatStatus({id, current, total, started, completed, timestamp}: StatusEvent): string {
	const bytes = total === 0 ? (current === 0 ? '' : ` ${formatBytes(current)}`) : ` ${formatBytes(current)} / ${formatBytes(total)}`;
	const seconds = started === undefined ? 0 : ((completed ?? timestamp) - started) / 1000;
	return `${id}${bytes}${seconds > 0.01 ? ` ${seconds.toFixed(1)}s` : ''}${completed === undefined ? '' : ' done'}`;
}

function outcome(vertex: TracedVertex): string {
	if (vertex.canceled) {
		return 'CANCELED';
	}

	if (vertex.error !== undefined) {
		return `ERROR: ${vertex.error}`;
	}

	return vertex.cached ? 'CACHED' : `DONE ${((vertex.completed! - (vertex.started ?? vertex.completed!)) / 1000).toFixed(1)}s`;
}
