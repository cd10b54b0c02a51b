import type {Digest} from '../kernel/digest.ts';
import type {ProgressEvent, WarningEvent} from '../kernel/progress-event.ts';
import type {Clock, Ticker} from './clock.ts';
import {
	idleDisplayInterval,
	minimumDisplayInterval,
	type DisplayOptions,
	type ProgressDisplay,
} from './display.ts';
import {PlainVertex} from './plain-vertex.ts';
import {endOf, hasFailed, Trace} from './trace.ts';
import {chooseVertex, type Choice} from './vertex-choice.ts';

// A vertex out of view is shown, whoever's turn it is, when so much of its output waits. UTF-16 units.
const maximumPendingSize = 2 ** 20;

export type PlainOptions = DisplayOptions & {
	/** The line `#0 ...` before the first vertex. */
	readonly description?: string;
	/** Longer names are cut; whole when not given. */
	readonly nameLength?: number;
};

/**
The progress of a build as lines of text, in the form of `docker buildx build --progress plain`:

	#5 [2/3] RUN make
	#5 0.212 cc -c main.c
	#5 DONE 0.3s

The lines of vertexes that run at the same time are kept together; `#5 ...` says that others come first.

@see https://github.com/moby/buildkit/blob/master/util/progress/progressui/printer.go
*/
export class PlainDisplay implements ProgressDisplay {
	readonly #options: PlainOptions;
	readonly #clock: Clock;
	readonly #ticker: Ticker;
	readonly #trace = new Trace();
	readonly #vertexes = new Map<Digest, PlainVertex>();
	/** Those with news. */
	readonly #updated = new Set<PlainVertex>();
	/** The one that the last lines belong to. */
	#current: PlainVertex | undefined;
	#nextIndex = 1;
	#hasShown = false;
	#lastDisplay = -Infinity;
	#text = '';

	readonly update = (event: ProgressEvent): void => {
		const traced = this.#trace.update(event);
		const now = this.#clock.now();
		if (traced !== undefined) {
			const vertex = this.#vertexes.get(traced.digest) ?? new PlainVertex(traced, this.#options);
			this.#vertexes.set(traced.digest, vertex);
			this.#updated.add(vertex);
			vertex.update(event, now);
			if (vertex.pendingSize > maximumPendingSize) {
				this.#show(vertex);
				this.#flush();
			}
		}

		this.#ticker.restart();
		if (!(now - this.#lastDisplay >= minimumDisplayInterval)) {
			return;
		}

		this.#lastDisplay = now;
		this.#display();
	};

	readonly message = (text: string): void => {
		this.#display();
		this.#text += (this.#current?.leaveOpenLine() ?? '') + text;
		this.#flush();
	};

	/** Shows what is left, and the last lines of each step that failed. */
	readonly finish = (): void => {
		this.#display();
		this.#text += this.#current?.leaveOpenLine() ?? '';
		const failures = this.#trace.started.filter(vertex => hasFailed(vertex));
		for (const {digest, name} of failures) {
			const lines = this.#vertexes.get(digest)!.lastLines.map(line => `${line}\n`).join('');
			this.#text += `------\n > ${name}:\n${lines}------\n`;
		}

		this.#flush();
	};

	constructor(options: PlainOptions) {
		this.#options = options;
		this.#clock = options.clock;
		this.#ticker = options.clock.every(idleDisplayInterval, () => {
			this.#display();
		});
	}

	#display(): void {
		const shown = this.#current;
		const done = [...this.#updated].filter(vertex => vertex.isDone).toSorted((left, right) => endOf(left.traced)! - endOf(right.traced)!);
		const running = [...this.#updated].filter(vertex => !vertex.isDone);
		for (const vertex of [...done.filter(each => each === shown), ...done.filter(each => each !== shown)]) {
			this.#show(vertex);
		}

		if (running.length === 0) {
			this.#returnToRunning(shown);
		} else {
			this.#showRunning({running, shown, hasShownEnded: shown === undefined || done.includes(shown)});
		}

		this.#flush();
	}

	/** After others ended, the view goes back to a vertex that still runs. */
	#returnToRunning(shown: PlainVertex | undefined): void {
		const open = shown?.isDone === false ? undefined : this.#vertexes.values().find(vertex => vertex.isRunning);
		if (open !== undefined) {
			this.#show(open);
		}
	}

	/** Of the vertexes that run, shows the one in view, and another whose turn it is. */
	#showRunning(choice: Omit<Choice, 'now'>): void {
		if (choice.shown !== undefined && choice.running.includes(choice.shown)) {
			this.#show(choice.shown);
		}

		const next = chooseVertex({...choice, now: this.#clock.now()});
		if (next !== undefined) {
			this.#show(next);
		}
	}

	#show(vertex: PlainVertex): void {
		this.#updated.delete(vertex);
		vertex.index ||= this.#nextIndex++;
		this.#switchTo(vertex);
		this.#text += vertex.takeNews();
		if (!vertex.isDone) {
			return;
		}

		this.#text += `#${vertex.index} ${vertex.formatOutcome()}\n`;
		this.#current = undefined;
		vertex.updateCount = 0;
	}

	#switchTo(vertex: PlainVertex): void {
		const previous = this.#current;
		if (previous === vertex) {
			return;
		}

		if (previous !== undefined) {
			this.#text += `${previous.leaveOpenLine()}#${previous.index} ...\n`;
			previous.updateCount = 0;
		}

		this.#text += `${this.#separator()}#${vertex.index} ${this.#nameOf(vertex)}\n`;
		this.#current = vertex;
	}

	/** What stands before a vertex's first line: the description at the very start, then an empty line. */
	#separator(): string {
		if (this.#hasShown) {
			return '\n';
		}

		this.#hasShown = true;
		const {description} = this.#options;
		return description === undefined ? '' : `#0 ${description}\n\n`;
	}

	#nameOf({traced: {name}}: PlainVertex): string {
		const {nameLength = name.length} = this.#options;
		return name.length > nameLength ? `${name.slice(0, nameLength)}...` : name;
	}

	#flush(): void {
		if (this.#text === '') {
			return;
		}

		this.#options.write(this.#text);
		this.#text = '';
	}

	get warnings(): readonly WarningEvent[] {
		return this.#trace.warnings;
	}

	[Symbol.dispose](): void {
		this.#ticker[Symbol.dispose]();
	}
}
