import {isIP} from 'node:net';
import type {ExtraHost} from '../definition/operations.ts';
import {parseCsvRecord} from './csv.ts';
import {RequestError} from './usage-error.ts';

// What it is depends on the step's network.
const hostGateway = 'host-gateway';

/**
The hosts of `--add-host` flags: `NAME=ADDRESS` or `NAME:ADDRESS`, IPv6 also in brackets; `host-gateway` is the machine that builds.

@throws {RequestError} for anything else
@see https://docs.docker.com/reference/cli/docker/buildx/build/#add-host
*/
export function readExtraHosts(texts: readonly string[]): readonly ExtraHost[] {
	return texts.flatMap(text => parseCsvRecord(text)).map(text => {
		const separator = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
		const name = text.slice(0, Math.max(separator, 0));
		const address = readAddress(text.slice(separator + 1));
		if (name === '' || address === undefined) {
			throw new RequestError(`invalid host ${text}`, {hint: 'Give it as NAME=ADDRESS, for example db=10.0.0.1.'});
		}

		return {name, address};
	});
}

function readAddress(text: string): string | undefined {
	if (text === hostGateway) {
		return hostGateway;
	}

	const address = /^\[(?<inner>.+)\]$/v.exec(text)?.groups?.inner ?? text;
	// An address of one link alone is none for everybody.
	return isIP(address) === 0 || address.includes('%') ? undefined : address;
}
