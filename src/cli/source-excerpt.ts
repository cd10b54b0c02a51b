import type {SourceLocation} from '../kernel/source-location.ts';

const rule = '-'.repeat(20);

/**
The lines around a place in a file, the place itself marked with `>>>`, as BuildKit prints them below a failed build.

`text` is the whole file.

@returns lines with their line ends; empty when the place is not in the file
@see https://github.com/moby/buildkit/blob/master/solver/errdefs/source.go
*/
export function formatSourceExcerpt({file, startLine, endLine}: SourceLocation, text: string): string {
	const lines = text.split('\n');
	if (startLine < 1 || startLine > lines.length) {
		return '';
	}

	const end = Math.min(endLine, lines.length);
	const {first, last} = widen({first: startLine, last: end}, lines.length);
	const body = lines.slice(first - 1, last).map((line, index) => {
		const number = first + index;
		const mark = number >= startLine && number <= end ? '>>>' : ' '.repeat(3);
		return ` ${String(number).padStart(3)} | ${mark} ${line.replace(/\r$/v, '')}\n`;
	});
	return `${file}:${startLine}\n${rule}\n${body.join('')}${rule}\n`;
}

/** Adds a line at each end in turn: about four to one line, about two to several. */
function widen(range: {readonly first: number; readonly last: number}, lineCount: number) {
	let {first, last} = range;
	const wanted = first === last ? 4 : 2;
	let added = 0;
	while (added < wanted) {
		const canGrowUp = first > 1;
		const canGrowDown = last < lineCount;
		first -= canGrowUp ? 1 : 0;
		last += canGrowDown ? 1 : 0;
		added += 1 + Number(canGrowUp) + Number(canGrowDown);
	}

	return {first, last};
}
