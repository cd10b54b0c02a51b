import {Buffer} from 'node:buffer';
import {TsbuildError} from '../src/kernel/errors.ts';
import {displayName, nameBytes} from '../src/linux/name.ts';
import {encodePaxRecords, formatPaxTime, paxKeyOfXattr} from './pax.ts';
import {
	paddingAfter,
	tarBlockSize,
	type NewTarEntry,
	type TarEntryType,
} from './tar-entry.ts';
import {
	encodeTarHeader,
	maximumOctal,
	nameFieldLength,
	prefixFieldLength,
} from './tar-header.ts';

const nanosecondsPerSecond = 1_000_000_000n;
const slash = 0x2F;

// Small pieces are joined up to this many bytes: a layer of small files is otherwise three chunks a file.
const chunkSize = 0x1_00_00;

const typeFlags: Readonly<Record<TarEntryType, string>> = {
	file: '0',
	hardlink: '1',
	symlink: '2',
	character: '3',
	block: '4',
	directory: '5',
	fifo: '6',
};

/** An entry with its content; only a file has one, of exactly `entry.size` bytes. */
export type TarMember = {
	readonly entry: NewTarEntry;
	readonly content?: Uint8Array | AsyncIterable<Uint8Array>;
};

/**
Writes an archive: ustar headers where they can hold an entry, preceded by PAX records where they cannot (sub-second or negative times, large ids and sizes, long names and names that are not ASCII, extended attributes). The same members give the same bytes, those of Go's archive/tar.

Nothing is read ahead of the consumer.

@yields chunks of any size
@throws {TsbuildError} `ERR_TSBUILD_TAR_CONTENT` when a content is longer or shorter than its entry says
*/
export async function * writeTar(members: AsyncIterable<TarMember> | Iterable<TarMember>): AsyncGenerator<Uint8Array> {
	const output = new ChunkJoiner();
	for await (const {entry, content = new Uint8Array()} of members) {
		const size = contentSize(entry);
		output.add(encodeTarEntry(entry));
		let written = 0;
		for await (const chunk of content instanceof Uint8Array ? [content] : content) {
			written += chunk.length;
			checkLength(entry, written <= size);
			output.add(chunk);
			if (output.isFull) {
				yield output.take();
			}
		}

		checkLength(entry, written === size);
		output.add(Buffer.alloc(paddingAfter(size)));
	}

	output.add(Buffer.alloc(2 * tarBlockSize));
	yield output.take();
}

/**
The blocks that stand before an entry's content: its header, preceded by its PAX records when it needs any.
*/
export function encodeTarEntry(entry: NewTarEntry): Buffer {
	const path = Buffer.from(nameBytes(entry.path));
	const linkName = Buffer.from(nameBytes(entry.linkTarget ?? ''));
	const split = splitName(path);
	const records = paxRecordsOf(entry, {path, linkName});
	// Only a long name can be told by ustar alone, through the prefix field.
	const isNeedsRecords = records.size > (split !== undefined && records.has('path') ? 1 : 0);
	const header = {
		typeFlag: typeFlags[entry.type],
		mode: entry.mode & 0o7777,
		uid: entry.uid ?? 0,
		gid: entry.gid ?? 0,
		size: contentSize(entry),
		mtime: Number(floorToSeconds(entry.mtimeNanoseconds ?? 0n)),
		device: {major: entry.deviceMajor ?? 0, minor: entry.deviceMinor ?? 0},
	};
	return isNeedsRecords
		? Buffer.concat([encodePaxHeader(path, records), encodeTarHeader({...header, name: toAscii(path), linkName: toAscii(linkName)})])
		: encodeTarHeader({
			...header, name: split?.name ?? path, linkName, ...(split !== undefined && {prefix: split.prefix}),
		});
}

