import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, watch} from 'node:fs/promises';
import {existsSync} from 'node:fs';
import path from 'node:path';

/** A Docker engine of our own: its socket, and its end. */
export type DockerEngine = AsyncDisposable & {
	/** For `docker --host`. */
	readonly host: string;
};

// The engine of Debian's docker.io package, not another one that may come first in PATH.
const program = '/usr/sbin/dockerd';

/** The client that belongs to the engine. */
export const dockerClient = '/usr/bin/docker';

/**
Starts a Docker engine with its data, state and socket below a directory, without a network bridge and firewall rules, so that it changes nothing else on the machine.

@throws when it ends before its socket is there
*/
export async function startDockerEngine(directory: string): Promise<DockerEngine> {
	const socket = path.join(directory, 'docker.sock');
	await mkdir(directory, {recursive: true});
	const engine = spawn(program, [
		'--bridge=none',
		'--iptables=false',
		'--ip6tables=false',
		`--data-root=${path.join(directory, 'data')}`,
		`--exec-root=${path.join(directory, 'exec')}`,
		`--pidfile=${path.join(directory, 'docker.pid')}`,
		`--host=unix://${socket}`,
	], {stdio: 'ignore'});
	const ended = once(engine, 'exit');
	await Promise.race([waitForFile(socket), ended.then(() => {
		throw new Error('the Docker engine ended at its start');
	})]);
	return {
		host: `unix://${socket}`,
		async [Symbol.asyncDispose]() {
			engine.kill('SIGTERM');
			await ended;
		},
	};
}

async function waitForFile(file: string): Promise<void> {
	const watcher = watch(path.dirname(file));
	if (existsSync(file)) {
		return;
	}

	for await (const {filename} of watcher) {
		if (filename === path.basename(file)) {
			return;
		}
	}
}
