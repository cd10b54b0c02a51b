import {spawn, type ChildProcessByStdio} from 'node:child_process';
import {once} from 'node:events';
import {constants} from 'node:fs';
import {readFile} from 'node:fs/promises';
import type {Readable, Writable} from 'node:stream';
import {text} from 'node:stream/consumers';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {findHostProgram} from '../../src/linux/host-program.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {findOutwardAddress} from './host-routes.ts';
import {NetworkUnavailable} from './network-unavailable.ts';
import type {OpenNetwork} from './open-network.ts';
import {whenReady} from './when-ready.ts';

type Pasta = ChildProcessByStdio<Writable, Readable, Readable>;

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
const pastaFlags = ['--foreground', '--quiet', '--config-net', '--no-map-gw'];

/**
Makes a network namespace whose packets `pasta` turns into connections of its own. It needs no right to change the machine's network.

pasta runs as long as the program that it has started in the namespace: `cat`, which ends with its input, a pipe of this process. So pasta ends with this process, however that ends.

@throws {NetworkUnavailable}
*/
export async function openPastaNetwork(): Promise<OpenNetwork> {
	const program = findHostProgram('pasta');
	const cat = findHostProgram('cat');
	if (program === undefined || cat === undefined) {
		throw new NetworkUnavailable('pasta is not installed');
	}

	await using opened = new AsyncDisposableStack();
	const pasta = startPasta(program, cat);
	opened.defer(async () => {
		await stop(pasta);
	});
	// What cat is given comes back as soon as it runs, and it runs when the namespace is ready.
	pasta.stdin.write('\n');
	await whenReady('pasta', {ready: once(pasta.stdout, 'data'), ended: once(pasta, 'exit'), complaints: text(pasta.stderr)});
	const namespace = opened.use(Descriptor.open(`/proc/${await childOf(pasta.pid!)}/ns/net`, constants.O_RDONLY));
	const closed = opened.move();
	return {namespace, hostAddress: await findOutwardAddress(), [Symbol.asyncDispose]: async () => closed.disposeAsync()};
}

function startPasta(program: string, cat: string): Pasta {
	// As root it would become the user nobody, who may not make the namespace.
	const user = isInUserNamespace() ? [] : ['--runas', '0'];
	// In a session of its own, so that a Ctrl-C does not end it before the steps.
	const pasta = spawn(program, [...pastaFlags, ...Object.entries(configuration).flat(), ...user, '--', cat], {
		cwd: '/', env: {}, detached: true, stdio: ['pipe', 'pipe', 'pipe'],
	});
	// It may have ended before it is written to; then there is its exit.
	pasta.stdin.on('error', () => undefined);
	return pasta;
}

async function stop(pasta: Pasta): Promise<void> {
	pasta.stdin.destroy();
	if (pasta.exitCode !== null || pasta.signalCode !== null) {
		return;
	}

	pasta.kill('SIGKILL');
	await once(pasta, 'exit');
}

// https://man7.org/linux/man-pages/man5/proc_pid_task.5.html (children)
async function childOf(processId: number): Promise<string> {
	const children = await readFile(`/proc/${processId}/task/${processId}/children`, 'latin1');
	return children.trim();
}
