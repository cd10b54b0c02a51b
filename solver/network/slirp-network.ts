import {spawn} from 'node:child_process';
import {once} from 'node:events';
import type {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {findHostProgram} from '../../src/linux/host-program.ts';
import {createStepNamespace} from './create-step-namespace.ts';
import {findOutwardAddress} from './host-routes.ts';
import {NetworkUnavailable} from './network-unavailable.ts';
import type {OpenNetwork} from './open-network.ts';
import {endOf, whenReady} from './when-ready.ts';

// Numbers in slirp4netns of what it tells us by, of what tells it that we have ended, and of the namespace.
const readyDescriptor = 3;
const exitDescriptor = 4;
const namespaceDescriptor = 5;

// https://github.com/rootless-containers/slirp4netns/blob/master/slirp4netns.1.md
const slirpArguments = [
	'--configure',
	// The largest, since no packet leaves this machine as it is.
	'--mtu=65520',
	'--disable-host-loopback',
	'--enable-sandbox',
	'--enable-seccomp',
	`--ready-fd=${readyDescriptor}`,
	`--exit-fd=${exitDescriptor}`,
	'--netns-type=path',
	`/proc/self/fd/${namespaceDescriptor}`,
	'eth0',
];

/**
Makes a network namespace whose packets `slirp4netns` turns into connections of its own. It needs no right to change the machine's network. There is no IPv6.

It ends with its pipe from this process, however this process ends.

@throws {NetworkUnavailable}
@throws the reason of `signal`
*/
export async function openSlirpNetwork(signal: AbortSignal): Promise<OpenNetwork> {
	const program = findHostProgram('slirp4netns');
	if (program === undefined) {
		throw new NetworkUnavailable('slirp4netns is not installed');
	}

	await using opened = new AsyncDisposableStack();
	const {namespace, dnsSockets} = await createStepNamespace(opened);
	const slirp = spawn(program, slirpArguments, {
		cwd: '/', env: {}, detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', namespace.number],
	});
	const ended = endOf(slirp);
	opened.defer(async () => {
		slirp.kill('SIGKILL');
		await ended;
	});
	await whenReady('slirp4netns', {
		ready: async over => once(slirp.stdio[readyDescriptor] as Readable, 'data', {signal: over}), ended, complaints: text(slirp.stderr!), signal,
	});
	const closed = opened.move();
	return {
		namespace, dnsSockets, hostAddress: await findOutwardAddress(), [Symbol.asyncDispose]: async () => closed.disposeAsync(),
	};
}
