import type {BuildOptions} from '../build/build-options.ts';
import {errorMessage} from '../kernel/errors.ts';
import {parsePlatform, type Platform} from '../kernel/platform.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import {localStoreDirectory} from '../local-store.ts';
import {entitlements, type Entitlement} from '../definition/entitlements.ts';
import type {NetworkMode, StepOptions} from '../definition/operations.ts';
import type {buildFlags} from './build-flags.ts';
import {readOutputs} from './build-outputs.ts';
import {readCgroupParent} from './cgroup-parent.ts';
import type {CommandContext, Environment} from './command.ts';
import {readCacheFrom, readCacheTo} from './cache-option.ts';
import {readContextArguments} from './context-arguments.ts';
import {parseCsvRecord} from './csv.ts';
import type {ParsedFlags} from './flag-parser.ts';
import {readExtraHosts} from './extra-hosts.ts';
import {readLimits} from './limit-options.ts';
import {readNamedContext} from './named-context-option.ts';
import {readPullPolicy} from './pull-policy.ts';
import {readInput} from './read-input.ts';
import {readSecretOptions} from './secret-option.ts';
import {parseMemorySize} from './size.ts';
import {readUlimits} from './ulimits.ts';
import {RequestError, UsageError} from './usage-error.ts';

/** The part of a build's options that the command line decides. */
export type CommandLineBuildOptions = Omit<BuildOptions, 'openHttp' | 'openRegistry' | 'progress' | 'roomForOutput' | 'signal' | 'sshAgents' | 'warn'>;

/**
What the flags and arguments of `tsbuild build` ask for.

@throws {UsageError} for values that cannot be understood
*/
export function readBuildOptions({flags, positional}: ParsedFlags<typeof buildFlags>, {environment, input, signal}: Pick<CommandContext, 'environment' | 'input' | 'signal'>): CommandLineBuildOptions {
	const buildArgs = readBuildArgs(flags['build-arg'], environment);
	return {
		...readContextArguments({positional, file: flags.file, input: () => readInput({input, signal})}),
		...(flags.target !== undefined && {target: flags.target}),
		buildArgs,
		labels: readPairs(flags.label),
		namedContexts: flags['build-context'].map(text => readNamedContext(text)),
		...readPlatform(flags.platform, environment),
		network: readNetwork(flags.network),
		entitlements: readEntitlements(flags.allow, readNetwork(flags.network)),
		stepOptions: readStepOptions(flags),
		limits: readLimits(flags),
		...(flags['cgroup-parent'] !== undefined && flags['cgroup-parent'] !== '' && {cgroupParent: readCgroupParent(flags['cgroup-parent'])}),
		cacheFrom: readCacheFrom(flags['cache-from'], {environment, buildArgs}),
		cacheTo: readCacheTo(flags['cache-to'], {environment, buildArgs}),
		noCache: readNoCache(flags),
		explain: flags.explain ?? false,
		maximumParallelism: readParallelism(flags['max-parallelism']),
		pull: readPullPolicy(flags.pull),
		tags: flags.tag.map(tag => readTag(tag)),
		environment,
		secrets: readSecretOptions(flags.secret, environment),
		outputs: readOutputs(flags, environment),
		root: localStoreDirectory(flags.root, environment),
	};
}

/** `NAME=value`, or `NAME` alone, which takes the value of the environment if there is one. `SOURCE_DATE_EPOCH` is taken from there in any case. */
function readBuildArgs(texts: readonly string[], environment: Environment): ReadonlyMap<string, string> {
	const args = new Map<string, string>();
	for (const text of texts) {
		const {name, value} = splitPair(text);
		const given = value ?? environment[name];
		if (given !== undefined) {
			args.set(name, given);
		}
	}

	const {SOURCE_DATE_EPOCH: epoch = ''} = environment;
	return epoch === '' || args.has('SOURCE_DATE_EPOCH') ? args : args.set('SOURCE_DATE_EPOCH', epoch);
}

