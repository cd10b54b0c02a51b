import {execFileSync} from 'node:child_process';
import {makeTemporaryBaseImage} from './base-image.ts';
import {
	startFaultProxy,
	type Fault,
	type FaultProxy,
	type ProxiedRequest,
} from './fault-proxy.ts';
import type {LeftoverOptions} from './leftovers.ts';
import {makeProject, type Project} from './project.ts';
import {startRegistry} from './registry.ts';

/** A project, and a registry behind a proxy with the busybox base under `base:1`. */
export type PullProject = Project & {
	readonly proxy: FaultProxy;
	/** Full name of the base in the registry. */
	readonly base: string;
	/** Copies an image of a layout, archive or other place that skopeo knows into the registry, under `name`. */
	push(source: string, name: string, ...flags: readonly string[]): void;
	/** From now on the registry answers nobody. */
	stopRegistry(): Promise<void>;
};

/** Makes such a project; the Dockerfile begins with `FROM` that base, and goes on with `steps`. */
export async function makePullProject(steps: string, chooseFault: (request: ProxiedRequest) => Fault | undefined = () => undefined, options: LeftoverOptions = {}): Promise<PullProject> {
	await using cleanup = new AsyncDisposableStack();
	const registry = cleanup.use(await startRegistry());
	const proxies = cleanup.use(new AsyncDisposableStack());
	const proxy = proxies.use(await startFaultProxy(registry.host, chooseFault));
	const image = cleanup.use(await makeTemporaryBaseImage());
	const push: PullProject['push'] = (source, name, ...flags) => {
		execFileSync('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', ...flags, source, `docker://${registry.host}/${name}`], {stdio: 'pipe'});
	};

	push(`oci:${image.directory}:latest`, 'base:1');
	const base = `${proxy.host}/base:1`;
	const project = cleanup.use(await makeProject({Dockerfile: `FROM ${base}\n${steps}`}, options));
	const kept = cleanup.move();
	return {
		...project,
		proxy,
		base,
		push,
		stopRegistry: async () => proxies.disposeAsync(),
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}
