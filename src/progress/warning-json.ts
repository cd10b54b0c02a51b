import {Buffer} from 'node:buffer';
import type {WarningEvent} from '../kernel/progress-event.ts';

/**
A warning as JSON, in the form of BuildKit's `VertexWarning`: texts are in base64, and each line is a range of its own. The `definition` of the source, which is BuildKit's own, is left out.

@see https://github.com/moby/buildkit/blob/v0.32.2/client/graph.go
*/
export function describeWarning({vertex, short, detail, url, file, content, lines}: WarningEvent): unknown {
	return {
		vertex,
		level: 1,
		short: encodeText(short),
		detail: detail.length === 0 ? undefined : detail.map(text => encodeText(text)),
		url,
		sourceInfo: file === undefined ? undefined : {filename: file, data: content && encodeText(content), language: 'Dockerfile'},
		range: lines?.flatMap(({start, end}) => rangesOf(start, end)),
	};
}

/** Text as Go's JSON has bytes. */
export function encodeText(text: string | Uint8Array): string {
	return Buffer.from(text).toString('base64');
}

function rangesOf(start: number, end: number): unknown[] {
	return Array.from({length: end - start + 1}, (_, index) => ({start: {line: start + index}, end: {line: start + index}}));
}
