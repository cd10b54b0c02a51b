import type {Digest} from '../../../src/kernel/digest.ts';
import type {ImageConfig} from '../../../src/kernel/oci-types.ts';
import type {Platform} from '../../../src/kernel/platform.ts';
import {DockerfileError} from '../errors.ts';
import {Environment, splitVariable} from '../environment.ts';
import {quoteGoString} from '../go-format.ts';
import {draftFrom} from '../image-config.ts';
import type {StageWork} from '../resolve-stages.ts';
import type {StageStep} from '../stage-plan.ts';
import type {Conversion} from './conversion.ts';
import {convertInstruction} from './instruction.ts';
import {StageBuilder, type StageResult} from './stage-builder.ts';
import type {StageNames} from './stage-names.ts';

const stepKinds: ReadonlySet<string> = new Set(['add', 'copy', 'run', 'workdir']);

/** How many vertexes a stage has by its file alone: the image that it begins with and the instructions that make layers. */
export function countVertexes({stage: {base, steps}}: StageWork): number {
	return (base.type === 'image' ? 1 : 0) + steps.filter(({instruction}) => stepKinds.has(instruction.kind)).length;
}

/** A stage before its first instruction. */
export function beginWith(root: Digest | null, baseImage: ImageConfig, platform: Platform): StageResult {
	const image = draftFrom(baseImage);
	return {
		root,
		image,
		platform,
		environment: new Environment((image.config.Env ?? []).map(variable => splitVariable(variable))),
		buildArguments: [],
		baseImage,
	};
}

export type ConvertStageOptions = {
	readonly conversion: Conversion;
	readonly names: StageNames;
	readonly ignoresCache: boolean;
};

/**
Carries out the instructions of a stage on top of what it begins with.

@throws {DockerfileError} with the location of the instruction that is wrong
*/
export function convertStage(work: StageWork, base: StageResult, options: ConvertStageOptions): StageResult {
	const {stage, triggers} = work;
	const {OnBuild: _doneHere, ...config} = base.image.config;
	const builder = new StageBuilder({...base, image: {...base.image, config}}, options);
	options.names.expect(triggers.length);
	for (const step of [...triggers, ...stage.steps]) {
		requireEarlierSource(step, work);
		convertInstruction(step, builder);
	}

	return builder.finish();
}

function requireEarlierSource({instruction, source}: StageStep, {stage}: StageWork): void {
	if (source?.type === 'stage' && source.index >= stage.index && instruction.kind === 'copy') {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_STAGE', `cannot copy from stage ${quoteGoString(instruction.from ?? '')}, it needs to be defined before current stage ${quoteGoString(stage.label)}`, {locations: [instruction.location]});
	}
}
