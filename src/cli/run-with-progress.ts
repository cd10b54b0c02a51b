import type {BuildOptions} from '../build/build-options.ts';
import type {ProgressDisplay} from '../progress/display.ts';
import {isColorRefused} from '../progress/no-color.ts';
import {openDisplay, type ProgressMode} from '../progress/open-display.ts';
import type {buildFlags} from './build-flags.ts';
import type {CommandLineBuildOptions} from './build-options.ts';
import {insecureRegistriesOf} from './build-outputs.ts';
import {insecureCacheRegistries} from './cache-option.ts';
import type {CommandContext} from './command.ts';
import type {ParsedFlags} from './flag-parser.ts';
import {HttpAccess} from './http-access.ts';
import type {KeptEvents} from './kept-events.ts';
import {RegistryAccess} from './registry-access.ts';
import {formatWarnings} from './warning-summary.ts';

/** A build as the command line asks for it. */
export type BuildRequest = {
	readonly flags: ParsedFlags<typeof buildFlags>['flags'];
	readonly options: CommandLineBuildOptions & Pick<BuildOptions, 'sshAgents'>;
	readonly mode: ProgressMode;
};

/** A build with what keeps its events. */
export type WatchedBuild = BuildRequest & {readonly events: KeptEvents};

/**
Runs a build, or a part of one, with all that it needs of the command line. Its progress is shown, and at the end, also of one that fails, the explanations and warnings.

@throws what `action` throws
*/
export async function runWithProgress<Value>(request: WatchedBuild, context: CommandContext, action: (build: BuildOptions) => Promise<Value>): Promise<Value> {
	const {options, mode, events} = request;
	const {environment, standardError, signal} = context;
	return withDisplay(request, context, async display => {
		const warn = (line: string) => {
			display.message(`WARNING: ${line}\n`);
		};

		await using registry = new RegistryAccess({
			environment, insecureRegistries: insecureRegistries(request), warn, mode, progress: display.update,
		});
		await using http = new HttpAccess(environment);
		return await action({
			...options,
			openRegistry: registry.open,
			openHttp: http.open,
			progress(event) {
				display.update(event);
				events.add(event);
			},
			roomForOutput: standardError.room,
			warn,
			signal,
		});
	});
}

function insecureRegistries({flags, options}: BuildRequest): readonly string[] {
	return [
		...flags['insecure-registry'],
		...insecureCacheRegistries([...flags['cache-from'], ...flags['cache-to']]),
		...insecureRegistriesOf(options.outputs, options.tags),
	];
}

async function withDisplay<Value>({flags, mode, events}: WatchedBuild, context: CommandContext, action: (display: ProgressDisplay) => Promise<Value>): Promise<Value> {
	const {writeError, standardError, environment, isTerminal} = context;
	using display = await openDisplay(mode, {standardError, environment});
	try {
		return await action(display);
	} finally {
		display.finish();
		// The other modes show each explanation as an event, or nothing.
		if (flags.explain && (mode === 'plain' || mode === 'tty')) {
			const {formatExplanations} = await import('./explanation-summary.ts');
			writeError(formatExplanations(events.explanations));
		}

		writeError(formatWarnings(display.warnings, {colors: isTerminal && !isColorRefused(environment), isDetailed: flags.debug ?? false}));
	}
}
