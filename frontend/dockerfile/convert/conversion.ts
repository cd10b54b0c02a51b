import type {DefinitionBuilder} from '../../../src/definition/definition.ts';
import type {NetworkMode, StepOptions} from '../../../src/definition/operations.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import type {Checker} from '../check/checker.ts';
import type {EscapeCharacter} from '../directives.ts';
import type {StageSource} from '../stage-sources.ts';
import type {WorkBudget} from '../work-budget.ts';

/** What all stages of one build share. */
export type Conversion = {
	readonly definition: DefinitionBuilder;
	readonly escape: EscapeCharacter;
	readonly budget: WorkBudget;
	readonly checker: Checker;
	/** Whether the build context leaves a path out. */
	readonly isIgnored: (path: string) => boolean;
	readonly buildArgs: ReadonlyMap<string, string>;
	readonly globalVariables: ReadonlyMap<string, string>;
	/** Of each RUN. */
	readonly stepOptions: StepOptions;
	/** Of a RUN that does not choose one. */
	readonly network: NetworkMode;
	/** The vertex whose file system a source is; `null` is the empty one. */
	readonly rootOf: (source: StageSource) => Digest | null;
	/** The vertex of the build context, added when it is first asked for. */
	readonly buildContext: () => Digest;
};
