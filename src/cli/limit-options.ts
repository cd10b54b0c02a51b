import type {BuildOptions} from '../build/build-options.ts';
import {parseCpus, parseInteger, parseMemorySize} from './size.ts';
import {RequestError} from './usage-error.ts';

type Limits = BuildOptions['limits'];

/** The flags that limit steps. */
export type LimitFlags = {
	readonly memory: string | undefined;
	readonly cpus: string | undefined;
	readonly 'pids-limit': string | undefined;
	/** Of buildx: `memory=2g`. */
	readonly resource: readonly string[];
};

// https://man7.org/linux/man-pages/man7/cgroups.7.html: microseconds, when no other period is given
const defaultPeriod = '100000';

/**
The limits of each step. What `--memory` and `--cpus` say wins over `--resource`.

@throws {UsageError} {RequestError}
*/
export function readLimits({memory, cpus, 'pids-limit': pids, resource}: LimitFlags): Limits {
	return {
		...readResources(resource),
		...(memory !== undefined && {memory: parseMemorySize(memory, '-m, --memory')}),
		...(cpus !== undefined && {cpus: parseCpus(cpus, '--cpus')}),
		...(pids !== undefined && {pids: parseInteger(pids, '--pids-limit')}),
	};
}

/** Of equal keys the last counts. */
function readResources(texts: readonly string[]): Limits {
	const values = new Map(texts.map(text => {
		const equals = text.indexOf('=');
		if (equals === -1) {
			throw new RequestError(`invalid resource ${JSON.stringify(text)}, expected key=value`);
		}

		return [text.slice(0, equals), text.slice(equals + 1)];
	}));
	let limits: Limits = {};
	for (const [key, value] of values) {
		limits = {...limits, ...readResource(key, value, values)};
	}

	return limits;
}

function readResource(key: string, value: string, values: ReadonlyMap<string, string>): Limits {
	switch (key) {
		case 'memory': {
			return {memory: parseMemorySize(value, '--resource')};
		}

		case 'memory-swap': {
			return {memorySwap: value === '-1' ? -1 : parseMemorySize(value, '--resource')};
		}

		case 'cpu-quota': {
			return {cpus: readMicroseconds(value) / readMicroseconds(values.get('cpu-period') ?? defaultPeriod)};
		}

		case 'cpu-period': {
			readMicroseconds(value);
			return {};
		}

		default: {
			throw new RequestError(`invalid resource ${JSON.stringify(key)}`, {hint: 'Known are memory, memory-swap, cpu-quota and cpu-period.'});
		}
	}
}

function readMicroseconds(text: string): number {
	const number = parseInteger(text, '--resource');
	if (number > 0) {
		return number;
	}

	throw new RequestError(`invalid resource ${JSON.stringify(text)}, expected microseconds`);
}
