import os from 'node:os';
import {parseGoDuration} from '../../frontend/dockerfile/go-duration.ts';
import type {BuildOptions} from '../build/build-options.ts';
import {errorMessage} from '../kernel/errors.ts';
import {checkLimits} from './limit-checks.ts';
import {parseCpus, parseInteger, parseMemorySize} from './size.ts';
import {RequestError, UsageError} from './usage-error.ts';

type Limits = BuildOptions['limits'];

/** The limits that have a flag of `docker build` and a key of buildx's `--resource`. */
type ResourceName = 'memory' | 'memory-swap' | 'cpu-shares' | 'cpu-period' | 'cpu-quota' | 'cpuset-cpus' | 'cpuset-mems';

/** The flags that limit steps. */
export type LimitFlags = Readonly<Record<ResourceName | 'cpus' | 'pids-limit' | 'timeout', string | undefined>> & {
	/** Of buildx: `memory=2g`. */
	readonly resource: readonly string[];
};

const nanosecondsPerMillisecond = 1_000_000;

/** Microseconds: the kernel's and Docker's period when no other is given. */
const defaultPeriod = 100_000;

/** Their quota is the smallest that the kernel takes: 1 ms. */
const fewestCpus = 0.01;

const readers: Readonly<Record<ResourceName, (text: string, flag: string) => Limits>> = {
	memory: (text, flag) => ({memory: parseMemorySize(text, flag)}),
	'memory-swap': (text, flag) => ({memorySwap: text === '-1' ? -1 : parseMemorySize(text, flag)}),
	'cpu-shares': (text, flag) => ({cpuShares: parseInteger(text, flag)}),
	'cpu-period': (text, flag) => ({cpuPeriod: parseInteger(text, flag)}),
	'cpu-quota': (text, flag) => ({cpuQuota: parseInteger(text, flag)}),
	'cpuset-cpus': text => ({cpusetCpus: text}),
	'cpuset-mems': text => ({cpusetMems: text}),
};

const flagNames: Readonly<Record<string, string>> = {memory: '-m, --memory', 'cpu-shares': '-c, --cpu-shares'};

/**
The limits of each step. What a flag of its own says wins over `--resource`, and as in Docker 0 and an empty text mean no limit.

@throws {UsageError} for a value that cannot be read
@throws {RequestError} for limits that Docker refuses, in its words
@see https://docs.docker.com/engine/containers/resource_constraints/
*/
export function readLimits(flags: LimitFlags): Limits {
	const own = resourceNames().map(name => readIfGiven(name, flags[name]));
	const given: Limits = {...readResources(flags.resource), ...Object.assign({}, ...own) as Limits};
	const limits = withoutEmpty({
		...given, ...readCpus(flags.cpus, given), ...readProcesses(flags['pids-limit']), ...readTime(flags.timeout),
	});
	checkLimits(limits);
	return limits;
}

function resourceNames(): readonly ResourceName[] {
	return Object.keys(readers) as ResourceName[];
}

function readIfGiven(name: ResourceName, text: string | undefined): Limits {
	return text === undefined ? {} : readers[name](text, flagNames[name] ?? `--${name}`);
}

/** Of equal keys the last counts. */
function readResources(texts: readonly string[]): Limits {
	const limits = texts.map(text => {
		const equals = text.indexOf('=');
		if (equals === -1) {
			throw new RequestError(`invalid resource ${JSON.stringify(text)}, expected key=value`);
		}

		return readResource(text.slice(0, equals), text.slice(equals + 1));
	});
	return Object.assign({}, ...limits) as Limits;
}

function readResource(key: string, value: string): Limits {
	const name = resourceNames().find(candidate => candidate === key);
	if (name === undefined) {
		throw new RequestError(`invalid resource ${JSON.stringify(key)}`, {hint: `Known are ${resourceNames().join(', ')}.`});
	}

	return readers[name](value, '--resource');
}

function readCpus(text: string | undefined, {cpuPeriod = 0, cpuQuota = 0}: Limits): Limits {
	if (text === undefined || Number(text) === 0) {
		return {};
	}

	if (cpuPeriod !== 0 || cpuQuota !== 0) {
		throw new RequestError(`Conflicting options: Nano CPUs and CPU ${cpuPeriod === 0 ? 'Quota' : 'Period'} cannot both be set`, {hint: '--cpus stands for a quota and its period.'});
	}

	const cpus = parseCpus(text, '--cpus');
	const available = os.availableParallelism();
	if (cpus < fewestCpus || cpus > available) {
		throw new RequestError(`range of CPUs is from ${fewestCpus} to ${available}.00, as there are only ${available} CPUs available`);
	}

	return {cpuQuota: Math.round(cpus * defaultPeriod), cpuPeriod: defaultPeriod};
}

/** Here 0 is not the same as nothing: it takes away the limit that steps have by default. */
function readProcesses(text: string | undefined): Limits {
	if (text === undefined) {
		return {};
	}

	const processes = parseInteger(text, '--pids-limit');
	return {pids: processes > 0 ? processes : -1};
}

function readTime(text: string | undefined): Limits {
	if (text === undefined) {
		return {};
	}

	const time = readDuration(text);
	if (time < 0) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--timeout" flag: it must not be negative`);
	}

	return {time};
}

/** Milliseconds. */
function readDuration(text: string): number {
	try {
		return parseGoDuration(text) / nanosecondsPerMillisecond;
	} catch (error) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--timeout" flag: ${errorMessage(error)}`, {cause: error, hint: 'Give a number with a unit, for example 90s or 1h30m.'});
	}
}

function withoutEmpty(limits: Limits): Limits {
	return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== 0 && value !== ''));
}
