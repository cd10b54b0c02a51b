import type {Platform} from '../../src/kernel/platform.ts';
import type {FromInstruction, Instruction} from './instructions.ts';
import type {SourceNames, StageSource} from './stage-sources.ts';

/** An instruction, with what the names in it mean that COPY and the mounts of RUN take files from. */
export type StageStep = {readonly instruction: Instruction; readonly sources: ReadonlyMap<string, StageSource>};

/** A stage of which is known what it begins with and what it copies from. */
export type PlannedStage = {
	/** Its place in the file. */
	readonly index: number;
	/** In lower case; empty when the stage has no name. */
	readonly name: string;
	/** What stands for the stage in messages and names of vertexes: its name, or `stage-0`. */
	readonly label: string;
	readonly from: FromInstruction;
	readonly base: StageSource;
	/** A named context stands for the whole stage; its instructions are not carried out. */
	readonly isReplaced: boolean;
	/** What `--platform` asks for. */
	readonly platform: Platform | undefined;
	readonly steps: readonly StageStep[];
};

export type StagePlan = {
	readonly stages: readonly PlannedStage[];
	/** The index of the stage that is the result. */
	readonly target: number;
	/** The only stage, and nothing is copied from elsewhere: its name does not stand in front of its vertexes. */
	readonly isAlone: boolean;
	/** For what is found later, such as triggers. */
	readonly names: SourceNames;
};
