import {readdirSync, readlinkSync, statSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {openArchive} from '../../../solver/ops/archive.ts';
import {O_PATH} from '../../../src/linux/constants.ts';
import {Descriptor} from '../../../src/linux/descriptor.ts';
import {archiveBytes, file} from '../../support/archive-entries.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

function countOpen(target: string): number {
	return readdirSync('/proc/self/fd').filter(number => {
		try {
			return readlinkSync(`/proc/self/fd/${number}`) === target;
		} catch {
			return false;
		}
	}).length;
}

test('an archive that nobody reads is closed', async t => {
	await using directory = await makeTemporaryDirectory();
	const archive = path.join(directory.path, 'a.tar');
	await writeFile(archive, await archiveBytes(file('one', '1'), file('two', '2')));
	using handle = Descriptor.open(archive, O_PATH);
	const source = {file: handle, status: statSync(archive, {bigint: true}), isReadable: false};
	const unread = await openArchive(source, {signal: new AbortController().signal});
	t.is(countOpen(archive), 2);
	await unread!.return(undefined);
	t.is(countOpen(archive), 1);
	const read = await openArchive(source, {signal: new AbortController().signal});
	const members = await Array.fromAsync(read!, member => member.entry.path.toString());
	t.deepEqual(members, ['one', 'two']);
	t.is(countOpen(archive), 1);
});
