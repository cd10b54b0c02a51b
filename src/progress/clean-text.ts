/*
Steps, Dockerfiles and images are not to be trusted with the user's terminal: what they print could move the cursor over other lines, clear the screen, set the window's title or type answers. Of all control functions only tabs and, where colours are wanted, "select graphic rendition" are kept.

https://ecma-international.org/publications-and-standards/standards/ecma-48/
*/

const escape = String.fromCodePoint(0x1B);
const controlSequenceIntroducer = String.fromCodePoint(0x9B);
const bell = String.fromCodePoint(7);
const resetAttributes = `${escape}[0m`;

// What follows ESC, after ECMA-48 5.3 to 5.6.
const controlSequence = /(?<parameters>[\u{30}-\u{3F}]*)[\u{20}-\u{2F}]*(?<final>[\u{40}-\u{7E}])/vy;
const otherSequence = /[\u{20}-\u{2F}]*[\u{30}-\u{7E}]/vy;
const stringIntroducers = new Set(['P', 'X', ']', '^', '_']);

/** Whether a line has anything that `cleanLine` would change. */
export function hasControls(line: string): boolean {
	return /[\p{Control}--\t]/v.test(line);
}

/**
Makes one line safe to print: no control characters or sequences but tabs. With `colors`, its colours stay; they never go past its end.
*/
export function cleanLine(line: string, {colors = false}: {readonly colors?: boolean} = {}): string {
	if (!hasControls(line)) {
		return line;
	}

	let clean = '';
	let isColored = false;
	let position = 0;
	while (position < line.length) {
		const control = findControl(line, position);
		clean += line.slice(position, control);
		const {end, attributes} = readControl(line, control);
		if (colors && attributes !== undefined) {
			clean += `${escape}[${attributes}m`;
			isColored = !/^0*$/v.test(attributes);
		}

		position = end;
	}

	return isColored ? clean + resetAttributes : clean;
}

/** Makes a text of several lines safe to print, without colours. */
export function cleanText(text: string): string {
	return text.split('\n').map(line => cleanLine(line)).join('\n');
}

/** What a terminal shows of a line in the end: the last piece that was written over the others. */
export function lastPiece(line: string): string {
	let end = line.length;
	while (line[end - 1] === '\r') {
		end--;
	}

	return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

function findControl(line: string, position: number): number {
	const control = /[\p{Control}--\t]/gv;
	control.lastIndex = position;
	return control.exec(line)?.index ?? line.length;
}

/** Reads the control function at a position: where it ends, and its parameters if it sets attributes of the text. */
function readControl(line: string, position: number): {readonly end: number; readonly attributes?: string} {
	const introducer = line[position] === escape ? line[position + 1] : undefined;
	if (introducer === '[' || line[position] === controlSequenceIntroducer) {
		return readControlSequence(line, position + (introducer === undefined ? 1 : 2));
	}

	if (introducer !== undefined && stringIntroducers.has(introducer)) {
		return {end: endOfControlString(line, position + 2)};
	}

	if (introducer !== undefined) {
		otherSequence.lastIndex = position + 1;
		return {end: otherSequence.test(line) ? otherSequence.lastIndex : position + 1};
	}

	return {end: position + 1};
}

function readControlSequence(line: string, position: number): {readonly end: number; readonly attributes?: string} {
	controlSequence.lastIndex = position;
	const {parameters = '', final} = controlSequence.exec(line)?.groups ?? {};
	if (final === undefined) {
		return {end: position};
	}

	const end = controlSequence.lastIndex;
	const isRendition = final === 'm' && end === position + parameters.length + 1 && /^[\d:;]*$/v.test(parameters);
	return {end, ...(isRendition && {attributes: parameters})};
}

/** Titles, links and the like end at BEL or ST; without either they take the rest of the line. */
function endOfControlString(line: string, position: number): number {
	const end = findControl(line, position);
	if (line[end] === bell) {
		return end + 1;
	}

	return line.startsWith(`${escape}\\`, end) ? end + 2 : end;
}
