import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	chmodSync,
	mkdirSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {findHostProgram} from '../../src/linux/host-program.ts';
import {NetworkLinks} from '../../src/linux/network-links.ts';
import {createNetworkNamespace} from '../../src/linux/network-namespace.ts';
import {testWhere} from './conditions.ts';
import {runInNetwork} from './network-namespace.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/**
A machine with a network of its own, and behind it the rest of the world:

- the machine has the addresses 192.0.2.1 and 2001:db8:1::1, a web server on port 80 of all of them ("machine"), and on port 8080 of 127.0.0.1 alone one that is nobody else's business ("secret"), and an abstract Unix socket of the same name;
- the world has the addresses 203.0.113.1 and 2001:db8:2::1, with a web server ("world") and a server of DNS that knows world.example;
- a server of DNS on 127.0.0.1 of the machine knows local.example.
*/
export type NetworkMachine = AsyncDisposable & {
	readonly machine: Descriptor;
	/** Starts what follows on the machine, with its own resolv.conf. */
	readonly through: readonly string[];
	/** A directory for PATH with these programs alone. */
	readonly programs: (...names: readonly string[]) => string;
};

export type NetworkMachineOptions = {
	readonly resolver?: string;
	/** Whether the machine passes on packets of others, of IPv4 and IPv6. */
	readonly isForwarding: boolean;
};

const missing = ['dnsmasq', 'ip', 'iptables-nft', 'pasta', 'slirp4netns', 'socat'].filter(name => findHostProgram(name) === undefined);

/** Tests that need a machine like this. */
export const onNetworkMachine = testWhere(process.getuid?.() === 0 && missing.length === 0, `it needs root and ${missing.join(', ')}`);

const machineScript = `
	ip link set lo up
	ip address add 192.0.2.1/24 dev up0
	ip address add 2001:db8:1::1/64 dev up0 nodad
	ip link set up0 up
	echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range
	ip route add default via 192.0.2.254
	ip route add default via 2001:db8:1::254
`;

const worldScript = `
	ip link set lo up
	ip address add 192.0.2.254/24 dev down0
	ip address add 2001:db8:1::254/64 dev down0 nodad
	ip link set down0 up
	ip address add 203.0.113.1/32 dev lo
	ip address add 2001:db8:2::1/128 dev lo nodad
`;

/** Makes a machine and starts its servers. */
export async function makeNetworkMachine({resolver = 'nameserver 203.0.113.1\n', isForwarding}: NetworkMachineOptions): Promise<NetworkMachine> {
	await using opened = new AsyncDisposableStack();
	const directory = opened.use(await makeTemporaryDirectory()).path;
	// Other users than root build on the machine, too.
	chmodSync(directory, 0o711);
	const machine = opened.use(createNetworkNamespace(() => undefined).namespace);
	const {namespace: world, result: links} = createNetworkNamespace(() => new NetworkLinks());
	opened.use(world);
	links.createPair({
		name: 'down0', peer: 'up0', namespace: machine, mtu: 1400,
	});
	links[Symbol.dispose]();
	runInNetwork(machine, 'sh', '-ec', machineScript);
	runInNetwork(machine, 'sh', '-ec', 'for file in ipv4/ip_forward ipv6/conf/all/forwarding; do echo "$0" > /proc/sys/net/$file; done', isForwarding ? '1' : '0');
	runInNetwork(world, 'sh', '-ec', worldScript);
	const start = async (namespace: Descriptor, ...command: readonly string[]) => {
		opened.use(await startServer(namespace, command));
	};

	await start(machine, 'busybox', 'httpd', '-f', '-p', '[::]:80', '-h', page(directory, 'machine'));
	await start(machine, 'busybox', 'httpd', '-f', '-p', '127.0.0.1:8080', '-h', page(directory, 'secret'));
	await start(machine, 'socat', 'ABSTRACT-LISTEN:secret,fork', 'EXEC:true');
	await start(machine, ...dnsServer('local.example', '192.0.2.1'), '--listen-address=127.0.0.1');
	await start(world, 'busybox', 'httpd', '-f', '-p', '[::]:80', '-h', page(directory, 'world'));
	await start(world, ...dnsServer('world.example', '203.0.113.1'), '--listen-address=203.0.113.1');
	const resolverFile = path.join(directory, 'resolv.conf');
	writeFileSync(resolverFile, resolver);
	const kept = opened.move();
	return {
		machine,
		through: [
			'nsenter',
			`--net=/proc/${process.pid}/fd/${machine.number}`,
			'unshare',
			'--mount',
			'sh',
			'-ec',
			'mount --bind "$0" /etc/resolv.conf; exec "$@"',
			resolverFile,
		],
		programs(...names) {
			const binaries = path.join(directory, `bin-${names.join('-')}`);
			mkdirSync(binaries);
			for (const name of names) {
				symlinkSync(findHostProgram(name)!, path.join(binaries, name));
			}

			return binaries;
		},
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

function page(directory: string, text: string): string {
	const root = path.join(directory, text);
	mkdirSync(root, {recursive: true});
	writeFileSync(path.join(root, 'index.html'), `${text}\n`);
	return root;
}

function dnsServer(name: string, address: string): readonly string[] {
	return ['dnsmasq', '--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=', '--pid-file=', '--user=root', '--bind-interfaces', `--address=/${name}/${address}`];
}

/** Starts a server that is listening when it returns, or soon; who asks too early asks again. */
async function startServer({number}: Descriptor, command: readonly string[]): Promise<AsyncDisposable> {
	const server = spawn('nsenter', [`--net=/proc/${process.pid}/fd/${number}`, ...command], {stdio: ['ignore', 'ignore', 'inherit']});
	await once(server, 'spawn');
	return {
		async [Symbol.asyncDispose]() {
			const ended = once(server, 'exit');
			server.kill('SIGKILL');
			await ended;
		},
	};
}
