import test from 'ava';
import {warnOfIgnoredFlags} from '../../src/cli/ignored-flags.ts';

const noFlags = {
	builder: undefined, isolation: undefined, provenance: undefined, sbom: undefined, 'security-opt': [], squash: undefined,
};

function warningsOf(flags: Partial<Parameters<typeof warnOfIgnoredFlags>[0]>): readonly string[] {
	const lines: string[] = [];
	warnOfIgnoredFlags({...noFlags, ...flags}, text => {
		lines.push(text);
	});
	return lines;
}

test('without such flags nothing is said', t => {
	t.deepEqual(warningsOf({}), []);
});

test('each flag without effect has its line', t => {
	t.deepEqual(warningsOf({
		builder: 'b', isolation: 'x', squash: true, 'security-opt': ['y'],
	}), [
		'WARNING: --builder has no effect: tsbuild builds in its own process\n',
		'WARNING: isolation flag is deprecated with BuildKit.\n',
		'WARNING: security-opt flag is deprecated. "RUN --security=insecure" should be used with BuildKit.\n',
		'WARNING: experimental flag squash is removed with BuildKit. You should squash inside build using a multi-stage Dockerfile for efficiency.\n',
	]);
});

test('no attestations are made anyway, and asking for some is refused', t => {
	t.deepEqual(warningsOf({provenance: 'false', sbom: '0'}), []);
	t.throws(() => warningsOf({provenance: 'mode=max'}), {code: 'ERR_TSBUILD_REQUEST'});
	t.throws(() => warningsOf({sbom: 'true'}), {code: 'ERR_TSBUILD_REQUEST'});
});
