import {readHostResolver} from '../../solver/executor/etc-files.ts';
import type {Finding, Patient} from './finding.ts';

/** The name servers that the host has, and what becomes of them in a step. */
export async function examineNameServers(_patient: Patient): Promise<readonly Finding[]> {
	const {standard, systemd} = await readHostResolver();
	return [judgeNameServers(serversIn(standard), serversIn(systemd))];
}

/**
Whether a step has a server to ask.

@param servers those of /etc/resolv.conf
@param uplinks those that systemd-resolved itself asks
*/
export function judgeNameServers(servers: readonly string[], uplinks: readonly string[]): Finding {
	const topic = 'dns';
	const reachable = servers.filter(server => !isLoopback(server));
	if (reachable.length > 0) {
		return {status: 'ok', topic, summary: reachable.join(', ')};
	}

	if (servers.length > 0 && uplinks.length > 0) {
		return {status: 'ok', topic, summary: `${servers.join(', ')}; steps ask ${uplinks.join(', ')}`};
	}

	return {
		status: 'warning',
		topic,
		summary: servers.length === 0 ? '/etc/resolv.conf names no server' : `${servers.join(', ')}, which no step can reach`,
		advice: 'Steps ask 8.8.8.8 and 8.8.4.4 instead. Name a server in /etc/resolv.conf that is not on the loopback interface, if these are out of reach.',
	};
}

function serversIn(configuration: string): readonly string[] {
	const words = configuration.split('\n').map(line => line.trim().split(/\s+/v));
	return words.filter(([keyword, server]) => keyword === 'nameserver' && server !== undefined).map(([, server]) => server!);
}

function isLoopback(server: string): boolean {
	return server.startsWith('127.') || server === '::1';
}
