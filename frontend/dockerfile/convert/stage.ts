import type {Digest} from '../../../src/kernel/digest.ts';
import type {ImageConfig} from '../../../src/kernel/oci-types.ts';
import type {Platform} from '../../../src/kernel/platform.ts';
import {DockerfileError} from '../errors.ts';
import {Environment} from '../environment.ts';
import {quoteGoString} from '../../../src/kernel/go-format.ts';
import {ImageDraft} from '../image-draft.ts';
import type {RunInstruction} from '../instructions.ts';
import {readMount} from '../read-mount.ts';
import type {StageWork} from '../resolve-stages.ts';
import type {StageStep} from '../stage-plan.ts';
import {convertInstruction} from './instruction.ts';
import {StageBuilder, type StageBuilderOptions, type StageState} from './stage-builder.ts';

const stepKinds: ReadonlySet<string> = new Set(['add', 'copy', 'run', 'workdir']);

/** How many vertexes a stage has by its file alone: the image that it begins with and the instructions that make layers. */
export function countVertexes({stage: {base, steps}}: StageWork): number {
	return (base.type === 'image' ? 1 : 0) + steps.filter(({instruction}) => stepKinds.has(instruction.kind)).length;
}

/** A stage before its first instruction. */
export function beginStage(root: Digest | null, baseImage: ImageConfig, platform: Platform): StageState {
	const image = new ImageDraft(baseImage);
	return {
		root,
		image,
		platform,
		environment: new Environment(image.variables),
		buildArguments: new Map(),
		baseImage,
		hasWorkingDirectory: false,
		userMounts: [],
	};
}

/**
Carries out the instructions of a stage on top of what it begins with.

@throws {DockerfileError} with the location of the instruction that is wrong
*/
export function convertStage(work: StageWork, base: StageState, options: StageBuilderOptions): StageState {
	const {stage, triggers} = work;
	const builder = new StageBuilder(base, options);
	options.names.expect(triggers.length);
	for (const step of [...triggers, ...stage.steps]) {
		requireEarlierSource(step, work);
		convertInstruction(step, builder);
	}

	return builder.finish();
}

function requireEarlierSource({instruction, sources}: StageStep, {stage}: StageWork): void {
	const late = [...sources].find(([, source]) => source.type === 'stage' && source.index >= stage.index);
	if (late === undefined) {
		return;
	}

	const name = quoteGoString(late[0]);
	const message = instruction.kind === 'run'
		? `cannot mount from stage ${name} to ${quoteGoString(mountTarget(instruction, late[0]))}, stage needs to be defined before current command`
		: `cannot copy from stage ${name}, it needs to be defined before current stage ${quoteGoString(stage.label)}`;
	throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_STAGE', message, {locations: [instruction.location]});
}

function mountTarget({mounts}: RunInstruction, from: string): string {
	return mounts.map(text => readMount(text, value => value)).find(mount => mount.from === from)?.target ?? '';
}
