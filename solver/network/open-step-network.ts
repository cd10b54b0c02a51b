import {readHostResolver, unreachableServer} from '../executor/etc-files.ts';
import type {NetworkNamespace} from '../executor/network.ts';
import {dnsPort} from './create-step-namespace.ts';
import {openDnsRelay} from './dns-relay.ts';
import {NetworkUnavailable} from './network-unavailable.ts';
import type {OpenNetwork} from './open-network.ts';
import {openPastaNetwork} from './pasta-network.ts';
import {openSlirpNetwork} from './slirp-network.ts';
import {openVethNetwork} from './veth-network.ts';

/** What connects the steps with the rest of the world. */
export type NetworkKind = (typeof kinds)[number]['kind'];

/** The network of some steps, which ends when it is disposed of. */
export type NetworkOutcome = AsyncDisposable & (
	| {readonly type: 'namespace'; readonly kind: NetworkKind; readonly network: NetworkNamespace}
	/** For each kind of network, why there is none on this machine. */
	| {readonly type: 'host'; readonly reasons: readonly string[]}
);

// The fastest first. The others need no right to change the machine's network.
const kinds = [
	{kind: 'veth', open: openVethNetwork},
	{kind: 'pasta', open: openPastaNetwork},
	{kind: 'slirp4netns', open: openSlirpNetwork},
] as const;

const relayAddress = '127.0.0.1';

/**
Opens the best network that this machine allows, with somebody in it who resolves names.

@throws the reason of `signal`, which ends the programs that are at work
*/
export async function openStepNetwork(signal: AbortSignal): Promise<NetworkOutcome> {
	const reasons: string[] = [];
	for (const kind of kinds) {
		try {
			return await openKind(kind, signal);
		} catch (error) {
			signal.throwIfAborted();
			if (!(error instanceof NetworkUnavailable)) {
				throw error;
			}

			reasons.push(error.message);
		}
	}

	return {type: 'host', reasons, [Symbol.asyncDispose]: async () => undefined};
}

async function openKind({kind, open}: (typeof kinds)[number], signal: AbortSignal): Promise<NetworkOutcome> {
	await using opened = new AsyncDisposableStack();
	const network = opened.use(await open(signal));
	const relay = opened.use(await relayDns(network));
	const {namespace, hostAddress} = network;
	const closed = opened.move();
	return {
		type: 'namespace',
		kind,
		network: {namespace, hostAddress, nameservers: relay && [relayAddress]},
		[Symbol.asyncDispose]: async () => closed.disposeAsync(),
	};
}

/** Where all servers that the machine knows are on its own loopback, we stand between. */
async function relayDns({dnsSockets}: OpenNetwork): Promise<AsyncDisposable | undefined> {
	const address = unreachableServer(await readHostResolver());
	if (address === undefined) {
		// A step may want the port for a server of its own.
		dnsSockets.tcp.close();
		dnsSockets.udp.close();
		return undefined;
	}

	return openDnsRelay(dnsSockets, {address, port: dnsPort});
}
