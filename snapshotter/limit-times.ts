import {readTar} from './tar-reader.ts';
import {writeTar, type TarMember} from './tar-writer.ts';

/**
The same archive with no entry younger than `latestNanoseconds`: later times become that one.

@throws {TsbuildError} as `readTar`
*/
export function limitTimes(tar: AsyncIterable<Uint8Array>, latestNanoseconds: bigint): AsyncGenerator<Uint8Array> {
	return writeTar(limitedMembers(tar, latestNanoseconds));
}

async function * limitedMembers(tar: AsyncIterable<Uint8Array>, latestNanoseconds: bigint): AsyncGenerator<TarMember> {
	for await (const {entry, content} of readTar(tar)) {
		const isLater = entry.mtimeNanoseconds > latestNanoseconds;
		yield {
			entry: isLater ? {...entry, mtimeNanoseconds: latestNanoseconds} : entry,
			...(entry.type === 'file' && {content}),
		};
	}
}
