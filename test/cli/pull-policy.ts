import test from 'ava';
import type {PullPolicy} from '../../src/image-resolver/image-resolver.ts';
import {readPullPolicy} from '../../src/cli/pull-policy.ts';

const means = test.macro({
	exec(t, text: string | undefined, policy: PullPolicy) {
		t.is(readPullPolicy(text), policy);
	},
	title: (_, text: string | undefined, policy: PullPolicy) => `--pull=${text} means ${policy}`,
});

test(means, undefined, 'missing');
test(means, 'true', 'always');
test(means, 'false', 'missing');
test(means, '0', 'missing');
test(means, 'always', 'always');
test(means, 'missing', 'missing');
test(means, 'never', 'never');

test('another policy is refused', t => {
	t.throws(() => readPullPolicy('often'), {code: 'ERR_TSBUILD_USAGE', message: 'invalid argument "often" for "--pull" flag: it is neither a boolean nor a policy'});
});
