import {formatPlatform, type Platform} from '../../src/kernel/platform.ts';
import type {EscapeCharacter} from './directives.ts';
import {atLocation} from './errors.ts';
import {expandWord} from './expand.ts';
import type {ArgInstruction} from './instructions.ts';
import type {WorkBudget} from './work-budget.ts';

/** What the global variables depend on. */
export type GlobalVariableOptions = {
	readonly buildArgs: ReadonlyMap<string, string>;
	readonly platform: Platform;
	readonly buildPlatform: Platform;
	/** The name of the stage that is built; empty when it has none. */
	readonly targetStage: string;
	readonly escape: EscapeCharacter;
	readonly budget: WorkBudget;
};

/**
The variables that FROM sees and that `ARG NAME` takes its value from: the predefined ones and the ARGs before the first FROM.

@see https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
*/
export function readGlobalVariables(globalArguments: readonly ArgInstruction[], options: GlobalVariableOptions): ReadonlyMap<string, string> {
	const {buildArgs, escape, budget} = options;
	const variables = new Map(predefinedVariables(options).map(([name, value]) => [name, buildArgs.get(name) ?? value]));
	for (const {parameters, location} of globalArguments) {
		for (const {name, value: defaultValue} of parameters) {
			const expand = () => defaultValue === undefined ? undefined : expandWord(defaultValue, variables, {escape, budget}).text;
			const value = buildArgs.get(name) ?? atLocation(location, expand);
			if (value !== undefined) {
				variables.set(name, value);
			}
		}
	}

	return variables;
}

/**
The proxies among the build arguments, as a RUN sees them: in upper and in lower case.

@see https://docs.docker.com/reference/dockerfile/#predefined-args
*/
export function readProxyEnvironment(buildArgs: ReadonlyMap<string, string>): readonly string[] {
	const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
	return proxies.flatMap(name => {
		const value = buildArgs.get(name.toLowerCase()) ?? buildArgs.get(name) ?? '';
		return value === '' ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
	});
}

function predefinedVariables({platform, buildPlatform, targetStage}: GlobalVariableOptions): ReadonlyArray<readonly [string, string]> {
	return [
		...platformVariables('BUILD', buildPlatform),
		...platformVariables('TARGET', platform),
		['TARGETSTAGE', targetStage === '' ? 'default' : targetStage],
	];
}

function platformVariables(prefix: 'BUILD' | 'TARGET', platform: Platform): ReadonlyArray<readonly [string, string]> {
	return [
		[`${prefix}PLATFORM`, formatPlatform(platform)],
		[`${prefix}OS`, platform.os],
		[`${prefix}OSVERSION`, ''],
		[`${prefix}ARCH`, platform.architecture],
		[`${prefix}VARIANT`, platform.variant ?? ''],
	];
}
