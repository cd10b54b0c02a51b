import {readlinkSync} from 'node:fs';
import {glob, readFile} from 'node:fs/promises';
import test from 'ava';
import {makeNetworkMachine, onNetworkMachine, type NetworkMachine} from '../support/network-machine.ts';
import {runInNetwork} from '../support/network-namespace.ts';
import {makeProject, type Project} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {
	startTsbuild,
	tsbuild,
	waitForExit,
	type TsbuildResult,
} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

// By its path, because a package of Node has a program of the same name.
const nft = '/usr/sbin/nft';

/** A machine on which one kind of network is possible. */
type Kind = {readonly isForwarding: boolean; readonly programs: readonly string[]};

const argumentsFor = ({base, context}: Project) => ['build', '--progress', 'plain', '--no-cache', '--add-host', 'builder=host-gateway', '--build-context', `base=oci-layout://${base}`, context];

async function build(project: Project, {through}: NetworkMachine, {PATH}: {readonly PATH: string | undefined}): Promise<TsbuildResult> {
	return tsbuild(argumentsFor(project), {root: project.root, through: [...through, 'env', `PATH=${PATH}`]});
}

// What a step can reach of each part of the machine and of the world.
const probe = `FROM base
RUN ask() { echo "$1: $(timeout "\${3:-20}" wget -q -O - "$2" 2>/dev/null || echo nothing)"; }; \\
    ask world http://203.0.113.1; ask machine http://192.0.2.1; ask builder http://builder; \\
    ask secret http://127.0.0.1:8080 2; ask builder-secret http://builder:8080 2; \\
    nslookup -type=a world.example | grep -q '^Address: 203.0.113.1$' && echo name found; \\
    ping -c 1 -w 20 203.0.113.1 > /dev/null && echo echo answered; \\
    grep -q @secret /proc/net/unix || echo no socket; \\
    httpd -p 127.0.0.1:53 -h / && echo port free || true
`;

const reachesWorld = test.macro({
	async exec(t, {isForwarding, programs}: Kind) {
		t.timeout(600_000);
		await using machine = await makeNetworkMachine({isForwarding});
		await using project = await makeProject({Dockerfile: probe});
		const result = await build(project, machine, {PATH: machine.programs(...programs)});
		t.is(result.exitCode, 0, result.stderr);
		t.is(stepOutput(result.stderr), 'world: world\nmachine: machine\nbuilder: machine\nsecret: nothing\nbuilder-secret: nothing\nname found\necho answered\nno socket\nport free\n', result.stderr);
		t.false(result.stderr.includes('WARNING'), result.stderr);
		await assertNothingLeftOn(machine);
	},
	title: (_, {programs}: Kind) => `a step reaches the world, and nothing of the machine's loopback, through ${programs[0] ?? 'the kernel'}`,
});

onNetworkMachine(reachesWorld, {isForwarding: true, programs: []});
onNetworkMachine(reachesWorld, {isForwarding: false, programs: ['pasta', 'setpriv', 'unshare', 'mount', 'sh']});
onNetworkMachine(reachesWorld, {isForwarding: false, programs: ['slirp4netns']});

onNetworkMachine('a machine that allows none of these says so once, and its steps are on its own network', async t => {
	t.timeout(600_000);
	await using machine = await makeNetworkMachine({isForwarding: false});
	await using project = await makeProject({Dockerfile: `${probe}RUN true\n`});
	const result = await build(project, machine, {PATH: machine.programs()});
	t.is(result.exitCode, 0, result.stderr);
	t.regex(result.stderr, / secret: secret$/mv);
	const warnings = result.stderr.split('\n').filter(line => line.startsWith('WARNING'));
	const reasons = 'net.ipv4.ip_forward is 0, pasta is not installed, slirp4netns is not installed';
	t.deepEqual(warnings, [`WARNING: RUN steps use the network of the host, with its local services: ${reasons}; --network none takes it from them`]);
});

