import type {NetworkMode, SecurityMode} from '../../src/definition/operations.ts';
import type {Healthcheck} from '../../src/kernel/oci-types.ts';
import type {SourceLocation} from '../../src/kernel/source-location.ts';
import type {Heredoc} from './heredoc.ts';

/*
The instructions of a Dockerfile with their arguments in typed form. Variables are not yet expanded.
*/

type InstructionBase = {
	/** As written, continued lines joined, without heredoc bodies. */
	readonly code: string;
	readonly location: SourceLocation;
	/** The comments right above, without `#`. */
	readonly comments: readonly string[];
	/** Comes from the ONBUILD of a base image. */
	readonly isTrigger: boolean;
};

export type KeyValue = {readonly name: string; readonly value: string};

type Pairs = {
	readonly pairs: readonly KeyValue[];
	/** The one pair is written without `=`. */
	readonly isLegacyPair: boolean;
};

/** A command in shell form (one line, `usesShell`) or exec form (its arguments). */
export type CommandLine = {
	readonly words: readonly string[];
	readonly usesShell: boolean;
};

export type ArgInstruction = InstructionBase & {
	readonly kind: 'arg';
	/** The value is missing where none is written: `ARG NAME`. */
	readonly parameters: ReadonlyArray<{readonly name: string; readonly value?: string}>;
};

export type CmdInstruction = InstructionBase & {readonly kind: 'cmd'; readonly command: CommandLine};
export type EntrypointInstruction = InstructionBase & {readonly kind: 'entrypoint'; readonly command: CommandLine};
export type EnvInstruction = InstructionBase & Pairs & {readonly kind: 'env'};
export type LabelInstruction = InstructionBase & Pairs & {readonly kind: 'label'};
export type ExposeInstruction = InstructionBase & {readonly kind: 'expose'; readonly ports: readonly string[]};
export type HealthcheckInstruction = InstructionBase & {readonly kind: 'healthcheck'; readonly healthcheck: Healthcheck};
export type MaintainerInstruction = InstructionBase & {readonly kind: 'maintainer'; readonly maintainer: string};

/** `expression` is the triggered instruction as text, with its heredocs. */
export type OnBuildInstruction = InstructionBase & {readonly kind: 'onbuild'; readonly expression: string};

export type RunInstruction = InstructionBase & {
	readonly kind: 'run';
	readonly command: CommandLine;
	readonly heredocs: readonly Heredoc[];
	/** `undefined` is the network of the build. */
	readonly network: NetworkMode | undefined;
	readonly security: SecurityMode;
	/** The values of `--mount`, as written. */
	readonly mounts: readonly string[];
};

/** What COPY and ADD have in common. */
export type Transfer = {
	/** In the order in which they are written. */
	readonly sources: readonly string[];
	/** Files whose content stands in the Dockerfile. They are copied after the sources. */
	readonly documents: readonly Heredoc[];
	readonly destination: string;
	readonly owner?: string;
	readonly mode?: string;
	/** Accepted; the result is the same without. */
	readonly isLinked: boolean;
	readonly exclude: readonly string[];
};

export type CopyInstruction = InstructionBase & Transfer & {
	readonly kind: 'copy';
	/** A stage, its number, an image or a named context. */
	readonly from?: string;
	readonly keepParents: boolean;
};

export type AddInstruction = InstructionBase & Transfer & {
	readonly kind: 'add';
	readonly unpack?: boolean;
	readonly keepGitDirectory?: boolean;
	readonly checksum?: string;
};

export type ShellInstruction = InstructionBase & {readonly kind: 'shell'; readonly shell: readonly string[]};
export type StopSignalInstruction = InstructionBase & {readonly kind: 'stopsignal'; readonly signal: string};
export type UserInstruction = InstructionBase & {readonly kind: 'user'; readonly user: string};
export type VolumeInstruction = InstructionBase & {readonly kind: 'volume'; readonly volumes: readonly string[]};
export type WorkdirInstruction = InstructionBase & {readonly kind: 'workdir'; readonly path: string};

/** `FROM`: begins a stage. */
export type FromInstruction = InstructionBase & {
	readonly kind: 'from';
	readonly baseName: string;
	/** In lower case; empty when the stage has no name. */
	readonly stageName: string;
	readonly platform?: string;
};

/** An instruction within a stage. */
export type Instruction =
	| AddInstruction | ArgInstruction | CmdInstruction | CopyInstruction | EntrypointInstruction | EnvInstruction
	| ExposeInstruction | HealthcheckInstruction | LabelInstruction | MaintainerInstruction | OnBuildInstruction | RunInstruction
	| ShellInstruction | StopSignalInstruction | UserInstruction | VolumeInstruction | WorkdirInstruction;

/** A FROM with the instructions up to the next one. */
export type Stage = {
	readonly from: FromInstruction;
	readonly instructions: readonly Instruction[];
};

/** A Dockerfile as typed instructions. */
export type Dockerfile = {
	/** The ARGs before the first FROM. */
	readonly globalArguments: readonly ArgInstruction[];
	readonly stages: readonly Stage[];
};
