import path from 'node:path';
import {makeSteps} from './make-steps.ts';
import {measure} from './measure.ts';

/** What the network of steps is measured with. */
export type NetworkBenchmark = {
	/** For contexts; it is there. */
	readonly directory: string;
	/** The base image. */
	readonly base: string;
	/** A command line of tsbuild that builds a context with some flags. */
	readonly tsbuild: (context: string, flags: string) => string;
};

const stepCount = 20;

/** Times what a network of its own costs a build, and each step: beside the host's, with one step and with many. */
export async function benchmarkNetwork(benchmark: NetworkBenchmark): Promise<void> {
	const one = await measureNetworks(1, benchmark);
	const many = await measureNetworks(stepCount, benchmark);
	const eachStep = (many.own - one.own - (many.host - one.host)) / (stepCount - 1);
	console.log('RUN steps with a network of their own, nothing cached');
	print('1 step, the network of the host', one.host);
	print('1 step, its own', one.own);
	print(`${stepCount} steps, the network of the host`, many.host);
	print(`${stepCount} steps, their own`, many.own);
	print('once for a build', one.own - one.host - eachStep);
	print('for each step', eachStep);
}

async function measureNetworks(count: number, {directory, base, tsbuild}: NetworkBenchmark): Promise<{readonly host: number; readonly own: number}> {
	const context = path.join(directory, `network-${count}`);
	await makeSteps(context, {base, count});
	const medians = await measure([
		{name: 'host', command: tsbuild(context, '--no-cache --network host')},
		{name: 'own', command: tsbuild(context, '--no-cache --network default')},
	], {runs: 15});
	return {host: medians.get('host')!, own: medians.get('own')!};
}

function print(name: string, seconds: number): void {
	console.log(`  ${name.padEnd(36)}${(seconds * 1000).toFixed(1).padStart(8)} ms`);
}
