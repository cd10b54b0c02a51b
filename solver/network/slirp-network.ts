import {spawn} from 'node:child_process';
import {once} from 'node:events';
import process from 'node:process';
import type {Readable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {findHostProgram} from '../../src/linux/host-program.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {findOutwardAddress} from './host-routes.ts';
import {NetworkUnavailable} from './network-unavailable.ts';
import type {OpenNetwork} from './open-network.ts';
import {whenReady} from './when-ready.ts';

// Numbers in slirp4netns of what it tells us by, and of what tells it that we have ended.
const readyDescriptor = 3;
const exitDescriptor = 4;

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
];

/**
Makes a network namespace whose packets `slirp4netns` turns into connections of its own. It needs no right to change the machine's network. There is no IPv6.

It ends with its pipe from this process, however this process ends.

@throws {NetworkUnavailable}
*/
export async function openSlirpNetwork(): Promise<OpenNetwork> {
	const program = findHostProgram('slirp4netns');
	if (program === undefined) {
		throw new NetworkUnavailable('slirp4netns is not installed');
	}

	await using opened = new AsyncDisposableStack();
	const namespace = opened.use(createNamespace());
	const slirp = spawn(program, [...slirpArguments, `/proc/${process.pid}/fd/${namespace.number}`, 'eth0'], {
		cwd: '/', env: {}, detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
	});
	const ended = once(slirp, 'exit');
	opened.defer(async () => {
		slirp.kill('SIGKILL');
		await ended;
	});
	await whenReady('slirp4netns', {ready: once(slirp.stdio[readyDescriptor] as Readable, 'data'), ended, complaints: text(slirp.stderr!)});
	const closed = opened.move();
	return {namespace, hostAddress: await findOutwardAddress(), [Symbol.asyncDispose]: async () => closed.disposeAsync()};
}

function createNamespace() {
	try {
		const {namespace, result: links} = createNetworkNamespace(() => new NetworkLinks());
		using _ = links;
		links.switchOn(links.find('lo'));
		return namespace;
	} catch (error) {
		if (error instanceof LinuxError) {
			throw new NetworkUnavailable(error.message, {cause: error});
		}

		throw error;
	}
}
