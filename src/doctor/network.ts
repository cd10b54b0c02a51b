import {openStepNetwork, type NetworkKind} from '../../solver/network/open-step-network.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'network';

const descriptions: Readonly<Record<NetworkKind, string>> = {
	veth: 'a pair of interfaces, and addresses translated by the packet filter',
	pasta: 'pasta',
	slirp4netns: 'slirp4netns',
};

/** Which network a step gets: makes one, as the first step of a build does. */
export async function examineNetwork({refusal}: Patient, signal: AbortSignal): Promise<readonly Finding[]> {
	if (refusal !== undefined) {
		return [];
	}

	await using outcome = await openStepNetwork(signal);
	return [outcome.type === 'namespace'
		? {status: 'ok', topic, summary: `of a build's own, by ${descriptions[outcome.kind]}`}
		: {
			status: 'warning',
			topic,
			summary: `that of the machine: ${outcome.reasons.join('; ')}`,
			advice: [
				'Steps see the local services of the machine. Install pasta (Debian: passt) or slirp4netns;',
				'root does without them where nft or iptables is installed and net.ipv4.ip_forward is 1.',
			].join(' '),
		}];
}
