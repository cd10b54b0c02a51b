import type {Metadata} from '../../../snapshotter/metadata.ts';
import type {StepNames} from '../../../snapshotter/step-facts.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalEntry} from '../../../solver/journal.ts';
import type {Definition, VertexMetadata} from '../../definition/definition.ts';
import {describeStep, imageText, type PartValue} from './step-description.ts';

/** What an input was to a step. */
export type InputFacts = {
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
export function parseStepName(name: string): StepName {
	const {place = '', text = name} = /^\[(?<place>[^\]]+)\] (?<text>.*)$/sv.exec(name)?.groups ?? {};
	const {ordinal} = /(?:^| )(?<ordinal>\d+)\/\d+$/v.exec(place)?.groups ?? {};
	return ordinal === undefined ? {stage: '', ordinal, text: name} : {stage: place.split(' ').slice(0, -1).join(' '), ordinal: Number(ordinal), text};
}

/** The facts of an execution. */
export function factsOf({vertex, operation, inputs}: JournalEntry<BuildResult>, {definition}: Project): StepFacts {
	const {operation: described} = definition.vertexes.get(vertex.digest)!;
	const {ordinal} = parseStepName(vertex.name);
	return {
		kind: described.kind,
		...(ordinal !== undefined && {ordinal}),
		...describeStep(described),
		operation,
		inputs: inputs.map(input => ({
			label: labelOf(input.vertex, definition),
			...(input.key !== undefined && input.content === undefined && {key: input.key}),
			...(input.content !== undefined && {content: input.content}),
		})),
	};
}

/** How an execution is found again. */
export function namesOf({vertex, inputs}: JournalEntry<BuildResult>, {definition, project}: Project): StepNames {
	const {operation} = definition.vertexes.get(vertex.digest)!;
	const {stage} = parseStepName((vertex.description as VertexMetadata).name);
	const root = 'root' in operation && operation.root !== null ? inputs[operation.root]?.key : undefined;
	return {place: `${project}\n${stage}`, title: `${operation.kind} ${describeStep(operation).title}`, root};
}

function labelOf({digest, name}: JournalEntry<BuildResult>['vertex'], {vertexes}: Definition): string {
	const {operation} = vertexes.get(digest)!;
	return operation.kind === 'source-image' ? imageText(operation) : parseStepName(name).text;
}
