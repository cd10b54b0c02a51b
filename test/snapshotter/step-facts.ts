import test from 'ava';
import {insertCacheRecord} from '../../snapshotter/cache-records.ts';
import {openMetadata, type Metadata} from '../../snapshotter/metadata.ts';
import {
	findListing,
	findStepFacts,
	hasListing,
	insertListing,
	insertStepFacts,
	newestRecord,
} from '../../snapshotter/step-facts.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const names = {
	project: 'here', stage: 'build', title: 'RUN x', root: 'root',
};

type Kept = Partial<typeof names> & {readonly facts?: string; readonly contents?: readonly string[]};

function keep(metadata: Metadata, key: string, {facts = key, contents = [], ...other}: Kept = {}): void {
	insertCacheRecord(metadata, {keys: [key], snapshot: null, description: key});
	insertStepFacts(metadata, {
		key, names: {...names, ...other}, facts, contents,
	});
}

test('steps are found by their place or title, the newest first', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	t.is(newestRecord(metadata), 0);
	keep(metadata, 'a');
	keep(metadata, 'b', {project: 'there'});
	keep(metadata, 'c', {title: 'RUN y', root: 'other'});
	keep(metadata, 'd', {project: 'there', title: 'RUN y'});
	keep(metadata, 'e', {stage: 'test', root: 'other'});
	keep(metadata, 'f', {stage: 'test', title: 'RUN y'});
	const found = findStepFacts(metadata, names, {until: newestRecord(metadata)});
	t.deepEqual(found.map(({facts, isSameProject, isSamePlace, isSameTitle, isSameRoot}) => [facts, isSameProject, isSamePlace, isSameTitle, isSameRoot]), [
		['e', true, false, true, false],
		['c', true, true, false, false],
		['b', false, false, true, true],
		['a', true, true, true, true],
	]);
	t.deepEqual(findStepFacts(metadata, names, {until: 1}).map(({facts}) => facts), ['a']);
});

test('what is known of a step ends with its record, and the files of a content with the last step that takes it', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	keep(metadata, 'a', {contents: ['tree']});
	keep(metadata, 'b', {contents: ['tree', 'other']});
	insertListing(metadata, 'tree', new Uint8Array([1]));
	insertListing(metadata, 'other', new Uint8Array([2]));
	metadata.statement('DELETE FROM cache_records WHERE description = ?').run('b');
	t.true(hasListing(metadata, 'tree'));
	t.false(hasListing(metadata, 'other'));
	// The same key again: nothing leads to the first record any more.
	keep(metadata, 'a', {facts: 'new', contents: []});
	t.is(findListing(metadata, 'tree'), undefined);
	t.deepEqual(findStepFacts(metadata, names, {until: newestRecord(metadata)}).map(({facts}) => facts), ['new']);
});

test('nothing is kept of a record that has gone, nor of a content that nobody takes', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	insertStepFacts(metadata, {
		key: 'missing', names, facts: '', contents: ['tree'],
	});
	insertListing(metadata, 'tree', new Uint8Array([1]));
	t.deepEqual(findStepFacts(metadata, names, {until: 9}), []);
	t.false(hasListing(metadata, 'tree'));
});
