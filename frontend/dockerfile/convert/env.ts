import type {EnvInstruction} from '../instructions.ts';
import type {StageBuilder} from './stage-builder.ts';

/** ENV: variables of the image. All values see the variables as they were before the instruction. */
export function convertEnv({pairs, isLegacyPair}: EnvInstruction, stage: StageBuilder): void {
	const expanded = pairs.map(({name, value}) => [stage.expand(name), stage.expand(value)] as const);
	if (isLegacyPair) {
		stage.checks.legacyFormat();
	}

	for (const [name, value] of expanded) {
		stage.checks.variableName('ENV', name);
		stage.environment.set(name, value);
		stage.image.setVariable(name, value);
	}

	stage.image.addHistory(`ENV ${expanded.map(([name, value]) => `${name}=${value}`).join(' ')}`, {hasLayer: false});
}
