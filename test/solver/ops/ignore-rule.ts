import test from 'ava';
import {ignoreRule} from '../../../solver/ops/ignore-rule.ts';

const leavesOut = test.macro({
	exec(t, patterns: readonly string[], path: string, isExpected: boolean) {
		t.is(ignoreRule(patterns)(path), isExpected);
	},
	title: (_, patterns: readonly string[], path: string, isLeftOut: boolean) => `${patterns.join(', ')} ${isLeftOut ? 'leaves' : 'does not leave'} ${path} out`,
});

test(leavesOut, ['*.log'], 'a.log', true);
test(leavesOut, ['*.log'], 'b/a.log', false);
test(leavesOut, ['b'], 'b/a.log', true);
test(leavesOut, ['b', '!b/c'], 'b/a.log', false);
test(leavesOut, ['*'], '.', true);
test(leavesOut, ['**'], '/', true);
test(leavesOut, ['a', '**/*'], '.', true);
test(leavesOut, ['*', '!a'], '.', false);
test(leavesOut, ['.*'], '.', false);
test(leavesOut, ['?'], '.', false);
test(leavesOut, ['.*'], '.a', true);

test('a pattern that is none is refused', t => {
	t.throws(() => ignoreRule(['a[']), {code: 'ERR_TSBUILD_PATTERN'});
});
