import {buildImage, type BuildOutcome} from '../build.ts';
import type {BuildOptions} from '../build/build-options.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import type {ExplanationEvent, VertexEvent, WarningEvent} from '../kernel/progress-event.ts';
import type {ProgressDisplay} from '../progress/display.ts';
import {isColorRefused} from '../progress/no-color.ts';
import {openDisplay, type ProgressMode} from '../progress/open-display.ts';
import {buildFlags} from './build-flags.ts';
import {readBuildOptions} from './build-options.ts';
import {insecureRegistriesOf} from './build-outputs.ts';
import {insecureCacheRegistries} from './cache-option.ts';
import {readCall} from './call-option.ts';
import type {Command, CommandContext} from './command.ts';
import {HttpAccess} from './http-access.ts';
import {parseFlags} from './flag-parser.ts';
import {formatBuildHelp} from './help.ts';
import {warnOfIgnoredFlags} from './ignored-flags.ts';
import {readProgressMode} from './progress-mode.ts';
import {withProxyArguments} from './proxy-arguments.ts';
import {RegistryAccess} from './registry-access.ts';
import {writeIdentityFile, writeMetadataFile, type BuildEvents} from './result-files.ts';
import {readSshAgents} from './ssh-option.ts';
import {formatWarnings} from './warning-summary.ts';

type ResultFlags = Readonly<Record<'iidfile' | 'metadata-file', string | undefined>>;

/** `tsbuild build`: reads the flags, builds, shows the progress, writes what the flags ask for. */
export const buildCommand: Command = async (args, context) => {
	const parsed = parseFlags(args, buildFlags);
	const {flags} = parsed;
	if (flags.help) {
		context.writeOutput(formatBuildHelp(buildFlags));
		return 0;
	}

	const mode = readProgressMode(flags, context);
	const requested = readBuildOptions(parsed, context);
	const options = {
		...requested,
		buildArgs: await withProxyArguments(requested.buildArgs, context),
		sshAgents: await readSshAgents({...requested, ssh: flags.ssh}),
	};
	const warnings: WarningEvent[] = [];
	const steps: VertexEvent[] = [];
	const explanations: ExplanationEvent[] | undefined = flags.explain && ['plain', 'tty'].includes(mode) ? [] : undefined;
	warnOfIgnoredFlags(flags, context.writeError);
	const run = async <Value>(action: (build: BuildOptions) => Promise<Value>) => withProgress({mode, isDetailed: flags.debug ?? false, explanations}, context, async display => {
		const warn = (line: string) => {
			display.message(`WARNING: ${line}\n`);
		};

		const insecureRegistries = [...flags['insecure-registry'], ...insecureCacheRegistries([...flags['cache-from'], ...flags['cache-to']]), ...insecureRegistriesOf(options.outputs, options.tags)];
		await using registry = new RegistryAccess({
			environment: context.environment, insecureRegistries, warn, mode, progress: display.update,
		});
		await using http = new HttpAccess(context.environment);
		return await action({
			...options,
			openRegistry: registry.open,
			openHttp: http.open,
			progress(event) {
				display.update(event);
				if (event.type === 'vertex' && event.usage !== undefined) {
					steps.push(event);
				} else if (event.type === 'warning') {
					warnings.push(event);
				} else if (event.type === 'explanation') {
					explanations?.push(event);
				}
			},
			roomForOutput: context.standardError.room,
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
	await writeResultFiles(flags, outcome, {
		warnings: asksFor(context, 'BUILDX_METADATA_WARNINGS') ? warnings : [],
		steps: asksFor(context, 'TSBUILD_METADATA_STEPS') ? steps : [],
	});
	const {startCollection} = await import('../garbage/start-collection.ts');
	startCollection(options.root, context.environment);
	if (mode === 'quiet') {
		context.writeOutput(`${outcome.image?.configDigest ?? ''}\n`);
	}

	return 0;
};

/** Writes the files that flags ask for. */
async function writeResultFiles({iidfile, 'metadata-file': metadataFile}: ResultFlags, outcome: BuildOutcome, events: BuildEvents): Promise<void> {
	if (iidfile !== undefined) {
		await writeIdentityFile(iidfile, outcome);
	}

	if (metadataFile !== undefined) {
		await writeMetadataFile(metadataFile, outcome, events);
	}
}

/** Whether a variable of the environment asks for a part of the metadata that not everybody gets, so that scripts find there what buildx writes. */
function asksFor({environment}: CommandContext, variable: string): boolean {
	return parseGoBoolean(environment[variable] ?? '') === true;
}

type ProgressOptions = {
	readonly mode: ProgressMode;
	readonly isDetailed: boolean;
	/** Told as text at the end; complete by then. */
	readonly explanations: readonly ExplanationEvent[] | undefined;
};

async function withProgress<Value>({mode, isDetailed, explanations}: ProgressOptions, {writeError, standardError, environment, isTerminal}: CommandContext, action: (display: ProgressDisplay) => Promise<Value>): Promise<Value> {
	using display = await openDisplay(mode, {standardError, environment});
	try {
		return await action(display);
	} finally {
		display.finish();
		if (explanations !== undefined) {
			const {formatExplanations} = await import('./explanation-summary.ts');
			writeError(formatExplanations(explanations));
		}

		writeError(formatWarnings(display.warnings, {colors: isTerminal && !isColorRefused(environment), isDetailed}));
	}
}
