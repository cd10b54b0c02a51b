import type {CopyAction} from '../../../src/definition/operations.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import {DockerfileError} from '../errors.ts';
import {readFileMode} from '../file-mode.ts';
import type {AddInstruction, CopyInstruction} from '../instructions.ts';
import {cleanDestination, cleanPath} from '../paths.ts';
import type {StageSource} from '../stage-sources.ts';
import {addInlineDocument} from './inline-document.ts';
import {Inputs} from './inputs.ts';
import {
	fileNameOf,
	isGitSource,
	isHttpSource,
	readChecksum,
} from './remote-source.ts';
import type {StageBuilder, StageVertex} from './stage-builder.ts';

// About the size of a copy action as text.
const charactersPerSource = 256;

type TransferInstruction = AddInstruction | CopyInstruction;

/** A COPY or ADD with its variables expanded. */
type ExpandedTransfer = {
	readonly sources: readonly string[];
	readonly documents: ReadonlyArray<{readonly name: string; readonly content: string}>;
	readonly destination: string;
	readonly owner: string;
	/** Not yet checked. */
	readonly mode: string;
	readonly exclude: readonly string[];
};

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
ADD: like COPY, and files of the web; archives of the context are unpacked.

@throws {DockerfileError} as `convertCopy`; `ERR_TSBUILD_DOCKERFILE_UNSUPPORTED` for git repositories
*/
export function convertAdd(instruction: AddInstruction, stage: StageBuilder): void {
	const transfer = expandTransfer(instruction, stage);
	rejectChecksum(instruction, transfer);
	if (!stage.conversion.isDescription) {
		rejectGit(transfer);
	}

	checkSources(transfer, stage);
	addTransfer(instruction, stage, {transfer, from: stage.conversion.buildContext});
}

function checkSources({sources}: ExpandedTransfer, stage: StageBuilder): void {
	for (const source of sources) {
		if (!isHttpSource(source) && !isGitSource(source)) {
			stage.checks.contextSource(source);
		}
	}
}

function expandTransfer({sources, documents, destination, owner = '', mode = '', exclude}: TransferInstruction, stage: StageBuilder): ExpandedTransfer {
	return {
		owner: stage.expand(owner),
		mode: stage.expand(mode),
		sources: sources.map(source => stage.expand(source)),
		destination: stage.expand(destination),
		exclude,
		documents: documents.map(({name, content, expands}) => ({
			name,
			content: expands ? stage.expand(content, {escape: '\\', ignoresQuotes: true}) : content,
		})),
	};
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
		...transfer.sources.map(source => isHttpSource(source)
			? remoteAction(instruction as AddInstruction, stage, {
				transfer, source, inputs, name,
			})
			: sourceAction(instruction, stage, {transfer, source, input: inputs.add(from())})),
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

type SourceOptions = {readonly transfer: ExpandedTransfer; readonly source: string; readonly input: number | null};

function sourceAction(instruction: TransferInstruction, stage: StageBuilder, {transfer, source, input}: SourceOptions): CopyAction {
	const isKeepParents = instruction.kind === 'copy' && instruction.keepParents;
	const {directory, pattern} = isKeepParents ? splitAtPivot(source) : {directory: source, pattern: undefined};
	return {
		...commonAction(stage, transfer),
		input,
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

type RemoteOptions = {readonly transfer: ExpandedTransfer; readonly source: string; readonly inputs: Inputs; readonly name: string};

function remoteAction(instruction: AddInstruction, stage: StageBuilder, {transfer, source: url, inputs, name}: RemoteOptions): CopyAction {
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

// One file, by its name alone.
const exactSource = {
	allowWildcard: false,
	allowEmptyWildcard: false,
	directoryContentsOnly: false,
	followSymlinks: false,
	keepParents: false,
	include: [],
} as const;

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

function commonAction(stage: StageBuilder, {destination, owner, mode, exclude}: ExpandedTransfer): Pick<CopyAction, 'action' | 'destination' | 'createDestinationPath' | 'owner' | 'mode' | 'exclude'> {
	return {
		action: 'copy',
		destination: cleanDestination(stage.workingDirectory, destination),
		createDestinationPath: true,
		...(owner !== '' && {owner}),
		...(mode !== '' && {mode: readFileMode(mode)}),
		exclude,
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
		if (isGitSource(source)) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'source can\'t be a git ref for COPY');
		}

		if (isHttpSource(source)) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'source can\'t be a URL for COPY');
		}
	}
}

function rejectGit({sources}: ExpandedTransfer): void {
	const remote = sources.find(source => isGitSource(source));
	if (remote !== undefined) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_UNSUPPORTED', `ADD ${remote} is not supported yet`, {hint: 'Fetch it in a RUN, or before the build.'});
	}
}

function rejectChecksum({checksum}: AddInstruction, {sources}: ExpandedTransfer): void {
	if (checksum === undefined) {
		return;
	}

	if (sources.length !== 1) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'checksum can\'t be specified for multiple sources');
	}

	if (!isHttpSource(sources[0]!) && !isGitSource(sources[0]!)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', 'checksum requires HTTP(S) or Git sources');
	}
}
