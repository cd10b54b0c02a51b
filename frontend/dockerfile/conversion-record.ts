import type {StageState} from './convert/stage-builder.ts';
import type {EscapeCharacter} from './directives.ts';
import type {Dockerfile} from './instructions.ts';
import type {StageWork} from './resolve-stages.ts';
import type {StagePlan} from './stage-plan.ts';

/** How a definition came about, for those who describe a Dockerfile. */
export type ConversionRecord = {
	readonly dockerfile: Dockerfile;
	readonly escape: EscapeCharacter;
	readonly plan: StagePlan;
	/** The stages that were converted. */
	readonly work: readonly StageWork[];
	readonly buildArgs: ReadonlyMap<string, string>;
	readonly globalVariables: ReadonlyMap<string, string>;
	/** What the stages that were converted are at their end, by their places in the file. */
	readonly states: ReadonlyMap<number, StageState>;
};
