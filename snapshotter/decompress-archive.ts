import {Buffer} from 'node:buffer';
import {TsbuildError} from '../src/kernel/errors.ts';
import {findHostProgram} from '../src/linux/host-program.ts';
import {decompressed, limited, type DecompressOptions} from './decompress.ts';
import {throughProgram} from './filter-program.ts';
import {peekStream} from './peek-stream.ts';

/** A compression that a program of the machine takes off: Node has none for it, and no package of npm is kept well. */
type ForeignCompression = {
	readonly name: string;
	readonly magic: Buffer;
	readonly program: string;
	readonly parameters: readonly string[];
};

const foreignCompressions: readonly ForeignCompression[] = [
	{
		// https://sourceware.org/bzip2/; needs 4 MB at most
		name: 'bzip2', magic: Buffer.from('BZh'), program: 'bzip2', parameters: ['-dc'],
	},
	{
		// https://tukaani.org/xz/xz-file-format.txt; the format allows dictionaries of 4 GiB, the highest preset makes them of 64 MiB
		name: 'xz', magic: Buffer.of(0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00), program: 'xz', parameters: ['-dc', '--threads=1', '--memlimit-decompress=512MiB'],
	},
];
const longestMagic = 6;

/**
The bytes of an archive without its compression, which is known by its first bytes: those of `decompressed`, bzip2 and xz.

@yields chunks
@throws {TsbuildError} `ERR_TSBUILD_DECOMPRESS` for damaged data; `ERR_TSBUILD_UNPACKED_SIZE` for more than `maximumSize`; `ERR_TSBUILD_DECOMPRESSOR` when the machine lacks the program for it; what `source` throws; the reason of `signal`
@see https://github.com/moby/buildkit/blob/v0.32.2/util/archiveutil/compression.go
*/
export async function * decompressedArchive(source: AsyncIterable<Uint8Array>, options: DecompressOptions = {}): AsyncGenerator<Uint8Array> {
	const {start, stream} = await peekStream(source, longestMagic);
	const foreign = foreignCompressions.find(({magic}) => start.subarray(0, magic.length).equals(magic));
	yield * foreign === undefined
		? decompressed(stream, options)
		: limited(throughProgram(stream, {file: requireProgram(foreign), parameters: foreign.parameters}), options);
}

function requireProgram({name, program}: ForeignCompression): string {
	const file = findHostProgram(program);
	if (file === undefined) {
		throw new TsbuildError('ERR_TSBUILD_DECOMPRESSOR', `failed to decompress: the program ${program} is not on this machine`, {
			hint: `Install it, or compress the archive by something else than ${name}.`,
		});
	}

	return file;
}
