import {buildImage, type BuildOutcome} from '../build.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {buildFlags} from './build-flags.ts';
import {readBuildOptions} from './build-options.ts';
import {readCall, type CallOption} from './call-option.ts';
import type {Command, CommandContext} from './command.ts';
import {parseFlags, type ParsedFlags} from './flag-parser.ts';
import {formatBuildHelp} from './help.ts';
import {warnOfIgnoredFlags} from './ignored-flags.ts';
import {KeptEvents} from './kept-events.ts';
import {readProgressMode} from './progress-mode.ts';
import {withProxyArguments} from './proxy-arguments.ts';
import {writeIdentityFile, writeMetadataFile} from './result-files.ts';
import {runWithProgress, type BuildRequest} from './run-with-progress.ts';
import {readSshAgents} from './ssh-option.ts';

/** `tsbuild build`: reads the flags, builds, shows the progress, writes what the flags ask for. */
export const buildCommand: Command = async (args, context) => {
	const parsed = parseFlags(args, buildFlags);
	if (parsed.flags.help) {
		context.writeOutput(formatBuildHelp(buildFlags));
		return 0;
	}

	const request = await readRequest(parsed, context);
	const call = readCall(parsed.flags);
	return call === undefined ? build(request, context) : answerCall(call, request, context);
};

async function readRequest(parsed: ParsedFlags<typeof buildFlags>, context: CommandContext): Promise<BuildRequest> {
	const {flags} = parsed;
	const mode = readProgressMode(flags, context);
	const requested = readBuildOptions(parsed, context);
	const options = {
		...requested,
		buildArgs: await withProxyArguments(requested.buildArgs, context),
		sshAgents: await readSshAgents({...requested, ssh: flags.ssh}),
	};
	warnOfIgnoredFlags(flags, context.writeError);
	return {flags, options, mode};
}

async function build(request: BuildRequest, context: CommandContext): Promise<number> {
	const {mode, options} = request;
	const events = new KeptEvents();
	const outcome = await runWithProgress({...request, events}, context, buildImage);
	await writeResultFiles(request, {outcome, events}, context);
	const {startCollection} = await import('../garbage/start-collection.ts');
	startCollection(options.root, context.environment);
	if (mode === 'quiet') {
		context.writeOutput(`${outcome.image?.configDigest ?? ''}\n`);
	}

	return 0;
}

/** What `--call` and `--check` ask about the Dockerfile. */
async function answerCall(call: CallOption, request: BuildRequest, context: CommandContext): Promise<number> {
	const [{callDockerfile, dockerfilePath}, {printCall}] = await Promise.all([import('../build/call.ts'), import('./print-call.ts')]);
	const result = await runWithProgress({...request, events: new KeptEvents()}, context, async options => callDockerfile(call.method, options));
	return printCall(result, {...call, path: dockerfilePath(request.options)}, context);
}

type FinishedBuild = {readonly outcome: BuildOutcome; readonly events: KeptEvents};

/** Writes the files that flags ask for. */
async function writeResultFiles({flags}: BuildRequest, {outcome, events}: FinishedBuild, context: CommandContext): Promise<void> {
	const {iidfile, 'metadata-file': metadataFile} = flags;
	if (iidfile !== undefined) {
		await writeIdentityFile(iidfile, outcome);
	}

	if (metadataFile !== undefined) {
		await writeMetadataFile(metadataFile, outcome, {
			warnings: asksFor(context, 'BUILDX_METADATA_WARNINGS') ? events.warnings : [],
			steps: asksFor(context, 'TSBUILD_METADATA_STEPS') ? events.steps : [],
		});
	}
}

/** Whether a variable of the environment asks for a part of the metadata that not everybody gets, so that scripts find there what buildx writes. */
function asksFor({environment}: CommandContext, variable: string): boolean {
	return parseGoBoolean(environment[variable] ?? '') === true;
}
