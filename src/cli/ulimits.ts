import type {Ulimit} from '../definition/operations.ts';
import {UsageError} from './usage-error.ts';

// https://pkg.go.dev/github.com/docker/go-units#Ulimit
const names: ReadonlySet<string> = new Set(['core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile', 'nproc', 'rss', 'rtprio', 'rttime', 'sigpending', 'stack']);

const unlimited = -1n;
const maximum = (2n ** 63n) - 1n;

/**
The limits of `--ulimit` flags: `NAME=SOFT[:HARD]`, -1 for none; in the order of their names. Of equal names the last counts.

@throws {UsageError}
@see https://docs.docker.com/reference/cli/docker/buildx/build/#ulimit
*/
export function readUlimits(texts: readonly string[]): readonly Ulimit[] {
	const limits = texts.map(text => readUlimit(text));
	const byName = new Map(limits.map(limit => [limit.name, limit]));
	return byName.keys().toArray().toSorted().map(name => byName.get(name)!);
}

function readUlimit(text: string): Ulimit {
	const equals = text.indexOf('=');
	if (equals === -1) {
		throw invalid(text, `invalid ulimit argument: ${text}`);
	}

	const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
	if (!names.has(name)) {
		throw invalid(text, `invalid ulimit type: ${name}`, `Known are ${[...names].join(', ')}.`);
	}

	const [soft = '', hard = soft, ...others] = value.split(':');
	if (others.length > 0) {
		throw invalid(text, `too many limit value arguments - ${value}, can only have up to two, \`soft[:hard]\``);
	}

	const limits = {hard: readNumber(hard, text), soft: readNumber(soft, text)};
	checkOrder(limits, text);
	return {name, soft: String(limits.soft), hard: String(limits.hard)};
}

function readNumber(value: string, text: string): bigint {
	const number = /^[+\-]?\d+$/v.test(value) ? BigInt(value.replace('+', '')) : undefined;
	if (number === undefined) {
		throw invalid(text, `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
	}

	if (number > maximum || number < -maximum - 1n) {
		throw invalid(text, `strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
	}

	return number;
}

function checkOrder({soft, hard}: {readonly soft: bigint; readonly hard: bigint}, text: string): void {
	if (hard === unlimited) {
		return;
	}

	if (soft === unlimited) {
		throw invalid(text, `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`);
	}

	if (soft > hard) {
		throw invalid(text, `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
	}
}

function invalid(text: string, reason: string, hint?: string): UsageError {
	return new UsageError(`invalid argument ${JSON.stringify(text)} for "--ulimit" flag: ${reason}`, hint === undefined ? {} : {hint});
}
