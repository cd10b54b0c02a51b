import type {CopyAction} from '../../../src/definition/operations.ts';
import {isGitReference} from '../../../src/kernel/git-reference.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import {DockerfileError} from '../errors.ts';
import type {AddInstruction, CopyInstruction} from '../instructions.ts';
import {cleanPath} from '../paths.ts';
import type {StageSource} from '../stage-sources.ts';
import {addInlineDocument} from './inline-document.ts';
import {Inputs} from './inputs.ts';
import {gitAction, httpAction, type RemoteOptions} from './remote-action.ts';
import {isHttpSource} from './remote-source.ts';
import type {StageBuilder, StageVertex} from './stage-builder.ts';
import {
	commonAction,
	exactSource,
	expandTransfer,
	type ExpandedTransfer,
	type TransferInstruction,
} from './transfer.ts';

// About the size of a copy action as text.
const charactersPerSource = 256;

/**
COPY: files of the build context, or of the `source` that `--from` names, and files that stand in the Dockerfile.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` for a mode that is none and for a source that COPY does not take
*/
export function convertCopy(instruction: CopyInstruction, stage: StageBuilder, source: StageSource | undefined): void {
	const transfer = expandTransfer(instruction, stage);
	rejectRemoteCopy(transfer);
	if (source === undefined) {
		checkSources(transfer, stage);
	}

	addTransfer(instruction, stage, {transfer, from: source === undefined ? stage.conversion.buildContext : () => stage.conversion.rootOf(source)});
}

/**
ADD: like COPY, and files of the web and of git repositories; archives of the context are unpacked.

@throws {DockerfileError} as `convertCopy`
*/
export function convertAdd(instruction: AddInstruction, stage: StageBuilder): void {
	const transfer = expandTransfer(instruction, stage);
	rejectChecksum(instruction, transfer);
	checkSources(transfer, stage);
	addTransfer(instruction, stage, {transfer, from: stage.conversion.buildContext});
}

function checkSources({sources}: ExpandedTransfer, stage: StageBuilder): void {
	for (const source of sources) {
		if (!isHttpSource(source) && !isGitReference(source)) {
			stage.checks.contextSource(source);
		}
	}
}

type TransferOptions = {readonly transfer: ExpandedTransfer; readonly from: () => Digest | null};

function addTransfer(instruction: TransferInstruction, stage: StageBuilder, {transfer, from}: TransferOptions): void {
	// As with BuildKit, --chmod is not possible together with --link, and wins.
	const isLinked = instruction.isLinked && transfer.mode === '' && stage.root !== null;
	const inputs = new Inputs();
	const root = isLinked ? null : inputs.add(stage.root);
	stage.conversion.budget.spend(charactersPerSource * transfer.sources.length * (1 + transfer.exclude.length));
	const name = stage.describe(instruction.code);
	const actions = [
		...transfer.sources.map(source => sourceAction(instruction, stage, {
			transfer, source, inputs, name, from,
		})),
		...transfer.documents.map(document => documentAction(document, stage, {transfer, inputs})),
	];
	const vertex: StageVertex = {
		operation: {
			kind: 'file', root, actions, platform: stage.platform,
		},
		inputs: inputs.digests,
		name,
		instruction,
		followsCacheWish: true,
	};
	if (isLinked) {
		stage.addLinkedVertex(vertex);
	} else {
		stage.addVertex(vertex);
	}

	stage.image.addHistory(historyText(instruction, transfer), {hasLayer: true});
}

type SourceOptions = RemoteOptions & Pick<TransferOptions, 'from'>;

function sourceAction(instruction: TransferInstruction, stage: StageBuilder, options: SourceOptions): CopyAction {
	if (instruction.kind === 'add' && isGitReference(options.source)) {
		return gitAction(instruction, stage, options);
	}

	return instruction.kind === 'add' && isHttpSource(options.source) ? httpAction(instruction, stage, options) : localAction(instruction, stage, options);
}

function localAction(instruction: TransferInstruction, stage: StageBuilder, {transfer, source, inputs, from}: SourceOptions): CopyAction {
	const isKeepParents = instruction.kind === 'copy' && instruction.keepParents;
	const {directory, pattern} = isKeepParents ? splitAtPivot(source) : {directory: source, pattern: undefined};
	return {
		...commonAction(stage, transfer),
		input: inputs.add(from()),
		source: cleanPath(directory),
		allowWildcard: true,
		allowEmptyWildcard: true,
		directoryContentsOnly: true,
		followSymlinks: true,
		attemptUnpack: instruction.kind === 'add' && (instruction.unpack ?? true),
		keepParents: isKeepParents,
		include: pattern === undefined ? [] : [cleanPath(pattern).slice(1)],
	};
}

type DocumentOptions = {readonly transfer: ExpandedTransfer; readonly inputs: Inputs};

function documentAction({name, content}: ExpandedTransfer['documents'][number], stage: StageBuilder, {transfer, inputs}: DocumentOptions): CopyAction {
	const {definition} = stage.conversion;
	return {
		...commonAction(stage, transfer),
		input: inputs.add(addInlineDocument({
			name, content, mode: 0o644, platform: stage.platform,
		}, definition)),
		...exactSource,
		source: cleanPath(name),
		attemptUnpack: false,
	};
}

/** `a/./b/c` keeps `b/c` and looks for it in `a`; without a pivot the whole path is kept. */
function splitAtPivot(source: string): {readonly directory: string; readonly pattern: string} {
	const pivot = source.indexOf('/./');
	return pivot === -1 ? {directory: '/', pattern: source} : {directory: source.slice(0, pivot), pattern: source.slice(pivot + '/./'.length)};
}

function historyText(instruction: TransferInstruction, {sources, documents, destination, owner, mode}: ExpandedTransfer): string {
	const words = [
		instruction.kind.toUpperCase(),
		instruction.kind === 'copy' && instruction.keepParents ? '--parents' : '',
		owner === '' ? '' : `--chown=${owner}`,
		mode === '' ? '' : `--chmod=${mode}`,
	];
	return [...words.filter(word => word !== ''), ...sources, ...documents.map(({name}) => `<<${name}`), destination, '# buildkit'].join(' ');
}

function rejectRemoteCopy({sources}: ExpandedTransfer): void {
	for (const source of sources) {
		if (isGitReference(source)) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'source can\'t be a git ref for COPY');
		}

		if (isHttpSource(source)) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'source can\'t be a URL for COPY');
		}
	}
}

function rejectChecksum({checksum}: AddInstruction, {sources}: ExpandedTransfer): void {
	if (checksum === undefined) {
		return;
	}

	if (sources.length !== 1) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'checksum can\'t be specified for multiple sources');
	}

	if (!isHttpSource(sources[0]!) && !isGitReference(sources[0]!)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'checksum requires HTTP(S) or Git sources');
	}
}
