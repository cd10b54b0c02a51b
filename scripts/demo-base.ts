import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {hasBusybox, makeBaseImage} from './base-image.ts';
import {installPackages} from './set-up.ts';

/** What the demo is built on. */
export type DemoBase = {
	/** For people. */
	readonly description: string;
	/** Flags of `tsbuild build` by which FROM finds it. */
	readonly buildFlags: readonly string[];
};

export type DemoBaseOptions = {
	/** Where an image may be made. */
	readonly directory: string;
	/** Gives the local store an image of a registry, or throws. */
	readonly pull: (name: string) => Promise<void>;
};

const dockerHubBase = 'docker.io/library/busybox:1';
const dockerHub = 'https://registry-1.docker.io/v2/';

// Whoever has no network should not have to wait for it.
const patience = 2000;

/**
Pulls the base image of the demo where that is possible, else makes it from busybox-static, which is installed if it is missing.

@throws when the image that $TSBUILD_DEMO_BASE names cannot be pulled
*/
export async function prepareDemoBase({directory, pull}: DemoBaseOptions): Promise<DemoBase> {
	const wanted = process.env.TSBUILD_DEMO_BASE;
	if (wanted !== undefined) {
		await pull(wanted);
		return pulledBase(wanted);
	}

	const isPulled = await isInReach(dockerHub) && await succeeds(pull(dockerHubBase));
	return isPulled ? pulledBase(dockerHubBase) : makeBase(path.join(directory, 'base'));
}

function pulledBase(name: string): DemoBase {
	return {description: `${name}, pulled`, buildFlags: ['--build-arg', `BASE=${name}`]};
}

async function makeBase(layout: string): Promise<DemoBase> {
	if (!await hasBusybox()) {
		await installPackages(['busybox-static']);
	}

	await mkdir(layout, {recursive: true});
	await makeBaseImage(layout);
	return {description: 'made from busybox-static, since Docker Hub is out of reach', buildFlags: ['--build-context', `base=oci-layout://${layout}`]};
}

async function isInReach(address: string): Promise<boolean> {
	// Any answer is one, also that it wants to know who asks.
	return succeeds(fetch(address, {method: 'HEAD', signal: AbortSignal.timeout(patience)}));
}

async function succeeds(action: Promise<unknown>): Promise<boolean> {
	try {
		await action;
		return true;
	} catch {
		return false;
	}
}
