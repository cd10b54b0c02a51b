import {isIP} from 'node:net';
import {DockerfileError} from '../errors.ts';
import {formatGoList, quoteGoString} from '../../../src/kernel/go-format.ts';
import type {ExposeInstruction} from '../instructions.ts';
import type {StageBuilder} from './stage-builder.ts';

const protocols: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);
const highestPort = 65_535;

type PortRange = {readonly start: number; readonly end: number};

/**
EXPOSE: ports that containers listen on.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE`
*/
export function convertExpose({ports}: ExposeInstruction, stage: StageBuilder): void {
	const exposed = ports.flatMap(port => stage.expandToWords(port)).flatMap(specification => parsePorts(specification, stage));
	for (const port of exposed) {
		stage.image.addPort(port);
	}

	stage.image.addHistory(`EXPOSE ${formatGoList(exposed)}`, {hasLayer: false});
}

/** `[[ip:]host port:]port[-port][/protocol]`; what stands before the port is checked and left out. */
function parsePorts(specification: string, stage: StageBuilder): readonly string[] {
	const parts = specification.split(':');
	const container = parts.at(-1)!;
	const [portText = '', protocol = ''] = splitOnce(container, '/');
	if (portText === '') {
		throw invalid(`invalid port: ${quoteGoString(specification)}: no port specified`);
	}

	if (protocol !== '' && !protocols.has(protocol.toLowerCase())) {
		throw invalid(`invalid port: ${quoteGoString(specification)}: invalid proto: ${protocol}`);
	}

	stage.checks.port(specification, {protocol, hasHost: parts.slice(0, -1).some(part => part !== '')});
	checkAddress(parts.slice(0, -2).join(':'));
	const range = parseRange(portText);
	if (range === undefined) {
		throw invalid(`invalid containerPort: ${portText}`);
	}

	checkHostPort(parts.at(-2) ?? '', portText, range);
	const count = range.end - range.start + 1;
	stage.conversion.budget.spend(count * container.length);
	return Array.from({length: count}, (_, offset) => `${range.start + offset}/${protocol === '' ? 'tcp' : protocol.toLowerCase()}`);
}

function checkAddress(address: string): void {
	const bare = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
	if (bare !== '' && isIP(bare) === 0) {
		throw invalid(`invalid IP address: ${bare}`);
	}
}

function checkHostPort(host: string, container: string, {start, end}: PortRange): void {
	if (host === '') {
		return;
	}

	const range = parseRange(host);
	if (range === undefined) {
		throw invalid(`invalid hostPort: ${host}`);
	}

	if (end !== start && end - start !== range.end - range.start) {
		throw invalid(`invalid ranges specified for container and host Ports: ${container} and ${host}`);
	}
}

function parseRange(text: string): PortRange | undefined {
	const [startText = '', endText = startText] = splitOnce(text, '-');
	const start = parsePort(startText);
	const end = parsePort(endText);
	return start === undefined || end === undefined || end < start ? undefined : {start, end};
}

function parsePort(text: string): number | undefined {
	return /^\+?\d+$/v.test(text) && Number(text) <= highestPort ? Number(text) : undefined;
}

function splitOnce(text: string, separator: string): readonly string[] {
	const index = text.indexOf(separator);
	return index === -1 ? [text] : [text.slice(0, index), text.slice(index + separator.length)];
}

function invalid(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', message);
}
