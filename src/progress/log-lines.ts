import type {LogEvent} from '../kernel/progress-event.ts';
import {cleanLine, hasControls, lastPiece} from './clean-text.ts';
import {formatLogTime} from './units.ts';

// A longer line is shown in pieces, so that a step that never ends its line does not fill the memory. UTF-16 units.
const maximumLineLength = 64 * 1024;

/**
Makes lines of the output of one step, both streams together: `0.212 text`, with the time at which the line began.

Of a line that carriage returns write over again and again the last piece is kept, as a terminal shows it.
*/
export class LogLines {
	readonly #colors: boolean;
	readonly #decoders = {stdout: new TextDecoder(), stderr: new TextDecoder()};
	#lines: string[] = [];
	#size = 0;
	/** The line that is still being written, and its time; `undefined` between lines. */
	#open: {readonly time: string; text: string} | undefined;

	constructor({colors}: {readonly colors: boolean}) {
		this.#colors = colors;
	}

	#format({time, text}: {readonly time: string; readonly text: string}): string {
		return `${time} ${cleanLine(lastPiece(text), {colors: this.#colors})}`;
	}

	#write(time: string, text: string): void {
		this.#open ??= {time, text: ''};
		const open = this.#open;
		open.text = withoutOverwritten(open.text + text);
		while (open.text.length > maximumLineLength) {
			const piece = cutPiece(open.text);
			this.#push(this.#format({time: open.time, text: piece}));
			open.text = open.text.slice(piece.length);
		}
	}

	#push(line: string): void {
		this.#lines.push(line);
		this.#size += line.length;
	}

	/** How many UTF-16 units the lines that were not taken have. */
	get size(): number {
		return this.#size;
	}

	/** The line that is still being written, as it stands; empty between lines. */
	get openLine(): string {
		return this.#open === undefined ? '' : this.#format(this.#open);
	}

	/** The start of the open line that will not change any more: all of it, unless a carriage return or the rest of a control sequence may follow. */
	get settledLine(): string {
		return this.#open === undefined || hasControls(this.#open.text) ? '' : this.openLine;
	}

	/** Takes output of a step that started at `started`, milliseconds since the epoch. */
	append({stream, data, timestamp}: LogEvent, started: number): void {
		const pieces = this.#decoders[stream].decode(data, {stream: true}).split('\n');
		const time = formatLogTime(timestamp - started);
		const last = pieces.pop()!;
		for (const piece of pieces) {
			this.#write(time, piece);
			this.endLine();
		}

		if (last !== '') {
			this.#write(time, last);
		}
	}

	/** Ends the open line, if there is one: no more is to come. */
	endLine(): void {
		if (this.#open === undefined) {
			return;
		}

		this.#push(this.#format(this.#open));
		this.#open = undefined;
	}

	/** The lines since the last call. */
	take(): readonly string[] {
		const lines = this.#lines;
		this.#lines = [];
		this.#size = 0;
		return lines;
	}
}

/** Leaves out what carriage returns have written over. A last one stays: it may belong to the end of the line. */
function withoutOverwritten(text: string): string {
	if (!text.includes('\r')) {
		return text;
	}

	return text.endsWith('\r') ? `${lastPiece(text)}\r` : lastPiece(text);
}

/** As much of the start as a piece may have, without cutting a character in two. */
function cutPiece(text: string): string {
	const isCut = text.codePointAt(maximumLineLength - 1)! > 0xFF_FF;
	return text.slice(0, isCut ? maximumLineLength - 1 : maximumLineLength);
}
