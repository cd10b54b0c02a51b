import {
	fstatSync,
	readdirSync,
	statfsSync,
	statSync,
} from 'node:fs';
import path from 'node:path';
import {allocate} from '../src/linux/file-data.ts';
import {tryDisk} from './try-disk.ts';

// SQLite makes sure of room for its shared memory by a byte at the end of each piece of so many. https://sqlite.org/src/file?name=src/os_unix.c (unixShmMap)
const pieceSize = 4096;

// For a log of 16,350 pages, more than ten times as many as SQLite lets it become while nobody reads for long. https://sqlite.org/walformat.html#the_wal_index_file_format
const allocatedSize = 128 * 1024;

/**
Reads a database for the first time, by `read`, so that its shared memory has room on the disk.

Where blocks are smaller than SQLite takes them to be, it leaves most of them to be found when the memory is written. On a full disk that ends the process by SIGBUS: without a word, and without an error that could be told. So here they are all allocated beforehand. By the descriptor of SQLite itself: with any other one that is closed, the process loses the locks that SQLite has on the file.

@param file the database
@param read makes SQLite map its shared memory
@throws a system error when the disk is full, a quota used up
@see https://man7.org/linux/man-pages/man2/fcntl_locking.2.html
*/
export function readWithRoom(file: string, read: () => void): void {
	if (statfsSync(file).bsize >= pieceSize) {
		read();
		return;
	}

	// SQLite writes the first lines of the memory before anybody else can do something for it.
	const refusal = tryDisk(path.dirname(file), allocatedSize);
	if (refusal !== undefined) {
		throw refusal;
	}

	read();
	allocateSharedMemory(`${file}-shm`);
}

function allocateSharedMemory(file: string): void {
	const {dev, ino} = statSync(file);
	for (const name of readdirSync('/proc/self/fd')) {
		const status = statOfDescriptor(Number(name));
		if (status?.ino === ino && status.dev === dev) {
			allocate(Number(name), allocatedSize);
		}
	}
}

// That of the folder itself is closed by now.
function statOfDescriptor(descriptor: number): ReturnType<typeof fstatSync> | undefined {
	try {
		return fstatSync(descriptor);
	} catch {
		return undefined;
	}
}
