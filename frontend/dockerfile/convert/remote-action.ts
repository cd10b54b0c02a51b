import type {CopyAction} from '../../../src/definition/operations.ts';
import {parseGitReference, type GitReference} from '../../../src/kernel/git-reference.ts';
import {TsbuildError} from '../../../src/kernel/errors.ts';
import {DockerfileError} from '../errors.ts';
import type {AddInstruction} from '../instructions.ts';
import {cleanPath} from '../paths.ts';
import type {Inputs} from './inputs.ts';
import {fileNameOf, readChecksum} from './remote-source.ts';
import type {StageBuilder} from './stage-builder.ts';
import {commonAction, exactSource, type ExpandedTransfer} from './transfer.ts';

/** A source of ADD that is not in the build context. */
export type RemoteOptions = {
	readonly transfer: ExpandedTransfer;
	/** Its address. */
	readonly source: string;
	/** Of the vertex that copies. */
	readonly inputs: Inputs;
	/** Of that vertex as well. */
	readonly name: string;
};

/**
The copy of a file of the web. Archives stay as they are unless ADD is told to unpack them.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` for a checksum that is none
*/
export function httpAction(instruction: AddInstruction, stage: StageBuilder, {transfer, source: url, inputs, name}: RemoteOptions): CopyAction {
	const fileName = fileNameOf(url);
	const file = stage.addSource({
		kind: 'source-http', url, fileName, ...readChecksum(instruction.checksum),
	}, {instruction, name});
	return {
		...commonAction(stage, {...transfer, exclude: []}),
		...exactSource,
		input: inputs.add(file),
		source: `/${fileName}`,
		attemptUnpack: instruction.unpack ?? false,
	};
}

/**
The copy of the files of a git repository.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` for a reference that is none, or that says something else than the flags
*/
export function gitAction(instruction: AddInstruction, stage: StageBuilder, {transfer, source, inputs, name}: RemoteOptions): CopyAction {
	const {remote, name: wanted, subdirectory, checksum, keepsGitDirectory, hasSubmodules = true, time = 'commit'} = readReference(source);
	const expected = agreed(instruction.checksum, checksum, 'inconsistent checksum configuration');
	const repository = stage.addSource({
		kind: 'source-git',
		remote,
		name: wanted,
		...(expected !== undefined && {checksum: readCommitPrefix(expected)}),
		subdirectory: cleanSubdirectory(subdirectory),
		keepsGitDirectory: agreed(instruction.keepGitDirectory, keepsGitDirectory, 'inconsistent keep-git-dir configuration') ?? false,
		hasSubmodules,
		time,
	}, {instruction, name});
	return {
		...commonAction(stage, transfer),
		...exactSource,
		directoryContentsOnly: true,
		input: inputs.add(repository),
		source: '/',
		attemptUnpack: false,
	};
}

function readReference(source: string): GitReference {
	try {
		return parseGitReference(source)!;
	} catch (error) {
		throw error instanceof TsbuildError ? new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', error.message, {cause: error, ...(error.hint !== undefined && {hint: error.hint})}) : error;
	}
}

/** What the flag and the address say of the same thing. */
function agreed<Value>(flag: Value | undefined, address: Value | undefined, message: string): Value | undefined {
	if (flag !== undefined && address !== undefined && flag !== address) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', message, {hint: 'The flag and the address say different things.'});
	}

	return flag ?? address;
}

function readCommitPrefix(text: string): string {
	if (!/^[\da-f]+$/v.test(text)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `invalid checksum ${text}`, {hint: 'Of a git repository it is the first hexadecimal digits of a commit, at least.'});
	}

	return text;
}

/** Without `/` at the ends; empty for all of a repository. */
function cleanSubdirectory(subdirectory: string): string {
	return cleanPath(subdirectory).slice(1);
}
