import {buildImage, type BuildOptions} from '../build.ts';
import type {ProgressDisplay} from '../progress/display.ts';
import {isColorRefused} from '../progress/no-color.ts';
import {openDisplay, type ProgressMode} from '../progress/open-display.ts';
import {writeStandardError} from '../progress/standard-error.ts';
import {buildFlags} from './build-flags.ts';
import {readBuildOptions} from './build-options.ts';
import {insecureRegistriesOf} from './build-outputs.ts';
import {readCall} from './call-option.ts';
import type {Command, CommandContext} from './command.ts';
import {parseFlags} from './flag-parser.ts';
import {formatBuildHelp} from './help.ts';
import {warnOfIgnoredFlags} from './ignored-flags.ts';
import {readProgressMode} from './progress-mode.ts';
import {RegistryAccess} from './registry-access.ts';
import {writeIdentityFile, writeMetadataFile} from './result-files.ts';
import {formatWarnings} from './warning-summary.ts';

/** `tsbuild build`: reads the flags, builds, shows the progress, writes what the flags ask for. */
export const buildCommand: Command = async (args, context) => {
	const parsed = parseFlags(args, buildFlags);
	const {flags} = parsed;
	if (flags.help) {
		context.writeOutput(formatBuildHelp(buildFlags));
		return 0;
	}

	const mode = readProgressMode(flags, context);
	const options = readBuildOptions(parsed, context.environment);
	warnOfIgnoredFlags(flags, context.writeError);
	const run = async <Value>(action: (build: BuildOptions) => Promise<Value>) => withProgress({mode, isDetailed: flags.debug ?? false}, context, async display => {
		const warn = (line: string) => {
			display.message(`WARNING: ${line}\n`);
		};

		await using registry = new RegistryAccess({environment: context.environment, insecureRegistries: [...flags['insecure-registry'], ...insecureRegistriesOf(options.outputs, options.tags)], warn});
		return await action({
			...options,
			openRegistry: registry.open,
			progress: display.update,
			warn,
			signal: context.signal,
		});
	});
	const call = readCall(flags);
	if (call !== undefined) {
		const [{callDockerfile, dockerfilePath}, {printCall}] = await Promise.all([import('../build/call.ts'), import('./print-call.ts')]);
		const result = await run(async build => callDockerfile(call.method, build));
		return printCall(result, {...call, path: dockerfilePath(options)}, context);
	}

	const outcome = await run(buildImage);

	if (flags.iidfile !== undefined) {
		await writeIdentityFile(flags.iidfile, outcome);
	}

	if (flags['metadata-file'] !== undefined) {
		await writeMetadataFile(flags['metadata-file'], outcome);
	}

	if (mode === 'quiet') {
		context.writeOutput(`${outcome.image?.configDigest ?? ''}\n`);
	}

	return 0;
};

type ProgressOptions = {readonly mode: ProgressMode; readonly isDetailed: boolean};

async function withProgress<Value>({mode, isDetailed}: ProgressOptions, {writeError, environment, isTerminal}: CommandContext, action: (display: ProgressDisplay) => Promise<Value>): Promise<Value> {
	using display = await openDisplay(mode, {write: writeStandardError, environment});
	try {
		return await action(display);
	} finally {
		display.finish();
		writeError(formatWarnings(display.warnings, {colors: isTerminal && !isColorRefused(environment), isDetailed}));
	}
}