const resolvesNames = test.macro({
	async exec(t, {isForwarding, programs}: Kind) {
		t.timeout(600_000);
		await using machine = await makeNetworkMachine({isForwarding, resolver: 'nameserver 127.0.0.1\n'});
		await using project = await makeProject({
			Dockerfile: String.raw`FROM base
RUN cat /etc/resolv.conf; wget -q -O - local.example; nslookup -type=a other.example > /dev/null || echo no other
RUN printf '\0\037\1\2\1\0\0\1\0\0\0\0\0\0\5local\7example\0\0\1\0\1' > /question
RUN nc -w 5 127.0.0.1 53 < /question | tail -c 4 | od -An -tu1
`,
		});
		const result = await build(project, machine, {PATH: machine.programs(...programs)});
		t.is(result.exitCode, 0, result.stderr);
		t.is(stepOutput(result.stderr, 'cat /etc/resolv.conf'), 'nameserver 127.0.0.1\nmachine\nno other\n', result.stderr);
		t.false(result.stderr.includes('WARNING'), result.stderr);
		t.is(stepOutput(result.stderr, 'RUN nc').trim().replaceAll(/\s+/gv, ' '), '192 0 2 1', result.stderr);
	},
	title: (_, {programs}: Kind) => `names are resolved by a server that listens on the machine's loopback alone, through ${programs[0] ?? 'the kernel'}`,
});

onNetworkMachine(resolvesNames, {isForwarding: true, programs: []});
onNetworkMachine(resolvesNames, {isForwarding: false, programs: ['pasta', 'setpriv', 'unshare', 'mount', 'sh']});
onNetworkMachine(resolvesNames, {isForwarding: false, programs: ['slirp4netns']});

onNetworkMachine('a step has IPv6 where the machine passes it on', async t => {
	t.timeout(600_000);
	await using machine = await makeNetworkMachine({isForwarding: true});
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN wget -q -O - http://[2001:db8:2::1]; wget -q -O - http://[2001:db8:1::1]; ping6 -c 1 -w 20 2001:db8:2::1 > /dev/null && echo echo answered\n'});
	const result = await build(project, machine, {PATH: machine.programs()});
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr), 'world\nmachine\necho answered\n', result.stderr);
});

onNetworkMachine('the packets of steps pass a firewall of iptables that drops all others, and its rules are as before', async t => {
	t.timeout(600_000);
	await using machine = await makeNetworkMachine({isForwarding: true});
	for (const program of ['iptables-nft', 'ip6tables-nft']) {
		runInNetwork(machine.machine, program, '-P', 'FORWARD', 'DROP');
		// As a build that was killed leaves it.
		runInNetwork(machine.machine, program, '-A', 'FORWARD', '-i', 'tsb01234567', '-m', 'comment', '--comment', 'tsbuild', '-j', 'ACCEPT');
		runInNetwork(machine.machine, program, '-A', 'FORWARD', '-i', 'tsb01234567', '-j', 'ACCEPT');
	}

	await using project = await makeProject({Dockerfile: 'FROM base\nRUN wget -q -O - http://203.0.113.1; wget -q -O - http://[2001:db8:2::1]\n'});
	const result = await build(project, machine, {PATH: '/usr/sbin:/usr/bin:/sbin:/bin'});
	t.is(result.exitCode, 0, result.stderr);
	t.is(stepOutput(result.stderr), 'world\nworld\n', result.stderr);
	for (const program of ['iptables-nft', 'ip6tables-nft']) {
		t.is(runInNetwork(machine.machine, program, '-S', 'FORWARD'), '-P FORWARD DROP\n-A FORWARD -i tsb01234567 -j ACCEPT\n');
	}
});

onNetworkMachine('where a packet filter drops what nobody can add a rule to, another kind of network is taken', async t => {
	t.timeout(600_000);
	await using machine = await makeNetworkMachine({isForwarding: true});
	runInNetwork(machine.machine, nft, 'table inet mine { chain through { type filter hook forward priority 0; policy drop; }; }');
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN wget -q -O - http://203.0.113.1\n'});
	const alone = await build(project, machine, {PATH: machine.programs()});
	t.regex(alone.stderr, /WARNING: RUN steps use the network of the host.*the packet filter mine of this machine/v);
	const result = await build(project, machine, {PATH: machine.programs('slirp4netns')});
	t.is(stepOutput(result.stderr), 'world\n', result.stderr);
	t.false(result.stderr.includes('WARNING'), result.stderr);
});

