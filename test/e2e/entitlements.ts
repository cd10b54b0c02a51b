import test from 'ava';
import {makeProject} from '../support/project.ts';

const needsEntitlement = test.macro(async (t, step: string, entitlement: string, ...flags: readonly string[]) => {
	await using project = await makeProject({Dockerfile: `FROM base\nRUN ${step} echo it has run\n`});
	const refused = await project.build(...flags);
	t.is(refused.exitCode, 1);
	t.true(refused.stderr.includes(`\nERROR: failed to build: failed to solve: failed to load LLB: ${entitlement} is not allowed\n`), refused.stderr);
	t.notRegex(refused.stderr, /^#\d+ [\d.]+ it has run$/mv);
	const allowed = await project.build(...flags, '--allow', entitlement);
	t.is(allowed.exitCode, 0, allowed.stderr);
	t.regex(allowed.stderr, /^#\d+ [\d.]+ it has run$/mv);
});

test('a step gets all rights of root only if the user allows it', needsEntitlement, '--security=insecure', 'security.insecure');
test('a step gets the network of the host only if the user allows it', needsEntitlement, '--network=host', 'network.host');
test('a step does not get around --network none', needsEntitlement, '--network=host', 'network.host', '--network', 'none');
test('one entitlement does not stand for another', needsEntitlement, '--security=insecure', 'security.insecure', '--allow', 'network.host');

test('who gives all steps the network of the host allows it', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --network=host true\n'});
	const result = await project.build('--network', 'host');
	t.is(result.exitCode, 0, result.stderr);
});

test('a stage that is not built asks for nothing', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base AS unused\nRUN --security=insecure true\nFROM base\nRUN true\n'});
	const result = await project.build();
	t.is(result.exitCode, 0, result.stderr);
});

test('an entitlement that is none is refused', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\n'});
	const {exitCode, stderr} = await project.build('--allow', 'foo.bar');
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to build: unknown entitlement foo\.bar$/mv);
});
