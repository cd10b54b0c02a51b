import path from 'node:path';
import test from 'ava';
import {makeNetworkMachine, onNetworkMachine} from '../support/network-machine.ts';
import {makeProject} from '../support/project.ts';
import {makeRootlessUser} from '../support/rootless-user.ts';
import {stepOutput} from '../support/step-output.ts';
import {tsbuild} from '../support/tsbuild.ts';

// What a user's build starts besides: namespaces, and who gives IDs to them.
const common = ['mount', 'newgidmap', 'newuidmap', 'setpriv', 'sh', 'unshare'];

const dockerfile = String.raw`FROM base
RUN wget -q -O - http://203.0.113.1; wget -q -O - http://builder; nslookup -type=a world.example 203.0.113.1 | grep -q '^Address: 203.0.113.1$' && echo name found; \
    timeout 2 wget -q -O - http://127.0.0.1:8080 2>/dev/null || echo nothing; \
    grep -q @secret /proc/net/unix || echo no socket
`;

const reachesWorld = test.macro({
	async exec(t, program: string, subordinateIds: number) {
		t.timeout(600_000);
		// It would pass packets on, but not for an ordinary user.
		await using machine = await makeNetworkMachine({isForwarding: true});
		await using user = await makeRootlessUser({subordinateIds});
		await using project = await makeProject({Dockerfile: dockerfile});
		await user.own(project.directory);
		await user.own(path.dirname(project.base));
		const result = await tsbuild(
			['build', '--progress', 'plain', '--add-host', 'builder=host-gateway', '--build-context', `base=oci-layout://${project.base}`, project.context],
			{root: path.join(user.home, 'store'), through: [...machine.through, ...user.as(['env', `PATH=${machine.programs(...common, program)}`, `HOME=${user.home}`])]},
		);
		t.is(result.exitCode, 0, result.stderr);
		t.is(stepOutput(result.stderr), 'world\nmachine\nname found\nnothing\nno socket\n', result.stderr);
		t.false(result.stderr.includes('use the network of the host'), result.stderr);
	},
	title(_, program: string, subordinateIds: number) {
		const user = subordinateIds === 0 ? 'a user with one ID' : 'an ordinary user';
		return `a step of ${user} reaches the world, and nothing of the machine's loopback, through ${program}`;
	},
});

onNetworkMachine(reachesWorld, 'pasta', 65_536);
onNetworkMachine(reachesWorld, 'pasta', 0);
onNetworkMachine(reachesWorld, 'slirp4netns', 65_536);
