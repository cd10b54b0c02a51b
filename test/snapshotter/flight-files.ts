import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {FlightFiles, removeLandedFlights} from '../../snapshotter/flight-files.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const key = digestOf('a key');
const neverAborted = new AbortController().signal;

test('a key has one flight at a time, and leaves nothing', async t => {
	await using directory = await makeTemporaryDirectory();
	const [first, second] = [new FlightFiles(directory.path), new FlightFiles(directory.path)];
	{
		using flight = first.tryBegin(key);
		t.truthy(flight);
		t.is(second.tryBegin(key), undefined);
		using other = second.tryBegin(digestOf('another key'));
		t.truthy(other);
	}

	t.deepEqual(readdirSync(path.join(directory.path, 'flights')), []);
	using again = second.tryBegin(key);
	t.truthy(again);
});

test('who waits goes on when the other has ended', async t => {
	await using directory = await makeTemporaryDirectory();
	const [first, second] = [new FlightFiles(directory.path), new FlightFiles(directory.path)];
	const flight = first.tryBegin(key)!;
	const wait = second.waitForOther(key, {signal: neverAborted});
	flight[Symbol.dispose]();
	await wait;
	using own = second.tryBegin(key);
	t.truthy(own);
});

test('nobody waits for a flight that is not there', async t => {
	await using directory = await makeTemporaryDirectory();
	await t.notThrowsAsync(new FlightFiles(directory.path).waitForOther(key, {signal: neverAborted}));
});

test('waiting ends with the signal', async t => {
	await using directory = await makeTemporaryDirectory();
	const flights = new FlightFiles(directory.path);
	using _flight = flights.tryBegin(key);
	const controller = new AbortController();
	const wait = new FlightFiles(directory.path).waitForOther(key, {signal: controller.signal});
	controller.abort(new Error('Ctrl-C'));
	await t.throwsAsync(wait, {message: 'Ctrl-C'});
});

test('a key that is no digest names no file', async t => {
	await using directory = await makeTemporaryDirectory();
	for (const hostile of ['../../etc/passwd', 'sha256:../x', '', 'sha256:']) {
		t.throws(() => new FlightFiles(directory.path).tryBegin(hostile), {code: 'ERR_TSBUILD_INVALID_DIGEST'});
	}

	t.false(existsSync(path.join(directory.path, 'flights')));
});

test('the flight of a killed process is over, and its file is removed', async t => {
	await using directory = await makeTemporaryDirectory();
	const modulePath = path.join(import.meta.dirname, '../../snapshotter/flight-files.ts');
	const program = `
		import {FlightFiles} from ${JSON.stringify(modulePath)};
		globalThis.flight = new FlightFiles(${JSON.stringify(directory.path)}).tryBegin(${JSON.stringify(key)});
		console.log('begun');
		setInterval(() => {}, 1000);
	`;
	const other = spawn(process.execPath, ['--input-type=module', '--eval', program], {stdio: ['ignore', 'pipe', 'inherit']});
	const closed = once(other, 'close');
	await once(other.stdout, 'data');
	const flights = new FlightFiles(directory.path);
	t.is(flights.tryBegin(key), undefined);
	removeLandedFlights(directory.path);
	t.is(flights.tryBegin(key), undefined, 'a living one is left alone');
	const wait = flights.waitForOther(key, {signal: neverAborted});
	other.kill('SIGKILL');
	await wait;
	await closed;
	t.is(readdirSync(path.join(directory.path, 'flights')).length, 1);
	removeLandedFlights(directory.path);
	t.deepEqual(readdirSync(path.join(directory.path, 'flights')), []);
});

test('removing what dead processes left needs no directory, and takes no harm from strange names', async t => {
	await using directory = await makeTemporaryDirectory();
	t.notThrows(() => {
		removeLandedFlights(directory.path);
	});
	mkdirSync(path.join(directory.path, 'flights'));
	writeFileSync(path.join(directory.path, 'flights', 'strange'), '');
	removeLandedFlights(directory.path);
	t.deepEqual(readdirSync(path.join(directory.path, 'flights')), []);
});
