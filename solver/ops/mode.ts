import {TsbuildError} from '../../src/kernel/errors.ts';

/** The file whose permissions are changed. */
export type FileMode = {
	/** Permission bits with set-user-ID and the like, 0 to 0o7777. */
	readonly mode: number;
	readonly isDirectory: boolean;
};

/** Gives the permission bits that a file gets, from those that it has. */
export type ModeChange = (file: FileMode) => number;

type Change = {
	/** The bits of the users that are named; 0 when none are. */
	readonly who: number;
	readonly operator: string;
	/** Letters of permissions, or one letter of the users whose permissions are taken. */
	readonly permissions: string;
};

const whoBits: Readonly<Record<string, number>> = {
	u: 0o4700, g: 0o2070, o: 0o0007, a: 0o6777,
};
const permissionBits: Readonly<Record<string, number>> = {
	r: 0o444, w: 0o222, x: 0o111, X: 0o111, s: 0o6000, t: 0o1000,
};
const classShifts: Readonly<Record<string, number>> = {u: 6, g: 3, o: 0};
const executeBits = 0o111;
const stickyBit = 0o1000;

/**
Reads `--chmod`: octal digits such as `0755`, or symbolic clauses such as `u=rwX,go=rX`, in the manner of BSD's setmode(3) that BuildKit follows (`=` also takes set-user-ID and set-group-ID away from a directory). Where a clause names no users, all are meant: BuildKit's daemon has no umask.

@throws {TsbuildError} `ERR_TSBUILD_MODE`
@see https://man.freebsd.org/cgi/man.cgi?query=chmod&sektion=1
*/
export function parseMode(text: string): ModeChange {
	const octal = octalMode(text);
	if (octal !== undefined) {
		return () => octal;
	}

	const changes = text.split(',').flatMap(clause => parseClause(clause));
	return ({mode, isDirectory}) => {
		const letters = isDirectory || (mode & executeBits) !== 0 ? 'rwxXst' : 'rwxst';
		let result = mode;
		for (const change of changes) {
			result = apply(change, result, letters);
		}

		return result;
	};
}

/**
The permissions of the directories that a copy makes on the way: those of an octal `--chmod`, without set-ID bits, as with mkdir(2).

@throws {TsbuildError} `ERR_TSBUILD_MODE`
*/
export function newDirectoryMode(text: string | undefined): number {
	return (octalMode(text ?? '') ?? 0o755) & 0o777;
}

/** Whether a `--chmod` leaves nothing of the permissions that a file has. */
export function isAbsoluteMode(text: string): boolean {
	return /^\d/v.test(text);
}

/** The bits of an octal `--chmod`; `undefined` for a symbolic one. */
function octalMode(text: string): number | undefined {
	if (!isAbsoluteMode(text)) {
		return undefined;
	}

	if (!/^0*[0-7]{1,4}$/v.test(text)) {
		throw new TsbuildError('ERR_TSBUILD_MODE', `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`);
	}

	return Number.parseInt(text, 8);
}

function parseClause(clause: string): readonly Change[] {
	const {users = '', actions} = /^(?<users>[agou]*)(?<actions>(?:[+\-=](?:[Xrstwx]*|[gou]))+)$/v.exec(clause)?.groups ?? {};
	if (actions === undefined) {
		throw new TsbuildError('ERR_TSBUILD_MODE', 'invalid syntax', {hint: '--chmod takes octal digits, or clauses such as u=rwX,go=rX.'});
	}

	const who = combine([...users].map(letter => whoBits[letter]!));
	return actions.split(/(?=[+\-=])/v).map(action => ({who, operator: action.slice(0, 1), permissions: action.slice(1)}));
}

function apply({who, operator, permissions}: Change, mode: number, letters: string): number {
	const shift = classShifts[permissions];
	const wanted = shift === undefined ? bitsOf(permissions, letters) : ((mode >> shift) & 0o7) * executeBits;
	const bits = who === 0 ? wanted : wanted & (who | (who === whoBits.o ? 0 : stickyBit));
	switch (operator) {
		case '+': {
			return mode | bits;
		}

		case '-': {
			return mode & ~bits;
		}

		default: {
			const cleared = who === 0 ? whoBits.a! : who;
			return (mode & ~(shift === undefined ? cleared : cleared & 0o777)) | bits;
		}
	}
}

function bitsOf(permissions: string, letters: string): number {
	return combine([...permissions].filter(letter => letters.includes(letter)).map(letter => permissionBits[letter]!));
}

function combine(parts: readonly number[]): number {
	let bits = 0;
	for (const part of parts) {
		bits |= part;
	}

	return bits;
}
