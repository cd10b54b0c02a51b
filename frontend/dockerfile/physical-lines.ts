import {Buffer} from 'node:buffer';
import {DockerfileError} from './errors.ts';

// What Go's bufio.Scanner takes, with the line end. https://pkg.go.dev/bufio#pkg-constants
const maximumLineBytes = 64 * 1024;

const lineFeed = 0x0A;
const byteOrderMark = '\u{FEFF}';

/**
Reads the lines of a file one by one. Bytes that are no UTF-8 become U+FFFD.
*/
export class PhysicalLines {
	readonly #content: Buffer;
	#position = 0;
	#number = 0;

	constructor(content: Uint8Array) {
		this.#content = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
	}

	/** The number of the line that was read last, from 1; 0 before the first. */
	get number(): number {
		return this.#number;
	}

	/**
	The next line with its line end; `undefined` at the end of the file. A byte order mark at the start of the file is left out.

	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_LIMIT` for a line of 64 KiB or more
	*/
	read(): string | undefined {
		if (this.#position >= this.#content.length) {
			return undefined;
		}

		const lineEnd = this.#content.indexOf(lineFeed, this.#position);
		const isTerminated = lineEnd !== -1;
		const end = isTerminated ? lineEnd + 1 : this.#content.length;
		const length = end - this.#position;
		if (length > maximumLineBytes || (length === maximumLineBytes && !isTerminated)) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_LIMIT', `dockerfile line greater than max allowed size of ${maximumLineBytes - 1}`);
		}

		const line = this.#content.toString('utf8', this.#position, end);
		this.#position = end;
		this.#number++;
		return this.#number === 1 && line.startsWith(byteOrderMark) ? line.slice(1) : line;
	}
}
