import type {ArgInstruction} from '../instructions.ts';
import type {StageBuilder} from './stage-builder.ts';

// They say what the scanner of the image looks at and are no variables.
const silentArguments: ReadonlySet<string> = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

/** ARG: a variable of the build. What the user gives wins over the default, which wins over the global value. */
export function convertArg({parameters}: ArgInstruction, stage: StageBuilder): void {
	const texts = parameters.map(({name, value: defaultValue}) => {
		const {buildArgs, globalVariables} = stage.conversion;
		stage.checks.variableName('ARG', name);
		const value = buildArgs.get(name) ?? (defaultValue === undefined ? globalVariables.get(name) : stage.expand(defaultValue));
		stage.addBuildArgument(name, value);
		if (value === undefined) {
			return name;
		}

		if (!silentArguments.has(name)) {
			stage.environment.set(name, value);
		}

		return `${name}=${value}`;
	});
	stage.image.addHistory(`ARG ${texts.join(' ')}`, {hasLayer: false});
}
