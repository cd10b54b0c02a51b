import {execFileSync} from 'node:child_process';
import {
	access,
	chmod,
	copyFile,
	link,
	mkdir,
	mkdtemp,
	rm,
	writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {type Digest, digestOf} from '../src/kernel/digest.ts';
import {type Descriptor, mediaTypes} from '../src/kernel/oci-types.ts';
import {hostPlatform} from '../src/kernel/platform.ts';

/** Debian's busybox-static: one program without libraries that is every command. */
const busybox = '/bin/busybox';

const created = '1970-01-01T00:00:00Z';

const files = {
	'etc/passwd': [
		'root:x:0:0:root:/root:/bin/sh',
		'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
		'nobody:x:65534:65534:nobody:/home:/bin/false',
	],
	'etc/group': [
		'root:x:0:',
		'daemon:x:1:',
		'nogroup:x:65534:',
	],
	'etc/os-release': ['ID=busybox', 'NAME="BusyBox"'],
} as const;

/** Whether the package that the base image is made from is installed. */
export async function hasBusybox(): Promise<boolean> {
	try {
		await access(busybox);
		return true;
	} catch {
		return false;
	}
}

/**
Writes an OCI image layout with one small image, tagged `latest`, for the machine's own platform.

Its single gzip layer holds busybox with a hard link per command, `etc/passwd`, `etc/group` and the usual empty directories; its config sets PATH and runs `sh`. The same busybox gives the same bytes, whenever and wherever.

@param directory Made when missing; files of an earlier layout there are replaced.
@returns The digest of the image's manifest.
@throws When busybox-static is not installed.
@see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
*/
export async function makeBaseImage(directory: string): Promise<Digest> {
	const tar = await makeLayerTar();
	await mkdir(path.join(directory, 'blobs/sha256'), {recursive: true});
	const layer = await writeBlob(directory, mediaTypes.layerGzip, gzipSync(tar));
	const config = await writeJson(directory, mediaTypes.config, imageConfig(digestOf(tar)));
	const manifest = await writeJson(directory, mediaTypes.manifest, {
		schemaVersion: 2,
		mediaType: mediaTypes.manifest,
		config,
		layers: [layer],
	});
	await writeFile(path.join(directory, 'oci-layout'), JSON.stringify({imageLayoutVersion: '1.0.0'}));
	await writeFile(path.join(directory, 'index.json'), JSON.stringify({
		schemaVersion: 2,
		mediaType: mediaTypes.index,
		manifests: [{...manifest, annotations: {'org.opencontainers.image.ref.name': 'latest'}}],
	}));
	return manifest.digest;
}

function imageConfig(diffId: string): Record<string, unknown> {
	const {os: system, architecture} = hostPlatform();
	return {
		created,
		architecture,
		os: system,
		config: {
			Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
			Cmd: ['sh'],
		},
		rootfs: {type: 'layers', diff_ids: [diffId]},
		history: [
			{created, created_by: 'BusyBox'},
			{created, created_by: 'CMD ["sh"]', empty_layer: true},
		],
	};
}

async function makeLayerTar(): Promise<Uint8Array> {
	const root = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-base-'));
	try {
		await fillRoot(root);
		return packReproducibly(root);
	} finally {
		await rm(root, {recursive: true});
	}
}

async function fillRoot(root: string): Promise<void> {
	await makeDirectories(root);
	for (const [name, lines] of Object.entries(files)) {
		await writeWithMode(path.join(root, name), lines.map(line => `${line}\n`).join(''));
	}

	await linkCommands(path.join(root, 'bin'));
}

async function makeDirectories(root: string): Promise<void> {
	const modes = {
		bin: 0o755,
		etc: 0o755,
		home: 0o755,
		root: 0o700,
		tmp: 0o1777,
		usr: 0o755,
		'usr/bin': 0o755,
		'usr/sbin': 0o755,
		var: 0o755,
	};
	for (const [name, mode] of Object.entries(modes)) {
		await mkdir(path.join(root, name));
		// Apart from mkdir, which the umask would change.
		await chmod(path.join(root, name), mode);
	}
}

async function writeWithMode(file: string, content: string): Promise<void> {
	await writeFile(file, content);
	await chmod(file, 0o644);
}

async function linkCommands(directory: string): Promise<void> {
	const program = path.join(directory, 'busybox');
	await copyFile(busybox, program);
	await chmod(program, 0o755);
	const commands = execFileSync(busybox, ['--list'], {encoding: 'utf8'}).split('\n').filter(command => command !== '' && command !== 'busybox');
	for (const command of commands) {
		await link(program, path.join(directory, command));
	}
}

// https://reproducible-builds.org/docs/archives/
function packReproducibly(root: string): Uint8Array {
	return execFileSync('tar', [
		'--create',
		'--format=ustar',
		'--sort=name',
		'--mtime=@0',
		'--owner=0',
		'--group=0',
		'--numeric-owner',
		`--directory=${root}`,
		'bin',
		'etc',
		'home',
		'root',
		'tmp',
		'usr',
		'var',
	], {maxBuffer: 64 * (1024 ** 2)});
}

async function writeJson(directory: string, mediaType: string, content: unknown): Promise<Descriptor> {
	return writeBlob(directory, mediaType, new TextEncoder().encode(JSON.stringify(content)));
}

async function writeBlob(directory: string, mediaType: string, content: Uint8Array): Promise<Descriptor> {
	const digest = digestOf(content);
	await writeFile(path.join(directory, 'blobs', digest.replace(':', '/')), content);
	return {mediaType, digest, size: content.length};
}
