import {readFile} from 'node:fs/promises';
import {errorCode} from '../../src/kernel/errors.ts';
import type {ContainerSpec} from './container-spec.ts';
import type {ContainerNetwork} from './network.ts';

/** The resolver configuration of a host; empty where there is none. */
export type HostResolver = {
	/** /etc/resolv.conf */
	readonly standard: string;
	/** The servers behind the stub resolver of systemd. */
	readonly systemd: string;
};

const systemdStub = '127.0.0.53';

// What Docker falls back to when no server of the host can be reached from a container.
const publicServers = ['8.8.8.8', '8.8.4.4'];

/** Reads the resolver configuration of this host. */
export async function readHostResolver(): Promise<HostResolver> {
	return {
		standard: await readIfPresent('/etc/resolv.conf'),
		systemd: await readIfPresent('/run/systemd/resolve/resolv.conf'),
	};
}

/**
The content of a step's /etc/resolv.conf, made from the host's.

On the host's network it is the same file. Elsewhere the host's loopback is out of reach: servers on it are left out; when only systemd's stub is there, its own servers are taken; when none is left, those of the step's network, or Google's public ones.

@see https://man7.org/linux/man-pages/man5/resolv.conf.5.html
*/
export function resolverConfiguration(network: ContainerNetwork, {standard, systemd}: HostResolver): string {
	if (network.type === 'host') {
		return standard;
	}

	const configuration = configurationBehindStub({standard, systemd});
	const {nameservers = publicServers} = network.type === 'namespace' ? network : {};
	return withReachableServers(configuration, nameservers);
}

/**
The first server of a host that resolves names only for its own loopback; `undefined` when others can be asked, or none is there.
*/
export function unreachableServer({standard, systemd}: HostResolver): string | undefined {
	const reachable = serversIn(configurationBehindStub({standard, systemd})).filter(server => !isLoopback(server));
	return reachable.length === 0 ? serversIn(standard)[0] : undefined;
}

function configurationBehindStub({standard, systemd}: HostResolver): string {
	const servers = serversIn(standard);
	const isStub = servers.length === 1 && servers[0] === systemdStub;
	// In a container of systemd's resolver, that file may be missing.
	return isStub && serversIn(systemd).length > 0 ? systemd : standard;
}

/**
The content of a step's /etc/hosts.

@see https://man7.org/linux/man-pages/man5/hosts.5.html
*/
export function hostsFile({hostname, extraHosts}: Pick<ContainerSpec, 'hostname' | 'extraHosts'>, network: ContainerNetwork): string {
	const hostAddress = network.type === 'namespace' ? network.hostAddress : '127.0.0.1';
	const extraLines = extraHosts.map(({name, address}) => `${address === 'host-gateway' ? hostAddress : address}\t${name}\n`);
	return [`127.0.0.1\tlocalhost ${hostname}\n`, '::1\tlocalhost ip6-localhost ip6-loopback\n', ...extraLines].join('');
}

function withReachableServers(configuration: string, others: readonly string[]): string {
	const lines = configuration.split('\n').filter(line => line !== '' && !isLoopback(serverOf(line)));
	const hasServer = lines.some(line => serverOf(line) !== undefined);
	const fallback = hasServer ? [] : others.map(server => `nameserver ${server}`);
	return [...lines, ...fallback].map(line => `${line}\n`).join('');
}

function serversIn(configuration: string): readonly string[] {
	return configuration.split('\n').map(line => serverOf(line)).filter(server => server !== undefined);
}

function serverOf(line: string): string | undefined {
	return /^\s*nameserver\s+(?<server>\S+)/v.exec(line)?.groups?.server;
}

function isLoopback(server: string | undefined): boolean {
	return server !== undefined && (server.startsWith('127.') || server === '::1');
}

async function readIfPresent(path: string): Promise<string> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return '';
		}

		throw error;
	}
}
