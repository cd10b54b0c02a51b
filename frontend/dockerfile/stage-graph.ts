import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {DockerfileError} from './errors.ts';
import type {PlannedStage, StageStep} from './stage-plan.ts';

/**
Makes sure that no stage needs itself.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_STAGE`, with the lines of the COPY instructions that close the circle, last first
*/
export function rejectCycles(stages: readonly PlannedStage[]): void {
	const finished = new Set<number>();
	for (const {index, label} of stages) {
		const circle = findCircle(stages, index, finished);
		if (circle !== undefined) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_STAGE', `circular dependency detected on stage: ${label}`, {locations: circle.toReversed()});
		}
	}
}

/**
The stages that are needed to build one, by their places, lowest first. `stepsOf` gives the instructions of a stage.
*/
export function reachableStages(stages: readonly PlannedStage[], target: number, stepsOf: (stage: PlannedStage) => readonly StageStep[]): readonly number[] {
	const reached = new Set<number>();
	const pending = [target];
	for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
		reached.add(index);
		const stage = stages[index]!;
		const sources = stage.isReplaced ? [stage.base] : [stage.base, ...stepsOf(stage).flatMap(step => step.sources.values().toArray())];
		for (const source of sources) {
			if (source.type === 'stage' && !reached.has(source.index)) {
				pending.push(source.index);
			}
		}
	}

	return [...reached].toSorted((left, right) => left - right);
}

type Visit = {readonly index: number; readonly copies: Iterator<readonly [number, SourceLocation]>; readonly location: SourceLocation | undefined};

/** Walks depth first without recursion: a file may hold thousands of stages. */
function findCircle(stages: readonly PlannedStage[], start: number, finished: Set<number>): readonly SourceLocation[] | undefined {
	const path: Visit[] = [];
	const onPath = new Set<number>();
	const visit = (index: number, location?: SourceLocation) => {
		path.push({index, copies: copiesOf(stages[index]!).entries(), location});
		onPath.add(index);
	};

	if (!finished.has(start)) {
		visit(start);
	}

	for (let current = path.at(-1); current !== undefined; current = path.at(-1)) {
		const next = current.copies.next();
		if (next.done) {
			finished.add(current.index);
			onPath.delete(current.index);
			path.pop();
			continue;
		}

		const [index, location] = next.value;
		if (onPath.has(index)) {
			return [...path.slice(1).map(step => step.location!), location];
		}

		if (!finished.has(index)) {
			visit(index, location);
		}
	}

	return undefined;
}

/** The stages that a stage takes files from, each with the last instruction that does. */
function copiesOf({steps}: PlannedStage): ReadonlyMap<number, SourceLocation> {
	const copies = new Map<number, SourceLocation>();
	for (const {instruction, sources} of steps) {
		for (const source of sources.values()) {
			if (source.type === 'stage') {
				copies.set(source.index, instruction.location);
			}
		}
	}

	return copies;
}
