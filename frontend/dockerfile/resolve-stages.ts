import type {BaseImages} from './base-images.ts';
import {reachableStages} from './stage-graph.ts';
import type {PlannedStage, StagePlan, StageStep} from './stage-plan.ts';
import type {ImageSource} from './stage-sources.ts';
import {planStep} from './stages.ts';
import {readTriggers} from './triggers.ts';

/** The stages to convert, in order, each with its triggers in front of its own instructions. */
export type StageWork = {
	readonly stage: PlannedStage;
	readonly triggers: readonly StageStep[];
};

/** Which stages are needed besides those of the target. */
export type ResolveStagesOptions = {
	readonly allStages?: boolean;
	readonly signal: AbortSignal;
};

/**
Looks up the images of the stages that the target needs, and the ONBUILD triggers of their bases. Triggers may copy from further images and stages, whose triggers then count too.

@throws {DockerfileError} as `BaseImages.resolve` and `readTriggers`
*/
export async function resolveStages(plan: StagePlan, images: BaseImages, {allStages = false, signal}: ResolveStagesOptions): Promise<readonly StageWork[]> {
	const triggers = new Map<number, readonly StageStep[]>();
	const stepsOf = (stage: PlannedStage) => [...(triggers.get(stage.index) ?? []), ...stage.steps];
	for (;;) {
		const needed = allStages ? plan.stages : reachableStages(plan.stages, plan.target, stepsOf).map(index => plan.stages[index]!);
		await images.resolve(needed.flatMap(stage => imagesOf(stage, stepsOf(stage))), {signal});
		const fresh = needed.filter(({index}) => !triggers.has(index));
		if (fresh.length === 0) {
			return needed.map(stage => ({stage, triggers: triggers.get(stage.index)!}));
		}

		for (const stage of fresh) {
			triggers.set(stage.index, findTriggers(stage, plan, images));
		}
	}
}

/** The images that a stage begins with and that its steps copy from. */
export function imagesOf({base, isReplaced}: PlannedStage, steps: readonly StageStep[]): readonly ImageSource[] {
	const sources = isReplaced ? [base] : [base, ...steps.flatMap(step => step.sources.values().toArray())];
	return sources.filter(source => source.type === 'image');
}

function findTriggers(stage: PlannedStage, plan: StagePlan, images: BaseImages): readonly StageStep[] {
	const expressions = stage.isReplaced ? [] : triggersOfBase(stage, plan, images);
	return readTriggers(expressions, stage.from.location).map(instruction => planStep(instruction, plan.names));
}

function triggersOfBase({base}: PlannedStage, plan: StagePlan, images: BaseImages): readonly string[] {
	switch (base.type) {
		case 'image': {
			return images.get(base).config.config.OnBuild ?? [];
		}

		case 'stage': {
			const {steps, isReplaced} = plan.stages[base.index]!;
			return isReplaced ? [] : steps.flatMap(({instruction}) => instruction.kind === 'onbuild' ? [instruction.expression] : []);
		}

		case 'scratch': {
			return [];
		}
	}
}
