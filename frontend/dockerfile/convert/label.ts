import type {LabelInstruction} from '../instructions.ts';
import type {StageBuilder} from './stage-builder.ts';

/** LABEL: facts about the image. */
export function convertLabel({pairs, isLegacyPair}: LabelInstruction, stage: StageBuilder): void {
	const expanded = pairs.map(({name, value}) => [stage.expand(name), stage.expand(value)] as const);
	if (isLegacyPair) {
		stage.checks.legacyFormat();
	}

	for (const [name, value] of expanded) {
		stage.image.setLabel(name, value);
	}

	stage.image.addHistory(`LABEL ${expanded.map(([name, value]) => `${name}=${value}`).join(' ')}`, {hasLayer: false});
}
