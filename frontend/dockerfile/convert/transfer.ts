import type {CopyAction} from '../../../src/definition/operations.ts';
import {readFileMode} from '../file-mode.ts';
import type {AddInstruction, CopyInstruction} from '../instructions.ts';
import {cleanDestination} from '../paths.ts';
import type {StageBuilder} from './stage-builder.ts';

/** COPY or ADD. */
export type TransferInstruction = AddInstruction | CopyInstruction;

/** A COPY or ADD with its variables expanded. */
export type ExpandedTransfer = {
	readonly sources: readonly string[];
	readonly documents: ReadonlyArray<{readonly name: string; readonly content: string}>;
	readonly destination: string;
	readonly owner: string;
	/** Not yet checked. */
	readonly mode: string;
	readonly exclude: readonly string[];
};

/** Expands the variables of a COPY or ADD. */
export function expandTransfer({sources, documents, destination, owner = '', mode = '', exclude}: TransferInstruction, stage: StageBuilder): ExpandedTransfer {
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

/** What holds for the source of a copy that is one file, known by its name alone. */
export const exactSource = {
	allowWildcard: false,
	allowEmptyWildcard: false,
	directoryContentsOnly: false,
	followSymlinks: false,
	keepParents: false,
	include: [],
} as const;

type CommonAction = Pick<CopyAction, 'action' | 'createDestinationPath' | 'destination' | 'exclude' | 'mode' | 'owner'>;

/** What all copies of an instruction have in common. */
export function commonAction(stage: StageBuilder, {destination, owner, mode, exclude}: ExpandedTransfer): CommonAction {
	return {
		action: 'copy',
		destination: cleanDestination(stage.workingDirectory, destination),
		createDestinationPath: true,
		...(owner !== '' && {owner}),
		...(mode !== '' && {mode: readFileMode(mode)}),
		exclude,
	};
}
