import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	closeSync,
	linkSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	renameSync,
	rmdirSync,
	symlinkSync,
	truncateSync,
	unlinkSync,
	writeSync,
} from 'node:fs';
import process from 'node:process';
import fc from 'fast-check';
import {errorCode} from '../../src/kernel/errors.ts';
import {
	O_APPEND,
	O_CREAT,
	O_NOFOLLOW,
	O_NONBLOCK,
	O_TRUNC,
	O_WRONLY,
} from '../../src/linux/constants.ts';
import {removeExtendedAttribute, setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {changeOwner, makeDeviceFile, setTimes} from '../../src/linux/files.ts';
import type {Change} from './layer-entries.ts';

/** Picks the directory and the name of a file that may be there or not. */
type NewPlace = {readonly directory: number; readonly name: string};

/** One change, as a program makes it. */
type Action = {
	/** For whoever reads which sequence failed. */
	readonly description: string;
	readonly perform: (root: Buffer) => void;
};

const slash = Buffer.from('/');

// Few, so that changes meet. One is as long as a name can be, and one is not UTF-8: each of its bytes is one UTF-16 unit here.
const anyName = fc.oneof(
	{weight: 8, arbitrary: fc.constantFrom('x', 'y', 'z')},
	{weight: 1, arbitrary: fc.constantFrom('\u{FF}\u{80}', 'l'.repeat(255))},
);
const anyNumber = fc.nat(1000);
const anyPlace: fc.Arbitrary<NewPlace> = fc.record({directory: anyNumber, name: anyName});
const anyText = fc.string({maxLength: 10});

// Of a program that may change its user: VFS_CAP_REVISION_2, cap_setuid, effective. https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/capability.h
const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');

// From 1906 to 2033, which every file system can hold.
const anyTime = fc.bigInt({min: -2_000_000_000_000_000_000n, max: 2_000_000_000_000_000_000n});

const sparseSize = 3 * 1024 * 1024;

const makeSomething = fc.oneof(
	making('write', 4, anyText, (file, text) => {
		write(file, O_WRONLY | O_CREAT | O_TRUNC, text);
	}),
	making('mkdir', 6, fc.constant(undefined), file => {
		mkdirSync(file);
	}),
	making('symlink', 2, anyName, (file, target) => {
		symlinkSync(Buffer.from(target, 'latin1'), file);
	}),
	making('mknod', 2, fc.constantFrom('fifo', 'socket', 'block', 'character'), (file, kind) => {
		makeDeviceFile(undefined, file, {
			kind, mode: 0o600, major: 259, minor: 4660,
		});
	}),
	making('link', 2, anyNumber, (file, existing, root) => {
		linkSync(pick(filesBelow(root), existing), file);
	}),
	making('move', 3, anyNumber, (file, existing, root) => {
		move(pick(filesBelow(root), existing), file);
	}),
);

const changeSomething = fc.oneof(
	changing('remove', 4, fc.constant(undefined), file => {
		removeAll(file);
	}),
	changing('remake', 2, fc.constant(undefined), file => {
		removeAll(file);
		mkdirSync(file);
	}),
	changing('append', 2, anyText, (file, text) => {
		write(file, O_WRONLY | O_APPEND, text);
	}),
	changing('truncate', 1, fc.nat(sparseSize), (file, size) => {
		truncateSync(refuseLink(file), size);
	}),
	changing('chmod', 2, fc.nat(0o7777), (file, mode) => {
		chmodSync(refuseLink(file), mode);
	}),
	changing('chown', 2, fc.nat(3_000_000), (file, owner) => {
		changeOwner(undefined, file, {uid: owner, gid: owner + 1});
	}),
	changing('setfattr', 2, fc.uint8Array({maxLength: 8}), (file, value) => {
		setExtendedAttribute(file, 'user.x', value);
	}),
	changing('setcap', 1, fc.constant(capability), (file, value) => {
		setExtendedAttribute(file, 'security.capability', value);
	}),
	changing('removefattr', 1, fc.constantFrom('user.x', 'security.capability'), (file, attribute) => {
		removeExtendedAttribute(file, attribute);
	}),
	changing('utimes', 2, anyTime, (file, mtimeNanoseconds) => {
		setTimes(undefined, file, {mtimeNanoseconds});
	}),
);

const anyAction = fc.oneof(makeSomething, changeSomething);

/** The changes of a step: mostly of what is there already. */
export const anyStep: fc.Arbitrary<Change> = fc.array(anyAction, {minLength: 1, maxLength: 25, size: 'max'}).map(actions => tryAll(actions));

/** A step that makes a tree. */
export const firstStep: fc.Arbitrary<Change> = fc
	.tuple(fc.array(makeSomething, {minLength: 10, maxLength: 30, size: 'max'}), fc.array(changeSomething, {maxLength: 20, size: 'max'}))
	.map(([made, changed]) => tryAll([...made, ...changed]));

function making<Value>(description: string, weight: number, values: fc.Arbitrary<Value>, make: (file: Buffer, value: Value, root: Buffer) => void): fc.WeightedArbitrary<Action> {
	const arbitrary = fc.tuple(anyPlace, values).map(([{directory, name}, value]): Action => ({
		description: `${description} ${directory}/${name} ${fc.stringify(value)}`,
		perform(root) {
			const parent = pick([root, ...filesBelow(root).filter(file => lstatSync(file).isDirectory())], directory);
			make(Buffer.concat([parent, slash, Buffer.from(name, 'latin1')]), value, root);
		},
	}));
	return {weight, arbitrary};
}

function changing<Value>(description: string, weight: number, values: fc.Arbitrary<Value>, make: (file: Buffer, value: Value) => void): fc.WeightedArbitrary<Action> {
	const arbitrary = fc.tuple(anyNumber, values).map(([number, value]): Action => ({
		description: `${description} ${number} ${fc.stringify(value)}`,
		perform(root) {
			make(pick(filesBelow(root), number), value);
		},
	}));
	return {weight, arbitrary};
}

// Some random changes cannot be made; these are no changes.
function tryAll(actions: readonly Action[]): Change {
	const change = (root: string) => {
		for (const {perform} of actions) {
			try {
				perform(Buffer.from(root));
			} catch {}
		}
	};

	return Object.assign(change, {[fc.toStringMethod]: () => `[${actions.map(({description}) => description).join('; ')}]`});
}

function pick(files: readonly Buffer[], number: number): Buffer {
	const file = files[number % files.length];
	if (file === undefined) {
		throw new TypeError('there is no file yet');
	}

	return file;
}

function filesBelow(directory: Buffer): readonly Buffer[] {
	const entries = readdirSync(directory, {withFileTypes: true, encoding: 'buffer'});
	return entries.toSorted((left, right) => Buffer.compare(left.name, right.name)).flatMap(entry => {
		const file = Buffer.concat([directory, slash, entry.name]);
		return entry.isDirectory() ? [file, ...filesBelow(file)] : [file];
	});
}

function write(file: Buffer, flags: number, text: string): void {
	const descriptor = openSync(file, flags | O_NOFOLLOW | O_NONBLOCK, 0o644);
	try {
		writeSync(descriptor, text);
	} finally {
		closeSync(descriptor);
	}
}

function refuseLink(file: Buffer): Buffer {
	if (lstatSync(file).isSymbolicLink()) {
		throw new TypeError('it would be followed');
	}

	return file;
}

function removeAll(file: Buffer): void {
	if (!lstatSync(file).isDirectory()) {
		unlinkSync(file);
		return;
	}

	for (const name of readdirSync(file, {encoding: 'buffer'})) {
		removeAll(Buffer.concat([file, slash, name]));
	}

	rmdirSync(file);
}

// As mv(1) does it: overlayfs does not rename directories of lower layers.
function move(from: Buffer, to: Buffer): void {
	try {
		renameSync(from, to);
	} catch (error) {
		if (errorCode(error) !== 'EXDEV') {
			throw error;
		}

		execFileSync('bash', ['-c', `mv -T -- ${quote(from)} ${quote(to)}`], {stdio: 'ignore'});
	}
}

// For another process than this one, and as ASCII, which is all that arguments can be.
function quote(file: Buffer): string {
	const path = Buffer.from(file.toString('latin1').replace('/proc/self/', () => `/proc/${process.pid}/`), 'latin1');
	return `$'${[...path].map(byte => String.raw`\x${byte.toString(16).padStart(2, '0')}`).join('')}'`;
}
