import type {LogEvent} from '../kernel/progress-event.ts';
import {cleanLine} from './clean-text.ts';
import {LogLines} from './log-lines.ts';
import {RecentLines} from './recent-lines.ts';
import {expandTabs, wrapToWidth} from './text-width.ts';
import {
	endOf,
	hasFailed,
	startOf,
	type TracedVertex,
} from './trace.ts';

// What a frame in which the output was shown counts against output in bytes, when it is chosen whose output is shown.
// https://github.com/moby/buildkit/blob/master/util/progress/progressui/display.go (setupTerminals)
const bytesPerFrame = 50;

/** Columns and rows. */
type Window = {readonly width: number; readonly height: number};

/** A vertex in the terminal display, with the last of its output. */
export class TerminalVertex {
	readonly #log: LogLines;
	readonly #recent = new RecentLines();
	#bytes = 0;
	readonly traced: TracedVertex;
	/** In how many frames its output was shown. */
	shownFrames = 0;

	constructor(traced: TracedVertex, {colors}: {readonly colors: boolean}) {
		this.traced = traced;
		this.#log = new LogLines({colors});
	}

	get hasOutput(): boolean {
		return this.#bytes > 0;
	}

	/** The higher, the sooner its output is shown. */
	get weight(): number {
		return this.#bytes + (this.shownFrames * bytesPerFrame);
	}

	addLog(event: LogEvent): void {
		this.#log.append(event, startOf(this.traced) ?? event.timestamp);
		this.#recent.add(this.#log.take());
		this.#bytes += event.data.length;
	}

	/** After the end only the output of failed steps is still of use. */
	end(): void {
		this.#log.endLine();
		this.#recent.add(this.#log.take());
		if (endOf(this.traced) !== undefined && !hasFailed(this.traced)) {
			this.#recent.clear();
		}
	}

	/** The last rows of output for a window of some columns and rows, without empty ones. */
	lastRows({width, height}: Window): readonly string[] {
		const open = this.#log.openLine;
		const lines = [...this.#recent.last(height), ...(open === '' ? [] : [open])];
		return lines
			.map(line => cleanLine(lastPart(withoutTime(line), {width, height})))
			.flatMap(line => wrapToWidth(expandTabs(line), width))
			.slice(-height)
			.filter(row => row.trim() !== '');
	}

	/** All of the output that was kept, whole lines. */
	formatLog(): string {
		const {dropped} = this.#recent;
		const notice = dropped === 0 ? [] : [`[${dropped} earlier lines left out]`];
		return [...notice, ...this.#recent.all()].map(line => `${line}\n`).join('');
	}
}

/** The end of a line: whole rows, as many as a window has of that many columns, and one more. */
function lastPart(line: string, {width, height}: Window): string {
	const rows = Math.ceil(line.length / width) - height - 1;
	return line.slice(Math.max(rows, 0) * width);
}

function withoutTime(line: string): string {
	return line.slice(line.indexOf(' ') + 1);
}
