import type {Metadata} from '../../../snapshotter/metadata.ts';
import type {StepNames} from '../../../snapshotter/step-facts.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalEntry} from '../../../solver/journal.ts';
import {canonicalJson} from '../../kernel/canonical-json.ts';
import type {Definition, VertexMetadata} from '../../definition/definition.ts';
import type {InputIndex, Operation} from '../../definition/operations.ts';
import {
	describeStep,
	imageText,
	placeOf,
	type PartValue,
	type StepDescription,
} from './step-description.ts';

/** What an input was to a step. */
export type InputFacts = {
	/** By this the inputs of two steps are laid side by side. */
	readonly role: string;
	/** What it is called. */
	readonly label: string;
	readonly key?: string;
	/** The digest of what is taken of it. */
	readonly content?: string;
};

/** What is kept of a step that was executed, as JSON. */
export type StepFacts = {
	readonly kind: string;
	/** Which of its stage it is, from 1. */
	readonly ordinal?: number;
	readonly title: string;
	/** The digest of what it does. */
	readonly operation: string;
	readonly parts: Readonly<Record<string, PartValue>>;
	readonly inputs: readonly InputFacts[];
};

/** Where a build finds and keeps the facts of its steps. */
export type Project = {
	readonly definition: Definition;
	/** Tells it from other builds; the same each time that it is built. */
	readonly project: string;
};

/** Of which the facts are kept in a store. */
export type StoredProject = Project & {readonly metadata: Metadata};

/** `[name 2/5] RUN make` */
type StepName = {
	readonly stage: string;
	readonly ordinal: number | undefined;
	/** What follows the brackets. */
	readonly text: string;
};

/** Reads the name that the progress shows. */
function parseStepName(name: string): StepName {
	const {place = '', text = name} = /^\[(?<place>[^\]]+)\] (?<text>.*)$/sv.exec(name)?.groups ?? {};
	const {ordinal} = /(?:^| )(?<ordinal>\d+)\/\d+$/v.exec(place)?.groups ?? {};
	return ordinal === undefined ? {stage: '', ordinal, text: name} : {stage: place.split(' ').slice(0, -1).join(' '), ordinal: Number(ordinal), text};
}

/** The facts of an execution. */
export function factsOf({vertex, operation, inputs}: JournalEntry<BuildResult>, {definition}: Project): StepFacts {
	const {operation: described} = definition.vertexes.get(vertex.digest)!;
	const {ordinal} = parseStepName(vertex.name);
	const {title, parts} = describeStep(described);
	return {
		kind: described.kind,
		...(ordinal !== undefined && {ordinal}),
		title,
		// A linked copy is one half of its instruction.
		parts: {...parts, ...(described.kind === 'file' && {'--link': String(vertex.partOf !== undefined)})},
		operation,
		inputs: inputs.map((input, index) => ({
			role: roleOf(described, index),
			label: labelOf(input.vertex, definition),
			...(input.key !== undefined && input.content === undefined && {key: input.key}),
			...(input.content !== undefined && {content: input.content}),
		})),
	};
}

/** The input that has a role. */
export function findInput({inputs}: StepFacts, role: string): InputFacts | undefined {
	return inputs.find(input => input.role === role);
}

/** Tells a step from the others of its stage: many are copied to the same place. */
export function identityOf({title, parts: {sources = ''}}: StepDescription): string {
	return `${title}\n${canonicalJson(sources)}`;
}

/** How an execution is found again. */
export function namesOf({vertex, inputs}: JournalEntry<BuildResult>, {definition, project}: Project): StepNames {
	const {operation} = definition.vertexes.get(vertex.digest)!;
	const {stage} = parseStepName((vertex.description as VertexMetadata).name);
	const root = 'root' in operation && operation.root !== null ? inputs[operation.root]?.key : undefined;
	return {
		project, stage, title: `${operation.kind} ${describeStep(operation).title}`, root,
	};
}

/** What a step does with an input: it is the root, or the first, second and so on of those that files are taken of, or mounted at a place. */
function roleOf(operation: Operation, input: InputIndex): string {
	const root = 'root' in operation ? operation.root : null;
	if (input === root) {
		return 'root';
	}

	const mounts = operation.kind === 'exec' ? operation.mounts.filter(mount => (mount.type === 'bind' || mount.type === 'cache') && mount.input === input) : [];
	return mounts.length > 0 ? mounts.map(mount => placeOf(mount)).join(' ') : `files ${root !== null && root < input ? input : input + 1}`;
}

function labelOf({digest, name}: JournalEntry<BuildResult>['vertex'], {vertexes}: Definition): string {
	const {operation} = vertexes.get(digest)!;
	return operation.kind === 'source-image' ? imageText(operation) : parseStepName(name).text;
}
