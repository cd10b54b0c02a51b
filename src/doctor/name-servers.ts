import {readHostResolver, resolverConfiguration, unreachableServer} from '../../solver/executor/etc-files.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'dns';

/** Which name servers a step asks. */
export async function examineNameServers(_patient: Patient): Promise<readonly Finding[]> {
	const resolver = await readHostResolver();
	const relayed = unreachableServer(resolver);
	if (relayed !== undefined) {
		return [{status: 'ok', topic, summary: `${relayed}, to which questions of steps are passed on`}];
	}

	const asked = serversIn(resolverConfiguration({type: 'none'}, resolver)).join(', ');
	return [serversIn(resolver.standard).length === 0
		? {
			status: 'warning', topic, summary: `/etc/resolv.conf names no server; steps ask ${asked}`, advice: 'Name a server there, if these are out of reach.',
		}
		: {status: 'ok', topic, summary: asked}];
}

function serversIn(configuration: string): readonly string[] {
	const words = configuration.split('\n').map(line => line.trim().split(/\s+/v));
	return words.filter(([keyword, server]) => keyword === 'nameserver' && server !== undefined).map(([, server]) => server!);
}
