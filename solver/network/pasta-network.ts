import {spawn} from 'node:child_process';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import {setInterval} from 'node:timers/promises';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {findHostProgram} from '../../src/linux/host-program.ts';
import type {NetworkLinks} from '../../src/linux/network-links.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {createStepNamespace} from './create-step-namespace.ts';
import {findOutwardAddress} from './host-routes.ts';
import {NetworkUnavailable} from './network-unavailable.ts';
import type {OpenNetwork} from './open-network.ts';
import {endOf, whenReady} from './when-ready.ts';

// All but the first are on every machine.
const programs = ['pasta', 'setpriv', 'unshare', 'mount', 'sh'] as const;

// https://passt.top/passt/tree/passt.1
const configuration = {
	'--ns-ifname': 'eth0',
	// Nobody else sees the addresses of the namespace.
	'--address': '10.213.0.2',
	'--netmask': '30',
	'--gateway': '10.213.0.1',
	// If not told otherwise, pasta joins the ports of the machine's 127.0.0.1 with those of the namespace.
	'--tcp-ports': 'none',
	'--udp-ports': 'none',
	'--tcp-ns': 'none',
	'--udp-ns': 'none',
};

// The last: else the gateway's address would lead to the machine's 127.0.0.1.
const flags = ['--foreground', '--quiet', '--config-net', '--no-map-gw'];

/*
When this process ends, in any way, so does unshare, and with that all in its PID namespace.

pasta closes the descriptors that it inherits, and may not look into other processes: it can open the namespace only as a file. So it gets one, in a mount namespace of its own.
*/
const wrapper = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec'];
const namespaceDescriptor = 3;
const script = `mount -t tmpfs tmpfs /mnt; : > /mnt/netns; mount --bind /proc/self/fd/${namespaceDescriptor} /mnt/netns; exec "$@" --netns /mnt/netns`;

// Milliseconds between looks at what pasta has done. It takes some 20.
const lookInterval = 2;

/**
Makes a network namespace whose packets `pasta` turns into connections of its own. It needs no right to change the machine's network.

@throws {NetworkUnavailable}
@throws the reason of `signal`
*/
export async function openPastaNetwork(signal: AbortSignal): Promise<OpenNetwork> {
	const missing = programs.find(name => findHostProgram(name) === undefined);
	if (missing !== undefined) {
		throw new NetworkUnavailable(`${missing} is not installed`);
	}

	await using opened = new AsyncDisposableStack();
	const {namespace, links, dnsSockets} = await createStepNamespace(opened);
	const pasta = startPasta(namespace);
	const ended = endOf(pasta);
	opened.defer(async () => {
		pasta.kill('SIGKILL');
		await ended;
	});
	await whenReady('pasta', {
		ready: async over => waitForRoute(links, over), ended, complaints: text(pasta.stderr!), signal,
	});
	const closed = opened.move();
	return {
		namespace, dnsSockets, hostAddress: await findOutwardAddress(), [Symbol.asyncDispose]: async () => closed.disposeAsync(),
	};
}

function startPasta({number}: Descriptor) {
	// As root it would become the user nobody, who may not enter the namespace.
	const user = isInUserNamespace() ? [] : ['--runas', '0'];
	// In a session of its own, so that a Ctrl-C does not end it before the steps.
	return spawn(findHostProgram('setpriv')!, [...wrapper, script, 'sh', 'pasta', ...flags, ...Object.entries(configuration).flat(), ...user], {
		cwd: '/', env: {PATH: process.env.PATH}, detached: true, stdio: ['ignore', 'ignore', 'pipe', number],
	});
}

/** The default route is the last that pasta makes. */
async function waitForRoute(links: NetworkLinks, signal: AbortSignal): Promise<void> {
	for await (const _ of setInterval(lookInterval, undefined, {signal})) {
		if (links.hasDefaultRoute()) {
			return;
		}
	}
}
