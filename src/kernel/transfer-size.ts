/*
BuildKit's client sends files to its daemon, and its progress counts the bytes of that protocol: of each file a message with what `stat` says, then its content in pieces. tsbuild reads the files where they are; it shows the same figures, so that they can be compared.

https://github.com/tonistiigi/fsutil/blob/master/types/wire.proto
*/

/** A file as the protocol tells of it. */
export type TransferredFile = {
	/** In bytes. */
	readonly pathLength: number;
	/** Of the target of a symbolic link, or of the path of the first of several names of a file; 0 for others. */
	readonly linkLength: number;
	/** As `st_mode`. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** In bytes, as `st_size`. */
	readonly size: number;
	/** Nanoseconds since the epoch. */
	readonly modifiedAt: bigint;
	/** The receiver has its content already and does not ask for it. */
	readonly isKnown?: boolean;
};

/** What the receiver counts for each file that it asked for, and once for the whole: the messages of their ends. */
const endSize = 2;

// https://github.com/tonistiigi/fsutil/blob/master/send.go (bufPool)
const pieceSize = 32 * 1024;

/** The bytes that BuildKit counts where it receives the given files. */
export function receivedSize(files: Iterable<TransferredFile>): number {
	let size = endSize;
	let place = 0;
	for (const file of files) {
		size += statMessageSize(file) + (hasContent(file) && file.isKnown !== true ? contentMessagesSize(file.size, place) + endSize + idSize(place) : 0);
		place++;
	}

	return size;
}

/** The bytes of the message that tells of a file. */
export function statMessageSize(file: TransferredFile): number {
	const {pathLength, linkLength, mode, uid, gid, size, modifiedAt} = file;
	return lengthFieldSize(lengthFieldSize(pathLength)
		+ numberFieldSize(goFileMode(mode))
		+ numberFieldSize(uid)
		+ numberFieldSize(gid)
		+ numberFieldSize(isDirectory(mode) || isSecondName(file) ? 0 : size)
		+ numberFieldSize(modifiedAt)
		+ lengthFieldSize(linkLength));
}

/** The bytes of the messages with the content of a file, which is the one at `place` in the order of all. */
export function contentMessagesSize(size: number, place: number): number {
	const pieces = Math.ceil(size / pieceSize);
	const last = size % pieceSize;
	const full = last === 0 ? pieces : pieces - 1;
	const header = endSize + idSize(place);
	return (full * (header + lengthFieldSize(pieceSize))) + (last === 0 ? 0 : header + lengthFieldSize(last));
}

/** Whether the content of a file is sent: it is a regular one, and no second name. */
export function hasContent({mode, linkLength}: TransferredFile): boolean {
	return (mode & fileTypeMask) === regularFile && linkLength === 0;
}

function isSecondName({mode, linkLength}: TransferredFile): boolean {
	return (mode & fileTypeMask) === regularFile && linkLength > 0;
}

function isDirectory(mode: number): boolean {
	return (mode & fileTypeMask) === directory;
}

function idSize(place: number): number {
	return numberFieldSize(place);
}

// Fields with the value 0 are left out. https://protobuf.dev/programming-guides/encoding/
function numberFieldSize(value: number | bigint): number {
	// A time before the epoch takes as many bytes as there can be.
	const number = value < 0 ? 2 ** 64 : Number(value);
	return number === 0 ? 0 : 1 + variableIntegerSize(number);
}

function lengthFieldSize(length: number): number {
	return length === 0 ? 0 : 1 + variableIntegerSize(length) + length;
}

/** Seven bits fit into a byte. */
function variableIntegerSize(value: number): number {
	let size = 1;
	for (let rest = value / 128; rest >= 1; rest /= 128) {
		size++;
	}

	return size;
}

// https://man7.org/linux/man-pages/man7/inode.7.html
const fileTypeMask = 0o17_0000;
const regularFile = 0o10_0000;
const directory = 0o04_0000;

// The bits of Go's io/fs.FileMode; https://pkg.go.dev/io/fs#FileMode
const goTypes: Readonly<Record<number, number>> = {
	0o04_0000: 2 ** 31,
	0o12_0000: 2 ** 27,
	0o06_0000: 2 ** 26,
	0o02_0000: (2 ** 26) + (2 ** 21),
	0o01_0000: 2 ** 25,
	0o14_0000: 2 ** 24,
};

const goBits = [[0o4000, 2 ** 23], [0o2000, 2 ** 22], [0o1000, 2 ** 20]] as const;

function goFileMode(mode: number): number {
	let goMode = (mode & 0o777) + (goTypes[mode & fileTypeMask] ?? 0);
	for (const [bit, value] of goBits) {
		goMode += (mode & bit) === 0 ? 0 : value;
	}

	return goMode;
}