function paxRecordsOf(entry: NewTarEntry, {path, linkName}: {readonly path: Buffer; readonly linkName: Buffer}): Map<string, Uint8Array | string> {
	const records = new Map<string, Uint8Array | string>();
	const mtime = entry.mtimeNanoseconds ?? 0n;
	const seconds = floorToSeconds(mtime);
	if (!fitsName(path)) {
		records.set('path', path);
	}

	if (!fitsName(linkName)) {
		records.set('linkpath', linkName);
	}

	for (const key of ['uid', 'gid'] as const) {
		const id = entry[key] ?? 0;
		if (id > maximumOctal.id) {
			records.set(key, String(id));
		}
	}

	if (contentSize(entry) > maximumOctal.size) {
		records.set('size', String(contentSize(entry)));
	}

	if (mtime % nanosecondsPerSecond !== 0n || seconds < 0n || seconds > maximumOctal.seconds) {
		records.set('mtime', formatPaxTime(mtime));
	}

	for (const [name, value] of entry.xattrs ?? []) {
		records.set(paxKeyOfXattr(name), value);
	}

	return records;
}

function encodePaxHeader(path: Buffer, records: ReadonlyMap<string, Uint8Array | string>): Buffer {
	const content = encodePaxRecords(records);
	const header = encodeTarHeader({
		typeFlag: 'x',
		name: paxHeaderName(path),
		linkName: Buffer.alloc(0),
		mode: 0,
		uid: 0,
		gid: 0,
		size: content.length,
		mtime: 0,
	});
	return Buffer.concat([header, content, Buffer.alloc(paddingAfter(content.length))]);
}

// `PaxHeaders.0` between the directory and the name, which is where programs without PAX extract the records to.
function paxHeaderName(path: Buffer): Buffer {
	const afterDirectory = path.lastIndexOf(slash) + 1;
	const separator = afterDirectory === path.length ? '' : '/';
	const name = toAscii(Buffer.concat([path.subarray(0, afterDirectory), Buffer.from(`PaxHeaders.0${separator}`), path.subarray(afterDirectory)])).subarray(0, nameFieldLength);
	let end = name.length;
	while (end > 0 && name[end - 1] === slash) {
		end--;
	}

	return name.subarray(0, end);
}

// The longest directory part that the prefix field takes; `undefined` when the name is short enough or cannot be split.
function splitName(path: Buffer): {readonly prefix: Buffer; readonly name: Buffer} | undefined {
	if (path.length <= nameFieldLength || !isAscii(path)) {
		return undefined;
	}

	const longest = path.length > prefixFieldLength + 1 ? prefixFieldLength + 1 : path.length - (path.at(-1) === slash ? 1 : 0);
	const separator = path.subarray(0, longest).lastIndexOf(slash);
	const name = path.subarray(separator + 1);
	return separator <= 0 || name.length === 0 || name.length > nameFieldLength ? undefined : {prefix: path.subarray(0, separator), name};
}

function fitsName(name: Buffer): boolean {
	return name.length <= nameFieldLength && isAscii(name);
}

function isAscii(bytes: Buffer): boolean {
	return bytes.every(byte => byte < 0x80);
}

function toAscii(bytes: Buffer): Buffer {
	return bytes.filter(byte => byte < 0x80) as Buffer;
}

function floorToSeconds(nanoseconds: bigint): bigint {
	const seconds = nanoseconds / nanosecondsPerSecond;
	return nanoseconds < 0n && nanoseconds % nanosecondsPerSecond !== 0n ? seconds - 1n : seconds;
}

function contentSize(entry: NewTarEntry): number {
	return entry.type === 'file' ? entry.size ?? 0 : 0;
}

function checkLength(entry: NewTarEntry, isRight: boolean): void {
	if (!isRight) {
		throw new TsbuildError('ERR_TSBUILD_TAR_CONTENT', `failed to write tar entry ${displayName(entry.path)}: its content is not ${contentSize(entry)} bytes long`, {
			hint: 'The file was changed while it was read.',
		});
	}
}

class ChunkJoiner {
	#pieces: Uint8Array[] = [];
	#length = 0;

	get isFull(): boolean {
		return this.#length >= chunkSize;
	}

	add(piece: Uint8Array): void {
		if (piece.length === 0) {
			return;
		}

		this.#pieces.push(piece);
		this.#length += piece.length;
	}

	take(): Uint8Array {
		const pieces = this.#pieces;
		const length = this.#length;
		this.#pieces = [];
		this.#length = 0;
		return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length);
	}
}
