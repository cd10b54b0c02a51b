import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import type {ProgressEvent} from '../../src/kernel/progress-event.ts';
import {limitLogs, readLogLimits, type LogLimits} from '../../src/progress/log-limit.ts';

const megabyte = 2 ** 20;

type Output = {readonly text: string; readonly at: number; readonly stream?: 'stdout' | 'stderr'; readonly step?: string};

/** What is left of output. */
function limited(limits: LogLimits, outputs: readonly Output[]): string {
	let text = '';
	const sink = limitLogs(event => {
		text += event.type === 'log' ? Buffer.from(event.data).toString() : '';
	}, limits);
	for (const {text: output, at, stream = 'stdout', step = 'a'} of outputs) {
		sink({
			type: 'log', vertex: digestOf(step), stream, data: Buffer.from(output), timestamp: at,
		});
	}

	return text;
}

test('nothing is cut without a limit', t => {
	const events: ProgressEvent[] = [];
	const sink = (event: ProgressEvent): void => {
		events.push(event);
	};

	t.is(limitLogs(sink, readLogLimits({})), sink);
	t.is(limitLogs(sink, readLogLimits({BUILDKIT_STEP_LOG_MAX_SIZE: '-1', BUILDKIT_STEP_LOG_MAX_SPEED: 'fast'})), sink);
});

test('output beyond the size is cut, which is said once', t => {
	const limits = readLogLimits({BUILDKIT_STEP_LOG_MAX_SIZE: '4'});
	t.is(limited(limits, [{text: 'ab', at: 0}, {text: 'cdef', at: 1}, {text: 'gh', at: 2}]), 'abcd\n[output clipped, log limit 4B reached]\n');
});

test('output faster than the speed is cut, until there is room again', t => {
	const limits = readLogLimits({BUILDKIT_STEP_LOG_MAX_SPEED: '2048'});
	const much = 'x'.repeat(3000);
	t.is(limited(limits, [{text: much, at: 0}, {text: 'late', at: 1500}]), `${much.slice(0, 2048)}\n[output clipped, log limit 2KiB/s reached]\nlate`);
});

test('each stream of each step has a limit of its own', t => {
	const outputs: readonly Output[] = [{text: 'ab', at: 0}, {text: 'cd', at: 0, stream: 'stderr'}, {text: 'ef', at: 0, step: 'b'}];
	t.is(limited({size: 2}, outputs), 'abcdef');
});

test('of two limits the narrower counts', t => {
	const notice = (limits: LogLimits): string => limited(limits, [{text: 'x'.repeat(3 * megabyte), at: 0}]).replaceAll('x', '').trim();
	t.is(notice({size: 2 * megabyte, speed: 200 * 1024}), '[output clipped, log limit 200KiB/s reached]');
	t.is(notice({size: 2 * megabyte, speed: 1024 * megabyte}), '[output clipped, log limit 2MiB reached]');
	t.is(notice({size: 1536}), '[output clipped, log limit 1.5KiB reached]');
});

test('other events pass', t => {
	const events: ProgressEvent[] = [];
	const event: ProgressEvent = {
		type: 'vertex', digest: digestOf('a'), name: 'a', inputs: [],
	};
	limitLogs(each => {
		events.push(each);
	}, {size: 0})(event);
	t.deepEqual(events, [event]);
});