function readPairs(texts: readonly string[]): ReadonlyMap<string, string> {
	return new Map(texts.map(text => {
		const {name, value} = splitPair(text);
		return [name, value ?? ''];
	}));
}

function splitPair(text: string): {readonly name: string; readonly value: string | undefined} {
	const equals = text.indexOf('=');
	const name = equals === -1 ? text : text.slice(0, equals);
	if (name === '') {
		throw new UsageError(`invalid key-value pair ${JSON.stringify(text)}: empty key`);
	}

	return {name, value: equals === -1 ? undefined : text.slice(equals + 1)};
}

/** All stages, or those that are named; names do not count beside `--no-cache`. */
function readNoCache({'no-cache': everywhere = false, 'no-cache-filter': filters}: ParsedFlags<typeof buildFlags>['flags']): boolean | readonly string[] {
	return everywhere || filters.length === 0 ? everywhere : filters.flatMap(filter => parseCsvRecord(filter));
}

function readParallelism(text: string | undefined): number | undefined {
	if (text === undefined) {
		return undefined;
	}

	const count = /^\d{1,6}$/v.test(text) ? Number(text) : 0;
	if (count === 0) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--max-parallelism": not a whole number above 0`);
	}

	return count;
}

function readStepOptions({'add-host': hosts, ulimit: ulimits, 'shm-size': sharedMemory = '0'}: ParsedFlags<typeof buildFlags>['flags']): StepOptions {
	const bytes = parseMemorySize(sharedMemory, '--shm-size');
	return {
		...(hosts.length > 0 && {extraHosts: readExtraHosts(hosts)}),
		...(ulimits.length > 0 && {ulimits: readUlimits(ulimits)}),
		...(bytes > 0 && {sharedMemory: bytes}),
	};
}

/** That of `--platform`, else of the variable that Docker knows. */
function readPlatform(texts: readonly string[], {DOCKER_DEFAULT_PLATFORM: byDefault = ''}: Environment): {readonly platform?: Platform} {
	const wanted = byDefault !== '' && texts.length === 0 ? [byDefault] : texts;
	const platforms = wanted.flatMap(text => text.split(','));
	if (platforms.length > 1) {
		throw new RequestError('one build makes an image for one platform', {hint: 'Run tsbuild once for each platform.'});
	}

	try {
		return platforms[0] === undefined || platforms[0] === 'local' ? {} : {platform: parsePlatform(platforms[0])};
	} catch (error) {
		throw new RequestError(`${JSON.stringify(platforms[0])}: cannot parse platform specifier: invalid argument`, {cause: error, hint: 'A platform is os/architecture, for example linux/arm64.'});
	}
}

const networkModes: readonly NetworkMode[] = ['default', 'none', 'host'];

function readNetwork(text = 'default'): NetworkMode {
	const mode = networkModes.find(candidate => candidate === text);
	if (mode !== undefined) {
		return mode;
	}

	throw new RequestError(`network mode ${JSON.stringify(text)} not supported`, {hint: 'The network modes are default, none and host.'});
}

// Who asks for the host's network for all steps allows it, as in buildx.
function readEntitlements(texts: readonly string[], network: NetworkMode): ReadonlySet<Entitlement> {
	const allowed = texts.map(text => readEntitlement(text));
	return new Set(network === 'host' ? [...allowed, 'network.host'] : allowed);
}

function readEntitlement(text: string): Entitlement {
	const entitlement = entitlements.find(candidate => candidate === text);
	if (entitlement !== undefined) {
		return entitlement;
	}

	throw new RequestError(`unknown entitlement ${text}`, {hint: `The entitlements are ${entitlements.join(' and ')}.`});
}

function readTag(text: string): string {
	try {
		return formatReference(parseReference(text));
	} catch (error) {
		const reason = errorMessage(error).replace(/^.*": /v, '');
		throw new RequestError(`invalid tag ${JSON.stringify(text)}: ${reason}`, {cause: error});
	}
}
