import {DockerfileError} from './errors.ts';
import {readFlags} from './flags.ts';
import {heredocText, parseHeredocWord, type Heredoc} from './heredoc.ts';
import type {AddInstruction, CopyInstruction, Transfer} from './instructions.ts';
import type {Statement} from './parse.ts';

const commonFlagKinds = {
	chown: 'string', chmod: 'string', link: 'boolean', exclude: 'strings',
} as const;
const flagKindsOfCopy = {...commonFlagKinds, from: 'string', parents: 'boolean'} as const;
const flagKindsOfAdd = {
	...commonFlagKinds, 'keep-git-dir': 'boolean', checksum: 'string', unpack: 'boolean',
} as const;

/** Flags that COPY and ADD share, as given. */
type CommonFlags = {readonly chown?: string; readonly chmod?: string; readonly link?: boolean; readonly exclude?: readonly string[]};

/**
The arguments of COPY.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`
*/
export function readCopy(statement: Statement): Omit<CopyInstruction, 'code' | 'location' | 'comments' | 'isTrigger'> {
	requireDestination(statement, 'COPY');
	const {from, parents, ...common} = readFlags(statement.flags, flagKindsOfCopy);
	return {
		kind: 'copy',
		...readTransfer(statement, 'COPY', common),
		...(from !== undefined && from !== '' && {from}),
		keepParents: parents ?? false,
	};
}

/**
The arguments of ADD.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`
*/
export function readAdd(statement: Statement): Omit<AddInstruction, 'code' | 'location' | 'comments' | 'isTrigger'> {
	requireDestination(statement, 'ADD');
	const {'keep-git-dir': keepGitDirectory, checksum, unpack, ...common} = readFlags(statement.flags, flagKindsOfAdd);
	return {
		kind: 'add',
		...readTransfer(statement, 'ADD', common),
		...(keepGitDirectory !== undefined && {keepGitDirectory}),
		...(checksum !== undefined && checksum !== '' && {checksum}),
		...(unpack !== undefined && {unpack}),
	};
}

function requireDestination({words}: Statement, name: string): void {
	if (words.length < 2) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `${name} requires at least two arguments, but only one was provided. Destination could not be determined`);
	}
}

function readTransfer({words, heredocs}: Statement, name: string, {chown, chmod, link, exclude}: CommonFlags): Transfer {
	const destination = words.at(-1)!;
	if (parseHeredocWord(destination) !== undefined) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `${name} cannot accept a heredoc as a destination`);
	}

	const sources: string[] = [];
	const documents: Heredoc[] = [];
	for (const word of words.slice(0, -1)) {
		const opening = parseHeredocWord(word);
		const heredoc = heredocs.findLast(candidate => candidate.name === opening?.name);
		if (heredoc === undefined) {
			sources.push(word);
		} else {
			documents.push({...heredoc, content: heredocText(heredoc), removesTabs: false});
		}
	}

	return {
		sources,
		documents,
		destination,
		...(chown !== undefined && {owner: chown}),
		...(chmod !== undefined && {mode: chmod}),
		isLinked: link ?? false,
		exclude: exclude ?? [],
	};
}