const endsWithoutTrace = test.macro({
	async exec(t, {isForwarding, programs}: Kind) {
		t.timeout(600_000);
		await using machine = await makeNetworkMachine({isForwarding});
		await using project = await makeProject({Dockerfile: 'FROM base\nRUN wget -q -O - http://203.0.113.1; sleep 1000\n'});
		const running = startTsbuild(argumentsFor(project), {root: project.root, through: [...machine.through, 'env', `PATH=${machine.programs(...programs)}`]});
		const output = await waitForText(running.stderr, ' world\n');
		t.false(output.includes('WARNING'));
		running.kill('SIGKILL');
		await waitForExit(running);
		await assertNothingLeftOn(machine);
		// Ends what the killed build has left in its store.
		await tsbuild(['du'], {root: project.root});
	},
	title: (_, {programs}: Kind) => `SIGKILL leaves no interface, rule or process, through ${programs[0] ?? 'the kernel'}`,
});

onNetworkMachine(endsWithoutTrace, {isForwarding: true, programs: []});
onNetworkMachine(endsWithoutTrace, {isForwarding: false, programs: ['pasta', 'setpriv', 'unshare', 'mount', 'sh']});
onNetworkMachine(endsWithoutTrace, {isForwarding: false, programs: ['slirp4netns']});

onNetworkMachine('a step is reached by the machine, and not by the steps of another build', async t => {
	t.timeout(600_000);
	await using machine = await makeNetworkMachine({isForwarding: true});
	await using serving = await makeProject({
		Dockerfile: 'FROM base\nRUN echo hello > /page; httpd -p 80 -h /; echo "address $(ip -4 -o address show dev eth0 | tr -s " /" "\\n" | grep "[.]"), ready"; sleep 1000\n',
	});
	const running = startTsbuild(argumentsFor(serving), {root: serving.root, through: machine.through});
	const output = await waitForText(running.stderr, ', ready\n');
	const {address} = /address (?<address>[\d.]+)/v.exec(output)!.groups as {readonly address: string};
	t.is(runInNetwork(machine.machine, 'busybox', 'wget', '-q', '-O', '-', `http://${address}/page`), 'hello\n');
	await using asking = await makeProject({Dockerfile: `FROM base\nRUN wget -q -O - http://203.0.113.1; timeout 2 wget -q -O - http://${address}/page 2>/dev/null || echo nothing\n`});
	const result = await tsbuild(argumentsFor(asking), {root: asking.root, through: machine.through});
	t.is(stepOutput(result.stderr), 'world\nnothing\n', result.stderr);
	running.kill('SIGINT');
	t.is(await waitForExit(running), 130);
	await assertNothingLeftOn(machine);
});

/** Waits for what takes a moment to end with its process: namespaces, and programs that see that their pipe is closed. */
async function assertNothingLeftOn(machine: NetworkMachine): Promise<void> {
	let left = await findLeft(machine);
	while (left.length > 0) {
		left = await findLeft(machine);
	}
}

async function findLeft({machine}: NetworkMachine): Promise<readonly string[]> {
	return [
		...runInNetwork(machine, 'ip', '-o', 'link').match(/\btsb[\da-f]{8}/gv) ?? [],
		...runInNetwork(machine, nft, 'list', 'tables').match(/tsbuild.*/gv) ?? [],
		...await findPrograms(readlinkSync(machine.path)),
	];
}

/** The programs that make networks, in a network namespace. */
async function findPrograms(namespace: string): Promise<readonly string[]> {
	const found: string[] = [];
	for await (const directory of glob('/proc/[0-9]*')) {
		try {
			const name = await readFile(`${directory}/comm`, 'utf8');
			if (/^(?:pass?ta?|slirp4netns|unshare)\b/v.test(name) && readlinkSync(`${directory}/ns/net`) === namespace) {
				found.push(name);
			}
		} catch {
			// It has ended meanwhile.
		}
	}

	return found;
}
